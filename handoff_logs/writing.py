"""Writing one custody event with its unit rows, and knowing one that is written already."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from handoff_logs import whereabouts
from handoff_logs.dialects import clock_us, insert_row, insert_rows, listed
from handoff_logs.errors import (
    EventIdReusedError,
    FreeTextError,
    IllegalMoveError,
    NotInsideError,
    NumberTakenError,
    SamePersonError,
    WrongStationError,
)
from handoff_logs.freezing import refuse_frozen
from handoff_logs.moves import Turn
from handoff_logs.records import (
    CASE_FIELDS,
    EVENT_FIELDS,
    REGISTER_FIELDS,
    SCHEMA_VERSION,
    UNIT_FIELDS,
    Act,
    Birth,
    CaseKind,
    Party,
    State,
    new_id,
    units_root,
)
from handoff_logs.refusals import translated
from handoff_logs.signing import sign, sign_each
from handoff_logs.statements import Statement
from handoff_logs.whereabouts import Standing

Value = str | int | bool | None
Event = dict[str, Value]
"""The columns of a custody event by name."""

_CODE: Final = re.compile(r"[!-~]+", re.ASCII)
"""What may stand in a record: a word without spaces in plain ASCII, so that nobody's name does."""
_WORDS: Final = ("person", "second_person", "to_place", "reason", "corrects_value")
_EVENT_COLUMNS = (*EVENT_FIELDS, "signature", "second_signature")
_EVENT_INTEGERS = frozenset(
    {
        *("key_number", "second_key_number", "priority", "count_expected", "count_counted", "happened_us", "due_us"),
        *("written_us", "last_position", "schema_version"),
    }
)
_EVENT_BOOLEANS = frozenset({"emulated"})
_UNIT_INTEGERS = frozenset({"step", "prev_step", "position"})
_NUMBER_FIELDS = ("unit_id", "kind", "number", "salt")
# What the database or the state of the units decides; everything else repeats when an act is repeated.
_NOT_REPEATED = frozenset(
    {
        *("written_us", "units_root", "last_position", "offer_hash", "offer_person", "case_id"),
        *("key_id", "key_number", "second_key_id", "second_key_number", "sign_in", "second_sign_in"),
    }
)

_SELECT_EVENT = Statement(f"SELECT {', '.join(EVENT_FIELDS)} FROM custody_event WHERE event_id = :event_id")  # noqa: S608
_SELECT_NAMED = Statement(
    "SELECT unit_id, position FROM custody_unit WHERE event_id = :event_id"
    " UNION ALL SELECT unit_id, 0 FROM custody_case WHERE event_id = :event_id AND kind <> 'missing' ORDER BY 2, 1"
)
_NUMBERS_TAKEN = Statement("SELECT number FROM unit_number WHERE kind = :kind AND number IN {ids}")


@dataclass(frozen=True, slots=True)
class Stamp:
    """When and by what means an act happened.

    `happened_us`, `due_us`: integer microseconds UTC. `reason` is a code, never free text. `event_id`: give one made
    beforehand to make the act repeatable after a lost answer. `second_sign_in`: by which the second person signs.
    """

    happened_us: int
    emulated: bool
    reason: str | None = None
    machine: str | None = None
    tray: str | None = None
    due_us: int | None = None
    event_id: str | None = None
    second_sign_in: str | None = None


class Change(NamedTuple):
    """A unit after the act."""

    unit_id: str
    step: int
    kind: str
    state: str
    station: str
    place: str
    person: str
    handoff_id: str | None = None
    container: str | None = None
    outcome: str | None = None
    number_hash: str | None = None


class Entry(NamedTuple):
    """One fact of a register: `value` (400 characters at most) of a subject's field; None where it ends."""

    register: str
    subject: str
    field: str
    value: str | None


class Difference(NamedTuple):
    """A unit that a count found missing, too many, or in another's stead."""

    case_id: str
    unit_id: str
    kind: CaseKind


def draft(act: Act, by: Party, stamp: Stamp, *, expected: int, counted: int | None = None, **facts: Value) -> Event:
    """Return the columns of an event before its units are known; `facts` name further columns.

    Raises SamePersonError where one person would be both hands, or on both sides.
    """
    event_id = stamp.event_id or new_id()
    event: Event = dict.fromkeys(EVENT_FIELDS)
    event |= {
        "event_id": event_id,
        "handoff_id": event_id,
        "act": act.value,
        "from_station": by.station,
        "person": by.person,
        "sign_in": by.sign_in,
        "second_sign_in": stamp.second_sign_in,
        "machine": stamp.machine,
        "shift": by.shift,
        "tray": stamp.tray,
        "count_expected": expected,
        "count_counted": expected if counted is None else counted,
        "happened_us": stamp.happened_us,
        "due_us": stamp.due_us,
        "reason": stamp.reason,
        "schema_version": SCHEMA_VERSION,
        "emulated": stamp.emulated,
    }
    event |= facts
    if event["second_person"] == by.person or event["offer_person"] == by.person:
        raise SamePersonError(act.value, by.person)
    return event


def stored_event(tx: Connection, event_id: str) -> Event | None:
    """Return a written event's hashed columns, or None."""
    row = _SELECT_EVENT.run(tx, {"event_id": event_id}).fetchone()
    if row is None:
        return None
    event: Event = dict(zip(EVENT_FIELDS, row, strict=True))
    event["emulated"] = bool(event["emulated"])
    return event


def is_repeated(tx: Connection, stamp: Stamp, event: Event, unit_ids: Iterable[str]) -> bool:
    """Say whether this very act is written already. Raises EventIdReusedError for another act under its id."""
    if stamp.event_id is None:
        return False
    stored = stored_event(tx, stamp.event_id)
    if stored is None:
        return False
    same = all(stored[field] == event[field] for field in EVENT_FIELDS if field not in _NOT_REPEATED)
    named = [row[0] for row in _SELECT_NAMED.run(tx, {"event_id": stamp.event_id}).fetchall()]
    if not same or sorted(named) != sorted(unit_ids):
        raise EventIdReusedError(stamp.event_id)
    return True


def turned(
    turn: Turn,
    unit: Standing,
    *,
    place: str,
    person: str,
    station: str | None = None,
    handoff_id: str | None = None,
    container: str | None = None,
    outcome: str | None = None,
) -> Change:
    """Return a unit after `turn`. Raises IllegalMoveError when its state doesn't allow it."""
    after = turn.to.get(unit.state)
    if after is None:
        raise IllegalMoveError(turn.act.value, unit.unit_id, unit.state, unit.station)
    return Change(
        unit.unit_id,
        unit.step + 1,
        unit.kind,
        after.value,
        station or unit.station,
        place,
        person,
        handoff_id,
        container,
        outcome,
    )


def born(birth: Birth, by: Party, place: str) -> Change:
    """Return a new unit's first step."""
    return Change(
        birth.unit_id,
        1,
        birth.kind.value,
        State.HELD.value,
        by.station,
        place,
        by.person,
        number_hash=birth.number_hash,
    )


def held_by(act: Act, by: Party, units: Iterable[Standing]) -> None:
    """Raise WrongStationError unless every unit is `by`'s station's to answer for."""
    for unit in units:
        if unit.station != by.station:
            raise WrongStationError(act.value, f"unit {unit.unit_id}", by.station, unit.station)


def write(
    tx: Connection,
    event: Event,
    changes: Sequence[Change],
    *,
    births: Sequence[Birth] = (),
    differences: Sequence[Difference] = (),
    case_station: str | None = None,
    entries: Sequence[Entry] = (),
) -> str:
    """Sign and write the event with all its rows, and bring the line tables up to date. Returns the event id.

    Raises FreeTextError for a person, place, reason or corrected value that is no code.
    """
    refuse_frozen(tx, str(event["act"]), by_two=event["second_person"] is not None)
    _refuse_free_text(event, changes)
    event_id = str(event["event_id"])
    event["written_us"] = clock_us(tx)
    rows = [_row(event_id, position, change) for position, change in enumerate(changes, start=1)]
    cases = sorted(
        (d.case_id, event_id, event["handoff_id"], d.unit_id, d.kind.value, case_station, event["written_us"])
        for d in differences
    )
    facts = [(event_id, position, *entry) for position, entry in enumerate(entries, start=1)]
    event["last_position"] = len(rows) or None
    event["units_root"] = units_root(rows, cases, facts)
    signatures = sign(tx, event)
    try:
        insert_row(tx, "custody_event", _EVENT_COLUMNS, [*(event[field] for field in EVENT_FIELDS), *signatures])
    except IntegrityError as error:
        refusal = translated(error)
        if isinstance(refusal, NotInsideError):
            raise _not_inside(event, refusal.hand) from error
        raise
    insert_rows(tx, "custody_case", CASE_FIELDS, cases, frozenset({"opened_us"}))
    insert_rows(tx, "custody_register", REGISTER_FIELDS, facts, frozenset({"position"}))
    insert_rows(tx, "custody_unit", UNIT_FIELDS, rows, _UNIT_INTEGERS)
    _write_numbers(tx, births)
    if rows:
        whereabouts.follow(tx, event_id)
    return event_id


def write_each(tx: Connection, drafts: Sequence[tuple[Event, Sequence[Change]]]) -> None:
    """Write several events of one act, one station and the same signers, a record each, in a few statements for all.

    No two of them are about one unit, and none has cases, entries of registers or births. Raises FreeTextError.
    """
    if not drafts:
        return
    first = drafts[0][0]
    refuse_frozen(tx, str(first["act"]), by_two=first["second_person"] is not None)
    written_us, rows = clock_us(tx), []
    for event, changes in drafts:
        _refuse_free_text(event, changes)
        event["written_us"] = written_us
        own = [_row(str(event["event_id"]), position, change) for position, change in enumerate(changes, start=1)]
        event["last_position"] = len(own)
        event["units_root"] = units_root(own)
        rows += own
    events = [event for event, _ in drafts]
    signatures = sign_each(tx, events)
    heads = [
        [*(event[field] for field in EVENT_FIELDS), *signed] for event, signed in zip(events, signatures, strict=True)
    ]
    insert_rows(tx, "custody_event", _EVENT_COLUMNS, heads, _EVENT_INTEGERS, _EVENT_BOOLEANS)
    insert_rows(tx, "custody_unit", UNIT_FIELDS, rows, _UNIT_INTEGERS)
    whereabouts.follow_each(tx, [str(event["event_id"]) for event in events])


def _not_inside(event: Event, hand: str) -> NotInsideError:
    answers = event["act"] in (Act.ACCEPT.value, Act.REFUSE.value)
    station = event["to_station" if answers else "from_station"]
    return NotInsideError(str(event["act"]), hand, str(event[hand]), str(station))


def _row(event_id: str, position: int, change: Change) -> tuple[Value, ...]:
    unit_id, step, kind, state, station, place, person, handoff_id, container, outcome, number_hash = change
    previous = step - 1 if step > 1 else None
    return (
        *(unit_id, step, previous, event_id, position, kind, state, station, place, person),
        *(handoff_id, container, None, outcome, number_hash),
    )


def _write_numbers(tx: Connection, births: Sequence[Birth]) -> None:
    numbered = [birth for birth in births if birth.number is not None]
    if not numbered:
        return
    if len(numbered) > 1:
        # By kind, because the numbers are unique and indexed within one.
        for kind in {birth.kind.value for birth in numbered}:
            wanted = listed(str(birth.number) for birth in numbered if birth.kind == kind)
            if taken := _NUMBERS_TAKEN.run(tx, {"kind": kind, "ids": wanted}).fetchone():
                raise NumberTakenError(kind, taken[0])
    rows = [(birth.unit_id, birth.kind.value, birth.number, birth.salt) for birth in numbered]
    try:
        insert_rows(tx, "unit_number", _NUMBER_FIELDS, rows, frozenset())
    except IntegrityError as error:
        # The constraint decides; it does not say which number it was, unless there is but one.
        refusal = translated(error)
        if len(numbered) == 1 and isinstance(refusal, NumberTakenError):
            raise NumberTakenError(numbered[0].kind.value, numbered[0].number) from error
        raise


def _refuse_free_text(event: Event, changes: Sequence[Change]) -> None:
    """Nobody's name is in a record that is kept for good; what is refused is not repeated."""
    for field in _WORDS:
        if (value := event[field]) is not None and _CODE.fullmatch(str(value)) is None:
            raise FreeTextError(str(event["act"]), field)
    for field, words in (("place", {change.place for change in changes}), ("person", {one.person for one in changes})):
        if any(_CODE.fullmatch(word) is None for word in words):
            raise FreeTextError(str(event["act"]), field)
