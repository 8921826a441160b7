"""The gate's records: a passage is begun, stepped and ended in transactions of their own, each before what it allows.

What has ended is an entry of the log's register `gate`, signed and sealed; whoever entered is inside by that entry.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from devices.roles import Position
from handoff_logs import register
from handoff_logs.database import Database
from handoff_logs.dialects import clock_us
from handoff_logs.errors import AtGateError
from handoff_logs.log import Stamp
from handoff_logs.register import Register
from handoff_logs.statements import Statement
from handoff_logs.writing import Entry
from stations.gate import rules
from stations.gate.admission import is_admitted
from stations.gate.errors import (
    GateMovedError,
    NobodyOfThisCodeError,
    NothingToSettleAtGateError,
    OwnPassageError,
    PassageUnderWayError,
)
from stations.gate.rules import Direction, Found, Outcome, Step
from stations.gate.tables import GateEnding, GatePassage, GateStep
from stations.people import EMULATED_PREFIX, Role
from stations.people_register.sign_in import PERSON, roles_of
from stations.shift.counting import Signers
from stations.shift.rules import SECONDS

T = TypeVar("T")
NOBODY: Final = "nobody"
"""Whom the log names where a reader's number is nobody's."""

_LAST: Final = Statement(
    "SELECT its.number, its.direction, its.person, its.reader, its.shower, its.cycle_memory, its.cycles, its.begun_us,"
    " its.emulated, (SELECT step.at_us FROM gate_step AS step"
    " WHERE step.number = its.number AND step.step = 'second-door') AS second_us,"
    " (SELECT step.reason FROM gate_step AS step WHERE step.number = its.number AND step.step = 'unknown') AS unknown,"
    " EXISTS (SELECT 1 FROM gate_ending AS ended WHERE ended.number = its.number) AS has_ended"
    " FROM gate_passage AS its ORDER BY its.number DESC LIMIT 1"
)
_TOLD: Final = Statement(
    "SELECT memory, recognition FROM gate_passage WHERE reader = :reader ORDER BY number DESC LIMIT 1"
)
_STAY: Final = Statement("SELECT stay, since_us FROM inside WHERE person = :person")
_INSIDE: Final = Statement("SELECT person, since_us FROM inside ORDER BY since_us, person")
_CREW: Final = Statement(
    "SELECT shift.shift_id, EXISTS (SELECT 1 FROM shift_person AS its"
    " WHERE its.shift_id = shift.shift_id AND its.code = :person)"
    " OR :person IN (opening.counted_by, opening.counted_second)"
    " FROM shift JOIN shift_count AS opening ON opening.count_id = shift.opening_count WHERE NOT shift.closed"
)
_LEAD_INSIDE: Final = Statement(
    "SELECT EXISTS (SELECT 1 FROM inside JOIN person_role ON person_role.code = inside.person"
    " WHERE person_role.role = 'lead')"
)


@dataclass(frozen=True, slots=True)
class Recognised:
    """Who stands at which reader, by its own count; `person` is None for a number that is nobody's."""

    direction: Direction
    person: str | None
    reader: str
    position: Position
    missed: int


@dataclass(frozen=True, slots=True)
class Passage:
    """One passage as it stands: `before` is the shower's count at its beginning, `unknown` why nobody can tell."""

    number: int
    direction: Direction
    person: str | None
    reader: str | None
    shower: str | None
    before: Position | None
    begun_us: int
    emulated: bool
    second: bool
    unknown: str | None


def under_way(conn: Connection) -> Passage | None:
    """The passage that has begun and not ended; there is one at most."""
    row = _LAST.run(conn).fetchone()
    if row is None or row[11]:
        return None
    number, direction, person, reader, shower, memory, cycles, begun_us, emulated, second_us, unknown, _ = row
    before = None if memory is None else Position(memory, cycles)
    return Passage(
        number, Direction(direction), person, reader, shower, before, begun_us, bool(emulated),
        second_us is not None, unknown,
    )  # fmt: skip


def told(conn: Connection, reader: str) -> Position | None:
    """The last recognition of a reader that is recorded."""
    row = _TOLD.run(conn, {"reader": reader}).fetchone()
    return None if row is None else Position(*row)


def inside_now(conn: Connection) -> dict[str, int]:
    """Who is inside and since when (microseconds UTC), the longest first."""
    return {str(person): int(since_us) for person, since_us in _INSIDE.run(conn).fetchall()}


def begin(
    database: Database, found: Recognised, shower: str, before: Position | None, why: str | None, *, emulated: bool
) -> Passage | str:
    """Begin the passage of somebody recognised, which allows its first door; or record why it is refused (a code).

    `why`: what stands against it already. `before`: the shower's count, None where it was not asked.
    Raises GateMovedError.
    """

    def work(tx: Connection) -> Passage | str:
        if under_way(tx) is not None:
            raise GateMovedError
        person = found.person
        against = why or _against(tx, found, emulated=emulated)
        number = _next_number(tx)
        now_us = clock_us(tx)
        tx.execute(
            insert(GatePassage).values(
                number=number,
                direction=found.direction.value,
                person=person,
                reader=found.reader,
                memory=found.position.memory,
                recognition=found.position.number,
                missed=found.missed,
                shower=None if before is None else shower,
                cycle_memory=None if before is None else before.memory,
                cycles=None if before is None else before.number,
                begun_us=now_us,
                emulated=emulated,
            )
        )
        begun = Passage(
            number, found.direction, person, found.reader, None if before is None else shower, before, now_us,
            emulated, second=False, unknown=None,
        )  # fmt: skip
        if against is None:
            return begun
        _end(tx, begun, Outcome.REFUSED, against)
        return against

    return _written(database, work)


def allow_second(database: Database, passage: Passage, cycles: int) -> None:
    """Commit that the second door of a passage is released next, at the shower's count `cycles`."""

    def work(tx: Connection) -> None:
        step = Step.SECOND_DOOR.value
        tx.execute(insert(GateStep).values(number=passage.number, step=step, at_us=clock_us(tx), cycles=cycles))

    _written(database, work)


def give_up(database: Database, passage: Passage, why: str) -> None:
    """Record that nobody can tell what became of a passage; it waits for two people."""

    def work(tx: Connection) -> None:
        now_us = _unknown(tx, passage, why)
        _record(tx, passage, "unknown", f"unknown-{passage.number}", now_us, why, None)

    _written(database, work)


def end(database: Database, passage: Passage, outcome: Outcome, why: str | None) -> None:
    """End a passage as the machines told it."""
    _written(database, lambda tx: _end(tx, passage, outcome, why))


def check_settle(conn: Connection, code: str, found: Found, signers: tuple[str, ...] = ()) -> Passage | None:
    """The passage of a person that waits for two people; None where they were just found elsewhere than recorded.

    Raises PassageUnderWayError, OwnPassageError, NobodyOfThisCodeError, NothingToSettleAtGateError.
    """
    if code in signers:
        raise OwnPassageError(code)
    open_now = under_way(conn)
    if open_now is not None and (open_now.person != code or open_now.unknown is None):
        raise PassageUnderWayError(open_now.number, open_now.person)
    is_inside = _STAY.run(conn, {"person": code}).fetchone() is not None
    if not is_inside and not _is_known(conn, code):
        raise NobodyOfThisCodeError(code)
    if open_now is None and is_inside == (found is Found.INSIDE):
        raise NothingToSettleAtGateError(code, found.value)
    return open_now


def settle(database: Database, code: str, found: Found, by: Signers, *, emulated: bool) -> Outcome:
    """Record where two people found a person, by which an unknown passage of theirs ends. Raises as `check_settle`."""

    def work(tx: Connection) -> Outcome:
        passage = check_settle(tx, code, found, (by.first, by.second))
        if passage is None:
            passage = _without_machines(tx, code, found, emulated=emulated)
        outcome = rules.SETTLED[passage.direction, found]
        _end(tx, passage, outcome, "settled", by)
        return outcome

    return _written(database, work)


def _without_machines(tx: Connection, code: str, found: Found, *, emulated: bool) -> Passage:
    direction = Direction.IN if found is Found.INSIDE else Direction.OUT
    number, now_us = _next_number(tx), clock_us(tx)
    facts = {"number": number, "direction": direction.value, "person": code, "missed": 0}
    tx.execute(insert(GatePassage).values(**facts, begun_us=now_us, emulated=emulated))
    passage = Passage(
        number, direction, code, None, None, None, now_us, emulated, second=False, unknown="found-by-two"
    )  # fmt: skip
    _unknown(tx, passage, "found-by-two")
    return passage


def _unknown(tx: Connection, passage: Passage, why: str) -> int:
    now_us = clock_us(tx)
    tx.execute(insert(GateStep).values(number=passage.number, step=Step.UNKNOWN.value, at_us=now_us, reason=why))
    return now_us


def _next_number(tx: Connection) -> int:
    row = _LAST.run(tx).fetchone()
    return 1 if row is None else int(row[0]) + 1


def _against(tx: Connection, found: Recognised, *, emulated: bool) -> str | None:
    """Why somebody may not pass, as a code; None if they may."""
    person = found.person
    if person is None:
        return "unknown-number"
    is_inside = _STAY.run(tx, {"person": person}).fetchone() is not None
    if found.direction is Direction.OUT:
        return None if is_inside else "not-inside"
    if is_inside:
        return "inside-already"
    if person.startswith(EMULATED_PREFIX):
        return None if emulated else "emulated-person"
    if not _is_enrolled(tx, person):
        return "not-enrolled"
    shift = _CREW.run(tx, {"person": person}).fetchone()
    if shift is not None:
        return None if shift[1] or is_admitted(tx, shift[0], person) else "not-of-shift"
    # Blanks are counted inside before a shift is open: a lead comes first, then whoever counts beside them.
    roles = roles_of(tx, person)
    if Role.LEAD in roles:
        return None
    row = _LEAD_INSIDE.run(tx).fetchone()
    return None if row is not None and row[0] and not roles.isdisjoint(SECONDS) else "no-shift"


def _is_enrolled(conn: Connection, code: str) -> bool:
    row = conn.execute(select(PERSON.c.ended_us).where(PERSON.c.code == code)).one_or_none()
    return row is not None and row.ended_us is None


def _is_known(conn: Connection, code: str) -> bool:
    if code.startswith(EMULATED_PREFIX):
        return rules.credential_of(code) is not None
    return _is_enrolled(conn, code)


def _end(tx: Connection, passage: Passage, outcome: Outcome, why: str | None, by: Signers | None = None) -> None:
    now_us = clock_us(tx)
    tx.execute(
        insert(GateEnding).values(
            number=passage.number,
            outcome=outcome.value,
            reason=why,
            ended_us=now_us,
            settled_by=None if by is None else by.first,
            settled_second=None if by is None else by.second,
            sign_in=None if by is None else by.first_sign_in,
            second_sign_in=None if by is None else by.second_sign_in,
        )
    )
    field = f"{outcome}-{passage.number}"
    if outcome is Outcome.LEFT:
        stay = _STAY.run(tx, {"person": passage.person}).fetchone()
        field = f"{outcome}-{'none' if stay is None else stay[0]}"
    _record(tx, passage, outcome.value, field, now_us, why, by)


def _record(
    tx: Connection, passage: Passage, what: str, field: str, now_us: int, why: str | None, by: Signers | None
) -> None:
    """Record in the log what became of a passage: who, which way, by which machines; nothing of a face."""
    value = f"{what} {passage.number} {passage.reader or '-'} {passage.shower or '-'}"
    entry = Entry(Register.GATE, passage.person or NOBODY, field, value)
    second_sign_in = None if by is None else by.second_sign_in
    stamp = Stamp(now_us, passage.emulated, reason=why, machine=passage.reader, second_sign_in=second_sign_in)
    party = register.administration() if by is None else register.administration(by.first, by.first_sign_in)
    register.record(tx, party, None if by is None else by.second, [entry], stamp)


def _written(database: Database, work: Callable[[Connection], T]) -> T:
    """What `work` returns; another who was first is told by the database."""
    try:
        return database.write(work)
    except (IntegrityError, AtGateError) as error:
        raise GateMovedError from error
