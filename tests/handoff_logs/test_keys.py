"""Keys are made, replaced and revoked by records; a running process goes on with the new key, nothing with the old.

Each on SQLite and PostgreSQL; the writer is a process of its own and what is killed is killed.
"""

import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from handoff_logs import key_register, keyring, log, register
from handoff_logs.database import Database
from handoff_logs.errors import (
    CustodyRefusedError,
    KeyEndedError,
    KeyExistsError,
    KeyFileRefusedError,
    KeyMissingError,
    KeyRevokedError,
    KeyUnregisteredError,
    NeededKeyError,
    NoKeyInUseError,
    PinFormError,
    UnknownKeyError,
    WrongPinError,
)
from handoff_logs.key_register import Reason, Signers
from handoff_logs.keyring import Keyring, station_owner
from handoff_logs.records import Birth, Kind, Party, new_id

REVIEW = station_owner("review")
SIGNERS = Signers(register.administration("p-0001"), "p-0002", None)
PIN = "4711-0815"

WRITER = textwrap.dedent("""
    import sys, time
    from pathlib import Path
    from handoff_logs import log
    from handoff_logs.database import Database
    from handoff_logs.keyring import Keyring
    from handoff_logs.records import Birth, Kind, Party, new_id

    with Database(sys.argv[1], keyring=Keyring(Path(sys.argv[2]))) as database:
        for _ in range(2_000):
            order = [Birth(new_id(), Kind.ORDER)]
            by, stamp = Party("review", "review-1", "day"), log.Stamp(1, True)
            database.write(lambda tx: log.receive(tx, by, None, order, "in", stamp))
            print("written", flush=True)
            time.sleep(0.005)
""")
KILLED_BEFORE_ITS_RECORD = textwrap.dedent("""
    import os, signal, sys
    from pathlib import Path
    from handoff_logs import key_register, keyring, register
    from handoff_logs.database import Database

    folder = Path(sys.argv[2])
    register.record = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    with Database(sys.argv[1], keyring=keyring.Keyring(folder)) as database:
        signers = key_register.Signers(register.administration("p-0001"), "p-0002", None)
        key_register.rotate(database, folder, "station:review", key_register.Reason.LOST, signers, emulated=True)
""")


@pytest.fixture
def folder(keyring: Keyring, tmp_path: Path) -> Path:
    """The folder of the open database's keys."""
    return tmp_path / "signing"


def write(database: Database, *, station: str = "review", second: str | None = None) -> str:
    """Record something at a station."""
    kind = Kind.BLANK if second else Kind.ORDER
    births = [Birth(new_id(), kind)]
    by = Party(station, f"{station}-1", "day")
    return database.write(lambda tx: log.receive(tx, by, second, births, "in", log.Stamp(1, True)))


def signed_by(database: Database, event_id: str) -> tuple[str, str | None]:
    """Whose keys signed a record."""
    query = text("SELECT key_id, second_key_id FROM custody_event WHERE event_id = :event_id")
    with database.read() as conn:
        return tuple(conn.execute(query, {"event_id": event_id}).one())


def standing(database: Database, folder: Path, owner: str) -> list[tuple[bool, str | None, str]]:
    """Of an owner's keys: registered, revoked, file."""
    with database.read() as conn:
        found = key_register.standings(conn, keyring.files(folder))
    return [(one.since_us is not None, one.revoked, one.file) for one in found if one.owner == owner]


def rotate(database: Database, folder: Path, owner: str = REVIEW, **options: object) -> str:
    """Replace a key; the new one's id."""
    return key_register.rotate(database, folder, owner, Reason.LOST, SIGNERS, emulated=True, **options).key_id


def test_a_key_is_replaced_in_one_record_and_the_next_is_signed_with_the_new_one(database, folder):
    old = signed_by(database, write(database))[0]
    new = rotate(database, folder)
    assert signed_by(database, write(database)) == (new, None)
    query = text(
        "SELECT subject, field, value FROM custody_register WHERE event_id ="
        " (SELECT event_id FROM custody_register WHERE field = 'revoked') ORDER BY position"
    )
    with database.read() as conn:
        entries = [tuple(row) for row in conn.execute(query)]
        reason = conn.execute(text("SELECT DISTINCT reason FROM custody_event WHERE act = 'register'")).scalars()
        assert set(reason) == {None, "lost"}
    assert [entry[:2] for entry in entries] == [(new, "owner"), (new, "public"), (old, "revoked")]
    assert standing(database, folder, REVIEW) == [(True, "lost", "retired"), (True, None, "key")]


def test_a_running_writer_goes_on_with_the_new_key_without_restart(database, database_url, folder):
    """Replaced three times under it, twice by the administration's own new key; not one of its records is refused."""
    command = [sys.executable, "-c", WRITER, database_url, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as writer:
        try:
            used = []
            for _ in range(3):
                for _ in range(5):
                    assert writer.stdout.readline() == "written\n", writer.stderr.read()
                used.append(rotate(database, folder))
                rotate(database, folder, station_owner("administration"))
            for _ in range(5):
                assert writer.stdout.readline() == "written\n", writer.stderr.read()
        finally:
            writer.kill()
    query = text("SELECT DISTINCT key_id FROM custody_event WHERE from_station = 'review'")
    with database.read() as conn:
        keys = set(conn.execute(query).scalars())
        late = text(
            "SELECT count(*) FROM custody_event AS e JOIN custody_register AS r ON r.subject = e.key_id"
            " AND r.field = 'revoked' JOIN custody_event AS ended ON ended.event_id = r.event_id"
            " WHERE e.seq > ended.seq"
        )
        assert conn.execute(late).scalar() == 0
    assert set(used) < keys
    assert len(keys) == 4


def test_the_database_itself_refuses_a_revoked_key(database, folder, monkeypatch):
    """By its trigger: the program is made to sign with it all the same."""
    write(database)
    (key_id,) = [file.key_id for file in keyring.files(folder, REVIEW)]
    key_register.revoke(database, folder, key_id, Reason.STOLEN, SIGNERS, emulated=True)
    assert standing(database, folder, REVIEW) == [(True, "stolen", "retired")]
    with pytest.raises((KeyRevokedError, KeyMissingError)):
        write(database)
    assert database.keyring is not None
    (key,) = [key for key in database.keyring._by_id.values() if key.key_id == key_id]
    monkeypatch.setattr("handoff_logs.signing._numbered", lambda *_, **__: (key, key.last + 1))
    with pytest.raises(CustodyRefusedError, match="the key was revoked"):
        write(database)


def test_a_revoked_key_in_its_folder_still_signs_nothing(database, folder):
    """As where a command was killed between its record and the file: it is told from one that is lost."""
    (file,) = keyring.files(folder, REVIEW)
    key_register.revoke(database, folder, file.key_id, Reason.STOLEN, SIGNERS, emulated=True)
    file.path.with_suffix(".retired").rename(file.path)
    with pytest.raises(KeyRevokedError, match="create review"):
        write(database)


def test_killed_between_file_and_record_nothing_is_lost(database, database_url, folder):
    """The old key goes on, in this process and in the next; the file is listed; the next rotation clears it away."""
    command = [sys.executable, "-c", KILLED_BEFORE_ITS_RECORD, database_url, str(folder)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert standing(database, folder, REVIEW) == [(True, None, "key"), (False, None, "key")]
    before = signed_by(database, write(database))
    with Database(database_url, keyring=Keyring(folder)) as another:
        assert signed_by(another, write(another)) == before
    new = rotate(database, folder)
    assert signed_by(database, write(database))[0] == new
    assert [where for _, _, where in standing(database, folder, REVIEW)] == ["retired", "key", "retired"]


def test_an_unregistered_key_signs_nothing(database, folder):
    """Another station's, say, that the line's first record did not know."""
    keyring.write_new(folder, station_owner("binding"))
    database.keyring.reload()
    with pytest.raises(KeyUnregisteredError, match="passline keys create binding"):
        write(database, station="binding")
    created = key_register.create(database, folder, station_owner("binding"), SIGNERS, emulated=True)
    database.keyring.reload()
    assert signed_by(database, write(database, station="binding"))[0] == created.key_id


def test_what_can_not_be_done_to_keys_is_refused_and_changes_nothing(database, folder):
    (review,) = [file.key_id for file in keyring.files(folder, REVIEW)]
    (needed,) = [file.key_id for file in keyring.files(folder, station_owner("administration"))]

    def revoke(key_id):
        key_register.revoke(database, folder, key_id, Reason.LOST, SIGNERS, emulated=True)

    before = sorted(path.name for path in folder.iterdir() if path.name != "lock")
    with pytest.raises(KeyExistsError, match="rotate station:review"):
        key_register.create(database, folder, REVIEW, SIGNERS, emulated=True)
    with pytest.raises(NoKeyInUseError, match="create binding"):
        rotate(database, folder, station_owner("binding"))
    with pytest.raises(UnknownKeyError):
        revoke("0" * 16)
    with pytest.raises(NeededKeyError, match="rotate station:administration"):
        revoke(needed)
    with pytest.raises(PinFormError, match="6 to 64"):
        key_register.enrol(database, folder, "p-0417", "12345", SIGNERS, emulated=True)
    assert sorted(path.name for path in folder.iterdir() if path.name != "lock") == before
    revoke(review)
    with pytest.raises(KeyEndedError, match="lost"):
        revoke(review)
    assert signed_by(database, write(database, station="qc"))


def test_a_persons_own_key_signs_beside_the_stations_while_it_is_unlocked(database, folder):
    own = key_register.enrol(database, folder, "p-0417", PIN, SIGNERS, emulated=True)
    assert signed_by(database, write(database, second="p-0417"))[1] is None
    assert database.keyring.is_locked("p-0417")
    with pytest.raises(WrongPinError):
        database.keyring.unlock("p-0417", "4711-0816")
    database.keyring.unlock("p-0417", PIN)
    database.keyring.reload()
    assert signed_by(database, write(database, second="p-0417"))[1] == own.key_id
    assert signed_by(database, write(database, second="p-0418"))[1] is None
    database.keyring.lock("p-0417")
    assert signed_by(database, write(database, second="p-0417"))[1] is None
    with pytest.raises(KeyExistsError, match="rotate person:p-0417"):
        key_register.enrol(database, folder, "p-0417", PIN, SIGNERS, emulated=True)


def test_a_persons_replaced_key_is_refused_until_the_new_one_is_unlocked(database, folder):
    key_register.enrol(database, folder, "p-0417", PIN, SIGNERS, emulated=True)
    database.keyring.unlock("p-0417", PIN)
    new = rotate(database, folder, "person:p-0417", pin="another pin")
    with pytest.raises(KeyRevokedError):
        write(database, second="p-0417")
    with pytest.raises(WrongPinError):
        database.keyring.unlock("p-0417", PIN)
    database.keyring.unlock("p-0417", "another pin")
    assert signed_by(database, write(database, second="p-0417"))[1] == new


def test_a_persons_key_is_readable_by_nobody_without_the_pin(database, folder):
    """Neither the private key nor the PIN is in its file, and a file that is open to others is not opened."""
    key_register.enrol(database, folder, "p-0417", PIN, SIGNERS, emulated=True)
    (file,) = keyring.files(folder, "person:p-0417")
    assert file.path.stat().st_mode & 0o777 == 0o600
    content = file.path.read_bytes()
    assert content.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert PIN.encode() not in content
    file.path.chmod(0o640)
    with pytest.raises(KeyFileRefusedError, match="open to others"):
        database.keyring.unlock("p-0417", PIN)
    file.path.chmod(0o600)
    file.path.write_bytes(b"something else")
    with pytest.raises(KeyFileRefusedError, match="no key under a PIN"):
        database.keyring.unlock("p-0417", PIN)
    with pytest.raises(KeyMissingError):
        database.keyring.unlock("p-0418", PIN)


def test_a_stations_key_that_is_open_to_others_is_not_used(folder):
    (file,) = keyring.files(folder, REVIEW)
    file.path.chmod(0o644)
    with pytest.raises(KeyFileRefusedError, match="chmod go="):
        Keyring(folder)
    file.path.chmod(0o600)
    folder.chmod(0o755)
    with pytest.raises(KeyFileRefusedError, match="chmod go="):
        Keyring(folder)


def test_replaced_by_many_at_once_an_owner_has_one_key_in_use(database, database_url, folder):
    """Each command waits for the other; the file of the key in use is there at the end."""
    code = textwrap.dedent("""
        import sys
        from pathlib import Path
        from handoff_logs import key_register, keyring, register
        from handoff_logs.database import Database

        folder = Path(sys.argv[2])
        with Database(sys.argv[1], keyring=keyring.Keyring(folder)) as database:
            signers = key_register.Signers(register.administration("p-0001"), "p-0002", None)
            for _ in range(2):
                key_register.rotate(
                    database, folder, "station:review", key_register.Reason.LOST, signers, emulated=True
                )
    """)
    commands = [subprocess.Popen([sys.executable, "-c", code, database_url, str(folder)]) for _ in range(3)]
    give_up_s = time.monotonic() + 60
    assert [command.wait(give_up_s - time.monotonic()) for command in commands] == [0, 0, 0]
    in_use = [one for one in standing(database, folder, REVIEW) if one[1] is None]
    assert in_use == [(True, None, "key")]
    assert write(database)


def test_a_key_that_is_retired_while_the_folder_is_read_is_passed_over(folder, monkeypatch):
    """The one in its place is found instead: a rotation writes it before it takes the old one away."""
    real, (old,) = keyring.read_private, keyring.files(folder, REVIEW)
    made = []

    def read(path):
        if path == old.path and not made:
            made.append(keyring.write_new(folder, REVIEW))
            keyring.retire(folder, old.key_id)
        return real(path)

    monkeypatch.setattr(keyring, "read_private", read)
    assert Keyring(folder).of(REVIEW).key_id == made[0].key_id
