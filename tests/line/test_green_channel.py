"""The green channel in a line at work: a raised application leaves its tray, and no other waits for it or before it."""

import signal
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from passline_process import Passline, kill_all
from typed_commands import feed, piped

from flows.cli import run
from flows.run_folder import RunFolder
from handoff_logs.questions import violations
from handoff_logs.reading import open_reading

pytestmark = [pytest.mark.line, pytest.mark.timeout(300)]

ONE, TWO, LEAD = "a password of one", "a password of two", "the lead's own password"
UNDRAWN = (
    "SELECT n.number, w.tray FROM application a JOIN whereabouts w ON w.unit_id = a.order_unit"
    " JOIN unit_number n ON n.unit_id = a.order_unit WHERE w.station = 'personalization' AND w.state = 'held'"
    " AND a.state = 'passed' AND a.priority = 2 ORDER BY w.due_us DESC, w.unit_id DESC"
)
RAISED = (
    "SELECT a.state, green.parted_from, green.parted_into FROM green_channel green"
    " JOIN application a ON a.application_id = green.application_id"
)
MATES = (
    "SELECT a.state, count(*) AS applications FROM application a JOIN whereabouts w ON w.unit_id = a.order_unit"
    " JOIN green_channel green ON green.parted_from = w.tray GROUP BY a.state"
)


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A line with a lead and forty ordinary applications, in trays of up to twenty for one machine of each kind."""
    folder, batch = tmp_path / "line", str(tmp_path / "batch")

    def given(*arguments: str, typed: tuple[str, ...] = ()) -> None:
        feed(monkeypatch, typed)
        assert run([*arguments, "--dir", str(folder)]) == 0

    given("new", "--books", "1", "--cards", "1", "--readers", "1", "--tray-size", "20", "--speed", "20")
    given("people", "found", "p-0001", "p-0002", "--passwords-from", "-", typed=(ONE, TWO))
    by = ("--first", "p-0001", "--second", "p-0002", "--passwords-from", "-")
    given("people", "enrol", "p-0003", "--role", "lead", *by, typed=(ONE, TWO, LEAD))
    sound = ("--documents", "40", "--intake-defects", "0", "--review-defects", "0")
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


def test_a_raised_application_leaves_its_tray_and_is_dispatched_before_it(line: Path) -> None:
    running = Passline(line, "run", "--dir", str(line))
    number = until(lambda: facts(line, UNDRAWN))[0]["number"]
    given = ("applications", "raise", number, "--reason", "exam", "--by", "p-0003", "--passwords-from", "-")
    told = piped(*given, folder=line, lines=(LEAD,))
    assert told.returncode == 0, told.stderr
    assert "the next that a machine draws" in told.stdout

    def dispatched() -> list[dict[str, Any]]:
        return [row for row in facts(line, RAISED) if row["state"] == "dispatched"]

    (row,) = until(dispatched)
    mates = {each["state"]: each["applications"] for each in facts(line, MATES)}
    assert row["parted_from"] and row["parted_into"]
    assert mates and "dispatched" not in mates
    running.signal(signal.SIGINT)
    running.wait()
    assert "Traceback" not in running.said
    with closing(open_reading(RunFolder(line).line().database_url)) as reading:
        assert violations(reading) == []
