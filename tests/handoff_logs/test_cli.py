"""`logs`: quick, read-only, and plain about what it can't answer."""

import csv
import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from handoff_logs import cli
from handoff_logs.questions import QUESTIONS
from handoff_logs.records import Birth, Kind, new_id

FORBIDDEN = ("sqlalchemy", "sqlmodel", "pydantic", "prefect", "psycopg")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from handoff_logs.cli import app; app()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def directory(centre: Any, database_url: str, tmp_path: Path) -> str:
    """A run's folder whose `line.toml` names the database."""
    (order,) = centre.orders(1, numbers=["A1"])
    document = Birth(new_id(), Kind.DOCUMENT, "E1")
    centre.transform("review", order, *centre.blanks(1), document)
    centre.offer([document.unit_id], tray="T1")
    (tmp_path / "line.toml").write_text(f'database = "{database_url}"\n')
    return str(tmp_path)


def test_document_prints_the_whole_custody(directory: str) -> None:
    rows = json.loads(run("document", "A1", "--dir", directory, "--output", "json").stdout)
    assert [row["act"] for row in rows] == ["receive", "receive", "transform", "transform", "transform", "offer"]
    table = run("document", "E1", "--dir", directory).stdout
    assert "EMULATED" in table
    assert "transform" in table


def test_waiting_prints_open_offers_with_their_age(directory: str) -> None:
    answer = run("waiting", "--dir", directory, "--output", "csv")
    (row,) = csv.DictReader(answer.stdout.splitlines())
    assert (row["to_station"], row["unit_count"], row["tray"]) == ("qc", "1", "T1")
    assert int(row["age_s"]) >= 0


def test_check_finds_nothing_in_a_sound_log_and_exits_1_on_findings(directory: str, centre: Any) -> None:
    assert run("check", "--dir", directory).returncode == 0
    centre.sql("UPDATE whereabouts SET station = 'pocket'")
    answer = run("check", "--dir", directory, "--output", "json")
    assert answer.returncode == 1
    assert {row["rule"] for row in json.loads(answer.stdout)} == {"whereabouts follow the log"}


def test_an_unknown_number_or_folder_or_setting_is_one_sentence_and_exit_2(directory: str, tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "line.toml").write_text("database = ")
    for arguments, word in (
        (("document", "A2", "--dir", directory), "A2"),
        (("waiting", "--dir", str(tmp_path / "nowhere")), "nowhere"),
        (("waiting", "--dir", str(tmp_path / "broken")), "line.toml"),
    ):
        answer = run(*arguments)
        assert (answer.returncode, answer.stdout) == (2, "")
        assert word in answer.stderr
        assert len(answer.stderr.splitlines()) == 1
        assert answer.stderr.startswith("passline: ")
    assert run("documents").returncode == 2


def test_reading_needs_none_of_the_machinery_that_writes() -> None:
    check = f"import sys, handoff_logs.cli; print([m for m in {FORBIDDEN!r} if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_the_database_is_the_folders_own_unless_it_names_one(tmp_path: Path) -> None:
    assert cli.database_url(tmp_path) == f"sqlite:///{tmp_path}/passline.db"


def test_every_question_is_a_command_that_answers(directory: str) -> None:
    """In one process: what each is asked with, and that a table and its lines can be made of what comes."""
    code = (
        "import sys\nfrom handoff_logs.cli import app\nfrom handoff_logs.questions import QUESTIONS\n"
        "subjects = {'number': 'E1', 'name': 'day', 'code': 'review-1'}\n"
        "for question in QUESTIONS.values():\n"
        "    subject = [subjects[question.subject]] if question.subject else []\n"
        "    for form in ('table', 'jsonl', 'csv'):\n"
        "        app([question.name, *subject, '--dir', sys.argv[1], '--output', form], result_action='return_value')\n"
        "        print(f'-- {question.name} {form}')\n"
    )
    answer = subprocess.run([sys.executable, "-c", code, directory], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.count("-- ") >= 3 * len(QUESTIONS)


def test_a_long_answer_is_paged_and_says_how_to_go_on(directory: str) -> None:
    first = run("person", "review-1", "--dir", directory, "--limit", "2", "--output", "jsonl")
    seen = [json.loads(line)["seq"] for line in first.stdout.splitlines()]
    cursor = first.stderr.partition("--after ")[2].partition(",")[0]
    second = run("person", "review-1", "--dir", directory, "--after", cursor, "--output", "jsonl")
    seen += [json.loads(line)["seq"] for line in second.stdout.splitlines()]
    whole = run("person", "review-1", "--dir", directory, "--output", "jsonl")
    assert seen == [json.loads(line)["seq"] for line in whole.stdout.splitlines()]
    assert (len(seen), second.stderr) == (4, "")


def test_a_date_to_includes_its_day_and_a_time_that_is_none_is_refused(directory: str) -> None:
    today = f"{datetime.now().astimezone():%Y-%m-%d}"
    rows = run("person", "review-1", "--dir", directory, "--from", today, "--to", today, "--output", "jsonl").stdout
    assert len(rows.splitlines()) == 4
    assert run("late", "--dir", directory, "--limit", "0").returncode == 2
    answer = run("late", "--dir", directory, "--from", "yesterday")
    assert (answer.returncode, answer.stdout) == (2, "")
    assert "'yesterday' is no time" in answer.stderr


def test_an_assumed_period_is_said_beside_the_data(directory: str) -> None:
    answer = run("late", "--dir", directory, "--output", "json")
    assert json.loads(answer.stdout) == []
    assert "today" in answer.stderr


def test_a_file_says_by_its_name_what_it_is_to_hold(directory: str, tmp_path: Path) -> None:
    out = tmp_path / "custody.jsonl"
    assert run("document", "A1", "--dir", directory, "--out", str(out)).stdout == ""
    assert len(out.read_text("utf-8").splitlines()) == 6
    refused = run("document", "A1", "--dir", directory, "--out", str(tmp_path / "custody"))
    assert (refused.returncode, (tmp_path / "custody").exists()) == (2, False)
    assert "--output" in refused.stderr
    lost = run("document", "A1", "--dir", directory, "--out", str(tmp_path / "nowhere" / "custody.csv"))
    assert (lost.returncode, "no folder" in lost.stderr) == (2, True)
