"""`passline people sign-ins`: every way in is in one list, accepted or refused, and its cost is what is listed."""

import csv
import io
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from enrolled import enrol
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import text
from typed_commands import feed

from flows.cli import run
from flows.composition import open_database, prepare
from flows.default_line import write_default
from flows.errors import Exit
from flows.run_folder import RunFolder
from flows.sign_ins_command import ALL, OF_PERSON
from handoff_logs.database import Database
from handoff_logs.reading import open_reading
from stations.people import Role
from stations.people_register import issuer, passwords
from stations.people_register.credentials import Credentials
from stations.people_register.errors import IssuerRefusedError, SignInRefusedError
from stations.people_register.sign_in import sign_in
from stations.people_register.tables import IssuerRefusal

PASSWORD = "a password of everybody"
ISSUER = "https://id.centre.example/realms/staff"
AUDITOR, PACKER = "p-0011", "p-0012"
READERS = (Role.AUDITOR, Role.LEAD)


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def line_tables() -> bool:
    """Sign-ins are in the line's tables."""
    return True


def come_and_go(database: Database) -> None:
    """The auditor by password and through the issuer, the packer refused by either, and somebody unproven."""
    enrol(database, auditor="auditor", packer="packer")
    kept = passwords.hashed(PASSWORD)
    insert = text("INSERT INTO person_password VALUES (:code, :hash, 1)")
    for code in (AUDITOR, PACKER):
        database.write(lambda tx, code=code: tx.execute(insert, {"code": code, "hash": kept}))
    sign_in(database, Credentials(AUDITOR, PASSWORD))
    with pytest.raises(SignInRefusedError):
        sign_in(database, Credentials(PACKER, "a wrong password"))
    issuer.admit(database, ISSUER, AUDITOR, READERS)
    with pytest.raises(IssuerRefusedError):
        issuer.admit(database, ISSUER, PACKER, READERS)
    issuer.record_refusal(database, ISSUER, IssuerRefusal.TOKEN)


def test_both_ways_in_are_one_list_latest_first(database: Database, database_url: str) -> None:
    come_and_go(database)
    with open_reading(database_url, by_index=True) as reading:
        found = [
            (row["code"], row["by"], row["outcome"], row["reason"]) for row in reading.rows(ALL, since_us=2, most=9)
        ]
        own = [row["by"] for row in reading.rows(OF_PERSON, since_us=2, most=9, person=AUDITOR)]
        assert [row["code"] for row in reading.rows(ALL, since_us=2, most=1)] == [""]
    assert found == [
        ("", "issuer", "refused", "token"),
        (PACKER, "issuer", "refused", "roleless"),
        (AUDITOR, "issuer", "accepted", ""),
        (PACKER, "password", "refused", ""),
        (AUDITOR, "password", "accepted", ""),
    ]
    assert own == ["issuer", "password"]


def test_a_list_goes_down_indexes_and_sorts_nothing(sqlite_templates: Any) -> None:
    """Its cost is what is listed, however many sign-ins there ever were."""
    with closing(sqlite3.connect(sqlite_templates(True))) as database:
        for sql in (ALL, OF_PERSON):
            asked = {"since_us": 0, "most": 1, "person": "p"}
            given = {name: asked[name] for name in asked if f":{name}" in sql}
            plan = [str(row[3]) for row in database.execute(f"EXPLAIN QUERY PLAN {sql}", given)]
            assert not [step for step in plan if step.startswith("SCAN") and "INDEX" not in step], plan
            assert any("MERGE" in step for step in plan), plan


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """An emulated line where people came and went."""
    made = RunFolder(tmp_path / "line")
    write_default(made, books=1, cards=0, readers=1)
    prepare(made)
    with open_database(made, made.line().database_url) as database:
        come_and_go(database)
    return made


@pytest.fixture
def listed(folder: RunFolder, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs the command; what it printed."""

    def command(*arguments: str, status: int = Exit.FINE) -> str:
        capsys.readouterr()
        assert run(["people", "sign-ins", *arguments, "--dir", str(folder.path)]) == status
        shown = capsys.readouterr()
        return shown.out if status == Exit.FINE else shown.err

    return command


def test_the_list_is_printed_in_every_form_and_emulated_is_said(listed: Callable[..., str]) -> None:
    rows = json.loads(listed("--output", "json", "--since", "2026-01-01"))
    assert [(row["code"], row["by"]) for row in rows][:2] == [("", "issuer"), (PACKER, "issuer")]
    assert rows[0]["place"] == ISSUER and rows[0]["reason"] == "token"
    assert {row["emulated"] for row in rows} == {True}
    assert PASSWORD not in json.dumps(rows)
    assert list(csv.DictReader(io.StringIO(listed("--output", "csv"))))[1]["reason"] == "roleless"
    table = listed()
    assert "EMULATED line" in table and "issuer" in table and "roleless" in table
    assert "nobody signed in" in listed("--since", "2100-01-01")


def test_one_persons_since_a_time_and_so_many(
    listed: Callable[..., str], folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = json.loads(listed("--person", PACKER, "--output", "json"))
    assert {row["code"] for row in rows} == {PACKER} and {row["outcome"] for row in rows} >= {"refused"}
    assert run(["people", "sign-ins", "--limit", "2", "--output", "json", "--dir", str(folder.path)]) == Exit.FINE
    shown = capsys.readouterr()
    assert len(json.loads(shown.out)) == 2 and "the latest 2; there are more" in shown.err
    assert "a staff code is a small letter" in listed("--person", "Zhang San", status=Exit.REFUSED)
    assert "is no time" in listed("--since", "yesterday", status=Exit.REFUSED)


def test_a_session_at_a_terminal_says_where_and_overseers_alone_may_ask(
    listed: Callable[..., str], folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for code, status in ((PACKER, Exit.REFUSED), (AUDITOR, Exit.FINE)):
        feed(monkeypatch, (PASSWORD,))
        assert run(["sign-in", code, "--passwords-from", "-", "--dir", str(folder.path)]) == Exit.FINE
        said = listed("--output", "json", status=status)
    (own, _, *_) = json.loads(said)
    assert (own["code"], own["by"], own["outcome"]) == (AUDITOR, "password", "accepted")
    assert len(own["place"].split()) >= 3
    with open_reading(folder.line().database_url) as reading:
        asked = [(row["reader"], row["question"]) for row in reading.rows("SELECT reader, question FROM audit_lookup")]
    assert asked == [(AUDITOR, "people sign-ins")]
