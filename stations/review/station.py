"""The review station: a tray of orders is accepted, every application decided by a person, the tray offered on."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, select

from handoff_logs import log
from handoff_logs.offers import OpenOffer
from handoff_logs.records import State, new_id
from handoff_logs.tables import Whereabouts
from stations.intake.states import advance, check, stopped
from stations.intake.tables import Application, ApplicationState
from stations.people import EMULATED_PREFIX, emulated_duty
from stations.review import decisions, history, leases, verdicts
from stations.review.cases import PORTION, Order, open_cases, orders_of_tray
from stations.review.desk import Decision, Outcome, ReviewDesk
from stations.review.rules import Thresholds
from stations.review.second import NO_SECOND_LOOKS, SecondLooks
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


def work_tray(
    workplace: Workplace,
    offer: OpenOffer,
    desk: ReviewDesk,
    thresholds: Thresholds | None = None,
    nodes: TimeNodes = PUBLISHED,
    seconds: SecondLooks = NO_SECOND_LOOKS,
) -> TrayOutcome:
    """Accept the offered tray and review it. Raises `AlreadyAnsweredError` when another worker was first."""
    accept_tray(workplace, offer)
    return resume_tray(workplace, tray_of(offer), desk, thresholds, nodes, seconds)


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
    seconds: SecondLooks = NO_SECOND_LOOKS,
) -> TrayOutcome:
    """Decide every application of an accepted tray, then book verdicts, states and custody in one transaction.

    Until then nothing is stored, so a tray that was cut short is simply decided again. What people decided at their
    desks before the tray was given to `desk` stands; what they hold is taken back when the tray is booked. Passes of
    `seconds` are stored first, and decided again by another reviewer.
    """
    limits = thresholds or Thresholds()
    decided: dict[tuple[str, int], tuple[str, Decision]] = {}
    while True:
        with workplace.database.read() as connection:
            orders = orders_of_tray(connection, workplace.station, tray)
            undecided = _undecided(connection, orders, _of_now(orders, decided))
            before = history.reviewers(connection, sorted(undecided))
        waiting = [order for order in orders if order.application_id in undecided]
        reviewers = [_another(workplace, before, order, place) for place, order in enumerate(waiting)]
        for start in range(0, len(waiting), PORTION):
            portion = slice(start, start + PORTION)
            for case in open_cases(workplace, waiting[portion], reviewers[portion], limits):
                decided[case.application_id, case.round] = case.reviewer, desk.decide(case)
        booked = workplace.database.write(lambda tx: _book_whole(tx, workplace, tray, decided, nodes, seconds))
        # None: some is decided again, or somebody undid at their desk what stood a moment before.
        if booked is not None:
            return booked


def book_decided(
    workplace: Workplace, tray: str, nodes: TimeNodes = PUBLISHED, seconds: SecondLooks = NO_SECOND_LOOKS
) -> TrayOutcome | None:
    """Book an accepted tray that people decided at their desks; None while any of it waits for its verdict.

    Once all of it is decided, the passes of `seconds` are stored and wait for another reviewer, and the tray with them.
    """
    with workplace.database.read() as connection:
        if _undecided(connection, orders_of_tray(connection, workplace.station, tray), {}):
            return None
    return workplace.database.write(lambda tx: _book_whole(tx, workplace, tray, {}, nodes, seconds))


def _book_whole(
    tx: Connection,
    workplace: Workplace,
    tray: str,
    decided: Mapping[tuple[str, int], tuple[str, Decision]],
    nodes: TimeNodes,
    seconds: SecondLooks,
) -> TrayOutcome | None:
    """Book a tray by what stands at the desks and, for the rest, by `decided`; None where some has neither, or is
    to be decided again."""
    leases.one_at_a_time(tx)
    orders = orders_of_tray(tx, workplace.station, tray)
    of_now = _of_now(orders, decided)
    if _undecided(tx, orders, of_now):
        return None
    ids = [order.application_id for order in orders]
    leases.withdraw(tx, ids)
    stand = {**of_now, **decisions.standing(tx, ids)}
    if verdicts.decide_again(tx, workplace, _waiting(orders), stand, seconds):
        return None
    return _book(tx, workplace if decided else _of_the_last(tx, workplace, ids), tray, orders, stand, nodes)


def _of_the_last(conn: Connection, workplace: Workplace, ids: Sequence[str]) -> Workplace:
    """The workplace with whoever decided last at it: where people decided all of a tray, they hand it on."""
    by = decisions.last_of(conn, ids)
    return workplace if by is None else workplace.acting(by)


def _of_now(
    orders: Sequence[Order], decided: Mapping[tuple[str, int], tuple[str, Decision]]
) -> dict[str, tuple[str, Decision]]:
    """What was decided of the round that each application is in now."""
    named = {order.application_id: (order.application_id, order.rounds + 1) for order in orders}
    return {application_id: decided[name] for application_id, name in named.items() if name in decided}


def _another(workplace: Workplace, before: Mapping[str, Sequence[str]], order: Order, place: int) -> str:
    """Somebody on duty who gave no verdict on it before, in turn; there is as much emulated staff as it takes."""
    given = before.get(order.application_id, ())
    people = workplace.people
    if given and all(person.startswith(EMULATED_PREFIX) for person in people):
        people = emulated_duty(workplace.station, workplace.shift, len(people) + len(given)).codes
    free = [person for person in people if person not in given] or people
    return free[place % len(free)]


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

    with workplace.database.read() as conn:
        if conn.execute(query).first() is None:
            return 0
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
    verdicts.store(tx, workplace, [order for group in by_outcome.values() for order in group], decided)
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
