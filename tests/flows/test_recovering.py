"""A database that knows less than the keys, the log's notes or the witness: seen, named, and nothing is drawn on it."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flows.cli import run
from flows.composition import open_database, open_line, prepare
from flows.configuration import read_settings
from flows.default_line import write_default
from flows.errors import Exit, RecoveringError
from flows.locks import line_lock
from flows.recovering import look
from flows.run_folder import RunFolder
from flows.sealer import open_loop
from handoff_logs import log_key, register
from handoff_logs.errors import DatabaseBehindError, LogBehindError
from handoff_logs.kept_notes import COSIGNED, KeptNotes
from handoff_logs.keyring import registered_as
from handoff_logs.log import Stamp
from handoff_logs.register import Register
from handoff_logs.witness.folder import make_witness
from handoff_logs.writing import Entry

SERVE = "from flows.cli import main; main()"


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    made = RunFolder(tmp_path / "run")
    write_default(made)
    prepare(made)
    return made


@pytest.fixture
def record(folder: RunFolder) -> Callable[[], None]:
    """Writes one more record, whatever it says."""

    def write() -> None:
        entry = Entry(Register.THRESHOLD, "test", "at", str(time.time_ns()))
        with open_database(folder, folder.line().database_url) as database:
            database.write(lambda tx: register.record(tx, register.administration(), None, [entry], Stamp(1, True)))

    return write


@pytest.fixture
def witness(folder: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A real witness's process, which the line asks; its url."""
    key = make_witness(tmp_path / "witness", "ministry.test/w")
    log_name = str(log_key.read_verifier(folder.log_key))
    command = [sys.executable, "-c", SERVE, "witness", "serve", "--dir", str(tmp_path / "witness")]
    process = subprocess.Popen(
        [*command, "--log", log_name, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    monkeypatch.setenv("PASSLINE_LOG__WITNESS", url)
    monkeypatch.setenv("PASSLINE_LOG__WITNESS_KEY", str(key))
    yield url
    process.terminate()
    process.wait()
    process.stdout.close()


def seal(folder: RunFolder) -> None:
    with open_loop(folder, read_settings(folder)) as loop:
        loop.seal()
        loop.show()


def lose(folder: RunFolder) -> Path:
    """Move the database away; where it is now."""
    for part in ("-wal", "-shm"):
        folder.database_file.with_name(f"passline.db{part}").unlink(missing_ok=True)
    return folder.database_file.rename(folder.path / "lost.db")


def passline(folder: RunFolder, *arguments: str) -> int:
    return run([*arguments, "--dir", str(folder.path)])


def test_a_copy_is_not_restored_over_a_newer_database_nor_while_somebody_works(
    folder: RunFolder, record: Callable[[], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = str(tmp_path / "copy")
    seal(folder)
    assert passline(folder, "logs", "backup", "--out", copy) == Exit.FINE
    assert "EMULATED line: " in capsys.readouterr().out
    assert passline(folder, "logs", "restore", copy) == Exit.FINE
    for held in (line_lock(folder), open_loop(folder, read_settings(folder))):
        with held:
            assert passline(folder, "logs", "restore", copy) == Exit.REFUSED
            assert "another process" in capsys.readouterr().err
    record()
    seal(folder)
    assert passline(folder, "logs", "restore", copy) == Exit.REFUSED
    assert "2 records are sealed here and 1 in the copy" in capsys.readouterr().err
    lost = lose(folder)
    assert passline(folder, "logs", "restore", copy) == Exit.REFUSED
    assert "--over-nothing" in capsys.readouterr().err
    lost.rename(folder.database_file)
    assert look(folder).current


def test_after_an_older_copy_nothing_is_recorded_and_it_is_told_by_how_much(
    folder: RunFolder, record: Callable[[], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = str(tmp_path / "copy")
    seal(folder)
    assert passline(folder, "logs", "backup", "--out", copy) == Exit.FINE
    for _ in range(3):
        record()
    seal(folder)
    newer = lose(folder)
    capsys.readouterr()
    assert passline(folder, "logs", "restore", copy, "--over-nothing") == Exit.IN_DOUBT
    lacks = "(station:administration) signed 4 records, and the database has 1 of them."
    sealed = "has 1 sealed records here, and the log's own key has sealed 4."
    assert lacks in (shown := capsys.readouterr().out)
    assert sealed in shown
    assert passline(folder, "status", "--output", "json") == Exit.IN_DOUBT
    assert [lacks in line or sealed in line for line in json.loads(capsys.readouterr().out)["recovering"]] == [True] * 2
    assert passline(folder, "status") == Exit.IN_DOUBT
    assert "RECOVERING" in capsys.readouterr().out
    assert passline(folder, "run") == Exit.IN_DOUBT
    said = capsys.readouterr().err
    assert lacks in said
    assert "declare-loss" in said
    with pytest.raises(RecoveringError), open_line(folder, shift="day", stations=()):
        pass
    with pytest.raises(DatabaseBehindError):
        record()
    with pytest.raises(LogBehindError):
        seal(folder)
    assert passline(folder, "devices", "settle", "0" * 16, "--found", "not-drawn") == Exit.IN_DOUBT
    assert passline(folder, "intake", "load", str(tmp_path)) == Exit.IN_DOUBT
    newer.replace(folder.database_file)
    assert look(folder).current
    with open_line(folder, shift="day", stations=()):
        record()


def test_a_lost_database_is_behind_in_everything(
    folder: RunFolder, record: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    record()
    seal(folder)
    lose(folder)
    found = look(folder)
    assert [(one.has, one.given) for one in found.keys] == [(0, 2)]
    assert [(one.size, one.known) for one in found.seals] == [(0, 2)]
    for command in ("status", "run"):
        assert passline(folder, command) == Exit.IN_DOUBT
        assert "signed 2 records, and the database has 0 of them" in capsys.readouterr().err


def test_the_witness_tells_where_nothing_in_the_folder_does(
    folder: RunFolder, record: Callable[[], None], witness: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The keys were put back from the same old backup as the database, notes and numbers with them."""
    with open_line(folder, shift="day", stations=()):
        pass  # registers the witness's key
    seal(folder)
    sealed, _ = KeptNotes(folder.log_key).read(COSIGNED) or pytest.fail("the witness did not cosign")
    copy = str(tmp_path / "copy")
    assert passline(folder, "logs", "backup", "--out", copy) == Exit.FINE
    old = {path: path.read_bytes() for path in folder.keys.rglob("*") if path.suffix in (".number", ".note")}
    for _ in range(2):
        record()
    seal(folder)
    lose(folder)
    for path, content in old.items():
        path.write_bytes(content)
    assert passline(folder, "logs", "restore", copy, "--over-nothing") == Exit.FINE
    assert look(folder).current
    capsys.readouterr()
    assert passline(folder, "run") == Exit.IN_DOUBT
    told = f"has {sealed.size} sealed records here, and the witness ministry.test/w has cosigned {sealed.size + 2}."
    assert told in capsys.readouterr().err
    # As many as the witness knows, and other ones.
    for _ in range(2):
        record()
    with open_loop(folder, read_settings(folder)) as loop:
        loop.seal()
    assert passline(folder, "run") == Exit.IN_DOUBT
    assert "two histories" in capsys.readouterr().err


def test_a_lost_witness_is_followed_by_another(
    folder: RunFolder, record: Callable[[], None], witness: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its key is registered by a record, and it cosigns the whole log at once; a silent one keeps nobody from work."""
    with open_line(folder, shift="day", stations=()):
        pass
    seal(folder)
    monkeypatch.setenv("PASSLINE_LOG__WITNESS", "http://127.0.0.1:9")
    record()
    with open_line(folder, shift="day", stations=()):
        pass
    other = make_witness(tmp_path / "other", "ministry.test/second")
    monkeypatch.setenv("PASSLINE_LOG__WITNESS_KEY", str(other))
    with open_line(folder, shift="day", stations=()) as line, line.database.read() as conn:
        keys = register.state(conn, Register.KEY)
    assert keys[registered_as(other.public, "").key_id, "owner"] == "witness:ministry.test/second"
    command = [sys.executable, "-c", SERVE, "witness", "serve", "--dir", str(tmp_path / "other"), "--port", "0"]
    with subprocess.Popen(
        [*command, "--log", str(log_key.read_verifier(folder.log_key))],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        monkeypatch.setenv("PASSLINE_LOG__WITNESS", process.stdout.readline().strip())
        seal(folder)
        process.terminate()
    checkpoint, note = KeptNotes(folder.log_key).read(COSIGNED) or pytest.fail("not cosigned")
    assert (checkpoint.size, [one.name for one in note.signatures][1]) == (
        6,
        "ministry.test/second",
    )  # the first, the line's, two witnesses' and this test's
    assert look(folder).current
