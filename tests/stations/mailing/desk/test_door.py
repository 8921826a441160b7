"""What a driver counts at the door and signs for, booked by the run, on both databases."""

import pytest

from handoff_logs.errors import SamePersonError
from stations.mailing import acts, station
from stations.mailing.errors import NothingAtTheDoorError, UnknownParcelsError
from stations.trays import tray_place


@pytest.fixture
def door(desk):
    """All parcels stand at the door."""
    desk.weigh_all()
    desk.book()
    return desk


def stop_one(door):
    """Stop an application whose parcel stands at the door; the parcel's label and tray."""
    application, label, tray = door.rows(
        "SELECT j.application_id, p.label, w.tray FROM job j JOIN whereabouts i ON i.unit_id = j.document_unit"
        " JOIN parcel p ON p.parcel_unit = i.container JOIN whereabouts w ON w.unit_id = p.parcel_unit ORDER BY 2"
    )[0]
    door.line.stop(application)
    return label, tray


def test_what_the_driver_counts_is_theirs(door):
    """By the driver's own sign-in; its applications are dispatched, and what was not counted at all stays offered."""
    labels = door.offered()
    assert door.count(*labels) == {"taken": len(labels), "missing": (), "surplus": (), "refused": (), "differs": ()}
    assert door.line.states() == {"dispatched": 10}
    taken = door.rows("SELECT DISTINCT to_station, person, sign_in FROM custody_event WHERE act = 'accept'")
    (taken,) = [each for each in taken if each[0] == "carrier"]
    assert taken[1] == door.by["dan"].code
    assert taken[2] not in (None, door.by["dan"].sign_in)  # the one of that moment
    assert door.rows("SELECT count(*) FROM consignment WHERE state <> 'dispatched'") == [(0,)]
    assert not any(door.line.hands.scan(tray_place(tray)) for (tray,) in door.rows("SELECT tray FROM consignment"))


def test_a_tray_that_was_not_touched_stays_offered(door):
    """A driver takes what there is room for; a part of a tray is a difference, none of it is not."""
    tray, *others = (offer.tray for offer in door.line.waiting("carrier"))
    assert others
    count = door.count(*door.line.hands.scan(tray_place(tray)))
    assert not count["missing"]
    assert [offer.tray for offer in door.line.waiting("carrier")] == others


def test_what_the_driver_does_not_find_is_a_case_and_stays_mailings(door):
    """And what is on no offer is a case too."""
    tray = door.line.waiting("carrier")[0].tray
    lost, *found = door.line.hands.scan(tray_place(tray))
    assert found
    count = door.count(*found)
    assert (count["missing"], count["surplus"]) == ((lost,), ())
    assert door.rows(
        "SELECT c.kind FROM custody_case c JOIN parcel p ON p.parcel_unit = c.unit_id WHERE p.label = :label",
        label=lost,
    ) == [("missing",)]
    assert door.rows(
        "SELECT state, station FROM whereabouts w JOIN parcel p ON p.parcel_unit = w.unit_id WHERE label = :label",
        label=lost,
    ) == [("missing", "mailing")]


def test_a_stranger_among_what_was_counted_is_one_case(door):
    """A parcel that mailing still holds was carried to the door by mistake."""
    first, second, *_ = (door.line.hands.scan(tray_place(offer.tray)) for offer in door.line.waiting("carrier"))
    door.count(*first)
    again = door.count(*second, first[0])
    assert (again["missing"], again["surplus"]) == ((), (first[0],))
    assert door.rows("SELECT count(*) FROM custody_case") == [(1,)]


def test_a_stopped_application_sends_its_tray_back(door):
    """It is refused whole; mailing counts it back, weighs it anew, opens the stopped parcel, and the rest leaves."""
    label, tray = stop_one(door)
    labels = door.offered()
    told = door.count(*labels)
    assert told["refused"] == (tray,)
    assert label in door.line.hands.scan(tray_place(tray))
    ((handoff,),) = door.rows("SELECT DISTINCT handoff_id FROM whereabouts WHERE state = 'refused' AND kind = 'parcel'")
    assert door.book() == [None]
    back = door.line.hands.scan(tray_place(tray))
    door.sign("retake", "bob", None, subject=handoff, labels=tuple(back))
    assert door.run() == [{"missing": ()}]
    for parcel, grams in door.unweighed():
        if parcel != label:
            door.weigh("bob", parcel, grams)
    door.book()
    rest = door.offered()
    assert rest == sorted(set(back) - {label})
    if rest:
        door.count(*rest)
    opened = door.rows("SELECT documents FROM parcel WHERE label = :label", label=label)[0][0]
    assert door.line.states()["dispatched"] == 10 - opened


def test_whoever_offered_does_not_take(door):
    """Nobody signs both sides, whatever roles they have: refused at the door, nothing is stored."""
    door.sql("INSERT INTO person_role VALUES (:code, 'driver', 'p-0001', 'p-0002', 1)", code=door.by["ann"].code)
    with pytest.raises(SamePersonError):
        acts.sign(door.here, door.signed("door", "bob", "ann", labels=tuple(door.offered())))
    assert door.rows("SELECT count(*) FROM mailing_act") == [(0,)]


def test_nothing_is_handed_over_by_labels_that_are_not_there(door):
    """Unknown ones, and ones that stand nowhere near the door."""
    with pytest.raises(UnknownParcelsError):
        acts.sign(door.here, door.signed("door", "ann", "dan", labels=(*door.offered(), "P-00")))
    labels = tuple(door.offered())
    door.count(*labels)
    with pytest.raises(NothingAtTheDoorError):
        acts.sign(door.here, door.signed("door", "ann", "dan", labels=labels))


def test_a_recount_of_what_is_not_refused_is_told(door):
    """The page was old."""
    handoff = door.line.waiting("carrier")[0].handoff_id
    sent = door.sign("retake", "bob", None, subject=handoff)
    (told,) = door.run()
    assert "does not stand refused" in told["said"]
    assert door.rows("SELECT refusal FROM mailing_act WHERE act_id = :id", id=sent.act_id) == [("NothingRefusedError",)]
    assert station.unfinished_trays(door.here) == []
