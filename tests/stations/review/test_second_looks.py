"""A share of all passes, and every pass of chosen classes, is decided again by another before its tray is booked."""

import pytest
from small_desk import ALIKE
from sqlalchemy.exc import IntegrityError

from flows.facts import DONE
from handoff_logs.reading import open_reading
from stations.review import decisions, rates, station, viewing
from stations.review.desk import Decision, Outcome
from stations.review.errors import TooLateToUndoError
from stations.review.second import NO_SECOND_LOOKS, SecondLooks, Why
from stations.trays import unfinished_trays

ALL = SecondLooks(share=1.0)


def book(desk, seconds=ALL):
    return [station.book_decided(desk.here, tray, seconds=seconds) for tray in unfinished_trays(desk.here)]


def test_a_chosen_pass_is_not_booked_alone(desk):
    """The tray waits for the second reviewer, who is another and is not told of the first."""
    tray = desk.accept_one(3)
    desk.decide_all("ann")
    assert book(desk) == [None]
    assert desk.line.states() == {"waiting": 3}
    assert desk.take("ann") == ()
    again = desk.take("bob")
    assert [lease.round for lease in again] == [2] * 3
    assert viewing.facts(desk.here, desk.by["bob"], again[0].lease_id).history == ()
    assert station.book_decided(desk.here, tray, seconds=ALL) is None
    desk.decide_all("bob")
    (outcome,) = book(desk)
    assert (outcome.units, outcome.passed) == (3, 3)
    assert desk.rows(f"SELECT documents FROM ({DONE.replace(':since_us', '0')}) AS done WHERE station = 'review'") == [
        (3,)
    ]
    rows = desk.rows("SELECT DISTINCT round, reviewer, outcome FROM review_verdict ORDER BY 1")
    assert rows == [(1, desk.by["ann"].code, "pass"), (2, desk.by["bob"].code, "pass")]
    assert desk.take("cid") == ()


@pytest.mark.parametrize(("outcome", "state"), [("return", "returned"), ("hold", "held")])
def test_a_return_or_a_hold_wins_over_a_pass_and_is_counted_for_the_lead(desk, database_url, outcome, state):
    """Where they differ the careful one is heeded."""
    desk.accept_one(2)
    desk.decide_all("ann")
    book(desk)
    first, _ = desk.take("bob")
    desk.decide("bob", first, outcome, "photo_ears")
    desk.decide_all("bob")
    book(desk)
    assert desk.line.states() == {state: 1, "passed": 1}
    with open_reading(database_url) as reading:
        now_us = desk.database.write(desk.database.clock_us)
        found = {each.reviewer: each for each in rates.rates(reading, now_us - 60_000_000, now_us)}
    ann, bob = found[desk.by["ann"].code], found[desk.by["bob"].code]
    assert (ann.seconds, ann.differed, bob.seconds, bob.differed) == (2, 1, 0, 0)


def test_what_the_second_look_catches_is_told_once_it_is_stored_and_counted_by_item(desk, database_url):
    """Until then nothing differs from anything; a verdict that is taken back after that is counted apart."""
    desk.accept_one(4)
    desk.decide_all("ann")
    book(desk)

    def differs(who, sent):
        with desk.database.read() as conn:
            return decisions.differs(conn, desk.by[who], sent.decision_id)

    first, second, third, fourth = desk.take("bob")
    caught = desk.decide("bob", first, "return", "photo_ears_hair", "photo_eyes")
    assert differs("bob", caught) and not differs("ann", caught)
    assert not differs("bob", desk.decide("bob", second))
    slip = desk.decide("bob", third, "hold", "photo_eyes")
    assert differs("bob", slip) and desk.undo("bob", slip) and not differs("bob", slip)
    desk.decide("bob", desk.take("bob", ahead=0)[0])
    desk.decide("bob", fourth)
    for booked in (False, True):
        if booked:
            book(desk)
        with open_reading(database_url) as reading:
            found = rates.differing(reading, 0)
        assert [(each.item, each.differed, each.taken_back, each.share) for each in found] == [
            ("photo_eyes", 1, 1, 0.25),
            ("photo_ears", 1, 0, 0.25),
        ]
        assert desk.by["ann"].code not in repr(found)


class Stricter:
    """Emulated staff that passes all at the first look and nothing at the second."""

    def decide(self, case):
        return Decision(Outcome.PASS) if case.round == 1 else Decision(Outcome.RETURN, ("photo_ears",))


def test_what_emulated_staff_catches_at_a_second_look_is_counted_too(desk, database_url):
    """It has no desk, and no rows of one."""
    outcome = station.resume_tray(desk.here, desk.accept_one(2), Stricter(), seconds=ALL)
    assert outcome.returned == 2
    with open_reading(database_url) as reading:
        assert [(each.differed, each.seconds) for each in rates.differing(reading, 0)] == [(2, 2)]


def test_the_database_lets_none_pass_on_a_single_look(desk):
    """Whatever the program does."""
    desk.accept_one(1)
    desk.decide_all("ann")
    book(desk)
    with pytest.raises(IntegrityError, match="decided again by another"):
        desk.sql("UPDATE application SET state = 'passed'")
    with pytest.raises(IntegrityError, match="another reviewer's"):
        desk.sql(
            "INSERT INTO review_verdict SELECT application_id, revision, 2, reviewer, 'pass', '', 1, TRUE"
            " FROM review_verdict"
        )
    for statement in ("DELETE FROM review_second", "UPDATE review_second SET round = 7"):
        with pytest.raises(IntegrityError, match="append-only"):
            desk.sql(statement)
    with pytest.raises(IntegrityError, match=r"still waits|FOREIGN KEY|foreign key"):
        desk.sql("INSERT INTO review_second SELECT application_id, 1, 2, 'share', 1 FROM application")


def test_returns_and_holds_are_not_decided_again(desk):
    """Nothing goes on by them."""
    desk.accept_one(2)
    desk.decide_all("ann", "return", "photo_ears")
    (outcome,) = book(desk)
    assert outcome.returned == 2


def test_an_undone_pass_was_never_chosen(desk):
    """Until the whole tray is decided everything can be undone, and nobody learns what is chosen."""
    desk.accept_one(2)
    first, second = desk.take("ann")
    sent = desk.decide("ann", first)
    assert book(desk) == [None] and desk.rows("SELECT count(*) FROM review_second") == [(0,)]
    assert desk.undo("ann", sent)
    (again, _) = desk.take("ann")
    desk.decide("ann", again, "return", "photo_ears")
    last = desk.decide("ann", second)
    assert book(desk) == [None]
    assert desk.rows("SELECT application_id, why FROM review_second") == [(second.application_id, "share")]
    with pytest.raises(TooLateToUndoError):
        desk.undo("ann", last)


def test_the_second_reviewer_may_undo_too(desk):
    """Until the tray is booked."""
    desk.accept_one(1)
    desk.decide_all("ann")
    book(desk)
    sent = desk.decide("bob", *desk.take("bob"))
    assert desk.undo("bob", sent)
    desk.decide("bob", *desk.take("bob"), "return", "photo_ears")
    (outcome,) = book(desk)
    assert outcome.returned == 1


def test_emulated_staff_decides_again_with_another_of_them(desk):
    """A tray that is given to it, with as many rounds as it takes."""
    tray = desk.accept_one(4)
    outcome = station.resume_tray(desk.here, tray, desk.line.reviewer, seconds=ALL)
    assert (outcome.units, outcome.passed) == (4, 4)
    rows = desk.rows("SELECT application_id, count(*), count(DISTINCT reviewer) FROM review_verdict GROUP BY 1")
    assert [row[1:] for row in rows] == [(2, 2)] * 4


def test_a_held_one_is_chosen_anew_after_its_answer_and_takes_a_third_reviewer(desk):
    """Ann held it, Bob passed it, Cid decides again; Ann is never asked."""
    desk.line.shares = ALIKE
    desk.accept(1)
    desk.decide_all("ann", "hold", "person_name")
    book(desk)
    desk.answer_holds()
    desk.decide_all("bob")
    book(desk)
    assert desk.take("ann") == desk.take("bob") == ()
    (lease,) = desk.take("cid")
    assert [each.outcome for each in viewing.facts(desk.here, desk.by["cid"], lease.lease_id).history] == ["hold"]
    desk.decide("cid", lease)
    (outcome,) = book(desk)
    assert outcome.passed == 1


def test_what_nobody_may_decide_a_second_time_is_named_to_the_lead(desk, database_url):
    """With too few reviewers it waits: it never goes on alone."""
    desk.accept_one(1)
    desk.decide_all("ann")
    book(desk)
    for who in ("bob", "cid"):
        desk.take(who)
        decisions.leases.give_up(desk.here, desk.by[who])
    with open_reading(database_url) as reading:
        assert len(rates.nobodys(reading)) == 1


def test_a_stopped_application_is_not_decided_again(desk):
    """Rule 8."""
    tray = desk.accept_one(2)
    first, _ = desk.take("ann")
    desk.decide_all("ann")
    desk.line.stop(first.application_id)
    assert book(desk) == [None]
    desk.decide_all("bob")
    outcome = station.book_decided(desk.here, tray, seconds=ALL)
    assert (outcome.passed, outcome.stopped) == (1, 1)


def test_none_is_chosen_unless_it_is_set(desk):
    """Off by default, and the tray is booked as ever."""
    desk.accept_one(2)
    desk.decide_all("ann")
    (outcome,) = book(desk, NO_SECOND_LOOKS)
    assert outcome.passed == 2 and desk.rows("SELECT count(*) FROM review_second") == [(0,)]


def test_the_share_is_drawn_by_a_key_and_the_class_is_sure(line):
    """The same draw for ever, near its share, other for another round; a class is chosen whatever is drawn."""
    draw = line.at("review").personal.draw
    tenth = SecondLooks(share=0.1, classes=frozenset({"emergency"}))
    chosen = [tenth.why(draw, f"{each:064x}", 1, 1, "normal") for each in range(3_000)]
    assert chosen == [tenth.why(draw, f"{each:064x}", 1, 1, "normal") for each in range(3_000)]
    assert 200 < sum(why is Why.SHARE for why in chosen) < 400
    assert chosen != [tenth.why(draw, f"{each:064x}", 1, 2, "normal") for each in range(3_000)]
    assert {tenth.why(draw, f"{each:064x}", 1, 1, "emergency") for each in range(50)} == {Why.CLASS}
    assert {SecondLooks(1.0).why(draw, "x", 1, 1, "normal"), NO_SECOND_LOOKS.why(draw, "x", 1, 1, "normal")} == {
        Why.SHARE,
        None,
    }
