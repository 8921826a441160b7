"""The review station: a tray of orders is accepted, every application decided by a person, the tray offered on."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import cycle, islice

from sqlalchemy import Connection, insert, select

from handoff_logs import log
from handoff_logs.offers import OpenOffer
from handoff_logs.records import State, new_id
from handoff_logs.tables import Whereabouts
from stations.intake.states import advance, check, stopped
from stations.intake.tables import Application, ApplicationState
from stations.review import decisions, leases
from stations.review.cases import PORTION, Order, open_cases, orders_of_tray
from stations.review.desk import Decision, Outcome, ReviewDesk
from stations.review.rules import Thresholds
from stations.review.tables import ReviewVerdict
from stations.trays import (
    HOLD,
    INPUT,
    PUBLISHED,
    TimeNodes,
    TrayOutcome,
    first_due_us,
    offered_units,
    quarantine,
    stamp,
    tray_of,
)
from stations.workplace import Workplace

_where = Whereabouts.__table__  # type: ignore[attr-defined]
_application = Application.__table__  # type: ignore[attr-defined]

NEXT = "personalization"
STATE_AFTER: Mapping[Outcome, ApplicationState] = {
    Outcome.PASS: ApplicationState.PASSED,
    Outcome.RETURN: ApplicationState.RETURNED,
    Outcome.HOLD: ApplicationState.HELD,
}

_STORE = insert(ReviewVerdict.__table__)  # type: ignore[attr-defined]


def work_tray(
    workplace: Workplace,
    offer: OpenOffer,
    desk: ReviewDesk,
    thresholds: Thresholds | None = None,
    nodes: TimeNodes = PUBLISHED,
) -> TrayOutcome:
    """Accept the offered tray and review it. Raises `AlreadyAnsweredError` when another worker was first."""
    accept_tray(workplace, offer)
    return resume_tray(workplace, tray_of(offer), desk, thresholds, nodes)


def accept_tray(workplace: Workplace, offer: OpenOffer) -> None:
    """Accept the offered tray. Orders are data: the station's word that it has them is enough.

    Raises `AlreadyAnsweredError` when another worker was first.
    """

    def accept(tx: Connection) -> None:
        units = offered_units(tx, offer.handoff_id)
        log.accept(tx, workplace.party(), offer.handoff_id, units, INPUT, stamp(workplace, tray_of(offer)))

    workplace.database.write(accept)


def resume_tray(
    workplace: Workplace,
    tray: str,
    desk: ReviewDesk,
    thresholds: Thresholds | None = None,
    nodes: TimeNodes = PUBLISHED,
) -> TrayOutcome:
    """Decide every application of an accepted tray, then book verdicts, states and custody in one transaction.

    Until then nothing is stored, so a tray that was cut short is simply decided again. What people decided at their
    desks before the tray was given to `desk` stands; what they hold is taken back when the tray is booked.
    """
    limits = thresholds or Thresholds()
    with workplace.database.read() as connection:
        orders = orders_of_tray(connection, workplace.station, tray)
        undecided = _undecided(connection, orders, {})
    waiting = [order for order in orders if order.application_id in undecided]
    reviewers = list(islice(cycle(workplace.people), len(waiting)))
    decided: dict[str, tuple[str, Decision]] = {}
    for start in range(0, len(waiting), PORTION):
        portion = slice(start, start + PORTION)
        for case in open_cases(workplace, waiting[portion], reviewers[portion], limits):
            decided[case.application_id] = case.reviewer, desk.decide(case)

    booked = workplace.database.write(lambda tx: _book_whole(tx, workplace, tray, decided, nodes))
    # None: somebody undid at their desk what stood a moment before, and `desk` decides that too.
    return booked or resume_tray(workplace, tray, desk, thresholds, nodes)


def book_decided(workplace: Workplace, tray: str, nodes: TimeNodes = PUBLISHED) -> TrayOutcome | None:
    """Book an accepted tray that people decided at their desks; None, and nothing done, while any of it waits."""
    with workplace.database.read() as connection:
        if _undecided(connection, orders_of_tray(connection, workplace.station, tray), {}):
            return None
    return workplace.database.write(lambda tx: _book_whole(tx, workplace, tray, {}, nodes))


def _book_whole(
    tx: Connection, workplace: Workplace, tray: str, decided: Mapping[str, tuple[str, Decision]], nodes: TimeNodes
) -> TrayOutcome | None:
    """Book a tray by what stands at the desks and, for the rest, by `decided`; None where some has neither."""
    leases.one_at_a_time(tx)
    orders = orders_of_tray(tx, workplace.station, tray)
    if _undecided(tx, orders, decided):
        return None
    ids = [order.application_id for order in orders]
    leases.withdraw(tx, ids)
    return _book(tx, workplace, tray, orders, {**decided, **decisions.standing(tx, ids)}, nodes)


def _undecided(conn: Connection, orders: Sequence[Order], decided: Mapping[str, object]) -> set[str]:
    waiting = {order.application_id for order in _waiting(orders)} - set(decided)
    return waiting - set(decisions.standing(conn, sorted(waiting)))


def _waiting(orders: Sequence[Order]) -> list[Order]:
    return [order for order in orders if order.state == ApplicationState.WAITING]


def dispatch_superseded(workplace: Workplace) -> int:
    """Send the orders of held applications whose next revision has arrived back to their offices; how many."""
    query = (
        select(_where.c.unit_id, _application.c.office)
        .join(_application, _application.c.order_unit == _where.c.unit_id)
        .where(
            _where.c.station == workplace.station,
            _where.c.state == State.HELD,
            _where.c.place == HOLD,
            _application.c.state == ApplicationState.RETURNED,
        )
    )

    def dispatch(tx: Connection) -> int:
        orders = tx.execute(query).all()
        _send_back(tx, workplace, None, orders, "superseded")
        return len(orders)

    return workplace.database.write(dispatch)


def _book(
    tx: Connection,
    workplace: Workplace,
    tray: str,
    orders: Sequence[Order],
    decided: Mapping[str, tuple[str, Decision]],
    nodes: TimeNodes,
) -> TrayOutcome:
    stopped_ids = stopped(tx, [order.application_id for order in orders])
    # Raised to the green channel while people decided: they go on as they stand now, which is locked.
    now = {order.unit_id: order for order in orders_of_tray(tx, workplace.station, tray)}
    orders = [now.get(order.unit_id, order) for order in orders]
    by_outcome: dict[Outcome, list[Order]] = {outcome: [] for outcome in Outcome}
    for order in orders:
        if order.application_id in decided and order.application_id not in stopped_ids:
            by_outcome[decided[order.application_id][1].outcome].append(order)
    # A verdict is taken only on what waits.
    for outcome, group in by_outcome.items():
        check(tx, [order.application_id for order in group], ApplicationState.WAITING, STATE_AFTER[outcome])
    _store_verdicts(tx, workplace, [order for group in by_outcome.values() for order in group], decided)
    for outcome, group in by_outcome.items():
        advance(tx, [order.application_id for order in group], ApplicationState.WAITING, STATE_AFTER[outcome])
    decisions.take_back(tx, sorted(stopped_ids))
    quarantine(tx, workplace, tray, [order.unit_id for order in orders if order.application_id in stopped_ids])
    _send_back(tx, workplace, tray, by_outcome[Outcome.RETURN], "recapture")
    if held := [order.unit_id for order in by_outcome[Outcome.HOLD]]:
        log.move(tx, workplace.party(), held, HOLD, stamp(workplace, tray, reason="question"))
    return TrayOutcome(
        station=workplace.station,
        tray=tray,
        units=len(orders),
        passed=len(by_outcome[Outcome.PASS]),
        returned=len(by_outcome[Outcome.RETURN]),
        held=len(held),
        stopped=len(stopped_ids),
        offered=_offer_on(tx, workplace, tray, by_outcome[Outcome.PASS], nodes),
    )


def _store_verdicts(
    tx: Connection, workplace: Workplace, orders: Sequence[Order], decided: Mapping[str, tuple[str, Decision]]
) -> None:
    if not orders:
        return
    written_us = workplace.database.clock_us(tx)
    rows = []
    for order in orders:
        reviewer, decision = decided[order.application_id]
        rows.append(
            {
                "application_id": order.application_id,
                "revision": order.revision,
                "round": order.rounds + 1,
                "reviewer": reviewer,
                "outcome": decision.outcome.value,
                "reasons": " ".join(decision.reasons),
                "written_us": written_us,
                "emulated": workplace.emulated,
            }
        )
    tx.execute(_STORE, rows)


def _send_back(tx: Connection, workplace: Workplace, tray: str | None, orders: Sequence[Order], reason: str) -> None:
    by_office: dict[str, list[str]] = defaultdict(list)
    for order in orders:
        by_office[order.office].append(order.unit_id)
    for office, units in by_office.items():
        log.dispatch(tx, workplace.party(), units, f"office:{office}", stamp(workplace, tray, reason=reason))


def _offer_on(
    tx: Connection, workplace: Workplace, tray: str, passed: Sequence[Order], nodes: TimeNodes
) -> tuple[str, ...]:
    """One tray for each priority and product, so that green work overtakes and a machine finds one kind of blank."""
    groups: dict[tuple[int, str], list[Order]] = defaultdict(list)
    for order in passed:
        groups[order.priority, order.product].append(order)
    offered = []
    for (priority, _), group in sorted(groups.items()):
        onward = stamp(workplace, tray if len(groups) == 1 else new_id(), due_us=first_due_us(NEXT, group, nodes))
        units = [order.unit_id for order in group]
        offered.append(log.offer(tx, workplace.party(), INPUT, NEXT, units, priority=priority, stamp=onward).handoff_id)
    return tuple(offered)
