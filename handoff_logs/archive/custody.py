"""What of a year's units is still in custody, and when any was last recorded: may their rows leave the log?"""

from typing import Final, NamedTuple

from handoff_logs.archive.years import UnitIds
from handoff_logs.reading import Reading

# A packed unit stands where what it is packed in stands, whichever year that was born in.
_STILL_HERE: Final = """
WITH RECURSIVE last(unit_id, kind, state, container) AS (
    SELECT unit.unit_id, unit.kind, unit.state, unit.container FROM custody_unit AS unit
    WHERE unit.unit_id >= :first AND unit.unit_id < :end AND NOT EXISTS (SELECT 1 FROM custody_unit AS later
        WHERE later.unit_id = unit.unit_id AND later.step = unit.step + 1)
), around(kind, state, stands, container) AS (
    SELECT kind, state, state, container FROM last WHERE state NOT IN ('ended', 'outside')
    UNION ALL
    SELECT around.kind, around.state, parcel.state, parcel.container FROM around
    JOIN custody_unit AS parcel ON parcel.unit_id = around.container
    WHERE around.stands = 'packed' AND NOT EXISTS (SELECT 1 FROM custody_unit AS later
        WHERE later.unit_id = parcel.unit_id AND later.step = parcel.step + 1)
)
SELECT kind, state, count(*) AS units FROM around WHERE stands NOT IN ('packed', 'ended', 'outside')
GROUP BY kind, state ORDER BY kind, state
"""
_HAS_UNITS: Final = "SELECT 1 FROM custody_unit WHERE unit_id >= :first AND unit_id < :end LIMIT 1"
_LAST_WRITTEN: Final = (
    "SELECT max(event.written_us) FROM custody_unit AS unit JOIN custody_event AS event"
    " ON event.event_id = unit.event_id WHERE unit.unit_id >= :first AND unit.unit_id < :end"
)


class StillHere(NamedTuple):
    """Units of a kind in a state in which somebody at the centre answers for them."""

    kind: str
    state: str
    units: int


def has_units(reading: Reading, ids: UnitIds) -> bool:
    """Say whether the log has a row of a unit of these ids."""
    return bool(reading.tuples(_HAS_UNITS, first=ids.first, end=ids.end))


def still_here(reading: Reading, ids: UnitIds) -> tuple[StillHere, ...]:
    """Return the units of these ids that have neither ended nor gone outside, counted by kind and state."""
    return tuple(StillHere(*row) for row in reading.tuples(_STILL_HERE, first=ids.first, end=ids.end))


def last_written_us(reading: Reading, ids: UnitIds) -> int | None:
    """Return when anything of these units was last recorded (microseconds UTC), None if there are none.

    Their rows may leave the log when `still_here` is empty and this lies further back than records are kept.
    """
    ((written_us,),) = reading.tuples(_LAST_WRITTEN, first=ids.first, end=ids.end)
    return None if written_us is None else int(written_us)
