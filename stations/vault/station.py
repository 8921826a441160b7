"""The vault's work: blanks come in by serial range under two signatures, go out by scan, and come back defaced."""

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import Connection, select

from handoff_logs import log
from handoff_logs.log import Acceptance, Stamp
from handoff_logs.offers import OpenOffer
from handoff_logs.records import Birth, Kind, State, new_id
from handoff_logs.tables import UnitNumber, Whereabouts
from stations.personalization import booking
from stations.trays import tray_place
from stations.vault import rules
from stations.vault.errors import DeliveryCountError, ShelfShortError
from stations.workplace import Workplace

ISSUE_PRIORITY = 2
_WHERE = Whereabouts.__table__  # type: ignore[attr-defined]
_NUMBER = UnitNumber.__table__  # type: ignore[attr-defined]


class VaultDesk(Protocol):
    """Hands and eyes of the vault's people. Every call may be repeated and then changes nothing more."""

    def scan(self, place: str) -> Sequence[str]:
        """Serials of everything that lies at `place`."""
        ...

    def put(self, serials: Sequence[str], place: str) -> None:
        """Carry pieces to `place`."""
        ...


def receive(workplace: Workplace, desk: VaultDesk, kind: str, first: str, last: str, second: str) -> int:
    """Take a supplier's blanks `first` to `last`, lying on the shelf, into the log; two people count them blind.

    Returns how many were new; the same range again changes nothing. Raises `SerialRangeError`, `DeliveryCountError`.
    """
    wanted = list(rules.serials(first, last))
    lying = set(desk.scan(rules.shelf(kind)))

    def record(tx: Connection) -> int:
        known = set(_units(tx, wanted))
        fresh = [serial for serial in wanted if serial not in known]
        missing = tuple(serial for serial in fresh if serial not in lying)
        if missing:
            raise DeliveryCountError(missing, ())
        if fresh:
            births = [Birth(new_id(), Kind.BLANK, serial) for serial in fresh]
            log.receive(tx, workplace.party(), second, births, rules.shelf(kind), _stamp(workplace))
        return len(fresh)

    return workplace.database.write(record)


def issue(workplace: Workplace, desk: VaultDesk, kind: str, count: int, to_station: str) -> str:
    """Put `count` blanks, lowest serials first, into a tray and offer it to `to_station`; the handoff.

    The pieces are in the tray before the offer is recorded. Raises `ShelfShortError`.
    """
    with workplace.database.read() as conn:
        rows = conn.execute(
            select(_NUMBER.c.number, _WHERE.c.unit_id)
            .join(_WHERE, _WHERE.c.unit_id == _NUMBER.c.unit_id)
            .where(_WHERE.c.station == rules.STATION, _WHERE.c.place == rules.shelf(kind))
            .where(_WHERE.c.state == State.HELD.value)
            .order_by(_NUMBER.c.number)
            .limit(count)
        ).all()
    if len(rows) < count:
        raise ShelfShortError(kind, count, len(rows))
    tray = new_id()
    desk.put([row.number for row in rows], tray_place(tray))
    units = [row.unit_id for row in rows]
    stamp = _stamp(workplace, tray=tray)

    def hand_on(tx: Connection) -> str:
        place = rules.shelf(kind)
        return log.offer(
            tx, workplace.party(), place, to_station, units, priority=ISSUE_PRIORITY, stamp=stamp
        ).handoff_id

    return workplace.database.write(hand_on)


def accept(workplace: Workplace, desk: VaultDesk, offer: OpenOffer, place: str) -> Acceptance:
    """Accept a tray of blanks (issued, returned or defaced) by scanning it, and put what was counted to `place`.

    Serves both ends: the station that draws from the vault, and the vault that takes back.
    """
    if offer.tray is None:
        raise ValueError(f"handoff {offer.handoff_id} names no tray to scan")
    scanned = list(desk.scan(tray_place(offer.tray)))

    def record(tx: Connection) -> Acceptance:
        units = _units(tx, scanned)
        return log.accept(
            tx, workplace.party(), offer.handoff_id, list(units.values()), place, _stamp(workplace, tray=offer.tray)
        )

    acceptance = workplace.database.write(record)
    desk.put(scanned, place)
    return acceptance


def put_away(workplace: Workplace, desk: VaultDesk, place: str) -> int:
    """Carry what was accepted to `place` and still lies in its tray there: hands were interrupted. How many pieces."""
    with workplace.database.read() as conn:
        trays = conn.execute(
            select(_WHERE.c.tray)
            .distinct()
            .where(
                _WHERE.c.station == workplace.station,
                _WHERE.c.place == place,
                _WHERE.c.state == State.HELD.value,
                _WHERE.c.kind == Kind.BLANK.value,
                _WHERE.c.tray.is_not(None),
            )
        ).scalars()
        lying = [serial for tray in trays for serial in desk.scan(tray_place(tray))]
    desk.put(lying, place)
    return len(lying)


def _units(tx: Connection, serials: Sequence[str]) -> dict[str, str]:
    """Serial -> unit of the blanks among `serials` that the log knows."""
    rows = tx.execute(
        select(_NUMBER.c.number, _NUMBER.c.unit_id).where(
            _NUMBER.c.kind == Kind.BLANK.value, _NUMBER.c.number.in_(serials)
        )
    )
    return {row.number: row.unit_id for row in rows}


def _stamp(workplace: Workplace, tray: str | None = None) -> Stamp:
    return Stamp(booking.now_us(), workplace.emulated, tray=tray)
