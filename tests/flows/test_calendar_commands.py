"""`passline calendar` as people and scripts use it, and a running line that follows."""

import csv
import io
import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.calendar_commands import changes, set_command, show
from flows.cli import run
from flows.composition import open_line, prepare
from flows.default_line import write_default
from flows.errors import Exit
from flows.intake_commands import intake_app
from flows.run_folder import RunFolder
from flows.terms import terms
from handoff_logs.reading import open_reading
from stations.calendar import CLOSES, CalendarFileError, WorkCalendar
from stations.deadlines import ALLOWANCES
from stations.intake.generator.defects import Shares
from stations.intake.generator.generate import generate

FILE = """\
complete_years = [2027]
[days]
2027-01-01 = "holiday"
2027-01-04 = "holiday"
2027-01-09 = "workday"
"""
WINTER = date(2026, 12, 25)
NORMAL = Shares(emergencies=0, expedited=0, intake_defects=0, review_defects=0)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A line of six applications that are due in a year whose holidays nobody has published."""
    folder = RunFolder(tmp_path / "line")
    write_default(folder, books=1, cards=1, small=0)
    prepare(folder)
    generate(tmp_path / "batch", 6, 1, day=WINTER, shares=NORMAL)
    load(folder, tmp_path)
    return folder


def load(folder: RunFolder, home: Path, *more: object) -> None:
    words = ("load", home / "batch", "--dir", folder.path, *more)
    intake_app([str(word) for word in words], exit_on_error=False, result_action="return_value")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "calendar.toml"
    made.write_text(FILE)
    return made


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Runs a command that prints JSON, and returns its status and what it said."""

    def tell(command: Callable[..., int], *arguments: Any, **options: Any) -> tuple[int, Any]:
        capsys.readouterr()
        status = command(*arguments, output="json", **options)
        return status, json.loads(capsys.readouterr().out)

    return tell


def test_setting_a_calendar_says_what_it_changed_and_again_that_nothing_did(
    folder: RunFolder, file: Path, told: Any
) -> None:
    status, before = told(show, directory=folder.path)
    assert (status, before["provisional_deadlines"], before["reckoned"]) == (Exit.FINE, 6, True)
    status, first = told(set_command, file, directory=folder.path)
    assert (status, first["deadlines_changed"], first["still_provisional"]) == (Exit.FINE, 6, 0)
    assert first["record"]
    _, again = told(set_command, file, directory=folder.path)
    assert (again["record"], again["deadlines_changed"], again["calendar"]) == (None, 0, first["calendar"])
    status, after = told(show, directory=folder.path)
    assert (status, after["provisional_deadlines"], after["calendar"]) == (Exit.FINE, 0, first["calendar"])
    assert after["terms"]["days"]["2027-01-09"] == "workday"


def test_showing_says_of_each_day_by_what_it_is_known(folder: RunFolder, file: Path, told: Any) -> None:
    days = {"first": date(2026, 12, 31), "last": date(2027, 1, 9)}
    _, before = told(show, directory=folder.path, **days)
    assert [one["source"] for one in before["days"]] == ["published", *["provisional"] * 9]
    set_command(file, directory=folder.path)
    _, after = told(show, directory=folder.path, **days)
    known = {one["day"]: (one["worked"], one["kind"], one["source"]) for one in after["days"]}
    assert known["2026-12-31"] == (True, "working day", "published")
    assert known["2027-01-01"] == (False, "holiday", "override")
    assert known["2027-01-02"] == (False, "weekend", "override")
    assert known["2027-01-09"] == (True, "make-up working day", "override")


def test_the_table_and_csv_have_the_same_days(folder: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    days = {"first": date(2026, 12, 30), "last": date(2027, 1, 3)}
    assert show(directory=folder.path, **days) == Exit.FINE
    table = capsys.readouterr().out
    assert "EMULATED" in table
    assert "6 provisional deadlines on the line" in " ".join(table.split())
    assert "? provisional" in table
    show(directory=folder.path, output="csv", **days)
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["day"] for row in rows] == [f"2026-12-{day}" for day in (30, 31)] + [
        f"2027-01-0{day}" for day in (1, 2, 3)
    ]
    assert {row["source"] for row in rows} == {"published", "provisional"}


def test_days_that_end_before_they_begin_are_refused(folder: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["calendar", "show", "--dir", str(folder.path), "--from", "2027-01-02", "--to", "2027-01-01"]
    assert run(words) == Exit.REFUSED
    assert "2027-01-01 comes before 2027-01-02" in capsys.readouterr().err
    assert run(["calendar", "show", "--dir", str(folder.path), "--from", "2199-12-30"]) == Exit.FINE


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('[days]\n"2027-13-01" = "holiday"', "2027-13-01"),
        ("complete_years = [2027]", "days names no holiday of it"),
        ("[days", "cannot be read"),
    ],
)
def test_a_bad_file_is_refused_whole_before_anything_changes(
    folder: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, said: str
) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text(content)
    assert run(["calendar", "set", str(bad), "--dir", str(folder.path)]) == Exit.REFUSED
    assert said in capsys.readouterr().err
    with pytest.raises(CalendarFileError, match=r"bad\.toml"):
        load(folder, tmp_path, "--calendar", bad)
    with open_reading(f"sqlite:///{folder.database_file}") as reading:
        assert terms(reading).rule.calendar == WorkCalendar()


def test_a_load_keeps_the_calendar_and_may_set_another(folder: RunFolder, file: Path, tmp_path: Path) -> None:
    def in_force() -> WorkCalendar:
        with open_reading(f"sqlite:///{folder.database_file}") as reading:
            found = terms(reading)
            assert found.reckoned
            return found.rule.calendar

    load(folder, tmp_path, "--calendar", file)
    assert in_force().complete_years == {2027}
    load(folder, tmp_path)
    assert in_force().complete_years == {2027}
    empty = tmp_path / "empty.toml"
    empty.write_text("[days]\n")
    load(folder, tmp_path, "--calendar", empty)
    assert in_force() == WorkCalendar()


def test_an_open_line_takes_its_time_nodes_from_the_calendar_in_force(folder: RunFolder, file: Path) -> None:
    """Somebody may set another one while it runs."""
    with open_line(folder, shift="day", stations=("review",)) as line:
        before = line.nodes()
        assert before.calendar == WorkCalendar()
        assert line.nodes() is before
        set_command(file, directory=folder.path)
        assert line.nodes().calendar.complete_years == {2027}
        assert line.nodes().allowances == ALLOWANCES


def test_a_line_whose_closing_time_changed_reckons_anew_when_it_opens(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch, told: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    def asked() -> Any:
        with open_reading(f"sqlite:///{folder.database_file}") as reading:
            changes = reading.rows("SELECT count(*) AS n FROM deadline_change WHERE after_us > before_us")[0]["n"]
            return changes, terms(reading).rule.accepts_until

    assert asked() == (0, CLOSES)
    text = folder.configuration.read_text("utf-8").replace('closes = "18:00"', 'closes = "00:00"')
    folder.configuration.write_text(text, "utf-8")
    with open_line(folder, shift="day", stations=("review",)):
        pass
    changes, accepts_until = asked()
    assert (changes, f"{accepts_until:%H:%M}") == (6, "00:00")
    monkeypatch.setenv("PASSLINE_ACCEPTANCE__LATER_IS_NEXT_DAY", "false")
    with open_line(folder, shift="day", stations=("review",)):
        pass
    assert asked() == (6, None)


def test_a_reckoning_that_was_cut_off_is_told_and_ends_with_one(
    folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a kill between the register's record and the deadlines leaves it."""
    from flows.composition import open_database
    from stations.intake.deadline_changes import set_calendar

    with open_database(folder, f"sqlite:///{folder.database_file}") as database:
        set_calendar(database, WorkCalendar({WINTER + timedelta(days=3): False}), emulated=True)
    assert run(["calendar", "show", "--dir", str(folder.path)]) == Exit.FINDINGS
    assert "not reckoned by this calendar yet" in capsys.readouterr().err
    with open_line(folder, shift="day", stations=("review",)):
        pass
    assert run(["calendar", "show", "--dir", str(folder.path)]) == Exit.FINE


def test_how_a_deadline_came_to_be_is_told_with_what_was_said_anew(
    folder: RunFolder, file: Path, tmp_path: Path, told: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    number = json.loads((tmp_path / "batch" / "applications.jsonl").read_bytes().splitlines()[0])["number"]

    def histories() -> list[Any]:
        capsys.readouterr()
        changes(number, directory=folder.path, output="json")
        return json.loads(capsys.readouterr().out)["applications"]

    (before,) = histories()
    assert (before["changes"], before["provisional"]) == ([], True)
    set_command(file, directory=folder.path)
    (after,) = histories()
    (change,) = after["changes"]
    assert (change["before_us"], change["before_provisional"]) == (before["deadline_us"], True)
    assert (change["after_us"], change["after_provisional"]) == (after["deadline_us"], False)
    said = ["2027-01-01 is a holiday", "2027-01-04 is a holiday", "2027-01-09 is a workday", "2027 is complete"]
    assert change["why"] == said
    assert run(["calendar", "changes", number, "--dir", str(folder.path)]) == Exit.FINE
    shown = capsys.readouterr().out
    assert shown.startswith("EMULATED · ")
    assert all(each in shown for each in (number, " → ", *said))
    assert run(["calendar", "changes", "NOBODY-000", "--dir", str(folder.path)]) == Exit.REFUSED
    assert "No application on file has the number NOBODY-000" in capsys.readouterr().err
