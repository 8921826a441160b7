"""Personalization as its flow calls it: trays of orders come in, machines pull from them, trays of documents go out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, case, func, or_, select

from handoff_logs import log, whereabouts
from handoff_logs.log import Stamp
from handoff_logs.offers import OpenOffer
from handoff_logs.records import Kind, State, new_id
from handoff_logs.statements import Statement
from handoff_logs.tables import Whereabouts
from stations.intake import states
from stations.intake.tables import Application, ApplicationState, GreenChannel
from stations.personalization import booking, rules
from stations.personalization.desk import MachineDesk
from stations.personalization.errors import TrayNotReadyError
from stations.personalization.jobs import JOB
from stations.trays import GREEN, PUBLISHED, TimeNodes, TrayOutcome, tray_place, urgency
from stations.workplace import Workplace

_WHERE = Whereabouts.__table__  # type: ignore[attr-defined]
_APPLICATION = Application.__table__  # type: ignore[attr-defined]
_GREEN = GreenChannel.__table__  # type: ignore[attr-defined]
_ORDER = _WHERE.alias("order_whereabouts")
_HELD_HERE = (_WHERE.c.station == rules.STATION, _WHERE.c.state == State.HELD.value)
_IS_ORDER, _IS_DOCUMENT = (_WHERE.c.kind == kind.value for kind in (Kind.ORDER, Kind.DOCUMENT))
_STATUS = Statement(
    select(
        _WHERE.c.tray,
        func.sum(case((and_(_IS_ORDER, func.coalesce(_APPLICATION.c.state, "") != "stopped"), 1), else_=0)),
        func.sum(case((_IS_DOCUMENT, 1), else_=0)),
    )
    .outerjoin(_APPLICATION, _APPLICATION.c.order_unit == _WHERE.c.unit_id)
    .where(*_HELD_HERE, or_(_IS_ORDER, _IS_DOCUMENT), _WHERE.c.tray.is_not(None))
    .group_by(_WHERE.c.tray)
)

_ORDERS = Statement(
    select(func.count())
    .select_from(_WHERE)
    .outerjoin(_APPLICATION, _APPLICATION.c.order_unit == _WHERE.c.unit_id)
    .where(
        *_HELD_HERE,
        _IS_ORDER,
        _WHERE.c.tray == bindparam("of_tray"),
        func.coalesce(_APPLICATION.c.state, "") != "stopped",
    )
)
_WAITING = Statement(
    select(_APPLICATION.c.product, func.count())
    .join(_WHERE, _WHERE.c.unit_id == _APPLICATION.c.order_unit)
    .where(*_HELD_HERE, _IS_ORDER, _APPLICATION.c.state == ApplicationState.PASSED.value)
    .group_by(_APPLICATION.c.product)
)
_OFFERED = Statement(
    select(_APPLICATION.c.product)
    .join(_WHERE, _WHERE.c.unit_id == _APPLICATION.c.order_unit)
    .where(_WHERE.c.handoff_id == bindparam("of_handoff"))
    .limit(1)
)


_UNDRAWN = Statement(
    select(_WHERE.c.unit_id, _APPLICATION.c.priority)
    .join(_APPLICATION, _APPLICATION.c.order_unit == _WHERE.c.unit_id)
    .where(
        *_HELD_HERE,
        _IS_ORDER,
        _WHERE.c.tray == bindparam("of_tray"),
        _APPLICATION.c.state == ApplicationState.PASSED.value,
    )
    .with_for_update(of=_APPLICATION)
)
_PARTED = select(_GREEN.c.parted_into).where(_GREEN.c.parted_from.in_(bindparam("of_trays", expanding=True)))


@dataclass(frozen=True, slots=True)
class TrayStatus:
    """How far an accepted tray is: `orders` not yet made, `documents` made and not yet handed on; units each."""

    tray: str
    orders: int
    documents: int

    @property
    def ready(self) -> bool:
        """Whether nothing of it is left to make."""
        return self.orders == 0 and self.documents > 0


def accept_tray(workplace: Workplace, offer: OpenOffer) -> int:
    """Accept a tray of orders into the queue that the machines draw from; how many orders it has.

    Orders are data: the station's key accepts all of them, no scan is needed.
    """

    def accept(tx: Connection) -> int:
        units = tx.execute(select(_WHERE.c.unit_id).where(_WHERE.c.handoff_id == offer.handoff_id)).scalars().all()
        stamp = Stamp(booking.now_us(), workplace.emulated, tray=offer.tray, due_us=offer.due_us)
        return len(log.accept(tx, workplace.party(), offer.handoff_id, units, rules.ORDER_QUEUE, stamp).accepted)

    return workplace.database.write(accept)


def part_green(workplace: Workplace, tray: str) -> list[str]:
    """Take what was raised to the green channel out of an accepted tray, each into a tray of its own; those trays.

    Only what no machine has drawn, and only out of a tray that has others in it.
    """

    def part(tx: Connection) -> list[str]:
        rows = _UNDRAWN.run(tx, {"of_tray": tray}).fetchall()
        raised = [unit for unit, priority in rows if priority == GREEN]
        if len(raised) == len(rows):
            return []
        trays = {new_id(): unit for unit in raised}
        for new_tray, unit in trays.items():
            whereabouts.hasten(tx, unit, GREEN)
            stamp = Stamp(booking.now_us(), workplace.emulated, tray=new_tray, reason="green")
            log.split(tx, workplace.party(), [unit], new_tray, stamp)
        return list(trays)

    return workplace.database.write(part)


def parted_trays(workplace: Workplace, trays: Sequence[str]) -> list[str]:
    """The trays into which orders were taken out of `trays` when a lead raised them to the green channel."""
    with workplace.database.read() as conn:
        return list(conn.execute(_PARTED, {"of_trays": list(trays)}).scalars())


def tray_status(workplace: Workplace) -> list[TrayStatus]:
    """Every accepted tray that has orders to make or documents to hand on; those of jobs in doubt count as orders.

    Orders of stopped applications are not waited for.
    """
    with workplace.database.read() as conn:
        return [TrayStatus(*row) for row in _STATUS.run(conn, {}).fetchall()]


def orders_of(conn: Connection, tray: str) -> int:
    """How many orders of an accepted tray are still to be made; those of jobs in doubt count, stopped ones don't."""
    row = _ORDERS.run(conn, {"of_tray": tray}).fetchone()
    return int(row[0]) if row else 0


def orders_waiting(workplace: Workplace) -> dict[str, int]:
    """How many accepted orders of each product no machine has drawn yet; products without any are left out."""
    with workplace.database.read() as conn:
        return dict(_WAITING.run(conn, {}).fetchall())


def product_offered(workplace: Workplace, offer: OpenOffer) -> str:
    """The product of an offered tray's orders, by one of them; an empty string where it was answered meanwhile."""
    with workplace.database.read() as conn:
        row = _OFFERED.run(conn, {"of_handoff": offer.handoff_id}).fetchone()
    return "" if row is None else str(row[0])


def ready_trays(workplace: Workplace) -> list[str]:
    """The trays that can be finished now."""
    return [status.tray for status in tray_status(workplace) if status.ready]


def finish_tray(workplace: Workplace, desk: MachineDesk, tray: str, nodes: TimeNodes = PUBLISHED) -> TrayOutcome:
    """Collect the documents of a tray of orders from the machines into a new tray and offer it to QC by a blind count.

    Interrupted, it is done again from where it was. `nodes` give QC's time node.
    Documents of stopped applications, and what the count does not find, go to quarantine. Raises `TrayNotReadyError`.
    """
    with workplace.database.read() as conn:
        made = documents(conn, tray)
    waiting = next((each.orders for each in tray_status(workplace) if each.tray == tray), 0)
    if waiting:
        raise TrayNotReadyError(tray, waiting)
    outgoing = tray
    if any(row.place != rules.OUTGOING for row in made):
        for machine in sorted({row.machine for row in made if row.place == rules.good_stack(row.machine)}):
            collect(workplace, desk, machine)
        outgoing = new_id()
        workplace.database.write(lambda tx: fill(tx, workplace, outgoing, [row.unit_id for row in made]))
    place = tray_place(outgoing)
    desk.put([row.blank_serial for row in made], place)
    lying = set(desk.scan(place))
    counted = [row for row in made if row.blank_serial in lying]
    return workplace.database.write(lambda tx: offer_counted(tx, workplace, outgoing, made, counted, nodes))


def fill(tx: Connection, workplace: Workplace, tray: str, units: Sequence[str]) -> None:
    """Recorded first, filled after: hands that were interrupted know which tray was meant."""
    stamp = Stamp(booking.now_us(), workplace.emulated, tray=tray)
    log.move(tx, workplace.party(), units, rules.OUTGOING, stamp)


def collect(workplace: Workplace, desk: MachineDesk, machine: str) -> int:
    """Empty a machine's good stack onto the rack and record what came; how many documents that were.

    What earlier hands carried to the rack without recording it is recorded now.
    """
    desk.empty(machine, "good", rules.RACK)
    lying = set(desk.scan(rules.RACK))

    def record(tx: Connection) -> int:
        units = [unit for serial, unit in in_good_stack(tx, machine).items() if serial in lying]
        if units:
            log.move(tx, workplace.party(), units, rules.RACK, booking.stamp(workplace, machine))
        return len(units)

    return workplace.database.write(record)


def in_good_stack(conn: Connection, machine: str) -> dict[str, str]:
    """Blank serial -> unit of the documents that the log has in a machine's good stack."""
    rows = conn.execute(_MADE.where(*_HELD_HERE, _WHERE.c.place == rules.good_stack(machine), JOB.c.machine == machine))
    return {row.blank_serial: row.unit_id for row in rows}


def offer_counted(
    tx: Connection,
    workplace: Workplace,
    tray: str,
    made: Sequence[Row[Any]],
    counted: Sequence[Row[Any]],
    nodes: TimeNodes,
) -> TrayOutcome:
    """Offer to QC what was counted of the documents that were made; the others and stopped ones go to quarantine."""
    stopped = states.stopped(tx, [row.application_id for row in counted])
    going = [row for row in counted if row.application_id not in stopped]
    found = {row.unit_id for row in counted}
    quarantined = {
        "stopped": [row.unit_id for row in counted if row.application_id in stopped],
        "missing": [row.unit_id for row in made if row.unit_id not in found],
    }
    by = workplace.party()
    priority, due_us = urgency(tx, rules.QC, [row.application_id for row in going], nodes) if going else (0, None)
    stamp = Stamp(booking.now_us(), workplace.emulated, tray=tray, due_us=due_us)
    for reason, units in quarantined.items():
        if units:
            log.doubt(tx, by, units, rules.QUARANTINE, replace(stamp, reason=reason))
    offered: tuple[str, ...] = ()
    if going:
        priority = min(priority, *(row.priority for row in going))
        units = [row.unit_id for row in going]
        offered = (log.offer(tx, by, rules.OUTGOING, rules.QC, units, priority=priority, stamp=stamp).handoff_id,)
    return TrayOutcome(
        workplace.station,
        tray,
        len(made),
        passed=len(going),
        stopped=len(quarantined["stopped"]),
        missing=len(quarantined["missing"]),
        offered=offered,
    )


# A document is as urgent as the order that it was made of.
_MADE = (
    select(
        _WHERE.c.unit_id,
        _WHERE.c.place,
        _ORDER.c.priority,
        _APPLICATION.c.service_class,
        _APPLICATION.c.deadline_us,
        JOB.c.machine,
        JOB.c.blank_serial,
        JOB.c.product,
        JOB.c.application_id,
    )
    .join(JOB, JOB.c.document_unit == _WHERE.c.unit_id)
    .join(_APPLICATION, _APPLICATION.c.application_id == JOB.c.application_id)
    .join(_ORDER, _ORDER.c.unit_id == JOB.c.order_unit)
    .order_by(_WHERE.c.unit_id)
)


def documents(conn: Connection, tray: str) -> Sequence[Any]:
    """The documents of a tray that are still held here, with the jobs that made them."""
    return conn.execute(_MADE.where(*_HELD_HERE, _WHERE.c.tray == tray)).all()
