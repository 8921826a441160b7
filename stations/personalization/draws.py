"""Drawing: the best waiting order is claimed for a machine by committing the intent to make it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import Connection, Select, bindparam, exists, func, insert, or_, select, text, update

from devices.jobs import JobState, job_id
from devices.roles import MachineIdentity
from handoff_logs.freezing import pass_by
from handoff_logs.records import Kind, State
from handoff_logs.statements import Statement
from handoff_logs.tables import Whereabouts
from stations.climate import bar
from stations.intake.tables import Application, ApplicationState
from stations.personalization import holds, leases, numbers, rules
from stations.personalization.errors import FenceLostError
from stations.personalization.leases import Lease
from stations.personalization.tables import Job
from stations.trays import GREEN

_JOB = Job.__table__  # type: ignore[attr-defined]
_APPLICATION = Application.__table__  # type: ignore[attr-defined]
_WHERE = Whereabouts.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Draw:
    """An order that a machine may draw a blank for; `document_number` is None where the blank brings it."""

    job_id: str
    application_id: str
    product: str
    order_unit: str
    tray: str | None
    due_us: int | None
    document_number: str | None


_ATTEMPTS = (
    select(func.coalesce(func.max(_JOB.c.attempt), 0))
    .where(_JOB.c.application_id == _APPLICATION.c.application_id, _JOB.c.product == _APPLICATION.c.product)
    .scalar_subquery()
)


# The shift's own table, which lies above; the database refuses the job as well.
_NOT_EVACUATED = text("NOT EXISTS (SELECT 1 FROM evacuation WHERE NOT over)")


def _best(products: Sequence[str]) -> Select[tuple[str, str, str, str | None, int | None, int]]:
    """Whatever is stopped or drawn is not `passed`, and nothing waits on an evacuated line.

    The index of `whereabouts` gives the order of work.
    """
    return (
        select(
            _APPLICATION.c.application_id,
            _APPLICATION.c.product,
            _APPLICATION.c.order_unit,
            _WHERE.c.tray,
            _WHERE.c.due_us,
            _ATTEMPTS,
        )
        .join(_APPLICATION, _APPLICATION.c.order_unit == _WHERE.c.unit_id)
        .where(
            _WHERE.c.station == rules.STATION,
            _WHERE.c.state == State.HELD.value,
            _WHERE.c.kind == Kind.ORDER.value,
            _APPLICATION.c.state == ApplicationState.PASSED.value,
            _NOT_EVACUATED,
            or_(*(_APPLICATION.c.product == product for product in products)),
        )
        .order_by(_WHERE.c.priority, _WHERE.c.due_us)
        .limit(1)
    )


@lru_cache
def _look(products: tuple[str, ...]) -> Statement:
    return Statement(_best(products))


@lru_cache
def _take(products: tuple[str, ...]) -> Statement:
    return Statement(_best(products).with_for_update(of=_APPLICATION, skip_locked=True))


_BEHIND = _APPLICATION.alias("behind")


@lru_cache
def _take_green(products: tuple[str, ...]) -> Statement:
    """The best order of the green channel, where the application `of_behind` is not of it."""
    behind = exists().where(_BEHIND.c.application_id == bindparam("of_behind"), _BEHIND.c.priority != GREEN)
    best = _best(products).where(_WHERE.c.priority == GREEN, behind)
    return Statement(best.with_for_update(of=_APPLICATION, skip_locked=True))


_TAKE_APPLICATION = Statement(
    update(_APPLICATION)
    .where(
        _APPLICATION.c.application_id == bindparam("of_application"),
        _APPLICATION.c.state == ApplicationState.PASSED.value,
        leases.holds(),
    )
    .values(state=ApplicationState.IN_PRODUCTION.value)
)
_FACTS = (
    *("job_id", "application_id", "product", "attempt", "previous_attempt", "order_unit", "machine", "machine_serial"),
    *("journal_id", "journal_position", "fence", "worker", "document_number", "intent_us", "emulated"),
)
_INTENT = Statement(
    insert(_JOB).values(
        state=JobState.INTENT.value, unfinished=True, live=True, **{name: bindparam(name) for name in _FACTS}
    )
)


def draw(
    tx: Connection,
    lease: Lease,
    machine: MachineIdentity,
    centre: str,
    products: tuple[str, ...],
    now_us: int,
    *,
    overtaking: str | None = None,
) -> Draw | None:
    """Commit to making the best waiting order of `products` on the leased machine; None when nothing waits.

    With `overtaking`, an application whose blank is in the machine: only an order of the green channel, and none where
    that application is of it too. Of two machines that race for an order one inserts the job; the other finds the next
    order, or is refused whole. Raises `HeldByFindingError` (nothing is written), `FenceLostError`,
    `NumbersExhaustedError`.
    """
    # Asked first: whoever evacuates waits for this intent, or it is not made.
    if pass_by(tx):
        return None
    holds.refuse(tx, lease.machine)
    if overtaking is None:
        best = _take(products).run(tx, {}).fetchone()
    else:
        best = _take_green(products).run(tx, {"of_behind": overtaking}).fetchone()
    if best is None:
        return None
    application_id, product, order_unit, tray, due_us, attempts = best
    number = numbers.take(tx, product) if rules.numbered_from_range(product) else None
    taken = _TAKE_APPLICATION.run(tx, {"of_application": application_id, **leases.held(lease)})
    if taken.rowcount != 1:
        raise FenceLostError(lease.machine, lease.fence)
    identity = job_id(centre, application_id, product, attempts + 1)
    intent = {
        "job_id": identity,
        "application_id": application_id,
        "product": product,
        "attempt": attempts + 1,
        "previous_attempt": attempts or None,
        "order_unit": order_unit,
        "machine": lease.machine,
        "machine_serial": machine.serial,
        "journal_id": machine.journal_id,
        "journal_position": machine.journal_next,
        "fence": lease.fence,
        "worker": lease.worker,
        "document_number": number,
        "intent_us": now_us,
        "emulated": machine.emulated,
    }
    _INTENT.run(tx, intent)
    return Draw(identity, application_id, product, order_unit, tray, due_us, number)


@dataclass(frozen=True, slots=True)
class WaitingOrder:
    """An order that waits to be drawn, and how many attempts there were to make it."""

    application_id: str
    product: str
    order_unit: str
    attempts: int


def waiting_orders(conn: Connection, products: tuple[str, ...]) -> Sequence[WaitingOrder]:
    """All orders of `products` that machines may draw."""
    rows = Statement(_best(products).limit(None)).run(conn, {}).fetchall()
    return [WaitingOrder(row[0], row[1], row[2], row[5]) for row in rows]


def take_up(
    tx: Connection,
    lease: Lease,
    machine: MachineIdentity,
    order: WaitingOrder,
    identity: str,
    position: int,
    document_number: str | None,
) -> None:
    """Commit to the intent that the machine's journal shows to have been made, and the database forgot.

    Raises `FenceLostError`, and `ZoneSuspendedError` while its zone is: it is booked once a lead has resumed.
    """
    bar.refuse_suspended(tx, lease.machine)
    taken = _TAKE_APPLICATION.run(tx, {"of_application": order.application_id, **leases.held(lease)})
    if taken.rowcount != 1:
        raise FenceLostError(lease.machine, lease.fence)
    intent = {
        "job_id": identity,
        "application_id": order.application_id,
        "product": order.product,
        "attempt": order.attempts + 1,
        "previous_attempt": order.attempts or None,
        "order_unit": order.order_unit,
        "machine": lease.machine,
        "machine_serial": machine.serial,
        "journal_id": machine.journal_id,
        "journal_position": position,
        "fence": lease.fence,
        "worker": lease.worker,
        "document_number": document_number,
        "intent_us": time.time_ns() // 1_000,
        "emulated": machine.emulated,
    }
    _INTENT.run(tx, intent)


def waiting(conn: Connection, products: tuple[str, ...]) -> bool:
    """Whether an order of `products` waits for a machine."""
    return _look(products).run(conn, {}).fetchone() is not None
