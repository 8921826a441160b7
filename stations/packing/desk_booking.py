"""What people did at the packing desk, booked by the run: each piece where its packer put it, each closed box a parcel.

A tray is booked as its pieces are decided: those for an office go into its open box, which outlasts the tray; what was
put aside goes to hold or quarantine. What is for the post is packed when all of the tray is decided.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, insert

from handoff_logs import log
from handoff_logs.records import new_id
from handoff_logs.statements import Statement
from stations.by import By
from stations.intake.states import stopped
from stations.intake.tables import ApplicationState
from stations.packing import boxes, matching
from stations.packing.desk import PackingDesk
from stations.packing.errors import LeftAtDeskError, PackedElsewhereError
from stations.packing.machines import BY_HAND, PackingMachines
from stations.packing.matching import BOX, IN_IT, one_at_a_time, written
from stations.packing.station import UNPAID, book_parcels, offer_parcels, resume_tray, slip
from stations.packing.tables import MatchOutcome, PackingMismatch
from stations.qc.pieces import Piece, pieces_of_tray
from stations.trays import (
    HOLD,
    INPUT,
    PUBLISHED,
    QUARANTINE,
    TimeNodes,
    TrayOutcome,
    stamp,
    table_place,
    tray_place,
)
from stations.workplace import Workplace

_CODE: Final = 64
"""Characters of a code that a mismatch's record keeps."""
_COLUMNS: Final = """
    m.document_unit, m.outcome, m.packer, m.sign_in, m.box_id, m.postage_cny, m.match_id, m.part, m.scanned_document,
    m.scanned_order, m.scanned_envelope, m.stored_us
"""
# What was taken out of a box and matched into it anew lies in it: what was said before that is over.
_OVER: Final = (
    "EXISTS (SELECT 1 FROM packing_match AS later WHERE later.document_unit = m.document_unit"
    " AND later.box_id = :tray AND later.stored_us > m.stored_us)"
)
_MATCHES = Statement(
    f"""
    SELECT {_COLUMNS} FROM packing_match AS m WHERE m.tray = :tray AND NOT {_OVER}
    UNION ALL
    SELECT {_COLUMNS} FROM packing_match AS into_it JOIN packing_match AS m
        ON m.document_unit = into_it.document_unit AND m.tray = into_it.tray AND m.outcome = 'undone'
    WHERE into_it.box_id = :tray AND NOT {_OVER} ORDER BY stored_us
    """  # noqa: S608 (our own words)
)
"""Of a tray what was scanned of it; of a box, by its id, what was taken out of it."""
_WAITING = Statement(
    "SELECT DISTINCT tray FROM whereabouts WHERE station = :station AND state = 'held' AND kind = 'document'"
    " AND place IN ('input', 'box') AND tray IS NOT NULL"
)
_BOX = Statement("SELECT closed_us, closed_by, closed_sign_in FROM packing_box WHERE box_id = :box_id")
_ON_THE_WAY = Statement(
    f"""
    SELECT count(*) FROM packing_match AS piece JOIN whereabouts AS w ON w.unit_id = piece.document_unit
    WHERE piece.box_id = :box_id AND {IN_IT} AND w.station = :station AND w.state = 'held' AND w.place = 'input'
        AND w.tray = piece.tray
    """  # noqa: S608 (our own words)
)


class _Match(NamedTuple):
    document_unit: str | None
    outcome: str
    packer: str
    sign_in: str | None
    box_id: str | None
    postage_cny: int | None
    match_id: str
    part: str | None
    scanned_document: str | None
    scanned_order: str | None
    scanned_envelope: str | None
    stored_us: int


def begun(workplace: Workplace, tray: str) -> bool:
    """Whether people have decided anything of a tray at the desk."""
    with workplace.database.read() as conn:
        return bool(_matches(conn, tray))


def waiting(workplace: Workplace) -> list[str]:
    """The trays of documents that were accepted or came back, and the boxes, that are not packed to their end."""
    with workplace.database.read() as conn:
        return [str(row[0]) for row in _WAITING.run(conn, {"station": workplace.station}).fetchall()]


def book(
    workplace: Workplace,
    tray: str,
    desk: PackingDesk,
    nodes: TimeNodes = PUBLISHED,
    machines: PackingMachines = BY_HAND,
) -> TrayOutcome | None:
    """Book a tray or a box by its id as far as people have done it; None while it waits for them.

    Raises MachineStandsError.
    """
    with workplace.database.read() as conn:
        is_box = _BOX.run(conn, {"box_id": tray}).fetchone() is not None
    try:
        return (book_box if is_box else book_tray)(workplace, tray, desk, nodes, machines)
    except (PackedElsewhereError, LeftAtDeskError):
        # The guards saw what came in between, or the line stops while people are asked: it is looked at again.
        return None


def finish(
    workplace: Workplace,
    tray: str,
    desk: PackingDesk,
    nodes: TimeNodes = PUBLISHED,
    machines: PackingMachines = BY_HAND,
) -> TrayOutcome:
    """Let emulated staff go on with a tray or a box by its id, and with every box that people left."""
    with workplace.database.read() as conn:
        is_box = _BOX.run(conn, {"box_id": tray}).fetchone() is not None
    if is_box:
        return finish_box(workplace, tray, desk, nodes, machines)
    if not begun(workplace, tray):
        return resume_tray(workplace, tray, desk, nodes, machines)
    outcome = finish_tray(workplace, tray, desk, nodes, machines)
    for box in boxes.filled(workplace):
        finish_box(workplace, box, desk, nodes, machines)
    return outcome


def book_tray(
    workplace: Workplace,
    tray: str,
    desk: PackingDesk,
    nodes: TimeNodes = PUBLISHED,
    machines: PackingMachines = BY_HAND,
) -> TrayOutcome | None:
    """Book what is decided of an accepted tray; None while any of it waits for people.

    Of a tray of parcels, or one that was cut short after its parcels were booked, the rest is done as ever. Raises
    MachineStandsError, PackedElsewhereError (nothing was booked, and it is tried again).
    """
    with workplace.database.read() as conn:
        pieces, matches = pieces_of_tray(conn, workplace.station, tray), _matches(conn, tray)
    known = _Sorted.of(pieces, matches)
    if pieces and not (known.aside or known.boxed) and len(known.posted) < len(pieces):
        # Nothing new: it is looked at twice a second, and most of the time people are at it.
        return None
    _carry(workplace, desk, known.aside, known.boxed)
    parcel_tray, again = new_id(), new_id()

    def book(tx: Connection) -> tuple[bool, frozenset[str]]:
        one_at_a_time(tx)
        here = known.still(pieces_of_tray(tx, workplace.station, tray), _matches(tx, tray))
        now = stopped(tx, [piece.application_id for piece in pieces])
        _book_aside(tx, workplace, tray, again, here.aside, now)
        _book_boxed(tx, workplace, [each for each in here.boxed if each[0].application_id not in now])
        ready = {piece.unit_id for piece, _ in here.posted if piece.application_id not in now}
        if any(piece.unit_id not in ready for piece in pieces_of_tray(tx, workplace.station, tray)):
            return False, now
        for by, group in _by_packer(here.posted).items():
            postages = {piece.unit_id: match.postage_cny for piece, match in group}
            book_parcels(tx, workplace.acting(by), parcel_tray, [piece for piece, _ in group], postages)
        return True, now

    if pieces:
        whole, now = written(workplace, book)
        _lay_aside(workplace, desk, known.aside, now, again)
        if not whole:
            return None
    outcome = _outcome(workplace, tray, matches)
    return offer_parcels(workplace, parcel_tray if pieces else tray, desk, nodes, machines, outcome)


def book_box(
    workplace: Workplace,
    box_id: str,
    desk: PackingDesk,
    nodes: TimeNodes = PUBLISHED,
    machines: PackingMachines = BY_HAND,
) -> TrayOutcome | None:
    """Make a parcel of a closed box; None while it is open, or a stopped piece was not taken out of it.

    An empty one is no parcel, and ends what there is to do for now. Raises MachineStandsError, PackedElsewhereError
    (nothing was booked, and it is tried again).
    """
    with workplace.database.read() as conn:
        pieces, matches = pieces_of_tray(conn, workplace.station, box_id, BOX), _matches(conn, box_id)
        closed = (_BOX.run(conn, {"box_id": box_id}).fetchone() or (None,))[0]
    known = _Sorted.of(pieces, matches)
    if closed is None and not known.aside and pieces:
        return None
    _carry(workplace, desk, known.aside, ())
    parcel_tray, again = new_id(), new_id()

    def book(tx: Connection) -> tuple[int | None, frozenset[str]]:
        one_at_a_time(tx)
        matched = _matches(tx, box_id)
        here = known.still(pieces_of_tray(tx, workplace.station, box_id, BOX), matched)
        now = stopped(tx, [piece.application_id for piece in pieces])
        _book_aside(tx, workplace, box_id, again, here.aside, now)
        box = _BOX.run(tx, {"box_id": box_id}).fetchone()
        coming = _ON_THE_WAY.run(tx, {"box_id": box_id, "station": workplace.station}).fetchone()
        left = pieces_of_tray(tx, workplace.station, box_id, BOX)
        if box is None or (coming and coming[0]):
            return None, now
        if not left:
            # All was taken out; it waits for its next piece.
            return 0, now
        if box[0] is None:
            return None, now
        out = {match.document_unit for match in matched}
        if stopped(tx, [piece.application_id for piece in left]) or any(piece.unit_id in out for piece in left):
            return None, now
        book_parcels(tx, workplace.acting(By(box[1], box[2])), parcel_tray, left, {})
        return len(left), now

    packed, now = written(workplace, book)
    _lay_aside(workplace, desk, known.aside, now, again)
    if packed is None:
        return None
    outcome = TrayOutcome(workplace.station, box_id, packed, passed=packed)
    return offer_parcels(workplace, parcel_tray, desk, nodes, machines, outcome)


def finish_tray(
    workplace: Workplace,
    tray: str,
    desk: PackingDesk,
    nodes: TimeNodes = PUBLISHED,
    machines: PackingMachines = BY_HAND,
) -> TrayOutcome:
    """Let emulated staff decide what people left of a tray, and book it; what people decided stands."""
    by = By(workplace.first)
    while True:
        with workplace.database.read() as conn:
            pieces, matches = pieces_of_tray(conn, workplace.station, tray), _matches(conn, tray)
        out = {match.document_unit for match in matches if match.outcome != MatchOutcome.MATCHED}
        decided = {match.document_unit for match in matches}
        gone = [each for each in pieces if each.state == ApplicationState.STOPPED and each.unit_id not in out]
        for piece in gone:
            matching.match(workplace, by, new_id(), [piece.blank_serial])
        waiting = [piece for piece in pieces if piece.unit_id not in decided and piece not in gone]
        scanned = list(desk.match([slip(piece) for piece in waiting], tray_place(tray)))
        for scans in scanned:
            matching.match(workplace, by, new_id(), [scans.document, scans.order, scans.envelope])
        booked = book_tray(workplace, tray, desk, nodes, machines)
        # None: something was stopped a moment ago, and is taken out too; or a piece does not lie in its tray.
        if booked is not None or not (scanned or gone):
            return booked or _outcome(workplace, tray, matches)


def finish_box(
    workplace: Workplace,
    box_id: str,
    desk: PackingDesk,
    nodes: TimeNodes = PUBLISHED,
    machines: PackingMachines = BY_HAND,
) -> TrayOutcome:
    """Let emulated staff close a box that people left open, without what was stopped in it, and make a parcel of it."""
    by = By(workplace.first)
    boxes.close(workplace, by, box_id)
    while True:
        with workplace.database.read() as conn:
            pieces, matches = pieces_of_tray(conn, workplace.station, box_id, BOX), _matches(conn, box_id)
        out = {match.document_unit for match in matches}
        for piece in pieces:
            if piece.state == ApplicationState.STOPPED and piece.unit_id not in out:
                matching.match(workplace, by, new_id(), [piece.blank_serial])
        booked = book_box(workplace, box_id, desk, nodes, machines)
        if booked is not None:
            return booked


_Decided = Sequence[tuple[Piece, _Match]]


class _Sorted(NamedTuple):
    """Pieces that are decided: put aside, into a box, for the post."""

    aside: _Decided
    boxed: _Decided
    posted: _Decided

    @classmethod
    def of(cls, pieces: Sequence[Piece], matches: Sequence[_Match]) -> "_Sorted":
        # Of two the later says: what is stopped after its match is taken out.
        last = {match.document_unit: match for match in matches}
        decided = [(piece, last[piece.unit_id]) for piece in pieces if piece.unit_id in last]
        matched = [each for each in decided if each[1].outcome == MatchOutcome.MATCHED]
        return cls(
            [each for each in decided if each[1].outcome != MatchOutcome.MATCHED],
            [each for each in matched if each[1].box_id is not None],
            [each for each in matched if each[1].box_id is None],
        )

    def still(self, pieces: Sequence[Piece], matches: Sequence[_Match]) -> "_Sorted":
        """Those that are still there, as they were decided: some may be booked by another worker, or undone."""
        there = {piece.unit_id for piece in pieces}
        last = {match.document_unit: match for match in matches}

        def stands(each: tuple[Piece, _Match]) -> bool:
            return each[0].unit_id in there and last.get(each[0].unit_id) == each[1]

        return _Sorted(*([each for each in some if stands(each)] for some in self))


def _matches(conn: Connection, tray: str) -> list[_Match]:
    return [_Match(*row) for row in _MATCHES.run(conn, {"tray": tray}).fetchall()]


def _place(piece: Piece, match: _Match, now: frozenset[str]) -> str:
    """Where a piece goes that was put aside, with these applications stopped."""
    if piece.application_id in now:
        return QUARANTINE
    # Undone, or released before it was booked: it is matched anew, as a tray of its own.
    return INPUT if match.outcome in (MatchOutcome.STOPPED, MatchOutcome.UNDONE) else HOLD


def _carry(workplace: Workplace, desk: PackingDesk, aside: _Decided, boxed: _Decided) -> None:
    """On an emulated line: lay the pieces where their packers said that they go."""
    gone = frozenset(piece.application_id for piece, _ in aside if piece.state == ApplicationState.STOPPED)
    _lay_aside(workplace, desk, aside, gone, None)
    by_box: dict[str, list[str]] = defaultdict(list)
    for piece, match in boxed:
        by_box[str(match.box_id)].append(piece.blank_serial)
    for box_id, numbers in by_box.items():
        desk.put(numbers, tray_place(box_id))


def _lay_aside(
    workplace: Workplace, desk: PackingDesk, aside: _Decided, now: frozenset[str], again: str | None
) -> None:
    by_place: dict[str, list[str]] = defaultdict(list)
    for piece, match in aside:
        by_place[_place(piece, match, now)].append(piece.blank_serial)
    for place, numbers in by_place.items():
        if place != INPUT:
            desk.put(numbers, table_place(workplace.station, place))
        elif again is not None:
            desk.put(numbers, tray_place(again))


def _book_aside(
    tx: Connection, workplace: Workplace, tray: str, again: str, aside: _Decided, now: frozenset[str]
) -> None:
    """Book what was put aside; what is no longer stopped stands in a tray of its own, `again`."""
    reasons = {
        MatchOutcome.MISMATCH.value: "mismatch",
        MatchOutcome.UNPAID.value: UNPAID,
        MatchOutcome.STOPPED.value: "stopped",
        MatchOutcome.UNDONE.value: "undone",
    }
    wrong = [_mismatch(workplace, piece, match) for piece, match in aside if match.outcome == MatchOutcome.MISMATCH]
    if wrong:
        tx.execute(insert(PackingMismatch), wrong)
    groups: dict[tuple[By, str, str], list[str]] = defaultdict(list)
    for piece, match in aside:
        groups[By(match.packer, match.sign_in), _place(piece, match, now), reasons[match.outcome]].append(piece.unit_id)
    for (by, place, reason), units in groups.items():
        here = workplace.acting(by)
        if place == INPUT:
            why = "undone" if reason == "undone" else "released"
            log.move(tx, here.party(), units, INPUT, stamp(here, again, reason=why))
        else:
            log.doubt(tx, here.party(), units, place, stamp(here, tray, reason=reason))


def _mismatch(workplace: Workplace, piece: Piece, match: _Match) -> dict[str, Any]:
    return {
        "mismatch_id": match.match_id,
        "document_unit": piece.unit_id,
        "part": match.part,
        "scanned_document": (match.scanned_document or "")[:_CODE],
        "scanned_order": (match.scanned_order or "")[:_CODE],
        "scanned_envelope": match.scanned_envelope or "",
        "packer": match.packer,
        "written_us": match.stored_us,
        "emulated": workplace.emulated,
    }


def _book_boxed(tx: Connection, workplace: Workplace, boxed: _Decided) -> None:
    for by, group in _by_packer(boxed).items():
        here = workplace.acting(by)
        by_box: dict[str, list[str]] = defaultdict(list)
        for piece, match in group:
            by_box[str(match.box_id)].append(piece.unit_id)
        for box_id, units in by_box.items():
            log.move(tx, here.party(), units, BOX, stamp(here, box_id, reason="box"))


def _by_packer(decided: _Decided) -> Mapping[By, list[tuple[Piece, _Match]]]:
    groups: dict[By, list[tuple[Piece, _Match]]] = defaultdict(list)
    for piece, match in decided:
        groups[By(match.packer, match.sign_in)].append((piece, match))
    return groups


def _outcome(workplace: Workplace, tray: str, matches: Sequence[_Match]) -> TrayOutcome:
    last = {match.document_unit: match.outcome for match in matches}
    found = list(last.values())
    return TrayOutcome(
        workplace.station,
        tray,
        len(found),
        passed=found.count(MatchOutcome.MATCHED),
        held=found.count(MatchOutcome.MISMATCH) + found.count(MatchOutcome.UNPAID),
        stopped=found.count(MatchOutcome.STOPPED),
    )
