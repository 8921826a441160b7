"""What happens to rolls: each act is checked, signed and written in one transaction, in the table and in the log."""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, func, insert, select
from sqlalchemy.exc import IntegrityError

from handoff_logs import register
from handoff_logs.database import Database
from handoff_logs.dialects import clock_us
from handoff_logs.log import Stamp
from handoff_logs.register import Register
from handoff_logs.statements import Statement
from handoff_logs.writing import Entry
from stations.rolls import rules
from stations.rolls.errors import (
    PieceInWorkError,
    RollAtOnceError,
    RollKindError,
    RollKnownError,
    RollMoveError,
    RollOnMachineError,
    RollUnknownError,
)
from stations.rolls.rules import CounterReading, Delivered, RollAct
from stations.rolls.tables import Roll, RollStep
from stations.workplace import Workplace

T = TypeVar("T")
_ROLL: Final = Roll.__table__  # type: ignore[attr-defined]
_STEP: Final = RollStep.__table__  # type: ignore[attr-defined]
# What the machine began and nobody booked: it may be laminated. One that is only drawn is not.
_IN_WORK: Final = Statement(
    "SELECT 1 FROM job WHERE machine = :machine AND unfinished AND state NOT IN ('INTENT', 'FED', 'PREPARED')"
)
# A piece that people settled may have been ejected, and so counted, or not. A specimen becomes no document either.
_BOOKED: Final = Statement(
    "SELECT coalesce(sum(CASE WHEN settled_by IS NULL AND outcome = 'good' THEN 1 ELSE 0 END), 0),"
    " coalesce(sum(CASE WHEN settled_by IS NULL AND outcome <> 'good' THEN 1 ELSE 0 END), 0),"
    " coalesce(sum(CASE WHEN settled_by IS NULL THEN 0 ELSE 1 END), 0) FROM ("
    " SELECT settled_by, outcome FROM job"
    " WHERE machine = :machine AND outcome IN ('good', 'failed') AND result_us >= :from_us AND result_us < :to_us"
    " UNION ALL SELECT settled_by, outcome FROM job"
    " WHERE machine = :machine AND outcome = 'specimen' AND result_us >= :from_us AND result_us < :to_us) AS booked"
)
# Blanks that no job names, voided at the machine: fed two at a time. By time: the index of a machine's events goes by
# shift, and would be read from the machine's first day on.
_FED_TWICE: Final = Statement(
    "SELECT count(*) FROM custody_event AS event CROSS JOIN custody_unit AS unit"
    " JOIN unit_number AS number ON number.unit_id = unit.unit_id"
    " WHERE event.happened_us >= :from_us AND event.happened_us < :to_us AND event.act = 'void'"
    " AND event.machine || '' = :machine AND unit.event_id = event.event_id AND unit.kind = 'blank'"
    " AND NOT EXISTS (SELECT 1 FROM job WHERE job.blank_serial = number.number AND job.blank_serial IS NOT NULL"
    " AND (job.outcome IS NULL OR job.outcome <> 'returned'))"
)


def check_receipt(conn: Connection, rolls: Sequence[Delivered]) -> bool:
    """Whether this very delivery was received before.

    Raises `RollKnownError`, and as `rules.check_delivered` and `rules.check_numbers`.
    """
    rules.check_numbers([roll.number for roll in rolls])
    known = []
    for roll in rolls:
        rules.check_delivered(roll)
        row = conn.execute(select(_ROLL).where(_ROLL.c.number == roll.number)).one_or_none()
        if row is not None:
            known.append(row)
    wanted = {(roll.number, roll.kind, roll.pieces, roll.note) for roll in rolls}
    if known and {(row.number, row.kind, row.pieces, row.note) for row in known} != wanted:
        raise RollKnownError(known[0].number, known[0].note, known[0].pieces)
    return bool(known)


def receive(here: Workplace, rolls: Sequence[Delivered]) -> None:
    """Take delivered rolls in, all or none; `here` has the two keepers who signed. Raises as `check_receipt`."""

    def work(tx: Connection) -> None:
        if check_receipt(tx, rolls):
            return
        rows: list[dict[str, Any]] = [
            {"number": one.number, "kind": one.kind, "pieces": one.pieces, "note": one.note, "emulated": here.emulated}
            for one in rolls
        ]
        tx.execute(insert(Roll), rows)
        facts: dict[str, Any] = {row["number"]: row for row in rows}
        _record(tx, here, RollAct.RECEIVED, [_step(here, row["number"], 1, RollAct.RECEIVED) for row in rows], facts)

    _written(here.database, rolls[0].number, work)


def check(conn: Connection, number: str, act: RollAct) -> Any:
    """The last step of a roll to which `act` may happen now. Raises `RollUnknownError`, `RollMoveError`."""
    last = _last(conn, number)
    if last is None:
        raise RollUnknownError(number)
    before = RollAct(last.act)
    if act not in rules.MOVES[before]:
        raise RollMoveError(number, act.value, before.value, rules.place(before, last.machine))
    return last


def check_mounting(conn: Connection, number: str, machine: str, takes: str) -> Any:
    """The last step of a roll that may be mounted on `machine`, which takes blanks of the kind `takes`.

    Raises `RollKindError`, `RollOnMachineError`, `PieceInWorkError`, and as `check`.
    """
    last = check(conn, number, RollAct.MOUNTED)
    kind = conn.execute(select(_ROLL.c.kind).where(_ROLL.c.number == number)).scalar_one()
    if kind != takes:
        raise RollKindError(number, kind, machine, takes)
    on = _on(conn, machine)
    if on is not None and on.act == RollAct.MOUNTED:
        raise RollOnMachineError(number, machine, on.number)
    _refuse_in_work(conn, machine, number)
    return last


def check_taking_off(conn: Connection, number: str) -> Any:
    """The step by which a roll was mounted that may be taken off. Raises `PieceInWorkError`, and as `check`."""
    last = check(conn, number, RollAct.TAKEN_OFF)
    _refuse_in_work(conn, last.machine, number)
    return last


def check_handing(
    conn: Connection, numbers: Sequence[str], act: RollAct, *, left: int | None = None, reason: str | None = None
) -> list[Any]:
    """The last steps of rolls to which `hand` may happen.

    Raises as `check`, `rules.check_numbers`, `rules.check_pieces`, `rules.check_code`.
    """
    rules.check_numbers(numbers)
    if left is not None:
        rules.check_pieces(left)
    if reason is not None:
        rules.check_code(reason, "a method" if act is RollAct.DESTROYED else "what happened")
    return [check(conn, number, act) for number in numbers]


def hand(
    here: Workplace, numbers: Sequence[str], act: RollAct, *, left: int | None = None, reason: str | None = None
) -> None:
    """Record that two people did `act`, which has no machine, with these rolls: all or none.

    `left`: the pieces that both counted on a roll before they destroyed it. `reason`: the method, or what happened.
    Raises as `check_handing`.
    """

    def work(tx: Connection) -> None:
        lasts = check_handing(tx, numbers, act, left=left, reason=reason)
        told = {"left_pieces": left, "reason": reason}
        _record(tx, here, act, [_step(here, last.number, last.step + 1, act) | told for last in lasts])

    _written(here.database, numbers[0], work)


def mount(here: Workplace, number: str, reading: CounterReading, takes: str) -> None:
    """Record that an operator mounted a roll, and what the machine's counters were. Raises as `check_mounting`."""

    def work(tx: Connection) -> None:
        last = check_mounting(tx, number, reading.machine, takes)
        on = _on(tx, reading.machine)
        turn = 1 if on is None else on.machine_step + 1
        step = _step(here, number, last.step + 1, RollAct.MOUNTED) | _read(reading, turn, emulated=here.emulated)
        _record(tx, here, RollAct.MOUNTED, [step])

    _written(here.database, number, work)


def take_off(here: Workplace, number: str, reading: CounterReading | None) -> None:
    """Record that an operator took a roll off, what the machine's counters are, and what was booked meanwhile.

    `reading`: None where the machine can't answer, which the list says of the roll for good. Raises as
    `check_taking_off`.
    """

    def work(tx: Connection) -> None:
        on = check_taking_off(tx, number)
        if reading is not None and on.machine != reading.machine:
            raise ValueError(f"roll {number} is on {on.machine}, and {reading.machine} was read")
        between = {"machine": on.machine, "from_us": on.at_us, "to_us": clock_us(tx)}
        booked, fed_twice = _BOOKED.run(tx, between).fetchone(), _FED_TWICE.run(tx, between).fetchone()
        assert booked is not None and fed_twice is not None  # noqa: S101 sums have one row
        made, spoiled, settled = map(int, booked)
        books = {"made": made, "spoiled": spoiled, "unsure": settled + int(fed_twice[0])}
        turn = on.machine_step + 1
        read = (
            {"machine": on.machine, "machine_step": turn}
            if reading is None
            else _read(reading, turn, emulated=here.emulated)
        )
        _record(tx, here, RollAct.TAKEN_OFF, [_step(here, number, on.step + 1, RollAct.TAKEN_OFF) | read | books])

    _written(here.database, number, work)


def _last(conn: Connection, number: str) -> Any | None:
    own = select(_STEP).where(_STEP.c.number == number)
    return conn.execute(own.order_by(_STEP.c.step.desc()).limit(1)).one_or_none()


def _on(conn: Connection, machine: str) -> Any | None:
    """What was mounted on a machine or taken off it last."""
    latest = select(func.max(_STEP.c.machine_step)).where(_STEP.c.machine == machine).scalar_subquery()
    own = select(_STEP).where(_STEP.c.machine == machine, _STEP.c.machine_step == latest)
    return conn.execute(own).one_or_none()


def _refuse_in_work(conn: Connection, machine: str, number: str) -> None:
    if _IN_WORK.run(conn, {"machine": machine}).fetchone() is not None:
        raise PieceInWorkError(machine, number)


def _step(here: Workplace, number: str, step: int, act: RollAct) -> dict[str, Any]:
    """The columns that every step has; those of the machine and the books are empty."""
    row: dict[str, Any] = dict.fromkeys(column.name for column in _STEP.columns)
    first = here.party(0)
    row |= {"number": number, "step": step, "act": act.value, "shift": here.shift, "emulated": here.emulated}
    row |= {"person": first.person, "sign_in": first.sign_in}
    if len(rules.HANDS[act]) > 1:
        second = here.party(1)
        row |= {"second_person": second.person, "second_sign_in": second.sign_in}
    return row


def _read(reading: CounterReading, turn: int, *, emulated: bool) -> dict[str, Any]:
    return {
        "machine": reading.machine,
        "machine_serial": reading.machine_serial,
        "journal_id": reading.journal_id,
        "good": reading.good,
        "rejected": reading.rejected,
        "machine_step": turn,
        "emulated": emulated or reading.emulated,
    }


def _record(
    tx: Connection, here: Workplace, act: RollAct, steps: Sequence[dict[str, Any]], facts: dict[str, Any] | None = None
) -> None:
    """Write the steps of one act, and in the log, signed and sealed, what each of them says."""
    now_us = clock_us(tx)
    for step in steps:
        step["at_us"] = now_us
    tx.execute(insert(RollStep), list(steps))
    first, second = here.party(0), here.party(1) if len(rules.HANDS[act]) > 1 else None
    entries = [
        Entry(
            Register.ROLL,
            step["number"],
            f"step-{step['step']}",
            rules.told((facts or {}).get(step["number"], {}) | step),
        )
        for step in steps
    ]
    by = register.administration(first.person, first.sign_in)
    emulated = any(step["emulated"] for step in steps)
    stamp = Stamp(now_us, emulated, second_sign_in=second.sign_in if second else None)
    register.record(tx, by, second.person if second else None, entries, stamp)


def _written(database: Database, number: str, work: Callable[[Connection], T]) -> T:
    """What `work` returns; what it looked at may have changed before it wrote, and then the guards refuse it."""
    try:
        return database.write(work)
    except IntegrityError as error:
        raise RollAtOnceError(number) from error
