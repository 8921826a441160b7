"""The review items: what is looked at on every application, as data. A rule may suggest; only a person passes."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from stations.review.words import Shown


class Group(StrEnum):
    """The part of an application that an item belongs to."""

    PHOTO = "photo"
    PERSON = "person"
    SIGNATURE = "signature"
    APPLICATION = "application"


class Reason(NamedTuple):
    """Why an application is returned or held: the code a verdict is written with, and its words."""

    code: str
    english: str
    chinese: str


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """One item: its question in English and Chinese, what is shown for it, and its reason codes.

    `reasons` begin with the one of `code`, which says no more than that the item failed. `automatic` says that
    `stations.review.rules` has a check of this code. `asks` says that its doubt is settled by a question to the
    applicant (a hold) and not by taking picture or signature again (a return).
    """

    id: str
    group: Group
    question: str
    question_zh: str
    code: str
    automatic: bool = False
    asks: bool = False
    shows: Shown = Shown.PORTRAIT
    reasons: tuple[Reason, ...] = ()


def _item(
    group: Group,
    name: str,
    question: str,
    question_zh: str,
    shows: Shown,
    *reasons: tuple[str, str, str],
    automatic: bool = False,
) -> ReviewItem:
    """An item with its reasons as (end of the code, English, Chinese); the first has no end."""
    code = f"{group}_{name}"
    named = tuple(Reason(f"{code}_{end}" if end else code, english, chinese) for end, english, chinese in reasons)
    asks = group in (Group.PERSON, Group.APPLICATION)
    return ReviewItem(name, group, question, question_zh, code, automatic, asks, shows, named)


_PHOTO = (
    _item(
        Group.PHOTO,
        "faces",
        "Exactly one face?",
        "是否只有一张人脸？",
        Shown.PORTRAIT,
        ("", "Not exactly one face", "不是一张人脸"),
        ("none", "No face", "没有人脸"),
        ("several", "More than one face", "多于一张人脸"),
        automatic=True,
    ),
    _item(
        Group.PHOTO,
        "head",
        "Head of the right size and in its place?",
        "头部大小和位置是否合格？",
        Shown.HEAD,
        ("", "Size or position of the head", "头部大小或位置不合格"),
        ("small", "Head too small", "头部过小"),
        ("large", "Head too large", "头部过大"),
        ("place", "Head not in the middle", "头部不居中"),
        ("tilted", "Head tilted", "头部倾斜"),
        ("turned", "Head turned to a side", "头部侧转"),
        automatic=True,
    ),
    _item(
        Group.PHOTO,
        "ears",
        "Both ears visible?",
        "双耳是否完全露出？",
        Shown.EARS,
        ("", "An ear is not visible", "耳部未露出"),
        ("hair", "Hair over an ear", "头发遮耳"),
        ("worn", "Something worn over an ear", "饰物遮耳"),
    ),
    _item(
        Group.PHOTO,
        "eyes",
        "Eyes open and visible?",
        "双眼是否睁开、可见？",
        Shown.EYES,
        ("", "Eyes not open or not visible", "双眼未睁开或不可见"),
        ("closed", "Eyes closed", "闭眼"),
        ("hair", "Hair over an eye", "头发遮眼"),
        ("frame", "Frame of glasses over an eye", "镜框遮眼"),
        ("gaze", "Eyes not on the camera", "未直视镜头"),
    ),
    _item(
        Group.PHOTO,
        "glasses",
        "No glare, no dark glasses?",
        "是否无反光、未戴深色眼镜？",
        Shown.EYES,
        ("", "Glare or dark glasses", "眼镜反光或为深色"),
        ("glare", "Glare on glasses", "镜片反光"),
        ("dark", "Dark glasses", "深色眼镜"),
    ),
    _item(
        Group.PHOTO,
        "background",
        "Plain light background?",
        "背景是否为单一浅色？",
        Shown.PORTRAIT,
        ("", "Background not plain and light", "背景不是单一浅色"),
        ("dark", "Background too dark", "背景过暗"),
        ("not_plain", "Background not plain", "背景不单一"),
        ("shadow", "Shadow behind the head", "头后有阴影"),
        automatic=True,
    ),
    _item(
        Group.PHOTO,
        "exposure",
        "Evenly exposed?",
        "曝光是否均匀？",
        Shown.PORTRAIT,
        ("", "Exposure", "曝光不合格"),
        ("dark", "Too dark", "曝光不足"),
        ("bright", "Too bright", "曝光过度"),
        ("uneven", "One side darker than the other", "明暗不均"),
        automatic=True,
    ),
    _item(
        Group.PHOTO,
        "sharpness",
        "Sharp?",
        "照片是否清晰？",
        Shown.PORTRAIT,
        ("", "Not sharp", "不清晰"),
        automatic=True,
    ),
    _item(
        Group.PHOTO,
        "expression",
        "Neutral expression, mouth closed?",
        "表情是否自然、双唇闭合？",
        Shown.MOUTH,
        ("", "Expression not neutral", "表情不自然"),
        ("mouth", "Mouth open", "嘴未闭合"),
    ),
    _item(
        Group.PHOTO,
        "covering",
        "No head covering, no hair over the face?",
        "头面部是否无遮挡？",
        Shown.PORTRAIT,
        ("", "Head or face covered", "头面部有遮挡"),
        ("worn", "Head covering", "戴帽或头饰"),
        ("hair", "Hair over the face", "头发遮脸"),
    ),
    _item(
        Group.PHOTO,
        "format",
        "Size and format as prescribed?",
        "尺寸和格式是否符合规定？",
        Shown.PHOTO_FILE,
        ("", "Size or format", "尺寸或格式不符"),
        ("file", "Not a JPEG of 24 bits", "不是24位JPEG"),
        ("size", "Width or height outside the limits", "宽度或高度超限"),
        ("shape", "Width and height don't fit each other", "宽高比例不符"),
        automatic=True,
    ),
    _item(
        Group.PHOTO,
        "age",
        "Not older than six months?",
        "是否为近六个月内拍摄？",
        Shown.PHOTO_DATE,
        ("", "Taken too long ago", "拍摄时间过久"),
        ("future", "Taken after the acceptance", "拍摄日期晚于受理日期"),
        automatic=True,
    ),
)
_PERSON = (
    _item(
        Group.PERSON,
        "name",
        "Chinese name as in the identity record?",
        "中文姓名是否与身份信息一致？",
        Shown.NAME,
        ("", "Chinese name differs from the identity record", "中文姓名与身份信息不一致"),
        ("variant", "A variant or look-alike character", "异体字或形近字"),
    ),
    _item(
        Group.PERSON,
        "pinyin",
        "Romanised name matches the pinyin?",
        "拼音姓名是否与汉字读音一致？",
        Shown.PINYIN,
        ("", "Romanised name is no reading of the Chinese one", "拼音与汉字读音不一致"),
        ("umlaut", "ü not written YU", "ü未写作YU"),
        ("swapped", "Surname and given names changed about", "姓与名颠倒"),
        automatic=True,
    ),
    _item(
        Group.PERSON,
        "zone",
        "Name printed whole in the machine-readable zone?",
        "机读区姓名是否完整？",
        Shown.ZONE,
        ("", "The zone's name is not the romanised name", "机读区姓名与拼音姓名不一致"),
        ("spacing", "Spaces or apostrophes out of place", "空格或撇号位置有误"),
        automatic=True,
    ),
    _item(
        Group.PERSON,
        "sex",
        "Sex as in the resident ID number?",
        "性别是否与身份证号一致？",
        Shown.SEX,
        ("", "Sex differs from the resident ID number", "性别与身份证号不一致"),
        automatic=True,
    ),
    _item(
        Group.PERSON,
        "birth",
        "Date of birth as in the resident ID number?",
        "出生日期是否与身份证号一致？",
        Shown.BIRTH,
        ("", "Date of birth differs from the resident ID number", "出生日期与身份证号不一致"),
        automatic=True,
    ),
    _item(
        Group.PERSON,
        "resident_id",
        "Resident ID number valid?",
        "身份证号码是否有效？",
        Shown.RESIDENT_ID,
        ("", "Resident ID number not valid", "身份证号码无效"),
        automatic=True,
    ),
    _item(
        Group.PERSON,
        "birthplace",
        "Place of birth right?",
        "出生地点是否正确？",
        Shown.BIRTHPLACE,
        ("", "Place of birth differs from the identity record", "出生地点与身份信息不一致"),
        ("latin", "Place of birth spelled wrong", "出生地点拼写有误"),
    ),
    _item(
        Group.PERSON,
        "issuing_place",
        "Place of issue right?",
        "签发地点是否正确？",
        Shown.OFFICE,
        ("", "Place of issue wrong", "签发地点有误"),
        automatic=True,
    ),
    _item(
        Group.PERSON,
        "validity",
        "Document type and validity right?",
        "证件种类和有效期是否正确？",
        Shown.DOCUMENT,
        ("", "Document type or validity wrong", "证件种类或有效期有误"),
        ("age", "An age that no applicant has", "年龄不合理"),
        automatic=True,
    ),
)
_SIGNATURE = (
    _item(
        Group.SIGNATURE,
        "present",
        "Present?",
        "是否有签名？",
        Shown.SIGNATURE,
        ("", "No signature", "没有签名"),
        ("empty", "The picture shows no ink", "签名图片为空白"),
        automatic=True,
    ),
    _item(
        Group.SIGNATURE,
        "box",
        "Inside its box?",
        "是否在签名框内？",
        Shown.SIGNATURE,
        ("", "Signature leaves its box", "签名超出签名框"),
        automatic=True,
    ),
    _item(
        Group.SIGNATURE,
        "ink",
        "Dark and continuous?",
        "墨迹是否清晰、连续？",
        Shown.SIGNATURE,
        ("", "Ink not dark or not continuous", "墨迹不清晰或不连续"),
        ("faint", "Ink too faint", "墨迹过淡"),
        ("blotted", "Blotted", "墨迹污染"),
        ("broken", "Strokes broken", "笔画断续"),
        automatic=True,
    ),
    _item(
        Group.SIGNATURE,
        "upright",
        "Upright?",
        "是否端正、未倒置？",
        Shown.SIGNATURE,
        ("", "Signature not upright", "签名不端正"),
        ("turned", "Signature upside down", "签名倒置"),
    ),
    _item(
        Group.SIGNATURE,
        "characters",
        "Character by character the printed name?",
        "是否与打印姓名逐字一致？",
        Shown.SIGNATURE_BESIDE_NAME,
        ("", "Signature differs from the printed name", "签名与打印姓名不一致"),
        ("look_alike", "A look-alike character", "写成形近字"),
        ("homophone", "A character that sounds alike", "写成同音字"),
        ("missing", "A character too few or too many", "漏字或多字"),
        ("illegible", "A character can't be read", "字迹无法辨认"),
    ),
)
_APPLICATION = (
    _item(
        Group.APPLICATION,
        "duplicate",
        "No other live application or document of this type?",
        "是否无同类有效证件或在办申请？",
        Shown.EARLIER,
        ("", "Another live application or document of this type", "有同类有效证件或在办申请"),
        ("application", "Another live application of this type", "有同类在办申请"),
        ("document", "An earlier document of this type is valid", "有同类有效证件"),
        automatic=True,
    ),
    _item(
        Group.APPLICATION,
        "fee",
        "Fee settled?",
        "费用是否已缴？",
        Shown.FEE,
        ("", "Fee not settled", "费用未缴"),
        ("amount", "Less paid than the document costs", "缴费金额不足"),
        automatic=True,
    ),
    _item(
        Group.APPLICATION,
        "consent",
        "Consent papers of a minor?",
        "未成年人监护人同意书是否齐全？",
        Shown.CONSENT,
        ("", "No consent papers of a guardian", "无监护人同意书"),
        ("not_in_force", "Consent not in force on the day of acceptance", "同意书在受理日无效"),
        ("guardian", "The guardian can't be who the paper says", "监护人信息不合理"),
        automatic=True,
    ),
    _item(
        Group.APPLICATION,
        "class",
        "Service class justified?",
        "加急理由和批准是否齐全？",
        Shown.SERVICE_CLASS,
        ("", "Service class not justified", "加急理由不成立"),
        ("approver", "An emergency that names no approver and reason", "紧急申请无批准人或理由"),
        automatic=True,
    ),
    _item(
        Group.APPLICATION,
        "address",
        "Delivery address complete?",
        "邮寄地址是否完整？",
        Shown.ADDRESS,
        ("", "Delivery address not complete", "邮寄地址不完整"),
        ("missing", "To be posted, without an address", "邮寄但无地址"),
        automatic=True,
    ),
    _item(
        Group.APPLICATION,
        "hold_list",
        "Not on the hold list?",
        "是否不在暂缓办理名单？",
        Shown.HOLD_LIST,
        ("", "On the hold list", "在暂缓办理名单"),
        automatic=True,
    ),
)

ITEMS: Mapping[str, ReviewItem] = {item.code: item for item in (*_PHOTO, *_PERSON, *_SIGNATURE, *_APPLICATION)}
"""Every review item by its code, in the order in which a desk shows them."""

REASONS: Mapping[str, Reason] = {reason.code: reason for item in ITEMS.values() for reason in item.reasons}
"""Every reason that an application is returned or held for, by its code; the codes of `ITEMS` are among them."""

ITEM_OF: Mapping[str, ReviewItem] = {reason.code: item for item in ITEMS.values() for reason in item.reasons}
"""The item that a reason code belongs to."""
