"""What packers scan at the desk is stored once, and booked by the run as they did it; on both databases."""

import random

import pytest
from enrolled import end
from small_packing_desk import ALIKE
from sqlalchemy.exc import IntegrityError

from handoff_logs.records import new_id
from stations import trays
from stations.intake.station import release as release_stop
from stations.packing import boxes, desk_booking, matching
from stations.packing.errors import MatchIdError, MatchTakenError, ScanIncompleteError, UnknownBoxError
from stations.packing.matching import Why
from stations.packing.rules import Part
from stations.packing.tables import MatchOutcome

HELD = "SELECT count(*) FROM whereabouts WHERE kind = 'document' AND state = 'doubt' AND place = :place"


def test_three_codes_match_in_any_order_and_a_code_scanned_twice_is_no_second_code(desk):
    tray = desk.accept_one(8)
    for piece in desk.pieces(tray):
        codes = desk.codes(piece)
        random.shuffle(codes)
        found = desk.scan("pia", codes[0], codes[0], *codes[1:], codes[2])
        assert (found.outcome, found.serial) == (MatchOutcome.MATCHED, piece.blank_serial)
        assert (found.office is None) == (piece.delivery == "post")
    assert desk.rows("SELECT count(*), count(DISTINCT document_unit) FROM packing_match") == [(8, 8)]


def test_a_tray_goes_on_with_its_packer_as_party_and_its_offices_pieces_into_boxes_that_outlast_it(desk):
    """Two trays fill one office's box; it is a parcel when somebody closes it, and theirs."""
    desk.line.shares = ALIKE
    first, second = desk.accept(24, tray_size=12)
    desk.match_all("pia", first)
    desk.match_all("pete", second)
    assert [each is not None for each in desk.book()[:2]] == [True, True]
    posted = desk.rows("SELECT count(*) FROM application WHERE delivery = 'post'")[0][0]
    assert desk.rows("SELECT count(*) FROM parcel") == [(posted,)]
    assert desk.rows("SELECT count(*) FROM whereabouts WHERE place = 'box'") == [(24 - posted,)]
    both = "SELECT count(DISTINCT tray) FROM packing_match WHERE box_id IS NOT NULL GROUP BY box_id"
    assert (2,) in desk.rows(both)
    offices = desk.rows("SELECT count(DISTINCT office) FROM application WHERE delivery = 'collection'")[0][0]
    assert desk.close_boxes("pete") == offices
    desk.book()
    assert desk.rows("SELECT count(*) FROM parcel WHERE grouping = 'office'") == [(offices,)]
    assert desk.rows("SELECT count(*) FROM whereabouts WHERE kind = 'document' AND state = 'packed'") == [(24,)]
    wrong = (
        "SELECT count(*) FROM whereabouts d JOIN parcel p ON p.parcel_unit = d.container JOIN job j ON j.document_unit"
        " = d.unit_id JOIN application a ON a.application_id = j.application_id WHERE p.office <> a.office"
    )
    assert desk.rows(wrong) == [(0,)]
    signed = (
        "SELECT person, sign_in FROM custody_event WHERE act = 'pack' OR act = 'offer' AND from_station = 'packing'"
    )
    known = {(by.code, by.sign_in) for by in desk.by.values()}
    assert {*desk.rows(signed)} <= known and {row[0] for row in desk.rows(signed)} == {"p-0011", "p-0012"}
    assert sum(offer.unit_count for offer in desk.line.waiting("mailing")) == posted + offices
    assert trays.unfinished_trays(desk.here) == [] == boxes.filled(desk.here)
    for offer in desk.line.waiting("mailing"):
        assert len(desk.line.hands.scan(trays.tray_place(offer.tray))) == offer.unit_count


@pytest.mark.parametrize(
    ("take", "part"),
    [((0, 1, 0), "order"), ((0, 0, 1), "envelope"), ((1, 0, 0), "document")],
    ids=["order", "envelope", "document"],
)
def test_what_does_not_belong_is_named_and_the_piece_stops(desk, take, part):
    """The other's own three still match; the piece is on the hold shelf with a record of its scans."""
    tray = desk.accept_one(12)
    pair = desk.pieces(tray, delivery="post")[:2]
    codes = [desk.codes(pair[which])[place] for place, which in enumerate(take)]
    found = desk.scan("pia", *codes)
    assert (found.outcome, found.part, found.why, found.aside) == (
        MatchOutcome.MISMATCH, Part(part), Why.DIFFERS, True,
    )  # fmt: skip
    wrong, sound = (pair[1], pair[0]) if part == "document" else (pair[0], pair[1])
    assert desk.rows("SELECT document_unit FROM packing_match") == [(wrong.unit_id,)]
    assert desk.match("pete", sound).outcome is MatchOutcome.MATCHED
    assert desk.match("pete", wrong).why is Why.AGAIN
    assert desk.book() == [None]
    assert desk.rows(HELD, place="hold") == [(1,)]
    assert desk.line.hands.scan("packing:hold") == [wrong.blank_serial]
    kept = desk.rows("SELECT mismatch_id, part, packer, scanned_order FROM packing_mismatch")
    assert kept == [(found.match_id, part, "p-0011", codes[1])]


def test_what_nobody_knows_is_recorded_and_stops_nothing_that_lies_here(desk):
    """An unknown document, an unknown order, and two documents for one piece."""
    tray = desk.accept_one(6)
    first, second, third, *_ = desk.pieces(tray)
    _, order, envelope = desk.codes(first)
    unknown = desk.scan("pia", "X\x00Y", order, envelope)
    assert (unknown.part, unknown.why, unknown.aside) == (Part.DOCUMENT, Why.UNKNOWN, False)
    other = desk.scan("pia", first.blank_serial, "0" * 32, envelope)
    assert (other.part, other.why, other.aside) == (Part.ORDER, Why.UNKNOWN, True)
    two = desk.scan("pia", second.blank_serial, third.blank_serial)
    assert (two.part, two.why, two.aside) == (Part.DOCUMENT, Why.TWO, True)
    assert desk.rows("SELECT document_unit FROM packing_match WHERE reason = 'two'") == [(second.unit_id,)]
    assert desk.match("pia", third).outcome is MatchOutcome.MATCHED
    with pytest.raises(ScanIncompleteError):
        desk.scan("pia", order, envelope)


def test_sent_again_it_is_the_same_match_and_other_codes_under_its_id_are_refused(desk):
    tray = desk.accept_one(3)
    first, second, _ = desk.pieces(tray)
    one = new_id()
    assert desk.match("pia", first, match_id=one).news
    again = desk.match("pia", first, match_id=one)
    assert (again.news, again.outcome) == (False, MatchOutcome.MATCHED)
    with pytest.raises(MatchTakenError):
        desk.match("pia", second, match_id=one)
    with pytest.raises(MatchTakenError):
        desk.match("pete", first, match_id=one)
    with pytest.raises(MatchIdError):
        desk.match("pia", first, match_id="1")
    assert desk.rows("SELECT count(*) FROM packing_match") == [(1,)]


def test_who_is_sixty_five_gets_it_by_post_for_nothing_and_all_others_when_they_paid(desk):
    """What was not paid is put aside; the parcels tell what was."""
    tray = desk.accept_one(40)
    posted = desk.pieces(tray, delivery="post")
    assert len(posted) > 2
    desk.owes(posted[0])
    with desk.database.read() as conn:
        filed = matching.by_ids(conn, desk.here.personal, [piece.application_id for piece in posted])
    for piece in posted:
        found = desk.match("pia", piece)
        free = filed[piece.application_id].age >= 65
        if free:
            assert found.postage_cny == 0
        elif piece is posted[0]:
            assert (found.outcome, found.aside) == (MatchOutcome.UNPAID, True)
        else:
            assert found.postage_cny in (15, 22)
    desk.match_all("pia", tray, delivery="collection")
    desk.book()
    owing = desk.rows("SELECT count(*) FROM packing_match WHERE outcome = 'unpaid'")[0][0]
    assert desk.rows(HELD, place="hold") == [(owing,)]
    paid = desk.rows("SELECT postage_cny FROM parcel WHERE grouping = 'single'")
    assert sorted(paid) == sorted(desk.rows("SELECT postage_cny FROM packing_match WHERE postage_cny IS NOT NULL"))


def test_a_stopped_application_is_taken_out_wherever_its_piece_is(desk):
    """Before it was matched, out of the tray; after that, out of the box; its document alone is scanned."""
    tray = desk.accept_one(12)
    boxed = desk.pieces(tray, delivery="collection")
    waits, matched = boxed[0], boxed[1]
    desk.line.stop(waits.application_id)
    assert desk.match("pia", waits).outcome is MatchOutcome.STOPPED
    desk.match("pia", matched)
    desk.book()
    desk.line.stop(matched.application_id)
    (box,) = desk.rows("SELECT box_id, office FROM packing_box")
    desk.match_all("pete", tray)
    assert desk.scan("pete", matched.blank_serial).outcome is MatchOutcome.STOPPED
    desk.book()
    assert desk.rows(HELD, place="quarantine") == [(2,)]
    assert sorted(desk.line.hands.scan("packing:quarantine")) == sorted([waits.blank_serial, matched.blank_serial])
    left = desk.rows("SELECT count(*) FROM packing_match WHERE box_id = :box", box=box[0])[0][0] - 1
    with desk.database.read() as conn:
        assert {each.box_id: each.pieces for each in boxes.open_boxes(conn)}.get(box[0], 0) == left
    desk.close_boxes("pia")
    desk.book()
    assert desk.rows("SELECT count(*) FROM whereabouts WHERE kind = 'document' AND state = 'packed'") == [(10,)]


def test_no_box_or_tray_with_a_stopped_piece_is_booked_until_it_is_taken_out(desk):
    tray = desk.accept_one(8)
    desk.match_all("pia", tray)
    post = desk.pieces(tray, delivery="post")[0]
    desk.line.stop(post.application_id)
    assert desk.book()[0] is None
    assert desk.rows("SELECT count(*) FROM parcel") == [(0,)]
    inside = desk.rows(
        "SELECT a.application_id, j.blank_serial FROM whereabouts w JOIN job j ON j.document_unit = w.unit_id"
        " JOIN application a ON a.application_id = j.application_id WHERE w.place = 'box'"
    )[0]
    desk.line.stop(inside[0])
    desk.close_boxes("pia")
    desk.book()
    assert desk.rows("SELECT count(*) FROM whereabouts WHERE place = 'box' AND kind = 'document'")[0][0] >= 1
    desk.scan("pia", inside[1])
    desk.scan("pia", post.blank_serial)
    desk.book()
    assert desk.rows(HELD, place="quarantine") == [(2,)]
    assert desk.rows("SELECT count(*) FROM whereabouts WHERE place = 'box'") == [(0,)]


def test_what_was_released_before_it_was_booked_is_matched_anew(desk):
    """It stands in a tray of its own."""
    tray = desk.accept_one(4)
    piece = desk.pieces(tray)[0]
    desk.line.stop(piece.application_id)
    desk.match("pia", piece)
    now_us = desk.database.write(desk.database.clock_us)
    desk.database.write(lambda tx: release_stop(tx, piece.application_id, "e-lead-1", "e-lead-2", now_us))
    desk.book()
    (again,) = [each for each in trays.unfinished_trays(desk.here) if each != tray]
    assert [each.blank_serial for each in desk.pieces(again)] == [piece.blank_serial]
    assert desk.line.hands.scan(trays.tray_place(again)) == [piece.blank_serial]
    assert desk.match("pete", piece).outcome is MatchOutcome.MATCHED


def test_a_piece_that_is_stopped_twice_in_one_box_is_taken_out_of_it_twice(desk):
    """Released each time, before or after its taking out was booked; and out of the box once after each match."""
    tray = desk.accept_one(6)
    piece = desk.pieces(tray, delivery="collection")[0]
    for _ in range(3):
        assert desk.match("pia", piece).outcome is MatchOutcome.MATCHED
        desk.book()
        desk.line.stop(piece.application_id)
        assert [each.serial for each in desk.taken_out()] == [piece.blank_serial]
        assert desk.scan("pia", piece.blank_serial).outcome is MatchOutcome.STOPPED
        assert desk.scan("pete", piece.blank_serial).why is Why.AGAIN
        assert desk.taken_out() == []
        now_us = desk.database.write(desk.database.clock_us)
        desk.database.write(lambda tx, now_us=now_us: release_stop(tx, piece.application_id, "e-l-1", "e-l-2", now_us))
        desk.book()
    boxed = desk.rows("SELECT count(*), count(DISTINCT box_id) FROM packing_match WHERE outcome = 'matched'")
    assert boxed == [(3, 1)]
    assert desk.rows("SELECT count(DISTINCT takes_out) FROM packing_match WHERE outcome = 'stopped'") == [(3,)]
    desk.match_all("pete", tray)
    desk.match("pia", piece)
    desk.book()
    desk.close_boxes("pia")
    desk.book()
    assert desk.rows("SELECT count(*) FROM whereabouts WHERE kind = 'document' AND state = 'packed'") == [(6,)]


def test_the_database_takes_a_piece_out_of_its_box_once_after_each_match(desk):
    tray = desk.accept_one(6)
    piece = desk.pieces(tray, delivery="collection")[0]
    desk.match("pia", piece)
    desk.book()
    desk.line.stop(piece.application_id)
    again = (
        "INSERT INTO packing_match (match_id, document_unit, tray, outcome, scanned_document, packer, stored_us,"
        " emulated, takes_out) SELECT 'ffffffffffffffffffffffffffffffff', document_unit, coalesce(box_id, tray),"
        " 'stopped', scanned_document, 'e-pck-1', stored_us + 1, emulated, {} FROM packing_match WHERE outcome = '{}'"
    )
    with pytest.raises(IntegrityError, match="out of a box once"):
        desk.sql(again.format("NULL", "matched"))
    desk.scan("pia", piece.blank_serial)
    for takes_out in ("NULL", "takes_out"):
        with pytest.raises(IntegrityError, match="out of a box once"):
            desk.sql(again.format(takes_out, "stopped"))


def test_a_box_is_closed_once_and_never_empty(desk):
    tray = desk.accept_one(8)
    (piece, *_) = desk.pieces(tray, delivery="collection")
    desk.match("pia", piece)
    ((box,),) = desk.rows("SELECT box_id FROM packing_box")
    assert boxes.close(desk.here, desk.by["pete"], box)
    assert not boxes.close(desk.here, desk.by["pia"], box)
    with pytest.raises(UnknownBoxError):
        boxes.close(desk.here, desk.by["pia"], "0" * 32)
    assert desk.rows("SELECT closed_by FROM packing_box") == [("p-0012",)]
    same = [each for each in desk.pieces(tray, delivery="collection") if each.office == piece.office]
    for each in same[1:]:
        desk.match("pia", each)
    assert desk.rows("SELECT count(*) FROM packing_box") == [(1 + (len(same) > 1),)]


def test_a_box_that_was_emptied_waits_for_its_next_piece(desk):
    """Nothing is packed of it, nothing waits for it, and it is closed with what comes then."""
    tray = desk.accept_one(24)
    by_office = {}
    for piece in desk.pieces(tray, delivery="collection"):
        by_office.setdefault(piece.office, []).append(piece)
    first, second, *_ = max(by_office.values(), key=len)
    desk.match("pia", first)
    desk.book()
    desk.line.stop(first.application_id)
    desk.scan("pia", first.blank_serial)
    (box,) = boxes.filled(desk.here)
    outcome = desk_booking.book(desk.here, box, desk.line.packer)
    assert (outcome.units, boxes.filled(desk.here), desk.rows("SELECT count(*) FROM parcel")) == (0, [], [(0,)])
    desk.match("pia", second)
    desk.close_boxes("pete")
    desk.book()
    assert desk.rows("SELECT box_id FROM packing_box") == [(box,)]
    desk.book()
    assert desk.rows("SELECT documents FROM parcel") == [(1,)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE packing_match SET outcome = 'mismatch', part = 'order', reason = 'differs', box_id = NULL,"
        " postage_cny = NULL",
        "DELETE FROM packing_match",
        "DELETE FROM packing_box",
        "UPDATE packing_box SET office = 'zibo'",
        "UPDATE packing_box SET opened_by = 'p-0013', opened_sign_in = NULL",
        "INSERT INTO packing_match SELECT 'ffffffffffffffffffffffffffffffff', document_unit, tray, 'matched', NULL,"
        " NULL, 'a', 'b', 'c', NULL, box_id, postage_cny, 'e-pck-1', NULL, stored_us, emulated, NULL"
        " FROM packing_match",
        "INSERT INTO packing_match SELECT 'ffffffffffffffffffffffffffffffff', NULL, NULL, 'mismatch', 'order',"
        " 'differs', NULL, NULL, NULL, NULL, NULL, NULL, 'p-0013', sign_in, stored_us, emulated, NULL"
        " FROM packing_match",
    ],
)
def test_what_was_matched_is_never_changed_doubled_or_anothers(desk, statement):
    """By whatever means: the database refuses it."""
    desk.match("pia", desk.pieces(desk.accept_one(8), delivery="collection")[0])
    with pytest.raises(IntegrityError):
        desk.sql(statement)


def test_what_was_put_aside_is_not_matched_after_all(desk):
    """Nor is a piece of a stopped application, or one for an office as if for the post: in plain SQL."""
    tray = desk.accept_one(12)
    post, other, *_ = desk.pieces(tray, delivery="post")
    desk.scan("pia", post.blank_serial, other.order_unit, desk.codes(post)[2])
    matched = (
        "INSERT INTO packing_match (match_id, document_unit, tray, outcome, scanned_document, scanned_order,"
        " scanned_envelope, postage_cny, packer, stored_us, emulated) SELECT :id, :unit, :tray, 'matched', 'a', 'b',"
        " 'c', 15, 'e-pck-1', :now, emulated FROM packing_match LIMIT 1"
    )
    now_us = desk.database.write(desk.database.clock_us)
    office = desk.pieces(tray, delivery="collection")[0]
    desk.line.stop(other.application_id)
    for piece in (post, office, other):
        with pytest.raises(IntegrityError):
            desk.sql(matched, id=new_id(), unit=piece.unit_id, tray=tray, now=now_us)
    third = desk.pieces(tray, delivery="post")[2]
    desk.sql(matched, id=new_id(), unit=third.unit_id, tray=tray, now=now_us)


def test_a_lead_packs_nothing_and_neither_does_whose_sign_in_is_over(desk):
    piece = desk.pieces(desk.accept_one(2))[0]
    with pytest.raises(matching.PackedElsewhereError):
        desk.match("lead", piece)
    end(desk.database, "p-0011")
    with pytest.raises(matching.PackedElsewhereError):
        desk.match("pia", piece)
    assert desk.rows("SELECT count(*) FROM packing_match") == [(0,)]


def test_emulated_staff_does_the_rest_and_what_people_decided_stands(desk):
    tray = desk.accept_one(12)
    people = desk.pieces(tray)
    first, second = people[:2]
    desk.match("pia", first)
    desk.scan("pia", second.blank_serial, *desk.codes(people[2])[1:])
    desk.line.stop(people[5].application_id)
    outcome = desk_booking.finish_tray(desk.here, tray, desk.line.packer)
    assert (outcome.passed, outcome.held, outcome.stopped) == (10, 1, 1)
    for box in boxes.filled(desk.here):
        desk_booking.finish_box(desk.here, box, desk.line.packer)
    packed = desk.rows("SELECT count(*) FROM whereabouts WHERE kind = 'document' AND state = 'packed'")
    assert (packed, desk.rows(HELD, place="hold"), desk.rows(HELD, place="quarantine")) == ([(10,)], [(1,)], [(1,)])
    by = dict(desk.rows("SELECT packer, count(*) FROM packing_match GROUP BY packer"))
    assert by == {"p-0011": 2, desk.here.people[0]: 10}
