"""The sealer beside a line: started again when it dies, ended with the line however that ends, one at a time."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.composition import open_database, open_line, prepare
from flows.configuration import read_settings
from flows.default_line import write_default
from flows.errors import SealerLostError, SealerRunsAlreadyError
from flows.processes import ProcessMark
from flows.run_folder import RunFolder
from flows.sealer import open_loop
from flows.sealer_watch import MARK, sealer_beside
from handoff_logs import key_register, log_key, register
from handoff_logs.key_register import Reason, Signers
from handoff_logs.log import Stamp
from handoff_logs.notes import Note
from handoff_logs.reading import open_reading
from handoff_logs.register import Register
from handoff_logs.verify.run import CLEAN, verify
from handoff_logs.witness.folder import open_witness
from handoff_logs.writing import Entry

PATIENCE_S = 30.0
A_LINE = """
import sys, time
from pathlib import Path
from flows.configuration import read_settings
from flows.run_folder import RunFolder
from flows.sealer_watch import sealer_beside
folder = RunFolder(Path(sys.argv[1]))
with sealer_beside(folder, read_settings(folder)):
    print("beside", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    monkeypatch.setenv("PASSLINE_LOG__SEAL_EVERY_S", "0.1")
    made = RunFolder(tmp_path / "run")
    write_default(made)
    prepare(made)
    with open_line(made, shift="day", stations=()):
        pass  # makes and registers the emulated witness
    return made


def seen(folder: RunFolder, sql: str) -> int:
    with open_reading(folder.line().database_url) as reading:
        return int(reading.rows(sql)[0]["n"] or 0)


def sealed(folder: RunFolder) -> int:
    return seen(folder, "SELECT max(size) AS n FROM seal_checkpoint")


def cosigned(folder: RunFolder) -> int:
    return seen(folder, "SELECT max(size) AS n FROM seal_cosignature")


def record(folder: RunFolder) -> None:
    """One more record, whatever it says."""
    entry = Entry(Register.THRESHOLD, "test", "at", str(time.time_ns()))
    with open_database(folder, folder.line().database_url) as database:
        database.write(lambda tx: register.record(tx, register.administration(), None, [entry], Stamp(1, True)))


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def sealer_pid(folder: RunFolder) -> int | None:
    mark = ProcessMark.read(folder.logs / MARK)
    return mark.pid if mark is not None and mark.alive else None


def test_what_is_recorded_is_sealed_and_cosigned_to_the_end(folder: RunFolder) -> None:
    before = seen(folder, "SELECT count(*) AS n FROM custody_event")
    with sealer_beside(folder, read_settings(folder)):
        until(lambda: cosigned(folder) == before)
        record(folder)
    assert (sealed(folder), cosigned(folder)) == (before + 1, before + 1)
    assert sealer_pid(folder) is None


def test_a_block_that_ends_at_once_leaves_nothing_unsealed(folder: RunFolder) -> None:
    """The sealer may not be told to stop before it heeds that."""
    with sealer_beside(folder, read_settings(folder)):
        record(folder)
    assert sealed(folder) == cosigned(folder) == seen(folder, "SELECT count(*) AS n FROM custody_event")


def test_a_sealer_that_dies_is_started_again(folder: RunFolder) -> None:
    with sealer_beside(folder, read_settings(folder)):
        until(lambda: sealed(folder) > 0)
        first = sealer_pid(folder)
        assert first is not None
        os.kill(first, signal.SIGKILL)
        record(folder)
        until(lambda: sealer_pid(folder) not in (None, first))
    assert sealed(folder) == seen(folder, "SELECT count(*) AS n FROM custody_event")


def test_a_killed_line_leaves_no_sealer_and_nothing_unsealed(folder: RunFolder) -> None:
    line = subprocess.Popen([sys.executable, "-c", A_LINE, str(folder.path)], stdout=subprocess.PIPE, text=True)
    assert line.stdout is not None
    line.stdout.readline()
    until(lambda: sealed(folder) > 0)
    record(folder)
    line.kill()
    line.wait()
    line.stdout.close()
    until(lambda: sealer_pid(folder) is None)
    assert sealed(folder) == seen(folder, "SELECT count(*) AS n FROM custody_event")


def test_the_emulated_witness_follows_the_log_to_its_next_key(folder: RunFolder) -> None:
    signers = Signers(register.administration("p-0001"), "p-0002", None)
    first = log_key.read(folder.log_key).verifier

    def rotate() -> None:
        with open_database(folder, folder.line().database_url) as database:
            key_register.rotate_log(database, folder.log_key, Reason.STOLEN, signers, emulated=True)

    with sealer_beside(folder, read_settings(folder)):
        until(lambda: cosigned(folder) > 0)
        rotate()
        until(lambda: log_key.read(folder.log_key).verifier != first)
        record(folder)
        until(lambda: cosigned(folder) == seen(folder, "SELECT count(*) AS n FROM custody_event"))
        rotate()
    # Ended between the old key's last checkpoint and the new one's first: the next witness process has to know both.
    with sealer_beside(folder, read_settings(folder)):
        record(folder)
        until(lambda: cosigned(folder) == seen(folder, "SELECT count(*) AS n FROM custody_event"))
    changes = open_witness(folder.witness).store.key_changes()
    assert [changes[0].old_key, changes[1].new_key] == [str(first), str(log_key.read(folder.log_key).verifier)]
    assert verify(folder.line().database_url).exit_code == CLEAN
    note = Note.parse((folder.log_key / "cosigned.note").read_bytes())
    assert note.signatures_of([log_key.read(folder.log_key).verifier])


def test_one_sealer_at_a_time(folder: RunFolder) -> None:
    settings = read_settings(folder)
    with open_loop(folder, settings), pytest.raises(SealerRunsAlreadyError), open_loop(folder, settings):
        pass


def test_a_sealer_without_its_key_is_not_started_for_ever(folder: RunFolder) -> None:
    """It refuses by itself, and the watch says why rather than start it again."""
    log_key.create(folder.log_key.with_name("other"), "other")
    for name in ("log.key", "log.pub"):
        (folder.log_key.with_name("other") / name).replace(folder.log_key / name)
    with (
        pytest.raises(SealerLostError, match="nothing was sealed"),
        sealer_beside(folder, read_settings(folder)) as watch,
    ):
        assert watch is not None
        until(lambda: watch.ended is not None)
