"""Opening and closing a shift, each by a lead and a second person who counted every blank without knowing how many.

A count is recorded, whatever comes of it: what people found can't be taken back by counting again.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from sqlalchemy import Connection, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from handoff_logs.database import Database
from handoff_logs.dialects import clock_us
from handoff_logs.reading import Row
from handoff_logs.records import new_id
from handoff_logs.statements import Statement
from stations.alarms import register as alarms
from stations.alarms.rules import CALLED, EMERGENCY_WAITS
from stations.people import EMULATED_PREFIX
from stations.people_register.sign_in import PERSON, roles_of
from stations.personalization import activity
from stations.personalization.tables import Activity
from stations.shift import counting, rules
from stations.shift.counting import Counted, Signers
from stations.shift.errors import (
    CrewRefusedError,
    NoShiftOpenError,
    NothingToSettleError,
    SettledByForcersError,
    ShiftMovedError,
    ShiftOpenError,
)
from stations.shift.rules import Crew, Difference, Ending, Moment
from stations.shift.stops import CASES, OPEN_SHIFT, Ask, Stop, stops
from stations.shift.tables import Shift, ShiftItem, ShiftMachine, ShiftPerson, ShiftSettlement

T = TypeVar("T")
_SHIFT: Final = Shift.__table__  # type: ignore[attr-defined]
# On PostgreSQL those who would open or close at once wait for each other, so that the second sees what the first did.
_ONE_AT_A_TIME: Final = Statement("SELECT pg_advisory_xact_lock(hashtextextended('passline shift', 0))")
_FORCERS: Final = Statement(
    "SELECT forced.counted_by, forced.counted_second FROM shift JOIN shift_count AS forced ON forced.count_id ="
    " CASE :moment WHEN 'opening' THEN shift.opening_count ELSE shift.closing_count END"
    " WHERE shift.shift_id = :shift_id"
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a shift is opened with: its people by station, its machines, and what of the checklist was confirmed.

    `least`: of an on-call shift, the fewest people of each station; None: the usual crew.
    """

    name: str
    crew: Crew
    machines: tuple[str, ...]
    confirmed: tuple[str, ...]
    emulated: bool
    least: Mapping[str, int] | None = None


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


def one_at_a_time(tx: Connection) -> None:
    """Let nobody else open or close a shift until this transaction ends."""
    if tx.dialect.name != "sqlite":
        _ONE_AT_A_TIME.run(tx)


def open_name(conn: Connection) -> str | None:
    """The name of the shift that is open."""
    row = _open_shift(conn)
    return None if row is None else str(row["name"])


def on_call(
    conn: Connection, codes: Mapping[str, Sequence[str]], absent: Collection[str], *, emulated: bool
) -> dict[str, tuple[str, ...]]:
    """Of those on call, by station, whoever may stand there now and is not known to be `absent`."""
    return {
        station: tuple(
            code
            for code in dict.fromkeys(those)
            if code not in absent and _unfit(conn, code, station, emulated=emulated) is None
        )
        for station, those in codes.items()
    }


def check_open(conn: Connection, plan: Plan) -> None:
    """Raise what keeps the shift from being opened, before anybody is asked to sign.

    `ShiftNameError`, `ChecklistError`, `ChecklistItemError`, `CrewStationError`, `CrewTwiceError`, `CrewShortError`,
    `OnCallShortError`, `CrewRefusedError`, `ShiftOpenError`.
    """
    rules.check_name(plan.name)
    if (row := _open_shift(conn)) is not None:
        raise ShiftOpenError(row["name"], row["opened_us"])
    rules.check_items(plan.confirmed)
    if plan.least is None:
        rules.check_crew(plan.crew)
    else:
        rules.check_on_call(plan.crew, plan.least)
    for station, codes in plan.crew.items():
        for code in codes:
            if why := _unfit(conn, code, station, emulated=plan.emulated):
                raise CrewRefusedError(code, station, why)


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
        held = _held(tx, plan.machines)
        if found and reason is None:
            return Opened(None, count_id, tuple(found), held, forced=False)
        shift_id = new_id()
        forced = reason if found else None
        tx.execute(
            insert(Shift).values(
                shift_id=shift_id,
                name=plan.name,
                opening_count=count_id,
                opened_us=now_us,
                opening_reason=forced,
                closed=False,
                emulated=plan.emulated,
            )
        )
        members = _write_members(tx, shift_id, plan)
        facts = [(shift_id, "opened", f"{plan.name} {now_us} {count_id} {forced or '-'}")]
        facts += [(shift_id, f"at-{code}", at) for at, codes in plan.crew.items() for code in codes]
        facts.append((shift_id, "digest", counting.digest(members)))
        counting.note(tx, by, now_us, facts, emulated=plan.emulated)
        alarms.clear_all(tx, EMERGENCY_WAITS)
        if plan.least is not None:
            alarms.raise_alarm(tx, CALLED, shift_id, emulated=plan.emulated)
        return Opened(shift_id, count_id, tuple(found), held, forced=bool(found))

    return _written(database, work)


def check_close(conn: Connection, unbalanced: Sequence[Stop]) -> tuple[Row, list[Stop]]:
    """The open shift, and what keeps it from closing but the count. Raises `NoShiftOpenError`."""
    row = _open_shift(conn)
    if row is None:
        raise NoShiftOpenError
    return row, [*stops(_asking(conn), clock_us(conn)), *unbalanced]


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
        emulated = bool(row["emulated"])
        if reason is None and against:
            return Closed(row["shift_id"], row["name"], None, (), tuple(against))
        now_us = clock_us(tx)
        count_id, found = counting.record(tx, count, Moment.CLOSE, by, now_us, emulated=emulated)
        if reason is None and found:
            return Closed(row["shift_id"], row["name"], None, tuple(found), ())
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
        facts = [(str(row["shift_id"]), "closed", f"{now_us} {how} {count_id} {forced or '-'}")]
        if left is not None:
            facts.append((str(row["shift_id"]), "left", counting.digest(left)))
        counting.note(tx, by, now_us, facts, emulated=emulated)
        alarms.clear(tx, CALLED, str(row["shift_id"]))
        return Closed(row["shift_id"], row["name"], how, tuple(found), tuple(against))

    return _written(database, work)


def check_settle(conn: Connection, shift_id: str, first: str | None = None, second: str | None = None) -> list[Row]:
    """The open cases of a shift. Raises `NothingToSettleError`, and `SettledByForcersError` for these two."""
    cases = [row for row in _asking(conn)(CASES) if row["shift_id"] == shift_id]
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
            tx.execute(
                insert(ShiftSettlement).values(
                    shift_id=shift_id,
                    moment=case["moment"],
                    finding=finding,
                    settled_by=by.first,
                    settled_second=by.second,
                    sign_in=by.first_sign_in,
                    second_sign_in=by.second_sign_in,
                    settled_us=now_us,
                    emulated=emulated,
                )
            )
        facts = [(shift_id, f"settled-{case['moment']}", f"{now_us} {finding}") for case in cases]
        counting.note(tx, by, now_us, facts, emulated=emulated)
        return [str(case["moment"]) for case in cases]

    return _written(database, work)


def _written(database: Database, work: Callable[[Connection], T]) -> T:
    """What `work` returns; the guards look at jobs, offers and cases again, which others may have changed meanwhile."""
    try:
        return database.write(work)
    except IntegrityError as error:
        raise ShiftMovedError from error


def _write_members(tx: Connection, shift_id: str, plan: Plan) -> list[list[dict[str, str | None]]]:
    """Write people, machines and checklist of a shift; what was written."""
    shown = activity.all_shown(tx)
    people: list[dict[str, str | None]] = [
        {"code": code, "station": station, "role": rules.role_at(station).value}
        for station, codes in plan.crew.items()
        for code in codes
    ]
    machines: list[dict[str, str | None]] = []
    for machine in plan.machines:
        state, why = shown.get(machine, ("new", None))
        machines.append({"machine": machine, "state": str(state), "reason": why})
    items: list[dict[str, str | None]] = [{"item": item.id} for item in rules.CHECKLIST]
    for table, rows in ((ShiftPerson, people), (ShiftMachine, machines), (ShiftItem, items)):
        if rows:
            tx.execute(insert(table), [{"shift_id": shift_id, **row} for row in rows])
    return [people, machines, items]


def _unfit(conn: Connection, code: str, station: str, *, emulated: bool) -> str | None:
    role = rules.role_at(station)
    if code.startswith(EMULATED_PREFIX):
        return None if emulated else "emulated people work on emulated lines alone"
    row = conn.execute(select(PERSON.c.ended_us).where(PERSON.c.code == code)).one_or_none()
    if row is None or row.ended_us is not None:
        return "nobody of this code is enrolled"
    return None if role in roles_of(conn, code) else f"its people are {role}s"


def _held(conn: Connection, machines: Sequence[str]) -> dict[str, str]:
    shown = activity.all_shown(conn)
    return {
        machine: shown[machine][1] or "held"
        for machine in machines
        if machine in shown and shown[machine][0] in (Activity.HELD, Activity.SUSPENDED)
    }


def _open_shift(conn: Connection) -> Row | None:
    return next(iter(_asking(conn)(OPEN_SHIFT)), None)


def _asking(conn: Connection) -> Ask:
    """A transaction, answering as a reading does."""

    def ask(sql: str, **parameters: str | int | None) -> Sequence[Row]:
        return [dict(row._mapping) for row in conn.execute(text(sql), parameters)]

    return ask
