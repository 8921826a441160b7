"""Who is on duty: EMULATED staff in any numbers, or whom the open shift names. The one place that says so."""

from sqlalchemy import Connection

from flows.errors import ShiftNeededError
from flows.settings import LineSettings
from stations.people import STAFFING, emulated_roster
from stations.shift.on_duty import on_duty
from stations.shift.station import open_name

Roster = dict[str, tuple[str, ...]]
"""The staff codes of every station and of the carrier; empty where nobody is named."""


def shift_now(conn: Connection, settings: LineSettings) -> str:
    """The name of the shift that is open; where none is, the one in line.toml."""
    return open_name(conn) or settings.staff.shift


def roster_of(conn: Connection, settings: LineSettings, shift: str) -> Roster:
    """Who is on duty at each station now."""
    if not settings.real_staff:
        emulated = emulated_roster(shift, settings.staff.people_per_station)
        return {station: duty.codes for station, duty in emulated.items()}
    named = on_duty(conn)
    return {station: named.get(station, ()) for station in STAFFING}


def refuse_unstaffed(conn: Connection, settings: LineSettings) -> None:
    """Raise ShiftNeededError where real people work and no shift says who."""
    if settings.real_staff and open_name(conn) is None:
        raise ShiftNeededError
