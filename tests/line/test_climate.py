"""The room's climate in a line at work: too warm, it stops drawing; a lead resumes it, and every document comes out."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from passline_process import Passline, kill_all
from typed_commands import feed, piped

from devices.emulation.control import ControlClient
from flows.cli import run
from flows.run_folder import RunFolder
from handoff_logs.questions import violations
from handoff_logs.reading import open_reading

pytestmark = [pytest.mark.line, pytest.mark.timeout(300)]

ONE, TWO, LEAD = "a password of one", "a password of two", "the lead's own password"
DOCUMENTS = 30
MADE = "SELECT count(*) AS n FROM job WHERE outcome = 'good'"
SUSPENDED = "SELECT machine FROM machine_state WHERE state = 'suspended' AND reason = 'climate'"
OPEN_ALARMS = "SELECT subject FROM alarm WHERE kind = 'climate' AND cleared_us IS NULL"
STATES = "SELECT state, count(*) AS n FROM application GROUP BY state"


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A line with a lead, whose air may be outside its limits for a second."""
    folder, batch = tmp_path / "line", str(tmp_path / "batch")

    def given(*arguments: str, typed: tuple[str, ...] = ()) -> None:
        feed(monkeypatch, typed)
        assert run([*arguments, "--dir", str(folder)]) == 0

    given("new", "--books", "1", "--cards", "1", "--readers", "1", "--tray-size", "10", "--speed", "40")
    toml = folder / "line.toml"
    text = toml.read_text("utf-8").replace("grace_s = 300", "grace_s = 1").replace("every_s = 10", "every_s = 0.2")
    toml.write_text(text, "utf-8")
    given("people", "found", "p-0001", "p-0002", "--passwords-from", "-", typed=(ONE, TWO))
    by = ("--first", "p-0001", "--second", "p-0002", "--passwords-from", "-")
    given("people", "enrol", "p-0003", "--role", "lead", *by, typed=(ONE, TWO, LEAD))
    sound = ("--documents", str(DOCUMENTS), "--intake-defects", "0", "--review-defects", "0")
    assert run(["intake", "generate", batch, *sound]) == 0
    given("intake", "load", batch)
    yield folder
    kill_all(folder)


def facts(folder: Path, sql: str) -> list[dict[str, Any]]:
    with closing(open_reading(RunFolder(folder).line().database_url)) as reading:
        return reading.rows(sql)


def until(found: Any, patience_s: float = 120.0) -> Any:
    """What `found` returns once that is something."""
    give_up_s = time.monotonic() + patience_s
    while not (answer := found()):
        assert time.monotonic() < give_up_s
        time.sleep(0.1)
    return answer


def set_fault(folder: Path, *arguments: str) -> None:
    with closing(ControlClient(folder / "machines" / "air-01")) as control:
        if arguments:
            what = {"name": arguments[0], "at": "", "before": False, "times": 0, "every": 1, "seed": 0}
            control.ask("fault", fault=what)
        else:
            control.ask("clear-faults")


def test_a_line_too_warm_draws_nothing_until_a_lead_resumes_though_it_was_killed_meanwhile(line: Path) -> None:
    running = Passline(line, "run", "--dir", str(line))
    until(lambda: facts(line, MADE)[0]["n"])
    set_fault(line, "drift")
    until(lambda: len(facts(line, SUSPENDED)) == 2)
    made = facts(line, MADE)[0]["n"]
    assert made < DOCUMENTS and facts(line, OPEN_ALARMS) == [{"subject": "core"}]
    assert facts(line, "SELECT count(*) AS n FROM job WHERE unfinished")[0]["n"] == 0
    running.kill()
    running.wait()
    running = Passline(line, "run", "--dir", str(line))
    set_fault(line)
    until(
        lambda: (
            len(facts(line, SUSPENDED)) == 2
            and not facts(line, "SELECT 1 FROM climate_zone WHERE out_since_us IS NOT NULL")
        )
    )
    assert facts(line, MADE)[0]["n"] == made, "a crash resumes nothing"
    given = ("climate", "resume", "core", "--reason", "cooling-fixed", "--by", "p-0003", "--passwords-from", "-")
    told = piped(*given, folder=line, lines=(LEAD,))
    assert told.returncode == 0, told.stderr
    assert running.wait(180) == 0, running.said
    assert facts(line, STATES) == [{"state": "dispatched", "n": DOCUMENTS}]
    assert facts(line, OPEN_ALARMS) == []
    assert facts(line, "SELECT count(*) AS n FROM climate_reading")[0]["n"] >= 1
    with closing(open_reading(RunFolder(line).line().database_url)) as reading:
        assert violations(reading) == []
    assert run(["logs", "verify", "--dir", str(line)]) == 0
