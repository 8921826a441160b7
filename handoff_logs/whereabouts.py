"""Where each unit stands now: a line table that follows the log and can be rebuilt from it."""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection, text

from handoff_logs.dialects import listed
from handoff_logs.errors import UnknownUnitError
from handoff_logs.projections import WHEREABOUTS
from handoff_logs.statements import Statement


class Standing(NamedTuple):
    """A unit's latest step: its custodian (`station`, `person`), place and state."""

    unit_id: str
    step: int
    kind: str
    state: str
    station: str
    place: str
    person: str
    handoff_id: str | None
    container: str | None
    tray: str | None
    priority: int | None
    due_us: int | None
    since_us: int


_COLUMNS = ", ".join(Standing._fields)

_FOLLOWING = f"""
    INSERT INTO whereabouts ({_COLUMNS})
    SELECT unit.unit_id, unit.step, unit.kind, unit.state, unit.station, unit.place, unit.person, unit.handoff_id,
           unit.container, event.tray, event.priority, CASE event.act WHEN 'offer' THEN event.due_us END,
           event.happened_us
    FROM custody_unit AS unit JOIN custody_event AS event ON event.event_id = unit.event_id
    WHERE unit.event_id {{of}}
    ON CONFLICT (unit_id) DO UPDATE SET
        step = excluded.step, state = excluded.state, station = excluded.station, place = excluded.place,
        person = excluded.person, handoff_id = excluded.handoff_id, container = excluded.container,
        tray = coalesce(excluded.tray, whereabouts.tray),
        priority = coalesce(excluded.priority, whereabouts.priority),
        due_us = CASE WHEN excluded.priority IS NULL THEN whereabouts.due_us ELSE excluded.due_us END,
        since_us = excluded.since_us
    """  # noqa: S608 own names
_FOLLOW = Statement(_FOLLOWING.replace("{of}", "= :event_id"))
_FOLLOW_EACH = Statement(_FOLLOWING.replace("{of}", "IN {ids}"))

_REBUILD = text(f"INSERT INTO whereabouts ({_COLUMNS}) {WHEREABOUTS}")

_HASTEN = Statement("UPDATE whereabouts SET priority = :priority WHERE unit_id = :unit_id AND priority > :priority")
_FIND = Statement(f"SELECT {_COLUMNS} FROM whereabouts WHERE unit_id IN {{ids}}")  # noqa: S608 own names


def follow(tx: Connection, event_id: str) -> None:
    """Bring the units of a just written event up to date."""
    _FOLLOW.run(tx, {"event_id": event_id})


def follow_each(tx: Connection, event_ids: Iterable[str]) -> None:
    """The same of several events, no two of which are about one unit."""
    _FOLLOW_EACH.run(tx, {"ids": listed(event_ids)})


def hasten(tx: Connection, unit_id: str, priority: int) -> None:
    """Let a unit be drawn at `priority` (0 green channel, 1 remake) unless it already goes before that.

    A fact of the line, not of custody: `rebuild` puts back the priority of the unit's last offer.
    """
    _HASTEN.run(tx, {"unit_id": unit_id, "priority": priority})


def rebuild(tx: Connection) -> None:
    """Write the table anew from the log alone."""
    tx.execute(text("DELETE FROM whereabouts"))
    tx.execute(_REBUILD)


def find(tx: Connection, unit_ids: Iterable[str]) -> dict[str, Standing]:
    """Return the units the log knows among `unit_ids`, by id."""
    return {row[0]: Standing._make(row) for row in _FIND.run(tx, {"ids": listed(unit_ids)}).fetchall()}


def standing(tx: Connection, unit_ids: Iterable[str]) -> list[Standing]:
    """Return the units in the order asked. Raises UnknownUnitError for a unit the log doesn't have."""
    wanted = list(unit_ids)
    found = find(tx, wanted)
    try:
        return [found[unit_id] for unit_id in wanted]
    except KeyError as error:
        raise UnknownUnitError(error.args[0]) from None


_CONTENTS = Statement(
    "SELECT parcel.unit_id, packed.unit_id FROM custody_unit AS parcel"
    " JOIN custody_unit AS packed ON packed.event_id = parcel.event_id AND packed.container = parcel.unit_id"
    " WHERE parcel.unit_id IN {ids} AND parcel.step = 1 ORDER BY parcel.unit_id, packed.position"
)


def contents(tx: Connection, container: str) -> list[Standing]:
    """Return the units that were packed into a container, as they stand now."""
    return contents_of_each(tx, [container]).get(container, [])


def contents_of_each(tx: Connection, containers: Iterable[str]) -> dict[str, list[Standing]]:
    """The same of several containers, by container; those that nothing was packed into are left out."""
    rows = _CONTENTS.run(tx, {"ids": listed(containers)}).fetchall()
    inside: dict[str, list[Standing]] = {}
    for (container, _), unit in zip(rows, standing(tx, [unit for _, unit in rows]), strict=True):
        inside.setdefault(container, []).append(unit)
    return inside
