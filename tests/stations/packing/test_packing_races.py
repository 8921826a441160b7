"""Processes that act on one piece, box or tray of the packing desk at once: one wins, nothing is doubled."""

import pytest
from at_once import DONE, book_packed, close_box, match_piece

from handoff_logs.records import new_id


@pytest.fixture
def keys(line):
    return line.folder / "keys"


def test_of_two_packers_who_scan_one_piece_one_has_matched_it(desk, together, keys):
    """The other is told that it was scanned before; sent twice under one id it is one match."""
    tray = desk.accept_one(3)
    first, second, _ = desk.pieces(tray)
    codes = desk.codes(first)
    acts = [(match_piece, (keys, who, new_id(), codes)) for who in ("e-pck-7", "e-pck-8")]
    assert sorted(together(*acts)) == sorted([DONE, "ValueError"])
    twice = new_id()
    assert together(*[(match_piece, (keys, "e-pck-7", twice, desk.codes(second)))] * 3) == [DONE] * 3
    assert desk.rows("SELECT count(*) FROM packing_match WHERE outcome = 'matched'") == [(2,)]
    assert desk.rows("SELECT document_unit FROM packing_match WHERE outcome = 'mismatch'") == [(None,)]


def test_pieces_of_one_office_matched_at_once_open_one_box(desk, together, keys):
    tray = desk.accept_one(24)
    by_office = {}
    for piece in desk.pieces(tray, delivery="collection"):
        by_office.setdefault(piece.office, []).append(piece)
    pieces = max(by_office.values(), key=len)[:3]
    acts = [(match_piece, (keys, f"e-pck-{n}", new_id(), desk.codes(piece))) for n, piece in enumerate(pieces)]
    assert together(*acts) == [DONE] * len(pieces)
    assert desk.rows("SELECT count(*) FROM packing_box") == [(1,)]


def test_a_box_is_closed_and_booked_once(desk, together, keys):
    """Two who close it, two workers who book it, and the tray that comes into it."""
    tray = desk.accept_one(6)
    desk.match_all("pia", tray)
    (box, *_) = [row[0] for row in desk.rows("SELECT box_id FROM packing_box ORDER BY box_id")]
    acts = [(close_box, (keys, who, box)) for who in ("e-pck-7", "e-pck-8")]
    assert sorted(together(*acts)) == sorted([DONE, "ValueError"])
    # The hands of two who fill the same parcels are not raced here: two workers of one tray never are.
    together((book_packed, (keys, tray)), (book_packed, (keys, box)), (book_packed, (keys, tray)))
    desk.book()
    assert desk.rows("SELECT count(*) FROM parcel WHERE grouping = 'office'") == [(1,)]
    packed = "SELECT count(*) FROM whereabouts WHERE kind = 'document' AND state = 'packed'"
    posted = desk.rows("SELECT count(*) FROM application WHERE delivery = 'post'")[0][0]
    boxed = desk.rows("SELECT count(*) FROM packing_match WHERE box_id = :box", box=box)[0][0]
    assert desk.rows(packed) == [(posted + boxed,)]
