"""Pieces in inspectors' hands: taken by a scan of the serial, one a hand, for a limited time.

Nobody who reviewed an application takes a piece of it; the tables hold that too. Custody stays with the tray.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from handoff_logs.dialects import clock_us, listed
from handoff_logs.records import new_id
from handoff_logs.statements import Statement
from stations.by import By
from stations.intake.tables import ApplicationState
from stations.qc.errors import (
    ActedAtOnceError,
    NotInHandError,
    PieceDecidedError,
    PieceInOtherHandsError,
    PieceNotHereError,
    PieceNotReadError,
    PieceOfAnotherError,
    PieceStoppedError,
    ReadOftenError,
)
from stations.qc.tables import MOST_READINGS, HoldEnd
from stations.trays import INPUT
from stations.workplace import Workplace

T = TypeVar("T")

HOLD_S: Final = 10 * 60.0
"""For one piece: some twenty times what an inspection takes."""

_ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
# On PostgreSQL desks and the booking of a tray wait for each other, each for a few milliseconds.
_ONE_AT_A_TIME: Final = Statement("SELECT pg_advisory_xact_lock(hashtextextended('passline qc', 0))")
_PIECE = Statement(
    """
    SELECT w.unit_id, w.tray, a.state,
        (SELECT r.turn FROM qc_reading AS r WHERE r.document_unit = w.unit_id AND NOT EXISTS (SELECT 1
            FROM qc_hold AS h WHERE h.document_unit = r.document_unit AND h.turn = r.turn
            AND h.ended_how = 'read_again')),
        EXISTS (SELECT 1 FROM review_verdict AS v WHERE v.application_id = a.application_id AND v.reviewer = :inspector)
    FROM whereabouts AS w JOIN job AS j ON j.document_unit = w.unit_id
    JOIN application AS a ON a.application_id = j.application_id
    WHERE w.station = :station AND w.state = 'held' AND w.kind = 'document' AND w.place = :place
    AND j.blank_serial = :serial
    """
)
_DECIDED = Statement("SELECT outcome FROM qc_decision WHERE document_unit = :document_unit AND undone_us IS NULL")
_HELD = Statement(
    "SELECT h.hold_id, h.document_unit, j.blank_serial, h.turn, h.until_us FROM qc_hold AS h"
    " JOIN job AS j ON j.document_unit = h.document_unit WHERE h.inspector = :inspector AND h.ended_us IS NULL"
)
_HOLDER = Statement("SELECT inspector FROM qc_hold WHERE document_unit = :document_unit AND ended_us IS NULL")
_NAMED = Statement(
    "SELECT h.hold_id, h.document_unit, j.blank_serial, h.turn, h.until_us FROM qc_hold AS h"
    " JOIN job AS j ON j.document_unit = h.document_unit"
    " WHERE h.hold_id = :hold_id AND h.inspector = :inspector AND h.ended_us IS NULL AND h.until_us > :now_us"
)
_WANTED = Statement(
    f"SELECT 1 FROM qc_hold WHERE hold_id = :hold_id AND inspector = :inspector AND ended_how = '{HoldEnd.READ_AGAIN}'"  # noqa: S608
)
_TAKE = Statement(
    "INSERT INTO qc_hold (hold_id, document_unit, turn, inspector, sign_in, taken_us, until_us, emulated)"
    " VALUES (:hold_id, :document_unit, :turn, :inspector, :sign_in, :taken_us, :until_us, :emulated)"
)
_LAPSE = Statement(
    f"UPDATE qc_hold SET ended_us = :now_us, ended_how = '{HoldEnd.LAPSED}'"  # noqa: S608 (our own word)
    " WHERE ended_us IS NULL AND until_us <= :now_us"
)
_LAY_BACK = Statement(
    "UPDATE qc_hold SET ended_us = :now_us, ended_how = :how WHERE inspector = :inspector AND ended_us IS NULL"
)
_WITHDRAW = Statement(
    f"UPDATE qc_hold SET ended_us = :now_us, ended_how = '{HoldEnd.WITHDRAWN}'"  # noqa: S608 (our own word)
    " WHERE ended_us IS NULL AND document_unit IN {ids}"
)


@dataclass(frozen=True, slots=True)
class Hold:
    """One piece in an inspector's hand, by its serial and reading, until `until_us` (microseconds UTC)."""

    hold_id: str
    document_unit: str
    serial: str
    turn: int
    until_us: int


def take(workplace: Workplace, by: By, serial: str, *, hold_s: float = HOLD_S) -> Hold:
    """The piece that an inspector scanned, now in their hand; what they had in it before is laid back.

    Scanned again it is the same hold. Raises PieceNotHereError, PieceNotReadError, PieceStoppedError,
    PieceOfAnotherError, PieceInOtherHandsError, PieceDecidedError, ActedAtOnceError.
    """

    def work(tx: Connection) -> Hold:
        one_at_a_time(tx)
        now_us = clock_us(tx)
        lapse(tx, now_us)
        had = held(tx, by.code)
        if had is not None and had.serial == serial and state_of(tx, workplace, had) == ApplicationState.IN_PRODUCTION:
            return had
        if had is not None:
            lay_back(tx, by, now_us)
        unit, turn = _takeable(tx, workplace, by, serial)
        return hold(tx, workplace, by, (unit, serial, turn), (now_us, now_us + int(hold_s * 1_000_000)))

    return written(workplace, work)


def put_back(workplace: Workplace, by: By) -> bool:
    """Lay back what an inspector has in hand, undecided; whether there was anything."""

    def work(tx: Connection) -> bool:
        one_at_a_time(tx)
        now_us = clock_us(tx)
        lapse(tx, now_us)
        return lay_back(tx, by, now_us) > 0

    return written(workplace, work)


def read_again(workplace: Workplace, by: By, hold_id: str) -> None:
    """Lay the piece in hand back to be read again by the line; nobody takes it before. Done twice, it is one wish.

    Raises NotInHandError, ReadOftenError.
    """
    if not is_id(hold_id):
        raise NotInHandError(hold_id)

    def work(tx: Connection) -> None:
        one_at_a_time(tx)
        now_us = clock_us(tx)
        if _WANTED.run(tx, {"hold_id": hold_id, "inspector": by.code}).fetchone() is not None:
            return
        piece = named(tx, by, hold_id, now_us)
        if piece.turn >= MOST_READINGS:
            raise ReadOftenError(piece.serial, piece.turn)
        lay_back(tx, by, now_us, HoldEnd.READ_AGAIN)

    written(workplace, work)


def held(conn: Connection, inspector: str) -> Hold | None:
    """What an inspector has in hand; one that lapsed and was not ended yet too."""
    row = _HELD.run(conn, {"inspector": inspector}).fetchone()
    return None if row is None else Hold(*row)


def named(conn: Connection, by: By, hold_id: str, now_us: int) -> Hold:
    """The hold of this id, which is the inspector's and not over. Raises NotInHandError."""
    if not is_id(hold_id):
        raise NotInHandError(hold_id)
    row = _NAMED.run(conn, {"hold_id": hold_id, "inspector": by.code, "now_us": now_us}).fetchone()
    if row is None:
        raise NotInHandError(hold_id)
    return Hold(*row)


def hold(tx: Connection, workplace: Workplace, by: By, piece: tuple[str, str, int], span_us: tuple[int, int]) -> Hold:
    """Give a piece (unit, serial, reading) into an inspector's hand, from and until (microseconds)."""
    taken = Hold(new_id(), *piece, span_us[1])
    facts = {
        "hold_id": taken.hold_id,
        "document_unit": taken.document_unit,
        "turn": taken.turn,
        "inspector": by.code,
        "sign_in": by.sign_in,
        "taken_us": span_us[0],
        "until_us": taken.until_us,
        "emulated": workplace.emulated,
    }
    _TAKE.run(tx, facts)
    return taken


def lay_back(tx: Connection, by: By, now_us: int, how: HoldEnd = HoldEnd.PUT_BACK) -> int:
    """End what an inspector has in hand; how many."""
    return _LAY_BACK.run(tx, {"now_us": now_us, "inspector": by.code, "how": how.value}).rowcount


def lapse(tx: Connection, now_us: int) -> int:
    """End what nobody decided in time; how many."""
    return _LAPSE.run(tx, {"now_us": now_us}).rowcount


def withdraw(tx: Connection, units: Sequence[str]) -> int:
    """Take these documents out of whoever's hand they are in: the line goes on with them itself. How many."""
    now_us = clock_us(tx)
    lapse(tx, now_us)
    return _WITHDRAW.run(tx, {"now_us": now_us, "ids": listed(units)}).rowcount


def state_of(conn: Connection, workplace: Workplace, piece: Hold) -> str | None:
    """The state of the application of a piece that waits at the station; None where it does not."""
    row = _PIECE.run(conn, _asked(workplace, "", piece.serial)).fetchone()
    return None if row is None else str(row[2])


def is_id(word: str) -> bool:
    """Whether a word has the form of an id.

    >>> is_id("0" * 32), is_id("x" * 32)
    (True, False)
    """
    return _ID.fullmatch(word) is not None


def one_at_a_time(tx: Connection) -> None:
    """Wait until nobody else takes, decides or books; on SQLite there is one writer anyway."""
    if tx.dialect.name != "sqlite":
        _ONE_AT_A_TIME.run(tx)


def written(workplace: Workplace, work: Callable[[Connection], T]) -> T:
    """What `work` returns; the guards look again at what others may have changed. Raises ActedAtOnceError."""
    try:
        return workplace.database.write(work)
    except IntegrityError as error:
        raise ActedAtOnceError from error


def _takeable(tx: Connection, workplace: Workplace, by: By, serial: str) -> tuple[str, int]:
    """The unit of a piece and the reading in force."""
    row = _PIECE.run(tx, _asked(workplace, by.code, serial)).fetchone()
    if row is None:
        raise PieceNotHereError(serial)
    unit, _, state, turn, own = row
    if state != ApplicationState.IN_PRODUCTION:
        raise PieceStoppedError(serial)
    if turn is None:
        raise PieceNotReadError(serial)
    if own:
        raise PieceOfAnotherError(serial)
    decided = _DECIDED.run(tx, {"document_unit": unit}).fetchone()
    if decided is not None:
        raise PieceDecidedError(serial, decided[0])
    holder = _HOLDER.run(tx, {"document_unit": unit}).fetchone()
    if holder is not None:
        raise PieceInOtherHandsError(serial, holder[0])
    return unit, turn


def _asked(workplace: Workplace, inspector: str, serial: str) -> dict[str, str]:
    return {"station": workplace.station, "place": INPUT, "inspector": inspector, "serial": serial}
