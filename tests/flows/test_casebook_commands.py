"""`passline casebook`: whoever writes signs in; a rule that no longer catches a case is a finding."""

import csv
import io
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from typed_commands import feed

from flows.cli import run
from flows.composition import open_database, prepare
from flows.configuration import read_settings
from flows.default_line import write_default
from flows.errors import Exit
from flows.line_run import warn_of_missed_cases
from flows.program_log import set_up_log
from flows.run_folder import RunFolder
from stations.intake.generator.defects import Shares
from stations.intake.generator.generate import generate
from stations.intake.load import load
from stations.people import Role, emulated_duty
from stations.people_register import passwords, register
from stations.people_register.credentials import Credentials
from stations.people_register.rules import ADMINISTRATORS
from stations.people_register.sign_in import sign_in_two
from stations.personal import PersonalData
from stations.workplace import Workplace

ONE = Credentials("p-0001", "a password of one")
TWO = Credentials("p-0002", "a password of two")
LEAD = Credentials("p-0003", "the lead's own password")
REVIEWER = Credentials("p-0004", "the reviewer's password")
ENGINEER = Credentials("p-0005", "the engineer's password")
DARK = Shares(hk_macau_permit=0, taiwan_permit=0, emergencies=0, intake_defects=0, review_defects=1.0)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A line with a lead, a reviewer and an engineer."""
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
    folder = RunFolder(tmp_path / "line")
    write_default(folder, books=1, cards=0, small=0, air=0, gate=False)
    prepare(folder)
    with open_database(folder, folder.line().database_url) as database:
        register.found(database, ONE, TWO, emulated=True)
        by = sign_in_two(database, ONE, TWO, ADMINISTRATORS)
        for who, role in ((LEAD, Role.LEAD), (REVIEWER, Role.REVIEWER), (ENGINEER, Role.ENGINEER)):
            register.enrol(database, by, who, [role], emulated=True)
    return folder


@pytest.fixture
def book(folder: RunFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command of the casebook, with the passwords of whom it names; its status, and what it printed."""

    def call(*words: str, by: tuple[Credentials, ...] = ()) -> tuple[int, str]:
        capsys.readouterr()
        signed: list[str] = []
        if by:
            feed(monkeypatch, [who.password for who in by])
            named = ("--by",) if len(by) == 1 else ("--first", "--second")
            signed = [word for flag, who in zip(named, by, strict=True) for word in (flag, who.code)]
            signed += ["--passwords-from", "-"]
        status = run(["casebook", *words, *signed, "--dir", str(folder.path)])
        said = capsys.readouterr()
        return status, said.out + said.err

    return call


def rows(book: Any, *words: str) -> list[dict[str, Any]]:
    return list(json.loads(book(*words, "--output", "json")[1]))


def filed(folder: RunFolder, tmp_path: Path) -> dict[str, str]:
    """Four applications with something wrong; the number of each defect."""
    generate(tmp_path / "batch", 7, 3, day=date(2026, 9, 1), shares=DARK, truth=tmp_path / "truth")
    with open_database(folder, folder.line().database_url) as database:
        clerks = Workplace(
            database, "intake", "day", emulated_duty("intake", "day").codes, True, PersonalData(folder.keys)
        )
        load(clerks, tmp_path / "batch", tmp_path / "replies", tray_size=9)
    stated = map(json.loads, (tmp_path / "truth").read_text().splitlines())
    return {one["code"]: one["number"] for one in stated}


def test_whoever_writes_signs_in_and_everybody_reads(book: Any) -> None:
    told = ("add", "--station", "review", "--reason", "signature_characters_look_alike", "--character", "晓")
    status, said = book(*told, "--taken-for", "哓", "--words", "one stroke more", by=(REVIEWER,))
    assert status == Exit.FINE and "EMULATED" in said
    (case,) = rows(book, "list", "--character", "哓")
    assert (case["writer"], case["words"], case["emulated"]) == ("p-0004", "one stroke more", True)
    assert rows(book, "today") == [case] and rows(book, "list", "--item", "photo_ears") == []
    table = book("list")[1]
    assert "EMULATED" in table and "晓" in table and case["case_id"][:8] in table
    (line,) = csv.DictReader(io.StringIO(book("list", "--output", "csv")[1]))
    assert line["case_id"] == case["case_id"] and line["taken_for"] == "哓"
    for wrong in (("--words", "E12345678"), ("--taken-for", "哓朋"), ("--reason", "nothing")):
        status, said = book(*told, *wrong, by=(REVIEWER,))
        assert status == Exit.REFUSED and "E12345678" not in said
    assert book("add", "--station", "qc", "--reason", "photo_ears", by=(REVIEWER,))[0] == Exit.REFUSED
    assert len(rows(book, "list")) == 1

    status, said = book("correct", case["case_id"][:8], "--words", "two strokes more", by=(REVIEWER,))
    assert status == Exit.FINE
    (after,) = rows(book, "list")
    assert (after["corrects"], after["words"]) == (case["case_id"], "two strokes more")
    assert json.loads(book("show", case["case_id"], "--output", "json")[1])["corrected_by"] == after["case_id"]
    assert after["case_id"] in book("show", after["case_id"][:10])[1]
    assert book("correct", after["case_id"], "--withdraw", by=(LEAD,))[0] == Exit.FINE
    assert rows(book, "list") == []
    for unknown in ("12345678", "x"):
        assert book("show", unknown)[0] == Exit.REFUSED


def test_a_rule_that_no_longer_catches_a_case_is_a_finding(
    book: Any, folder: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Attached by two or a lead, tried by command, warned of when the line is started."""
    number = filed(folder, tmp_path)["photo_background"]
    told = ("add", "--station", "review", "--reason", "photo_background_dark", "--region", "background")
    assert book(*told, "--number", number, "--words", "grey wall", by=(REVIEWER,))[0] == Exit.FINE
    case = rows(book, "list")[0]["case_id"]
    piece = tmp_path / "piece.png"
    assert book("show", case, "--picture", str(piece))[0] == Exit.FINE and piece.read_bytes()[:4] == b"\x89PNG"
    assert book("try")[0] == Exit.FINE
    assert book("attach", case, "photo_background", by=(REVIEWER,))[0] == Exit.REFUSED
    assert book("attach", case, "photo_sharpness", by=(LEAD,))[0] == Exit.REFUSED
    assert book("attach", case, "photo_background", by=(REVIEWER, ENGINEER))[0] == Exit.FINE
    assert book("attach", case, "photo_background", by=(LEAD,))[0] == Exit.REFUSED
    assert [each["caught"] for each in rows(book, "try")] == [True] and book("try")[0] == Exit.FINE
    written = folder.configuration.read_text("utf-8")
    lenient = "background_brightness_min = 10\nbackground_spread_max = 255\nbackground_colour_max = 255"
    folder.configuration.write_text(written.replace("\nphoto_age", f"\n{lenient}\nphoto_age"), "utf-8")
    status, said = book("try")
    assert status == Exit.FINDINGS and "missed" in said and "0 of 1 caught" in said
    set_up_log(folder)
    warn_of_missed_cases(folder, read_settings(folder))
    assert "casebook_rule_misses" in folder.program_log.read_text() and case in capsys.readouterr().err


def test_the_truth_of_a_batch_says_who_caught_what(book: Any, folder: RunFolder, tmp_path: Path) -> None:
    filed(folder, tmp_path)
    status, said = book("training", "--truth", str(tmp_path / "truth"), "--output", "json")
    assert (status, json.loads(said)) == (Exit.FINE, [])
    assert book("training", "--truth", str(tmp_path / "none"))[0] == Exit.REFUSED
