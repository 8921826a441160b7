"""`passline applications`: a lead stops one alone, and two people end or release it, each with their own password."""

import json
from pathlib import Path
from typing import Any

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from typed_commands import feed

from flows.cli import run
from flows.composition import open_database, prepare
from flows.default_line import write_default
from flows.errors import Exit
from flows.run_folder import RunFolder
from handoff_logs.reading import open_reading
from stations.people import Role
from stations.people_register import passwords, register
from stations.people_register.credentials import Credentials
from stations.people_register.rules import ADMINISTRATORS
from stations.people_register.sign_in import sign_in_two

ONE = Credentials("p-0001", "a password of one")
TWO = Credentials("p-0002", "a password of two")
LEAD = Credentials("p-0003", "the lead's own password")
INSPECTOR = Credentials("p-0004", "the inspector's password")
SIGNED = ("--first", LEAD.code, "--second", INSPECTOR.code, "--passwords-from", "-")
NUMBER = (
    "SELECT n.number FROM application a JOIN unit_number n ON n.unit_id = a.order_unit"
    " WHERE a.state = 'waiting' ORDER BY a.application_id"
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A line with a lead and an inspector, and three applications that wait for review."""
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
    folder = RunFolder(tmp_path / "line")
    write_default(folder, books=1, cards=0, readers=1, tray_size=3, speed=20, seed=1)
    prepare(folder)
    with open_database(folder, folder.line().database_url) as database:
        register.found(database, ONE, TWO, emulated=True)
        by = sign_in_two(database, ONE, TWO, ADMINISTRATORS)
        register.enrol(database, by, LEAD, [Role.LEAD], emulated=True)
        register.enrol(database, by, INSPECTOR, [Role.INSPECTOR], emulated=True)
    batch = str(tmp_path / "batch")
    assert run(["intake", "generate", batch, "--documents", "3", "--intake-defects", "0"]) == Exit.FINE
    assert run(["intake", "load", batch, "--dir", str(folder.path)]) == Exit.FINE
    return folder


@pytest.fixture
def number(folder: RunFolder) -> str:
    with open_reading(folder.line().database_url) as reading:
        return str(reading.rows(NUMBER)[0]["number"])


@pytest.fixture
def applications(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> Any:
    def give(*arguments: str, typed: tuple[Credentials, ...] = ()) -> int:
        feed(monkeypatch, [who.password for who in typed])
        return run(["applications", *arguments, "--dir", str(folder.path)])

    return give


def stop(applications: Any, number: str, who: Credentials = LEAD) -> int:
    reason = ("--reason", "withdrawn", "--by", who.code, "--passwords-from", "-")
    return int(applications("stop", number, *reason, typed=(who,)))


def test_a_lead_alone_stops_and_nobody_else(applications: Any, number: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert applications("stopped") == Exit.FINE
    assert stop(applications, number, INSPECTOR) == Exit.REFUSED
    assert applications("stopped") == Exit.FINE
    assert stop(applications, number) == Exit.FINE
    capsys.readouterr()
    assert applications("stopped", "--output", "json") == Exit.IN_DOUBT
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["application"], row["reason"], row["was"], row["emulated"]) == (number, "withdrawn", "waiting", True)
    assert stop(applications, number) == Exit.REFUSED
    assert "stopped already" in capsys.readouterr().err


def test_what_stands_under_an_offer_is_not_ended_yet_and_may_be_released(
    applications: Any, number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stop(applications, number) == Exit.FINE
    assert applications("end", number, *SIGNED, typed=(LEAD, INSPECTOR)) == Exit.REFUSED
    assert "quarantine" in capsys.readouterr().err
    assert applications("release", number, *SIGNED, typed=(LEAD, INSPECTOR)) == Exit.FINE
    assert "EMULATED line: released; it is waiting again" in capsys.readouterr().out
    assert applications("stopped") == Exit.FINE


def test_one_person_twice_or_a_wrong_password_ends_nothing(applications: Any, number: str) -> None:
    assert stop(applications, number) == Exit.FINE
    twice = ("--first", LEAD.code, "--second", LEAD.code, "--passwords-from", "-")
    assert applications("release", number, *twice, typed=(LEAD, LEAD)) == Exit.REFUSED
    wrong = Credentials(INSPECTOR.code, "not the right one")
    assert applications("release", number, *SIGNED, typed=(LEAD, wrong)) == Exit.REFUSED
    assert applications("release", number, *SIGNED, typed=(LEAD,)) == Exit.REFUSED
    assert applications("stopped") == Exit.IN_DOUBT


def test_a_number_that_nobody_filed_is_refused_and_not_repeated(
    applications: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stop(applications, "379999999999999999") == Exit.REFUSED
    assert "379999999999999999" not in capsys.readouterr().err


def lift(applications: Any, number: str, who: Credentials = LEAD, reason: str = "exam") -> int:
    given = ("--reason", reason, "--by", who.code, "--passwords-from", "-")
    return int(applications("raise", number, *given, typed=(who,)))


def test_a_lead_alone_raises_to_the_green_channel_and_all_see_it(
    applications: Any, folder: RunFolder, number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert applications("green") == Exit.FINE
    assert lift(applications, number, INSPECTOR) == Exit.REFUSED
    assert lift(applications, number, Credentials(LEAD.code, "not the right one")) == Exit.REFUSED
    capsys.readouterr()
    assert lift(applications, number) == Exit.FINE
    told = capsys.readouterr().out
    assert told.startswith("EMULATED line: in the green channel (exam), approved by p-0003; due ")
    assert "offered to review alone" in told
    assert applications("green", "--output", "json") == Exit.FINE
    found = json.loads(capsys.readouterr().out)
    (row,) = [row for row in found if row["application"] == number]
    assert (row["approver"], row["reason"], row["minutes"], row["emulated"]) == ("p-0003", "exam", 0, True)
    assert "order offered at intake" in row["units"]
    assert lift(applications, number, reason="visa_expiry") == Exit.REFUSED
    assert "p-0003 raised it (exam)" in capsys.readouterr().err
    assert run(["calendar", "changes", number, "--dir", str(folder.path)]) == Exit.FINE
    assert "raised to the green channel by p-0003 (exam)" in capsys.readouterr().out
    assert run(["logs", "verify", "--dir", str(folder.path)]) == Exit.FINE


def test_a_stopped_application_overtakes_nothing(
    applications: Any, number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stop(applications, number) == Exit.FINE
    assert lift(applications, number) == Exit.REFUSED
    assert "two people release it first" in capsys.readouterr().err
    assert applications("green") == Exit.FINE
    assert applications("stopped", "--output", "csv") == Exit.IN_DOUBT
