"""Raising an application to the green channel by its number, and what of the green channel is on the line.

In one transaction with the record of it the order overtakes from where it is: out of an offer that nobody has called,
or out of a tray that personalization has accepted and no machine has drawn it from. Pieces are never moved by it: what
is made already, or is in somebody's hands, goes before everything from its next handoff on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, bindparam, func, insert, select, update

from handoff_logs import log, whereabouts
from handoff_logs.errors import AlreadyAnsweredError
from handoff_logs.offers import OpenOffer
from handoff_logs.records import State, new_id
from handoff_logs.tables import OpenOffer as OpenOfferRow
from handoff_logs.tables import UnitNumber, Whereabouts
from handoff_logs.whereabouts import Standing
from stations.calendar import from_us
from stations.deadlines import DeadlineRule
from stations.green.errors import AlreadyGreenError, NotRaisableError
from stations.intake import filed
from stations.intake.deadline_changes import bring_forward
from stations.intake.filed import Approval
from stations.intake.states import LIVE
from stations.intake.tables import Application, ApplicationState, GreenChannel
from stations.people import Role
from stations.personalization import jobs
from stations.personalization.rules import STATION as PERSONALIZATION
from stations.stopping.errors import UnknownNumberError
from stations.trays import GREEN, TimeNodes, offered_units, stamp
from stations.workplace import Workplace

RAISERS = (Role.LEAD,)
"""Who may raise an application, alone: a lead is its approver."""

REASONS = ("conference", "exam", "death_abroad", "illness_abroad", "medical_care", "visa_expiry")
"""Why an application is raised (codes), as accepting offices name them too."""

EMERGENCY = "emergency"

_APPLICATION = Application.__table__  # type: ignore[attr-defined]
_GREEN = GreenChannel.__table__  # type: ignore[attr-defined]
_WHERE = Whereabouts.__table__  # type: ignore[attr-defined]
_NUMBER = UnitNumber.__table__  # type: ignore[attr-defined]
_OFFER = OpenOfferRow.__table__  # type: ignore[attr-defined]

# Whoever holds the newest revision's row lets nobody draw, stop or book it meanwhile.
_LOOKED_AT: Select[Any] = (
    select(
        _APPLICATION.c.application_id,
        _APPLICATION.c.state,
        _APPLICATION.c.live,
        _APPLICATION.c.service_class,
        _APPLICATION.c.priority,
        _APPLICATION.c.deadline_us,
        _APPLICATION.c.order_unit,
    )
    .where(_APPLICATION.c.application_key == bindparam("of_key"))
    .order_by(_APPLICATION.c.revision.desc())
    .limit(1)
)
_NEWEST = _LOOKED_AT.with_for_update()
_RAISED = select(_GREEN).where(_GREEN.c.application_id == bindparam("of_application"))
_LOCKED_OFFER = (
    select(*(_OFFER.c[name] for name in OpenOffer.__dataclass_fields__))
    .where(_OFFER.c.handoff_id == bindparam("of_handoff"))
    .with_for_update()
)
_OTHERS_HELD = select(func.count()).where(
    _WHERE.c.station == PERSONALIZATION,
    _WHERE.c.state == State.HELD,
    _WHERE.c.tray == bindparam("of_tray"),
    _WHERE.c.unit_id != bindparam("of_unit"),
)
_DOCUMENTS = select(jobs.JOB.c.document_unit).where(
    jobs.JOB.c.application_id == bindparam("of_application"), jobs.JOB.c.live, jobs.JOB.c.document_unit.is_not(None)
)
_ON_THE_LINE = (
    select(_APPLICATION.c.application_id, _APPLICATION.c.order_unit, _NUMBER.c.number)
    .outerjoin(_NUMBER, _NUMBER.c.unit_id == _APPLICATION.c.order_unit)
    .where(
        _APPLICATION.c.state.in_([state.value for state in LIVE]),
        _APPLICATION.c.live,
        _APPLICATION.c.priority == GREEN,
    )
)
_WAITING = select(func.count(), func.max(_APPLICATION.c.order_unit)).where(
    _APPLICATION.c.state.in_([ApplicationState.WAITING.value, ApplicationState.PASSED.value]),
    _APPLICATION.c.live,
    _APPLICATION.c.priority == GREEN,
)


class Waiting(NamedTuple):
    """How many emergencies wait, and the order of the newest; None where none does."""

    emergencies: int
    newest: str | None


class Overtakes(StrEnum):
    """How a raised application overtakes."""

    OFFERED_ALONE = "offered_alone"
    DRAWN_NEXT = "drawn_next"
    FROM_NEXT_HANDOFF = "from_next_handoff"


@dataclass(frozen=True, slots=True)
class Raised:
    """A raise: where the order is or is offered to, how it overtakes from there, and the deadline that holds now."""

    application_id: str
    station: str
    overtakes: Overtakes
    deadline_us: int


@dataclass(frozen=True, slots=True)
class OnTheLine:
    """One application of the green channel that is on the line; times are microseconds UTC.

    `number` is empty once its person was erased, `approval` None where its office named none.
    """

    application_id: str
    number: str
    state: str
    deadline_us: int
    approval: Approval | None
    since_us: int
    places: tuple[Standing, ...]
    emulated: bool


@dataclass(frozen=True, slots=True)
class _Way:
    """What was decided about an order before anything is written; `offer` or `tray`, or neither."""

    station: str
    offer: OpenOffer | None = None
    tray: str | None = None

    @property
    def overtakes(self) -> Overtakes:
        if self.offer is not None:
            return Overtakes.OFFERED_ALONE
        return Overtakes.FROM_NEXT_HANDOFF if self.tray is None else Overtakes.DRAWN_NEXT


def check_raise(conn: Connection, workplace: Workplace, number: str) -> None:
    """Raise what keeps the application of `number` from being raised, before anybody counts or signs.

    UnknownNumberError, NotRaisableError, AlreadyGreenError.
    """
    row = conn.execute(_LOOKED_AT, {"of_key": workplace.personal.application_key(number)}).one_or_none()
    if row is None:
        raise UnknownNumberError
    _refuse(conn, row)


def raise_to_green(workplace: Workplace, number: str, reason: str, nodes: TimeNodes) -> Raised:
    """Raise the application of `number` (its newest revision) by the lead who is first at `workplace` and signed in.

    `reason`: one of REASONS. Raises UnknownNumberError, NotRaisableError, AlreadyGreenError.
    """
    if reason not in REASONS:
        raise ValueError(f"{reason!r} is none of {', '.join(REASONS)}")
    key = workplace.personal.application_key(number)
    return workplace.database.write(lambda tx: _raise(tx, workplace, key, reason, nodes))


def waiting(conn: Connection) -> Waiting:
    """The emergencies that no machine has drawn yet: in review, or on their way to a machine."""
    return Waiting(*conn.execute(_WAITING).one())


def on_the_line(conn: Connection, workplace: Workplace) -> list[OnTheLine]:
    """Every application of the green channel that is on the line, the nearest deadline first."""
    rows = conn.execute(_ON_THE_LINE).all()
    known = filed.by_ids(conn, workplace.personal, [row.application_id for row in rows])
    found = []
    for row in rows:
        one = known[row.application_id]
        since_us = one.approval.approved_us if one.approval else one.accepted_us
        number = "" if row.number is None else str(row.number).partition("/")[0]
        places = tuple(
            unit
            for unit in whereabouts.find(conn, _units(conn, row.application_id, row.order_unit)).values()
            if unit.state != State.ENDED
        )
        found.append(
            OnTheLine(
                one.application_id,
                number,
                one.state.value,
                one.deadline_us,
                one.approval,
                since_us,
                places,
                bool(one.emulated),
            )
        )
    return sorted(found, key=lambda each: (each.deadline_us, each.application_id))


def _raise(tx: Connection, workplace: Workplace, key: str, reason: str, nodes: TimeNodes) -> Raised:
    row = tx.execute(_NEWEST, {"of_key": key}).one_or_none()
    if row is None:
        raise UnknownNumberError
    _refuse(tx, row)
    way = _way(tx, workplace, row)
    now_us = workplace.database.clock_us(tx)
    deadline_us = _record(tx, workplace, row, reason, now_us, way, nodes)
    if way.offer is not None:
        _offer_alone(tx, workplace, way.offer, row.order_unit, nodes, deadline_us)
    for unit in _units(tx, row.application_id, row.order_unit):
        whereabouts.hasten(tx, unit, GREEN)
    return Raised(row.application_id, way.station, way.overtakes, deadline_us)


def _refuse(tx: Connection, row: Row[Any]) -> None:
    if row.state == ApplicationState.STOPPED and not row.live:
        raise NotRaisableError("ended")
    if not row.live or row.state == ApplicationState.STOPPED:
        raise NotRaisableError(row.state)
    if row.priority == GREEN:
        earlier = tx.execute(_RAISED, {"of_application": row.application_id}).one_or_none()
        raise AlreadyGreenError(*((earlier.approver, earlier.reason, earlier.raised_us) if earlier else (None,) * 3))


def _way(tx: Connection, workplace: Workplace, row: Row[Any]) -> _Way:
    """Where the order stands; an offer is returned locked, so that it is not called until this transaction ends."""
    looked: set[str] = set()
    while True:
        (order,) = whereabouts.standing(tx, [row.order_unit])
        if order.state == State.OFFERED and order.handoff_id is not None:
            found = tx.execute(_LOCKED_OFFER, {"of_handoff": order.handoff_id}).one_or_none()
            if found is None:
                # Answered, or offered anew, since the look at where it stands.
                if order.handoff_id in looked:
                    raise AlreadyAnsweredError(order.handoff_id)
                looked.add(order.handoff_id)
                continue
            offer = OpenOffer(*found)
            called = offer.claimed_by is not None and (offer.claimed_until_us or 0) >= workplace.database.clock_us(tx)
            return _Way(offer.to_station) if called else _Way(offer.to_station, offer=offer)
        undrawn = order.station == PERSONALIZATION and row.state == ApplicationState.PASSED
        if undrawn and order.state == State.HELD:
            return _Way(order.station, tray=order.tray)
        return _Way(order.station)


def _record(
    tx: Connection, workplace: Workplace, row: Row[Any], reason: str, now_us: int, way: _Way, nodes: TimeNodes
) -> int:
    """Write the raise and the change of the deadline, which is never later than it was; the deadline."""
    now = from_us(now_us)
    due_us = DeadlineRule(nodes.calendar).deadline(EMERGENCY, now, now).due_us
    change = bring_forward(tx, row.application_id, due_us, now_us)
    deadline_us = row.deadline_us if change is None else due_us
    lead = workplace.party()
    parted_into = None if way.tray is None else _part(tx, workplace, way.tray, row.order_unit)
    tx.execute(
        insert(_GREEN).values(
            application_id=row.application_id,
            approver=lead.person,
            sign_in=workplace.sign_ins[lead.person],
            reason=reason,
            raised_us=now_us,
            class_before=row.service_class,
            priority_before=row.priority,
            deadline_before_us=row.deadline_us,
            deadline_change=change,
            parted_from=None if parted_into is None else way.tray,
            parted_into=parted_into,
            emulated=workplace.emulated,
        )
    )
    raised: dict[str, Any] = {"service_class": EMERGENCY, "priority": GREEN, "deadline_us": deadline_us}
    if change is not None:
        raised["provisional"] = False
    tx.execute(update(_APPLICATION).where(_APPLICATION.c.application_id == row.application_id).values(raised))
    return deadline_us


def _part(tx: Connection, workplace: Workplace, tray: str, order_unit: str) -> str | None:
    """Take an order out of its tray, so that its document goes on alone; its new tray, None where it is alone."""
    if not tx.execute(_OTHERS_HELD, {"of_tray": tray, "of_unit": order_unit}).scalar_one():
        return None
    here, new_tray = _at(workplace, PERSONALIZATION), new_id()
    log.split(tx, here.party(), [order_unit], new_tray, stamp(here, reason="green"))
    return new_tray


def _offer_alone(
    tx: Connection, workplace: Workplace, offer: OpenOffer, order_unit: str, nodes: TimeNodes, deadline_us: int
) -> None:
    """Withdraw an offer, offer the order anew in a tray of its own, and the others as they were.

    A stopped one among the others stays under offer: the station that takes the tray quarantines it, as it would have.
    """
    here = _at(workplace, offer.from_station)
    others = [unit for unit in offered_units(tx, offer.handoff_id) if unit != order_unit]
    log.withdraw(tx, here.party(), offer.handoff_id, stamp(here, offer.tray, reason="green"))
    (order,) = whereabouts.standing(tx, [order_unit])
    alone = stamp(here, new_id(), due_us=nodes.due_us(offer.to_station, EMERGENCY, deadline_us), reason="green")
    log.offer(tx, here.party(), order.place, offer.to_station, [order_unit], priority=GREEN, stamp=alone)
    if others:
        as_before = stamp(here, offer.tray, due_us=offer.due_us)
        by, place = here.party(), order.place
        log.offer(tx, by, place, offer.to_station, others, priority=offer.priority, stamp=as_before)


def _at(workplace: Workplace, station: str) -> Workplace:
    return workplace.at(station, workplace.people, workplace.sign_ins)


def _units(conn: Connection, application_id: str, order_unit: str) -> Sequence[str]:
    """An application's order, and its document if it has one."""
    return [order_unit, *conn.execute(_DOCUMENTS, {"of_application": application_id}).scalars()]
