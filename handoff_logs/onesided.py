"""The one-sided acts on single units: what a station does with what it holds.

Each act is one event, whose id it returns; said again under the same event id, it writes nothing more. Whatever it is,
it raises UnknownUnitError for a unit that the log doesn't have, WrongStationError for one that another station answers
for, IllegalMoveError for one whose state doesn't allow it, SamePersonError for one person as both hands,
EventIdReusedError for another act under its id, and FreeTextError and NotInsideError as `writing.write`.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from handoff_logs import whereabouts
from handoff_logs.errors import CustodyRefusedError
from handoff_logs.moves import (
    CONSUMING,
    DESTROYING,
    DISPATCHING,
    DOUBTING,
    MERGING,
    MOVING,
    RETURNING,
    SPLITTING,
    VOIDING,
    Turn,
)
from handoff_logs.records import Act, Birth, Kind, Party, is_outside
from handoff_logs.writing import Event, Stamp, born, draft, held_by, is_repeated, turned, write

RECEIVABLE = frozenset({Kind.ORDER, Kind.BLANK, Kind.TRAY})
"""Kinds that enter the log by `receive`; documents come from blanks, parcels from packing."""
RECEIVED_BY_ONE = frozenset({Kind.ORDER, Kind.TRAY})
"""Kinds that one person may receive; two receive everything a forger would want."""


def receive(tx: Connection, by: Party, second: str | None, births: Sequence[Birth], place: str, stamp: Stamp) -> str:
    """Receive units from outside: new orders, blanks and trays, and units that went outside and come back.

    `second` (a person code) is needed for everything but orders and trays. Raises NumberTakenError, IllegalMoveError
    for a unit that never left, and CustodyRefusedError for a kind that is not received, or not by one person.
    """
    names = [birth.unit_id for birth in births]
    event = draft(Act.RECEIVE, by, stamp, expected=len(births), second_person=second, to_place=place)
    if is_repeated(tx, stamp, event, names):
        return str(event["event_id"])
    known = whereabouts.find(tx, names)
    new = [birth for birth in births if birth.unit_id not in known]
    for birth in births:
        if birth.kind not in RECEIVED_BY_ONE and second is None:
            raise CustodyRefusedError(f"a {birth.kind} is received by two people")
        if birth.unit_id not in known and birth.kind not in RECEIVABLE:
            raise CustodyRefusedError(f"a {birth.kind} is not born by receiving it")
    changes = [
        turned(RETURNING, known[birth.unit_id], place=place, person=by.person, station=by.station)
        if birth.unit_id in known
        else born(birth, by, place)
        for birth in births
    ]
    return write(tx, event, changes, births=new)


def move(
    tx: Connection, by: Party, units: Sequence[str], place: str, stamp: Stamp, *, second: str | None = None
) -> str:
    """Move units to another place of the same station; a tray in the stamp becomes theirs.

    `second`: who decides it with `by`, where two do.
    """
    event = draft(Act.MOVE, by, stamp, expected=len(units), to_place=place, second_person=second)
    return _apply(tx, by, units, place, MOVING, event, stamp)


def hand_over(tx: Connection, by: Party, outgoing: str, units: Sequence[str], stamp: Stamp) -> str:
    """Pass units of one station from `outgoing`, who answered for them, to `by`, each where it lies.

    Both sign at that moment, so nobody offers and nothing is in transit: one record of two people, whatever the units
    are: held, void, in doubt. `stamp.second_sign_in` is the outgoing person's.
    """
    event = draft(Act.MOVE, by, stamp, expected=len(units), second_person=outgoing)
    return _apply(tx, by, units, None, MOVING, event, stamp)


def split(tx: Connection, by: Party, units: Sequence[str], new_tray: str, stamp: Stamp) -> str:
    """Take held units out of their tray into `new_tray`, where they stand."""
    return _retray(tx, by, units, new_tray, SPLITTING, stamp)


def merge(tx: Connection, by: Party, units: Sequence[str], tray: str, stamp: Stamp) -> str:
    """Put held units into `tray`, where they stand."""
    return _retray(tx, by, units, tray, MERGING, stamp)


def doubt(tx: Connection, by: Party, units: Sequence[str], place: str, stamp: Stamp) -> str:
    """Quarantine units of which nobody can say what happened to them; two people settle them later."""
    event = draft(Act.MOVE, by, stamp, expected=len(units), to_place=place)
    return _apply(tx, by, units, place, DOUBTING, event, stamp)


def transform(tx: Connection, by: Party, order: str, blank: str, birth: Birth, place: str, stamp: Stamp) -> str:
    """Book one order and one blank as made into one document, which stands at `place` (the machine's good stack).

    Raises CustodyRefusedError for anything but one order, one blank and a document.
    """
    names = [order, blank, birth.unit_id]
    event = draft(Act.TRANSFORM, by, stamp, expected=3, to_place=place)
    if is_repeated(tx, stamp, event, names):
        return str(event["event_id"])
    standing = whereabouts.standing(tx, [order, blank])
    held_by(Act.TRANSFORM, by, standing)
    if [unit.kind for unit in standing] != [Kind.ORDER, Kind.BLANK] or birth.kind is not Kind.DOCUMENT:
        raise CustodyRefusedError("a document is made of exactly one order and one blank")
    consumed = [turned(CONSUMING, unit, place=unit.place, person=by.person) for unit in standing]
    return write(tx, event, [*consumed, born(birth, by, place)], births=[birth])


def void(
    tx: Connection,
    by: Party,
    second: str,
    units: Sequence[str],
    place: str,
    stamp: Stamp,
    reborn: Sequence[Birth] = (),
) -> str:
    """Deface units by two people; orders in `reborn` remake what was lost by it."""
    names = [*units, *(birth.unit_id for birth in reborn)]
    event = draft(Act.VOID, by, stamp, expected=len(names), second_person=second, to_place=place)
    return _apply(tx, by, units, place, VOIDING, event, stamp, reborn)


def destroy(tx: Connection, by: Party, second: str, units: Sequence[str], stamp: Stamp) -> str:
    """Destroy void units before a witness; nothing follows."""
    event = draft(Act.DESTROY, by, stamp, expected=len(units), second_person=second)
    return _apply(tx, by, units, None, DESTROYING, event, stamp)


def dispatch(tx: Connection, by: Party, units: Sequence[str], to_station: str, stamp: Stamp) -> str:
    """Send orders back to an outside party (`office:<name>`). Things are handed to one who accepts them instead.

    Raises CustodyRefusedError for anything but orders, and for a place inside.
    """
    event = draft(Act.DISPATCH, by, stamp, expected=len(units), to_station=to_station)
    if is_repeated(tx, stamp, event, units):
        return str(event["event_id"])
    standing = whereabouts.standing(tx, units)
    held_by(Act.DISPATCH, by, standing)
    if not is_outside(to_station) or any(unit.kind != Kind.ORDER for unit in standing):
        raise CustodyRefusedError(f"only orders are dispatched, and only outside, not to {to_station}")
    changes = [turned(DISPATCHING, unit, place=unit.place, person=to_station, station=to_station) for unit in standing]
    return write(tx, event, changes)


def _retray(tx: Connection, by: Party, units: Sequence[str], tray: str, turn: Turn, stamp: Stamp) -> str:
    event = draft(turn.act, by, stamp, expected=len(units), tray=tray)
    return _apply(tx, by, units, None, turn, event, stamp)


def _apply(
    tx: Connection,
    by: Party,
    units: Sequence[str],
    place: str | None,
    turn: Turn,
    event: Event,
    stamp: Stamp,
    reborn: Sequence[Birth] = (),
) -> str:
    """Turn units that `by`'s station holds; `place` None leaves each where it stands."""
    if is_repeated(tx, stamp, event, [*units, *(birth.unit_id for birth in reborn)]):
        return str(event["event_id"])
    standing = whereabouts.standing(tx, units)
    held_by(turn.act, by, standing)
    changes = [turned(turn, unit, place=place or unit.place, person=by.person) for unit in standing]
    changes += [born(birth, by, place or "") for birth in reborn]
    return write(tx, event, changes, births=reborn)
