"""A manifest for the carrier: on paper in Chinese and English with two fields to sign, and as a table for programs."""

import io
from collections.abc import Sequence
from typing import Final, NamedTuple

from handoff_logs.sheets import SheetWriter
from stations.calendar import CHINA, from_us
from stations.mailing.manifests import Manifest, ManifestLine
from stations.offices import OFFICES
from stations.paper import HEIGHT_MM, MANIFEST_FONT_FILE, WIDTH_MM, Mark, Rule, Words, pdf, width_mm

_LEFT_MM, _RIGHT_MM = 16.0, WIDTH_MM - 16.0
_TOP_MM, _BOTTOM_MM, _ROW_MM = 52.0, HEIGHT_MM - 20.0, 5.0
_SIZE_PT, _SMALL_PT = 8.5, 7.0
_SIGN_MM: Final = 34.0
"""The height of the total and the two fields below it, which stand on one page."""


class _Column(NamedTuple):
    chinese: str
    english: str
    width_mm: float
    is_count: bool = False


_COLUMNS: Final = (
    _Column("序号", "no.", 12, True),
    _Column("标签", "label", 52),
    _Column("运单号", "tracking number", 48),
    _Column("证件数", "documents", 20, True),
    _Column("重量（克）", "weight (g)", 22, True),
    _Column("承运方", "carrier", 24),
)
_TAKEN: Final = {None: "", True: "已接收 taken", False: "未见 not found"}
HEADINGS: Final = {
    "en": ("manifest", "office", "no", "label", "tracking", "documents", "weight_g", "taken"),
    "zh": ("清单", "受理机构", "序号", "标签", "运单号", "证件数", "重量（克）", "承运方接收"),
}
TOTAL: Final = {"en": "total", "zh": "合计"}
ANSWERS: Final = {"en": {None: "", True: "yes", False: "no"}, "zh": {None: "", True: "是", False: "否"}}
POST: Final = {"en": "post", "zh": "邮寄"}


def manifest_paper(found: Manifest, centre: str) -> bytes:
    """The manifest as a PDF: the same manifest gives the same bytes. Raises `NoGlyphError`."""
    sheet = _Sheet(found, centre)
    for number, line in enumerate(found.lines, 1):
        sheet.row(_cells(number, line))
    sheet.total()
    return pdf(sheet.numbered(), f"交接清单 Manifest {found.consignment_id}", MANIFEST_FONT_FILE)


def manifest_table(found: Manifest, language: str) -> str:
    """The manifest as CSV with a last row of totals, headings in `language` (en, zh); UTF-8 with a mark, for Excel."""
    office = POST[language] if found.office is None else _office(found.office, language)
    written = io.StringIO()
    writer = SheetWriter(written, line_end="\r\n")
    writer.writerow(HEADINGS[language])
    for number, line in enumerate(found.lines, 1):
        taken = ANSWERS[language][line.taken]
        cells = (line.label, line.tracking or "", line.documents, line.weight_g, taken)
        writer.writerow((found.consignment_id, office, number, *cells))
    documents, weight_g = _sums(found)
    total = "" if found.taken is None else str(found.taken)
    writer.writerow((found.consignment_id, office, TOTAL[language], len(found.lines), "", documents, weight_g, total))
    return "\ufeff" + written.getvalue()


def _office(code: str, language: str) -> str:
    known = OFFICES.get(code)
    return known.chinese if language == "zh" and known is not None else code


def _sums(found: Manifest) -> tuple[int, int]:
    return sum(line.documents for line in found.lines), sum(line.weight_g for line in found.lines)


def _cells(number: int, line: ManifestLine) -> tuple[str, ...]:
    counts = str(line.documents), str(line.weight_g)
    return (str(number), line.label, line.tracking or "–", *counts, _TAKEN[line.taken])


def _moment(time_us: int) -> str:
    return f"{from_us(time_us).astimezone(CHINA):%Y-%m-%d %H:%M:%S} +08:00"


class _Sheet:
    """Pages that are filled from the top; what does not fit begins the next."""

    def __init__(self, found: Manifest, centre: str) -> None:
        self._found, self._centre = found, centre
        self._pages: list[list[Mark]] = []
        self._y_mm = 0.0
        self._begin()

    def _begin(self) -> None:
        found = self._found
        to = "邮寄 by post" if found.office is None else f"{_office(found.office, 'zh')} {found.office}"
        counted = "" if found.accepted_us is None else f"{_moment(found.accepted_us)}   {found.driver or ''}"
        page: list[Mark] = [
            Words(_LEFT_MM, 18, 15, "交接清单  Manifest"),
            Words(_LEFT_MM, 25, 9, f"{self._centre}   {found.consignment_id}"),
            Rule(_LEFT_MM, 28, _RIGHT_MM, 28, 0.8),
            Words(_LEFT_MM, 34, 9, f"寄往 To: {to}"),
            Words(_LEFT_MM, 39, 9, f"移交 Offered: {_moment(found.offered_us)}   {found.mailer}"),
            Words(_LEFT_MM, 44, 9, f"接收 Taken: {counted or '–'}"),
        ]
        if found.emulated:
            mark = "模拟 EMULATED"
            page.append(Words(_RIGHT_MM - width_mm(mark, 15, MANIFEST_FONT_FILE), 18, 15, mark))
        self._pages.append(page)
        self._y_mm = _TOP_MM
        for words in ("chinese", "english"):
            self._write([getattr(column, words) for column in _COLUMNS], _SMALL_PT)
            self._y_mm += 3.6
        self._y_mm -= 3.6
        self._rule(0.5)
        self._y_mm += _ROW_MM

    def row(self, cells: Sequence[str]) -> None:
        """Write a parcel."""
        if self._y_mm + _ROW_MM > _BOTTOM_MM:
            self._begin()
        self._write(cells, _SIZE_PT)
        self._rule(0.15)
        self._y_mm += _ROW_MM

    def total(self) -> None:
        """Write the total, and where both sides sign for it."""
        if self._y_mm + _SIGN_MM > _BOTTOM_MM:
            self._begin()
        found = self._found
        documents, weight_g = _sums(found)
        taken = "" if found.taken is None else f"已接收 taken {found.taken}"
        self._y_mm += 1
        self._write((str(len(found.lines)), "合计 total", "", str(documents), str(weight_g), taken), _SIZE_PT)
        self._rule(0.8)
        self._y_mm += 22
        half = (_RIGHT_MM - _LEFT_MM) / 2
        for x_mm, who in ((_LEFT_MM, "移交人 Mailer"), (_LEFT_MM + half + 4, "承运方，件数 Carrier, parcels counted")):
            self._pages[-1] += [
                Rule(x_mm, self._y_mm, x_mm + half - 6, self._y_mm, 0.6),
                Words(x_mm, self._y_mm + 4, _SMALL_PT, f"{who}：签名、日期 signature, date"),
            ]

    def _write(self, cells: Sequence[str], size_pt: float) -> None:
        x_mm = _LEFT_MM
        for column, text in zip(_COLUMNS, cells, strict=True):
            room_mm = column.width_mm - 1.5
            wide_mm = width_mm(text, size_pt, MANIFEST_FONT_FILE)
            # Smaller rather than cut: a number without its end is another number.
            own_pt = size_pt if wide_mm <= room_mm else size_pt * room_mm / wide_mm
            wide_mm = min(wide_mm, room_mm)
            at_mm = x_mm + room_mm - wide_mm if column.is_count else x_mm
            self._pages[-1].append(Words(at_mm, self._y_mm, own_pt, text))
            x_mm += column.width_mm

    def _rule(self, width_pt: float) -> None:
        self._pages[-1].append(Rule(_LEFT_MM, self._y_mm + 1.5, _RIGHT_MM, self._y_mm + 1.5, width_pt))

    def numbered(self) -> list[list[Mark]]:
        """The pages, each with its number and how many there are."""
        for number, page in enumerate(self._pages, 1):
            text = f"第 {number} 页 共 {len(self._pages)} 页   page {number} of {len(self._pages)}"
            at_mm = _RIGHT_MM - width_mm(text, 7, MANIFEST_FONT_FILE)
            page += [
                Words(_LEFT_MM, HEIGHT_MM - 12, 7, self._found.consignment_id),
                Words(at_mm, HEIGHT_MM - 12, 7, text),
            ]
        return self._pages
