"""What can be wrong with a document, and what reading it back shows of that. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from devices.roles import Reading
from stations import mrz
from stations.personalization.chip import Finding

DEFECTS: Mapping[str, tuple[str, str]] = {
    "unreadable": ("The reader found no zone and no chip", "机读区和芯片均无法读取"),
    "serial": ("The serial number is not the one booked", "证件编号与登记不符"),
    "zone": ("The printed zone differs from the order", "机读区与订单不符"),
    "zone_check": ("The printed zone contradicts itself", "机读区校验错误"),
    "chip": ("The chip is silent or incomplete", "芯片无法读取或不完整"),
    "chip_zone": ("The chip's zone differs from the order", "芯片中的机读区与订单不符"),
    "chip_portrait": ("The chip's portrait differs from the order", "芯片中的照片与订单不符"),
    "chip_signature": ("The chip's hashes or signature do not hold", "芯片数据签名验证失败"),
    "chip_lock": ("The chip is not locked", "芯片未锁定"),
    "swipe": ("The zone as swiped differs from the order", "刷读的机读区与订单不符"),
    "print": ("Smudged, shifted or faint print", "打印模糊、偏移或过浅"),
    "portrait": ("The printed portrait is damaged or someone else's", "照片受损或与本人不符"),
    "blank": ("The blank itself is damaged", "空白证件本身受损"),
    "defaced": ("Already defaced", "已作废毁损"),
}
"""Every defect code with its words in English and Chinese; the last four only a person sees."""

READERS_ALONE = frozenset(
    {"unreadable", "chip", "chip_zone", "chip_portrait", "chip_signature", "chip_lock"},
)
"""Defects that no eye can see: where a reader found one, no person passes the document."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What the order says must be on a document: its serial, its zone, and the two data groups of its chip."""

    serial: str
    zone: tuple[str, ...]
    zone_group: bytes
    portrait_group: bytes


def compare(expected: Expected, reading: Reading, chip: Sequence[Finding]) -> tuple[str, ...]:
    """Defect codes of a reading against the order; `chip` is what verification found on the chip's files."""
    if not reading.mrz and not reading.chip:
        return ("unreadable",)
    missing = any(finding.code == "missing" for finding in chip)
    found = {
        "serial": reading.surface_serial != expected.serial,
        "zone": tuple(reading.mrz) != expected.zone,
        "zone_check": bool(mrz.faults(reading.mrz)),
        "chip": missing,
        "chip_zone": not missing and reading.chip["EF.DG1"] != expected.zone_group,
        "chip_portrait": not missing and reading.chip["EF.DG2"] != expected.portrait_group,
        "chip_signature": not missing and bool(chip),
        "chip_lock": not reading.locked,
    }
    return tuple(code for code, wrong in found.items() if wrong)
