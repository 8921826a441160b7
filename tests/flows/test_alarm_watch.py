"""`passline alarms watch`: while no line runs one process escalates what nobody takes, and tells the targets."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from alarm_target import Hook, hook
from sqlalchemy import text

from flows.alarm_delivery import telling
from flows.alarm_targets import TargetRefusedError, open_targets
from flows.alarm_watch import LOOKS_A_LEASE, Watch, look, watch
from flows.cli import run
from flows.composition import open_database, prepare
from flows.configuration import read_settings
from flows.default_line import write_default
from flows.errors import Exit
from flows.run_folder import RunFolder
from handoff_logs.database import Database
from handoff_logs.errors import DatabaseBusyError
from handoff_logs.reading import open_reading
from stations.alarms import outbox, watching
from stations.alarms.listing import listed
from stations.alarms.rules import MACHINE_HELD, SEALING_SILENT, UNSENT

TARGETS = """
[[alarms.targets]]
name = "duty"
file = "duty.target"
[on_call]
keeper = ["p-0101"]
[[on_call.targets]]
name = "night"
file = "night.target"
"""


@pytest.fixture
def line_tables() -> bool:
    """Alarms are in the line's tables."""
    return True


def stand(database: Database, kind: str, minutes: int, subject: str = "book-01") -> None:
    """An alarm that was raised so long ago, which nobody was told of yet."""
    raised_us = time.time_ns() // 1_000 - minutes * 60_000_000

    def write(tx: Any) -> None:
        alarm = tx.execute(
            text(
                "INSERT INTO alarm (kind, subject, seen, raised_us, emulated)"
                " VALUES (:kind, :subject, 1, :raised, true) RETURNING alarm_id"
            ),
            {"kind": kind, "subject": subject, "raised": raised_us},
        ).scalar_one()
        step = "INSERT INTO alarm_step (alarm_id, position, step, at_us) VALUES (:alarm, 1, 'raised', :raised)"
        notice = "INSERT INTO alarm_notice (alarm_id, position, due_us, on_call) VALUES (:alarm, 1, :raised, true)"
        for statement in (step, notice):
            tx.execute(text(statement), {"alarm": alarm, "raised": raised_us})

    database.write(write)


def standing(url: str) -> dict[str, tuple[str, ...]]:
    """Whom each open alarm was escalated to."""
    with open_reading(url) as reading:
        return {one.code: tuple(one.told) for one in listed(reading)}


def test_what_nobody_takes_is_escalated_once_by_the_one_who_watches(database: Database, database_url: str) -> None:
    stand(database, MACHINE_HELD, 6)
    stand(database, SEALING_SILENT, 1, "log")
    first, second = Watch(database, 5.0), Watch(database, 5.0)
    with telling(database, {}) as delivery:
        database.write(lambda tx: watching.hold(tx, "a line that runs", 60_000_000))
        look(database, first, delivery, emulated=True)
        assert standing(database_url) == {MACHINE_HELD: (), SEALING_SILENT: ()}
        database.write(lambda tx: watching.let_go(tx, "a line that runs"))
        for each in (first, second, first, second):
            look(database, each, delivery, emulated=True)
        assert standing(database_url) == {MACHINE_HELD: ("lead",), SEALING_SILENT: ()}
        assert first.may_tell("duty") and not second.may_tell("duty")
        assert second.may_tell("prefect"), "the line tells Prefect, whoever watches"
        first.let_go()
        look(database, second, delivery, emulated=True)
    assert second.may_tell("duty") and not first.may_tell("duty")


def test_a_watcher_that_slept_tells_nobody(database: Database) -> None:
    clock = [100.0]
    held = Watch(database, 20.0, lambda: clock[0])
    with telling(database, {}) as delivery:
        look(database, held, delivery, emulated=True)
    clock[0] += LOOKS_A_LEASE * 20.0 - 0.1
    assert held.may_tell("duty")
    clock[0] += 0.2
    assert not held.may_tell("duty")


def test_a_busy_database_is_asked_again_later(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(_: object) -> None:
        raise DatabaseBusyError("locked")

    held = Watch(database, 5.0)
    with telling(database, {}) as delivery:
        monkeypatch.setattr("flows.alarm_watch.escalate_due", busy)
        look(database, held, delivery, emulated=True)
        assert not held.may_tell("duty")
        monkeypatch.undo()
        look(database, held, delivery, emulated=True)
    assert held.may_tell("duty")


def test_only_who_watches_tells(database: Database) -> None:
    told: list[str] = []
    stand(database, MACHINE_HELD, 1)
    done = threading.Event()

    def tells(whose: str) -> dict[str, Callable[[object], None]]:
        return {"duty": lambda _: (told.append(whose), done.set())}  # type: ignore[dict-item]

    with telling(database, tells("another"), may_tell=lambda _: False), telling(database, tells("the watch")):
        assert done.wait(20)
    assert told == ["the watch"]


def test_a_target_that_is_not_reached_is_an_alarm_while_no_line_runs_too(database: Database, database_url: str) -> None:
    stand(database, MACHINE_HELD, 1)
    for _ in range(3):
        assert database.write(lambda tx: outbox.take(tx, "duty")) is not None
        database.write(lambda tx: tx.execute(text("UPDATE alarm_delivery SET next_us = 0")))
    with telling(database, {}) as delivery:
        look(database, Watch(database, 5.0), delivery, emulated=True)
    assert UNSENT in standing(database_url)


@pytest.fixture
def hooks() -> Iterator[dict[str, Hook]]:
    with hook() as duty, hook() as night:
        yield {"duty": duty, "night": night}


@pytest.fixture
def folder(tmp_path: Path, hooks: dict[str, Hook]) -> RunFolder:
    """An emulated line with a usual target and one of those on call; nothing runs."""
    made = RunFolder(tmp_path / "line")
    with write_default(made, books=1, cards=0, readers=1, gate=False).open("a", encoding="utf-8") as file:
        file.write(TARGETS)
    for name, target in hooks.items():
        (made.path / f"{name}.target").write_text(target.address)
        (made.path / f"{name}.target").chmod(0o600)
    prepare(made)
    return made


def test_the_command_escalates_and_tells_until_it_is_told_to_stop(
    folder: RunFolder, hooks: dict[str, Hook], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = folder.line().database_url
    with open_database(folder, url) as database:
        stand(database, MACHINE_HELD, 6)
    handlers: dict[int, Any] = {}
    monkeypatch.setattr(signal, "signal", handlers.__setitem__)

    def told_to_stop() -> None:
        for target in hooks.values():
            target.wait_for(2)
        handlers[signal.SIGTERM](signal.SIGTERM, None)

    stopping = threading.Thread(target=told_to_stop)
    stopping.start()
    assert run(["alarms", "watch", "--dir", str(folder.path)]) == Exit.FINE
    stopping.join()
    assert "EMULATED line: the alarms are watched" in capsys.readouterr().err
    assert standing(url) == {MACHINE_HELD: ("lead",)}
    for target in hooks.values():
        assert [title.rpartition("(")[2] for title in target.titles] == [
            "raised 新警报)",
            "not acknowledged in time 超时未确认)",
        ]
    with open_reading(url) as reading:
        assert [row["until_us"] for row in reading.rows("SELECT until_us FROM alarm_watch")] == [0]


def test_the_watch_refuses_a_target_without_an_address(folder: RunFolder) -> None:
    (folder.path / "night.target").chmod(0o644)
    settings = read_settings(folder)
    with (
        open_database(folder, folder.line().database_url) as database,
        pytest.raises(TargetRefusedError, match="night"),
    ):
        watch(folder, settings, database, threading.Event())


def test_targets_of_those_on_call_are_targets_too_and_no_name_is_given_twice(
    folder: RunFolder, capsys: pytest.CaptureFixture[str], hooks: dict[str, Hook]
) -> None:
    found = open_targets(folder, read_settings(folder))
    assert [(one.name, one.on_call) for one in found] == [("duty", False), ("night", True)]
    assert run(["alarms", "test-target", "night", "--dir", str(folder.path)]) == Exit.FINE
    assert len(hooks["night"].told) == 1
    written = folder.configuration.read_text("utf-8")
    folder.configuration.write_text(written.replace('name = "night"', 'name = "duty"'), "utf-8")
    capsys.readouterr()
    assert run(["alarms", "list", "--dir", str(folder.path)]) == Exit.FINE
    assert run(["alarms", "test-target", "--dir", str(folder.path)]) == Exit.REFUSED
    assert "on_call.targets" in capsys.readouterr().err
