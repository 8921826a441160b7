"""Emulated people's count of EMULATED blanks: they look wherever blanks can lie, and scan what is there."""

from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from sqlalchemy import Connection

from stations.personalization import rules as personalization
from stations.shift import acts
from stations.shift.counting import Counted
from stations.shift.rules import COUNTED, Scan
from stations.shift.stops import HELD_PIECES
from stations.trays import table_place, tray_place
from stations.vault import losing, pieces
from stations.vault import rules as vault

KINDS: Final = ("book", "card")
_SHARED: Final = (vault.VOIDED, losing.QUARANTINE)
"""Places of which each station has one; the emulated world has one for all."""


class Eyes(Protocol):
    """Who can see what lies where."""

    def scan(self, place: str) -> Sequence[str]:
        """Serials of everything that lies at `place`."""
        ...


def count(conn: Connection, eyes: Eyes, machines: Sequence[str]) -> Counted:
    """Everything that lies where blanks can lie in the vault and at personalization."""
    scans = [Scan(vault.STATION, place, serial) for place in map(vault.shelf, KINDS) for serial in eyes.scan(place)]
    scans += [
        Scan(personalization.STATION, place, serial) for place in _places(machines) for serial in eyes.scan(place)
    ]
    for place in _SHARED:
        lying = eyes.scan(place)
        known = pieces.find(conn, lying)
        # Whose bin it lies in can't be seen in the emulated world: the log is asked.
        scans += [Scan(known[serial].station if serial in known else vault.STATION, place, serial) for serial in lying]
    return Counted(tuple(scans), frozenset(COUNTED) | {scan.station for scan in scans})


def count_held(conn: Connection, eyes: Eyes, person: str) -> Counted:
    """Everything that lies where the pieces of one person should lie: on shelves and tables, in machines and trays."""
    scans: dict[str, Scan] = {}
    held = acts.asking(conn)(HELD_PIECES, person=person)
    looked: set[tuple[str, str]] = set()
    for one in held:
        where = {one["place"], table_place(one["station"], one["place"])}
        where |= {tray_place(one["tray"])} if one["tray"] else set()
        looked |= {(one["station"], place) for place in where}
    for station, place in sorted(looked):
        scans |= {serial: Scan(station, "", serial) for serial in eyes.scan(place)}
    return Counted(tuple(scans.values()), frozenset(one["station"] for one in held))


def _places(machines: Sequence[str]) -> Iterator[str]:
    yield from map(personalization.blank_stock, KINDS)
    for machine in machines:
        yield personalization.bench(machine)
        yield from (f"{machine}:{stack}" for stack in ("input", "path", "good", "reject", "hold"))
