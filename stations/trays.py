"""Trays as every station meets them: accepted by a scan, worked, offered on, and found again after a crash."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Protocol, TypeVar

from sqlalchemy import Connection, Row, bindparam, select

from handoff_logs import log
from handoff_logs.log import Stamp
from handoff_logs.offers import OpenOffer
from handoff_logs.records import State
from handoff_logs.tables import Whereabouts
from stations.calendar import WorkCalendar
from stations.deadlines import ALLOWANCES, STATIONS, time_node_us
from stations.intake.states import stopped
from stations.intake.tables import Application
from stations.workplace import Workplace

INPUT = "input"
"""Where a station keeps what it accepted and has not finished: recovery finds unfinished trays here."""
GREEN = 0
"""The priority of the green channel, which goes before everything."""
HOLD = "hold"
QUARANTINE = "quarantine"

T = TypeVar("T")

_where = Whereabouts.__table__  # type: ignore[attr-defined]
_application = Application.__table__  # type: ignore[attr-defined]
_URGENCY = select(_application.c.priority, _application.c.service_class, _application.c.deadline_us).where(
    _application.c.application_id.in_(bindparam("ids", expanding=True))
)
_OFFERED = select(_where.c.unit_id).where(
    _where.c.handoff_id == bindparam("of_handoff"), _where.c.state == State.OFFERED
)


class TrayScanner(Protocol):
    """Whoever accepts a tray of pieces or parcels."""

    def scan(self, place: str) -> Sequence[str]:
        """Numbers of everything that lies at `place`, read by scanner, without seeing what is expected."""
        ...

    def put(self, numbers: Sequence[str], place: str) -> None:
        """Put pieces or parcels to `place`; repeated, it changes nothing more."""
        ...


@dataclass(frozen=True, slots=True)
class TrayOutcome:
    """What became of one tray's units at one station; `offered` are the handoffs it left in."""

    station: str
    tray: str
    units: int
    passed: int = 0
    returned: int = 0
    held: int = 0
    voided: int = 0
    stopped: int = 0
    missing: int = 0
    surplus: int = 0
    offered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Counted:
    """What the scan at acceptance found: numbers of units nobody expected, and how many were missing."""

    missing: int
    surplus: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TimeNodes:
    """Computes the instants by which stations must have handed on; one calendar and one set of allowances a run."""

    calendar: WorkCalendar
    allowances: Mapping[str, Mapping[str, timedelta]]

    def due_us(self, station: str, service_class: str, deadline_us: int) -> int:
        """When `station` must have handed on; outside the line the legal deadline itself."""
        if station not in STATIONS:
            return deadline_us
        return _node(self, station, service_class, deadline_us)

    def __hash__(self) -> int:
        return id(self)


@lru_cache(maxsize=4096)
def _node(nodes: TimeNodes, station: str, service_class: str, deadline_us: int) -> int:
    return time_node_us(station, service_class, deadline_us, nodes.calendar, nodes.allowances)


PUBLISHED = TimeNodes(WorkCalendar(), ALLOWANCES)
"""Time nodes by the published calendar and the usual allowances."""


def tray_place(tray: str) -> str:
    """Where the pieces of a tray physically lie: the tray itself, wherever it stands. Tray ids are never used again."""
    return f"tray:{tray}"


def table_place(station: str, place: str) -> str:
    """The physical place for a custody place of a station, such as its hold shelf."""
    return f"{station}:{place}"


def stamp(
    workplace: Workplace, tray: str | None = None, *, due_us: int | None = None, reason: str | None = None
) -> Stamp:
    """A stamp for an act of this workplace that happens now."""
    return Stamp(
        happened_us=time.time_ns() // 1_000, emulated=workplace.emulated, tray=tray, due_us=due_us, reason=reason
    )


def unfinished_trays(workplace: Workplace) -> list[str]:
    """Trays accepted at this station and not finished, best first: what a crash left, and what others work on now."""
    query = (
        select(_where.c.tray, _where.c.priority, _where.c.due_us)
        .where(_where.c.station == workplace.station, _where.c.state == State.HELD, _where.c.place == INPUT)
        .order_by(_where.c.priority, _where.c.due_us)
    )
    with workplace.database.read() as connection:
        return list(dict.fromkeys(row.tray for row in connection.execute(query) if row.tray is not None))


def offered_units(connection: Connection, handoff_id: str) -> list[str]:
    """The units of an open offer."""
    return list(connection.execute(_OFFERED, {"of_handoff": handoff_id}).scalars())


def accept_by_scan(
    workplace: Workplace,
    offer: OpenOffer,
    scanner: TrayScanner,
    expected: Mapping[str, str],
    look_up: Callable[[Connection, Sequence[str]], Mapping[str, str]],
) -> Counted:
    """Accept what a blind scan finds in the offered tray; a difference becomes a case for each unit.

    `expected` maps the printed numbers that were offered to their units; `look_up` finds the units of any others.
    What was not offered goes into quarantine; a number that the line has never seen is no unit and opens no case.
    """
    tray = tray_of(offer)
    numbers = scanner.scan(tray_place(tray))
    surplus = tuple(number for number in numbers if number not in expected)
    if surplus:
        scanner.put(surplus, table_place(workplace.station, QUARANTINE))
    counted = [expected[number] for number in numbers if number in expected]

    def accept(tx: Connection) -> log.Acceptance:
        strangers = look_up(tx, surplus) if surplus else {}
        present = [*counted, *strangers.values()]
        return log.accept(tx, workplace.party(), offer.handoff_id, present, INPUT, stamp(workplace, tray))

    return Counted(len(workplace.database.write(accept).missing), surplus)


def book_without_stopped(
    workplace: Workplace,
    application_ids: Sequence[str],
    take_out: Callable[[frozenset[str]], None],
    book: Callable[[Connection, frozenset[str]], T],
) -> T:
    """Book a tray in one transaction that no stopped application slips through (rule 8).

    `take_out` physically takes the pieces of stopped applications out of the tray; `book` then runs with the
    applications taken out. One that is stopped in between is taken out too before anything is booked.
    """
    taken: frozenset[str] = frozenset()

    def attempt(tx: Connection) -> tuple[frozenset[str], list[T]]:
        now = stopped(tx, application_ids)
        return now, [book(tx, taken)] if now <= taken else []

    while True:
        now, booked = workplace.database.write(attempt)
        if booked:
            return booked[0]
        take_out(now)
        taken |= now


def tray_of(offer: OpenOffer) -> str:
    """The tray that an offer came in; an offer without one stands for itself."""
    return offer.tray or offer.handoff_id


def quarantine(tx: Connection, workplace: Workplace, tray: str, units: Sequence[str]) -> None:
    """Book units of stopped applications out of their tray; two people release or void them."""
    if units:
        log.doubt(tx, workplace.party(), units, QUARANTINE, stamp(workplace, tray, reason="stopped"))


def urgency(tx: Connection, station: str, application_ids: Sequence[str], nodes: TimeNodes) -> tuple[int, int]:
    """The priority of what is offered to `station` now and its time node: those of the most urgent application.

    Asked in the offer's own transaction: one of them may have been raised to the green channel while it was worked.
    """
    rows = tx.execute(_URGENCY, {"ids": list(application_ids)}).all()
    return min(row.priority for row in rows), first_due_us(station, rows, nodes)


def first_due_us(station: str, rows: Iterable[Row[tuple[object, ...]]], nodes: TimeNodes) -> int:
    """The earliest time node of `station` among rows with `service_class` and `deadline_us`."""
    return min(nodes.due_us(station, row.service_class, row.deadline_us) for row in rows)
