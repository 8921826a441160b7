"""QC by people at their desks: an accepted tray is read back, decided piece by piece, and booked once all is decided.

Desks and this meet in the database alone. What failed is voided as soon as two have signed for it, and its remake goes
on at once; the rest of the tray does not wait for it.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from handoff_logs.offers import OpenOffer
from stations.acceptance import counts
from stations.intake.tables import ApplicationState
from stations.qc import in_hand, inspecting, readings
from stations.qc.booking import VOIDED, Inspected, offer_onward, store_inspections, void_and_remake
from stations.qc.desk import QcDesk
from stations.qc.inspecting import Stands
from stations.qc.pieces import Piece, document_units, offered_numbers, pieces_of_tray
from stations.qc.reading_back import Means, ReadBack, read_back, read_laid
from stations.qc.readings import Found
from stations.trays import (
    PUBLISHED,
    QUARANTINE,
    Counted,
    TimeNodes,
    TrayOutcome,
    TrayScanner,
    accept_by_scan,
    book_without_stopped,
    quarantine,
    table_place,
    unfinished_trays,
)
from stations.workplace import Workplace

READ_TOGETHER = 8
"""Pieces that are read before what was found is stored: the first are soon at the desks, and a crash loses few."""


def accept_tray(workplace: Workplace, offer: OpenOffer, hands: TrayScanner | None) -> Counted:
    """Accept an offered tray by what somebody counted at a desk, in their name. `hands`: see `CountedTray`.

    Raises `AlreadyAnsweredError` when another worker was first, LookupError where nobody counted it.
    """
    with workplace.database.read() as conn:
        counted = counts.counted_tray(conn, offer, hands)
        expected = offered_numbers(conn, offer.handoff_id)
    return accept_by_scan(workplace.acting(counted.by), offer, counted, expected, document_units)


def read_tray(workplace: Workplace, tray: str, means: Means) -> int:
    """Have every piece of an accepted tray read that was not read yet, and keep what was found; how many.

    Raises as `read_back` does.
    """
    with workplace.database.read() as conn:
        pieces = _going_on(pieces_of_tray(conn, workplace.station, tray))
        read = readings.read_units(conn, [piece.unit_id for piece in pieces])
    unread = [piece for piece in pieces if piece.unit_id not in read]
    for start in range(0, len(unread), READ_TOGETHER):
        found = read_back(workplace, tray, unread[start : start + READ_TOGETHER], means)
        kept = [(each, Found.of(each.reading, each.findings, swiped=each.swiped)) for each in found]
        workplace.database.write(lambda tx, kept=kept: _store(tx, workplace, kept))  # type: ignore[misc]
    return len(unread)


def read_what_lies(workplace: Workplace, means: Means) -> int:
    """Keep what the readers found of the pieces that people laid into them, of all trays at QC; how many were new."""
    with workplace.database.read() as conn:
        trays = unfinished_trays(workplace)
        pieces = _going_on([piece for tray in trays for piece in pieces_of_tray(conn, workplace.station, tray)])
        read = readings.read_units(conn, [piece.unit_id for piece in pieces])
    unread = {piece.blank_serial: piece for piece in pieces if piece.unit_id not in read}
    if not unread:
        return 0
    found = read_laid(workplace, unread, means)
    kept = [(each, Found.of(each.reading, each.findings, swiped=None)) for each in found]
    if kept:
        workplace.database.write(lambda tx: _store(tx, workplace, kept))
    return len(kept)


def book_signed(workplace: Workplace, tray: str, desk: QcDesk, nodes: TimeNodes = PUBLISHED) -> int:
    """Void what failed in a tray and two have signed for, each by those two, and offer its remake at once; how many."""
    with workplace.database.read() as conn:
        pieces = pieces_of_tray(conn, workplace.station, tray)
        stands = inspecting.standing(conn, [piece.unit_id for piece in pieces])
    booked = 0
    for piece in pieces:
        signed = stands[piece.unit_id].signed if piece.unit_id in stands else None
        if signed is None:
            continue
        here = workplace.at(workplace.station, signed.codes, signed.sign_ins)
        desk.put([piece.blank_serial], table_place(workplace.station, VOIDED))
        desk.deface([piece.blank_serial], *signed.codes)
        booked += workplace.database.write(lambda tx, of=piece, by=here: _void(tx, by, tray, of, nodes))  # type: ignore[misc]
    return booked


def book_decided(workplace: Workplace, tray: str, desk: QcDesk, nodes: TimeNodes = PUBLISHED) -> TrayOutcome | None:
    """Book a tray that people decided at their desks; None, and nothing done, while any of it waits.

    What failed waits for two to sign, and is booked by `book_signed`. What was stopped goes to quarantine.
    """
    with workplace.database.read() as conn:
        pieces = pieces_of_tray(conn, workplace.station, tray)
        stands = inspecting.standing(conn, [piece.unit_id for piece in pieces])
    if _waits(_going_on(pieces), stands):
        return None

    def take_out(stopped_ids: frozenset[str]) -> None:
        gone = [piece.blank_serial for piece in pieces if piece.application_id in stopped_ids]
        desk.put(gone, table_place(workplace.station, QUARANTINE))

    ids = sorted({piece.application_id for piece in pieces})
    return book_without_stopped(workplace, ids, take_out, lambda tx, out: _book(tx, workplace, tray, out, nodes))


def _store(tx: Connection, workplace: Workplace, kept: Sequence[tuple[ReadBack, Found]]) -> None:
    for each, found in kept:
        named = each.piece.unit_id, each.piece.application_id
        readings.store(tx, workplace, named, each.reader, each.codes, found)


def _void(tx: Connection, workplace: Workplace, tray: str, piece: Piece, nodes: TimeNodes) -> int:
    """1 if it was voided now; 0 where it was before."""
    in_hand.one_at_a_time(tx)
    if piece.unit_id not in {each.unit_id for each in pieces_of_tray(tx, workplace.station, tray)}:
        return 0
    failed = inspected_of(tx, [piece], inspecting.standing(tx, [piece.unit_id]))
    store_inspections(tx, workplace, failed)
    void_and_remake(tx, workplace, tray, failed, nodes)
    return 1


def _book(
    tx: Connection, workplace: Workplace, tray: str, taken_out: frozenset[str], nodes: TimeNodes
) -> TrayOutcome | None:
    in_hand.one_at_a_time(tx)
    pieces = pieces_of_tray(tx, workplace.station, tray)
    stands = inspecting.standing(tx, [piece.unit_id for piece in pieces])
    gone = [piece for piece in pieces if piece.application_id in taken_out]
    going_on = [piece for piece in pieces if piece.application_id not in taken_out]
    if _waits(going_on, stands) or any(stands[each.unit_id].signed for each in gone if each.unit_id in stands):
        return None
    here = _of_the_last(workplace, [stands[piece.unit_id] for piece in going_on])
    in_hand.withdraw(tx, [piece.unit_id for piece in gone])
    inspecting.take_back(tx, [piece.unit_id for piece in gone])
    quarantine(tx, here, tray, [piece.unit_id for piece in gone])
    store_inspections(tx, here, inspected_of(tx, going_on, stands))
    return TrayOutcome(
        station=workplace.station,
        tray=tray,
        units=len(pieces),
        passed=len(going_on),
        stopped=len(gone),
        offered=tuple(offer_onward(tx, here, tray, going_on, nodes)),
    )


def inspected_of(conn: Connection, pieces: Sequence[Piece], stands: Mapping[str, Stands]) -> list[Inspected]:
    """The pieces as people decided on them."""
    readers = readings.readers_of(conn, [piece.unit_id for piece in pieces])
    return [
        Inspected(piece, stand.by.code, readers[piece.unit_id], stand.codes)
        for piece in pieces
        for stand in (stands[piece.unit_id],)
    ]


def _of_the_last(workplace: Workplace, stands: Sequence[Stands]) -> Workplace:
    """The workplace with whoever decided last at it: they hand the tray on."""
    if not stands:
        return workplace
    return workplace.acting(max(stands, key=lambda stand: stand.stored_us).by)


def _going_on(pieces: Sequence[Piece]) -> list[Piece]:
    return [piece for piece in pieces if piece.state != ApplicationState.STOPPED]


def _waits(pieces: Sequence[Piece], stands: Mapping[str, Stands]) -> bool:
    """Whether something is undecided, or failed and not voided yet."""
    return any(piece.unit_id not in stands or not stands[piece.unit_id].passed for piece in pieces)
