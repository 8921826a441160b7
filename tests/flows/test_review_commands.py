"""`passline review`: the items for anybody, the hold list for a lead with a password of their own."""

import csv
import io
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from small_desk import ALIKE
from sqlalchemy import text
from typed_commands import feed

from flows.cli import run
from flows.composition import open_database, open_line, prepare
from flows.default_line import write_default
from flows.errors import Exit
from flows.run_folder import RunFolder
from handoff_logs import offers
from stations.intake.generator.generate import generate
from stations.intake.load import load
from stations.people import Role
from stations.people_register import passwords, register
from stations.people_register.credentials import Credentials
from stations.people_register.rules import ADMINISTRATORS
from stations.people_register.sign_in import sign_in_two
from stations.review import station
from stations.review.desk import Decision, Outcome, ReviewCase, ReviewDesk
from stations.review.items import ITEMS, REASONS

ONE = Credentials("p-0001", "a password of one")
TWO = Credentials("p-0002", "a password of two")
LEAD = Credentials("p-0003", "the lead's own password")
REVIEWER = Credentials("p-0004", "the reviewer's password")
NUMBER = "11010519491231002X"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A line with a lead and a reviewer."""
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
    folder = RunFolder(tmp_path / "line")
    write_default(folder, books=1, cards=0, small=0, air=0, gate=False)
    prepare(folder)
    with open_database(folder, folder.line().database_url) as database:
        register.found(database, ONE, TWO, emulated=True)
        by = sign_in_two(database, ONE, TWO, ADMINISTRATORS)
        register.enrol(database, by, LEAD, [Role.LEAD], emulated=True)
        register.enrol(database, by, REVIEWER, [Role.REVIEWER], emulated=True)
    return folder


@pytest.fixture
def set_list(folder: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def give(content: str, who: Credentials = LEAD) -> int:
        file = tmp_path / "list.txt"
        file.write_text(content, "utf-8")
        feed(monkeypatch, [who.password])
        signed = ("--by", who.code, "--passwords-from", "-", "--dir", str(folder.path))
        return run(["review", "hold-list", "set", str(file), *signed])

    return give


def shown(folder: RunFolder, capsys: pytest.CaptureFixture[str], status: int = Exit.FINE) -> dict[str, Any]:
    capsys.readouterr()
    assert run(["review", "hold-list", "show", "--output", "json", "--dir", str(folder.path)]) == status
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def test_the_items_are_printed_in_every_form_without_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["review", "items", "--output", "json"]) == Exit.FINE
    items = json.loads(capsys.readouterr().out)
    assert [item["code"] for item in items] == list(ITEMS)
    assert {reason["code"] for item in items for reason in item["reasons"]} == set(REASONS)
    assert all(item["question_zh"] and item["shown_zh"] for item in items)
    assert run(["review", "items", "--output", "csv"]) == Exit.FINE
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["reason"] for row in rows] == list(REASONS)
    assert run(["review", "items"]) == Exit.FINE
    text = capsys.readouterr().out
    assert all(reason.code in text and reason.chinese in text for reason in REASONS.values())


def test_a_lead_sets_the_list_and_nobody_else(
    folder: RunFolder, set_list: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shown(folder, capsys) == {"emulated": True, "set": False}
    assert set_list(NUMBER, REVIEWER) == Exit.REFUSED
    assert shown(folder, capsys)["set"] is False
    assert set_list(f"# alerts\n{NUMBER}\n") == Exit.FINE
    said = capsys.readouterr().out
    assert said.startswith("EMULATED line: the hold list of 1 person is in force and recorded")
    told = shown(folder, capsys)
    assert (told["persons"], told["as_recorded"]) == (1, True)
    assert set_list(NUMBER) == Exit.FINE
    assert "was in force already" in capsys.readouterr().out
    assert set_list("") == Exit.FINE
    assert shown(folder, capsys)["persons"] == 0
    assert [path.name for path in folder.hold_lists.iterdir()] == [shown(folder, capsys)["sha256"]]


def test_a_wrong_line_refuses_the_whole_file_without_repeating_it(
    folder: RunFolder, set_list: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert set_list(NUMBER) == Exit.FINE
    before = shown(folder, capsys)
    assert set_list(f"{NUMBER}\n110105194912310021\n") == Exit.REFUSED
    err = capsys.readouterr().err
    assert "line 2" in err and "check character" in err and "110105194912310021" not in err
    assert shown(folder, capsys) == before


def test_a_file_that_was_changed_is_a_finding(
    folder: RunFolder, set_list: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert set_list(NUMBER) == Exit.FINE
    (file,) = folder.hold_lists.iterdir()
    file.write_text("")
    assert shown(folder, capsys, Exit.FINDINGS)["as_recorded"] is False
    assert run(["review", "hold-list", "show", "--dir", str(folder.path)]) == Exit.FINDINGS
    assert "not the recorded one" in capsys.readouterr().out


def test_a_file_that_is_not_there_is_refused(folder: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["review", "hold-list", "set", "none.txt", "--dir", str(folder.path)]) == Exit.REFUSED
    assert "none.txt can't be read" in capsys.readouterr().err


class Holder(ReviewDesk):
    def decide(self, case: ReviewCase) -> Decision:
        return Decision(Outcome.HOLD, ("person_name",))


@pytest.fixture
def asked(folder: RunFolder, tmp_path: Path) -> str:
    """A line with two applications on hold; the office of one."""
    generate(tmp_path / "batch", 2, 1, day=date(2026, 9, 1), shares=ALIKE)
    with open_line(folder, shift="day", stations=("intake", "review")) as line:
        load(line.workplace("intake"), tmp_path / "batch", folder.path / "replies", tray_size=2)
        with line.database.read() as conn:
            waiting = offers.waiting(conn, "review")
        for offer in waiting:
            station.work_tray(line.workplace("review"), offer, Holder())
        with line.database.read() as conn:
            return str(conn.execute(text("SELECT min(office) FROM application")).scalar_one())


def test_questions_go_out_and_answers_come_in_signed_by_a_lead_or_clerk(
    folder: RunFolder, asked: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each is recorded with its sign-in; a reviewer may do neither, and what is loaded again changes nothing."""

    def passline(*words: str, who: Credentials = LEAD) -> tuple[int, str]:
        feed(monkeypatch, [who.password])
        capsys.readouterr()
        status = run(["review", *words, "--by", who.code, "--passwords-from", "-", "--dir", str(folder.path)])
        return status, capsys.readouterr().out

    assert passline("questions", "--office", asked, who=REVIEWER)[0] == Exit.REFUSED
    status, out = passline("questions", "--office", asked, "--output", "json")
    rows = json.loads(out)
    assert status == Exit.FINE and [row["reasons"] for row in rows] == [["person_name"]] * len(rows) != []
    status, out = passline("questions", "--office", asked, "--output", "csv")
    assert [row["sent_before"] for row in csv.DictReader(io.StringIO(out))] == ["1"] * len(rows)
    assert rows[0]["number"] in passline("questions", "--office", asked)[1]
    answer = {"office": asked, "answers": {"person_name": "confirmed"}, "answered_on": "2026-11-30"}
    file = tmp_path / "answers.jsonl"
    file.write_text("".join(json.dumps({"question": row["question"], **answer}) + "\n" for row in rows), "utf-8")
    assert passline("answers", "load", str(file), who=REVIEWER)[0] == Exit.REFUSED
    status, out = passline("answers", "load", str(file), "--output", "json")
    assert (status, json.loads(out)["answered"], json.loads(out)["set_aside"]) == (Exit.FINE, len(rows), [])
    file.write_text(file.read_text("utf-8") + "nothing\n", "utf-8")
    status, out = passline("answers", "load", str(file))
    assert status == Exit.FINDINGS and f"line {len(rows) + 1} is no line of JSON" in out
    assert f"on record before {len(rows)}, set aside 1" in out
