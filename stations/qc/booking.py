"""Booking what was inspected: the inspections, the voids by two with their remakes, and what goes on to packing."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, bindparam, insert, update

from handoff_logs import log
from handoff_logs.records import Birth, Kind, new_id
from stations.intake.states import advance, stopped
from stations.intake.tables import Application, ApplicationState
from stations.personalization import jobs
from stations.qc.pieces import Piece, order_numbers, passing_verdicts
from stations.qc.tables import Inspection
from stations.trays import INPUT, TimeNodes, stamp, urgency
from stations.workplace import Workplace

NEXT = "packing"
REMADE_AT = "personalization"
VOIDED = "voided"
REMAKE_PRIORITY = 1

_application = Application.__table__  # type: ignore[attr-defined]
_STORE = insert(Inspection.__table__)  # type: ignore[attr-defined]
_NEW_ORDER = (
    update(_application)
    .where(_application.c.application_id == bindparam("of_application"))
    .values(order_unit=bindparam("new_order"))
)


@dataclass(frozen=True, slots=True)
class Inspected:
    """One document with its inspector, the reader it was in, and the defect codes decided on."""

    piece: Piece
    inspector: str
    reader: str
    codes: tuple[str, ...]


def store_inspections(tx: Connection, workplace: Workplace, inspected: Sequence[Inspected]) -> None:
    """Store each inspection, tied to the verdict that let its application pass."""
    if not inspected:
        return
    verdicts = passing_verdicts(tx, [each.piece.application_id for each in inspected])
    written_us = workplace.database.clock_us(tx)
    rows = []
    for each in inspected:
        verdict = verdicts[each.piece.application_id]
        rows.append(
            {
                "document_unit": each.piece.unit_id,
                "application_id": verdict.application_id,
                "revision": verdict.revision,
                "round": verdict.round,
                "reviewer": verdict.reviewer,
                "review_outcome": verdict.outcome,
                "inspector": each.inspector,
                "outcome": "fail" if each.codes else "pass",
                "codes": " ".join(each.codes),
                "reader": each.reader,
                "written_us": written_us,
                "emulated": workplace.emulated,
            }
        )
    tx.execute(_STORE, rows)


def offer_onward(
    tx: Connection, workplace: Workplace, tray: str, passed: Sequence[Piece], nodes: TimeNodes
) -> list[str]:
    """Offer what passed to packing in its tray; the handoff, none where nothing passed."""
    if not passed:
        return []
    priority, due_us = urgency(tx, NEXT, [piece.application_id for piece in passed], nodes)
    onward = stamp(workplace, tray, due_us=due_us)
    units = [piece.unit_id for piece in passed]
    offer = log.offer(tx, workplace.party(), INPUT, NEXT, units, priority=priority, stamp=onward)
    return [offer.handoff_id]


def void_and_remake(
    tx: Connection, workplace: Workplace, tray: str, failed: Sequence[Inspected], nodes: TimeNodes
) -> list[str]:
    """Void each document by the two people of `workplace` in an event of its own, bear its remake order, and offer
    the orders on.

    The application of a stopped one is not remade. Returns the handoffs of the remake orders.
    """
    if not failed:
        return []
    pieces = [each.piece for each in failed]
    stopped_ids = stopped(tx, [piece.application_id for piece in pieces])
    numbers = order_numbers(tx, [piece.order_unit for piece in pieces])
    second = workplace.second
    orders: dict[str, str] = {}
    for each in failed:
        reborn = []
        if each.piece.application_id not in stopped_ids:
            order = orders[each.piece.application_id] = new_id()
            reborn = [Birth(order, Kind.ORDER, remake_number(numbers[each.piece.order_unit]))]
        why = stamp(workplace, tray, reason=each.codes[0])
        why = replace(why, second_sign_in=workplace.sign_ins.get(second))
        log.void(tx, workplace.party(), second, [each.piece.unit_id], VOIDED, why, reborn)
    jobs.voided(tx, [piece.unit_id for piece in pieces])
    if not orders:
        return []
    advance(tx, list(orders), ApplicationState.IN_PRODUCTION, ApplicationState.PASSED)
    tx.execute(_NEW_ORDER, [{"of_application": each, "new_order": order} for each, order in orders.items()])
    return _offer_remakes(tx, workplace, [piece for piece in pieces if piece.application_id in orders], orders, nodes)


def _offer_remakes(
    tx: Connection, workplace: Workplace, pieces: Sequence[Piece], orders: Mapping[str, str], nodes: TimeNodes
) -> list[str]:
    groups: dict[tuple[int, str], list[Piece]] = defaultdict(list)
    for piece in pieces:
        priority, _ = urgency(tx, REMADE_AT, [piece.application_id], nodes)
        groups[min(priority, REMAKE_PRIORITY), piece.product].append(piece)
    offered = []
    for (priority, _), group in sorted(groups.items()):
        _, due_us = urgency(tx, REMADE_AT, [piece.application_id for piece in group], nodes)
        onward = stamp(workplace, new_id(), due_us=due_us, reason="remake")
        units = [orders[piece.application_id] for piece in group]
        offer = log.offer(tx, workplace.party(), VOIDED, REMADE_AT, units, priority=priority, stamp=onward)
        offered.append(offer.handoff_id)
    return offered


def remake_number(order_number: str) -> str:
    """The number of the order that replaces order `order_number`: the application's with the next suffix.

    >>> remake_number("JN2026-000017"), remake_number("JN2026-000017/2")
    ('JN2026-000017/2', 'JN2026-000017/3')
    """
    application, _, made = order_number.partition("/")
    return f"{application}/{int(made or 1) + 1}"
