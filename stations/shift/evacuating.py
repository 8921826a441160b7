"""Evacuation: one person's word stops everything, and a count of two lets it go on.

Nothing passes from station to station (`handoff_logs.freezing`) and no machine begins a job; what a machine has begun
it finishes, so that no document is left half made.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, insert, update

from handoff_logs import register
from handoff_logs.database import Database
from handoff_logs.dialects import clock_us
from handoff_logs.freezing import EVACUATED, RETURNED, SUBJECT, hold_all
from handoff_logs.log import Stamp
from handoff_logs.reading import Row
from handoff_logs.records import new_id
from handoff_logs.register import Register
from handoff_logs.writing import Entry
from stations.alarms.register import clear, raise_alarm
from stations.alarms.rules import EVACUATED as ALARM
from stations.shift import counting, rules
from stations.shift.acts import evacuation_row, one_at_a_time, refuse_evacuated, written
from stations.shift.counting import Counted, Signers
from stations.shift.errors import NotEvacuatedError
from stations.shift.rules import Difference, Moment, Returning
from stations.shift.tables import Evacuation

_EVACUATION: Final = Evacuation.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Returned:
    """What came of a return: `how` is None where a difference keeps the line frozen."""

    evacuation_id: str
    reason: str
    how: Returning | None
    count_id: str
    differences: tuple[Difference, ...]


def check_evacuate(conn: Connection, reason: str) -> None:
    """Raise `ShiftReasonError`, and `LineEvacuatedError` where it is evacuated already."""
    rules.check_reason(reason)
    refuse_evacuated(conn)


def evacuate(database: Database, reason: str, by: str, sign_in: str | None, *, emulated: bool) -> str:
    """Freeze custody and machines by one person's word, whatever stands open; the evacuation's id.

    On return nothing passes any more and nothing is drawn: what was under way then is over. Raises as
    `check_evacuate`, `ShiftMovedError`.
    """

    def work(tx: Connection) -> str:
        hold_all(tx)
        check_evacuate(tx, reason)
        evacuation_id, now_us = new_id(), clock_us(tx)
        tx.execute(
            insert(Evacuation).values(
                evacuation_id=evacuation_id,
                reason=reason,
                ordered_by=by,
                sign_in=sign_in,
                ordered_us=now_us,
                over=False,
                emulated=emulated,
            )
        )
        said = Entry(Register.SHIFT, SUBJECT, EVACUATED, f"{evacuation_id} {now_us} {reason}")
        register.record(tx, register.administration(by, sign_in), None, [said], Stamp(now_us, emulated))
        raise_alarm(tx, ALARM, SUBJECT, emulated=emulated)
        return evacuation_id

    return written(database, work)


def check_return(conn: Connection) -> Row:
    """The evacuation that is under way. Raises `NotEvacuatedError`."""
    row = evacuation_row(conn)
    if row is None:
        raise NotEvacuatedError
    return row


def come_back(database: Database, count: Counted, by: Signers, reason: str | None = None) -> Returned:
    """Lift the evacuation on a count that agrees with the log, or with a lead's `reason` in spite of a difference.

    Forced, it stays a case until two people settle it. Refused, the line stays frozen and the count is recorded. Raises
    `NotEvacuatedError`, `ShiftReasonError`, `ShiftMovedError`.
    """
    rules.check_reason(reason)

    def work(tx: Connection) -> Returned:
        one_at_a_time(tx)
        hold_all(tx)
        row = check_return(tx)
        emulated, now_us = bool(row["emulated"]), clock_us(tx)
        count_id, found = counting.record(tx, count, Moment.RETURN, by, now_us, emulated=emulated)
        if found and reason is None:
            return _returned(row, None, count_id, found)
        how = Returning.FORCED if found else Returning.COUNTED
        forced = reason if found else None
        tx.execute(
            update(Evacuation)
            .where(_EVACUATION.c.evacuation_id == row["evacuation_id"])
            .values(over=True, return_count=count_id, returned_us=now_us, how=how.value, forced_reason=forced)
        )
        said = f"{row['evacuation_id']} {now_us} {how} {count_id} {forced or '-'}"
        counting.note(tx, by, now_us, [(SUBJECT, RETURNED, said)], emulated=emulated)
        clear(tx, ALARM, SUBJECT)
        return _returned(row, how, count_id, found)

    return written(database, work)


def _returned(row: Row, how: Returning | None, count_id: str, found: Sequence[Difference]) -> Returned:
    return Returned(row["evacuation_id"], row["reason"], how, count_id, tuple(found))
