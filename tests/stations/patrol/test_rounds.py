"""A round is whole, signed by somebody of the shift, recorded once, and in the log as it is in the tables."""

import dataclasses
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from patrol_line import COLD, CRACK, EMULATED, HOLDABLE, PLAN, Patrolled, picture, walked
from small_shift import BOOKS, ONE, plan, scanned
from sqlalchemy.exc import IntegrityError

from handoff_logs import register
from handoff_logs.log import Stamp
from handoff_logs.reading import open_reading
from handoff_logs.records import new_id
from handoff_logs.writing import Entry
from stations.by import By
from stations.patrol import rules
from stations.patrol.errors import (
    AnswersMissingError,
    HoldRefusedError,
    NotInShiftError,
    NotOnPlanError,
    PhotoRefusedError,
    RoundIdError,
    RoundTakenError,
    TextRefusedError,
    TooManyPhotosError,
)
from stations.patrol.listing import due, findings, overdue
from stations.patrol.projection import DIFFERENCES
from stations.patrol.rounds import record_round
from stations.patrol.rules import MINUTE_US, Answer, Found, Kind, Walked
from stations.people_register.errors import RoleMissingError
from stations.shift import station
from stations.vault import receiving
from stations.vault.receiving import Delivery

COUNTS = (
    "SELECT (SELECT count(*) FROM patrol_round), (SELECT count(*) FROM patrol_answer), count(*) FROM patrol_finding"
)
REGISTERED = (
    "SELECT person, sign_in, count(*) FROM custody_event JOIN custody_register USING (event_id)"
    " WHERE register = 'patrol' GROUP BY event_id, person, sign_in"
)


def test_a_round_is_signed_and_in_the_log_answer_by_answer(patrolled: Patrolled) -> None:
    by = patrolled.by("operator")
    recorded = patrolled.walk(CRACK, COLD, by=by)
    assert recorded.news and recorded.held == ("book-01",) and len(recorded.findings) == 2
    assert patrolled.rows(COUNTS) == [(1, 6, 2)]
    # The round, its six answers, and two findings, in one record that bears who walked it.
    assert patrolled.rows(REGISTERED) == [(by.code, by.sign_in, 9)]


def test_the_log_has_no_word_of_what_was_found(patrolled: Patrolled) -> None:
    """Texts are people's own: the log has their hashes."""
    patrolled.walk(CRACK, by=patrolled.by("operator"))
    values = " ".join(row[0] for row in patrolled.rows("SELECT value FROM custody_register WHERE register = 'patrol'"))
    assert CRACK.what not in values and rules.sha256(CRACK.what) in values


def without(cell: tuple[str, str]) -> Walked:
    whole = walked()
    return dataclasses.replace(whole, answers={one: said for one, said in whole.answers.items() if one != cell})


@pytest.mark.parametrize(
    ("round_", "error"),
    [
        (without(("book-01", "covers")), AnswersMissingError),
        (Walked(PLAN, {**walked().answers, ("card-01", "covers"): Answer.OK}, ()), NotOnPlanError),
        (Walked(PLAN, {**walked().answers, ("book-01", "covers"): Answer.BAD}, ()), TextRefusedError),
        (Walked(PLAN, walked().answers, (CRACK,)), TextRefusedError),
        (walked(dataclasses.replace(CRACK, what=" ")), TextRefusedError),
        (walked(dataclasses.replace(CRACK, what="x" * 501)), TextRefusedError),
        (walked(dataclasses.replace(CRACK, what="a\x1b[2J")), TextRefusedError),
        (walked(dataclasses.replace(COLD, holds=True)), HoldRefusedError),
        (walked(dataclasses.replace(CRACK, photo=b"no picture")), PhotoRefusedError),
    ],
)
def test_a_round_that_is_not_whole_is_refused_whole(
    patrolled: Patrolled, round_: Walked, error: type[Exception]
) -> None:
    with pytest.raises(error):
        record_round(patrolled.here, round_, new_id(), EMULATED, HOLDABLE)
    assert patrolled.rows(COUNTS) == [(0, 0, 0)]


def test_a_round_bears_a_few_photographs(patrolled: Patrolled) -> None:
    items = tuple(dataclasses.replace(PLAN.items[0], id=f"item-{number}") for number in range(rules.MOST_PHOTOS + 1))
    patrol = dataclasses.replace(PLAN, items=items)
    found = [Found("book-01", item.id, Kind.DEVICE, "worn", photo=picture((9, 9))) for item in items]
    with pytest.raises(TooManyPhotosError):
        patrolled.walk(*found, patrol=patrol)
    assert len(patrolled.walk(*found[1:], patrol=patrol).findings) == rules.MOST_PHOTOS


@pytest.mark.parametrize("round_id", ["", "f" * 31, "F" * 32, "../" + "f" * 29])
def test_a_round_has_an_id_of_its_form(patrolled: Patrolled, round_id: str) -> None:
    with pytest.raises(RoundIdError):
        patrolled.walk(round_id=round_id or "-")


def test_a_form_that_is_sent_twice_is_one_round(patrolled: Patrolled) -> None:
    by, round_id = patrolled.by("operator"), new_id()
    crack = dataclasses.replace(CRACK, photo=picture())
    first = patrolled.walk(crack, by=by, round_id=round_id)
    again = patrolled.walk(crack, by=by, round_id=round_id)
    assert (first.news, again.news) == (True, False) and again.findings == first.findings
    assert patrolled.rows(COUNTS) == [(1, 6, 1)]


def test_clicks_at_once_are_one_round(patrolled: Patrolled) -> None:
    by, round_id, together = patrolled.by("operator"), new_id(), threading.Barrier(4)

    def click() -> bool:
        together.wait()
        return patrolled.walk(CRACK, by=by, round_id=round_id).news

    with ThreadPoolExecutor(4) as threads:
        news = [each.result() for each in [threads.submit(click) for _ in range(4)]]
    assert sorted(news) == [False, False, False, True]
    assert patrolled.rows(COUNTS) == [(1, 6, 1)]


def test_another_round_under_the_same_id_is_refused(patrolled: Patrolled) -> None:
    """Other answers, or another person's: neither is taken for the first."""
    by, round_id = patrolled.by("operator"), new_id()
    patrolled.walk(CRACK, by=by, round_id=round_id)
    with pytest.raises(RoundTakenError):
        patrolled.walk(COLD, by=by, round_id=round_id)
    with pytest.raises(RoundTakenError):
        patrolled.walk(CRACK, by=patrolled.by("other"), round_id=round_id)
    assert patrolled.rows(COUNTS) == [(1, 6, 1)]


def test_a_keeper_walks_no_round(patrolled: Patrolled) -> None:
    with pytest.raises(RoleMissingError):
        patrolled.walk(by=patrolled.by("keeper"))
    assert patrolled.rows(COUNTS) == [(0, 0, 0)]


def open_shift(patrolled: Patrolled, *operators: str) -> None:
    """A shift in which these operators are named."""
    receiving.receive(patrolled.line.at("vault"), Delivery("book", BOOKS[0], BOOKS[-1], len(BOOKS), "DN-1"))
    crew = {**plan().crew, "personalization": ("e-per-1", "e-per-2", *operators)}
    assert station.open_shift(patrolled.database, plan(crew=crew), scanned(*BOOKS), ONE).shift_id


def test_only_the_open_shifts_people_and_leads_walk_a_round(patrolled: Patrolled) -> None:
    open_shift(patrolled, patrolled.people["operator"].code)
    with pytest.raises(NotInShiftError):
        patrolled.walk(by=patrolled.by("other"))
    patrolled.walk(by=patrolled.by("operator"))
    patrolled.walk(by=patrolled.by("lead"))
    assert patrolled.rows("SELECT DISTINCT shift FROM patrol_round WHERE shift_id IS NOT NULL") == [("early",)]
    assert patrolled.rows(COUNTS)[0][0] == 2


ROUND = (
    "INSERT INTO patrol_round (round_id, patrol, plan, shift_id, shift, person, sign_in, walked_us, answers, emulated)"
    " VALUES (:round_id, 'machines', :plan, NULL, 'day', :person, :sign_in, :at, 1, :emulated)"
)


def test_the_database_takes_no_round_that_nobody_signed(patrolled: Patrolled) -> None:
    """Another's sign-in, one of yesterday, a role that walks none, emulated people on a real line, a shift unnamed."""
    by, other, keeper = (patrolled.by(name) for name in ("operator", "other", "keeper"))
    [(now_us,)] = patrolled.rows("SELECT max(at_us) FROM sign_in_attempt")

    def refused(person: str, sign_in: str | None, at: int = now_us, *, emulated: bool = False) -> None:
        facts = {"round_id": new_id(), "plan": "0" * 64, "person": person, "sign_in": sign_in, "at": at}
        with pytest.raises(IntegrityError):
            patrolled.sql(ROUND, **facts, emulated=emulated)

    refused(by.code, other.sign_in)
    refused(by.code, None, emulated=True)
    refused(by.code, by.sign_in, now_us + 9 * 3_600_000_000)
    refused(keeper.code, keeper.sign_in)
    refused("e-pat-1", None)
    open_shift(patrolled, by.code)
    refused(by.code, by.sign_in)
    refused("e-pat-1", None, emulated=True)


@pytest.mark.parametrize("table", ["patrol_round", "patrol_answer", "patrol_photo", "patrol_finding", "patrol_step"])
def test_nothing_of_a_patrol_is_changed_or_deleted(patrolled: Patrolled, table: str) -> None:
    first, second = patrolled.by("operator"), patrolled.by("lead")
    recorded = patrolled.walk(dataclasses.replace(CRACK, photo=picture()), by=first)
    patrolled.mend(recorded.findings[0], first, second)
    column = {"patrol_photo": "sha256", "patrol_finding": "what", "patrol_step": "person"}.get(table, "round_id")
    for statement in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"):
        with pytest.raises(IntegrityError):
            patrolled.sql(statement)


def test_a_round_gets_no_answer_afterwards(patrolled: Patrolled) -> None:
    recorded = patrolled.walk()
    with pytest.raises(IntegrityError):
        patrolled.sql("INSERT INTO patrol_answer VALUES (:id, 'book-01', 'late', 'ok')", id=recorded.round_id)


def test_a_patrol_is_due_so_long_after_its_last_round_or_the_shifts_opening(
    patrolled: Patrolled, database_url: str
) -> None:
    """And not while shifts are used and none is open: then nobody is on duty."""
    with open_reading(database_url) as reading:
        [before] = due(reading, [PLAN])
        assert (before.last_us, before.due_us) == (None, None)
    open_shift(patrolled)
    [(opened_us,)] = patrolled.rows("SELECT opened_us FROM shift")
    with open_reading(database_url) as reading:
        [first] = due(reading, [PLAN])
        assert first.due_us == opened_us + 60 * MINUTE_US
        assert overdue(reading, [PLAN], first.due_us) == []
        assert overdue(reading, [PLAN], first.due_us + 1) == ["machines"]
    patrolled.walk()
    [(walked_us,)] = patrolled.rows("SELECT walked_us FROM patrol_round")
    with open_reading(database_url) as reading:
        [then] = due(reading, [PLAN])
        assert (then.due_us, then.last_by) == (walked_us + 60 * MINUTE_US, "e-pat-1")
    station.close_shift(patrolled.database, scanned(*BOOKS), ONE)
    with open_reading(database_url) as reading:
        assert due(reading, [PLAN])[0].due_us is None


def test_a_line_without_shifts_counts_from_the_plan(patrolled: Patrolled, database_url: str) -> None:
    entry = Entry("threshold", "patrol:machines", "every_min", "60")
    patrolled.database.write(lambda tx: register.record(tx, register.administration(), None, [entry], Stamp(1, True)))
    [(written_us,)] = patrolled.rows("SELECT written_us FROM custody_event ORDER BY seq DESC LIMIT 1")
    with open_reading(database_url) as reading:
        assert due(reading, [PLAN])[0].due_us == written_us + 60 * MINUTE_US


def test_whoever_edits_a_round_is_found(patrolled: Patrolled, database_url: str) -> None:
    """Guards off, as only the database's owner can: the log says otherwise, and the text is not what it hashed."""
    recorded = patrolled.walk(CRACK, by=patrolled.by("operator"))
    sqlite = "sqlite" in database_url
    names = (
        ("patrol_answer_no_update", "patrol_finding_ends")
        if sqlite
        else ("patrol_answer_append_only", "patrol_finding_ends")
    )
    for name, table in zip(names, ("patrol_answer", "patrol_finding"), strict=True):
        patrolled.sql(f"DROP TRIGGER {name}" + ("" if sqlite else f" ON {table}"))
    patrolled.sql("UPDATE patrol_answer SET answer = 'ok' WHERE answer = 'bad'")
    patrolled.sql("UPDATE patrol_finding SET what = 'nothing'")
    with open_reading(database_url) as reading:
        found = [row for _, sql in DIFFERENCES for row in reading.rows(sql)]
        assert {row["subject"] for row in found} == {recorded.round_id}
        assert [one.sound for one in findings(reading)] == [False]
    patrolled.sql("UPDATE patrol_answer SET answer = 'bad' WHERE point = 'book-01' AND item = 'covers'")


def test_emulated_people_sign_without_a_password_and_it_is_seen(patrolled: Patrolled) -> None:
    patrolled.walk(by=By("e-pat-1"))
    assert patrolled.rows("SELECT person, sign_in FROM patrol_round WHERE emulated") == [("e-pat-1", None)]
