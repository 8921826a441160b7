"""`logs`: quick, read-only, and plain about what it can't answer."""

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from handoff_logs import cli
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
