"""Targets are told by real processes and servers: what hangs or fails holds up nobody, and a kill loses no notice."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from alarm_target import Hook, hook
from sqlalchemy import text

from flows import alarm_delivery, alarm_text
from flows.alarm_delivery import Tell, telling
from flows.alarm_targets import NotToldError, Target
from handoff_logs.database import Database
from stations.alarms import outbox
from stations.alarms.outbox import Notice
from stations.alarms.register import raise_alarm

CENTRE = "test"
IS_KILLED = """
import os, signal, sys
from flows import alarm_text
from flows.alarm_targets import Target
from handoff_logs.database import Database
from stations.alarms import outbox
from stations.alarms.register import raise_alarm
url, when, address = sys.argv[1:]
with Database(url) as database:
    database.write(lambda tx: raise_alarm(tx, "machine-held", "book-01", emulated=True))
    if when == "raised":
        os.kill(os.getpid(), signal.SIGKILL)
    notice = database.write(lambda tx: outbox.take(tx, "duty"))
    if when == "taken":
        os.kill(os.getpid(), signal.SIGKILL)
    Target("duty", address).tell(
        alarm_text.title("test", notice), alarm_text.body("test", notice), alarm_text.severity(notice)
    )
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def line_tables() -> bool:
    """Alarms are in the line's tables."""
    return True


@pytest.fixture
def duty() -> Iterator[Hook]:
    with hook() as opened:
        yield opened


@pytest.fixture
def rows(database: Database) -> Callable[[str], list[tuple[Any, ...]]]:
    def ask(query: str) -> list[tuple[Any, ...]]:
        with database.read() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    return ask


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits between tries are short."""
    monkeypatch.setattr(outbox, "FIRST_WAIT_US", 10_000)
    monkeypatch.setattr(alarm_delivery, "LOOK_EVERY_S", 0.02)


def by(target: Target) -> Tell:
    return lambda notice: target.tell(
        alarm_text.title(CENTRE, notice), alarm_text.body(CENTRE, notice), alarm_text.severity(notice)
    )


def raised(database: Database, subject: str = "book-01") -> int:
    return database.write(lambda tx: raise_alarm(tx, "machine-held", subject, emulated=True)).alarm_id


def test_a_notice_says_what_where_whose_and_how_to_take_it(database: Database, duty: Hook) -> None:
    alarm = raised(database)
    with telling(database, {"duty": by(Target("duty", duty.address))}):
        (told,) = duty.wait_for(1)
    assert told["title"] == "EMULATED 模拟 URGENT 紧急 · test · Machine held 设备停机: book-01 (raised 新警报)"
    for words in ("operator", f"passline alarms acknowledge {alarm}", f"alarm 警报 {alarm} · notice 通知 "):
        assert words in told["message"]


def test_a_target_that_fails_is_told_later_and_its_failure_is_visible(
    database: Database, duty: Hook, quick: None, rows: Any
) -> None:
    duty.status = 500
    raised(database)
    with telling(database, {"duty": by(Target("duty", duty.address))}):
        while not rows("SELECT 1 FROM alarm_delivery WHERE tries >= 3 AND failure IS NOT NULL"):
            time.sleep(0.02)
        assert rows("SELECT target, sent_us, failure FROM alarm_delivery") == [("duty", None, "refused_or_no_answer")]
        with database.read() as connection:
            assert outbox.unsent(connection, 3) == {"duty": 1}
        duty.status = 200
        duty.wait_for(1)
    ((tries, sent_us, failure),) = rows("SELECT tries, sent_us, failure FROM alarm_delivery")
    assert tries >= 3 and sent_us is not None and failure is None


def test_a_target_that_hangs_holds_up_neither_another_nor_the_end_of_the_line(
    database: Database, quick: None, rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hangs in one notice while the other is told of many, and is named as hanging."""
    monkeypatch.setattr(alarm_delivery, "HUNG_S", 0.2)
    monkeypatch.setattr(alarm_delivery, "LAST_WORD_S", 0.3)
    began_s = time.monotonic()
    told: list[int] = []
    woken = threading.Event()

    def hangs(_: Notice) -> None:
        woken.wait()
        raise NotToldError("woken")

    with telling(database, {"stuck": hangs, "other": lambda notice: told.append(notice.alarm_id)}) as delivery:
        alarms = [raised(database, f"book-{number}") for number in range(3)]
        while len(told) < 3 or "stuck" not in delivery.hung():
            assert time.monotonic() < began_s + 20
            time.sleep(0.01)
        assert delivery.finish(0.3) == ["stuck"]
    assert told == alarms and time.monotonic() < began_s + 20
    assert rows("SELECT tries, sent_us FROM alarm_delivery WHERE target = 'stuck'") == [(1, None)]
    woken.set()
    while "alarm-target-stuck" in {thread.name for thread in threading.enumerate()}:
        time.sleep(0.01)


def test_a_fault_in_telling_is_a_failure_like_any_other(database: Database, quick: None, rows: Any) -> None:
    told: list[int] = []

    def tell(notice: Notice) -> None:
        if notice.subject == "book-01":
            raise ZeroDivisionError
        told.append(notice.alarm_id)

    with telling(database, {"duty": tell}):
        raised(database)
        other = raised(database, "book-02")
        give_up_s = time.monotonic() + 20
        while not told and time.monotonic() < give_up_s:
            time.sleep(0.02)
    assert told == [other]
    failures = rows("SELECT failure FROM alarm_delivery WHERE sent_us IS NULL")
    assert failures == [("fault_ZeroDivisionError",)]


@pytest.mark.parametrize("when", ["raised", "taken", "told"])
def test_a_kill_between_the_commit_and_the_telling_loses_no_notice(
    database: Database, database_url: str, duty: Hook, quick: None, rows: Any, when: str
) -> None:
    """Killed before it is sent it is told once; killed after, twice and bearing one id."""
    killed = subprocess.run(
        [sys.executable, "-c", IS_KILLED, database_url, when, duty.address], check=False, timeout=60
    )
    assert killed.returncode == -signal.SIGKILL
    before = len(duty.told)
    assert before == (1 if when == "told" else 0)
    if when != "raised":
        database.write(lambda tx: tx.execute(text("UPDATE alarm_delivery SET next_us = 0")))
    with telling(database, {"duty": by(Target("duty", duty.address))}):
        told = duty.wait_for(before + 1)
        while rows("SELECT 1 FROM alarm_delivery WHERE sent_us IS NULL"):
            time.sleep(0.02)
    assert len({each["message"].rpartition("notice 通知 ")[2] for each in told}) == 1
    assert rows("SELECT count(*) FROM alarm_delivery WHERE sent_us IS NOT NULL") == [(1,)]


def test_two_lines_on_one_database_tell_a_notice_once(
    database: Database, database_url: str, duty: Hook, quick: None
) -> None:
    """A try is committed before it is made, so the other sees it; each wait is longer than a quick answer."""
    with Database(database_url) as other:
        target = {"duty": by(Target("duty", duty.address))}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(outbox, "FIRST_WAIT_US", 5_000_000)
            with telling(database, target), telling(other, target):
                for number in range(10):
                    raised(database, f"book-{number}")
                duty.wait_for(10)
                time.sleep(0.2)
    assert len(duty.told) == len(set(duty.titles)) == 10


def test_ids_of_notices_are_their_own_and_stay(database: Database) -> None:
    raised(database)
    notice = database.write(lambda tx: outbox.take(tx, "duty"))
    assert notice is not None
    assert alarm_text.notice_id("a", notice) == alarm_text.notice_id("a", notice) != alarm_text.notice_id("b", notice)


def test_every_step_and_a_kind_that_nobody_knows_any_more_has_words(database: Database) -> None:
    for step in alarm_text.STEPS:
        notice = Notice(7, 2, step, 1, "fire", "hall", 3, 1, False, "p-0417", "lead")
        shown = f"{alarm_text.title(CENTRE, notice)}\n{alarm_text.body(CENTRE, notice)}"
        assert "fire" in shown and "hall" in shown and "EMULATED" not in shown
