"""The review desk: the next application is assigned, held by one reviewer for a while, decided, undone, booked."""

import pickle
import time

import pytest
from small_desk import EMULATED, verdict
from sqlalchemy.exc import IntegrityError

from handoff_logs.reading import open_reading
from handoff_logs.records import new_id
from stations.by import By
from stations.review import decisions, errors, leases, rates, station, viewing
from stations.review.decisions import decision_of
from stations.review.errors import (
    AnswersUnreadableError,
    DecisionIdError,
    DecisionTakenError,
    HeldElsewhereError,
    HoldListDiffersError,
    HoldListLineError,
    HoldListUnreadableError,
    LateVerdictError,
    NotHeldError,
    NotItsTurnError,
    ReasonsRefusedError,
    TooLateToUndoError,
    UnknownDecisionError,
    UnknownLeaseError,
    UnknownOfficeError,
)
from stations.review.items import ITEMS
from stations.review.tables import Viewed
from stations.trays import unfinished_trays

SHORT_S = 0.02


def lapsed(desk, who, **more):
    """What somebody was given and let lapse."""
    held = desk.take(who, lease_s=SHORT_S, **more)
    time.sleep(SHORT_S)
    return held


def test_the_most_urgent_are_assigned_first_and_nobody_picks(desk):
    """Rule 7. The green channel, then remakes, then the earliest time node."""
    desk.accept(12)
    held = desk.take("ann")
    assert len(held) == 9
    order = (
        "SELECT a.application_id FROM application a JOIN whereabouts w ON w.unit_id = a.order_unit"
        " ORDER BY a.priority, w.due_us, a.deadline_us, a.application_id"
    )
    wanted = [row[0] for row in desk.rows(order)]
    assert [lease.application_id for lease in held] == wanted[:9]
    assert [lease.application_id for lease in desk.take("bob")] == wanted[9:]
    assert desk.take("cid") == ()


def test_asking_again_changes_nothing_until_something_is_decided(desk):
    """A page that is loaded twice, or in two windows, shows the same."""
    desk.accept(12)
    held = desk.take("ann")
    assert desk.take("ann") == held
    desk.decide("ann", held[0])
    again = desk.take("ann")
    assert again[:8] == held[1:] and len(again) == 9


def test_only_the_current_one_is_decided(desk):
    """Those ahead are there so that the next one is there at once, not to be chosen from; the database says so too."""
    desk.accept(4)
    first, second, *_ = desk.take("ann")
    with pytest.raises(NotItsTurnError) as refused:
        decisions.decide(desk.here, desk.by["ann"], verdict(second))
    assert refused.value.first == first.lease_id
    with pytest.raises(IntegrityError, match="in its turn"):
        desk.sql(
            "UPDATE review_lease SET ended_us = leased_us, ended_how = 'decided' WHERE lease_id = :id",
            id=second.lease_id,
        )
    desk.decide("ann", first)
    desk.decide("ann", second)


def test_what_lapsed_goes_to_another_and_never_comes_back(desk):
    """Or somebody could wait for an easier one. The database says so too."""
    desk.accept(3)
    gone = lapsed(desk, "ann")
    assert desk.take("ann") == ()
    assert {lease.application_id for lease in desk.take("bob")} == {lease.application_id for lease in gone}
    leases.give_up(desk.here, desk.by["bob"])
    assert desk.take("bob") == ()
    for who in ("ann", "bob"):
        with pytest.raises(HeldElsewhereError):
            leases.written(
                desk.here,
                lambda tx, who=who: leases.lease(
                    tx,
                    desk.here,
                    desk.by[who],
                    (gone[0].application_id, gone[0].revision, gone[0].round),
                    99,
                    (desk.database.clock_us(tx), desk.database.clock_us(tx) + 1_000_000),
                ),
            )
    assert len(desk.take("cid")) == 3


def test_what_was_held_in_somebodys_hands_does_not_come_back_to_them(desk):
    """The answer is another's to judge."""
    desk.accept(2)
    assert desk.decide_all("ann", "hold", "person_name") == 2
    assert [outcome.held for outcome in desk.book()] in ([2], [1, 1])
    desk.answer_holds()
    assert desk.take("ann") == ()
    again = desk.take("bob")
    assert [lease.round for lease in again] == [2, 2]
    assert desk.decide_all("bob") == 2


def test_a_verdict_that_is_sent_again_is_the_same(desk):
    """After a lost answer, or from a browser that was closed and opened again."""
    desk.accept(3)
    first, second, _ = desk.take("ann")
    sent = desk.decide("ann", first)
    assert not decisions.decide(desk.here, desk.by["ann"], sent)
    for other in (
        verdict(first, "return", "photo_ears", decision_id=sent.decision_id),
        verdict(second, decision_id=sent.decision_id),
    ):
        with pytest.raises(DecisionTakenError):
            decisions.decide(desk.here, desk.by["ann"], other)
    with pytest.raises(DecisionTakenError):
        decisions.decide(desk.here, desk.by["bob"], sent)
    assert desk.rows("SELECT count(*) FROM review_decision") == [(1,)]
    with pytest.raises(DecisionIdError):
        decisions.decide(desk.here, desk.by["ann"], verdict(second, decision_id="1"))


def test_a_late_verdict_is_refused_and_told_who_decided_what(desk):
    """The first stored stands."""
    desk.accept(1)
    (late,) = lapsed(desk, "ann")
    with pytest.raises(LateVerdictError) as early:
        decisions.decide(desk.here, desk.by["ann"], verdict(late))
    assert (early.value.ended, early.value.by) == ("lapsed", None)
    (taken,) = desk.take("bob")
    desk.decide("bob", taken, "return", "photo_ears")
    for _ in desk.book(), None:
        with pytest.raises(LateVerdictError) as refused:
            decisions.decide(desk.here, desk.by["ann"], verdict(late))
        assert (refused.value.by, refused.value.outcome) == (desk.by["bob"].code, "return")
        assert desk.by["bob"].code in str(refused.value)
    with pytest.raises(LateVerdictError, match="decided before"):
        decisions.decide(desk.here, desk.by["bob"], verdict(taken))
    assert desk.rows("SELECT reviewer, outcome FROM review_verdict") == [(desk.by["bob"].code, "return")]


def test_a_verdict_names_a_lease_of_its_own_with_its_revision_and_round(desk):
    """Another's lease, another round: nothing of it is stored."""
    desk.accept(1)
    (lease,) = desk.take("ann")
    sent = verdict(lease)
    for who, wrong in (
        ("bob", sent),
        ("ann", decisions.Verdict(new_id(), lease.lease_id, 2, 1, sent.decision)),
        ("ann", decisions.Verdict(new_id(), lease.lease_id, 1, 2, sent.decision)),
        ("ann", decisions.Verdict(new_id(), new_id(), 1, 1, sent.decision)),
    ):
        with pytest.raises(UnknownLeaseError):
            decisions.decide(desk.here, desk.by[who], wrong)
    assert desk.rows("SELECT count(*) FROM review_decision") == [(0,)]


def test_an_undone_verdict_is_decided_again_before_all_others(desk):
    """By the same reviewer, who has it in hand at once."""
    desk.accept(3)
    first, *others = desk.take("ann")
    sent = desk.decide("ann", first)
    with pytest.raises(UnknownDecisionError):
        desk.undo("bob", sent)
    assert desk.undo("ann", sent)
    assert not desk.undo("ann", sent)
    again, *rest = desk.take("ann")
    assert (again.application_id, again.place, rest) == (first.application_id, first.place, others)
    desk.decide("ann", again, "return", "photo_ears")
    assert desk.decide_all("ann") == 2
    desk.book()
    assert desk.rows("SELECT outcome FROM review_verdict WHERE reasons <> ''") == [("return",)]


def test_nothing_is_undone_once_its_tray_is_booked(desk):
    """What went on is put right where it is; the database says so too."""
    desk.accept(1)
    sent = desk.decide("ann", *desk.take("ann"))
    assert [outcome.passed for outcome in desk.book()] == [1]
    with pytest.raises(TooLateToUndoError):
        desk.undo("ann", sent)
    with pytest.raises(IntegrityError, match="before its tray is booked"):
        desk.sql("UPDATE review_decision SET undone_us = stored_us + 1")


def test_a_tray_is_booked_once_all_of_it_is_decided_and_as_it_was_decided(desk):
    """Until then custody stays by tray: nothing of it moves."""
    tray = desk.accept_one(4)
    held = desk.take("ann", ahead=1)
    other = desk.take("bob")
    desk.decide("ann", held[0])
    desk.decide("ann", held[1], "return", "photo_ears", "photo_eyes")
    desk.decide("bob", other[0], "hold", "person_name")
    assert station.book_decided(desk.here, tray) is None
    assert desk.rows("SELECT count(*) FROM review_verdict") == [(0,)]
    desk.decide("bob", other[1])
    outcome = station.book_decided(desk.here, tray)
    assert (outcome.passed, outcome.returned, outcome.held) == (2, 1, 1)
    verdicts = "SELECT application_id, revision, round, reviewer, outcome, reasons FROM review_verdict ORDER BY 1"
    assert desk.rows(verdicts) == desk.rows(verdicts.replace("review_verdict", "review_decision"))
    assert unfinished_trays(desk.here) == []
    assert station.book_decided(desk.here, tray).units == 0


def test_a_stopped_application_leaves_the_hand_and_no_verdict_on_it_stands(desk):
    """Rule 8: whoever has it goes on with the next, and a verdict given before is none."""
    tray = desk.accept_one(4)
    first, second, third, _ = desk.take("ann")
    desk.decide("ann", first)
    for lease in (first, second):
        desk.line.stop(lease.application_id)
    with pytest.raises(LateVerdictError, match="it was stopped"):
        decisions.decide(desk.here, desk.by["ann"], verdict(second))
    desk.decide("ann", third)
    assert len(desk.take("ann")) == 1
    assert desk.decide_all("ann") == 1
    outcome = station.book_decided(desk.here, tray)
    assert (outcome.passed, outcome.stopped) == (2, 2)
    assert desk.rows("SELECT count(*) FROM review_decision WHERE undone_us IS NOT NULL") == [(1,)]
    assert desk.rows("SELECT count(*) FROM review_lease WHERE ended_us IS NULL") == [(0,)]


def test_a_tray_given_back_to_emulated_staff_keeps_what_people_decided(desk):
    """Any station can be given back; what somebody still holds is taken from them, and they are told."""
    tray = desk.accept_one(4)
    first, second, *_ = desk.take("ann")
    desk.decide("ann", first, "return", "photo_ears")
    outcome = station.resume_tray(desk.here, tray, desk.line.reviewer)
    assert (outcome.passed, outcome.returned) == (3, 1)
    ann = desk.by["ann"].code
    assert desk.rows("SELECT outcome FROM review_verdict WHERE reviewer = :ann", ann=ann) == [("return",)]
    with pytest.raises(LateVerdictError, match=r"taken back by the line.*decided pass"):
        decisions.decide(desk.here, desk.by["ann"], verdict(second))


def test_emulated_reviewers_may_sit_at_the_desk_of_an_emulated_line(desk):
    """By the same functions, and marked."""
    desk.accept(2)
    for lease in leases.take(desk.here, EMULATED):
        decisions.decide(desk.here, EMULATED, verdict(lease))
    assert desk.rows("SELECT DISTINCT emulated FROM review_decision") == [(1,)]
    assert sum(outcome.passed for outcome in desk.book()) == 2


@pytest.mark.parametrize("who", ["lead", "nobody", "another's", "old"])
def test_only_a_reviewer_who_signed_in_within_a_shift_is_given_anything(desk, who):
    """The database looks at role, person and sign-in."""
    desk.accept(1)
    ann, bob = desk.by["ann"], desk.by["bob"]
    by = {
        "lead": desk.by["lead"],
        "nobody": By("p-9999", ann.sign_in),
        "another's": By(ann.code, bob.sign_in),
        "old": By(ann.code, desk.people["ann"].sign_in),
    }[who]
    with pytest.raises(HeldElsewhereError):
        leases.take(desk.here, by)
    assert desk.rows("SELECT count(*) FROM review_lease") == [(0,)]


def test_personal_data_is_opened_for_whoever_holds_it_alone_and_each_look_is_recorded(desk):
    """Not for another, not after its time, not for whoever decided it already."""
    desk.accept(2)
    first, second = desk.take("ann")
    shown = viewing.facts(desk.here, desk.by["ann"], first.lease_id)
    assert shown.filed.application_id == first.application_id and set(shown.findings) <= set(ITEMS)
    photo = viewing.image(desk.here, desk.by["ann"], second.lease_id, Viewed.PHOTO)
    assert photo is not None and photo.image.startswith(b"\xff\xd8")
    looks = "SELECT what FROM review_view ORDER BY viewed_us"
    assert desk.rows(looks) == [("facts",), ("photo",)]
    desk.decide("ann", first)
    desk.line.database.write(lambda tx: leases.withdraw(tx, [second.application_id]))
    for who, lease in (("bob", second), ("ann", first), ("ann", second)):
        with pytest.raises(NotHeldError):
            viewing.image(desk.here, desk.by[who], lease.lease_id, Viewed.PHOTO)
    assert len(desk.rows(looks)) == 2


def test_rates_show_the_lead_who_lets_lapse_and_holds(desk, database_url):
    """So nobody picks unseen; and what nobody may be given any more is named."""
    desk.accept(6)
    lapsed(desk, "ann", ahead=1)
    first, second, _ = desk.take("bob", ahead=2)
    undone = desk.decide("bob", first)
    desk.undo("bob", undone)
    again = desk.take("bob", ahead=2)[0]
    desk.decide("bob", again, "hold", "person_name")
    desk.decide("bob", second)
    leases.give_up(desk.here, desk.by["bob"])
    with open_reading(database_url) as reading:
        now_us = time.time_ns() // 1000
        found = {rate.reviewer: rate for rate in rates.rates(reading, now_us - 60_000_000, now_us)}
        assert rates.rates(reading, now_us, now_us) == []
    ann, bob = found[desk.by["ann"].code], found[desk.by["bob"].code]
    assert (ann.leased, ann.lapsed, ann.decided, ann.left_share) == (2, 2, 0, 1.0)
    assert (bob.passed, bob.held, bob.undone, bob.given_up, bob.held_share) == (1, 1, 1, 1, 0.5)


def test_what_every_reviewer_let_go_is_named(desk, database_url):
    """It waits until another reviewer is enrolled; the lead must know."""
    desk.accept(1)
    for who in ("ann", "bob", "cid"):
        with open_reading(database_url) as reading:
            assert rates.nobodys(reading) == []
        lapsed(desk, who)
    assert desk.take("ann") == ()
    with open_reading(database_url) as reading:
        assert rates.nobodys(reading) == [row[0] for row in desk.rows("SELECT application_id FROM application")]


@pytest.mark.parametrize(
    ("outcome", "reasons"),
    [("pass", ["photo_ears"]), ("return", []), ("maybe", ["photo_ears"]), ("hold", ["nothing"]), ("return", [*ITEMS])],
)
def test_a_verdict_that_contradicts_itself_is_refused(outcome, reasons):
    """Only a pass has no reasons, and reasons are codes of items, as many as can be kept."""
    with pytest.raises(ReasonsRefusedError):
        decision_of(outcome, reasons)


FORGED = {
    "a second open lease": "INSERT INTO review_lease SELECT :id, application_id, revision, round, 'e-rev-9', NULL, 5,"
    " leased_us, until_us, NULL, NULL, emulated FROM review_lease WHERE lease_id = :lease",
    "a longer lease": "UPDATE review_lease SET until_us = until_us + 1 WHERE lease_id = :lease",
    "a lease passed on": "UPDATE review_lease SET reviewer = 'e-rev-9' WHERE lease_id = :lease",
    "no lease": "DELETE FROM review_lease WHERE lease_id = :lease",
    "a verdict past a lease": "INSERT INTO review_verdict SELECT application_id, revision, round, 'e-rev-9', 'pass',"
    " '', 1, emulated FROM review_lease WHERE lease_id = :lease",
    "a decision past a lease": "INSERT INTO review_decision SELECT :id, lease_id, application_id, revision, round,"
    " reviewer, 'pass', '', leased_us, NULL, emulated FROM review_lease WHERE lease_id = :lease",
    "a second decision": "INSERT INTO review_decision SELECT :id, :lease, application_id, revision, round, reviewer,"
    " 'pass', '', stored_us, NULL, emulated FROM review_decision",
    "another outcome": "UPDATE review_decision SET outcome = 'return', reasons = 'photo_ears'",
    "no decision": "DELETE FROM review_decision",
    "another verdict than decided": "INSERT INTO review_verdict SELECT application_id, revision, round, reviewer,"
    " 'return', 'photo_ears', 1, emulated FROM review_decision",
    "an unseen view": "DELETE FROM review_view",
    "a view of what nobody holds": "INSERT INTO review_view SELECT :id, lease_id, 'photo', stored_us"
    " FROM review_decision",
}


@pytest.mark.parametrize("what", FORGED)
def test_the_database_refuses(desk, what):
    """Constraints and triggers, whatever the program does."""
    desk.accept(2)
    first, second = desk.take("ann")
    viewing.facts(desk.here, desk.by["ann"], first.lease_id)
    desk.decide("ann", first)
    tables = ("review_lease", "review_decision", "review_view", "review_verdict")
    before = [desk.rows(f"SELECT * FROM {table} ORDER BY 1") for table in tables]
    parameters = {"id": new_id(), "lease": second.lease_id}
    with pytest.raises(IntegrityError):
        desk.sql(FORGED[what], **{name: parameters[name] for name in parameters if f":{name}" in FORGED[what]})
    assert [desk.rows(f"SELECT * FROM {table} ORDER BY 1") for table in tables] == before


REFUSALS = [
    UnknownLeaseError("l"),
    LateVerdictError("a", "lapsed", "p-0011", "pass"),
    NotItsTurnError("l", "m"),
    DecisionTakenError("d", "p-0011", "pass"),
    DecisionIdError(),
    ReasonsRefusedError("pass", "why"),
    UnknownDecisionError("d"),
    TooLateToUndoError("a", "pass"),
    HeldElsewhereError(),
    NotHeldError("l"),
    HoldListLineError(1, "why"),
    HoldListUnreadableError("f", "why"),
    HoldListDiffersError("0" * 64),
    UnknownOfficeError("nowhere"),
    AnswersUnreadableError("answers.jsonl", "it is not UTF-8"),
]


def test_every_refusal_is_a_sentence_and_survives_pickling():
    """All of them."""
    kinds = {each for each in vars(errors).values() if isinstance(each, type) and each.__module__ == errors.__name__}
    assert {type(error) for error in REFUSALS} == kinds
    for error in REFUSALS:
        assert str(pickle.loads(pickle.dumps(error))) == str(error)
