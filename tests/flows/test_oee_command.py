"""`passline devices oee` tells what the tables say, on both databases, at once."""

import csv
import io
import json
import os
import pickle
import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, insert, text

from flows.cli import run
from flows.default_line import write_default
from flows.errors import (
    Exit,
    ImpossibleSettingError,
    PeriodsNotKeptError,
    UnknownMachineError,
    UnknownShiftError,
)
from flows.machine_oee import PERIODS, PERIODS_OF, PIECES, as_row, oee_between
from flows.run_folder import RunFolder
from handoff_logs.reading import open_reading
from handoff_logs.records import new_id
from stations import migrations
from stations.personalization.tables import Job, MachineLease, MachinePeriod, MachineState

ROOT = Path(__file__).parents[2]
S = 1_000_000
HOUR_US = 3600 * S
BEGAN_US = time.time_ns() // 1_000 - 20 * HOUR_US
DOCUMENTS = 20_000
QUICK_S = 0.5
"""What a command that runs no flow may take; measured as processor time, which a busy machine does not lengthen."""
TRIES = 3
JOB = {
    "product": "passport",
    "attempt": 1,
    "order_unit": "o",
    "machine_serial": "S",
    "journal_id": "J",
    "journal_position": 0,
    "fence": 1,
    "worker": "w",
    "state": "INTENT",
    "unfinished": True,
    "live": True,
    "intent_us": 1,
    "emulated": True,
}
BOOK = """
UPDATE job SET state = 'RESULT', unfinished = false, result_us = intent_us, outcome = worker, worker = 'w',
               live = worker IN ('good', 'failed'), document_unit = CASE WHEN worker = 'good' THEN job_id END
"""
"""Ends every job as its worker's name says, when it was intended."""


class Books:
    """A line's tables, filled by hand: periods and booked jobs, without the applications that they are for."""

    def __init__(self, url: str) -> None:
        self._engine = create_engine(url)

    def put(self, table: Any, rows: Sequence[dict[str, Any]]) -> None:
        with self._engine.begin() as tx:
            tx.execute(insert(table), list(rows))

    def periods(self, machine: str, *changes: tuple[str, str | None, float], shift: str = "day") -> None:
        """Periods of a machine: state, reason, hours after `BEGAN_US`."""
        rows = [
            {
                "machine": machine,
                "position": position,
                "state": state,
                "reason": reason,
                "began_us": BEGAN_US + round(at_h * HOUR_US),
                "shift": shift,
                "emulated": True,
            }
            for position, (state, reason, at_h) in enumerate(changes, 1)
        ]
        self.put(MachinePeriod, rows)

    def jobs(self, machine: str, outcome: str, hours: Sequence[float]) -> None:
        """Jobs of a machine with one outcome, booked so many hours after `BEGAN_US`."""
        rows = [
            JOB
            | {"job_id": new_id(), "application_id": new_id(), "machine": machine, "worker": outcome}
            | {"intent_us": BEGAN_US + round(at_h * HOUR_US)}
            for at_h in hours
        ]
        with self._engine.begin() as tx:
            if tx.dialect.name == "postgresql":
                tx.execute(text("SET LOCAL session_replication_role = replica"))  # no foreign keys, as on SQLite
            tx.execute(insert(Job), rows)
            tx.execute(text(f"{BOOK} WHERE outcome IS NULL"))

    def close(self) -> None:
        self._engine.dispose()


@pytest.fixture
def line_tables() -> bool:
    """What is asked for is in the stations' tables."""
    return True


@pytest.fixture
def books(database_url: str) -> Iterator[Books]:
    made = Books(database_url)
    yield made
    made.close()


@pytest.fixture
def folder(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A run folder whose line uses that database."""
    monkeypatch.setenv("PASSLINE_DATABASE__URL", database_url)
    made = RunFolder(tmp_path / "run")
    write_default(made, books=1, cards=1, readers=1, speed=10)
    return made


Ask = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def ask(folder: RunFolder, capsys: pytest.CaptureFixture[str]) -> Ask:
    """What the command prints as JSON."""

    def oee(*arguments: str) -> list[dict[str, Any]]:
        capsys.readouterr()
        assert run(["devices", "oee", "--dir", str(folder.path), "--output", "json", *arguments]) == Exit.FINE
        found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
        return found

    return oee


def an_ordinary_shift(books: Books) -> None:
    """Eight hours on book-01, six of them at work; 900 good pieces and 100 spoiled."""
    books.periods(
        "book-01",
        ("idle", None, 0),
        ("execute", None, 0.5),
        ("held", "jam", 3),
        ("execute", None, 3.5),
        ("suspended", "no-blanks", 5),
        ("execute", None, 6),
        ("stopped", None, 8),
    )
    books.jobs("book-01", "good", [1 + at / 1000 for at in range(900)])
    books.jobs("book-01", "failed", [2 + at / 1000 for at in range(100)])
    books.jobs("book-01", "returned", [2])
    books.jobs("book-01", "void", [2])


def test_time_pieces_and_figures_of_a_shift_are_those_of_the_tables(books: Books, ask: Ask) -> None:
    """Emulated at speed 10: a book takes 4.4 s at best, so 1,000 of them 4,400 s of the six hours at work."""
    an_ordinary_shift(books)
    [row] = ask()
    stoppages = [(each["reason"], each["seconds"]) for each in row.pop("stoppages")]
    assert stoppages == [("no-blanks", 3600.0), ("jam", 1800.0)]
    assert row == {
        "machine": "book-01",
        "shift": "day",
        "mode": "EMULATED",
        "began_us": BEGAN_US,
        "ended_us": BEGAN_US + 8 * HOUR_US,
        "planned_s": 28_800.0,
        "execute_s": 21_600.0,
        "idle_s": 1800.0,
        "suspended_s": 3600.0,
        "held_s": 1800.0,
        "stopped_s": 0.0,
        "availability": 0.75,
        "effectiveness": round(4400 / 21_600, 4),
        "quality": 0.9,
        "oee": round(0.75 * 4400 / 21_600 * 0.9, 4),
        "good": 900,
        "spoiled": 100,
        "ideal_cycle_s": 4.4,
    }


def test_a_piece_is_counted_in_the_shift_in_which_it_was_booked(books: Books, ask: Ask) -> None:
    """Also after the machine stopped; other machines' pieces, and those from before the first shift, are not."""
    books.periods("book-01", ("execute", None, 0), ("stopped", None, 1), ("execute", None, 8), ("stopped", None, 9))
    books.jobs("book-01", "good", [-1, 0.5, 1.5, 7.999, 8, 8.5, 12])
    books.jobs("card-01", "good", [0.5])
    assert [(row["began_us"], row["good"]) for row in ask()] == [(BEGAN_US, 3), (BEGAN_US + 8 * HOUR_US, 3)]


def test_machines_and_shifts_can_be_asked_for_by_name(books: Books, ask: Ask) -> None:
    books.periods("book-01", ("execute", None, 0), ("stopped", None, 1))
    books.periods("card-01", ("execute", None, 0), ("stopped", None, 1), shift="night")
    assert [row["machine"] for row in ask()] == ["book-01", "card-01"]
    assert [row["machine"] for row in ask("--machine", "card-01")] == ["card-01"]
    assert [row["machine"] for row in ask("--shift", "day")] == ["book-01"]


def test_a_machine_or_shift_that_is_not_known_is_refused_with_those_that_are(
    books: Books, folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    """A reader has no shifts; a machine that is no longer in line.toml has those it worked."""
    books.periods("book-01", ("execute", None, 0), ("stopped", None, 1))
    books.periods("old-07", ("execute", None, 0), ("stopped", None, 1))
    arguments = ["devices", "oee", "--dir", str(folder.path)]
    assert run([*arguments, "--machine", "reader-01"]) == Exit.REFUSED
    said = capsys.readouterr().err
    assert "no machine reader-01" in said
    assert "book-01, card-01, old-07" in said
    assert run([*arguments, "--shift", "night"]) == Exit.REFUSED
    assert "Name one of day" in capsys.readouterr().err
    assert run([*arguments, "--machine", "card-01", "--shift", "day"]) == Exit.REFUSED
    assert "start the line" in capsys.readouterr().err


def test_a_machine_that_has_not_worked_yet_has_no_rows(
    books: Books, ask: Ask, folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask() == ask("--machine", "card-01") == []
    assert run(["devices", "oee", "--dir", str(folder.path)]) == Exit.FINE
    shown = capsys.readouterr()
    assert (shown.out, "no machine has worked" in shown.err) == ("", True)


def test_a_line_that_was_killed_and_is_not_back_is_lost_since_its_last_sign_of_life(books: Books, ask: Ask) -> None:
    """One that is there goes on working until now."""
    hour_ago_us = BEGAN_US + 19 * HOUR_US
    since_s = time.time() - BEGAN_US / S - 20 * 3600
    for machine, until_us in (("book-01", hour_ago_us), ("card-01", hour_ago_us + 2 * HOUR_US)):
        books.periods(machine, ("execute", None, 18))
        lease = {"machine": machine, "worker": "w", "fence": 1, "until_us": until_us}
        books.put(MachineLease, [lease | {"renewed_us": hour_ago_us - 30 * S}])
    dead, alive = ask()
    assert dead["stopped_s"] == pytest.approx(3630 + since_s, abs=30)
    assert dead["execute_s"] == pytest.approx(3570)
    assert [each["reason"] for each in dead["stoppages"]] == ["lost"]
    assert (alive["execute_s"], alive["stopped_s"]) == (pytest.approx(7200 + since_s, abs=30), 0.0)


@pytest.mark.parametrize(
    ("speed", "setting", "port", "ideal_s"),
    [
        ("10", "", None, 4.4),
        ("10", "ideal_cycle_s = 50.0", None, 5.0),
        ("10", "ideal_cycle_s = 50", "/dev/ttyS9", 50.0),
        ("0", "", None, None),
        ("0", "", "/dev/ttyS9", 44.0),
    ],
)
def test_the_ideal_cycle_is_the_devices_or_its_drivers_and_an_emulators_is_divided_by_speed(
    books: Books, ask: Ask, folder: RunFolder, speed: str, setting: str, port: str | None, ideal_s: float | None
) -> None:
    """At speed 0 there is no machine time to measure against, and so no effectiveness."""
    an_ordinary_shift(books)
    toml = folder.configuration.read_text("utf-8").replace("speed = 10 ", f"speed = {speed} ")
    toml = toml.replace('driver = "book-personalizer"\n', f'driver = "book-personalizer"\n{setting}\n')
    folder.configuration.write_text(toml.replace("emulator://book-01", port or "emulator://book-01"), "utf-8")
    [row] = ask()
    assert row["ideal_cycle_s"] == ideal_s
    assert (row["effectiveness"] is None, row["oee"] is None) == (ideal_s is None, ideal_s is None)
    assert (row["availability"], row["quality"]) == (0.75, 0.9)


@pytest.mark.parametrize("wrong", ["ideal_cycle_s = 0", "ideal_cycle_s = true", 'ideal_cycle_s = "fast"'])
def test_an_ideal_cycle_that_is_no_time_is_refused(
    wrong: str, books: Books, folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    toml = folder.configuration.read_text("utf-8")
    folder.configuration.write_text(toml.replace('id = "book-01"', f'id = "book-01"\n{wrong}'), "utf-8")
    assert run(["devices", "oee", "--dir", str(folder.path)]) == Exit.REFUSED
    assert "ideal_cycle_s of book-01" in capsys.readouterr().err


def test_a_table_and_csv_say_emulated_and_why_a_machine_stood(
    books: Books, folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    an_ordinary_shift(books)
    assert run(["devices", "oee", "--dir", str(folder.path)]) == Exit.FINE
    table = capsys.readouterr().out
    assert all(word in table for word in ("book-01", "EMULATED", "75.0%", "90.0%", "900", "100"))
    assert max(len(line.rstrip()) for line in table.splitlines()) <= 100  # as wide as a terminal at a machine
    assert run(["devices", "oee", "--dir", str(folder.path), "--output", "csv"]) == Exit.FINE
    [row] = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (row["mode"], row["oee"]) == ("EMULATED", "0.1375")
    assert row["stoppages"] == "suspended no-blanks 1 h 00; held jam 30:00"


@pytest.mark.parametrize("line_tables", [False])
def test_a_database_from_before_is_refused_with_what_to_do(
    database_url: str, folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    migrations.upgrade(database_url, "line_0001")
    assert run(["devices", "oee", "--dir", str(folder.path)]) == Exit.REFUSED
    assert "passline run" in capsys.readouterr().err


@pytest.mark.parametrize(
    "error",
    [
        UnknownMachineError("m", ("a", "b")),
        UnknownShiftError("s", ()),
        PeriodsNotKeptError(Path("x")),
        ImpossibleSettingError("speed", -1, "0 to 9"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_refusals_survive_pickling(error: Any) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), vars(copy)) == (str(error), vars(error))


@pytest.fixture
def busy_line(sqlite_templates: Callable[[bool], Path], tmp_path: Path) -> RunFolder:
    """A line whose two machines made 20,000 documents, and waited for each of them."""
    folder = RunFolder(tmp_path / "busy")
    write_default(folder, books=1, cards=1)
    folder.database_file.write_bytes(sqlite_templates(True).read_bytes())
    url = folder.line().database_url
    books = Books(url)
    each = DOCUMENTS // 2
    for machine in ("book-01", "card-01"):
        changes = [(("idle", "execute")[at % 2], None, 8 * at / (2 * each)) for at in range(2 * each)]
        books.periods(machine, *changes, ("stopped", None, 8))
        books.jobs(machine, "good", [8 * at / each for at in range(each)])
    books.close()
    return folder


def test_twenty_thousand_documents_are_answered_for_at_once_and_from_an_index(busy_line: RunFolder) -> None:
    command = [sys.executable, "-c", "from flows.cli import main; main()", "devices", "oee"]
    command += ["--dir", str(busy_line.path), "--output", "json"]
    spent_s = []
    for _ in range(TRIES):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        printed = subprocess.run(command, cwd=ROOT, env=dict(os.environ), check=True, capture_output=True).stdout
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent_s.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert [row["good"] for row in json.loads(printed)] == [DOCUMENTS // 2] * 2
    assert min(spent_s) < QUICK_S, spent_s
    with closing(sqlite3.connect(busy_line.database_file)) as connection:
        names = {"machine": "book-01", "from_us": 0, "until_us": 2**62}
        for sql, plan in (
            (PIECES, "SEARCH job USING COVERING INDEX ix_job_pieces (machine=? AND result_us>? AND result_us<?)"),
            (PERIODS, "SCAN machine_period USING INDEX sqlite_autoindex_machine_period_1"),
            (PERIODS_OF, "SEARCH machine_period USING INDEX sqlite_autoindex_machine_period_1 (machine=?)"),
        ):
            steps = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", names)]
            assert steps[0] == plan
            assert not any("job" in step for step in steps[1:])


def test_oee_between_two_times_is_of_that_time_alone(books: Books, folder: RunFolder, database_url: str) -> None:
    """A shift with ends: periods that reach over them are cut there, pieces outside them are another shift's."""
    books.put(MachineState, [{"machine": name, "state": "stopped", "since_us": 1, "emulated": True} for name in MADE])
    books.periods("book-01", ("idle", None, 0), ("execute", None, 1), ("held", "jam", 3), ("execute", None, 4),
                  ("stopped", None, 9))  # fmt: skip
    books.periods("book-02", ("execute", None, 7), ("stopped", None, 8))
    books.periods("book-09", ("stopped", None, 0))
    books.jobs("book-01", "good", (1.5, 2.5, 4.5, 6.5))
    books.jobs("book-01", "failed", (2.9, 7.5))
    window = BEGAN_US + 2 * HOUR_US, BEGAN_US + 6 * HOUR_US
    with open_reading(database_url) as reading:
        [found] = oee_between(reading, folder, ["book-01"], *window)
        later = oee_between(reading, folder, ["book-01"], BEGAN_US + 6 * HOUR_US, BEGAN_US + 12 * HOUR_US)
    row = as_row(found)
    hours = {name: row[f"{name}_s"] / 3600 for name in ("execute", "idle", "held", "stopped", "planned")}
    assert hours == {"execute": 3, "idle": 0, "held": 1, "stopped": 0, "planned": 4}
    assert (row["good"], row["spoiled"], row["availability"]) == (2, 1, 0.75)
    assert [(one["reason"], one["times"], one["seconds"]) for one in row["stoppages"]] == [("jam", 1, 3600.0)]
    # Another machine that worked then is told too; one that nobody wanted is not.
    assert [(each.worked.machine, each.good, each.spoiled) for each in later] == [("book-01", 1, 1), ("book-02", 0, 0)]
    assert later[0].worked.planned_s == 3 * 3600


MADE = ("book-01", "book-02", "book-09")
