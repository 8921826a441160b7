"""What two people sign at the desk: stored once, booked once, refused with a reason, on both databases."""

import io

import pytest
from sent_parcels import Sent
from sqlalchemy.exc import IntegrityError

from handoff_logs.records import new_id
from stations.by import By
from stations.mailing import acts, deliveries, returns, station
from stations.mailing.errors import (
    BadDeskIdError,
    DeskIdTakenError,
    NothingToSettleError,
    NotReturnedError,
    UnknownNoteError,
)
from stations.trays import tray_place


@pytest.fixture
def gone(desk):
    """Mailing's desk, and a carrier that took all parcels and says things of them."""
    desk.weigh_all()
    desk.book()
    desk.count(*desk.offered())
    return desk, Sent(desk.line, desk.line.folder)


def lines(sent, *events):
    """A file of events, as the desk reads it."""
    file = sent.file(*events)
    return tuple(deliveries.read_content(file.name, io.BytesIO(file.read_bytes())))


def test_a_carriers_file_is_loaded_with_bad_lines_told(gone):
    """The same model as the command's; loaded again it changes nothing; of the file nothing is kept."""
    desk, sent = gone
    (tracking, _, unit), *_ = sent.posted
    said = lines(
        sent, sent.event(tracking), "no event", {"event_id": "X", "event": "eaten", "at": "2026-12-01T00:00:00Z"}
    )
    desk.sign("load", lines=said, subject="a" * 64)
    (told,) = desk.run()
    assert (told["lines"], told["delivered"], told["set_aside"]) == (3, 1, 2)
    assert [(each["line"], each["reason"]) for each in told["lines_set_aside"]] == [(2, "line"), (3, "value")]
    assert sent.states(unit) == [("ended", "carrier")]
    by = desk.rows("SELECT loaded_by, loaded_second FROM delivery_event")
    assert by == [(desk.by["ann"].code, desk.by["bob"].code)]
    desk.sign("load", "bob", "lead", lines=said, subject="a" * 64)
    assert desk.run()[0]["repeated"] == 1
    assert desk.rows("SELECT DISTINCT content FROM mailing_act WHERE kind = 'load'") == [("",)]


def test_what_is_kept_of_a_file_is_the_model_alone(gone):
    """A field that no event has may be a person's name: not even until it is booked."""
    desk, sent = gone
    (tracking, *_), *_ = sent.posted
    desk.sign("load", lines=lines(sent, sent.event(tracking) | {"recipient": "ZHANG SAN"}))
    assert "ZHANG" not in desk.rows("SELECT content FROM mailing_act WHERE kind = 'load'")[0][0]


def test_what_came_back_is_received_and_decided_by_those_who_signed(gone):
    """Received by a blind scan of two; sent again by two, and weighed at the desk under a new number."""
    desk, sent = gone
    (tracking, label, unit), *_ = sent.posted
    desk.sign("load", lines=lines(sent, sent.event(tracking, "returned", note="R-1")))
    desk.run()
    desk.sign("receive", "bob", "lead", subject="R-1", labels=(label,))
    desk.run()
    assert sent.states(unit) == [("held", "mailing")]
    assert desk.rows("SELECT received_by, received_second FROM returned_parcel") == [
        (desk.by["bob"].code, desk.by["lead"].code)
    ]
    assert desk.line.hands.scan("mailing:returned") == [label]
    desk.sign("send_again", subject=tracking)
    (told,) = desk.run()
    assert desk.line.hands.scan(tray_place(told["tray"])) == [label]
    ((again, grams),) = desk.unweighed()
    assert again == label
    desk.weigh("bob", label, grams)
    desk.book()
    assert desk.offered() == [label]
    assert desk.count(label)["taken"] == 1


@pytest.mark.parametrize(("kind", "remakes"), [("destroy", 0), ("remake", 1)])
def test_what_came_back_is_destroyed_and_made_again(gone, kind, remakes):
    """Each once."""
    desk, sent = gone
    (_, label, _), *_ = sent.posted
    desk.sign("receive", labels=(label,))
    desk.run()
    desk.sign(kind, subject=label)
    assert desk.run() == [{"documents": 1, "remakes": remakes}]
    assert len(desk.line.waiting("personalization")) == remakes


def test_a_case_is_closed_by_two(gone):
    """Reported lost, and found."""
    desk, sent = gone
    (tracking, label, _), *_ = sent.posted
    desk.sign("load", lines=lines(sent, sent.event(tracking, "lost")))
    desk.run()
    assert [kind for kind, _ in sent.open_cases()] == ["missing"]
    desk.sign("settle", subject=label, detail="with-carrier")
    desk.run()
    assert sent.open_cases() == []


def test_what_can_not_be_is_refused_before_anybody_signs(gone):
    """As the commands do."""
    desk, sent = gone
    (_, label, _), *_ = sent.posted
    for refusal, kind, facts in (
        (NotReturnedError, "destroy", {"subject": label}),
        (NothingToSettleError, "settle", {"subject": label, "detail": "lost"}),
        (UnknownNoteError, "receive", {"subject": "R-9", "labels": (label,)}),
        (BadDeskIdError, "receive", {"labels": (label,), "act_id": "short"}),
    ):
        with pytest.raises(refusal):
            acts.sign(desk.here, desk.signed(kind, **facts))
    assert desk.rows("SELECT count(*) FROM mailing_act WHERE booked_us IS NULL") == [(0,)]


def test_what_was_decided_meanwhile_is_refused_when_its_turn_comes(gone):
    """Two pairs decide of one parcel: the first holds; the second is told, and does not wait for ever."""
    desk, sent = gone
    (_, label, _), *_ = sent.posted
    desk.sign("receive", labels=(label,))
    desk.run()
    desk.sign("send_again", subject=label)
    late = desk.sign("destroy", "bob", "lead", subject=label)
    first, second = desk.run()
    assert (first["label"], "does not wait" in second["said"]) == (label, True)
    assert desk.rows("SELECT refusal FROM mailing_act WHERE act_id = :id", id=late.act_id) == [("NotReturnedError",)]
    assert desk.run() == []


def test_an_act_sent_again_is_the_same(gone):
    """After a lost answer; and its id is no other's."""
    desk, sent = gone
    (_, label, _), (_, other, _), *_ = sent.posted
    first = desk.sign("receive", labels=(label,))
    assert not acts.sign(desk.here, desk.signed("receive", labels=(label,), act_id=first.act_id))
    with pytest.raises(DeskIdTakenError):
        acts.sign(desk.here, desk.signed("receive", labels=(other,), act_id=first.act_id))
    desk.run()
    assert not acts.sign(desk.here, desk.signed("receive", labels=(label,), act_id=first.act_id))
    assert desk.rows("SELECT count(*) FROM returned_parcel") == [(1,)]


@pytest.mark.parametrize(
    "change",
    [
        {"second": "ann"},
        {"second": "pam"},
        {"second": "dan"},
        {"first": "pam"},
        {"second": None},
        {"first_sign_in": "ann"},
        {"kind": "door"},
        {"booked_us": 5},
        {"kind": "else"},
    ],
    ids=lambda change: "-".join(map(str, change.items())),
)
def test_the_database_itself_refuses_a_wrong_act(desk, change):
    """One person twice, other roles, one hand, a sign-in of another, a driver elsewhere than at the door."""
    first, second = (change.get(hand, who) for hand, who in (("first", "ann"), ("second", "bob")))
    one, two = desk.by[first], desk.by[second] if second else None
    facts = {
        "act_id": new_id(),
        "kind": change.get("kind", "destroy"),
        "subject": "P-1",
        "detail": "",
        "content": "",
        "first": one.code,
        "first_sign_in": desk.by["lead"].sign_in if "first_sign_in" in change else one.sign_in,
        "second": two.code if two else None,
        "second_sign_in": two.sign_in if two else None,
        "stored_us": desk.database.write(desk.database.clock_us),
        "booked_us": change.get("booked_us"),
        "told": "{}" if "booked_us" in change else None,
        "emulated": True,
    }
    values = ", ".join(f":{name}" for name in facts)
    with pytest.raises(IntegrityError):
        desk.sql(f"INSERT INTO mailing_act ({', '.join(facts)}) VALUES ({values})", **facts)


def test_a_password_of_a_while_ago_signs_nothing(desk):
    """Two people sign at that moment; the database says how long that is."""
    sent = desk.signed("load", lines=())
    desk.sql(
        "INSERT INTO sign_in_attempt SELECT :id, :code, at_us - 400000000, 'accepted' FROM sign_in_attempt"
        " WHERE attempt_id = :of",
        id="f" * 32,
        code=desk.by["ann"].code,
        of=desk.by["ann"].sign_in,
    )
    stale = acts.Signed(new_id(), sent.kind, By(desk.by["ann"].code, "f" * 32), sent.second)
    with pytest.raises(IntegrityError):
        acts.sign(desk.here, stale)


def test_an_act_is_booked_once_and_never_deleted(gone):
    """Not even by whoever may write to the database."""
    desk, _ = gone
    for statement in (
        "UPDATE mailing_act SET told = '{}'",
        "UPDATE mailing_act SET second = 'p-0001'",
        "DELETE FROM mailing_act",
    ):
        with pytest.raises(IntegrityError):
            desk.sql(statement)


def test_nothing_waits_of_what_is_booked(gone):
    """And nothing is booked twice."""
    desk, sent = gone
    (_, label, _), *_ = sent.posted
    signed = desk.sign("receive", labels=(label,))
    desk.run()
    assert acts.book(desk.here, signed.act_id, None) == {}
    assert desk.rows("SELECT count(*) FROM returned_parcel") == [(1,)]
    assert station.unfinished_trays(desk.here) == []
    assert returns.RETURNED in {place for (place,) in desk.rows("SELECT place FROM whereabouts WHERE kind = 'parcel'")}
