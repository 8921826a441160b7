"""Packing: many containers in one event, because a station packs a tray at a time.

The acts raise what those of `onesided` raise.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from handoff_logs import whereabouts
from handoff_logs.errors import CustodyRefusedError
from handoff_logs.moves import OPENING, PACKING, UNPACKING
from handoff_logs.records import Act, Birth, Kind, Party
from handoff_logs.writing import Stamp, born, draft, held_by, is_repeated, turned, write


def pack(tx: Connection, by: Party, contents: Mapping[Birth, Sequence[str]], place: str, stamp: Stamp) -> str:
    """Pack held units into new parcels, which stand at `place`; one event for all of them.

    A packed unit follows its parcel and can't be offered until unpacked. Raises CustodyRefusedError for an empty
    parcel, and for a unit in two.
    """
    packed = {unit_id: parcel.unit_id for parcel, units in contents.items() for unit_id in units}
    names = [*(parcel.unit_id for parcel in contents), *packed]
    event = draft(Act.PACK, by, stamp, expected=len(names), to_place=place)
    if is_repeated(tx, stamp, event, names):
        return str(event["event_id"])
    if any(parcel.kind is not Kind.PARCEL or not units for parcel, units in contents.items()):
        raise CustodyRefusedError("units are packed into parcels, and no parcel is empty")
    if len(packed) != sum(map(len, contents.values())):
        raise CustodyRefusedError("a unit is packed into one parcel only")
    standing = whereabouts.standing(tx, packed)
    held_by(Act.PACK, by, standing)
    changes = [born(parcel, by, place) for parcel in contents]
    changes += [
        turned(PACKING, unit, place=place, person=by.person, container=packed[unit.unit_id]) for unit in standing
    ]
    return write(tx, event, changes, births=list(contents))


def unpack(tx: Connection, by: Party, container: str, place: str, stamp: Stamp) -> str:
    """Open a held parcel: it ends, and everything in it stands at `place` again, held by `by`."""
    opened = whereabouts.standing(tx, [container])
    inside = whereabouts.contents(tx, container)
    event = draft(Act.UNPACK, by, stamp, expected=len(inside) + 1, to_place=place)
    if is_repeated(tx, stamp, event, [container, *(unit.unit_id for unit in inside)]):
        return str(event["event_id"])
    held_by(Act.UNPACK, by, opened)
    changes = [turned(OPENING, unit, place=unit.place, person=by.person) for unit in opened]
    changes += [turned(UNPACKING, unit, place=place, person=by.person, station=by.station) for unit in inside]
    return write(tx, event, changes)
