"""`passline logs explain`: a finding is closed by two people's sealed word, and by nothing less."""

import json
import sqlite3
from contextlib import closing
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
from handoff_logs import log_key
from handoff_logs.sealing import Sealer
from stations.people import Role
from stations.people_register import passwords, register
from stations.people_register.credentials import Credentials
from stations.people_register.rules import ADMINISTRATORS
from stations.people_register.sign_in import sign_in_two

ONE = Credentials("p-0001", "a password of one")
TWO = Credentials("p-0002", "a password of two")
PACKER = Credentials("p-0419", "the packer's password")
SIGNED = ("--first", ONE.code, "--second", TWO.code, "--passwords-from", "-")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A sealed line with two administrators and a packer, and a unit in its tables that no record knows."""
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
    folder = RunFolder(tmp_path / "line")
    write_default(folder, books=1, cards=0, readers=1, tray_size=3, speed=20, seed=1)
    prepare(folder)
    with open_database(folder, folder.line().database_url) as database:
        register.found(database, ONE, TWO, emulated=True)
        register.enrol(database, sign_in_two(database, ONE, TWO, ADMINISTRATORS), PACKER, [Role.PACKER], emulated=True)
    seal(folder)
    with closing(sqlite3.connect(folder.database_file)) as thief:
        thief.execute("INSERT INTO whereabouts SELECT 'x', 1, 'blank', 'held', 'vault', 'shelf', 'p', NULL, NULL, NULL,"
                      " NULL, NULL, 1")  # fmt: skip
        thief.commit()
    return folder


def seal(folder: RunFolder) -> None:
    with open_database(folder, folder.line().database_url) as database:
        Sealer(database, log_key.read(folder.log_key)).seal()


def verified(folder: RunFolder, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    with pytest.raises(SystemExit):
        run(["logs", "verify", "--dir", str(folder.path), "--output", "json"])
        raise SystemExit(0)
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def test_two_people_s_sealed_word_closes_a_finding(
    folder: RunFolder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = verified(folder, capsys)
    (problem,) = before["problems"]
    assert (before["verdict"], problem["rule"]) == ("findings", "whereabouts follow the log")
    explain = ["logs", "explain", problem["finding"], "--dir", str(folder.path)]
    feed(monkeypatch, [ONE.password, PACKER.password])
    packer = ["--first", ONE.code, "--second", PACKER.code, "--passwords-from", "-"]
    assert run([*explain, "--reason", "drill", *packer]) == Exit.REFUSED
    feed(monkeypatch, [ONE.password, TWO.password])
    assert run([*explain, "--reason", "drill", *SIGNED]) == Exit.FINE
    assert verified(folder, capsys)["verdict"] == "findings"
    seal(folder)
    after = verified(folder, capsys)
    assert after["verdict"] == "clean"
    assert after["problems"][0]["explained_by"]
    assert run([*explain, "--reason", "drill", *SIGNED]) == Exit.REFUSED


@pytest.mark.parametrize(("finding", "reason"), [("0" * 16, "drill"), (None, "It was a drill.")])
def test_what_is_no_finding_or_no_code_is_refused(
    folder: RunFolder, capsys: pytest.CaptureFixture[str], finding: str | None, reason: str
) -> None:
    named = finding or verified(folder, capsys)["problems"][0]["finding"]
    assert run(["logs", "explain", named, "--reason", reason, "--dir", str(folder.path), *SIGNED]) == Exit.REFUSED
    assert "nothing was recorded" in capsys.readouterr().err
