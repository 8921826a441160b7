"""The QC desk on both databases: taken by a scan, decided once, signed by two, booked as people decided."""

from dataclasses import replace

import pytest
from small_desk import sign_in
from sqlalchemy.exc import IntegrityError

from handoff_logs.records import new_id
from stations.by import By
from stations.errors import ApplicationStoppedError
from stations.personal import PersonalData
from stations.qc import at_desks, in_hand, inspecting, readings, viewing
from stations.qc import station as qc
from stations.qc.errors import (
    ActedAtOnceError,
    CodesRefusedError,
    InspectionBookedError,
    InspectionIdError,
    InspectionTakenError,
    NotInHandError,
    PieceDecidedError,
    PieceInOtherHandsError,
    PieceNotHereError,
    PieceNotReadError,
    PieceOfAnotherError,
    PieceStoppedError,
    ReaderBarsPassError,
    ReadOftenError,
    UnknownInspectionError,
)
from stations.qc.inspecting import codes_chosen
from stations.qc.rules import READERS_ALONE

REFUSED = (
    "UPDATE qc_reading SET codes = 'zone'",
    "DELETE FROM qc_reading",
    "UPDATE qc_hold SET inspector = 'p-0099'",
    "UPDATE qc_hold SET ended_us = NULL, ended_how = NULL",
    "DELETE FROM qc_hold",
    "UPDATE qc_decision SET outcome = 'pass', codes = ''",
    "UPDATE qc_decision SET undone_us = stored_us",
    "DELETE FROM qc_decision",
    "UPDATE qc_void SET second = 'p-0099'",
    "DELETE FROM qc_void",
    "UPDATE qc_view SET what = 'portrait'",
    "DELETE FROM qc_view",
)


def with_other_zone(piece):
    """A printed zone with one character changed."""
    return replace(piece, mrz=tuple(line.replace("<", "K", 1) for line in piece.mrz))


def first_only(line, change):
    """A spoiler of the first piece made."""
    return lambda piece: change(piece) if line.machines_made == 1 else piece


def application_of(desk, serial):
    return desk.rows("SELECT application_id FROM job WHERE blank_serial = :serial", serial=serial)[0][0]


def test_a_tray_decided_by_hand_is_booked_with_who_decided_and_their_sign_in(desk):
    """Nothing is booked while one piece waits; the last to decide hands the tray on."""
    tray = desk.made(3)
    first, second, third = desk.serials()
    desk.decide("ann", first)
    desk.decide("bob", second)
    assert desk.book(tray) is None
    desk.decide("bob", third)
    outcome = desk.book(tray)
    assert (outcome.units, outcome.passed, outcome.voided) == (3, 3, 0)
    (offer,) = desk.line.waiting("packing")
    assert offer.unit_count == 3
    bob = desk.by["bob"]
    assert desk.rows("SELECT person, sign_in FROM custody_event WHERE act = 'offer' AND to_station = 'packing'") == [
        (bob.code, bob.sign_in)
    ]
    assert desk.rows("SELECT inspector, count(*) FROM inspection GROUP BY inspector ORDER BY 1") == [
        (desk.by["ann"].code, 1),
        (bob.code, 2),
    ]
    assert desk.begun() == []


def test_a_failed_piece_is_voided_by_the_two_who_signed_and_its_remake_starts_at_once(desk):
    """The rest of the tray still waits; both sign-ins are in the record of the void."""
    tray = desk.made(3, spoil=first_only(desk.line, with_other_zone))
    bad = next(
        serial
        for serial, codes in desk.rows(
            "SELECT j.blank_serial, r.codes FROM qc_reading r JOIN job j ON j.document_unit = r.document_unit"
        )
        if codes
    )
    failed = desk.decide("ann", bad, "zone")
    assert desk.void(tray) == 0 and desk.line.waiting("personalization") == []
    two = desk.two("ann", "lead")
    assert inspecting.sign_void(desk.here, failed, two)
    assert not inspecting.sign_void(desk.here, failed, desk.two("bob", "lead"))
    assert (desk.void(tray), desk.void(tray)) == (1, 0)
    (remake,) = desk.line.waiting("personalization")
    assert (remake.priority, remake.unit_count) == (1, 1)
    assert desk.rows(
        "SELECT person, second_person, sign_in, second_sign_in, reason FROM custody_event WHERE act = 'void'"
    ) == [(two.first, two.second, two.first_sign_in, two.second_sign_in, "zone")]
    assert desk.rows("SELECT inspector, outcome, codes FROM inspection") == [(desk.by["ann"].code, "fail", "zone")]
    assert desk.line.hands.find(bad).defaced and desk.line.hands.scan("qc:voided") == [bad]
    assert desk.book(tray) is None
    for serial in desk.serials():
        desk.decide("bob", serial)
    assert desk.book(tray).passed == 2


def test_a_tray_whose_failed_piece_nobody_signed_for_waits(desk):
    """A decision to fail voids nothing yet."""
    tray = desk.made(1)
    desk.decide("ann", desk.serials()[0], "print")
    assert desk.void(tray) == 0 and desk.book(tray) is None
    assert desk.begun() == [tray]


def test_who_reviewed_an_application_takes_no_piece_of_it(desk):
    """In any round and with any verdict; the database says so too, whoever writes the row."""
    desk.made(1)
    (serial,) = desk.serials()
    (reviewer,) = {row[0] for row in desk.rows("SELECT reviewer FROM review_verdict")}
    with pytest.raises(PieceOfAnotherError):
        in_hand.take(desk.here, By(reviewer), serial)
    (unit,) = desk.rows("SELECT document_unit FROM qc_reading")[0]
    now_us = desk.database.write(desk.database.clock_us)
    with pytest.raises(IntegrityError, match="reviewed"):
        desk.database.write(
            lambda tx: in_hand.hold(tx, desk.here, By(reviewer), (unit, serial, 1), (now_us, now_us + 9))
        )


def test_no_void_without_an_inspector_and_a_second_who_both_sign_in_for_it(desk):
    """Rule 4: two different people, of the roles that may."""
    desk.made(1)
    failed = desk.decide("ann", desk.serials()[0], "print")
    for first, second in (("ann", "rev"), ("rev", "ann"), ("lead", "ann"), ("ann", "ann")):
        with pytest.raises(ActedAtOnceError):
            desk.sign(failed, first, second)
    assert desk.rows("SELECT count(*) FROM qc_void") == [(0,)]


def test_a_sign_in_of_before_signs_no_void(desk):
    """Both sign in at that moment: a session's sign-in of this morning is none."""
    desk.made(1)
    failed = desk.decide("ann", desk.serials()[0], "print")
    two = desk.two("ann", "lead")
    old = new_id()
    desk.sql(
        "INSERT INTO sign_in_attempt SELECT :id, :code, at_us - 600000000, 'accepted' FROM sign_in_attempt"
        " WHERE attempt_id = :like",
        id=old,
        code=two.second,
        like=two.second_sign_in,
    )
    with pytest.raises(ActedAtOnceError):
        inspecting.sign_void(desk.here, failed, replace(two, second_sign_in=old))


def test_a_decision_sent_again_is_one_and_another_under_its_id_is_refused(desk):
    """A lost answer, a double click."""
    desk.made(1)
    held = desk.take("ann", desk.serials()[0])
    decision = new_id()
    assert inspecting.decide(desk.here, desk.by["ann"], held.hold_id, decision, ())
    assert not inspecting.decide(desk.here, desk.by["ann"], held.hold_id, decision, ())
    with pytest.raises(InspectionTakenError):
        inspecting.decide(desk.here, desk.by["ann"], held.hold_id, decision, ("print",))
    with pytest.raises(NotInHandError):
        inspecting.decide(desk.here, desk.by["ann"], held.hold_id, new_id(), ())
    with pytest.raises(InspectionIdError):
        inspecting.decide(desk.here, desk.by["ann"], held.hold_id, "X" * 32, ())
    assert desk.rows("SELECT count(*) FROM qc_decision") == [(1,)]


@pytest.mark.parametrize("code", sorted(READERS_ALONE - {"unreadable", "chip"}))
def test_what_only_a_reader_can_see_no_person_passes(desk, code):
    """The rule says so, and the database to whoever passes it by; a fail is always taken."""
    changes = {
        "chip_zone": lambda piece: {**piece.chip, "EF.DG1": piece.chip["EF.DG1"][:-1] + b"9"},
        "chip_portrait": lambda piece: {**piece.chip, "EF.DG2": piece.chip["EF.DG2"][:-1] + b"x"},
        "chip_signature": lambda piece: {**piece.chip, "EF.SOD": piece.chip["EF.SOD"][:-1]},
    }
    change = changes.get(code, lambda piece: piece.chip)
    desk.make(1, spoil=lambda piece: replace(piece, chip=change(piece)))
    (serial,) = desk.serials()
    if code == "chip_lock":
        world = desk.line.hands.world
        world.write_chip(serial, world.piece(serial).data.encode(), locked=False)
        world.print(serial)
    desk.read(*desk.begun())
    assert code in desk.rows("SELECT codes FROM qc_reading")[0][0].split()
    held = desk.take("ann", serial)
    with pytest.raises(ReaderBarsPassError, match=code):
        inspecting.decide(desk.here, desk.by["ann"], held.hold_id, new_id(), ())
    desk.decide("ann", serial, code)
    with pytest.raises(IntegrityError, match="only a reader"):
        desk.sql(
            "INSERT INTO qc_decision SELECT :id, hold_id, document_unit, inspector, 'pass', '', stored_us, NULL, 1 = 1"
            " FROM qc_decision",
            id=new_id(),
        )


def test_a_piece_is_read_again_where_an_inspector_asks_and_decided_by_the_last_reading(desk):
    """A lens that was dirty; three times at most, and nobody takes it meanwhile."""
    tray = desk.make(1)
    (serial,) = desk.serials()
    world, sound = desk.line.hands.world, desk.line.hands.world.piece(serial).data
    world.write_chip(serial, replace(sound, chip={}).encode(), locked=True)
    world.print(serial)
    desk.read(tray)
    held = desk.take("ann", serial)
    with pytest.raises(ReaderBarsPassError):
        inspecting.decide(desk.here, desk.by["ann"], held.hold_id, new_id(), ())
    with pytest.raises(NotInHandError):
        in_hand.read_again(desk.here, desk.by["bob"], held.hold_id)
    for _ in range(2):
        in_hand.read_again(desk.here, desk.by["ann"], held.hold_id)
    with pytest.raises(PieceNotReadError):
        desk.take("bob", serial)
    world.write_chip(serial, sound.encode(), locked=True)
    world.print(serial)
    assert (desk.read(tray), desk.read(tray)) == (1, 0)
    held = desk.take("bob", serial)
    assert (held.turn, viewing.facts(desk.here, desk.by["bob"], held.hold_id).codes) == (2, ())
    in_hand.read_again(desk.here, desk.by["bob"], held.hold_id)
    assert desk.read(tray) == 1
    held = desk.take("bob", serial)
    with pytest.raises(ReadOftenError):
        in_hand.read_again(desk.here, desk.by["bob"], held.hold_id)
    assert desk.undo("bob", desk.decide("bob", serial)).turn == 3
    desk.decide("bob", serial)
    assert desk.book(tray).passed == 1
    assert desk.rows("SELECT turn, codes <> '' FROM qc_reading ORDER BY turn") == [(1, 1), (2, 0), (3, 0)]


def test_nothing_is_read_again_unasked(desk):
    """In plain SQL: a second reading would hide the first."""
    desk.made(1)
    with pytest.raises(IntegrityError, match="again where an inspector asks"):
        desk.sql(
            "INSERT INTO qc_reading SELECT document_unit, 2, application_id, reader, '', reading, read_us, emulated"
            " FROM qc_reading"
        )


def test_a_decision_is_undone_until_it_is_booked_or_signed_for(desk):
    """The piece is in hand again; nobody undoes another's."""
    tray = desk.made(2)
    first, second = desk.serials()
    decision = desk.decide("ann", first, "print")
    with pytest.raises(UnknownInspectionError):
        desk.undo("bob", decision)
    assert desk.undo("ann", decision).serial == first
    assert desk.undo("ann", decision).serial == first
    decision = desk.decide("ann", first, "print")
    desk.sign(decision)
    with pytest.raises(InspectionBookedError):
        desk.undo("ann", decision)
    with pytest.raises(UnknownInspectionError):
        desk.sign(new_id())
    other = desk.decide("ann", second)
    desk.void(tray)
    assert desk.book(tray).passed == 1
    with pytest.raises(InspectionBookedError):
        desk.undo("ann", other)


def test_a_piece_is_in_one_hand_and_a_hand_has_one_piece(desk):
    """Scanned again it is the same; another one lays it back; lapsed, it goes to whoever scans it."""
    desk.made(2)
    first, second = desk.serials()
    held = desk.take("ann", first)
    assert desk.take("ann", first) == held
    with pytest.raises(PieceInOtherHandsError):
        desk.take("bob", first)
    desk.take("ann", second)
    assert desk.take("bob", first, hold_s=0.05).serial == first
    assert in_hand.put_back(desk.here, desk.by["ann"])
    assert not in_hand.put_back(desk.here, desk.by["ann"])
    while True:
        try:
            desk.take("cid", first)
            break
        except PieceInOtherHandsError:
            pass
    assert desk.rows("SELECT ended_how, count(*) FROM qc_hold WHERE ended_us IS NOT NULL GROUP BY 1 ORDER BY 1") == [
        ("lapsed", 1),
        ("put_back", 2),
    ]


def test_what_cannot_be_taken_is_refused_with_why(desk):
    """Not here, not read, decided, stopped."""
    tray = desk.make(2)
    first, second = desk.serials()
    with pytest.raises(PieceNotHereError):
        desk.take("ann", "EZ9999999")
    with pytest.raises(PieceNotReadError):
        desk.take("ann", first)
    assert (desk.read(tray), desk.read(tray)) == (2, 0)
    desk.decide("ann", first)
    with pytest.raises(PieceDecidedError):
        desk.take("bob", first)
    desk.line.stop(application_of(desk, second))
    with pytest.raises(PieceStoppedError):
        desk.take("ann", second)


def test_a_stopped_piece_goes_to_quarantine_and_its_decision_stands_no_more(desk):
    """Rule 8: before it is taken, in hand, decided."""
    tray = desk.made(4)
    first, second, third, fourth = desk.serials()
    held = desk.take("bob", second)
    desk.decide("ann", third)
    desk.decide("ann", fourth)
    for serial in (first, second, third):
        desk.line.stop(application_of(desk, serial))
    with pytest.raises(ApplicationStoppedError):
        inspecting.decide(desk.here, desk.by["bob"], held.hold_id, new_id(), ())
    outcome = desk.book(tray)
    assert (outcome.units, outcome.stopped, outcome.passed) == (4, 3, 1)
    assert sorted(desk.line.hands.scan("qc:quarantine")) == [first, second, third]
    assert desk.rows("SELECT count(*) FROM qc_decision WHERE undone_us IS NULL") == [(1,)]
    assert desk.rows("SELECT ended_how FROM qc_hold WHERE hold_id = :id", id=held.hold_id) == [("withdrawn",)]


def test_a_defaced_piece_is_voided_though_its_application_was_stopped_and_not_remade(desk):
    """Two had signed before."""
    tray = desk.made(1)
    (serial,) = desk.serials()
    desk.sign(desk.decide("ann", serial, "blank"))
    desk.line.stop(application_of(desk, serial))
    assert desk.void(tray) == 1
    assert desk.line.waiting("personalization") == []
    assert desk.rows("SELECT state FROM whereabouts WHERE kind = 'document'") == [("void",)]


def test_emulated_staff_does_the_rest_and_what_people_decided_stands(desk):
    """A pass, a fail that nobody signed for, one that two signed for, one in hand, one untouched."""
    tray = desk.made(5)
    passed, failed, signed, in_a_hand, untouched = desk.serials()
    desk.decide("ann", passed)
    desk.decide("ann", failed, "print")
    desk.sign(desk.decide("bob", signed, "blank"), "bob")
    desk.take("cid", in_a_hand)
    line = desk.line
    outcome = qc.resume_tray(desk.here, tray, desk.means.desk, desk.means.readers, line.trust_anchor)
    assert (outcome.units, outcome.passed, outcome.voided) == (5, 3, 2)
    by = dict(
        desk.rows(
            "SELECT j.blank_serial, i.inspector FROM inspection i JOIN job j ON j.document_unit = i.document_unit"
        )
    )
    assert {serial: by[serial] for serial in (passed, failed, signed)} == {
        passed: desk.by["ann"].code,
        failed: desk.by["ann"].code,
        signed: desk.by["bob"].code,
    }
    assert by[in_a_hand].startswith("e-") and by[untouched].startswith("e-")
    assert desk.rows("SELECT ended_how FROM qc_hold WHERE ended_how = 'withdrawn'") == [("withdrawn",)]
    assert len(desk.line.waiting("personalization")) == 2


def test_the_database_refuses_an_inspection_that_differs_from_the_decision(desk):
    """Whoever writes it: another inspector, another outcome; nor of a piece that is in somebody's hand."""
    tray = desk.made(2)
    first, second = desk.serials()
    desk.decide("ann", first)
    desk.take("bob", second)
    with desk.database.read() as conn:
        pieces = {piece.blank_serial: piece for piece in at_desks.pieces_of_tray(conn, "qc", tray)}

    def store(serial, inspector, *codes):
        inspected = at_desks.Inspected(pieces[serial], inspector, "reader-01", codes)
        desk.database.write(lambda tx: at_desks.store_inspections(tx, desk.here, [inspected]))

    for attempt in ((first, "p-0099"), (first, desk.by["ann"].code, "print"), (second, desk.by["bob"].code)):
        with pytest.raises(IntegrityError, match="as it was decided"):
            store(*attempt)
    store(first, desk.by["ann"].code)


def test_nothing_of_an_inspection_is_changed_or_deleted(desk):
    """In plain SQL, by the owner of the tables."""
    desk.made(1)
    (serial,) = desk.serials()
    held = desk.take("ann", serial)
    viewing.facts(desk.here, desk.by["ann"], held.hold_id)
    desk.sign(desk.decide("ann", serial, "print"))
    for statement in REFUSED:
        with pytest.raises(IntegrityError):
            desk.sql(statement)


def test_what_was_read_is_shown_beside_the_order_to_whoever_has_the_piece_in_hand(desk):
    """Character by character; each look is a row; nobody else sees it, and what is stored is no text."""
    desk.made(2, spoil=first_only(desk.line, with_other_zone))
    shown = {}
    for serial in desk.serials():
        held = desk.take("ann", serial)
        with pytest.raises(NotInHandError):
            viewing.facts(desk.here, desk.by["bob"], held.hold_id)
        shown[serial] = viewing.facts(desk.here, desk.by["ann"], held.hold_id)
        assert viewing.portrait(desk.here, desk.by["ann"], held.hold_id).image.startswith(b"\xff\xd8")
    bad, good = sorted(shown.values(), key=lambda each: not each.codes)
    assert good.codes == () and not any(mark.differs for line in good.zone for mark in line)
    assert [mark.read for line in bad.zone for mark in line if mark.differs] == ["K"] * 2
    assert set(bad.codes) >= {"zone"}
    assert good.chip.signature_holds and good.chip.locked and all(each.holds for each in good.chip.groups)
    assert {each.file for each in good.chip.groups} == {"EF.DG1", "EF.DG2"}
    assert desk.rows("SELECT what, count(*) FROM qc_view GROUP BY what ORDER BY what") == [
        ("facts", 2),
        ("portrait", 2),
    ]
    zone = "".join(mark.read for mark in good.zone[0])
    for (sealed,) in desk.rows("SELECT reading FROM qc_reading"):
        assert zone[:20].encode() not in bytes(sealed)


def test_a_reading_opens_for_its_own_document_alone(desk):
    """Moved to another row it does not."""
    desk.made(2)
    units = [row[0] for row in desk.rows("SELECT document_unit FROM qc_reading")]
    sealed = bytes(desk.rows("SELECT reading FROM qc_reading WHERE document_unit = :unit", unit=units[0])[0][0])
    personal: PersonalData = desk.here.personal
    assert readings.Found.opened(personal, units[0], sealed).locked
    with pytest.raises(Exception, match="does not open"):
        readings.Found.opened(personal, units[1], sealed)


def test_an_inspector_who_signed_in_yesterday_takes_nothing(desk):
    """A sign-in holds for a shift."""
    desk.made(1)
    ann = desk.by["ann"]
    old = new_id()
    desk.sql(
        "INSERT INTO sign_in_attempt SELECT :id, code, at_us - 30000000000, 'accepted' FROM sign_in_attempt"
        " WHERE attempt_id = :like",
        id=old,
        like=ann.sign_in,
    )
    for who in (By(ann.code, old), sign_in(desk.database, desk.people["lead"])):
        with pytest.raises(ActedAtOnceError):
            in_hand.take(desk.here, who, desk.serials()[0])


@pytest.mark.parametrize(("outcome", "codes"), [("pass", ["zone"]), ("fail", []), ("fail", ["x"]), ("hold", ["zone"])])
def test_codes_that_are_none_of_an_outcome_are_refused(outcome, codes):
    """And the order of the list is kept."""
    with pytest.raises(CodesRefusedError):
        codes_chosen(outcome, codes)
    assert codes_chosen("fail", ["print", "zone", "print"]) == ("zone", "print")
