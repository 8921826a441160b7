"""One database, written safely."""

import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from handoff_logs import log
from handoff_logs.database import Database
from handoff_logs.errors import CustodyRefusedError, UnsafeDatabaseError, UnsupportedUrlError
from handoff_logs.records import Birth, Kind, new_id


def test_failed_work_is_undone_alone(centre: Any) -> None:
    """Works that share a commit don't share a failure, and a key counts none of those that were undone."""
    gate = threading.Event()
    slow = centre.database.submit(lambda tx: gate.wait(10))  # holds the writer, so that the next ones form a group
    births = [Birth(new_id(), Kind.ORDER, f"A{n}") for n in range(10)]

    def work(n: int) -> Any:
        def receive(tx: Any) -> str:
            event = log.receive(tx, centre.by("review"), None, [births[n]], "in", centre.stamp())
            if n % 3 == 0:
                raise LookupError(n)
            return event

        return receive

    futures = [centre.database.submit(work(n)) for n in range(10)]
    gate.set()
    slow.result()
    failed = [n for n, future in enumerate(futures) if isinstance(future.exception(), LookupError)]
    assert failed == [0, 3, 6, 9]
    found = centre.do(lambda tx: tx.execute(text("SELECT number FROM unit_number ORDER BY number")).scalars().all())
    assert found == [f"A{n}" for n in range(10) if n % 3]
    centre.orders(1)


def test_a_constraint_checked_at_commit_fails_its_own_work_only(centre: Any) -> None:
    gate = threading.Event()
    slow = centre.database.submit(lambda tx: gate.wait(10))

    def promise_a_row_that_never_comes(tx: Any) -> None:
        tx.execute(
            text(
                "INSERT INTO custody_event (event_id, handoff_id, act, from_station, person, shift, count_expected,"
                " count_counted, happened_us, written_us, units_root, schema_version, emulated, last_position"
                ", key_id, key_number, signature)"
                " SELECT 'e', 'e', 'move', 'review', 'p', 's', 1, 1, 1, 1, 'r', 1, :yes, 1, subject, 1, 'forged'"
                " FROM custody_register WHERE field = 'owner' AND value = 'station:review'"
            ),
            {"yes": True},
        )

    bad = centre.database.submit(promise_a_row_that_never_comes)
    good = centre.database.submit(
        lambda tx: log.receive(tx, centre.by("review"), None, [Birth(new_id(), Kind.ORDER)], "in", centre.stamp())
    )
    gate.set()
    slow.result()
    assert isinstance(bad.exception(), CustodyRefusedError)
    good.result()
    events = centre.do(
        lambda tx: tx.execute(text("SELECT event_id FROM custody_event WHERE act <> 'register'")).scalars().all()
    )
    assert events == [good.result()]


def test_commits_are_announced_before_and_after(database_url: str) -> None:
    phases: list[str] = []
    with Database(database_url, on_commit=phases.append) as database:
        database.write(lambda tx: None)
    assert phases == ["before", "after"]


def test_a_refusal_that_is_not_custody_is_not_translated(database: Database) -> None:
    database.write(lambda tx: tx.execute(text("CREATE TABLE other (id INTEGER PRIMARY KEY)")))
    database.write(lambda tx: tx.execute(text("INSERT INTO other VALUES (1)")))
    with pytest.raises(DBAPIError):
        database.write(lambda tx: tx.execute(text("INSERT INTO other VALUES (1)")))


def test_a_reader_cannot_write(database: Database) -> None:
    with database.read() as conn, pytest.raises(DBAPIError):
        conn.execute(text("DELETE FROM whereabouts"))


def test_work_inside_work_is_refused_rather_than_stuck(database: Database) -> None:
    if database.read().__enter__().dialect.name != "sqlite":
        pytest.skip("only SQLite has one writer")
    with pytest.raises(RuntimeError, match="transaction it was given"):
        database.write(lambda tx: database.write(lambda inner: None))


def test_a_database_without_its_guards_is_refused(database_url: str) -> None:
    engine = create_engine(database_url)
    with engine.begin() as connection:
        on = "" if engine.dialect.name == "sqlite" else " ON custody_unit"
        connection.execute(text(f"DROP TRIGGER custody_unit_legal{on}"))
    engine.dispose()
    with pytest.raises(UnsafeDatabaseError, match="custody_unit_legal"):
        Database(database_url)


def test_a_guard_that_is_switched_off_is_missed(database_url: str) -> None:
    engine = create_engine(database_url)
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite can't switch a trigger off")
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE custody_event DISABLE TRIGGER custody_event_append_only"))
    engine.dispose()
    with pytest.raises(UnsafeDatabaseError, match="custody_event_append_only"):
        Database(database_url)


def test_a_database_that_does_not_write_durably_is_refused(database_url: str) -> None:
    engine = create_engine(database_url)
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite's settings are the connection's, and ours sets them")
    name = database_url.partition("?")[0].rpartition("/")[2]
    with engine.begin() as connection:
        connection.execute(text(f"ALTER DATABASE {name} SET synchronous_commit = off"))
    engine.dispose()
    with pytest.raises(UnsafeDatabaseError, match="synchronous_commit"):
        Database(database_url)


def test_other_databases_are_refused() -> None:
    with pytest.raises(UnsupportedUrlError):
        Database("mysql://localhost/x")


def test_a_copied_file_is_the_whole_log(tmp_path: Path, sqlite_template: Path) -> None:
    shutil.copyfile(sqlite_template, tmp_path / "a.db")
    with Database(f"sqlite:///{tmp_path / 'a.db'}") as database:
        database.write(lambda tx: tx.execute(text("INSERT INTO unit_number VALUES ('u', 'order', '1', 's')")))
    assert not (tmp_path / "a.db-wal").exists()
