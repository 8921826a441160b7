"""Holds ask the applicant through the accepting office, and come back with the answer, to another reviewer."""

import json

import pytest
from small_desk import ALIKE, answer_to
from sqlalchemy.exc import IntegrityError

from stations.by import By
from stations.intake.tables import ApplicationState
from stations.review import answers, history, leases, questions, station, viewing
from stations.review.answers import Aside
from stations.review.errors import AnswersUnreadableError, HeldElsewhereError, UnknownOfficeError
from stations.trays import unfinished_trays


@pytest.fixture
def held(desk):
    """Four applications that Ann held for two reasons; the questions that went out."""
    desk.line.shares = ALIKE
    desk.accept(4)
    desk.decide_all("ann", "hold", "person_name", "application_fee_amount")
    desk.book()
    return desk.ask()


def load(desk, *lines):
    return answers.load(desk.here, desk.by["lead"], lines)


def test_a_question_names_its_reasons_and_is_recorded_each_time_it_is_sent(desk, held):
    """To its own office alone; nothing of the applicant but the number, which the office knows it by."""
    assert len(held) == 4 and {each.reasons for each in held} == {("person_name", "application_fee_amount")}
    assert all(each.number and each.sent_before == 0 for each in held)
    assert [each.sent_before for each in desk.ask()] == [1] * 4
    assert desk.rows("SELECT count(*), count(DISTINCT application_id) FROM review_question") == [(8, 4)]
    recorded = " ".join(map(str, desk.rows("SELECT * FROM review_question")))
    assert not any(each.number in recorded for each in held)
    with pytest.raises(UnknownOfficeError):
        questions.ask(desk.here, desk.by["lead"], "nowhere")


def test_an_answered_application_is_reviewed_again_by_another(desk, held):
    """Its order leaves the hold shelf; the reviewer sees what was asked and answered, and not by whom."""
    assert load(desk, *map(answer_to, held)).answered == 4
    assert desk.line.states() == {"waiting": 4}
    assert answers.answered_trays(desk.here) == unfinished_trays(desk.here) != []
    assert desk.take("ann") == ()
    again = desk.take("bob")
    assert [lease.round for lease in again] == [2] * 4
    (before,) = viewing.facts(desk.here, desk.by["bob"], again[0].lease_id).history
    assert (before.outcome, before.round, before.reasons) == ("hold", 1, ("person_name", "application_fee_amount"))
    assert before.answers == dict.fromkeys(before.reasons, "confirmed")
    assert not hasattr(before, "reviewer")
    desk.decide_all("bob")
    assert sum(outcome.passed for outcome in desk.book()) == 4
    assert answers.answered_trays(desk.here) == []


def test_nobody_reviews_again_what_they_decided_before(desk, held):
    """The database says so too: of the lease and of the verdict."""
    load(desk, *map(answer_to, held))
    (application, revision) = desk.rows("SELECT application_id, revision FROM application")[0]
    with pytest.raises(IntegrityError, match="another reviewer's"):
        desk.sql(
            "INSERT INTO review_verdict VALUES (:id, :revision, 2, :ann, 'pass', '', 1, TRUE)",
            id=application, revision=revision, ann=desk.by["ann"].code,
        )  # fmt: skip


def test_loading_again_changes_nothing(desk, held):
    """The same file, after a lost connection or by a second clerk."""
    lines = [answer_to(each) for each in held]
    first = load(desk, *lines, lines[0])
    assert (first.answered, first.repeated, first.set_aside) == (4, 1, ())
    before = desk.rows("SELECT * FROM review_answer ORDER BY 1"), desk.rows("SELECT unit_id, tray FROM whereabouts")
    again = load(desk, *lines)
    assert (again.answered, again.repeated, again.set_aside, again.trays) == (0, 4, (), 0)
    after = desk.rows("SELECT * FROM review_answer ORDER BY 1"), desk.rows("SELECT unit_id, tray FROM whereabouts")
    assert after == before


def test_bad_lines_are_set_aside_by_line_and_reason_and_the_others_are_taken(desk, held):
    """Nothing that is not a code gets in."""
    good, other, stopped, _ = held
    desk.line.stop(stopped.question.partition(".")[0])
    lines = {
        "{": Aside.BROKEN_LINE,
        "": Aside.BROKEN_LINE,
        "x" * 5_000: Aside.BROKEN_LINE,
        answer_to(other, note="he says it is right"): Aside.WRONG_VALUE,
        answer_to(other, answer="yes, it is"): Aside.WRONG_VALUE,
        answer_to(other, answered_on="today"): Aside.WRONG_VALUE,
        answer_to(other, question=f"{'0' * 32}.1"): Aside.UNKNOWN_QUESTION,
        answer_to(other, question=other.question.replace(".1", ".2")): Aside.UNKNOWN_QUESTION,
        answer_to(other, office="jinan" if other.office != "jinan" else "heze"): Aside.OTHER_OFFICE,
        answer_to(other, answers={"person_name": "confirmed"}): Aside.OTHER_REASONS,
        answer_to(stopped): Aside.NOT_HELD,
        answer_to(good): None,
        answer_to(good, answer="wrong"): Aside.ANSWERED_BEFORE,
    }
    loaded = load(desk, *lines)
    assert {each.line: each.reason for each in loaded.set_aside} == {
        place: why for place, why in enumerate(lines.values(), start=1) if why
    }
    assert (loaded.answered, desk.line.states()) == (1, {"held": 2, "stopped": 1, "waiting": 1})
    assert set(answers.ASIDE_WORDS) == set(Aside)


def test_a_question_that_never_went_out_has_no_answer(desk):
    """Or somebody could answer in the office's name without having asked."""
    desk.accept(1)
    desk.decide_all("ann", "hold", "person_name")
    desk.book()
    ((application,),) = desk.rows("SELECT application_id FROM application")
    line = {"question": questions.question_of(application, 1), "answers": {"person_name": "confirmed"}}
    (office,) = desk.rows("SELECT office FROM application")[0]
    loaded = load(desk, json.dumps({**line, "office": office, "answered_on": "2026-11-30"}))
    assert [each.reason for each in loaded.set_aside] == [Aside.UNKNOWN_QUESTION]


def test_what_was_asked_and_answered_stays(desk, held):
    """Append-only, and signed by whoever sent and loaded it."""
    load(desk, *map(answer_to, held))
    for statement in (
        "UPDATE review_question SET office = 'heze'",
        "DELETE FROM review_question",
        "UPDATE review_answer SET answers = 'person_name:wrong'",
        "DELETE FROM review_answer",
    ):
        with pytest.raises(IntegrityError, match="append-only"):
            desk.sql(statement)
    forged = By("p-9999", desk.by["lead"].sign_in)
    desk.decide_all("bob", "hold", "person_name")
    desk.book()
    with pytest.raises(IntegrityError, match="whoever signed in"):
        for office in {each.office for each in held}:
            questions.ask(desk.here, forged, office)


def test_emulated_staff_heeds_the_answers(desk):
    """It would hold the same for ever; and it is another each time."""
    desk.line.shares = ALIKE
    tray = desk.accept_one(2)
    desk.decide_all("ann", "hold", "person_name")
    desk.book()
    desk.answer_holds()
    for tray in unfinished_trays(desk.here):
        assert station.resume_tray(desk.here, tray, desk.line.reviewer).passed == 2


def test_a_held_order_lies_on_the_shelf_until_it_is_answered(desk, held):
    """One place at a time, and its custodian is review throughout."""
    where = "SELECT DISTINCT station, place, state FROM whereabouts"
    assert desk.rows(where) == [("review", "hold", "held")]
    load(desk, answer_to(held[0]))
    assert sorted(desk.rows(where)) == [("review", "hold", "held"), ("review", "input", "held")]


def test_a_new_revision_shows_what_its_earlier_ones_were_returned_for(desk):
    """By the application's keyed hash; no picture of an earlier revision is kept for it."""
    desk.line.shares = ALIKE
    desk.accept(1)
    desk.decide_all("ann", "return", "photo_ears")
    desk.book()
    columns = "product, service_class, delivery, office, accepted_us, deadline_us, provisional, priority, person_key"
    copied = f"{columns}, applicant, batch_id, emulated, application_key"
    desk.sql(
        f"INSERT INTO application (application_id, order_unit, state, live, revision, {copied})"
        f" SELECT 'next', 'next', 'waiting', TRUE, 2, {copied} FROM application"
    )
    with desk.database.read() as conn:
        ((one,),) = history.rounds(conn, ["next"]).values()
    assert (one.revision, one.outcome, one.reasons) == (1, "return", ("photo_ears",))
    assert desk.line.states() == {ApplicationState.RETURNED: 1, ApplicationState.WAITING: 1}


def test_only_a_file_of_text_is_read(tmp_path):
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for name in ("binary", "nothing"):
        with pytest.raises(AnswersUnreadableError):
            answers.lines_of(tmp_path / name)
    (tmp_path / "two").write_text("a\nb\n", "utf-8")
    assert answers.lines_of(tmp_path / "two") == ["a", "b"]


def test_the_database_gives_nobody_what_they_held_before(desk, held):
    """Whatever the program asks for."""
    load(desk, *map(answer_to, held))
    with pytest.raises(HeldElsewhereError):
        leases.written(
            desk.here,
            lambda tx: leases.lease(
                tx,
                desk.here,
                desk.by["ann"],
                (held[0].question.partition(".")[0], 1, 2),
                99,
                (desk.database.clock_us(tx), desk.database.clock_us(tx) + 1_000_000),
            ),
        )
