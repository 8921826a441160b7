"""The two-sided acts: one station's offer and the answers it can have."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from sqlalchemy import Connection

from handoff_logs import whereabouts
from handoff_logs.dialects import listed
from handoff_logs.errors import AlreadyAnsweredError, CustodyRefusedError, UnknownHandoffError, WrongStationError
from handoff_logs.moves import (
    ACCEPTING,
    ACCEPTING_OUTSIDE,
    MISSING,
    OFFERING,
    REFUSING,
    TAKING_BACK,
    TAKING_BACK_MISSING,
    VOID_DESTINATIONS,
    WITHDRAWING,
    Turn,
)
from handoff_logs.offers import close_offer, open_offer
from handoff_logs.records import Act, CaseKind, Party, State, event_hash, is_outside, new_id
from handoff_logs.statements import Statement
from handoff_logs.tables import TWO_SIDED
from handoff_logs.whereabouts import Standing
from handoff_logs.writing import (
    Change,
    Difference,
    Event,
    Stamp,
    draft,
    held_by,
    is_repeated,
    stored_event,
    turned,
    write,
)

REASON_MISSING = "missing"
"""The reason of the refusal that records what a count did not find."""


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer as written: `hash` is what its answer must carry. `handoff_id` is the offer's own event id."""

    handoff_id: str
    event_id: str
    hash: str


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What a count found: units accepted, missing (the sender still answers) and surplus, and the cases opened."""

    event_id: str
    accepted: tuple[str, ...]
    missing: tuple[str, ...]
    surplus: tuple[str, ...]
    cases: tuple[str, ...]


class _Offered(NamedTuple):
    """An offer and its units as the offer left them."""

    handoff_id: str
    event: Event
    units: list[Standing]


_OFFERED_UNITS = Statement(
    "SELECT unit_id, step, kind, state, station, place, person, handoff_id, container FROM custody_unit"
    " WHERE event_id = :event_id ORDER BY position"
)
# The index of answers is partial; SQLite takes it only where its own condition is repeated word for word.
_INDEXED = f"act IN ({TWO_SIDED})"
_ANSWERED = Statement(
    f"SELECT 1 FROM custody_event WHERE handoff_id = :handoff_id AND {_INDEXED}"  # noqa: S608 own words
    " AND act IN ('accept', 'refuse', 'withdraw')"
)
_ANSWER_ROWS = Statement(
    "SELECT event.event_id, unit.unit_id, unit.handoff_id FROM custody_event AS event"  # noqa: S608 own words
    f" JOIN custody_unit AS unit ON unit.event_id = event.event_id WHERE event.handoff_id = :handoff_id AND {_INDEXED}"
    " AND event.act IN ('accept', 'refuse', 'take_back') AND (event.act = 'take_back') = :recounted"
    " ORDER BY event.act, unit.position"
)
_ANSWER_CASES = Statement("SELECT case_id, unit_id, kind FROM custody_case WHERE event_id IN {ids} ORDER BY case_id")


def offer(
    tx: Connection, by: Party, place: str, to_station: str, units: Sequence[str], *, priority: int, stamp: Stamp
) -> Offer:
    """Offer held or void units to another station; until the answer `by` still answers for them.

    `priority`: 0 green channel, 1 remake, 2 ordinary. Raises UnknownUnitError, WrongStationError, IllegalMoveError,
    CustodyRefusedError for void units that would go to any but VOID_DESTINATIONS.
    """
    event = draft(Act.OFFER, by, stamp, expected=len(units), from_place=place, to_station=to_station, priority=priority)
    event_id = str(event["event_id"])
    if is_repeated(tx, stamp, event, units):
        return Offer(event_id, event_id, event_hash(_offered(tx, event_id).event))
    standing = whereabouts.standing(tx, units)
    held_by(Act.OFFER, by, standing)
    if to_station not in VOID_DESTINATIONS and any(unit.state == State.VOID for unit in standing):
        raise CustodyRefusedError(f"void units go to {' or '.join(sorted(VOID_DESTINATIONS))}, not {to_station}")
    changes = [turned(OFFERING, unit, place=place, person=by.person, handoff_id=event_id) for unit in standing]
    write(tx, event, changes)
    open_offer(tx, event, {unit.kind for unit in standing})
    return Offer(event_id, event_id, event_hash(event))


def accept(tx: Connection, by: Party, handoff_id: str, counted: Sequence[str], place: str, stamp: Stamp) -> Acceptance:
    """Accept what was counted of an offer; whatever the count did not find stays with the sender as `missing`.

    `counted`: the unit ids that were scanned, blind. Each unit missing, surplus or swapped opens a case. What is
    missing is written as a refusal beside the acceptance; when nothing was found, the refusal is all. Raises
    AlreadyAnsweredError, SamePersonError, WrongStationError, UnknownHandoffError, UnknownUnitError.
    """
    offered = _offered(tx, handoff_id)
    _answered_by(Act.ACCEPT, by, offered.event, "to_station")
    present, absent, surplus = _count(offered.units, counted)
    found, expected = len(set(counted)), len(offered.units)
    lack = replace(stamp, reason=REASON_MISSING, event_id=None if present else stamp.event_id)
    refusal = _answer(Act.REFUSE, by, offered, lack, len(absent), 0 if present else found)
    event = _answer(Act.ACCEPT, by, offered, stamp, expected, found, to_place=place) if present else refusal
    named = set(counted) if present else {unit.unit_id for unit in absent} | set(counted)
    if is_repeated(tx, stamp, event, named):
        return _acceptance(tx, handoff_id)
    _close(tx, handoff_id)
    strays = _surplus_cases(tx, absent, surplus)
    if present:
        turn = ACCEPTING_OUTSIDE if is_outside(by.station) else ACCEPTING
        changes = [turned(turn, unit, place=place, person=by.person, station=by.station) for unit in present]
        write(tx, event, changes, differences=strays, case_station=by.station)
        strays = []
    if absent:
        gone = [_unmoved(MISSING, unit, handoff_id) for unit in absent]
        write(tx, refusal, gone, differences=[*_missing_cases(absent), *strays], case_station=by.station)
    return _acceptance(tx, handoff_id)


def refuse(tx: Connection, by: Party, handoff_id: str, stamp: Stamp) -> str:
    """Refuse a whole offer: the units are in `by`'s hands, and the sender, who still answers, takes them back.

    Raises AlreadyAnsweredError, SamePersonError, WrongStationError, UnknownHandoffError, and CustodyRefusedError for
    the reason that only a count gives.
    """
    if stamp.reason == REASON_MISSING:
        raise CustodyRefusedError("units are recorded as missing by accepting what was counted, not by a refusal")
    offered = _offered(tx, handoff_id)
    _answered_by(Act.REFUSE, by, offered.event, "to_station")
    event = _answer(Act.REFUSE, by, offered, stamp, len(offered.units), 0)
    if not is_repeated(tx, stamp, event, [unit.unit_id for unit in offered.units]):
        _close(tx, handoff_id)
        write(tx, event, [_unmoved(REFUSING, unit, handoff_id) for unit in offered.units])
    return str(event["event_id"])


def withdraw(tx: Connection, by: Party, handoff_id: str, stamp: Stamp) -> str:
    """Take an offer back before it has any answer.

    Raises AlreadyAnsweredError, WrongStationError for any but the offering station, UnknownHandoffError.
    """
    offered = _offered(tx, handoff_id)
    _answered_by(Act.WITHDRAW, by, offered.event, "from_station")
    event = _answer(Act.WITHDRAW, by, offered, stamp, len(offered.units), len(offered.units))
    if not is_repeated(tx, stamp, event, [unit.unit_id for unit in offered.units]):
        _close(tx, handoff_id)
        write(tx, event, [turned(WITHDRAWING, unit, place=unit.place, person=by.person) for unit in offered.units])
    return str(event["event_id"])


def take_back(
    tx: Connection, by: Party, handoff_id: str, counted: Sequence[str], place: str, stamp: Stamp
) -> Acceptance:
    """Take back a refused offer with a recount; what the recount does not find becomes `missing`, a case each.

    `counted`: the unit ids that were scanned, blind. Raises AlreadyAnsweredError, IllegalMoveError for an offer that
    was not refused, WrongStationError for any but the offering station, UnknownHandoffError.
    """
    offered = _offered(tx, handoff_id)
    _answered_by(Act.TAKE_BACK, by, offered.event, "from_station")
    event = _answer(Act.TAKE_BACK, by, offered, stamp, len(offered.units), len(set(counted)), to_place=place)
    names = [unit.unit_id for unit in offered.units]
    if is_repeated(tx, stamp, event, {*names, *counted}):
        return _acceptance(tx, handoff_id, recounted=True)
    standing = whereabouts.standing(tx, names)
    if any(unit.handoff_id != handoff_id for unit in standing):
        raise AlreadyAnsweredError(handoff_id)
    present, absent, surplus = _count(standing, counted)
    changes = [turned(TAKING_BACK, unit, place=place, person=by.person) for unit in present]
    changes += [
        turned(TAKING_BACK_MISSING, unit, place=unit.place, person=by.person, handoff_id=handoff_id) for unit in absent
    ]
    differences = [*_missing_cases(absent), *_surplus_cases(tx, absent, surplus)]
    write(tx, event, changes, differences=differences, case_station=by.station)
    return _acceptance(tx, handoff_id, recounted=True)


def _offered(tx: Connection, handoff_id: str) -> _Offered:
    event = stored_event(tx, handoff_id)
    if event is None or event["act"] != Act.OFFER:
        raise UnknownHandoffError(handoff_id)
    rows = _OFFERED_UNITS.run(tx, {"event_id": handoff_id}).fetchall()
    return _Offered(handoff_id, event, [Standing._make((*row, None, None, None, 0)) for row in rows])


def _answered_by(act: Act, by: Party, offer_event: Event, side: str) -> None:
    rightful = str(offer_event[side])
    if by.station != rightful:
        raise WrongStationError(act.value, f"handoff {offer_event['event_id']}", by.station, rightful)


def _answer(
    act: Act, by: Party, offered: _Offered, stamp: Stamp, expected: int, counted: int, to_place: str | None = None
) -> Event:
    return draft(
        act,
        by,
        stamp,
        expected=expected,
        counted=counted,
        handoff_id=offered.handoff_id,
        from_station=offered.event["from_station"],
        from_place=offered.event["from_place"],
        to_station=offered.event["to_station"],
        to_place=to_place,
        offer_id=offered.handoff_id,
        offer_person=offered.event["person"] if act in (Act.ACCEPT, Act.REFUSE) else None,
        offer_hash=event_hash(offered.event),
    )


def _unmoved(turn: Turn, unit: Standing, handoff_id: str) -> Change:
    return turned(turn, unit, place=unit.place, person=unit.person, handoff_id=handoff_id)


def _close(tx: Connection, handoff_id: str) -> None:
    """Take the offer off the queue, which makes a second answer wait for the first and then find it answered."""
    if not close_offer(tx, handoff_id) and _ANSWERED.run(tx, {"handoff_id": handoff_id}).fetchone():
        raise AlreadyAnsweredError(handoff_id)


def _count(units: Sequence[Standing], counted: Sequence[str]) -> tuple[list[Standing], list[Standing], list[str]]:
    scanned = set(counted)
    present = [unit for unit in units if unit.unit_id in scanned]
    absent = [unit for unit in units if unit.unit_id not in scanned]
    return present, absent, sorted(scanned - {unit.unit_id for unit in present})


def _missing_cases(absent: Sequence[Standing]) -> list[Difference]:
    return [Difference(new_id(), unit.unit_id, CaseKind.MISSING) for unit in absent]


def _surplus_cases(tx: Connection, absent: Sequence[Standing], surplus: Sequence[str]) -> list[Difference]:
    """A stray unit is `swapped` while a missing one of its kind can be what it was taken for, else `surplus`."""
    lacking = Counter(unit.kind for unit in absent)
    cases = []
    for unit in whereabouts.standing(tx, surplus) if surplus else ():
        swapped = lacking[unit.kind] > 0
        lacking[unit.kind] -= swapped
        cases.append(Difference(new_id(), unit.unit_id, CaseKind.SWAPPED if swapped else CaseKind.SURPLUS))
    return cases


def _acceptance(tx: Connection, handoff_id: str, *, recounted: bool = False) -> Acceptance:
    rows = _ANSWER_ROWS.run(tx, {"handoff_id": handoff_id, "recounted": recounted}).fetchall()
    events = list(dict.fromkeys(row[0] for row in rows))
    cases = _ANSWER_CASES.run(tx, {"ids": listed(events)}).fetchall()
    return Acceptance(
        events[0],
        tuple(row[1] for row in rows if row[2] is None),
        tuple(row[1] for row in rows if row[2] is not None),
        tuple(case[1] for case in cases if case[2] != CaseKind.MISSING),
        tuple(case[0] for case in cases),
    )
