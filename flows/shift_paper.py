"""The shift report on paper: A4 in Chinese and English, with the log's line and two fields to sign.

Made of the report alone, without the time of printing: a closed shift's paper comes out the same again, for as long as
the database says the same.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from devices.oee import Group
from flows.durations import duration
from flows.machine_oee import FACTORS, as_row
from flows.shift_report import HERE_TERMS, ShiftReport, stoppages
from stations.calendar import CHINA, from_us
from stations.paper import HEIGHT_MM, REPORT_FONT_FILE, WIDTH_MM, Mark, Rule, Words, pdf, width_mm
from stations.shift.report import MOVED

_LEFT_MM, _RIGHT_MM = 16.0, WIDTH_MM - 16.0
_TOP_MM, _BOTTOM_MM = 34.0, HEIGHT_MM - 20.0
_ROW_MM, _SIZE_PT, _SMALL_PT = 4.6, 8.0, 6.5
_GAP_MM: Final = 1.5
"""Between a column's words and the next column."""
_SIGN_MM: Final = 48.0
"""The height of the log's line and the two fields below it, which stand on one page."""
_MOST_ROWS: Final = 400
"""Rows of one table; a report is no list of everything, and the pages and JSON have all."""

TERMS: Final = {
    "carried_over": "上班结转",
    "received": "收入",
    "made": "制成证件",
    "handed_on": "交出",
    "returned": "退回",
    "destroyed": "销毁",
    "lost": "立案丢失",
    "still_here": "现存",
    "good": "完好",
    "unmarked": "未制作",
    "voided": "已作废",
    "specimens": "其中样证",
    "in_machine": "设备内",
    "in_doubt": "存疑",
    "offered": "待接收",
    "difference": "差异",
}
STATIONS: Final = {
    "intake": "受理",
    "review": "审查",
    "vault": "保管库",
    "personalization": "制证",
    "qc": "质检",
    "packing": "装封",
    "mailing": "寄递",
    "carrier": "承运方",
}
CLASSES: Final = {"emergency": "绿色通道", "expedited": "加急", "normal": "普通"}
OUTCOMES: Final = {"return": "退回", "hold": "暂缓"}
KINDS: Final = {"blank": "空白证件", "document": "证件", "book": "护照本", "card": "卡片"}
MOMENTS: Final = {"opening": "开班", "close": "交班"}
GROUPS: Final = {"execute": "生产", "idle": "待料", "suspended": "暂停", "held": "停机", "stopped": "关停"}
ENDINGS: Final = {"balanced": "平衡", "forced": "强制"}
NO_LINE: Final = {
    "unsealed": "尚未封存 not sealed yet: passline logs seal --once, then print this report again",
    "broken": "与日志签名不符 the log's key signed something else: passline logs verify, and tell the auditors",
    "other-log": "此后另起日志 a new log was begun since; its line stands on the paper that was printed then",
}


class _Column(NamedTuple):
    """A column: its headings, its width in millimetres, whether it holds counts."""

    chinese: str
    english: str
    width_mm: float
    is_count: bool = False


def shift_paper(found: ShiftReport) -> bytes:
    """The report as a PDF. Raises `NoGlyphError`."""
    sheet = _Sheet(found)
    _facts(sheet, found)
    _work(sheet, found)
    _review(sheet, found)
    _spoils(sheet, found)
    _machines(sheet, found)
    _balance(sheet, found)
    _signed(sheet, found)
    shift = found.facts.shift
    return pdf(sheet.numbered(), f"班次报告 Shift report {shift.name} {shift.shift_id}", REPORT_FONT_FILE)


def _both(words: dict[str, str], word: str) -> str:
    """A word in both languages; one that has no Chinese stands for itself."""
    return f"{words[word]} {word}" if word in words else word


def _moment(time_us: int) -> str:
    moment: datetime = from_us(time_us).astimezone(CHINA)
    return f"{moment:%Y-%m-%d %H:%M:%S} +08:00"


class _Sheet:
    """Pages that are filled from the top; what does not fit begins the next."""

    def __init__(self, found: ShiftReport) -> None:
        self._found = found
        self._pages: list[list[Mark]] = []
        self.y_mm = 0.0
        self._begin()

    def _begin(self) -> None:
        shift = self._found.facts.shift
        page: list[Mark] = [
            Words(_LEFT_MM, 18, 15, "班次报告  Shift report"),
            Words(_LEFT_MM, 25, 9, f"{self._found.centre}   {shift.name}   {shift.shift_id}"),
            Rule(_LEFT_MM, 28, _RIGHT_MM, 28, 0.8),
        ]
        if self._found.emulated:
            page += self._right("模拟 EMULATED", _RIGHT_MM, 18, 15)
        if self._found.is_open:
            page += self._right("未交班 still open", _RIGHT_MM, 25, 9)
        self._pages.append(page)
        self.y_mm = _TOP_MM

    def room(self, needed_mm: float) -> None:
        """Begin a new page unless there is so much room on this one."""
        if self.y_mm + needed_mm > _BOTTOM_MM:
            self._begin()

    def put(self, text: str, x_mm: float, size_pt: float = _SIZE_PT) -> None:
        """Write words at the present height."""
        self._pages[-1].append(Words(x_mm, self.y_mm, size_pt, text))

    def rule(self, width_pt: float = 0.3, *, below_mm: float = 1.4) -> None:
        """Draw a line over the page's width."""
        self._pages[-1].append(Rule(_LEFT_MM, self.y_mm + below_mm, _RIGHT_MM, self.y_mm + below_mm, width_pt))

    def heading(self, text: str, *, rows: int = 1) -> None:
        """Begin a section that has the room for its heading, its columns' headings and a row."""
        self.room(8 + 7 + min(rows, 3) * _ROW_MM)
        self.y_mm += 4
        self.put(text, _LEFT_MM, 11)
        self.y_mm += 5

    def table(self, columns: Sequence[_Column], rows: Sequence[Sequence[object]]) -> None:
        """Write rows under their columns; the headings stand again on each page."""
        self._columns(columns)
        for row in rows[:_MOST_ROWS]:
            if self.y_mm + _ROW_MM > _BOTTOM_MM:
                self._begin()
                self._columns(columns)
            x_mm = _LEFT_MM
            for column, value in zip(columns, row, strict=True):
                self.cell(column, "–" if value is None else str(value), x_mm)
                x_mm += column.width_mm
            self.rule(0.15)
            self.y_mm += _ROW_MM
        if len(rows) > _MOST_ROWS:
            self.put(f"+ {len(rows) - _MOST_ROWS}: passline shift report --output json", _LEFT_MM)
            self.y_mm += _ROW_MM

    def _columns(self, columns: Sequence[_Column]) -> None:
        for words in ("chinese", "english"):
            x_mm = _LEFT_MM
            for column in columns:
                self.cell(column, getattr(column, words), x_mm, _SMALL_PT)
                x_mm += column.width_mm
            self.y_mm += 3.4
        self.y_mm -= 3.4
        self.rule(0.5)
        self.y_mm += _ROW_MM

    def cell(self, column: _Column, text: str, x_mm: float, size_pt: float = _SIZE_PT) -> None:
        """Write words into a column at the present height, smaller where they are too wide."""
        room_mm = column.width_mm - _GAP_MM
        wide_mm = width_mm(text, size_pt, REPORT_FONT_FILE)
        if wide_mm > room_mm:
            # Smaller rather than cut: every word of a report counts.
            size_pt = max(4.0, size_pt * room_mm / wide_mm)
        if column.is_count:
            self._pages[-1] += self._right(text, x_mm + room_mm, self.y_mm, size_pt)
        else:
            self.put(text, x_mm, size_pt)

    def to_sign(self, x_mm: float, to_x_mm: float, who: str) -> None:
        """A line to sign on, and who does."""
        page = self._pages[-1]
        page += [
            Rule(x_mm, self.y_mm, to_x_mm, self.y_mm, 0.6),
            Words(x_mm, self.y_mm + 4, _SIZE_PT, f"{who}：签名、工号、日期 signature, code, date"),
        ]

    def _right(self, text: str, x_mm: float, y_mm: float, size_pt: float) -> list[Mark]:
        return [Words(x_mm - width_mm(text, size_pt, REPORT_FONT_FILE), y_mm, size_pt, text)]

    def numbered(self) -> list[list[Mark]]:
        """The pages, each with its number and how many there are."""
        shift, pages = self._found.facts.shift, len(self._pages)
        for number, page in enumerate(self._pages, 1):
            page += [
                Words(_LEFT_MM, HEIGHT_MM - 12, 7, f"{shift.name} {shift.shift_id}"),
                *self._right(f"第 {number} 页 共 {pages} 页   page {number} of {pages}", _RIGHT_MM, HEIGHT_MM - 12, 7),
            ]
        return self._pages


def _facts(sheet: _Sheet, found: ShiftReport) -> None:
    facts, shift = found.facts, found.facts.shift
    lines = [("开班 Opened", f"{_moment(shift.opened_us)}   {shift.opened_by}, {shift.opened_second}")]
    if shift.opening_reason:
        lines.append(("强制开班 Forced open", shift.opening_reason))
    if shift.closed_us is None:
        lines.append(("统计至 So far, until", _moment(facts.until_us)))
    else:
        how = _both(ENDINGS, shift.closed_how)
        lines.append(("交班 Closed", f"{_moment(shift.closed_us)}   {shift.closed_by}, {shift.closed_second}   {how}"))
    if shift.closing_reason:
        lines.append(("强制交班 Forced close", shift.closing_reason))
    if facts.cases:
        lines.append(("未结案件 Open cases", ", ".join(_both(MOMENTS, case) for case in facts.cases)))
    for station, codes in facts.people.items():
        lines.append((_both(STATIONS, station), ", ".join(codes)))
    columns = (_Column("", "", 44), _Column("", "", _RIGHT_MM - _LEFT_MM - 44))
    for line in lines:
        sheet.room(_ROW_MM)
        for column, text, x_mm in zip(columns, line, (_LEFT_MM, _LEFT_MM + 44), strict=True):
            sheet.cell(column, text, x_mm)
        sheet.y_mm += _ROW_MM


def _work(sheet: _Sheet, found: ShiftReport) -> None:
    columns = (
        _Column("工位", "station", 38),
        _Column("类别", "class", 26),
        _Column("完成", "done", 15, True),
        _Column("待办", "waiting", 15, True),
        _Column("暂缓", "on hold", 15, True),
        _Column("准时交出", "node kept", 18, True),
        _Column("超时交出", "node missed", 18, True),
        _Column("最长超时", "latest", 17, True),
        _Column("在手超时", "overdue here", 16, True),
    )
    rows = [
        (_both(STATIONS, one.station), _both(CLASSES, one.service_class), one.done, one.waiting, one.on_hold, one.kept,
         one.missed, duration(one.late_s) if one.missed else "", one.overdue)
        for one in found.facts.work
    ]  # fmt: skip
    if _begun(sheet, "工作与时间节点  Work and time nodes", rows):
        sheet.table(columns, rows)


def _review(sheet: _Sheet, found: ShiftReport) -> None:
    facts = found.facts
    columns = (
        _Column("结论", "outcome", 38),
        _Column("原因", "reason", 70),
        _Column("类别", "class", 36),
        _Column("申请数", "applications", 34, True),
    )
    rows = [
        (_both(OUTCOMES, one.outcome), one.reason, _both(CLASSES, one.service_class), one.applications)
        for one in facts.verdicts
    ]
    if _begun(sheet, f"退回 {facts.returned}  Returned    暂缓 {facts.held}  Held", rows):
        sheet.table(columns, rows)


def _spoils(sheet: _Sheet, found: ShiftReport) -> None:
    columns = (
        _Column("工位", "station", 38),
        _Column("设备", "machine", 34),
        _Column("种类", "piece", 36),
        _Column("原因", "reason", 50),
        _Column("件数", "pieces", 20, True),
    )
    rows = [
        (_both(STATIONS, one.station), one.machine, _both(KINDS, one.kind), one.reason, one.pieces)
        for one in found.facts.spoils
    ]
    total = sum(one.pieces for one in found.facts.spoils)
    if _begun(sheet, f"作废 {total}  Voided by two people", rows):
        sheet.table(columns, rows)


def _machines(sheet: _Sheet, found: ShiftReport) -> None:
    columns = (
        _Column("设备", "machine", 21),
        *(_Column(GROUPS[group], group.value, 12, True) for group in Group),
        _Column("可用率", "availability", 15, True),
        _Column("性能率", "effectiveness", 15, True),
        _Column("合格率", "quality", 14, True),
        _Column("综合效率", "OEE", 14, True),
        _Column("合格", "good", 13, True),
        _Column("报废", "spoiled", 13, True),
        _Column("样证", "specimens", 13, True),
    )
    rows = [as_row(each) for each in found.machines]
    cells = [
        (row["machine"], *(duration(row[f"{group}_s"]) for group in Group),
         *("–" if row[name] is None else f"{row[name]:.0%}" for name in FACTORS),
         row["good"], row["spoiled"], row["specimens"])
        for row in rows
    ]  # fmt: skip
    if _begun(sheet, "设备综合效率与停机  OEE and stoppages of machines", cells):
        sheet.table(columns, cells)
    for row in rows:
        if row["stoppages"]:
            sheet.room(_ROW_MM)
            sheet.cell(
                _Column("", "", _RIGHT_MM - _LEFT_MM), f"{row['machine']}: {'; '.join(stoppages(row))}", _LEFT_MM
            )
            sheet.y_mm += _ROW_MM


def _balance(sheet: _Sheet, found: ShiftReport) -> None:
    facts = found.facts
    if not facts.stood:
        sheet.heading("空白证件平衡  Balance of blanks")
        sheet.put("见交班时打印的报告 on the paper that was printed at the close", _LEFT_MM)
        sheet.y_mm += _ROW_MM
        return
    terms = (*MOVED, "difference") if found.is_open else ("carried_over", *MOVED, "still_here", "difference")
    columns = (
        _Column("空白证件", "blanks", 20),
        _Column("工位", "station", 34),
        _Column("设备", "machine", 16),
        *(_Column(TERMS[term], term.replace("_", " "), 108 / len(terms), True) for term in terms),
    )
    rows = [
        (_both(KINDS, row["kind"]), _both(STATIONS, row["station"]), row["machine"], *(row[term] for term in terms))
        for row in facts.balance
    ]
    if _begun(sheet, "空白证件平衡  Balance of blanks", rows):
        sheet.table(columns, rows)
    if not found.is_open and any(row["still_here"] for row in facts.balance):
        here = [
            (
                _both(KINDS, row["kind"]),
                _both(STATIONS, row["station"]),
                row["machine"],
                *(row[term] for term in HERE_TERMS),
            )
            for row in facts.balance
            if row["still_here"]
        ]
        sheet.heading("现存，其中  Still here, of which", rows=len(here))
        counted_in = (_Column(TERMS[term], term.replace("_", " "), 108 / len(HERE_TERMS), True) for term in HERE_TERMS)
        sheet.table((*columns[:3], *counted_in), here)
    if facts.counts:
        counted = [
            (_both(MOMENTS, one.moment), _both(STATIONS, one.station), one.pieces, one.differences)
            for one in facts.counts
        ]
        _begun(sheet, "两人盲点  Counted by two people", counted)
        sheet.table(
            (
                _Column("时刻", "at", 38),
                _Column("工位", "station", 70),
                _Column("件数", "pieces", 36, True),
                _Column("差异", "differences", 34, True),
            ),
            counted,
        )


def _signed(sheet: _Sheet, found: ShiftReport) -> None:
    facts = found.facts
    sheet.room(_SIGN_MM)
    sheet.y_mm += 5
    sheet.put("日志检查点  The log's checkpoint", _LEFT_MM, 11)
    sheet.y_mm += 6.5
    sheet.put(facts.line or NO_LINE[facts.no_line or "unsealed"], _LEFT_MM, 10 if facts.line else 8)
    sheet.y_mm += 5
    sheet.put("以后核对 To ask whether the log still contains it: passline logs check-line LINE", _LEFT_MM, 7)
    sheet.y_mm += 18
    half = (_RIGHT_MM - _LEFT_MM) / 2
    for x_mm, who in ((_LEFT_MM, "班长 Shift lead"), (_LEFT_MM + half + 4, "第二人 Second person")):
        sheet.to_sign(x_mm, x_mm + half - 6, who)
    sheet.y_mm += 8


def _begun(sheet: _Sheet, title: str, rows: Sequence[object]) -> bool:
    """Write a section's heading; whether there are rows for it. None are said to be none."""
    sheet.heading(title, rows=len(rows))
    if not rows:
        sheet.put("无 none", _LEFT_MM)
        sheet.y_mm += _ROW_MM
    return bool(rows)
