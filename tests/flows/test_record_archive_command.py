"""A year's custody put away, recorded by two, and asked again, as people type it."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from forged_archive import leave_out
from pwdlib.hashers.argon2 import Argon2Hasher
from two_years import FIRST, SECOND, born
from typed_commands import feed

from flows.cli import run
from flows.composition import open_database, prepare
from flows.default_line import write_default
from flows.errors import Exit
from flows.run_folder import RunFolder
from handoff_logs import log, log_key, opened
from handoff_logs.records import Kind, Party
from handoff_logs.sealing import Sealer
from stations.people_register import passwords

ONE, TWO, PACKER = "correct horse one", "correct horse two", "the packer's password"
SIGNED = ("--first", "p-0001", "--second", "p-0002", "--passwords-from", "-")
NUMBER = "370100-20230701-0001"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A line with two administrators and orders of two years."""
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
    folder = RunFolder(tmp_path / "run")
    write_default(folder)
    prepare(folder)
    by, births = Party("intake", "e-int-1", "day"), [born(FIRST, Kind.ORDER, NUMBER), born(SECOND, Kind.ORDER)]
    with open_database(folder, folder.line().database_url) as database:
        database.write(lambda tx: log.receive(tx, by, None, births, "in", log.Stamp(database.clock_us(tx), True)))
    seal(folder)
    return folder


def seal(folder: RunFolder) -> None:
    with open_database(folder, folder.line().database_url) as database:
        Sealer(database, log_key.read(folder.log_key)).seal()


@pytest.fixture
def passline(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Commands of the line, passwords from their standard input."""

    def command(*arguments: str, lines: tuple[str, ...] = (ONE, TWO), of: Path | None = None) -> int:
        feed(monkeypatch, lines)
        return run([*arguments, *(() if of == Path() else ("--dir", str(of or folder.path)))])

    assert command("people", "found", "p-0001", "p-0002", "--passwords-from", "-") == Exit.FINE
    seal(folder)
    return command


def test_a_year_is_put_away_recorded_by_two_and_asked_again(
    folder: RunFolder, passline: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive, again, out = tmp_path / "put-away", tmp_path / "again", tmp_path / "opened"
    public, alone = str(folder.log_key / "log.pub"), Path()
    assert passline("logs", "archive", str(FIRST), "--out", str(archive)) == Exit.FINE
    said = capsys.readouterr().out
    assert said.startswith("EMULATED log: ") and "not witnessed" in said and "1 numbers with their salts" in said
    assert "1 orders held" in said and "record-archive" in said
    with closing(sqlite3.connect(folder.database_file)) as connection:
        asked = connection.execute("SELECT question, parameters FROM audit_lookup ORDER BY seq DESC").fetchone()
    assert asked == ("export archive", f'{{"year":{FIRST}}}')
    assert passline("logs", "check-archive", str(archive), "--key", public, of=alone) == Exit.FINE
    assert "1 units born" in capsys.readouterr().out

    record = ("logs", "record-archive", str(archive))
    for lines in ((ONE, PACKER), (TWO, TWO)):
        assert passline(*record, *SIGNED, lines=lines) == Exit.REFUSED
    assert passline(*record, "--first", "p-0001", "--second", "p-0001", "--passwords-from", "-") == Exit.REFUSED
    capsys.readouterr()
    assert passline("logs", "verify", "--archive", str(archive)) == 1
    assert "nobody recorded an archive of 2023" in capsys.readouterr().out
    assert passline(*record, *SIGNED) == Exit.FINE
    assert "signed by p-0001 and p-0002" in capsys.readouterr().out
    assert passline("logs", "verify", "--archive", str(archive)) == 1
    assert "not sealed yet" in capsys.readouterr().out
    seal(folder)
    assert passline("logs", "verify", "--archive", str(archive)) == Exit.FINE
    assert "the archive of 2023 that p-0001 and p-0002 recorded (leaf " in capsys.readouterr().out

    # Another archive of the year is told from it, until it is recorded in its place.
    assert passline("logs", "archive", str(FIRST), "--out", str(again)) == Exit.FINE
    capsys.readouterr()
    assert passline("logs", "verify", "--archive", str(again), "--output", "json") == 1
    assert [one["is_recorded"] for one in json.loads(capsys.readouterr().out)["archives"]] == [False]
    assert passline("logs", "record-archive", str(again), *SIGNED) == Exit.FINE
    seal(folder)
    capsys.readouterr()
    assert passline("logs", "verify", "--archive", str(again), "--archive", str(archive)) == 1
    assert "replaced since" in capsys.readouterr().out
    assert passline("logs", "archives", "--output", "json") == Exit.FINE
    listed = json.loads(capsys.readouterr().out)
    assert [(row["year"], row["counts"], row["still_here"]) for row in listed] == [(2023, False, 1), (2023, True, 1)]
    assert passline("logs", "archives") == Exit.FINE

    opening = ("logs", "open-archive", str(archive), "--out", str(out), "--key", public)
    assert passline(*opening, of=alone) == Exit.FINE
    assert passline(*opening, of=alone) == Exit.REFUSED
    capsys.readouterr()
    assert passline("logs", "document", NUMBER, of=out) == Exit.FINE
    answer = capsys.readouterr()
    assert "receive" in answer.out
    assert "only the units born in 2023 are here" in answer.err and "1 rows are of units of other years" in answer.err
    proof = str(tmp_path / "proof.json")
    assert passline("logs", "prove", NUMBER, "--out", proof, of=out) == Exit.FINE
    assert "1 rows are of units of years that are not opened here" in capsys.readouterr().out
    assert passline("logs", "check", proof, "--key", public, of=alone) == Exit.FINE
    assert passline("logs", "check", of=out) == Exit.FINE
    for command in (("verify",), ("archives",), ("archive", "2023", "--out", "x"), ("snapshot",)):
        assert passline("logs", *command, of=out) == Exit.REFUSED
    assert passline("run", of=out) == Exit.REFUSED


def test_an_archive_that_leaves_something_out_or_is_another_log_s_is_not_recorded(
    folder: RunFolder, passline: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive, forged = tmp_path / "put-away", tmp_path / "forged"
    assert passline("logs", "archive", str(FIRST), "--out", str(archive)) == Exit.FINE
    shutil.copytree(archive, forged)
    leave_out(forged, "receive")
    for name in ("numbers.json", "numbers.jsonl.gz"):
        (forged / name).unlink()
    assert passline("logs", "record-archive", str(forged), *SIGNED) == Exit.REFUSED
    assert "it has 0 rows, and the log 1" in capsys.readouterr().err
    other = RunFolder(tmp_path / "other")
    write_default(other)
    prepare(other)
    seal(other)
    assert run(["logs", "record-archive", str(archive), "--dir", str(other.path), *SIGNED]) == Exit.REFUSED
    assert "not this log's" in capsys.readouterr().err
    (archive / "units.jsonl.gz").write_bytes(b"")
    assert passline("logs", "record-archive", str(archive), *SIGNED) == Exit.REFUSED
    capsys.readouterr()
    assert passline("logs", "verify", "--archive", str(archive)) == 1
    assert "SHA-256 was written down" in capsys.readouterr().out
    assert passline("logs", "verify", "--archive", str(tmp_path / "nowhere")) == Exit.REFUSED
    with closing(sqlite3.connect(folder.database_file)) as connection:
        assert connection.execute("SELECT count(*) FROM custody_register WHERE register = 'archive'").fetchone() == (0,)
    shutil.rmtree(archive)
    assert passline("logs", "record-archive", str(archive), *SIGNED) == Exit.REFUSED
    assert not (folder.path / opened.DATABASE).exists()
