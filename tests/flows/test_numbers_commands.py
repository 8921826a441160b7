"""`passline numbers`: what numbers a line has left, and a further range that two sign for."""

import json
from pathlib import Path

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from typed_commands import feed

from flows.cli import run
from flows.composition import open_database, prepare
from flows.default_line import write_default
from flows.errors import Exit
from flows.run_folder import RunFolder
from stations.people_register import passwords, register
from stations.people_register.credentials import Credentials

ONE, TWO = "the words of one", "the words of two"
SIGNED = ("--first", "p-0001", "--second", "p-0002", "--passwords-from", "-")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A line with two administrators and no numbers."""
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
    made = RunFolder(tmp_path / "line")
    write_default(made, books=1, cards=1, readers=1, small=1)
    prepare(made)
    with open_database(made, made.line().database_url) as database:
        register.found(database, Credentials("p-0001", ONE), Credentials("p-0002", TWO), emulated=True)
    return made


def listed(folder: RunFolder, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, int], list[str]]:
    capsys.readouterr()
    status = run(["numbers", "list", "--output", "json", "--dir", str(folder.path)])
    told = json.loads(capsys.readouterr().out)
    return status, {row["numbers"]: row["left"] for row in told["ranges"]}, told["without"]


def test_a_line_is_given_numbers_by_two_and_says_what_is_left(
    folder: RunFolder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert listed(folder, capsys) == (Exit.FINDINGS, {}, ["hk_macau_permit", "taiwan_permit", "parcel"])
    for numbered, first, last in (
        ("hk_macau_permit", "CA0000001", "CA0000100"),
        ("taiwan_permit", "L00000001", "L00000200"),
        ("parcel", "SF0001", "SF0300"),
    ):
        feed(monkeypatch, [ONE, TWO])
        assert run(["numbers", "add", numbered, first, last, *SIGNED, "--dir", str(folder.path)]) == Exit.FINE
        assert "signed by p-0001 and p-0002" in capsys.readouterr().out
    assert listed(folder, capsys) == (Exit.FINE, {"hk_macau_permit": 100, "taiwan_permit": 200, "parcel": 300}, [])


def test_a_wrong_range_is_refused_before_anybody_signs_and_one_person_gives_none(
    folder: RunFolder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    where = ("--dir", str(folder.path))
    assert run(["numbers", "add", "taiwan_permit", "L1", "L2", *where]) == Exit.REFUSED
    assert "no numbers of this document; nothing was done" in capsys.readouterr().err
    feed(monkeypatch, [ONE, ONE])
    twice = ("--first", "p-0001", "--second", "p-0001", "--passwords-from", "-")
    assert run(["numbers", "add", "taiwan_permit", "L00000001", "L00000002", *twice, *where]) == Exit.REFUSED
    feed(monkeypatch, [ONE, "not the words"])
    assert run(["numbers", "add", "taiwan_permit", "L00000001", "L00000002", *SIGNED, *where]) == Exit.REFUSED
    assert listed(folder, capsys)[1] == {}
