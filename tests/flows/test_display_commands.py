"""`passline board token`, `displays`, `revoke`: by the real commands, signed, and the token printed once."""

import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from typed_commands import feed

from flows.cli import run
from flows.default_line import write_default
from flows.errors import Exit
from flows.run_folder import RunFolder
from stations.people_register import passwords

ONE, TWO = "correct horse one", "correct horse two"
BY = ("--by", "p-0001", "--passwords-from", "-")
Command = Callable[..., int]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs `passline …` on a line of its own in this process, passwords from its standard input."""
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
    write_default(RunFolder(tmp_path / "line"))

    def ran(*arguments: str, lines: tuple[str, ...] = ()) -> int:
        feed(monkeypatch, lines)
        return run([*arguments, "--dir", str(tmp_path / "line")])

    return ran


@pytest.fixture
def founded(command: Command) -> Command:
    """The same, with two administrators."""
    assert command("people", "found", "p-0001", "p-0002", "--passwords-from", "-", lines=(ONE, TWO)) == Exit.FINE
    return command


def test_a_display_is_made_listed_and_revoked(
    founded: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert founded("board", "token", "hall-1", "--days", "30", *BY, lines=(ONE,)) == Exit.FINE
    said = capsys.readouterr()
    assert re.fullmatch(r"[0-9a-f]{8}\.[A-Za-z0-9_-]{43}\n", said.out), "data alone on standard output"
    assert said.err.startswith("EMULATED line: display") and "passline board revoke" in said.err
    display, secret = said.out.strip().split(".")
    assert founded("board", "displays") == Exit.FINE
    assert f"{display}  ● live" in capsys.readouterr().out
    assert founded("board", "revoke", display, *BY, lines=(ONE,)) == Exit.FINE
    assert "is revoked" in capsys.readouterr().out
    assert founded("board", "revoke", display, *BY, lines=(ONE,)) == Exit.FINE
    assert "nothing changed" in capsys.readouterr().out
    assert founded("board", "displays", "--output", "json") == Exit.FINE
    found = json.loads(capsys.readouterr().out)
    (one,) = found["displays"]
    assert found["emulated"] and (one["state"], one["where"], one["revoked_by"]) == ("revoked", "hall-1", "p-0001")
    assert secret not in json.dumps(found)
    everything = b"".join(path.read_bytes() for path in (tmp_path / "line").rglob("*") if path.is_file())
    assert secret.encode() not in everything


@pytest.mark.parametrize(
    ("arguments", "lines", "said"),
    [
        (("token", "Zhang San", *BY), (ONE,), "named by its place"),
        (("token", "hall-1", "--days", "5000", *BY), (ONE,), "1 to 1095 days"),
        (("token", "hall-1", *BY), ("wrong password",), "is refused"),
        (("revoke", "0000abcd", *BY), (ONE,), "no display 0000abcd"),
    ],
)
def test_what_is_refused_changes_nothing_and_says_what_to_do(
    founded: Command,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    lines: tuple[str, ...],
    said: str,
) -> None:
    capsys.readouterr()
    assert founded("board", *arguments, lines=lines) == Exit.REFUSED
    told = capsys.readouterr()
    assert said in told.err and told.out == "" and "Zhang" not in told.err
    with sqlite3.connect(tmp_path / "line" / "passline.db") as database:
        query = "SELECT count(*) FROM custody_register WHERE register = 'display'"
        assert database.execute(query).fetchone() == (0,)


def test_a_line_without_people_says_how_to_begin(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("board", "token", "hall-1", *BY, lines=(ONE,)) == Exit.REFUSED
    assert "passline people found" in capsys.readouterr().err
