"""The review items: what is looked at on every application, as data. A rule may suggest; only a person passes."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Group(StrEnum):
    """The part of an application that an item belongs to."""

    PHOTO = "photo"
    PERSON = "person"
    SIGNATURE = "signature"
    APPLICATION = "application"


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """One item: its question in English and Chinese, and the reason code that a return or hold for it is written with.

    `automatic` says that `stations.review.rules` has a check of this id. `asks` says that its doubt is settled by a
    question to the applicant (a hold) and not by taking picture or signature again (a return).
    """

    id: str
    group: Group
    question: str
    question_zh: str
    code: str
    automatic: bool = False
    asks: bool = False


def _photo(item: str, question: str, question_zh: str, *, automatic: bool = False) -> ReviewItem:
    return ReviewItem(item, Group.PHOTO, question, question_zh, f"photo_{item}", automatic)


def _person(item: str, question: str, question_zh: str, *, automatic: bool = False) -> ReviewItem:
    return ReviewItem(item, Group.PERSON, question, question_zh, f"person_{item}", automatic, asks=True)


def _signature(item: str, question: str, question_zh: str, *, automatic: bool = False) -> ReviewItem:
    return ReviewItem(item, Group.SIGNATURE, question, question_zh, f"signature_{item}", automatic)


def _application(item: str, question: str, question_zh: str, *, automatic: bool = False) -> ReviewItem:
    return ReviewItem(item, Group.APPLICATION, question, question_zh, f"application_{item}", automatic, asks=True)


_ALL = (
    _photo("faces", "Exactly one face?", "是否只有一张人脸？"),
    _photo("head", "Head of the right size and in its place?", "头部大小和位置是否合格？"),
    _photo("ears", "Both ears visible?", "双耳是否完全露出？"),
    _photo("eyes", "Eyes open and visible?", "双眼是否睁开、可见？"),
    _photo("glasses", "No glare, no dark glasses?", "是否无反光、未戴深色眼镜？"),
    _photo("background", "Plain light background?", "背景是否为单一浅色？", automatic=True),
    _photo("exposure", "Evenly exposed?", "曝光是否均匀？", automatic=True),
    _photo("sharpness", "Sharp?", "照片是否清晰？", automatic=True),
    _photo("expression", "Neutral expression, mouth closed?", "表情是否自然、双唇闭合？"),
    _photo("covering", "No head covering, no hair over the face?", "头面部是否无遮挡？"),
    _photo("format", "Size and format as prescribed?", "尺寸和格式是否符合规定？", automatic=True),
    _photo("age", "Not older than six months?", "是否为近六个月内拍摄？", automatic=True),
    _person("name", "Chinese name as in the identity record?", "中文姓名是否与身份信息一致？"),
    _person("pinyin", "Romanised name matches the pinyin?", "拼音姓名是否与汉字读音一致？", automatic=True),
    _person("sex", "Sex as in the resident ID number?", "性别是否与身份证号一致？", automatic=True),
    _person("birth", "Date of birth as in the resident ID number?", "出生日期是否与身份证号一致？", automatic=True),
    _person("resident_id", "Resident ID number valid?", "身份证号码是否有效？", automatic=True),
    _person("birthplace", "Place of birth right?", "出生地点是否正确？"),
    _person("issuing_place", "Place of issue right?", "签发地点是否正确？", automatic=True),
    _person("validity", "Document type and validity right?", "证件种类和有效期是否正确？", automatic=True),
    _signature("present", "Present?", "是否有签名？", automatic=True),
    _signature("box", "Inside its box?", "是否在签名框内？", automatic=True),
    _signature("ink", "Dark and continuous?", "墨迹是否清晰、连续？", automatic=True),
    _signature("upright", "Upright?", "是否端正、未倒置？"),
    _signature("characters", "Character by character the printed name?", "是否与打印姓名逐字一致？"),
    _application("duplicate", "No other live document of this type?", "是否无同类有效证件或在办申请？", automatic=True),
    _application("fee", "Fee settled?", "费用是否已缴？", automatic=True),
    _application("consent", "Consent papers of a minor?", "未成年人监护人同意书是否齐全？", automatic=True),
    _application("class", "Service class justified?", "加急理由和批准是否齐全？", automatic=True),
    _application("address", "Delivery address complete?", "邮寄地址是否完整？", automatic=True),
    _application("hold_list", "Not on the hold list?", "是否不在暂缓办理名单？"),
)

ITEMS: Mapping[str, ReviewItem] = {item.code: item for item in _ALL}
"""Every review item by its reason code, in the order in which a desk shows them."""
