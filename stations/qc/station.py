"""The QC station: documents are read back, compared with their orders and inspected; bad ones voided and remade."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, bindparam, insert, update

from handoff_logs import log
from handoff_logs.offers import OpenOffer
from handoff_logs.records import Birth, Kind, new_id
from stations.intake.states import advance, stopped
from stations.intake.tables import Application, ApplicationState
from stations.personalization import jobs
from stations.personalization.chip import verify
from stations.qc.desk import InspectionCase, QcDesk
from stations.qc.expected import expected_documents
from stations.qc.pieces import (
    Piece,
    Verdict,
    document_units,
    offered_numbers,
    order_numbers,
    passing_verdicts,
    pieces_of_tray,
)
from stations.qc.readers import ReaderPool
from stations.qc.rules import compare
from stations.qc.swipes import Swipes
from stations.qc.tables import Inspection
from stations.trays import (
    GREEN,
    INPUT,
    PUBLISHED,
    QUARANTINE,
    TimeNodes,
    TrayOutcome,
    accept_by_scan,
    book_without_stopped,
    quarantine,
    stamp,
    table_place,
    tray_of,
    tray_place,
    urgency,
)
from stations.workplace import Workplace

NEXT = "packing"
REMADE_AT = "personalization"
VOIDED = "voided"
REMAKE_PRIORITY = 1
PORTION = 50
"""Documents opened and read at once: their pictures and chips are in memory together."""

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


def work_tray(
    workplace: Workplace,
    offer: OpenOffer,
    desk: QcDesk,
    readers: ReaderPool,
    trust_anchor: bytes,
    nodes: TimeNodes = PUBLISHED,
    swipes: Swipes | None = None,
) -> TrayOutcome:
    """Accept the offered tray by a blind scan and inspect every document in it.

    `trust_anchor` is the DER certificate that the chips' signer must come from. Raises `AlreadyAnsweredError` when
    another worker was first, `NoReaderLeftError` when no reader works, `MachineStandsError` when the swipe reader does
    not come back (the tray stays accepted).
    """
    with workplace.database.read() as connection:
        expected = offered_numbers(connection, offer.handoff_id)
    counted = accept_by_scan(workplace, offer, desk, expected, document_units)
    outcome = resume_tray(workplace, tray_of(offer), desk, readers, trust_anchor, nodes, swipes)
    return replace(outcome, missing=counted.missing, surplus=len(counted.surplus))


def resume_tray(
    workplace: Workplace,
    tray: str,
    desk: QcDesk,
    readers: ReaderPool,
    trust_anchor: bytes,
    nodes: TimeNodes = PUBLISHED,
    swipes: Swipes | None = None,
) -> TrayOutcome:
    """Inspect every document of an accepted tray, deface the bad, then book the whole tray in one transaction.

    A tray that was cut short is read again; a piece that was already defaced is seen to be so.
    """
    with workplace.database.read() as connection:
        pieces = pieces_of_tray(connection, workplace.station, tray)
        verdicts = passing_verdicts(connection, [piece.application_id for piece in pieces])
    going_on = [piece for piece in pieces if piece.state != ApplicationState.STOPPED]
    inspected: list[Inspected] = []
    for start in range(0, len(going_on), PORTION):
        portion = going_on[start : start + PORTION]
        inspected += _inspect(workplace, tray, portion, verdicts, desk, readers, trust_anchor, swipes)
    failed = [each.piece.blank_serial for each in inspected if each.codes]
    if failed:
        desk.put(failed, table_place(workplace.station, VOIDED))
        desk.deface(failed, workplace.people[0], workplace.people[1])

    def take_out(stopped_ids: frozenset[str]) -> None:
        stopped_pieces = [each.blank_serial for each in pieces if each.application_id in stopped_ids]
        desk.put(stopped_pieces, table_place(workplace.station, QUARANTINE))

    # What failed is voided even if its application was stopped meanwhile: it is defaced already.
    sound = {piece.application_id for piece in pieces} - {each.piece.application_id for each in inspected if each.codes}
    return book_without_stopped(
        workplace,
        sorted(sound),
        take_out,
        lambda tx, out: _book(tx, workplace, tray, pieces, inspected, verdicts, out, nodes),
    )


def _inspect(
    workplace: Workplace,
    tray: str,
    pieces: Sequence[Piece],
    verdicts: Mapping[str, Verdict],
    desk: QcDesk,
    readers: ReaderPool,
    trust_anchor: bytes,
    swipes: Swipes | None,
) -> list[Inspected]:
    """Read a portion of a tray back, compare it with the orders, and have an inspector decide on every piece."""
    expected = expected_documents(workplace, pieces)
    green = any(piece.priority == GREEN for piece in pieces)
    if green and swipes is not None:
        swipes = swipes.first()
    read = readers.read([piece.blank_serial for piece in pieces], desk, tray_place(tray), first=green)
    inspected = []
    for position, (piece, found) in enumerate(zip(pieces, read, strict=True)):
        wanted = expected[piece.unit_id]
        codes = compare(wanted, found.reading, verify(found.reading.chip, trust_anchor))
        if not codes and swipes is not None and swipes.differs(piece.blank_serial, wanted.zone, desk):
            codes = ("swipe",)
        inspector = assigned(workplace.people, position, verdicts[piece.application_id].reviewer)
        decided = desk.inspect(InspectionCase(piece.blank_serial, inspector, codes))
        inspected.append(Inspected(piece, inspector, found.reader, decided))
    return inspected


def assigned(people: Sequence[str], position: int, reviewer: str) -> str:
    """Whose turn it is, passing over whoever reviewed the application."""
    person = people[position % len(people)]
    return people[(position + 1) % len(people)] if person == reviewer else person


def _book(
    tx: Connection,
    workplace: Workplace,
    tray: str,
    pieces: Sequence[Piece],
    inspected: Sequence[Inspected],
    verdicts: Mapping[str, Verdict],
    taken_out: frozenset[str],
    nodes: TimeNodes,
) -> TrayOutcome:
    quarantine(tx, workplace, tray, [piece.unit_id for piece in pieces if piece.application_id in taken_out])
    inspected = [each for each in inspected if each.piece.application_id not in taken_out]
    _store_inspections(tx, workplace, inspected, verdicts)
    failed = [each for each in inspected if each.codes]
    passed = [each.piece for each in inspected if not each.codes]
    offered = _void_and_remake(tx, workplace, tray, failed, nodes)
    if passed:
        priority, due_us = urgency(tx, NEXT, [piece.application_id for piece in passed], nodes)
        onward = stamp(workplace, tray, due_us=due_us)
        units = [piece.unit_id for piece in passed]
        offer = log.offer(tx, workplace.party(), INPUT, NEXT, units, priority=priority, stamp=onward)
        offered.append(offer.handoff_id)
    return TrayOutcome(
        station=workplace.station,
        tray=tray,
        units=len(pieces),
        passed=len(passed),
        voided=len(failed),
        stopped=len(taken_out),
        offered=tuple(offered),
    )


def _store_inspections(
    tx: Connection, workplace: Workplace, inspected: Sequence[Inspected], verdicts: Mapping[str, Verdict]
) -> None:
    if not inspected:
        return
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


def _void_and_remake(
    tx: Connection, workplace: Workplace, tray: str, failed: Sequence[Inspected], nodes: TimeNodes
) -> list[str]:
    """Void each document by two people in an event of its own, bear its remake order, and offer the orders on.

    The application of a stopped one is not remade. Returns the handoffs of the remake orders.
    """
    if not failed:
        return []
    pieces = [each.piece for each in failed]
    stopped_ids = stopped(tx, [piece.application_id for piece in pieces])
    numbers = order_numbers(tx, [piece.order_unit for piece in pieces])
    second = workplace.people[1]
    orders: dict[str, str] = {}
    for each in failed:
        reborn = []
        if each.piece.application_id not in stopped_ids:
            order = orders[each.piece.application_id] = new_id()
            reborn = [Birth(order, Kind.ORDER, remake_number(numbers[each.piece.order_unit]))]
        why = stamp(workplace, tray, reason=each.codes[0])
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
