"""The vault's work: blanks come in by serial range under two signatures, go out by scan, and come back defaced."""

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import Connection, select

from handoff_logs import log, offers
from handoff_logs.log import Acceptance, Stamp
from handoff_logs.offers import OpenOffer
from handoff_logs.records import Birth, Kind, State, new_id
from handoff_logs.statements import Statement
from handoff_logs.tables import CustodyEvent, UnitNumber, Whereabouts
from stations.personalization import booking
from stations.personalization import rules as personalization_rules
from stations.trays import tray_place
from stations.vault import pieces, rules
from stations.vault.errors import (
    DeliveryCountError,
    PiecesElsewhereError,
    ShelfShortError,
    UnknownPiecesError,
)
from stations.vault.need import need
from stations.vault.pieces import Piece
from stations.vault.rules import Reserve
from stations.workplace import Workplace

ISSUE_PRIORITY = 2
PERSONALIZATION = personalization_rules.STATION
_WHERE = Whereabouts.__table__  # type: ignore[attr-defined]
_NUMBER = UnitNumber.__table__  # type: ignore[attr-defined]
_EVENT = CustodyEvent.__table__  # type: ignore[attr-defined]
# Two keepers who issue at once would each see the need that the other is about to meet.
_ONE_AT_A_TIME = Statement("SELECT pg_advisory_xact_lock(hashtextextended('passline issue', 0))")
# Between the vault and a station nothing else goes than blanks and what was voided.
_IS_OURS = (_EVENT.c.from_station == rules.STATION) | (_EVENT.c.to_station == rules.STATION)


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


def issue(workplace: Workplace, desk: VaultDesk, kind: str, count: int, reserve: Reserve) -> str:
    """Put `count` blanks, lowest serials first, into a tray and offer it to personalization; the handoff.

    The pieces are in the tray before the offer is recorded. Raises `ShelfShortError`, `NotNeededError`.
    """
    with workplace.database.read() as conn:
        rules.refuse_surplus(need(conn, kind, reserve), count)
        numbers = (
            conn.execute(
                select(_NUMBER.c.number)
                .join(_WHERE, _WHERE.c.unit_id == _NUMBER.c.unit_id)
                .where(_WHERE.c.station == rules.STATION, _WHERE.c.place == rules.shelf(kind))
                .where(_WHERE.c.state == State.HELD.value)
                .order_by(_NUMBER.c.number)
                .limit(count)
            )
            .scalars()
            .all()
        )
    if len(numbers) < count:
        raise ShelfShortError(kind, count, len(numbers))
    tray = new_id()
    desk.put(numbers, tray_place(tray))
    return issue_scanned(workplace, numbers, reserve, tray)


def issue_scanned(workplace: Workplace, serials: Sequence[str], reserve: Reserve, tray: str) -> str:
    """Offer the unmarked blanks that a keeper scanned into a tray to personalization; the handoff.

    All are of one kind, and no more than personalization needs of it. Raises `NotNeededError`, `PiecesElsewhereError`,
    and as `pieces.scanned`.
    """

    def hand_on(tx: Connection) -> str:
        if tx.dialect.name != "sqlite":
            _ONE_AT_A_TIME.run(tx)
        own = pieces.scanned(tx, serials)
        kind = own[0].kind
        place = rules.shelf(kind)
        _refuse_elsewhere("an issue", f"unmarked blanks from {place} of the vault", own, rules.STATION, place)
        rules.refuse_surplus(need(tx, kind, reserve), len(own))
        units = [piece.unit_id for piece in own]
        stamp = _stamp(workplace, tray=tray)
        made = log.offer(tx, workplace.party(), place, PERSONALIZATION, units, priority=ISSUE_PRIORITY, stamp=stamp)
        return made.handoff_id

    return workplace.database.write(hand_on)


def give_back(workplace: Workplace, serials: Sequence[str], tray: str) -> str:
    """Offer what was scanned into a tray at a station to the vault: unmarked blanks of one kind from its stock, or
    voided pieces; the handoff.

    Raises `PiecesElsewhereError`, and as `pieces.scanned`.
    """

    def hand_back(tx: Connection) -> str:
        own = pieces.scanned(tx, serials)
        first = own[0]
        if first.state == State.VOID:
            wanted, place, state = "voided pieces", first.place, State.VOID
        else:
            place, state = personalization_rules.blank_stock(first.kind), State.HELD
            wanted = f"unmarked blanks from {place}"
        _refuse_elsewhere("a return", f"{wanted} of {workplace.station}", own, workplace.station, place, state)
        units = [piece.unit_id for piece in own]
        stamp = _stamp(workplace, tray=tray)
        by = workplace.party()
        return log.offer(tx, by, place, rules.STATION, units, priority=ISSUE_PRIORITY, stamp=stamp).handoff_id

    return workplace.database.write(hand_back)


def _refuse_elsewhere(
    act: str, wanted: str, own: Sequence[Piece], station: str, place: str, state: State = State.HELD
) -> None:
    elsewhere = tuple(
        (piece.serial, piece.standing)
        for piece in own
        if (piece.station, piece.place, piece.state) != (station, place, state)
    )
    if elsewhere:
        raise PiecesElsewhereError(act, wanted, elsewhere)


def accept(workplace: Workplace, desk: VaultDesk, offer: OpenOffer, place: str) -> Acceptance:
    """Accept a tray of blanks (issued, returned or defaced) by scanning it, and put what was counted to `place`.

    Serves both ends: the station that draws from the vault, and the vault that takes back. Raises `UnknownPiecesError`,
    ValueError for an offer without a tray, and as `log.accept`.
    """
    if offer.tray is None:
        raise ValueError(f"handoff {offer.handoff_id} names no tray to scan")
    scanned = list(desk.scan(tray_place(offer.tray)))

    def record(tx: Connection) -> Acceptance:
        found = pieces.find(tx, scanned)
        if unknown := tuple(serial for serial in scanned if serial not in found):
            raise UnknownPiecesError(unknown)
        units = [piece.unit_id for piece in found.values()]
        stamp = _stamp(workplace, tray=offer.tray)
        return log.accept(tx, workplace.party(), offer.handoff_id, units, place, stamp)

    acceptance = workplace.database.write(record)
    desk.put(scanned, place)
    return acceptance


def offered(workplace: Workplace) -> dict[str, OpenOffer]:
    """The trays of blanks and voided pieces that are offered to the station and not answered, by handoff."""
    with workplace.database.read() as conn:
        waiting = offers.waiting(conn, workplace.station)
        ours = conn.execute(
            select(_EVENT.c.event_id).where(_EVENT.c.event_id.in_([offer.handoff_id for offer in waiting]), _IS_OURS)
        )
        named = set(ours.scalars())
    return {offer.handoff_id: offer for offer in waiting if offer.handoff_id in named}


def place_of(workplace: Workplace, offer: OpenOffer) -> str:
    """Where what is offered belongs once it is accepted."""
    with workplace.database.read() as conn:
        came_from = conn.execute(select(_EVENT.c.from_place).where(_EVENT.c.event_id == offer.handoff_id)).scalar_one()
    kind = came_from.partition(":")[2]
    if came_from in (rules.shelf(kind), personalization_rules.blank_stock(kind)):
        return rules.shelf(kind) if workplace.station == rules.STATION else personalization_rules.blank_stock(kind)
    return rules.VOIDED


def returnable(workplace: Workplace, kind: str | None) -> list[str]:
    """The serials of the unmarked blanks of a kind in the station's stock, or (None) of its voided pieces."""
    with workplace.database.read() as conn:
        if kind is None:
            return pieces.voided_at(conn, workplace.station)
        rows = conn.execute(
            select(_NUMBER.c.number)
            .join(_WHERE, _WHERE.c.unit_id == _NUMBER.c.unit_id)
            .where(_WHERE.c.station == workplace.station, _WHERE.c.state == State.HELD.value)
            .where(_WHERE.c.place == personalization_rules.blank_stock(kind), _WHERE.c.kind == Kind.BLANK.value)
            .order_by(_NUMBER.c.number)
        )
        return list(rows.scalars())


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
