"""An alarm is raised once, taken by one, escalated once a role, ended once; nothing of it is rewritten."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from enrolled import end
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from handoff_logs.database import Database
from handoff_logs.errors import HandoffLogError
from stations.alarms import errors, rules
from stations.alarms.register import Raised, acknowledge, clear, escalate_due, follow, raise_alarm
from stations.alarms.rules import KINDS, Step
from stations.people_register.credentials import SignedIn
from stations.people_register.errors import RoleMissingError

HELD = ("machine-held", "book-01")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_raised_and_ended(line_database: Database, kind: str, steps: Any) -> None:
    """Also those whose watchers are elsewhere: climate and patrols."""
    stands = line_database.write(lambda tx: raise_alarm(tx, kind, "here-01", emulated=True, amount=3))
    assert stands.news and line_database.write(lambda tx: clear(tx, kind, "here-01")) == stands.alarm_id
    assert steps(stands.alarm_id) == ["raised", "cleared"]


def test_what_is_raised_while_it_is_open_is_only_counted(line_database: Database, raised: Any, rows: Any) -> None:
    first = raised(amount=1)
    again = line_database.write(lambda tx: raise_alarm(tx, *HELD, emulated=True, amount=4))
    assert again == Raised(first, news=False)
    assert rows("SELECT seen, amount, cleared_us FROM alarm") == [(2, 4, None)]
    assert rows("SELECT count(*) FROM alarm_step") == rows("SELECT count(*) FROM alarm_notice") == [(1,)]


def test_other_subjects_and_kinds_are_other_alarms(raised: Any) -> None:
    assert len({raised(), raised(subject="book-02"), raised("climate", "book-01")}) == 3


def test_an_alarm_stands_or_falls_with_the_transaction_that_raised_it(line_database: Database, rows: Any) -> None:
    def fails(tx: Any) -> None:
        raise_alarm(tx, *HELD, emulated=True)
        raise LookupError

    with pytest.raises(LookupError):
        line_database.write(fails)
    assert [rows(f"SELECT count(*) FROM {table}") for table in ("alarm", "alarm_step", "alarm_notice")] == [[(0,)]] * 3


def test_what_comes_back_soon_is_the_same_alarm_and_its_end_is_never_told(
    line_database: Database, raised: Any, people: dict[str, SignedIn], steps: Any, rows: Any
) -> None:
    alarm = raised()
    line_database.write(lambda tx: acknowledge(tx, alarm, people["operator"]))
    line_database.write(lambda tx: clear(tx, *HELD))
    again = line_database.write(lambda tx: raise_alarm(tx, *HELD, emulated=True))
    assert again == Raised(alarm, news=True)
    assert steps(alarm) == ["raised", "acknowledged", "cleared", "returned"]
    ended = "SELECT position, ended FROM alarm_notice ORDER BY position"
    assert rows(ended) == [(1, None), (2, None), (3, "withdrawn")]
    with pytest.raises(errors.AlreadyAcknowledgedError):
        line_database.write(lambda tx: acknowledge(tx, alarm, people["lead"]))


def test_what_comes_back_later_is_another_alarm(aged: Any, raised: Any) -> None:
    over = aged(*HELD, 60, ended=11)
    assert raised() != over
    assert raised("climate", "hall") == raised("climate", "hall")


def test_the_end_of_an_alarm_is_told_once_it_can_not_come_back(line_database: Database, raised: Any, rows: Any) -> None:
    raised()
    line_database.write(lambda tx: clear(tx, *HELD))
    assert rows("SELECT n.due_us - s.at_us FROM alarm_notice n JOIN alarm_step s USING (alarm_id, position)") == [
        (0,),
        (rules.RETURN_US,),
    ]


def test_ending_what_is_not_open_does_nothing(line_database: Database, rows: Any) -> None:
    assert line_database.write(lambda tx: clear(tx, *HELD)) is None
    assert rows("SELECT count(*) FROM alarm") == [(0,)]


@pytest.mark.parametrize("subject", ["", "<script>alert(1)</script>", "张三", "a b", "x" * 41, "book-01\n", "'; --"])
def test_a_subject_is_a_code_and_never_a_sentence(line_database: Database, subject: str, rows: Any) -> None:
    with pytest.raises(errors.BadSubjectError) as refused:
        line_database.write(lambda tx: raise_alarm(tx, "climate", subject, emulated=True))
    assert not subject or subject not in str(refused.value)
    assert rows("SELECT count(*) FROM alarm") == [(0,)]


def test_an_unknown_kind_is_refused(line_database: Database) -> None:
    with pytest.raises(errors.UnknownKindError, match="machine-held"):
        line_database.write(lambda tx: raise_alarm(tx, "fire", "hall", emulated=True))


def test_two_who_raise_the_same_alarm_at_once_raise_one(
    line_database: Database, database_url: str, rows: Any, steps: Any
) -> None:
    """Two connections of two `Database`s, as two processes have them."""
    both = Barrier(2)
    with Database(database_url) as other, ThreadPoolExecutor(2) as threads:

        def run(database: Database, number: int) -> Raised:
            both.wait()
            return database.write(lambda tx: raise_alarm(tx, "climate", f"hall-{number}", emulated=True))

        for number in range(10):
            mine, theirs = threads.map(run, (line_database, other), (number, number))
            assert mine.alarm_id == theirs.alarm_id and mine.news != theirs.news
            assert steps(mine.alarm_id) == ["raised"]
    assert rows("SELECT count(*), min(seen), max(seen) FROM alarm") == [(10, 2, 2)]


def test_of_two_who_acknowledge_at_once_the_second_is_told_who_was_first(
    line_database: Database, database_url: str, raised: Any, people: dict[str, SignedIn], steps: Any
) -> None:
    both = Barrier(2)
    with Database(database_url) as other, ThreadPoolExecutor(2) as threads:

        def run(database: Database, alarm: int, who: SignedIn) -> str | None:
            both.wait()
            try:
                database.write(lambda tx: acknowledge(tx, alarm, who))
            except errors.AlreadyAcknowledgedError as error:
                return error.person
            return None

        for number in range(10):
            alarm = raised(subject=f"book-{number}")
            who = (people["operator"], people["lead"])
            told = list(threads.map(run, (line_database, other), (alarm, alarm), who))
            first = told.index(None)
            assert told[1 - first] == who[first].code
            assert steps(alarm) == ["raised", "acknowledged"]


@pytest.mark.parametrize(
    ("role", "kind"), [("operator", "low-stock"), ("keeper", "machine-held"), ("keeper", "discrepancy")]
)
def test_only_the_owner_or_a_lead_takes_an_alarm(
    line_database: Database, raised: Any, people: dict[str, SignedIn], role: str, kind: str, steps: Any
) -> None:
    alarm = raised(kind, "here")
    with pytest.raises(RoleMissingError, match="lead"):
        line_database.write(lambda tx: acknowledge(tx, alarm, people[role]))
    assert steps(alarm) == ["raised"]
    line_database.write(lambda tx: acknowledge(tx, alarm, people["lead"]))


def test_whom_it_was_escalated_to_may_take_it_then(
    line_database: Database, aged: Any, people: dict[str, SignedIn], steps: Any
) -> None:
    alarm = aged(*HELD, 6)
    with pytest.raises(RoleMissingError):
        line_database.write(lambda tx: acknowledge(tx, alarm, people["administrator"]))
    late = aged("machine-held", "book-02", 31)
    line_database.write(escalate_due)
    line_database.write(lambda tx: acknowledge(tx, late, people["administrator"]))
    assert steps(late) == ["raised", "escalated", "escalated", "acknowledged"]


def test_whoever_has_ended_takes_nothing(line_database: Database, raised: Any, people: dict[str, SignedIn]) -> None:
    alarm = raised()
    end(line_database, people["operator"].code)
    with pytest.raises(RoleMissingError):
        line_database.write(lambda tx: acknowledge(tx, alarm, people["operator"]))


def test_what_is_over_or_never_was_can_not_be_taken(
    line_database: Database, raised: Any, people: dict[str, SignedIn]
) -> None:
    alarm = raised()
    line_database.write(lambda tx: clear(tx, *HELD))
    with pytest.raises(errors.AlarmOverError):
        line_database.write(lambda tx: acknowledge(tx, alarm, people["operator"]))
    with pytest.raises(errors.UnknownAlarmError, match="list --all"):
        line_database.write(lambda tx: acknowledge(tx, 999, people["operator"]))


def test_what_nobody_takes_is_escalated_once_to_each_role_by_the_databases_clock(
    line_database: Database, aged: Any, raised: Any, people: dict[str, SignedIn], steps: Any
) -> None:
    fresh, late, later = raised(), aged("machine-held", "book-02", 6), aged("machine-held", "book-03", 31)
    taken, over = aged("machine-held", "book-04", 6), aged("machine-held", "book-05", 31, ended=20)
    line_database.write(lambda tx: acknowledge(tx, taken, people["operator"]))
    assert line_database.write(escalate_due) == [(late, "lead"), (later, "lead"), (later, "administrator")]
    assert line_database.write(escalate_due) == []
    assert [steps(alarm)[1:] for alarm in (fresh, late, later, taken, over)] == [
        [],
        ["escalated"],
        ["escalated", "escalated"],
        ["acknowledged"],
        ["cleared"],
    ]


def test_two_watchers_escalate_once(line_database: Database, database_url: str, aged: Any, steps: Any) -> None:
    late = [aged("machine-held", f"book-{number}", 31) for number in range(5)]
    both = Barrier(2)
    with Database(database_url) as other, ThreadPoolExecutor(2) as threads:

        def run(database: Database) -> int:
            both.wait()
            return len(database.write(escalate_due))

        assert sum(threads.map(run, (line_database, other))) == 10
    assert {tuple(steps(alarm)) for alarm in late} == {("raised", "escalated", "escalated")}


def test_the_register_follows_what_its_watcher_finds(line_database: Database, raised: Any, rows: Any) -> None:
    watched = ("machine-held", "late-risk")
    climate = raised("climate", "hall")

    def look(**found: int | None) -> tuple[list[int], list[int]]:
        findings = {("machine-held" if name.startswith("book") else "late-risk", name): n for name, n in found.items()}
        return line_database.write(lambda tx: follow(tx, watched, findings, emulated=True))

    (qc, book), over = look(book1=None, qc=3)
    assert over == []
    assert look(book1=None, qc=3) == ([], [])
    assert rows("SELECT seen FROM alarm ORDER BY alarm_id") == [(1,)] * 3, "what stays as it was is not written"
    assert look(qc=5) == ([], [book])
    assert rows("SELECT seen, amount FROM alarm WHERE alarm_id = :alarm", alarm=qc) == [(2, 5)]
    assert look() == ([], [qc])
    assert rows("SELECT alarm_id FROM alarm WHERE cleared_us IS NULL") == [(climate,)], "of kinds it does not watch"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE alarm SET subject = 'other'",
        "UPDATE alarm SET raised_us = 1",
        "UPDATE alarm SET seen = 0",
        "DELETE FROM alarm_notice",
        "DELETE FROM alarm_step",
        "UPDATE alarm_step SET person = 'p-0001'",
        "UPDATE alarm_step SET at_us = 1",
        "DELETE FROM alarm",
        "UPDATE alarm_notice SET due_us = 0",
        "INSERT INTO alarm_step (alarm_id, position, step, at_us) SELECT alarm_id, 7, 'cleared', 1 FROM alarm",
        "INSERT INTO alarm_step (alarm_id, position, step, at_us) SELECT alarm_id, 3, 'raised', 1 FROM alarm",
        "INSERT INTO alarm_step (alarm_id, position, step, at_us) SELECT alarm_id, 3, 'acknowledged', 1 FROM alarm",
        "INSERT INTO alarm_step (alarm_id, position, step, at_us, person, sign_in)"
        " SELECT alarm_id, 3, 'acknowledged', 1, person, sign_in FROM alarm_step WHERE person IS NOT NULL",
        "INSERT INTO alarm (kind, subject, seen, raised_us, emulated) SELECT kind, subject, 1, 1, true FROM alarm",
    ],
)
def test_the_database_itself_keeps_what_was_recorded(
    line_database: Database, raised: Any, people: dict[str, SignedIn], statement: str, rows: Any
) -> None:
    alarm = raised()
    line_database.write(lambda tx: acknowledge(tx, alarm, people["operator"]))
    before = [rows(f"SELECT * FROM {table}") for table in ("alarm", "alarm_step", "alarm_notice")]
    with pytest.raises((DatabaseError, HandoffLogError)):
        line_database.write(lambda tx: tx.execute(text(statement)))
    assert [rows(f"SELECT * FROM {table}") for table in ("alarm", "alarm_step", "alarm_notice")] == before


def test_every_kind_says_everything_in_both_languages() -> None:
    for kind in KINDS.values():
        assert all(kind.title) and all(kind.to_do) and all(kind.counts) == any(kind.counts)
        assert kind.escalations, "nobody is told where the owner sleeps"
        assert kind.owner not in {each.role for each in kind.escalations}
        assert [each.after_us for each in kind.escalations] == sorted({each.after_us for each in kind.escalations})
    assert set(Step) - {Step.RETURNED} == rules.TOLD


@pytest.mark.parametrize(
    "error",
    [
        errors.UnknownKindError("fire", ("climate",)),
        errors.BadSubjectError(),
        errors.UnknownAlarmError(7),
        errors.AlarmOverError(7, 1),
        errors.AlreadyAcknowledgedError(7, "p-0417", 1),
    ],
)
def test_refusals_survive_pickling(error: Exception) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), vars(copy)) == (str(error), vars(error))
