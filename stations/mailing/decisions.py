"""What two people decide of a parcel that came back: it is sent again, or destroyed, and then perhaps made again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Row, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from handoff_logs import log, whereabouts
from handoff_logs.records import Birth, Kind, new_id
from handoff_logs.tables import Whereabouts
from stations.intake.states import come_back
from stations.intake.tables import Application, ApplicationState
from stations.mailing import sendings
from stations.mailing.errors import (
    LiveElsewhereError,
    NotReturnedError,
    PersonErasedError,
    RemadeBeforeError,
    UnknownSendingError,
)
from stations.mailing.returns import RETURNED, stamp_of_two, waits_here
from stations.mailing.tables import Decision, ReturnedParcel, ReturnRemake
from stations.personalization import jobs
from stations.personalization.rules import VOIDED
from stations.qc.booking import remake_number
from stations.qc.pieces import order_numbers
from stations.trays import INPUT, PUBLISHED, TimeNodes, urgency
from stations.workplace import Workplace

REMADE_AT: Final = "personalization"
REMAKE_PRIORITY: Final = 1

T = TypeVar("T")

_where = Whereabouts.__table__  # type: ignore[attr-defined]
_application = Application.__table__  # type: ignore[attr-defined]
_back = ReturnedParcel.__table__  # type: ignore[attr-defined]
_remake = ReturnRemake.__table__  # type: ignore[attr-defined]

_OPEN = select(_back).where(_back.c.parcel_unit == bindparam("of_parcel"), _back.c.decision.is_(None))
_INSIDE = (
    select(
        _where.c.unit_id,
        jobs.JOB.c.blank_serial,
        _application.c.application_id,
        _application.c.product,
        _application.c.person_key,
        _application.c.state,
        _application.c.order_unit,
    )
    .join(jobs.JOB, jobs.JOB.c.document_unit == _where.c.unit_id)
    .join(_application, _application.c.application_id == jobs.JOB.c.application_id)
    .where(_where.c.container == bindparam("of_parcel"))
    .order_by(_where.c.unit_id)
)
_LIVE = select(_application.c.application_id).where(
    _application.c.person_key == bindparam("of_person"),
    _application.c.product == bindparam("of_product"),
    _application.c.live,
)


@dataclass(frozen=True, slots=True)
class Destroyed:
    """What became of a parcel's documents: their serials, voided; and the handoffs of what is made again."""

    serials: tuple[str, ...]
    remakes: tuple[str, ...] = field(default=())


def check(conn: Connection, item: str) -> tuple[Row[Any], str]:
    """The open return of a parcel, and its label. Raises `UnknownSendingError`, `NotReturnedError`."""
    named = sendings.parcel_named(conn, item)
    if named is None:
        raise UnknownSendingError(item)
    unit, label = named
    back = conn.execute(_OPEN, {"of_parcel": unit}).one_or_none()
    standing = whereabouts.standing(conn, [unit])[0]
    if back is None or not waits_here(standing):
        raise NotReturnedError(item, f"{standing.state} at {standing.station}, {standing.place}")
    return back, label


def send_again(workplace: Workplace, item: str) -> tuple[str, str]:
    """Let what came back be sent again, by the two people of `workplace`; its label and its new tray.

    It is weighed, numbered anew and offered to the carrier when the station next works. `item`: a label or a tracking
    number. Raises `UnknownSendingError`, `NotReturnedError`, `LiveElsewhereError`.
    """
    return decided_once(workplace, lambda tx: send_again_in(tx, workplace, item))


def send_again_in(tx: Connection, workplace: Workplace, item: str) -> tuple[str, str]:
    """The same in the transaction of `tx`."""
    sendings.one_at_a_time(tx)
    back, label = check(tx, item)
    inside = tx.execute(_INSIDE, {"of_parcel": back.parcel_unit}).all()
    _revive(tx, inside, ApplicationState.IN_PRODUCTION)
    tray, by, second = new_id(), workplace.party(0), workplace.party(1)
    why = stamp_of_two(workplace, "sent-again", tray=tray)
    log.move(tx, by, [back.parcel_unit], INPUT, why, second=second.person)
    _decided(tx, workplace, back, Decision.SENT)
    return label, tray


def destroy(workplace: Workplace, item: str, *, remake: bool, nodes: TimeNodes = PUBLISHED) -> Destroyed:
    """Record that the two people of `workplace` opened what came back and defaced all that was in it.

    With `remake` its applications are made again, each once. `item`: a label or a tracking number. Raises
    `UnknownSendingError`, `NotReturnedError`, `RemadeBeforeError`, `PersonErasedError`, `LiveElsewhereError`.
    """
    return decided_once(workplace, lambda tx: destroy_in(tx, workplace, item, remake=remake, nodes=nodes))


def destroy_in(
    tx: Connection, workplace: Workplace, item: str, *, remake: bool, nodes: TimeNodes = PUBLISHED
) -> Destroyed:
    """The same in the transaction of `tx`."""
    sendings.one_at_a_time(tx)
    back, _ = check(tx, item)
    by, second = workplace.party(0), workplace.party(1)
    inside = tx.execute(_INSIDE, {"of_parcel": back.parcel_unit}).all()
    orders = _orders_anew(tx, inside) if remake else {}
    if remake:
        # While its parcel still waits among what came back, by which the database knows that it may.
        _revive(tx, inside, ApplicationState.PASSED)
    log.unpack(tx, by, back.parcel_unit, RETURNED, replace(stamp_of_two(workplace, RETURNED), second_sign_in=None))
    for each in inside:
        reborn = [orders[each.application_id]] if each.application_id in orders else []
        log.void(tx, by, second.person, [each.unit_id], VOIDED, stamp_of_two(workplace, RETURNED), reborn)
    jobs.voided(tx, [each.unit_id for each in inside])
    remakes = _make_again(tx, workplace, inside, orders, nodes) if orders else []
    _decided(tx, workplace, back, Decision.DESTROYED)
    return Destroyed(tuple(each.blank_serial for each in inside), tuple(remakes))


def decided_once(workplace: Workplace, decide: Callable[[Connection], T]) -> T:
    """Decide in one transaction; one that a new application of the same person was filed beside says so in words."""
    try:
        return workplace.database.write(decide)
    except IntegrityError:
        # Filed between our look and our update; now it is there to be found.
        return workplace.database.write(decide)


def _decided(tx: Connection, workplace: Workplace, back: Row[Any], decision: Decision) -> None:
    row = (_back.c.parcel_unit == back.parcel_unit) & (_back.c.consignment_id == back.consignment_id)
    tx.execute(
        update(_back)
        .where(row)
        .values(
            decision=decision.value,
            decided_us=workplace.database.clock_us(tx),
            decided_by=workplace.party(0).person,
            decided_second=workplace.party(1).person,
        )
    )


def _revive(tx: Connection, inside: Sequence[Any], state: ApplicationState) -> None:
    """Bring the applications back on the line, where any of them can be stopped. Raises `LiveElsewhereError`."""
    for each in inside:
        # The unique index of live applications decides; this only says it in words.
        newer = tx.execute(_LIVE, {"of_person": each.person_key, "of_product": each.product}).first()
        if newer is not None:
            raise LiveElsewhereError(each.application_id, each.product)
    come_back(tx, [each.application_id for each in inside], state)


def _orders_anew(tx: Connection, inside: Sequence[Any]) -> dict[str, Birth]:
    """Application → the order by which it is made again, the once that it may be. Raises as `destroy`."""
    ids = [each.application_id for each in inside]
    for before in tx.execute(select(_remake.c.application_id).where(_remake.c.application_id.in_(ids))).scalars():
        raise RemadeBeforeError(before)
    numbers = order_numbers(tx, [each.order_unit for each in inside])
    for each in inside:
        if each.order_unit not in numbers:
            raise PersonErasedError(each.application_id)
    return {
        each.application_id: Birth(new_id(), Kind.ORDER, remake_number(numbers[each.order_unit])) for each in inside
    }


def _make_again(
    tx: Connection, workplace: Workplace, inside: Sequence[Any], orders: dict[str, Birth], nodes: TimeNodes
) -> list[str]:
    """Offer the new orders to personalization, a product at a time; their handoffs."""
    now_us = workplace.database.clock_us(tx)
    for each in inside:
        order = orders[each.application_id].unit_id
        tx.execute(
            update(_application).where(_application.c.application_id == each.application_id).values(order_unit=order)
        )
        remade = {"application_id": each.application_id, "document_unit": each.unit_id, "order_unit": order}
        tx.execute(insert(_remake), remade | {"remade_us": now_us})
    offered = []
    for product in sorted({each.product for each in inside}):
        group = [each.application_id for each in inside if each.product == product]
        priority, due_us = urgency(tx, REMADE_AT, group, nodes)
        onward = replace(stamp_of_two(workplace, "remake", tray=new_id(), due_us=due_us), second_sign_in=None)
        units = [orders[application_id].unit_id for application_id in group]
        offer = log.offer(
            tx,
            workplace.party(),
            VOIDED,
            REMADE_AT,
            units,
            priority=min(priority, REMAKE_PRIORITY),
            stamp=onward,
        )
        offered.append(offer.handoff_id)
    return offered
