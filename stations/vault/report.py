"""What the authority is told: the numbers of pieces that are lost, stolen, voided, destroyed or turned up again."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, TypedDict

from handoff_logs.reading import Reading
from stations.calendar import CHINA
from stations.paper import HEIGHT_MM, Words, pdf

# A document goes by the serial of the blank that it was made of, which is what is printed on the piece.
_ENDINGS = """
SELECT event.seq, event.act, event.reason, event.happened_us, event.from_station AS station,
       coalesce(event.to_place, unit.place) AS place, event.person, event.second_person, event.event_id AS record,
       event.emulated, unit.unit_id, unit.position, unit.kind AS unit_kind, unit.outcome,
       CASE WHEN first.place LIKE 'shelf:%' THEN substr(first.place, 7) ELSE '' END AS kind, number.number
FROM custody_event AS event JOIN custody_unit AS unit ON unit.event_id = event.event_id
LEFT JOIN custody_unit AS born ON unit.kind = 'document' AND born.unit_id = unit.unit_id AND born.step = 1
LEFT JOIN custody_unit AS spent ON spent.event_id = born.event_id AND spent.kind = 'blank'
LEFT JOIN custody_unit AS first ON first.unit_id = coalesce(spent.unit_id, unit.unit_id) AND first.step = 1
LEFT JOIN unit_number AS number ON number.unit_id = coalesce(spent.unit_id, unit.unit_id)
WHERE event.happened_us >= :from_us AND event.happened_us < :to_us AND unit.kind IN ('blank', 'document')
  AND (event.act IN ('void', 'destroy') OR (event.act = 'settle' AND unit.outcome IN ('lost', 'made-bad'))
       OR (event.act = 'receive' AND event.reason = 'turned-up'))
ORDER BY event.seq, unit.position
"""
_WHAT: Final = {"void": "voided", "destroy": "destroyed", "receive": "found"}
_WORDS: Final = {
    "lost": "丢失",
    "stolen": "被盗",
    "voided": "作废",
    "destroyed": "销毁",
    "found": "发现",
    "book": "护照本",
    "card": "卡片",
}
_LEFT_MM, _ROWS, _ROW_MM = 15.0, 42, 5.6
_COLUMNS: Final = (0, 24, 50, 76, 112, 146)
"""Millimetres from the left edge of the text to each column."""


class Ending(TypedDict):
    """One piece. `what`: lost, stolen, voided, destroyed or found; `kind`: book, card, or empty where unknown.

    `circumstances` is a code; `serial` is empty where the number was erased with its person.
    """

    what: str
    serial: str
    kind: str
    document: bool
    station: str
    place: str
    happened_us: int
    circumstances: str
    person: str
    second_person: str
    record: str
    emulated: bool


def endings(reading: Reading, from_us: int, to_us: int) -> list[Ending]:
    """What happened within a period (microseconds UTC), in the order of the log."""
    found = []
    for row in reading.rows(_ENDINGS, from_us=from_us, to_us=to_us):
        reason = row["reason"] or ""
        what = _WHAT.get(row["act"], "voided")
        if row["outcome"] == "lost":
            what = "stolen" if reason.startswith("stolen:") else "lost"
            reason = reason.partition(":")[2] or reason
        found.append(
            Ending(
                what=what,
                serial=(row["number"] or "").partition("/")[0],
                kind=row["kind"],
                document=row["unit_kind"] == "document",
                station=row["station"],
                place=row["place"],
                happened_us=row["happened_us"],
                circumstances=reason,
                person=row["person"],
                second_person=row["second_person"] or "",
                record=row["record"],
                emulated=bool(row["emulated"]),
            )
        )
    return found


def as_pdf(rows: Sequence[Ending], centre: str, told: str, *, emulated: bool) -> bytes:
    """The report as a PDF; `told` says which time it covers."""
    count = max(1, -(-len(rows) // _ROWS))
    pages = []
    for number in range(count):
        page = [
            Words(_LEFT_MM, 20, 15, "空白证件情况报告  Report of blanks"),
            Words(_LEFT_MM, 28, 10, f"中心 Centre {centre}   {told}   {len(rows)} 件 pieces"),
            Words(_LEFT_MM, HEIGHT_MM - 12, 8, f"第 {number + 1} 页 共 {count} 页   page {number + 1} of {count}"),
        ]
        if emulated:
            page.append(Words(150, 20, 15, "模拟 EMULATED"))
        head = ("情况 what", "编号 number", "种类 type", "时间 time", "地点 place", "原因 circumstances")
        page += [Words(_LEFT_MM + x_mm, 37, 8, words) for x_mm, words in zip(_COLUMNS, head, strict=True)]
        for line, row in enumerate(rows[number * _ROWS : (number + 1) * _ROWS]):
            moment = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=row["happened_us"])).astimezone(CHINA)
            cells = (
                f"{_WORDS[row['what']]} {row['what']}",
                row["serial"] or "-",
                f"{_WORDS.get(row['kind'], '')} {row['kind']}{' *' if row['document'] else ''}",
                f"{moment:%Y-%m-%d %H:%M} +08",
                f"{row['station']}, {row['place']}"[:24],
                row["circumstances"],
            )
            y_mm = 44 + line * _ROW_MM
            page += [Words(_LEFT_MM + x_mm, y_mm, 7.5, cell) for x_mm, cell in zip(_COLUMNS, cells, strict=True)]
        pages.append(page)
    return pdf(pages, "空白证件情况报告 Report of blanks")
