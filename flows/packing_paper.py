"""What packing prints: a parcel's label where the line has no printer, the list in an office's box, a tray's list.

No person is on any of them. The envelope bears the address, and is scanned against the order; the label bears what the
printers print: number, barcode, and where to. An office's list names its documents by the numbers printed on them.
"""

import io
from collections.abc import Sequence
from typing import Final, NamedTuple

from handoff_logs.sheets import SheetWriter
from stations.calendar import CHINA, from_us
from stations.offices import OFFICES
from stations.packing.code128 import QUIET, widths
from stations.packing.rules import barcode
from stations.packing.showing import PackedParcel
from stations.paper import HEIGHT_MM, PACKING_FONT_FILE, WIDTH_MM, Mark, Rule, Words, pdf, width_mm

LABEL_MM: Final = (100.0, 150.0)
_PT: Final = 72 / 25.4
_LEFT_MM, _RIGHT_MM = 16.0, WIDTH_MM - 16.0
_TOP_MM, _BOTTOM_MM, _ROW_MM = 46.0, HEIGHT_MM - 20.0, 5.0
_SIGN_MM: Final = 34.0
"""The height of the total and the two fields below it, which stand on one page."""
_MARK: Final = "模拟 EMULATED"
HEADINGS: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "box": {"en": ("box", "office", "no", "document"), "zh": ("箱", "受理机构", "序号", "证件号码")},
    "tray": {
        "en": ("tray", "no", "label", "to", "documents", "by_weight", "weight_g", "postage_cny"),
        "zh": ("盘", "序号", "标签", "寄往", "证件数", "按重量", "重量（克）", "邮资（元）"),
    },
}
POST: Final = {"en": "post", "zh": "邮寄"}


class _Column(NamedTuple):
    words: str
    width_mm: float
    is_count: bool = False


_BOX: Final = (_Column("序号 no.", 20, True), _Column("证件号码 number printed on the document", 90))
_TRAY: Final = (
    _Column("序号 no.", 16, True),
    _Column("标签 label", 50),
    _Column("寄往 to", 34),
    _Column("证件 docs", 20, True),
    _Column("按重量 by weight", 26, True),
    _Column("重量 g", 16, True),
    _Column("邮资 postage", 16, True),
)


def label_paper(parcel: PackedParcel, *, emulated: bool) -> bytes:
    """A parcel's label, 100 × 150 mm; the same parcel gives the same bytes."""
    code = barcode(parcel.label)
    bars = widths(code)
    module_mm = (LABEL_MM[0] - 8) / (sum(bars) + 2 * QUIET)
    x_mm = 4 + QUIET * module_mm
    page: list[Mark] = []
    for place, modules in enumerate(bars):
        wide_mm = modules * module_mm
        if place % 2 == 0:
            middle_mm = x_mm + wide_mm / 2
            page.append(Rule(middle_mm, 62, middle_mm, 98, wide_mm * _PT))
        x_mm += wide_mm
    chinese, code_word = ("邮寄", "POST") if parcel.office is None else _named(parcel.office)
    page += [
        _middle(chinese, 24, 40),
        _middle(code_word.upper(), 40, 24),
        Rule(6, 48, LABEL_MM[0] - 6, 48, 1.2),
        _middle(code, 105, 13),
        _middle(parcel.label, 114, 11),
        _middle(f"证件 documents {parcel.documents}", 124, 10),
    ]
    if parcel.postage_cny is not None:
        paid = f"邮资已付 postage paid {parcel.postage_cny}" if parcel.postage_cny else "免费邮寄 free of charge"
        page.append(_middle(paid, 132, 10))
    if emulated:
        page.append(_middle(_MARK, 144, 15))
    return pdf([page], f"标签 {parcel.label}", PACKING_FONT_FILE, LABEL_MM)


def box_paper(parcel: PackedParcel, centre: str, *, emulated: bool) -> bytes:
    """The list that lies in an office's box, with two fields to sign; the same box gives the same bytes."""
    sheet = _Sheet("装箱单 Box list", parcel.label, centre, _to(parcel), _packed([parcel]), _BOX, emulated)
    for number, serial in enumerate(parcel.serials, 1):
        sheet.row((str(number), serial))
    counted = "" if parcel.counted is None else f"，按重量 by weight {parcel.counted}"
    weight = "" if parcel.weighed_g is None else f"，重量 weight {parcel.weighed_g} g"
    sheet.total(f"合计 total {len(parcel.serials)}{counted}{weight}", "装箱人 Packer", "受理机构 Office")
    return pdf(sheet.numbered(), f"装箱单 Box list {parcel.label}", PACKING_FONT_FILE)


def tray_paper(parcels: Sequence[PackedParcel], centre: str, *, emulated: bool) -> bytes:
    """The list of a tray of parcels; the same parcels give the same bytes."""
    tray = parcels[0].tray
    sheet = _Sheet("盘清单 Tray list", tray, centre, "邮寄工位 mailing", _packed(parcels), _TRAY, emulated)
    for number, parcel in enumerate(parcels, 1):
        weight = "–" if parcel.weighed_g is None else str(parcel.weighed_g)
        counted = "–" if parcel.counted is None else str(parcel.counted)
        sheet.row(
            (str(number), parcel.label, _to(parcel), str(parcel.documents), counted, weight, _postage(parcel))
        )  # fmt: skip
    documents = sum(parcel.documents for parcel in parcels)
    sheet.total(f"合计 total {len(parcels)}，证件 documents {documents}", "装箱人 Packer", "接收人 Mailer")
    return pdf(sheet.numbered(), f"盘清单 Tray list {tray}", PACKING_FONT_FILE)


def box_table(parcel: PackedParcel, language: str) -> str:
    """The list of a box as CSV, headings in `language` (en, zh); UTF-8 with a mark, for Excel."""
    rows = [(parcel.label, _office(parcel, language), n, serial) for n, serial in enumerate(parcel.serials, 1)]
    return _table(HEADINGS["box"][language], rows)


def tray_table(parcels: Sequence[PackedParcel], language: str) -> str:
    """The list of a tray as CSV, headings in `language` (en, zh); UTF-8 with a mark, for Excel."""
    rows = [
        (
            *(parcel.tray, number, parcel.label, _office(parcel, language), parcel.documents),
            *("" if each is None else each for each in (parcel.counted, parcel.weighed_g, parcel.postage_cny)),
        )
        for number, parcel in enumerate(parcels, 1)
    ]
    return _table(HEADINGS["tray"][language], rows)


def _table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    written = io.StringIO()
    writer = SheetWriter(written, line_end="\r\n")
    writer.writerow(headings)
    writer.writerows(rows)
    return "\ufeff" + written.getvalue()


def _named(office: str) -> tuple[str, str]:
    known = OFFICES.get(office)
    return (office if known is None else known.chinese), office


def _to(parcel: PackedParcel) -> str:
    return "邮寄 post" if parcel.office is None else " ".join(_named(parcel.office))


def _office(parcel: PackedParcel, language: str) -> str:
    if parcel.office is None:
        return POST[language]
    return _named(parcel.office)[0] if language == "zh" else parcel.office


def _postage(parcel: PackedParcel) -> str:
    if parcel.postage_cny is None:
        return "–"
    return str(parcel.postage_cny) if parcel.postage_cny else "免费 0"


def _packed(parcels: Sequence[PackedParcel]) -> str:
    packers = ", ".join(sorted({parcel.packer for parcel in parcels}))
    last_us = max(parcel.packed_us for parcel in parcels)
    return f"{from_us(last_us).astimezone(CHINA):%Y-%m-%d %H:%M:%S} +08:00   {packers}"


def _middle(text: str, y_mm: float, size_pt: float) -> Words:
    wide_mm = width_mm(text, size_pt, PACKING_FONT_FILE)
    room_mm = LABEL_MM[0] - 8
    # Smaller rather than cut.
    own_pt = size_pt if wide_mm <= room_mm else size_pt * room_mm / wide_mm
    return Words((LABEL_MM[0] - min(wide_mm, room_mm)) / 2, y_mm, own_pt, text)


class _Sheet:
    """Pages that are filled from the top; what does not fit begins the next."""

    def __init__(
        self, title: str, name: str, centre: str, to: str, packed: str, columns: Sequence[_Column], emulated: bool
    ) -> None:
        self._title, self._name, self._columns = title, name, columns
        self._head: tuple[Mark, ...] = (
            Words(_LEFT_MM, 18, 15, title),
            Words(_LEFT_MM, 25, 9, f"{centre}   {name}"),
            Rule(_LEFT_MM, 28, _RIGHT_MM, 28, 0.8),
            Words(_LEFT_MM, 34, 9, f"寄往 To: {to}   装箱 Packed: {packed}"),
            *((Words(_RIGHT_MM - width_mm(_MARK, 15, PACKING_FONT_FILE), 18, 15, _MARK),) if emulated else ()),
        )
        self._pages: list[list[Mark]] = []
        self._y_mm = 0.0
        self._begin()

    def _begin(self) -> None:
        self._pages.append(list(self._head))
        self._y_mm = _TOP_MM
        self._write([column.words for column in self._columns], 7.5)
        self._rule(0.5)
        self._y_mm += _ROW_MM + 1

    def row(self, cells: Sequence[str]) -> None:
        """Write a line."""
        if self._y_mm + _ROW_MM > _BOTTOM_MM:
            self._begin()
        self._write(cells, 9)
        self._rule(0.15)
        self._y_mm += _ROW_MM

    def total(self, words: str, *signers: str) -> None:
        """Write the total, and where both sides sign for it."""
        if self._y_mm + _SIGN_MM > _BOTTOM_MM:
            self._begin()
        self._pages[-1].append(Words(_LEFT_MM, self._y_mm + 3, 10, words))
        self._y_mm += 25
        half = (_RIGHT_MM - _LEFT_MM) / 2
        for place, who in enumerate(signers):
            x_mm = _LEFT_MM + place * (half + 4)
            self._pages[-1] += [
                Rule(x_mm, self._y_mm, x_mm + half - 6, self._y_mm, 0.6),
                Words(x_mm, self._y_mm + 4, 7, f"{who}：签名、日期 signature, date"),
            ]

    def _write(self, cells: Sequence[str], size_pt: float) -> None:
        x_mm = _LEFT_MM
        for column, text in zip(self._columns, cells, strict=True):
            room_mm = column.width_mm - 1.5
            wide_mm = width_mm(text, size_pt, PACKING_FONT_FILE)
            # Smaller rather than cut: a number without its end is another number.
            own_pt = size_pt if wide_mm <= room_mm else size_pt * room_mm / wide_mm
            at_mm = x_mm + room_mm - min(wide_mm, room_mm) if column.is_count else x_mm
            self._pages[-1].append(Words(at_mm, self._y_mm, own_pt, text))
            x_mm += column.width_mm

    def _rule(self, width_pt: float) -> None:
        self._pages[-1].append(Rule(_LEFT_MM, self._y_mm + 1.5, _RIGHT_MM, self._y_mm + 1.5, width_pt))

    def numbered(self) -> list[list[Mark]]:
        """The pages, each with its number and how many there are."""
        for number, page in enumerate(self._pages, 1):
            text = f"第 {number} 页 共 {len(self._pages)} 页   page {number} of {len(self._pages)}"
            at_mm = _RIGHT_MM - width_mm(text, 7, PACKING_FONT_FILE)
            page += [Words(_LEFT_MM, HEIGHT_MM - 12, 7, self._name), Words(at_mm, HEIGHT_MM - 12, 7, text)]
        return self._pages
