"""The certificate of a destruction, made of the log alone, so that it can be printed again, byte for byte.

It names the first signed checkpoint of the log that covers the destruction: whoever holds the paper can ask for ever
whether the log still contains it (`passline logs check-line`).
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from handoff_logs.checkpoints import Checkpoint
from handoff_logs.proofs.spoken_line import SpokenLine
from handoff_logs.reading import Reading
from stations.calendar import CHINA
from stations.paper import HEIGHT_MM, Words, pdf
from stations.vault.errors import DestructionUnknownError, NotSealedYetError, NumbersErasedError

REGISTER: Final = "certificate"
SHA256: Final = "sha256"

_LOT = """
SELECT event.event_id, event.from_station, event.person, event.second_person, event.reason, event.happened_us,
       event.units_root, event.last_position, event.emulated, leaf.epoch, leaf.leaf_index
FROM custody_event AS event LEFT JOIN seal_leaf AS leaf ON leaf.event_seq = event.seq
WHERE event.event_id = :event_id AND event.act = 'destroy'
"""
# A document goes by the serial of the blank that it was made of, which is what is printed on the piece.
_PIECES = """
SELECT unit.kind, CASE WHEN first.place LIKE 'shelf:%' THEN substr(first.place, 7) ELSE '' END AS blank, number.number
FROM custody_unit AS unit
LEFT JOIN custody_unit AS born ON unit.kind = 'document' AND born.unit_id = unit.unit_id AND born.step = 1
LEFT JOIN custody_unit AS spent ON spent.event_id = born.event_id AND spent.kind = 'blank'
LEFT JOIN custody_unit AS first ON first.unit_id = coalesce(spent.unit_id, unit.unit_id) AND first.step = 1
LEFT JOIN unit_number AS number ON number.unit_id = coalesce(spent.unit_id, unit.unit_id)
WHERE unit.event_id = :event_id ORDER BY unit.position
"""
_CHECKPOINT = """
SELECT origin.origin, point.size, point.root FROM seal_checkpoint AS point
JOIN seal_origin AS origin ON origin.epoch = point.epoch
WHERE point.epoch = :epoch AND point.size > :leaf_index ORDER BY point.size LIMIT 1
"""
_KEPT = """
SELECT entry.value FROM custody_register AS entry JOIN custody_event AS event ON event.event_id = entry.event_id
WHERE entry.register = 'certificate' AND entry.subject = :event_id AND entry.field = 'sha256' ORDER BY event.seq LIMIT 1
"""
LOTS = """
SELECT event.event_id AS destruction, event.happened_us, event.from_station AS station, event.last_position AS pieces,
       event.reason AS method, event.person, event.second_person AS witness, event.emulated,
       coalesce((SELECT max(entry.value) FROM custody_register AS entry
                 WHERE entry.register = 'certificate' AND entry.subject = event.event_id), '') AS sha256
FROM custody_event AS event WHERE event.act = 'destroy' ORDER BY event.seq
"""
"""Every destruction, with the SHA-256 of its certificate where one was printed."""

_WORDS: Final = {"book": "护照本 book", "card": "卡片 card", "": "空白证件 blank"}
_LEFT_MM, _TOP_MM, _LINE_MM = 20.0, 28.0, 6.5
_COLUMNS, _ROW_MM = 5, 5.0
_FIRST_ROWS, _ROWS = 29, 46
"""Rows of serials on the first page, below the facts, and on each after it."""


@dataclass(frozen=True, slots=True)
class Destroyed:
    """A destroyed piece: its serial, book or card, and whether it had become a document."""

    serial: str
    kind: str
    document: bool


@dataclass(frozen=True, slots=True)
class Lot:
    """What a certificate says, all of it from the log."""

    event_id: str
    centre: str
    station: str
    person: str
    witness: str
    method: str
    happened_us: int
    units_root: str
    emulated: bool
    line: str
    pieces: tuple[Destroyed, ...]


def lot(reading: Reading, event_id: str, centre: str) -> Lot:
    """A destruction as the log has it. Raises `DestructionUnknownError`, `NotSealedYetError`, `NumbersErasedError`."""
    rows = reading.rows(_LOT, event_id=event_id)
    if not rows:
        raise DestructionUnknownError(event_id)
    (event,) = rows
    sealed = (
        []
        if event["epoch"] is None
        else reading.rows(_CHECKPOINT, epoch=event["epoch"], leaf_index=event["leaf_index"])
    )
    if not sealed:
        raise NotSealedYetError(event_id)
    destroyed = reading.rows(_PIECES, event_id=event_id)
    if erased := sum(row["number"] is None for row in destroyed):
        raise NumbersErasedError(event_id, erased)
    point = Checkpoint(sealed[0]["origin"], sealed[0]["size"], bytes.fromhex(sealed[0]["root"]))
    return Lot(
        event_id,
        centre,
        event["from_station"],
        event["person"],
        event["second_person"],
        event["reason"] or "",
        event["happened_us"],
        event["units_root"],
        bool(event["emulated"]),
        str(SpokenLine.of(point)),
        tuple(Destroyed(row["number"].partition("/")[0], row["blank"], row["kind"] == "document") for row in destroyed),
    )


def kept_sha256(reading: Reading, event_id: str) -> str | None:
    """The SHA-256 of the certificate that was printed first, as the log's register has it."""
    rows = reading.rows(_KEPT, event_id=event_id)
    return str(rows[0]["value"]) if rows else None


def certificate(of: Lot) -> bytes:
    """The certificate as a PDF; the same lot gives the same bytes."""
    named = [f"{piece.serial}{' *' if piece.document else ''}" for piece in of.pieces]
    sheets = [named[: _FIRST_ROWS * _COLUMNS]]
    rest = named[_FIRST_ROWS * _COLUMNS :]
    sheets += [rest[first : first + _ROWS * _COLUMNS] for first in range(0, len(rest), _ROWS * _COLUMNS)]
    pages = []
    for number, serials in enumerate(sheets, 1):
        facts = _facts(of) if number == 1 else []
        pages.append([*_head(of), *facts, *_serials(serials, first=number == 1), *_foot(of, number, len(sheets))])
    return pdf(pages, f"销毁证明 Certificate of destruction {of.event_id}")


def sha256(paper: bytes) -> str:
    """What the log keeps of a certificate."""
    return hashlib.sha256(paper).hexdigest()


def _head(of: Lot) -> list[Words]:
    title = Words(_LEFT_MM, 20, 17, "销毁证明  Certificate of destruction")
    return [title, Words(150, 20, 17, "模拟 EMULATED")] if of.emulated else [title]


def _facts(of: Lot) -> list[Words]:
    moment = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=of.happened_us)).astimezone(CHINA)
    counts = Counter((piece.kind, piece.document) for piece in of.pieces)
    kinds = ", ".join(
        f"{_WORDS.get(kind, kind)}{' *' if document else ''} {count}"
        for (kind, document), count in sorted(counts.items())
    )
    lines = (
        ("编号 Number", of.event_id),
        ("中心 Centre", of.centre),
        ("地点 Place", of.station),
        ("时间 Time", f"{moment:%Y-%m-%d %H:%M:%S} +08:00"),
        ("方式 Method", of.method),
        ("件数 Pieces", f"{len(of.pieces)}: {kinds}"),
        ("经手人 Destroyed by", of.person),
        ("见证人 Witnessed by", of.witness),
        ("记录 Record", of.units_root),
        ("日志封印 Log", of.line),
    )
    top = _TOP_MM + 4
    words = []
    for number, (name, value) in enumerate(lines):
        y_mm = top + number * _LINE_MM
        words += [Words(_LEFT_MM, y_mm, 10, name), Words(68, y_mm, 8 if len(value) > 60 else 10, value)]
    below = top + len(lines) * _LINE_MM + 6
    sign = "签名 Signature  ______________________"
    words += [Words(_LEFT_MM, below, 10, sign), Words(110, below, 10, sign)]
    words.append(Words(_LEFT_MM, below + 10, 9, "清单 Serials   (* 证件 made into a document before it was voided)"))
    return words


def _serials(serials: Sequence[str], *, first: bool) -> list[Words]:
    top = 124.0 if first else _TOP_MM + 4
    return [
        Words(_LEFT_MM + (number % _COLUMNS) * 35, top + (number // _COLUMNS) * _ROW_MM, 9, serial)
        for number, serial in enumerate(serials)
    ]


def _foot(of: Lot, number: int, pages: int) -> list[Words]:
    return [
        Words(_LEFT_MM, HEIGHT_MM - 15, 8, f"{of.event_id}   第 {number} 页 共 {pages} 页   page {number} of {pages}")
    ]
