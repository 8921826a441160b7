"""What is to be told is told at least once, to each target by itself, in order, with waits between tries."""

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from handoff_logs.database import Database
from handoff_logs.errors import HandoffLogError
from stations.alarms import outbox
from stations.alarms.outbox import Notice, end_told, failed, take, told, unsent
from stations.alarms.register import acknowledge, raise_alarm
from stations.people_register.credentials import SignedIn


@pytest.fixture
def send(line_database: Database) -> Any:
    """Takes what is due for a target and, unless told otherwise, records that it was told."""

    def one(target: str = "duty", *, fails: str | None = None) -> Notice | None:
        notice = line_database.write(lambda tx: take(tx, target))
        if notice is not None and fails is None:
            line_database.write(lambda tx: told(tx, notice, target))
        elif notice is not None and fails:
            line_database.write(lambda tx: failed(tx, notice, target, fails))
        return notice

    return one


@pytest.fixture
def later(line_database: Database) -> Any:
    """Lets every wait between tries be over."""
    return lambda: line_database.write(
        lambda tx: tx.execute(text("UPDATE alarm_delivery SET next_us = 0 WHERE sent_us IS NULL"))
    )


def test_a_notice_says_what_is_the_matter(raised: Any, send: Any) -> None:
    alarm = raised("late-risk", "qc", amount=12)
    notice = send()
    facts = (notice.alarm_id, notice.position, notice.step, notice.kind, notice.subject, notice.amount, notice.tries)
    assert facts == (alarm, 1, "raised", "late-risk", "qc", 12, 0) and notice.emulated
    assert send() is None


def test_each_target_is_told_by_itself(raised: Any, send: Any, later: Any, line_database: Database, rows: Any) -> None:
    raised()
    assert send("duty") and send("lead", fails="refused")
    assert send("duty") is None and send("lead") is None, "it waits before the next try"
    both = frozenset({"duty", "lead"})
    assert line_database.write(lambda tx: end_told(tx, both)) == 0
    later()
    assert send("lead").tries == 1
    assert line_database.write(lambda tx: end_told(tx, both)) == 1
    assert rows("SELECT ended FROM alarm_notice") == [("told",)]


def test_a_try_is_counted_before_it_is_made(raised: Any, send: Any, later: Any, rows: Any) -> None:
    """A process that is killed while it tells has tried; the next tells again."""
    raised()
    for tries in range(3):
        assert send(fails="").tries == tries
        later()
    assert rows("SELECT tries, sent_us FROM alarm_delivery") == [(3, None)]
    assert send().tries == 3


def test_steps_of_an_alarm_are_told_in_order_and_others_do_not_wait_for_them(
    line_database: Database, raised: Any, people: dict[str, SignedIn], send: Any, later: Any
) -> None:
    first = raised()
    line_database.write(lambda tx: acknowledge(tx, first, people["operator"]))
    second = raised(subject="book-02")
    assert send(fails="refused").alarm_id == first
    assert send().alarm_id == second
    assert send() is None
    later()
    assert [(notice.step, notice.person) for notice in (send(), send())] == [
        ("raised", None),
        ("acknowledged", people["operator"].code),
    ]


def test_the_end_is_told_when_the_alarm_can_not_come_back(aged: Any, send: Any) -> None:
    aged("machine-held", "book-01", 60, ended=9)
    assert send().step == "raised" and send() is None
    aged("machine-held", "book-02", 60, ended=11)
    assert [send().step for _ in range(2)] == ["raised", "cleared"]


def test_without_targets_every_notice_ends(raised: Any, line_database: Database, rows: Any) -> None:
    raised()
    assert line_database.write(lambda tx: end_told(tx, frozenset())) == 1
    assert rows("SELECT ended FROM alarm_notice") == [("told",)]


def test_what_could_not_be_told_within_a_day_is_given_up(
    line_database: Database, aged: Any, send: Any, rows: Any
) -> None:
    aged("machine-held", "book-01", 24 * 60 + 1)
    assert send() is None
    assert line_database.write(lambda tx: end_told(tx, frozenset({"duty"}))) == 0
    assert rows("SELECT ended FROM alarm_notice") == [("given_up",)]
    assert rows("SELECT cleared_us FROM alarm") == [(None,)], "the alarm stands"


def test_targets_that_fail_again_and_again_are_counted(
    line_database: Database, raised: Any, send: Any, later: Any
) -> None:
    raised()
    raised(subject="book-02")
    for _ in range(3):
        later()
        while send(fails="no_answer"):
            pass
    send("other")

    def count(tries: int) -> dict[str, int]:
        return line_database.write(lambda tx: unsent(tx, tries))

    assert count(3) == {"duty": 2} and count(4) == {}
    later()
    while send():
        pass
    assert count(1) == {}


def test_a_failure_is_a_code_of_bounded_length(line_database: Database, raised: Any, send: Any, rows: Any) -> None:
    raised()
    send(fails="x" * 200)
    assert rows("SELECT length(failure) FROM alarm_delivery") == [(outbox.LONGEST_FAILURE,)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE alarm_delivery SET sent_us = NULL",
        "UPDATE alarm_delivery SET target = 'other'",
        "DELETE FROM alarm_delivery",
        "UPDATE alarm_notice SET ended = NULL",
    ],
)
def test_what_was_told_stays_told(line_database: Database, raised: Any, send: Any, statement: str) -> None:
    raised()
    send()
    line_database.write(lambda tx: end_told(tx, frozenset({"duty"})))
    with pytest.raises((DatabaseError, HandoffLogError)):
        line_database.write(lambda tx: tx.execute(text(statement)))


def test_raising_again_tells_nobody_again(line_database: Database, raised: Any, send: Any) -> None:
    raised()
    assert send()
    line_database.write(lambda tx: raise_alarm(tx, "machine-held", "book-01", emulated=True))
    assert send() is None
