"""The words, in both languages, of what the desk shows for an item and of why a rule can't tell."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple


class Words(NamedTuple):
    """The same in English and in Chinese."""

    english: str
    chinese: str


class Shown(StrEnum):
    """What the desk shows for an item; its words are `SHOWN`."""

    PORTRAIT = "portrait"
    HEAD = "head"
    EARS = "ears"
    EYES = "eyes"
    MOUTH = "mouth"
    PHOTO_FILE = "photo_file"
    PHOTO_DATE = "photo_date"
    NAME = "name"
    PINYIN = "pinyin"
    ZONE = "zone"
    SEX = "sex"
    BIRTH = "birth"
    RESIDENT_ID = "resident_id"
    BIRTHPLACE = "birthplace"
    OFFICE = "office"
    DOCUMENT = "document"
    SIGNATURE = "signature"
    SIGNATURE_BESIDE_NAME = "signature_beside_name"
    EARLIER = "earlier"
    FEE = "fee"
    CONSENT = "consent"
    SERVICE_CLASS = "service_class"
    ADDRESS = "address"
    HOLD_LIST = "hold_list"


SHOWN: Mapping[Shown, Words] = {
    Shown.PORTRAIT: Words("the portrait, large", "大幅照片"),
    Shown.HEAD: Words("the portrait with the lines between which the head lies", "带头部位置线的照片"),
    Shown.EARS: Words("both ear regions, enlarged", "双耳区域放大图"),
    Shown.EYES: Words("the eye region, enlarged", "眼部区域放大图"),
    Shown.MOUTH: Words("the mouth region, enlarged", "嘴部区域放大图"),
    Shown.PHOTO_FILE: Words("the file's format, width and height", "照片文件的格式、宽度和高度"),
    Shown.PHOTO_DATE: Words("the day it was taken beside the day of acceptance", "拍摄日期与受理日期"),
    Shown.NAME: Words("the Chinese name, beside the identity record's", "中文姓名与身份信息对照"),
    Shown.PINYIN: Words(
        "the romanised name under the Chinese one, with the readings of each character", "拼音与各字读音"
    ),
    Shown.ZONE: Words("the name as the machine-readable zone prints it", "机读区姓名"),
    Shown.SEX: Words("the sex beside what the resident ID number says", "性别与身份证号所示性别"),
    Shown.BIRTH: Words("the date of birth beside what the resident ID number says", "出生日期与身份证号所示日期"),
    Shown.RESIDENT_ID: Words("the resident ID number in its parts", "身份证号码分段"),
    Shown.BIRTHPLACE: Words(
        "the place of birth in both scripts, beside the identity record's", "出生地点与身份信息对照"
    ),
    Shown.OFFICE: Words("the accepting office and the place of issue", "受理单位与签发地点"),
    Shown.DOCUMENT: Words("the document, the applicant's age and the last day of validity", "证件种类、年龄和有效期至"),
    Shown.SIGNATURE: Words("the signature in its box", "签名框内的签名"),
    Shown.SIGNATURE_BESIDE_NAME: Words("the signature beside the printed name", "签名与打印姓名对照"),
    Shown.EARLIER: Words("this person's other applications and documents of the type", "本人同类申请和证件"),
    Shown.FEE: Words("the amount, what it must be, and whether it is settled", "应缴与实缴金额"),
    Shown.CONSENT: Words("the consent: guardian, relation, days", "同意书：监护人、关系、日期"),
    Shown.SERVICE_CLASS: Words(
        "the service class, and who approved an emergency and why", "办理类别及加急批准人、理由"
    ),
    Shown.ADDRESS: Words("recipient, address and postcode", "收件人、地址和邮编"),
    Shown.HOLD_LIST: Words("whether the person is on the hold list", "是否在暂缓办理名单"),
}


DOUBTS: Mapping[str, Words] = {
    "not_measured": Words("Not measured at intake", "受理时未测量"),
    "several_readings": Words("A character has several readings; which, a person decides", "有多音字，由人判断"),
    "other_reading": Words("Another reading than the usual one", "不是通常读音"),
    "own_spelling": Words("A name that is not spelled by pinyin", "姓名不按汉语拼音拼写"),
    "unknown_character": Words("A character whose reading is not known here", "有未知读音的字"),
    "cut": Words("Longer than the zone: it is cut", "超出机读区长度，被截短"),
    "region": Words("The region's code is not known here", "行政区划代码未知"),
    "unreadable_number": Words("The resident ID number can't be read", "身份证号码无法解读"),
    "no_signature": Words("There is no signature to look at", "没有签名可看"),
    "renewal": Words("An earlier document runs out soon", "原证件即将到期"),
    "waived": Words("The fee was waived", "费用已免"),
    "unusual_amount": Words("More paid than the document costs", "缴费金额偏多"),
    "expedited": Words("Expedited: the reason is on paper", "加急：理由见纸质材料"),
    "short_address": Words("A short address", "地址较短"),
    "no_hold_list": Words("No hold list is kept here", "未设暂缓办理名单"),
    "hold_list_differs": Words("The hold list's file is not the one on record", "名单文件与记录不符"),
}
"""Why a rule can't tell, by the code in its finding."""

NOT_LOOKED: Final = frozenset({"not_measured", "no_hold_list"})
"""The doubts that say nothing of an application: no rule looked, here or when it was filed."""
