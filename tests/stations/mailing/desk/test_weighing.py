"""Parcels weighed at the desk: stored one by one, booked whole, on both databases."""

import pytest
from sqlalchemy.exc import IntegrityError

from handoff_logs.records import new_id
from stations.mailing import station, weighings
from stations.mailing.errors import (
    BadDeskIdError,
    DeskIdTakenError,
    NotInTrayError,
    ParcelStoppedError,
    UnknownLabelError,
    WeighedBeforeError,
    WeightRefusedError,
)
from stations.mailing.rules import Weight


def test_a_tray_goes_on_when_all_its_parcels_are_weighed(desk):
    """Not before; then every posted parcel has a number, and all stand at the door."""
    waiting = desk.unweighed()
    for label, grams in waiting[:-1]:
        assert desk.weigh("ann", label, grams).weight is Weight.SOUND
    assert None in desk.book()
    label, grams = waiting[-1]
    desk.weigh("bob", label, grams)
    desk.book()
    assert desk.book() == []
    assert desk.offered() == sorted(label for label, _ in waiting)
    assert desk.rows(
        "SELECT count(*) FROM consigned_parcel s JOIN parcel p USING (parcel_unit)"
        " WHERE (p.grouping = 'single') <> (s.tracking IS NOT NULL)"
    ) == [(0,)]


def test_who_weighed_signs_by_their_own_sign_in(desk):
    """The offer to the carrier and the manifest name them, not whoever the run has on duty."""
    desk.weigh_all("bob")
    desk.book()
    offers = desk.rows(
        "SELECT DISTINCT person, sign_in FROM custody_event WHERE act = 'offer' AND to_station = 'carrier'"
    )
    assert offers == [(desk.by["bob"].code, desk.by["bob"].sign_in)]
    assert desk.rows("SELECT DISTINCT mailer FROM consignment") == [(desk.by["bob"].code,)]


def test_a_weight_that_differs_twice_puts_the_parcel_aside(desk):
    """Seen once it is asked again; what lies aside is nobody's to send."""
    (label, grams), *others = desk.unweighed()
    first = desk.weigh("ann", label, grams - 6)
    assert (first.weight, first.expected_g) == (Weight.AGAIN, grams)
    assert desk.weigh("ann", label, grams - 6).weight is Weight.ASIDE
    for each in others:
        desk.weigh("ann", *each)
    booked = desk.book()
    assert sum(each.held for each in booked) == 1
    assert label not in desk.offered()
    assert desk.line.hands.scan("mailing:hold") == [label]


def test_a_weight_that_differs_once_is_no_reason(desk):
    """Something leaned on the scale; the second weight stands, and is the manifest's."""
    (label, grams), *others = desk.unweighed()
    assert desk.weigh("ann", label, grams + 40).weight is Weight.AGAIN
    assert None in desk.book()
    assert desk.weigh("ann", label, grams + 1).weight is Weight.SOUND
    for each in others:
        desk.weigh("ann", *each)
    desk.book()
    assert label in desk.offered()
    assert desk.rows(
        "SELECT weight_g FROM consigned_parcel s JOIN parcel p USING (parcel_unit) WHERE p.label = :label", label=label
    ) == [(grams + 1,)]


def test_a_weighing_sent_again_is_the_same(desk):
    """After a lost answer, or a double click: one row, one answer; and its id is no other's."""
    (label, grams), (other, _), *_ = desk.unweighed()
    sent = new_id()
    first = desk.weigh("ann", label, grams - 10, sent)
    assert desk.weigh("ann", label, grams - 10, sent) == first
    assert desk.rows("SELECT count(*) FROM mailing_weighing") == [(1,)]
    for who, of, weight in (("bob", label, grams - 10), ("ann", other, grams - 10), ("ann", label, grams)):
        with pytest.raises(DeskIdTakenError):
            desk.weigh(who, of, weight, sent)


def test_a_settled_weight_is_not_taken_again(desk):
    """Neither a sound one nor one that was put aside."""
    (label, grams), *_ = desk.unweighed()
    desk.weigh("ann", label, grams)
    with pytest.raises(WeighedBeforeError, match=desk.by["ann"].code):
        desk.weigh("bob", label, grams)


def test_what_is_no_weighing_is_refused_whole(desk):
    """An unknown label, a parcel elsewhere, a stopped one, no weight, no id: nothing is stored."""
    (label, grams), (other, _), *_ = desk.unweighed()
    with pytest.raises(UnknownLabelError):
        desk.weigh("ann", "P-0000000000000000", 52)
    for weight in (0, -5, 100_001):
        with pytest.raises(WeightRefusedError):
            desk.weigh("ann", label, weight)
    with pytest.raises(BadDeskIdError):
        desk.weigh("ann", label, grams, "no id")
    application = desk.rows(
        "SELECT j.application_id FROM job j JOIN whereabouts w ON w.unit_id = j.document_unit"
        " JOIN parcel p ON p.parcel_unit = w.container WHERE p.label = :label",
        label=other,
    )[0][0]
    desk.line.stop(application)
    with pytest.raises(ParcelStoppedError):
        desk.weigh("ann", other, 52)
    assert desk.rows("SELECT count(*) FROM mailing_weighing") == [(0,)]


def test_a_parcel_of_no_accepted_tray_is_not_weighed(desk):
    """It stands at the door by now."""
    (label, grams), *_ = desk.unweighed()
    desk.weigh_all()
    desk.book()
    with pytest.raises(NotInTrayError, match="offered"):
        desk.weigh("ann", label, grams)


def test_a_stopped_parcel_holds_nobody_up(desk):
    """Nobody weighs it; when the tray is booked its documents go back to packing."""
    (label, _), *others = desk.unweighed()
    application = desk.rows(
        "SELECT j.application_id FROM job j JOIN whereabouts w ON w.unit_id = j.document_unit"
        " JOIN parcel p ON p.parcel_unit = w.container WHERE p.label = :label",
        label=label,
    )[0][0]
    desk.line.stop(application)
    for each in others:
        desk.weigh("ann", *each)
    assert sum(each.stopped for each in desk.book()) == 1
    assert [offer.to_station for offer in desk.line.waiting("packing")] == ["packing"]
    assert label not in desk.offered()


def test_emulated_staff_does_the_rest_and_what_people_weighed_stands(desk):
    """The tray was given back to them: they weigh what nobody had."""
    (label, grams), *others = desk.unweighed()
    desk.weigh("ann", label, grams + 1)
    for tray in station.unfinished_trays(desk.here):
        station.resume_tray(desk.here, tray, desk.line.mailer)
    weights = dict(desk.rows("SELECT p.label, s.weight_g FROM consigned_parcel s JOIN parcel p USING (parcel_unit)"))
    assert weights == {label: grams + 1, **dict(others)}


def test_the_progress_of_trays_and_what_was_weighed_last_are_told(desk):
    """Counts of what was accepted, and the number that each parcel was given."""
    label, grams = desk.unweighed()[0]
    desk.weigh("ann", label, grams)
    progress = desk.rows(weighings.PROGRESS)
    assert (sum(each[2] for each in progress), sum(each[3] for each in progress)) == (len(desk.unweighed()), 1)
    for each in desk.unweighed()[1:]:
        desk.weigh("bob", *each)
    desk.book()
    ((found, *_),) = desk.rows(weighings.LATEST, mailer=desk.by["ann"].code, most=5)
    assert found == label


@pytest.mark.parametrize(
    "change",
    [
        {"attempt": 2},
        {"mailer": "pam"},
        {"sign_in": "0" * 32},
        {"tray": "0" * 32},
        {"stored_us": 5},
        {"grams": 0},
        {"mailer": "dan"},
    ],
    ids=lambda change: "-".join(change),
)
def test_the_database_itself_refuses_a_wrong_weighing(desk, change):
    """A second weight without a first, somebody who is no mailer or did not sign in, another tray, another time."""
    label, grams = desk.unweighed()[0]
    unit, tray = desk.rows(
        "SELECT parcel_unit, w.tray FROM parcel JOIN whereabouts w ON w.unit_id = parcel_unit WHERE label = :label",
        label=label,
    )[0]
    change = dict(change)
    who = desk.by[change.pop("mailer", "ann")]
    facts = {
        "parcel_unit": unit,
        "tray": tray,
        "attempt": 1,
        "grams": grams,
        "mailer": who.code,
        "sign_in": who.sign_in,
    }
    facts |= {"weighing_id": new_id(), "stored_us": desk.database.write(desk.database.clock_us), "emulated": True}
    names = ", ".join(facts)
    values = ", ".join(f":{name}" for name in facts)
    with pytest.raises(IntegrityError):
        desk.sql(f"INSERT INTO mailing_weighing ({names}) VALUES ({values})", **facts | change)


def test_a_weighing_is_written_once(desk):
    """Never changed, never deleted."""
    label, grams = desk.unweighed()[0]
    desk.weigh("ann", label, grams)
    for statement in ("UPDATE mailing_weighing SET grams = 5", "DELETE FROM mailing_weighing"):
        with pytest.raises(IntegrityError):
            desk.sql(statement)
