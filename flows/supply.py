"""Blanks for what waits: the vault issues the need and no more, and operators take it in by a scan.

On an emulated line the emulated supplier delivers what the vault lacks, and number ranges are there from the start, so
that a demonstration never runs dry. Everything is computed from the database: repeated, it changes nothing.
"""

from typing import Final

from sqlalchemy import Connection, func, select

from flows.line_state import Line
from handoff_logs import offers
from handoff_logs.records import Kind, State
from handoff_logs.tables import CustodyEvent, UnitNumber, Whereabouts
from stations.mailing import tracking
from stations.mailing.tables import TrackingRange
from stations.personalization import numbers, rules
from stations.personalization.tables import NumberRange
from stations.vault import rules as vault_rules
from stations.vault import station as vault
from stations.vault.need import need

LOT: Final = 1_000
"""Most blanks of one handoff: what two people can still count again."""

SERIALS: Final = {"book": "EJ{:07d}", "card": "KJ{:08d}"}
"""How emulated blanks are numbered: a book's serial is the passport's number (E, a letter, seven digits)."""

_WHERE = Whereabouts.__table__  # type: ignore[attr-defined]
_NUMBER = UnitNumber.__table__  # type: ignore[attr-defined]
_EVENT = CustodyEvent.__table__  # type: ignore[attr-defined]


def supply(line: Line) -> dict[str, int]:
    """See to it that personalization has the blanks for every document still to be made; how many of each kind came.

    Where real people work, they see to it.
    """
    if line.settings.real_staff:
        # Keepers receive and issue, operators take in, each by a command of theirs.
        if line.emulated:
            line.database.write(_number_ranges)
        return {}
    stock(line)
    _take_in(line)
    came: dict[str, int] = {}
    for kind in SERIALS:
        for lot in _lots(_short(line, kind)):
            vault.issue(line.workplace("vault"), line.parts.operators(), kind, lot, line.settings.vault.kept)
            came[kind] = came.get(kind, 0) + lot
    _take_in(line)
    return came


def stock(line: Line) -> None:
    """The emulated supplier brings what the vault lacks for all that waits, and two keepers count it in."""
    line.database.write(_number_ranges)
    for kind in SERIALS:
        _count_in(line, kind)
        _deliver(line, kind, _short(line, kind))


def _short(line: Line, kind: str) -> int:
    with line.database.read() as connection:
        return need(connection, kind, line.settings.vault.kept).short


def _lots(blanks: int) -> list[int]:
    """Sizes of the handoffs in which so many blanks come.

    >>> _lots(2_300), _lots(0), _lots(-5)
    ([1000, 1000, 300], [], [])
    """
    return [min(LOT, blanks - begun) for begun in range(0, blanks, LOT)]


def _number_ranges(tx: Connection) -> None:
    """Permit and tracking numbers of an emulated centre, given out once."""
    if tx.execute(select(func.count()).select_from(NumberRange.__table__)).scalar_one() == 0:  # type: ignore[attr-defined]
        numbers.add_range(tx, "hk_macau_permit", "CA", 7, 1, 9_999_999)
        numbers.add_range(tx, "taiwan_permit", "L", 8, 1, 99_999_999)
    if tx.execute(select(func.count()).select_from(TrackingRange.__table__)).scalar_one() == 0:  # type: ignore[attr-defined]
        tracking.add_range(tx, form="s10", prefix="EE", suffix="CN", first=1, last=99_999_999, emulated=True)


def _deliver(line: Line, kind: str, short: int) -> None:
    with line.database.read() as connection:
        there = connection.execute(
            select(func.count())
            .select_from(_WHERE)
            .where(
                _WHERE.c.station == vault_rules.STATION,
                _WHERE.c.place == vault_rules.shelf(kind),
                _WHERE.c.state == State.HELD.value,
            )
        ).scalar_one()
        first = _last_booked(connection, kind) + 1
    if short > there:
        bounds = SERIALS[kind].format(first), SERIALS[kind].format(first + short - there - 1)
        line.parts.hands().deliver(list(vault_rules.serials(*bounds)), vault_rules.shelf(kind))
        _count_in(line, kind)


def _count_in(line: Line, kind: str) -> None:
    """Two keepers book all that lies on the vault's shelf beyond the last serial booked, however long it has lain."""
    here, desk = line.workplace("vault"), line.parts.operators()
    with line.database.read() as connection:
        first = _last_booked(connection, kind) + 1
    lying, prefix = desk.scan(vault_rules.shelf(kind)), SERIALS[kind][:2]
    # What keepers received by a command may have other serials.
    last = max((int(serial[2:]) for serial in lying if serial.startswith(prefix)), default=0)
    while first <= last:
        until = min(last, first + vault_rules.MAX_RANGE - 1)
        bounds = SERIALS[kind].format(first), SERIALS[kind].format(until)
        vault.receive(here, desk, kind, *bounds, second=here.party(1).person)
        first = until + 1


def _last_booked(connection: Connection, kind: str) -> int:
    """The number in the highest serial of an emulated blank of `kind` that the log knows; 0 for none."""
    known = connection.execute(
        select(func.max(_NUMBER.c.number)).where(
            _NUMBER.c.kind == Kind.BLANK.value, _NUMBER.c.number.like(SERIALS[kind][:2] + "%")
        )
    ).scalar()
    return int(known[2:]) if known else 0


def _take_in(line: Line) -> None:
    """Accept every tray of blanks that the vault has issued, by a scan, into the stock of its kind."""
    here, desk = line.workplace(rules.STATION), line.parts.operators()
    for kind in SERIALS:
        vault.put_away(here, desk, rules.blank_stock(kind))
    with line.database.read() as connection:
        issued = [offer for offer in offers.waiting(connection, rules.STATION) if offer.kind == Kind.BLANK]
        shelves = {
            row.event_id: row.from_place
            for row in connection.execute(
                select(_EVENT.c.event_id, _EVENT.c.from_place).where(
                    _EVENT.c.event_id.in_([offer.handoff_id for offer in issued])
                )
            )
        }
    for offer in issued:
        (kind,) = [kind for kind in SERIALS if vault_rules.shelf(kind) == shelves[offer.handoff_id]]
        vault.accept(here, desk, offer, rules.blank_stock(kind))
