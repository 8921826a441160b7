"""The QC station: documents are read back, compared with their orders and inspected; bad ones voided and remade."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection

from handoff_logs.offers import OpenOffer
from stations.intake.tables import ApplicationState
from stations.qc import in_hand, inspecting
from stations.qc.at_desks import book_signed, inspected_of
from stations.qc.booking import VOIDED, Inspected, offer_onward, store_inspections, void_and_remake
from stations.qc.desk import InspectionCase, QcDesk
from stations.qc.pieces import Piece, document_units, offered_numbers, passing_verdicts, pieces_of_tray
from stations.qc.readers import ReaderPool
from stations.qc.reading_back import Means, read_back
from stations.qc.swipes import Swipes
from stations.trays import (
    PUBLISHED,
    QUARANTINE,
    TimeNodes,
    TrayOutcome,
    accept_by_scan,
    book_without_stopped,
    quarantine,
    table_place,
    tray_of,
)
from stations.workplace import Workplace

PORTION = 50
"""Documents opened and read at once: their pictures and chips are in memory together."""


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

    A tray that was cut short is read again; a piece that was already defaced is seen to be so. What people decided at
    their desks before the tray was given to `desk` stands; what they had in hand is taken back when it is booked.
    """
    means = Means(desk, readers, trust_anchor, swipes)
    voided = book_signed(workplace, tray, desk, nodes)
    with workplace.database.read() as connection:
        pieces = pieces_of_tray(connection, workplace.station, tray)
        stands = inspecting.standing(connection, [piece.unit_id for piece in pieces])
        going_on = [piece for piece in pieces if piece.state != ApplicationState.STOPPED]
        decided = [piece for piece in going_on if piece.unit_id in stands]
        inspected = inspected_of(connection, decided, stands)
    waiting = [piece for piece in going_on if piece.unit_id not in stands]
    for start in range(0, len(waiting), PORTION):
        inspected += _inspect(workplace, tray, waiting[start : start + PORTION], means)
    failed = [each.piece.blank_serial for each in inspected if each.codes]
    if failed:
        desk.put(failed, table_place(workplace.station, VOIDED))
        desk.deface(failed, workplace.first, workplace.second)

    def take_out(stopped_ids: frozenset[str]) -> None:
        stopped_pieces = [each.blank_serial for each in pieces if each.application_id in stopped_ids]
        desk.put(stopped_pieces, table_place(workplace.station, QUARANTINE))

    def book(tx: Connection, taken_out: frozenset[str]) -> TrayOutcome | None:
        in_hand.one_at_a_time(tx)
        if inspecting.standing(tx, [piece.unit_id for piece in pieces]) != stands:
            return None
        in_hand.withdraw(tx, [piece.unit_id for piece in pieces])
        return _book(tx, workplace, tray, pieces, inspected, taken_out, nodes)

    # What failed is voided even if its application was stopped meanwhile: it is defaced already.
    sound = {piece.application_id for piece in pieces} - {each.piece.application_id for each in inspected if each.codes}
    booked = book_without_stopped(workplace, sorted(sound), take_out, book)
    if booked is None:
        # Somebody decided or undid at their desk meanwhile, and that stands.
        booked = resume_tray(workplace, tray, desk, readers, trust_anchor, nodes, swipes)
    return replace(booked, units=booked.units + voided, voided=booked.voided + voided)


def _inspect(workplace: Workplace, tray: str, pieces: Sequence[Piece], means: Means) -> list[Inspected]:
    """Read a portion of a tray back, compare it with the orders, and have an inspector decide on every piece."""
    with workplace.database.read() as connection:
        verdicts = passing_verdicts(connection, [piece.application_id for piece in pieces])
    inspected = []
    for position, read in enumerate(read_back(workplace, tray, pieces, means)):
        inspector = assigned(workplace.people, position, verdicts[read.piece.application_id].reviewer)
        decided = means.desk.inspect(InspectionCase(read.piece.blank_serial, inspector, read.codes))
        inspected.append(Inspected(read.piece, inspector, read.reader, decided))
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
    taken_out: frozenset[str],
    nodes: TimeNodes,
) -> TrayOutcome:
    gone = [piece.unit_id for piece in pieces if piece.application_id in taken_out]
    inspecting.take_back(tx, gone)
    quarantine(tx, workplace, tray, gone)
    inspected = [each for each in inspected if each.piece.application_id not in taken_out]
    store_inspections(tx, workplace, inspected)
    failed = [each for each in inspected if each.codes]
    passed = [each.piece for each in inspected if not each.codes]
    remakes = void_and_remake(tx, workplace, tray, failed, nodes)
    return TrayOutcome(
        station=workplace.station,
        tray=tray,
        units=len(pieces),
        passed=len(passed),
        voided=len(failed),
        stopped=len(taken_out),
        offered=(*remakes, *offer_onward(tx, workplace, tray, passed, nodes)),
    )
