"""Verdicts as they are kept: with the booking of their tray, or before it where a pass is decided again by another."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, insert

from handoff_logs.dialects import listed
from handoff_logs.statements import Statement
from stations.intake.states import stopped
from stations.review.cases import Order
from stations.review.desk import Decision, Outcome
from stations.review.second import SecondLooks
from stations.review.tables import ReviewVerdict
from stations.workplace import Workplace

_STORE = insert(ReviewVerdict.__table__)  # type: ignore[attr-defined]
_CHOOSE = Statement(
    "INSERT INTO review_second (application_id, revision, round, why, chosen_us)"
    " VALUES (:application_id, :revision, :round, :why, :now_us)"
)
_LAST_CHOSEN = Statement(
    """
    SELECT s.application_id FROM review_second AS s WHERE s.application_id IN {ids} AND NOT EXISTS (
        SELECT 1 FROM review_verdict AS v WHERE v.application_id = s.application_id AND v.round > s.round)
    """
)


def store(
    tx: Connection, workplace: Workplace, orders: Sequence[Order], decided: Mapping[str, tuple[str, Decision]]
) -> None:
    """Store what was decided on these orders, each in its next round."""
    if orders:
        _store(tx, workplace, orders, decided, workplace.database.clock_us(tx))


def _store(
    tx: Connection,
    workplace: Workplace,
    orders: Sequence[Order],
    decided: Mapping[str, tuple[str, Decision]],
    written_us: int,
) -> None:
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


def decide_again(
    tx: Connection,
    workplace: Workplace,
    waiting: Sequence[Order],
    decided: Mapping[str, tuple[str, Decision]],
    seconds: SecondLooks,
) -> int:
    """Store the passes of `seconds`, so that another reviewer decides each in a further round; how many.

    None that is a second look itself: it ends the matter, whatever it says. A stopped one is not looked at again.
    """
    ids = [order.application_id for order in waiting]
    out = stopped(tx, ids) | _being_decided_again(tx, ids)
    chosen = {}
    for order in waiting:
        if order.application_id not in out and decided[order.application_id][1].outcome is Outcome.PASS:
            named = (order.application_key, order.revision, order.rounds + 1)
            if why := seconds.why(workplace.personal.draw, *named, order.service_class):
                chosen[order.application_id] = order, why
    if not chosen:
        return 0
    now_us = workplace.database.clock_us(tx)
    _store(tx, workplace, [order for order, _ in chosen.values()], decided, now_us)
    for application_id, (order, why) in chosen.items():
        facts = {"application_id": application_id, "revision": order.revision, "round": order.rounds + 1}
        _CHOOSE.run(tx, {**facts, "why": why.value, "now_us": now_us})
    return len(chosen)


def _being_decided_again(conn: Connection, application_ids: Sequence[str]) -> frozenset[str]:
    """Those of these applications whose newest verdict is a pass that is decided again."""
    return frozenset(row[0] for row in _LAST_CHOSEN.run(conn, {"ids": listed(application_ids)}).fetchall())
