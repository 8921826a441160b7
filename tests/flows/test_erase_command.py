"""`passline logs erase`: signed by two, kept for as long as a document is valid, and then not known any more."""

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from typed_commands import feed

from flows.cli import run
from flows.composition import open_database, prepare
from flows.default_line import write_default
from flows.errors import Exit
from flows.run_folder import RunFolder
from handoff_logs import log
from handoff_logs.records import Birth, Kind, Party, new_id
from stations.people_register import passwords

ONE, TWO = "correct horse one", "correct horse two"
SIGNED = ("--first", "p-0001", "--second", "p-0002", "--passwords-from", "-")
NUMBER = "370100-20261125-0001"


@pytest.fixture
def passline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Commands on a line with two administrators and one application."""
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
    folder = RunFolder(tmp_path / "run")
    write_default(folder)
    prepare(folder)

    def command(*arguments: str, lines: tuple[str, ...] = (ONE, TWO)) -> int:
        feed(monkeypatch, lines)
        return run([*arguments, "--dir", str(folder.path)])

    assert command("people", "found", "p-0001", "p-0002", "--passwords-from", "-") == Exit.FINE
    by, births = Party("intake", "e-int-1", "day"), [Birth(new_id(), Kind.ORDER, NUMBER)]
    with open_database(folder, folder.line().database_url) as database:
        database.write(lambda tx: log.receive(tx, by, None, births, "in", log.Stamp(database.clock_us(tx), True)))
    return command


def test_a_number_is_erased_by_two_and_not_before_its_time(
    passline: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for arguments, lines, said in (
        ((NUMBER, "--reason", "request", *SIGNED), (ONE, TWO), "keep_numbers_years"),
        ((NUMBER, "--reason", "He asked for it.", "--force", *SIGNED), (ONE, TWO), "is a code"),
        ((NUMBER, "--reason", "request", "--force", *SIGNED), (ONE, ONE), "p-0002 is refused"),
        (("370100-20261125-0002", "--reason", "request", "--force", *SIGNED), (ONE, TWO), "no application"),
    ):
        assert passline("logs", "erase", *arguments, lines=lines) == Exit.REFUSED
        assert said in capsys.readouterr().err
    assert passline("logs", "document", NUMBER) == Exit.FINE
    assert passline("logs", "erase", NUMBER, "--reason", "request", "--force", *SIGNED) == Exit.FINE
    assert "EMULATED line: 1 numbers of 1 units are erased" in capsys.readouterr().out
    assert passline("logs", "document", NUMBER) == Exit.REFUSED
    assert "does not know the number" in capsys.readouterr().err
    assert NUMBER.encode() not in b"".join(path.read_bytes() for path in (tmp_path / "run").glob("passline.db"))
    assert tomllib.loads((tmp_path / "run" / "line.toml").read_text("utf-8"))["log"]["keep_numbers_years"] == 11
    monkeypatch.setenv("PASSLINE_LOG__KEEP_NUMBERS_YEARS", "9")
    assert passline("logs", "erase", NUMBER, "--reason", "request", *SIGNED) == Exit.REFUSED
    assert "10 to 100" in capsys.readouterr().err
