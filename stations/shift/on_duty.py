"""Whom the open shift names at a station: the people who are on duty there."""

from typing import Final

from sqlalchemy import Connection

from handoff_logs.statements import Statement

_NAMED: Final = Statement(
    "SELECT its.station, its.code FROM shift_person AS its JOIN shift ON shift.shift_id = its.shift_id"
    " WHERE NOT shift.closed ORDER BY its.station, its.code"
)


def on_duty(conn: Connection) -> dict[str, tuple[str, ...]]:
    """The staff codes by station; empty where no shift is open."""
    named: dict[str, tuple[str, ...]] = {}
    for station, code in _NAMED.run(conn).fetchall():
        named[station] = (*named.get(station, ()), code)
    return named
