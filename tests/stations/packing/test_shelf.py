"""Packing's hold shelf is freed by two who sign, once; a match is undone by its own packer; on both databases."""

import pytest
from small_desk import sign_in
from sqlalchemy.exc import IntegrityError

from handoff_logs.records import new_id
from stations import trays
from stations.emulated_staff import EmulatedPacker
from stations.packing import desk_booking, matching, shelf
from stations.packing.errors import (
    DecidedOnShelfError,
    NotOnShelfError,
    PackedElsewhereError,
    StillTakenOutError,
    TooLateToUndoMatchError,
)
from stations.packing.machines import PackingMachines
from stations.packing.tables import MatchOutcome, Resolution
from stations.people_register.credentials import TwoSigned

RESOLVED = "SELECT resolution FROM packing_mismatch"


def two(desk, first="pia", second="lead"):
    """Two who sign in just now."""
    one, other = (sign_in(desk.database, desk.people[name]) for name in (first, second))
    return TwoSigned(one.code, other.code, one.sign_in, other.sign_in)


def decide(desk, number, resolution, by=None, release_id=None):
    return shelf.decide(desk.here, by or two(desk), release_id or new_id(), number, Resolution(resolution))


def lying(desk):
    with desk.database.read() as conn:
        return shelf.on_shelf(conn, "packing")


@pytest.fixture
def wrong(desk):
    """The serial of a piece that was scanned with another's envelope, and that the line put on the shelf."""
    tray = desk.accept_one(6)
    pair = desk.pieces(tray)[:2]
    own, other = desk.codes(pair[0]), desk.codes(pair[1])
    desk.scan("pia", own[0], own[1], other[2])
    desk.book()
    return pair[0].blank_serial


@pytest.mark.parametrize("resolution", ["right", "envelope"])
def test_a_piece_that_was_put_right_is_scanned_anew_and_who_said_so_is_recorded(desk, wrong, resolution):
    """By both codes and sign-ins, in the log and beside its three scans."""
    (there,) = lying(desk)
    assert (there.number, there.reason, there.part, there.resolution) == (wrong, "mismatch", "envelope", None)
    by = two(desk)
    assert decide(desk, wrong, resolution, by)
    assert [each.resolution for each in lying(desk)] == [resolution], "nothing moves before the line books it"
    assert shelf.book(desk.here, desk.line.packer.put) == 1 and shelf.book(desk.here, desk.line.packer.put) == 0
    assert lying(desk) == [] and desk.rows(RESOLVED) == [(resolution,)]
    assert desk.rows("SELECT person, second_person, reason FROM custody_event WHERE act = 'settle'") == [
        (by.first, by.second, resolution)
    ]
    (again,) = [tray for tray in desk_booking.waiting(desk.here) if len(desk.pieces(tray)) == 1]
    assert wrong in desk.line.hands.scan(trays.tray_place(again))
    assert desk.match("pete", desk.pieces(again)[0]).outcome is MatchOutcome.MATCHED


def test_what_can_not_go_on_goes_into_quarantine(desk, wrong):
    assert decide(desk, wrong, "apart")
    shelf.book(desk.here, desk.line.packer.put)
    assert desk.rows("SELECT state, place FROM whereabouts WHERE kind = 'document' AND state = 'doubt'") == [
        ("doubt", "quarantine")
    ]
    assert desk.rows(RESOLVED) == [("apart",)]


def test_a_stay_on_the_shelf_is_decided_once(desk, wrong):
    """Sent again it is the same; another decision is refused with who was first, by the database too."""
    release_id, by = new_id(), two(desk)
    assert decide(desk, wrong, "right", by, release_id) and not decide(desk, wrong, "right", by, release_id)
    with pytest.raises(DecidedOnShelfError, match=by.first):
        decide(desk, wrong, "apart")
    with pytest.raises(DecidedOnShelfError):
        decide(desk, wrong, "apart", by, release_id)
    copied = (
        "INSERT INTO packing_release SELECT :id, unit_id, step, 'apart', first, first_sign_in, second, second_sign_in,"
        " stored_us, emulated FROM packing_release"
    )
    with pytest.raises(IntegrityError):
        desk.sql(copied, id=new_id())
    shelf.book(desk.here, desk.line.packer.put)
    for statement in (
        "UPDATE packing_mismatch SET resolution = 'apart'",
        "UPDATE packing_mismatch SET packer = 'p-0001'",
        "DELETE FROM packing_mismatch",
        "UPDATE packing_release SET resolution = 'apart'",
        "DELETE FROM packing_release",
    ):
        with pytest.raises(IntegrityError):
            desk.sql(statement)


def test_the_database_asks_for_two_fresh_sign_ins_of_packing(desk, wrong):
    """One person twice, an old sign-in, or a resolution that nobody signed is none."""
    one = sign_in(desk.database, desk.people["pia"])
    with pytest.raises(PackedElsewhereError):
        decide(desk, wrong, "right", TwoSigned(one.code, one.code, one.sign_in, one.sign_in))
    old = new_id()
    desk.sql(
        "INSERT INTO sign_in_attempt SELECT :id, :code, at_us - 600000000, 'accepted' FROM sign_in_attempt"
        " WHERE attempt_id = :like",
        id=old, code=desk.by["lead"].code, like=one.sign_in,
    )  # fmt: skip
    with pytest.raises(PackedElsewhereError):
        decide(desk, wrong, "right", TwoSigned(one.code, desk.by["lead"].code, one.sign_in, old))
    with pytest.raises(IntegrityError, match="as two people decided"):
        desk.sql("UPDATE packing_mismatch SET resolution = 'right'")


def test_only_what_lies_there_is_decided_and_only_as_it_may_end(desk, wrong):
    for number, resolution in (("EZ0000000", "right"), (wrong, "opened")):
        with pytest.raises(NotOnShelfError):
            decide(desk, number, resolution)
    assert desk.rows("SELECT count(*) FROM packing_release") == [(0,)]


def test_a_piece_whose_postage_is_not_paid_leaves_the_shelf_too(desk):
    tray = desk.accept_one(6)
    (piece, *_) = desk.pieces(tray, delivery="post")
    desk.owes(piece)
    assert desk.match("pia", piece).outcome is MatchOutcome.UNPAID
    desk.book()
    assert [(each.reason, each.ways) for each in lying(desk)] == [("postage", (Resolution.RIGHT, Resolution.APART))]
    assert decide(desk, piece.blank_serial, "apart")
    assert shelf.book(desk.here, None) == 1 and lying(desk) == []


class Leaning(EmulatedPacker):
    """A packer whose scale something leans on; it is the scale's driver as well."""

    name = "scale-01"

    def ask(self, _weigh):
        return 99_999

    def clear_scale(self, scale):
        """There is no machine."""


def test_a_parcel_whose_weight_differs_is_opened_by_two_and_its_documents_are_scanned_anew(desk):
    """Its end is a record like that of a piece; what was in it lies in a tray of its own again."""
    tray = desk.accept_one(6)
    posted = [piece.blank_serial for piece in desk.pieces(tray, delivery="post")]
    desk.match_all("pia", tray)
    packer = Leaning(desk.line.hands)
    desk_booking.book_tray(desk.here, tray, packer, machines=PackingMachines(packer, None))
    there = lying(desk)
    assert {(each.kind, each.reason, each.weighed_g, each.ways) for each in there} == {
        ("parcel", "weight", 99_999, (Resolution.OPENED,))
    }
    with pytest.raises(NotOnShelfError):
        decide(desk, there[0].number, "right")
    for each in there:
        assert decide(desk, each.number, "opened")
    assert shelf.book(desk.here, desk.line.packer.put) == len(posted)
    again = [each for each in desk_booking.waiting(desk.here) if desk.pieces(each)]
    found = [piece for each in again for piece in desk.pieces(each)]
    assert sorted(piece.blank_serial for piece in found) == sorted(posted) and lying(desk) == []
    for each in again:
        assert len(desk.line.hands.scan(trays.tray_place(each))) == 1
    assert all(desk.match("pete", piece).outcome is MatchOutcome.MATCHED for piece in found)
    assert all(desk_booking.book_tray(desk.here, each, desk.line.packer) for each in again)
    assert desk.rows("SELECT count(*) FROM whereabouts WHERE kind = 'parcel' AND state = 'offered'") == [(len(posted),)]


def test_a_piece_that_stops_twice_has_two_resolutions(desk, wrong):
    """Each of its own stay."""
    decide(desk, wrong, "right")
    shelf.book(desk.here, desk.line.packer.put)
    (again,) = [tray for tray in desk_booking.waiting(desk.here) if len(desk.pieces(tray)) == 1]
    (piece,) = desk.pieces(again)
    own = desk.codes(piece)
    desk.scan("pete", own[0], "0" * 32, own[2])
    desk_booking.book_tray(desk.here, again, desk.line.packer)
    assert decide(desk, wrong, "apart", two(desk, "pete"))
    shelf.book(desk.here, desk.line.packer.put)
    assert sorted(desk.rows(RESOLVED)) == [("apart",), ("right",)]


# A match that was pressed or scanned wrongly.


def last(desk, who):
    with desk.database.read() as conn:
        found = matching.undoable(conn, "packing", desk.by[who].code)
    return None if found is None else found.match_id


def undo(desk, who, undo_id=None):
    return matching.undo(desk.here, desk.by[who], last(desk, who) or new_id(), undo_id or new_id())


@pytest.mark.parametrize("booked", [False, True])
@pytest.mark.parametrize("delivery", ["collection", "post"])
def test_a_match_is_undone_by_its_packer_and_scanned_anew(desk, delivery, booked):
    """Before or after its piece was booked into its box; the box is without it, and the row stays."""
    tray = desk.accept_one(8)
    first, *_ = desk.pieces(tray, delivery=delivery)
    desk.match("pia", first)
    if booked:
        desk.book()
    with pytest.raises(TooLateToUndoMatchError):
        matching.undo(desk.here, desk.by["pete"], last(desk, "pia"), new_id())
    undo_id = new_id()
    mine = last(desk, "pia")
    assert matching.undo(desk.here, desk.by["pia"], mine, undo_id) == first.blank_serial
    assert matching.undo(desk.here, desk.by["pia"], mine, undo_id) == first.blank_serial
    assert last(desk, "pia") is None
    if not (booked and delivery == "collection"):
        with pytest.raises(StillTakenOutError):
            desk.match("pia", first)
    desk.book()
    (again,) = [each for each in desk_booking.waiting(desk.here) if each != tray and len(desk.pieces(each)) == 1]
    assert desk.rows("SELECT count(*) FROM whereabouts WHERE place = 'box'") == [(0,)]
    assert desk.match("pete", desk.pieces(again)[0]).outcome is MatchOutcome.MATCHED
    assert desk.rows("SELECT outcome, packer FROM packing_match ORDER BY stored_us") == [
        *(("matched", desk.by["pia"].code), ("undone", desk.by["pia"].code), ("matched", desk.by["pete"].code))
    ]
    desk.match_all("pia", tray)
    desk.close_boxes("pia")
    desk.book()
    desk.book()
    assert desk.rows("SELECT count(*) FROM whereabouts WHERE kind = 'document' AND state = 'packed'") == [(8,)]


def test_a_closed_box_keeps_what_is_in_it(desk):
    """By the database too, whoever asks."""
    tray = desk.accept_one(6)
    first, *_ = desk.pieces(tray, delivery="collection")
    desk.match("pia", first)
    mine = last(desk, "pia")
    desk.close_boxes("pete")
    assert last(desk, "pia") is None
    with pytest.raises(TooLateToUndoMatchError):
        matching.undo(desk.here, desk.by["pia"], mine, new_id())
    row = (
        "INSERT INTO packing_match (match_id, document_unit, tray, outcome, packer, sign_in, stored_us, emulated)"
        " SELECT :id, document_unit, tray, 'undone', packer, sign_in, stored_us, emulated FROM packing_match"
    )
    with pytest.raises(IntegrityError):
        desk.sql(row, id=new_id())


def test_another_packers_match_is_not_undone_by_the_database_either(desk):
    tray = desk.accept_one(6)
    desk.match("pia", desk.pieces(tray)[0])
    row = (
        "INSERT INTO packing_match (match_id, document_unit, tray, outcome, packer, sign_in, stored_us, emulated)"
        " SELECT :id, document_unit, tray, 'undone', :packer, :sign_in, stored_us, emulated FROM packing_match"
    )
    pete = desk.by["pete"]
    with pytest.raises(IntegrityError, match="by its own packer"):
        desk.sql(row, id=new_id(), packer=pete.code, sign_in=pete.sign_in)
