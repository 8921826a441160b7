"""Opening and closing a shift, each by a lead and a second person who counted every blank without knowing how many.

A count is recorded, whatever comes of it: what people found can't be taken back by counting again.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, insert, update

from handoff_logs.database import Database
from handoff_logs.dialects import clock_us
from handoff_logs.reading import Row
from handoff_logs.records import new_id
from handoff_logs.statements import Statement
from stations.alarms import register as alarms
from stations.alarms.rules import CALLED, EMERGENCY_WAITS
from stations.shift import counting, rules
from stations.shift.acts import asking, one_at_a_time, open_shift_row, refuse_evacuated, written
from stations.shift.counting import Counted, Signers
from stations.shift.crews import Plan, check_plan, held, unfit, write_shift
from stations.shift.errors import NoShiftOpenError, NothingToSettleError, SettledByForcersError, ShiftOpenError
from stations.shift.keeping import keep
from stations.shift.rules import Difference, Ending, Moment
from stations.shift.stops import CASES, Stop, others_inside, stops
from stations.shift.tables import EvacuationSettlement, Shift, ShiftSettlement
from stations.vault.balance import Period

_SHIFT: Final = Shift.__table__  # type: ignore[attr-defined]
_FORCERS: Final = Statement(
    "SELECT forced.counted_by, forced.counted_second FROM shift JOIN shift_count AS forced ON forced.count_id ="
    " CASE :moment WHEN 'opening' THEN shift.opening_count ELSE shift.closing_count END"
    " WHERE shift.shift_id = :shift_id AND :moment <> 'return'"
    " UNION ALL SELECT forced.counted_by, forced.counted_second FROM evacuation JOIN shift_count AS forced"
    " ON forced.count_id = evacuation.return_count WHERE evacuation.evacuation_id = :shift_id"
)


@dataclass(frozen=True, slots=True)
class Opened:
    """What came of opening: `shift_id` is None where a difference stood against it and nobody forced it.

    `held`: machines that stand, and why. `forced`: a difference was passed over, and is an open case.
    """

    shift_id: str | None
    count_id: str
    differences: tuple[Difference, ...]
    held: Mapping[str, str]
    forced: bool


@dataclass(frozen=True, slots=True)
class Closed:
    """What came of closing: `how` is None where it was refused and the shift is open as it was."""

    shift_id: str
    name: str
    how: Ending | None
    differences: tuple[Difference, ...]
    stops: tuple[Stop, ...]


def open_name(conn: Connection) -> str | None:
    """The name of the shift that is open; None if none is."""
    row = open_shift_row(conn)
    return None if row is None else str(row["name"])


def on_call(
    conn: Connection, codes: Mapping[str, Sequence[str]], absent: Collection[str], *, emulated: bool
) -> dict[str, tuple[str, ...]]:
    """Of those on call, by station, whoever may stand there now and is not known to be `absent`."""
    return {
        station: tuple(
            code
            for code in dict.fromkeys(those)
            if code not in absent and unfit(conn, code, station, emulated=emulated) is None
        )
        for station, those in codes.items()
    }


def check_open(conn: Connection, plan: Plan) -> None:
    """Raise what keeps the shift from being opened, before anybody is asked to sign.

    `ShiftNameError`, `ChecklistError`, `ChecklistItemError`, `CrewStationError`, `CrewTwiceError`, `CrewShortError`,
    `OnCallShortError`, `CrewRefusedError`, `ShiftOpenError`, `LineEvacuatedError`.
    """
    refuse_evacuated(conn)
    if (row := open_shift_row(conn)) is not None:
        raise ShiftOpenError(row["name"], row["opened_us"])
    check_plan(conn, plan)


def open_shift(database: Database, plan: Plan, count: Counted, by: Signers, reason: str | None = None) -> Opened:
    """Open a shift on a count; with a `reason` also on one that differs from the log, which stays open as a case.

    That an on-call shift is open is told outside by an alarm of the same transaction, which ends with the shift. A
    count that differs is recorded also where no shift is opened on it. Raises as `check_open`, `ShiftReasonError`,
    `ShiftMovedError`.
    """
    rules.check_reason(reason)

    def work(tx: Connection) -> Opened:
        one_at_a_time(tx)
        check_open(tx, plan)
        now_us = clock_us(tx)
        count_id, found = counting.record(tx, count, Moment.OPENING, by, now_us, emulated=plan.emulated)
        standing = held(tx, plan.machines)
        if found and reason is None:
            return Opened(None, count_id, tuple(found), standing, forced=False)
        shift_id = new_id()
        facts = write_shift(tx, shift_id, plan, count_id, now_us, reason if found else None)
        counting.note(tx, by, now_us, facts, emulated=plan.emulated)
        alarms.clear_all(tx, EMERGENCY_WAITS)
        if plan.least is not None:
            alarms.raise_alarm(tx, CALLED, shift_id, emulated=plan.emulated)
        return Opened(shift_id, count_id, tuple(found), standing, forced=bool(found))

    return written(database, work)


def check_close(conn: Connection, unbalanced: Sequence[Stop]) -> tuple[Row, list[Stop]]:
    """The open shift, and what keeps it from closing but the count. Raises `NoShiftOpenError`, `LineEvacuatedError`."""
    refuse_evacuated(conn)
    row = open_shift_row(conn)
    if row is None:
        raise NoShiftOpenError
    return row, [*stops(asking(conn), clock_us(conn)), *unbalanced]


def close_shift(
    database: Database, count: Counted, by: Signers, unbalanced: Sequence[Stop] = (), reason: str | None = None
) -> Closed:
    """Close the open shift on a count, if nothing stands against it, or with a lead's `reason` in spite of that.

    Forced, it stays open as a case until two people settle it. Refused, it is open as it was; a count that differs is
    recorded. `unbalanced`: from the balance. Raises `NoShiftOpenError`, `ShiftReasonError`,
    `ShiftMovedError`.
    """
    rules.check_reason(reason)

    def work(tx: Connection) -> Closed:
        one_at_a_time(tx)
        row, against = check_close(tx, unbalanced)
        known = {(stop.code, stop.what) for stop in against}
        others = others_inside(asking(tx), (by.first, by.second))
        against += [stop for stop in others if (stop.code, stop.what) not in known]
        emulated = bool(row["emulated"])
        if reason is None and against:
            return Closed(row["shift_id"], row["name"], None, (), tuple(against))
        now_us = clock_us(tx)
        count_id, found = counting.record(tx, count, Moment.CLOSE, by, now_us, emulated=emulated)
        if reason is None and found:
            return Closed(row["shift_id"], row["name"], None, tuple(found), ())
        stood = keep(tx, row["shift_id"], Period(row["opened_us"], now_us))
        how = Ending.FORCED if found or against else Ending.BALANCED
        forced = reason if how is Ending.FORCED else None
        left = json.dumps([[stop.code, stop.where, stop.what] for stop in against]) if forced else None
        tx.execute(
            update(Shift)
            .where(_SHIFT.c.shift_id == row["shift_id"])
            .values(
                closed=True,
                closing_count=count_id,
                closed_us=now_us,
                closed_how=how.value,
                closing_reason=forced,
                closing_left=left,
            )
        )
        facts = [(str(row["shift_id"]), "closed", f"{now_us} {how} {count_id} {forced or '-'}"), stood]
        if left is not None:
            facts.append((str(row["shift_id"]), "left", counting.digest(left)))
        counting.note(tx, by, now_us, facts, emulated=emulated)
        alarms.clear(tx, CALLED, str(row["shift_id"]))
        return Closed(row["shift_id"], row["name"], how, tuple(found), tuple(against))

    return written(database, work)


def check_settle(conn: Connection, shift_id: str, first: str | None = None, second: str | None = None) -> list[Row]:
    """The open cases of a shift. Raises `NothingToSettleError`, and `SettledByForcersError` for these two."""
    cases = [row for row in asking(conn)(CASES) if row["shift_id"] == shift_id]
    if not cases:
        raise NothingToSettleError(shift_id)
    if first is not None and second is not None:
        for case in cases:
            forcers = _FORCERS.run(conn, {"shift_id": shift_id, "moment": case["moment"]}).fetchone()
            if forcers is not None and {first, second} == set(forcers):
                raise SettledByForcersError(first, second)
    return cases


def settle(database: Database, shift_id: str, finding: str, by: Signers) -> list[str]:
    """Close the cases of a shift that was forced, by two who are not the two who forced it; the moments.

    Raises as `check_settle`, `ShiftReasonError`.
    """
    rules.check_reason(finding)

    def work(tx: Connection) -> list[str]:
        one_at_a_time(tx)
        cases = check_settle(tx, shift_id, by.first, by.second)
        now_us, emulated = clock_us(tx), bool(cases[0]["emulated"])
        for case in cases:
            values = {
                "finding": finding,
                "settled_by": by.first,
                "settled_second": by.second,
                "sign_in": by.first_sign_in,
                "second_sign_in": by.second_sign_in,
                "settled_us": now_us,
                "emulated": emulated,
            }
            if case["moment"] == Moment.RETURN:
                tx.execute(insert(EvacuationSettlement).values(evacuation_id=shift_id, **values))
            else:
                tx.execute(insert(ShiftSettlement).values(shift_id=shift_id, moment=case["moment"], **values))
        facts = [(shift_id, f"settled-{case['moment']}", f"{now_us} {finding}") for case in cases]
        counting.note(tx, by, now_us, facts, emulated=emulated)
        return [str(case["moment"]) for case in cases]

    return written(database, work)
