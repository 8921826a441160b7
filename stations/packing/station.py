"""The packing station: three scans a document must match, then documents go into parcels and those on to mailing.

Two steps, each found again after a crash: documents of an accepted tray are matched and booked into parcels; the
parcels are filled, weighed, labelled, stacked into a tray of their own and offered. What is booked as packed is then
put into its parcel.
"""

import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, insert

from handoff_logs import log
from handoff_logs.dialects import listed
from handoff_logs.offers import OpenOffer
from handoff_logs.records import Birth, Kind, new_id
from handoff_logs.statements import Statement
from stations.by import By
from stations.intake.filed import by_ids
from stations.intake.tables import ApplicationState
from stations.packing.contents import packed_documents, parcels_of_tray
from stations.packing.desk import Filling, PackingDesk, Scans, Slip
from stations.packing.labels import Told, book_told, print_labels
from stations.packing.machines import BY_HAND, PackingMachines
from stations.packing.postage import postage_cny
from stations.packing.rules import (
    GROUPING_OF,
    PARCEL_PREFIX,
    Grouping,
    MismatchError,
    envelope_code,
    expected_weight_g,
    match,
)
from stations.packing.tables import PackingMismatch, Parcel
from stations.packing.weighing import Weighed, book_weights, weigh
from stations.qc.pieces import Piece, document_units, offered_numbers, pieces_of_tray
from stations.trays import (
    GREEN,
    HOLD,
    INPUT,
    PUBLISHED,
    QUARANTINE,
    Counted,
    TimeNodes,
    TrayOutcome,
    TrayScanner,
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

NEXT = "mailing"
LABEL_BYTES = 8
UNPAID = "postage"
"""Why a piece is put aside whose postage was not paid."""
OPENED = "opened"
"""Where the packaging of a parcel that was opened again goes."""


_PACKED_BY = Statement(
    "SELECT event.person, event.sign_in FROM custody_unit AS unit JOIN custody_event AS event"
    " ON event.event_id = unit.event_id WHERE unit.unit_id IN {ids} AND event.act = 'pack'"
    " ORDER BY event.seq DESC LIMIT 1"
)
_STORE = insert(Parcel.__table__)  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A piece whose scans did not belong together."""

    piece: Piece
    part: str
    scans: Scans


def work_tray(
    workplace: Workplace,
    offer: OpenOffer,
    desk: PackingDesk,
    nodes: TimeNodes = PUBLISHED,
    machines: PackingMachines = BY_HAND,
) -> TrayOutcome:
    """Accept the offered tray by a blind scan, match and pack every document in it, and offer the parcels on.

    Raises `AlreadyAnsweredError` when another worker was first, `MachineStandsError` when scale or printer does not
    come back (the tray stays accepted).
    """
    counted = accept_tray(workplace, offer, desk)
    outcome = resume_tray(workplace, tray_of(offer), desk, nodes, machines)
    return replace(outcome, missing=counted.missing, surplus=len(counted.surplus))


def accept_tray(workplace: Workplace, offer: OpenOffer, scanner: TrayScanner) -> Counted:
    """Accept the offered tray by what a blind scan finds in it.

    Raises `AlreadyAnsweredError` when another worker was first.
    """
    with workplace.database.read() as connection:
        expected = offered_numbers(connection, offer.handoff_id)
    return accept_by_scan(workplace, offer, scanner, expected, document_units)


def resume_tray(
    workplace: Workplace,
    tray: str,
    desk: PackingDesk,
    nodes: TimeNodes = PUBLISHED,
    machines: PackingMachines = BY_HAND,
) -> TrayOutcome:
    """Go on with an accepted tray of documents, or with a tray of parcels that were booked and not offered."""
    with workplace.database.read() as connection:
        pieces = pieces_of_tray(connection, workplace.station, tray)
    if not pieces:
        return offer_parcels(workplace, tray, desk, nodes, machines, TrayOutcome(workplace.station, tray, 0))
    slips = {piece.blank_serial: slip(piece) for piece in pieces if piece.state != ApplicationState.STOPPED}
    matched, mismatches = _match(tray, pieces, slips, desk)
    postages = paid_postages(workplace, matched)
    unpaid = [piece for piece in matched if postages.get(piece.unit_id, 0) is None]
    aside = [*(each.piece for each in mismatches), *unpaid]
    desk.put([piece.blank_serial for piece in aside], table_place(workplace.station, HOLD))

    def take_out(stopped_ids: frozenset[str]) -> None:
        stopped_pieces = [piece.blank_serial for piece in pieces if piece.application_id in stopped_ids]
        desk.put(stopped_pieces, table_place(workplace.station, QUARANTINE))

    parcel_tray = new_id()

    def book(tx: Connection, taken_out: frozenset[str]) -> TrayOutcome:
        quarantine(tx, workplace, tray, [piece.unit_id for piece in pieces if piece.application_id in taken_out])
        wrong = [each for each in mismatches if each.piece.application_id not in taken_out]
        owing = [piece.unit_id for piece in unpaid if piece.application_id not in taken_out]
        packed = [piece for piece in matched if piece not in unpaid and piece.application_id not in taken_out]
        _book_mismatches(tx, workplace, tray, wrong)
        if owing:
            log.doubt(tx, workplace.party(), owing, HOLD, stamp(workplace, tray, reason=UNPAID))
        book_parcels(tx, workplace, parcel_tray, packed, postages)
        held = len(wrong) + len(owing)
        return TrayOutcome(workplace.station, tray, len(pieces), passed=len(packed), held=held, stopped=len(taken_out))

    outcome = book_without_stopped(workplace, [piece.application_id for piece in pieces], take_out, book)
    return offer_parcels(workplace, parcel_tray, desk, nodes, machines, outcome)


def slip(piece: Piece) -> Slip:
    """The order slip and envelope that go with a piece."""
    envelope = envelope_code(piece.application_id, piece.delivery, piece.office)
    return Slip(piece.blank_serial, piece.order_unit, envelope)


def paid_postages(workplace: Workplace, pieces: Sequence[Piece]) -> dict[str, int | None]:
    """What was paid for sending those of these pieces that are posted, by unit; None where too little was."""
    posted = {piece.application_id: piece.unit_id for piece in pieces if GROUPING_OF[piece.delivery] is Grouping.SINGLE}
    if not posted:
        return {}
    with workplace.database.read() as connection:
        filed = by_ids(connection, workplace.personal, list(posted))
    return {unit: postage_cny(filed[application_id]) for application_id, unit in posted.items()}


def _match(
    tray: str, pieces: Sequence[Piece], slips: Mapping[str, Slip], desk: PackingDesk
) -> tuple[list[Piece], list[Mismatch]]:
    """Have every piece of the tray scanned with slip and envelope; those that match and those that do not."""
    by_number = {piece.blank_serial: piece for piece in pieces}
    matched: list[Piece] = []
    mismatches: list[Mismatch] = []
    for scans in desk.match(list(slips.values()), tray_place(tray)):
        try:
            matched.append(by_number[match(scans, slips)])
        except MismatchError as error:
            if piece := by_number.get(scans.document):
                mismatches.append(Mismatch(piece, error.part, scans))
    return matched, mismatches


def _book_mismatches(tx: Connection, workplace: Workplace, tray: str, mismatches: Sequence[Mismatch]) -> None:
    """Put pieces that did not match out of everybody's way, each with a record of its three scans."""
    if not mismatches:
        return
    written_us = workplace.database.clock_us(tx)
    rows = [
        {
            "mismatch_id": new_id(),
            "document_unit": each.piece.unit_id,
            "part": each.part,
            "scanned_document": each.scans.document,
            "scanned_order": each.scans.order,
            "scanned_envelope": each.scans.envelope,
            "packer": workplace.first,
            "written_us": written_us,
            "emulated": workplace.emulated,
        }
        for each in mismatches
    ]
    tx.execute(insert(PackingMismatch), rows)
    units = [each.piece.unit_id for each in mismatches]
    log.doubt(tx, workplace.party(), units, HOLD, stamp(workplace, tray, reason="mismatch"))


def _packer(conn: Connection, parcel_units: Sequence[str]) -> By:
    """Who packed the last of these parcels, as the log has it, whatever was cut short since."""
    packed = _PACKED_BY.run(conn, {"ids": listed(parcel_units)}).fetchall()
    return By(packed[0][0], packed[0][1])


def book_parcels(
    tx: Connection,
    workplace: Workplace,
    parcel_tray: str,
    packed: Sequence[Piece],
    postages: Mapping[str, int | None],
) -> None:
    """Bear the parcels of a tray and pack the documents into them, in one event."""
    if not packed:
        return
    groups: dict[str, list[Piece]] = defaultdict(list)
    for piece in packed:
        groups[envelope_code(piece.application_id, piece.delivery, piece.office)].append(piece)
    packed_us = workplace.database.clock_us(tx)
    contents: dict[Birth, list[str]] = {}
    rows = []
    for group in groups.values():
        grouping = GROUPING_OF[group[0].delivery]
        parcel = Birth(new_id(), Kind.PARCEL, f"{PARCEL_PREFIX}{secrets.token_hex(LABEL_BYTES)}")
        contents[parcel] = [piece.unit_id for piece in group]
        rows.append(
            {
                "parcel_unit": parcel.unit_id,
                "label": parcel.number,
                "grouping": grouping.value,
                "office": group[0].office if grouping is Grouping.OFFICE else None,
                "tray": parcel_tray,
                "documents": len(group),
                "expected_g": expected_weight_g(grouping, [piece.product for piece in group]),
                "postage_cny": postages.get(group[0].unit_id) if grouping is Grouping.SINGLE else None,
                "packer": workplace.first,
                "packed_us": packed_us,
                "emulated": workplace.emulated,
            }
        )
    log.pack(tx, workplace.party(), contents, INPUT, stamp(workplace, parcel_tray))
    tx.execute(_STORE, rows)


def offer_parcels(
    workplace: Workplace,
    parcel_tray: str,
    desk: PackingDesk,
    nodes: TimeNodes,
    machines: PackingMachines,
    outcome: TrayOutcome,
) -> TrayOutcome:
    """Fill, weigh, label and stack the parcels of a tray and offer them on, in the name of who packed the last of them.

    One whose weight differs is put aside; one with a stopped application is opened again.
    """
    with workplace.database.read() as connection:
        parcels = parcels_of_tray(connection, workplace.station, parcel_tray)
        documents = packed_documents(connection, workplace.station, parcel_tray)
        if not parcels:
            return outcome
        packer = workplace.acting(_packer(connection, [parcel.unit_id for parcel in parcels]))
    if any(document.priority == GREEN for document in documents):
        machines = machines.first()
    by_parcel: dict[str, list[Row[Any]]] = defaultdict(list)
    for document in documents:
        by_parcel[document.container].append(document)
    fillings = [
        Filling(
            parcel.label,
            parcel.grouping == Grouping.OFFICE,
            tuple(document.blank_serial for document in by_parcel[parcel.unit_id]),
        )
        for parcel in parcels
    ]
    desk.fill(fillings, tray_place(parcel_tray))
    weighed = Weighed()
    if machines.scale is not None:
        weighed = weigh(parcels, by_parcel, desk, machines.scale, machines.tolerance)
    wrong = [parcel for parcel in parcels if parcel.unit_id in weighed.differing]
    desk.put([parcel.label for parcel in wrong], table_place(workplace.station, HOLD))
    sound = [parcel for parcel in parcels if parcel.unit_id not in weighed.differing]
    inside = [document for parcel in sound for document in by_parcel[parcel.unit_id]]
    labels: list[Told] = []
    if machines.printer is not None:
        labels = print_labels(workplace, sound, desk, machines.printer)
    reopened = new_id()

    def take_out(stopped_ids: frozenset[str]) -> None:
        for parcel in sound:
            contents = by_parcel[parcel.unit_id]
            if any(document.application_id in stopped_ids for document in contents):
                desk.put([document.blank_serial for document in contents], tray_place(reopened))
                desk.put([parcel.label], table_place(workplace.station, OPENED))

    def book(tx: Connection, taken_out: frozenset[str]) -> TrayOutcome:
        book_weights(tx, weighed)
        book_told(tx, workplace, labels)
        if wrong:
            units = [parcel.unit_id for parcel in wrong]
            log.doubt(tx, workplace.party(), units, HOLD, stamp(workplace, parcel_tray, reason="weight"))
        held = sum(parcel.documents for parcel in wrong)
        counted = replace(outcome, passed=max(0, outcome.passed - held), held=outcome.held + held)
        opened = {each.container for each in inside if each.application_id in taken_out}
        for container in sorted(opened):
            # Its documents are matched again as a tray of their own, where the stopped ones are taken out.
            log.unpack(tx, workplace.party(), container, INPUT, stamp(workplace, reopened, reason="stopped"))
        onward = [document for document in inside if document.container not in opened]
        if not onward:
            return counted
        units = [parcel.unit_id for parcel in sound if parcel.unit_id not in opened]
        priority, due_us = urgency(tx, NEXT, [document.application_id for document in onward], nodes)
        onward_stamp = stamp(workplace, parcel_tray, due_us=due_us)
        offer = log.offer(tx, packer.party(), INPUT, NEXT, units, priority=priority, stamp=onward_stamp)
        return replace(counted, offered=(*outcome.offered, offer.handoff_id))

    return book_without_stopped(workplace, [document.application_id for document in inside], take_out, book)
