"""The inspection items: what is looked at on every document, as data. A reader may suspect; only a person passes."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Group(StrEnum):
    """The part of a document that an item belongs to."""

    ZONE = "zone"
    CHIP = "chip"
    PAGE = "page"
    BLANK = "blank"


class Shown(NamedTuple):
    """What the desk shows for an item, in English and in Chinese."""

    english: str
    chinese: str


@dataclass(frozen=True, slots=True)
class InspectionItem:
    """One item: its question in English and Chinese, what is shown for it, and the defect codes that fail it.

    `automatic`: a reader looks at it, and names the first of its codes that it finds; else it is a person's alone.
    """

    id: str
    group: Group
    question: str
    question_zh: str
    shows: Shown
    codes: tuple[str, ...]
    automatic: bool = True


_EVERY = (
    InspectionItem(
        "serial",
        Group.ZONE,
        "The serial that was booked?",
        "证件编号是否与登记一致？",
        Shown("the serial as read beside the one that was booked", "读取编号与登记编号对照"),
        ("serial",),
    ),
    InspectionItem(
        "zone",
        Group.ZONE,
        "Printed zone as the order says?",
        "机读区是否与订单一致？",
        Shown("both zones line under line, each character that differs marked", "机读区逐行对照，标出不同字符"),
        ("zone",),
    ),
    InspectionItem(
        "zone_check",
        Group.ZONE,
        "Check digits of the zone right?",
        "机读区校验位是否正确？",
        Shown("the fields whose check digits fail", "校验失败的字段"),
        ("zone_check",),
    ),
    InspectionItem(
        "swipe",
        Group.ZONE,
        "Swiped zone as the order says?",
        "刷读的机读区是否与订单一致？",
        Shown("whether the piece was swiped, and what came of it", "是否刷读及结果"),
        ("swipe",),
    ),
    InspectionItem(
        "chip",
        Group.CHIP,
        "Chip readable and complete?",
        "芯片是否可读、完整？",
        Shown("the files that the chip gave", "芯片返回的文件"),
        ("unreadable", "chip"),
    ),
    InspectionItem(
        "chip_zone",
        Group.CHIP,
        "Zone in the chip as the order says?",
        "芯片中的机读区是否与订单一致？",
        Shown("the zone in the chip under the order's", "芯片机读区与订单对照"),
        ("chip_zone",),
    ),
    InspectionItem(
        "chip_portrait",
        Group.CHIP,
        "Portrait in the chip the order's?",
        "芯片中的照片是否与订单一致？",
        Shown("the hash of the portrait beside the order's", "照片摘要与订单对照"),
        ("chip_portrait",),
    ),
    InspectionItem(
        "chip_signature",
        Group.CHIP,
        "Signature and data hashes hold?",
        "签名和数据摘要是否有效？",
        Shown("the signature, and each data group's hash beside the signed one", "签名及各数据组摘要对照"),
        ("chip_signature",),
    ),
    InspectionItem(
        "chip_lock",
        Group.CHIP,
        "Chip locked?",
        "芯片是否已锁定？",
        Shown("whether the chip is locked", "芯片锁定状态"),
        ("chip_lock",),
    ),
    InspectionItem(
        "portrait",
        Group.PAGE,
        "Printed portrait whole, and the applicant's?",
        "打印照片是否完好且为本人？",
        Shown("the order's portrait, large, to hold the piece beside", "订单照片放大，与实物对照"),
        ("portrait",),
        automatic=False,
    ),
    InspectionItem(
        "print",
        Group.PAGE,
        "Print sharp, straight and complete?",
        "打印是否清晰、端正、完整？",
        Shown("the texts that the page must bear", "资料页应有文字"),
        ("print",),
        automatic=False,
    ),
    InspectionItem(
        "blank",
        Group.BLANK,
        "Cover, pages and laminate undamaged?",
        "封皮、内页和覆膜是否完好？",
        Shown("the piece in hand", "手中实物"),
        ("blank",),
        automatic=False,
    ),
    InspectionItem(
        "defaced",
        Group.BLANK,
        "Not defaced?",
        "是否未被毁损？",
        Shown("the piece in hand", "手中实物"),
        ("defaced",),
        automatic=False,
    ),
)

ITEMS: Mapping[str, InspectionItem] = {item.id: item for item in _EVERY}
"""Every inspection item by its id, in the order in which a desk shows them."""

ITEM_OF: Mapping[str, InspectionItem] = {code: item for item in _EVERY for code in item.codes}
"""The item that a defect code fails."""


def first_doubts_first(codes: tuple[str, ...]) -> tuple[InspectionItem, ...]:
    """Every item, those that a reader's defect codes fail before all others.

    >>> first_doubts_first(("chip_lock",))[0].id
    'chip_lock'
    """
    return tuple(sorted(_EVERY, key=lambda item: codes_of(item, codes) == ()))


def codes_of(item: InspectionItem, codes: tuple[str, ...]) -> tuple[str, ...]:
    """Those of defect codes that fail an item."""
    return tuple(code for code in item.codes if code in codes)
