"""Packing's hold shelf: what lies there and why, what two people decide of it, and the booking of that.

What is decided is stored with both sign-ins; whoever has the keys (the line, or a command) books it. Nothing leaves
the shelf in any other way.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from handoff_logs import log
from handoff_logs.dialects import clock_us
from handoff_logs.records import Outcome, new_id
from handoff_logs.statements import Statement
from stations.packing.errors import DecidedOnShelfError, MatchIdError, NotOnShelfError, PackedElsewhereError
from stations.packing.station import OPENED, UNPAID
from stations.packing.tables import Resolution
from stations.people import Role
from stations.people_register.credentials import TwoSigned
from stations.trays import INPUT, QUARANTINE, stamp, table_place, tray_place
from stations.workplace import Workplace

Put = Callable[[Sequence[str], str], None]
"""Carries EMULATED pieces and parcels, by their numbers, to a physical place."""

DECIDERS: Final = (Role.PACKER, Role.LEAD)
"""Two of these decide what becomes of something on the shelf."""
WAYS: Final[Mapping[str, tuple[Resolution, ...]]] = {
    "mismatch": (Resolution.RIGHT, Resolution.ENVELOPE, Resolution.APART),
    UNPAID: (Resolution.RIGHT, Resolution.APART),
    "weight": (Resolution.OPENED,),
}
"""How each stay may end, by the reason that it began for."""
_OTHERWISE: Final = (Resolution.RIGHT, Resolution.APART)
_ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)

_LIES: Final = """
    SELECT w.unit_id, w.step, w.kind, coalesce(j.blank_serial, parcel.label), event.reason, w.since_us, m.part,
        parcel.expected_g, parcel.weighed_g, parcel.documents, r.resolution, r.first, r.second
    FROM whereabouts AS w
    JOIN custody_unit AS step ON step.unit_id = w.unit_id AND step.step = w.step
    JOIN custody_event AS event ON event.event_id = step.event_id
    LEFT JOIN job AS j ON j.document_unit = w.unit_id
    LEFT JOIN parcel ON parcel.parcel_unit = w.unit_id
    LEFT JOIN packing_mismatch AS m ON m.document_unit = w.unit_id AND m.resolution IS NULL
    LEFT JOIN packing_release AS r ON r.unit_id = w.unit_id AND r.step = w.step
    WHERE w.station = :station AND w.state = 'doubt' AND w.place = 'hold'
"""
_ON_SHELF = Statement(f"{_LIES} ORDER BY w.since_us, w.unit_id")
_SIGNED = Statement(
    """
    SELECT r.unit_id, r.step, r.resolution, r.first, r.first_sign_in, r.second, r.second_sign_in
    FROM whereabouts AS w JOIN packing_release AS r ON r.unit_id = w.unit_id AND r.step = w.step
    WHERE w.station = :station AND w.state = 'doubt' AND w.place = 'hold' ORDER BY r.stored_us, r.release_id
    """
)
_STORED = Statement("SELECT unit_id, resolution, first, second FROM packing_release WHERE release_id = :release_id")
_STORE = Statement(
    "INSERT INTO packing_release (release_id, unit_id, step, resolution, first, first_sign_in, second, second_sign_in,"
    " stored_us, emulated) VALUES (:release_id, :unit_id, :step, :resolution, :first, :first_sign_in, :second,"
    " :second_sign_in, :now_us, :emulated)"
)
_RESOLVE = Statement(
    "UPDATE packing_mismatch SET resolution = :resolution WHERE document_unit = :unit_id AND resolution IS NULL"
)
_SERIALS = Statement(
    "SELECT j.blank_serial FROM whereabouts AS w JOIN job AS j ON j.document_unit = w.unit_id"
    " WHERE w.container = :unit_id ORDER BY j.blank_serial"
)


@dataclass(frozen=True, slots=True)
class OnShelf:
    """A piece, by its serial, or a parcel, by its label, on the hold shelf. `since_us`: microseconds UTC.

    `reason`: `mismatch`, `postage` or `weight`; `part` of the three scans did not belong. `resolution`: what `first`
    and `second` decided and the line has not booked yet.
    """

    unit_id: str
    step: int
    kind: str
    number: str
    reason: str
    since_us: int
    part: str | None
    expected_g: int | None
    weighed_g: int | None
    documents: int | None
    resolution: str | None
    first: str | None
    second: str | None

    @property
    def ways(self) -> tuple[Resolution, ...]:
        """How it may end."""
        return WAYS.get(self.reason, _OTHERWISE)


def on_shelf(conn: Connection, station: str) -> list[OnShelf]:
    """What lies on the hold shelf, the longest first."""
    # A piece that stopped twice has one open mismatch: the one before was resolved when it left the shelf.
    found = (OnShelf(*row) for row in _ON_SHELF.run(conn, {"station": station}).fetchall())
    return list({each.unit_id: each for each in found}.values())


def check(conn: Connection, station: str, number: str, resolution: Resolution) -> OnShelf:
    """What lies there under a serial or label. Raises NotOnShelfError, DecidedOnShelfError."""
    there = next((each for each in on_shelf(conn, station) if each.number == number), None)
    if there is None or resolution not in there.ways:
        raise NotOnShelfError(number, resolution.value)
    if there.resolution is not None:
        raise DecidedOnShelfError(number, there.resolution, there.first or "", there.second or "")
    return there


def decide(workplace: Workplace, by: TwoSigned, release_id: str, number: str, resolution: Resolution) -> bool:
    """Store what two people who have just signed in decided; whether it is news: False where it was stored before.

    Raises MatchIdError, NotOnShelfError, DecidedOnShelfError, PackedElsewhereError.
    """
    if _ID.fullmatch(release_id) is None:
        raise MatchIdError

    def work(tx: Connection) -> bool:
        before = _STORED.run(tx, {"release_id": release_id}).fetchone()
        if before is not None:
            if before[1:] != (resolution.value, by.first, by.second):
                raise DecidedOnShelfError(number, *before[1:])
            return False
        there = check(tx, workplace.station, number, resolution)
        facts = {
            "release_id": release_id,
            "unit_id": there.unit_id,
            "step": there.step,
            "resolution": resolution.value,
            "first": by.first,
            "first_sign_in": by.first_sign_in,
            "second": by.second,
            "second_sign_in": by.second_sign_in,
            "now_us": clock_us(tx),
            "emulated": workplace.emulated,
        }
        _STORE.run(tx, facts)
        return True

    try:
        return workplace.database.write(work)
    except IntegrityError as error:
        raise PackedElsewhereError from error


def book(workplace: Workplace, put: Put | None) -> int:
    """Book what was decided and not booked yet, each in the name of its two; how many. `put`: of EMULATED hands."""
    with workplace.database.read() as conn:
        if _SIGNED.run(conn, {"station": workplace.station}).fetchone() is None:
            return 0
    carried: list[tuple[list[str], str]] = []

    def work(tx: Connection) -> int:
        carried.clear()
        rows = _SIGNED.run(tx, {"station": workplace.station}).fetchall()
        numbers = {each.unit_id: each.number for each in on_shelf(tx, workplace.station)}
        for unit_id, _, resolution, first, first_sign_in, second, second_sign_in in rows:
            here = workplace.at(workplace.station, (first, second), {first: first_sign_in, second: second_sign_in})
            carried.extend(_leave(tx, here, unit_id, numbers[unit_id], Resolution(resolution)))
        return len(rows)

    booked = workplace.database.write(work)
    for what, place in carried:
        if put is not None:
            put(what, place)
    return booked


def _leave(
    tx: Connection, here: Workplace, unit_id: str, number: str, resolution: Resolution
) -> list[tuple[list[str], str]]:
    """Book that it leaves the shelf; what is to be carried where."""
    second, tray = here.people[1], new_id()
    if resolution is not Resolution.OPENED:
        _RESOLVE.run(tx, {"unit_id": unit_id, "resolution": resolution.value})
    if resolution is Resolution.APART:
        why = stamp(here, reason=resolution.value)
        log.settle(tx, here.party(), second, [unit_id], Outcome.MADE_GOOD, INPUT, why)
        log.doubt(tx, here.party(), [unit_id], QUARANTINE, stamp(here, reason=resolution.value))
        return [([number], table_place(here.station, QUARANTINE))]
    why = stamp(here, tray, reason=resolution.value)
    log.settle(tx, here.party(), second, [unit_id], Outcome.MADE_GOOD, INPUT, why)
    if resolution is not Resolution.OPENED:
        return [([number], tray_place(tray))]
    serials = [str(row[0]) for row in _SERIALS.run(tx, {"unit_id": unit_id}).fetchall()]
    log.unpack(tx, here.party(), unit_id, INPUT, stamp(here, tray, reason=resolution.value))
    return [(serials, tray_place(tray)), ([number], table_place(here.station, OPENED))]
