"""Three codes at the packing desk: stored with what came of them, once, whoever else scans the same piece.

The desk makes an id before it sends the codes, so that what is sent again, after a lost answer or from a browser that
was closed meanwhile, is the same match. The order of the scans says nothing; each code's form says what it is of.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from handoff_logs.dialects import clock_us
from handoff_logs.records import new_id
from handoff_logs.statements import Statement
from stations.by import By
from stations.intake.filed import by_ids
from stations.intake.tables import ApplicationState
from stations.packing.desk import Scans, Slip
from stations.packing.errors import (
    MatchIdError,
    MatchTakenError,
    PackedElsewhereError,
    ScanIncompleteError,
    StillTakenOutError,
    TooLateToUndoMatchError,
)
from stations.packing.postage import postage_cny
from stations.packing.rules import GROUPING_OF, Grouping, Part, envelope_code, odd_part, part_of
from stations.packing.tables import MatchOutcome
from stations.personalization.tables import USED
from stations.trays import GREEN, INPUT
from stations.workplace import Workplace

T = TypeVar("T")

BOX: Final = "box"
"""Where in packing the pieces in an office's open box are; the box's id is their tray."""
LONGEST_CODE: Final = 96
UNDONE_WITHIN_S: Final = 12 * 3600
"""How far back a packer's last match is looked for: a shift."""
_ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)

# On PostgreSQL desks and the run wait for each other, each for a few milliseconds.
_ONE_AT_A_TIME: Final = Statement("SELECT pg_advisory_xact_lock(hashtextextended('passline packing', 0))")
_STORED = Statement(
    "SELECT outcome, part, reason, scanned_document, scanned_order, scanned_envelope, scanned_again, box_id,"
    " postage_cny, packer, document_unit FROM packing_match WHERE match_id = :match_id"
)
_PIECE = Statement(
    f"""
    SELECT w.unit_id, w.tray, w.station, w.state, w.place, a.application_id, a.state, a.delivery, a.office,
        a.order_unit, a.priority
    FROM job AS j JOIN whereabouts AS w ON w.unit_id = j.document_unit
    JOIN application AS a ON a.application_id = j.application_id
    WHERE j.blank_serial = :serial AND ({" OR ".join(f"j.{each}" for each in USED.split(" OR "))})
    """  # noqa: S608 (our own words)
)
_OF_ORDER = Statement("SELECT application_id, delivery, office FROM application WHERE order_unit = :order_unit")
_BEFORE = Statement(
    "SELECT outcome, packer FROM packing_match WHERE document_unit = :unit AND tray = :tray"
    " ORDER BY stored_us DESC LIMIT 1"
)
# The match that laid a piece into the box where it lies, and that nobody has taken it out after.
_ENTRY = Statement(
    """
    SELECT m.match_id FROM packing_match AS m WHERE m.document_unit = :unit AND m.box_id = :tray
        AND NOT EXISTS (SELECT 1 FROM packing_match AS out WHERE out.document_unit = m.document_unit
            AND out.tray = m.box_id AND out.outcome = 'stopped' AND out.stored_us > m.stored_us)
    ORDER BY m.stored_us DESC LIMIT 1
    """
)
_OPEN_BOX = Statement("SELECT box_id FROM packing_box WHERE office = :office AND closed_us IS NULL")
_BEGIN_BOX = Statement(
    "INSERT INTO packing_box (box_id, office, opened_us, opened_by, opened_sign_in, emulated)"
    " VALUES (:box_id, :office, :now_us, :packer, :sign_in, :emulated)"
)
# A piece is in its box from its match on, also before the run has booked it there, and until it is taken out.
IN_IT: Final = (
    "NOT EXISTS (SELECT 1 FROM packing_match AS out WHERE out.outcome IN ('stopped', 'undone')"
    " AND out.document_unit = piece.document_unit AND out.stored_us > piece.stored_us)"
)
_BOXED = Statement(
    f"""
    SELECT box.office, count(*) FROM packing_box AS box JOIN packing_match AS piece ON piece.box_id = box.box_id
    WHERE box.box_id = :box_id AND {IN_IT} GROUP BY box.office
    """  # noqa: S608 (our own words)
)
_STORE = Statement(
    "INSERT INTO packing_match (match_id, document_unit, tray, outcome, part, reason, scanned_document, scanned_order,"
    " scanned_envelope, scanned_again, box_id, postage_cny, packer, sign_in, stored_us, emulated, takes_out) VALUES"
    " (:match_id, :document_unit, :tray, :outcome, :part, :reason, :document, :order, :envelope, :again, :box_id,"
    " :postage_cny, :packer, :sign_in, :now_us, :emulated, :takes_out)"
)


_UNDOABLE = Statement(
    f"""
    SELECT piece.match_id, piece.scanned_document, w.unit_id, piece.tray FROM packing_match AS piece
    JOIN whereabouts AS w ON w.unit_id = piece.document_unit
    LEFT JOIN packing_box AS box ON box.box_id = piece.box_id
    WHERE piece.stored_us > :since_us AND piece.packer = :packer AND piece.outcome = 'matched' AND {IN_IT}
        AND w.station = :station AND w.state = 'held' AND box.closed_us IS NULL
        AND ((w.place = 'input' AND w.tray = piece.tray) OR (w.place = 'box' AND w.tray = piece.box_id))
    ORDER BY piece.stored_us DESC, piece.match_id LIMIT 1
    """  # noqa: S608 (our own words)
)
_UNDONE = Statement("SELECT packer, outcome, scanned_document FROM packing_match WHERE match_id = :match_id")


class Why(StrEnum):
    """Why a part does not belong."""

    UNKNOWN = "unknown"
    """Nobody on the line knows such a code."""
    ELSEWHERE = "elsewhere"
    """The document is the line's and not here, by the log; whoever has it in hand tells the lead."""
    AGAIN = "again"
    """The document was decided before."""
    DIFFERS = "differs"
    """It goes with another piece."""
    TWO = "two"
    """Two codes of one kind were scanned for one piece."""


class Scanned(NamedTuple):
    """What was scanned for one piece, by what it is of; `again`: the second code of a kind."""

    document: str | None = None
    order: str | None = None
    envelope: str | None = None
    again: str | None = None

    @property
    def doubled(self) -> Part | None:
        """The kind of which there are two."""
        return None if self.again is None else part_of(self.again)


@dataclass(frozen=True, slots=True)
class Matched:
    """What came of three codes. `news`: False where it was stored before.

    `boxed`: pieces in the box with this one. `green`: it is of the green channel. `aside`: the piece itself is to be
    put aside; False of a mismatch whose document is nothing that lies here undecided.
    """

    match_id: str
    outcome: MatchOutcome
    part: Part | None
    why: Why | None
    serial: str | None
    office: str | None
    boxed: int
    postage_cny: int | None
    green: bool
    aside: bool
    news: bool


class _Piece(NamedTuple):
    """A document with its application, wherever it is."""

    unit_id: str
    tray: str | None
    station: str
    custody: str
    place: str
    application_id: str
    state: str
    delivery: str
    office: str
    order_unit: str
    priority: int

    def lies_at(self, station: str, *places: str) -> bool:
        return self.custody == "held" and self.station == station and self.place in places and self.tray is not None


def sort(codes: Sequence[str]) -> Scanned:
    """What scanned codes are of; one that was scanned twice is no second code. Raises ScanIncompleteError."""
    found: dict[Part, str] = {}
    again = None
    for code in map(_kept, codes):
        first = found.setdefault(part_of(code), code)
        if first != code and again is None:
            again = code
    scanned = Scanned(found.get(Part.DOCUMENT), found.get(Part.ORDER), found.get(Part.ENVELOPE), again)
    if again is None and None in scanned[:3] and found.keys() != {Part.DOCUMENT}:
        raise ScanIncompleteError(", ".join(found))
    return scanned


def _kept(code: str) -> str:
    """A code as it is kept: whatever a scanner read."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in code)[:LONGEST_CODE]


def match(workplace: Workplace, by: By, match_id: str, codes: Sequence[str]) -> Matched:
    """Store what a packer scanned for one piece, in any order, and what comes of it.

    The document's code alone takes the piece of a stopped application out, also of a box. Raises MatchIdError,
    MatchTakenError, ScanIncompleteError, StillTakenOutError, PackedElsewhereError.
    """
    if _ID.fullmatch(match_id) is None:
        raise MatchIdError
    scanned = sort(codes)

    def work(tx: Connection) -> Matched:
        one_at_a_time(tx)
        before = _STORED.run(tx, {"match_id": match_id}).fetchone()
        if before is not None:
            if before[3:7] != tuple(scanned) or before[9] != by.code:
                raise MatchTakenError(match_id, before[9])
            return _told(tx, match_id, scanned, before, news=False)
        facts = _decide(tx, workplace, by, scanned)
        row = {
            "match_id": match_id,
            **scanned._asdict(),
            **facts,
            "packer": by.code,
            "sign_in": by.sign_in,
            "now_us": clock_us(tx),
            "emulated": workplace.emulated,
        }
        _STORE.run(tx, row)
        stored = _STORED.run(tx, {"match_id": match_id}).fetchone()
        assert stored is not None  # noqa: S101 (stored a moment before)
        return _told(tx, match_id, scanned, stored, news=True)

    return written(workplace, work)


@dataclass(frozen=True, slots=True)
class Undoable:
    """A packer's last match, whose piece is in no parcel yet."""

    match_id: str
    serial: str


def undoable(conn: Connection, station: str, packer: str) -> Undoable | None:
    """The last match of a packer that they may take back: within a shift, while its box is open or its tray waits."""
    row = _UNDOABLE.run(conn, _asked(conn, station, packer)).fetchone()
    return None if row is None else Undoable(row[0], row[1])


def undo(workplace: Workplace, by: By, match_id: str, undo_id: str) -> str:
    """Take one's own last match back, by a row `undo_id` of its own; the serial of its piece, which is scanned anew.

    Sent again it is the same. Raises MatchIdError, MatchTakenError, TooLateToUndoMatchError, PackedElsewhereError.
    """
    if _ID.fullmatch(undo_id) is None:
        raise MatchIdError

    def work(tx: Connection) -> str:
        one_at_a_time(tx)
        before = _UNDONE.run(tx, {"match_id": undo_id}).fetchone()
        if before is not None:
            if before[:2] != (by.code, MatchOutcome.UNDONE):
                raise MatchTakenError(undo_id, before[0])
            return str(before[2])
        row = _UNDOABLE.run(tx, _asked(tx, workplace.station, by.code)).fetchone()
        if row is None or row[0] != match_id:
            raise TooLateToUndoMatchError(match_id)
        _, serial, unit, tray = row
        facts = dict.fromkeys(("order", "envelope", "again", "part", "reason", "box_id", "postage_cny", "takes_out"))
        _STORE.run(
            tx,
            facts
            | {"match_id": undo_id, "document_unit": unit, "tray": tray, "outcome": MatchOutcome.UNDONE.value}
            | {"document": serial, "packer": by.code, "sign_in": by.sign_in, "now_us": clock_us(tx)}
            | {"emulated": workplace.emulated},
        )
        return str(serial)

    return written(workplace, work)


def _asked(conn: Connection, station: str, packer: str) -> dict[str, Any]:
    return {"station": station, "packer": packer, "since_us": clock_us(conn) - UNDONE_WITHIN_S * 1_000_000}


def one_at_a_time(tx: Connection) -> None:
    """Wait until nobody else matches, closes or books; on SQLite there is one writer anyway."""
    if tx.dialect.name != "sqlite":
        _ONE_AT_A_TIME.run(tx)


def written(workplace: Workplace, work: Callable[[Connection], T]) -> T:
    """What `work` returns; the guards look again at what others may have changed. Raises PackedElsewhereError."""
    try:
        return workplace.database.write(work)
    except IntegrityError as error:
        raise PackedElsewhereError from error


def _decide(tx: Connection, workplace: Workplace, by: By, scanned: Scanned) -> dict[str, Any]:
    """The columns that say what comes of it."""
    piece = _find(tx, scanned.document)
    at_input = piece is not None and piece.lies_at(workplace.station, INPUT)
    columns = ("document_unit", "tray", "part", "reason", "box_id", "postage_cny", "takes_out")
    facts: dict[str, Any] = dict.fromkeys(columns)
    if piece is not None and piece.state == ApplicationState.STOPPED and piece.lies_at(workplace.station, INPUT, BOX):
        out = {"unit": piece.unit_id, "tray": piece.tray}
        if piece.place == BOX:
            entry = _ENTRY.run(tx, out).fetchone()
            if entry is not None:
                return facts | _of(piece) | {"outcome": MatchOutcome.STOPPED, "takes_out": entry[0]}
        elif (before := _BEFORE.run(tx, out).fetchone()) is None or before[0] == MatchOutcome.MATCHED:
            return facts | _of(piece) | {"outcome": MatchOutcome.STOPPED}
    before = _BEFORE.run(tx, {"unit": piece.unit_id, "tray": piece.tray}).fetchone() if piece and at_input else None
    if before is not None and before[0] == MatchOutcome.UNDONE:
        raise StillTakenOutError(scanned.document or "")
    undecided = piece if at_input and before is None else None
    odd = _odd(tx, scanned, piece, undecided)
    if odd is not None:
        part, why = odd
        return facts | _of(undecided) | {"outcome": MatchOutcome.MISMATCH, "part": part.value, "reason": why.value}
    assert undecided is not None  # noqa: S101 (of anything else the document is odd)
    if scanned.order is None:
        raise ScanIncompleteError(Part.DOCUMENT)
    facts |= _of(undecided)
    if GROUPING_OF[undecided.delivery] is Grouping.OFFICE:
        return facts | {"outcome": MatchOutcome.MATCHED, "box_id": _open_box(tx, workplace, by, undecided.office)}
    filed = by_ids(tx, workplace.personal, [undecided.application_id])[undecided.application_id]
    postage = postage_cny(filed)
    if postage is None:
        return facts | {"outcome": MatchOutcome.UNPAID}
    return facts | {"outcome": MatchOutcome.MATCHED, "postage_cny": postage}


def _odd(tx: Connection, scanned: Scanned, piece: _Piece | None, undecided: _Piece | None) -> tuple[Part, Why] | None:
    """What does not belong and why; None where all three belong together, or the document alone was scanned."""
    if scanned.doubled is not None:
        return scanned.doubled, Why.TWO
    if undecided is None:
        if piece is None:
            return Part.DOCUMENT, Why.UNKNOWN
        decided = piece.station == "packing" and piece.custody in ("held", "packed", "doubt")
        return Part.DOCUMENT, Why.AGAIN if decided else Why.ELSEWHERE
    if scanned.document is None or scanned.order is None or scanned.envelope is None:
        return None
    of_order = _OF_ORDER.run(tx, {"order_unit": scanned.order}).fetchone()
    own = Slip(
        scanned.document,
        undecided.order_unit,
        envelope_code(undecided.application_id, undecided.delivery, undecided.office),
    )
    scans = Scans(scanned.document, scanned.order, scanned.envelope)
    odd = odd_part(scans, own, None if of_order is None else envelope_code(*of_order))
    if odd is None:
        return None
    return odd, Why.UNKNOWN if odd is Part.ORDER and of_order is None else Why.DIFFERS


def _find(tx: Connection, serial: str | None) -> _Piece | None:
    row = None if serial is None else _PIECE.run(tx, {"serial": serial}).fetchone()
    return None if row is None else _Piece(*row)


def _of(piece: _Piece | None) -> dict[str, Any]:
    return {} if piece is None else {"document_unit": piece.unit_id, "tray": piece.tray}


def _open_box(tx: Connection, workplace: Workplace, by: By, office: str) -> str:
    """The office's open box, begun with its first piece."""
    row = _OPEN_BOX.run(tx, {"office": office}).fetchone()
    if row is not None:
        return str(row[0])
    box_id = new_id()
    begun = {"box_id": box_id, "office": office, "now_us": clock_us(tx), "packer": by.code, "sign_in": by.sign_in}
    _BEGIN_BOX.run(tx, begun | {"emulated": workplace.emulated})
    return box_id


def _told(tx: Connection, match_id: str, scanned: Scanned, stored: tuple[Any, ...], *, news: bool) -> Matched:
    outcome, part, why, *_, box_id, postage, _, unit = stored
    piece = _find(tx, scanned.document)
    office, boxed = None, 0
    if box_id is not None:
        office, boxed = _BOXED.run(tx, {"box_id": box_id}).fetchone() or (None, 0)
    return Matched(
        match_id,
        MatchOutcome(outcome),
        None if part is None else Part(part),
        None if why is None else Why(why),
        scanned.document,
        office,
        boxed,
        postage,
        green=piece is not None and piece.priority == GREEN,
        aside=unit is not None and outcome != MatchOutcome.MATCHED,
        news=news,
    )
