"""A filled, sealed and cosigned log on each database, to be damaged and verified, each time as it was before."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest
from signing_keys import keyring_copy, log_key_of
from verified_log import fill

from handoff_logs import log_key
from handoff_logs.database import Database
from handoff_logs.guard_names import APPEND_ONLY
from handoff_logs.keyring import Keyring, person_owner
from handoff_logs.reading import _PostgresqlReading, _SqliteReading
from handoff_logs.verify.custody import GUARDS_RULE
from handoff_logs.verify.keys import Keys
from handoff_logs.verify.problems import Limits, Problem
from handoff_logs.verify.run import Asked, verify_reading
from handoff_logs.verify.storage import TABLES_RULE

_INDEXES = {
    "custody_event": ("seq", "event_id", "handoff_id"),
    "custody_unit": ("event_id, position", "unit_id, step"),
    "seal_leaf": ("event_seq", "epoch, leaf_index"),
}


class _Sqlite(_SqliteReading):
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection


class _Postgresql(_PostgresqlReading):
    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self._connection = connection


class Bare:
    """A copy of a log without a trigger, a constraint or a key: what a thief with the owner's login can make of it."""

    def __init__(self, connection: Any, dialect: str) -> None:
        self.connection, self.dialect = connection, dialect
        self.row_id = "rowid" if dialect == "sqlite" else "ctid"
        self.mark = "?" if dialect == "sqlite" else "%s"
        if dialect == "sqlite":
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                connection.execute(f"DROP TRIGGER {name}")
        for table in (*APPEND_ONLY, "whereabouts", "open_offer", "unit_number"):
            connection.execute(f"CREATE TABLE bare AS SELECT * FROM {table}")
            connection.execute(f"DROP TABLE {table}" + ("" if dialect == "sqlite" else " CASCADE"))
            connection.execute(f"ALTER TABLE bare RENAME TO {table}")
            for number, columns in enumerate(_INDEXES.get(table, ())):
                connection.execute(f"CREATE INDEX bare_{table}_{number} ON {table} ({columns})")
        connection.commit()

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows, each with its `row_id`."""
        cursor = self.connection.execute(f"SELECT {self.row_id} AS row_id, {table}.* FROM {table} ORDER BY 1")
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def set(self, table: str, column: str, row: dict[str, Any], value: object) -> None:
        """Change one value of one row."""
        sql = f"UPDATE {table} SET {column} = {self.mark} WHERE {self.row_id} = {self.mark}"
        self.connection.execute(sql, (value, row["row_id"]))

    @contextmanager
    def damaged(self) -> Iterator[None]:
        """Whatever is done in this block is undone after it."""
        if self.dialect == "sqlite":
            self.connection.execute("BEGIN")
        try:
            yield
        finally:
            self.connection.rollback()

    def problems(self, **asked: Any) -> list[Problem]:
        """What verification says, but for the guards and tables, which are bare."""
        reading = _Sqlite(self.connection) if self.dialect == "sqlite" else _Postgresql(self.connection)
        verdict = verify_reading(reading, Asked(**{"limits": Limits(unwitnessed_s=0)} | asked))
        return [problem for problem in verdict.problems if problem.rule not in (GUARDS_RULE, TABLES_RULE)]


@pytest.fixture(scope="session")
def filled(
    signing_keys: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Callable[[str], str]:
    """Returns the url of a database of a dialect in which one of everything happened, sealed and cosigned."""

    @cache
    def make(dialect: str) -> str:
        folder = tmp_path_factory.mktemp("filled")
        if dialect == "sqlite":
            path = folder / "passline.db"
            path.write_bytes(request.getfixturevalue("sqlite_template").read_bytes())
            url = f"sqlite:///{path}"
        else:
            url = request.getfixturevalue("postgresql_databases")()
        keyring_copy(signing_keys, folder / "signing").close()
        keyring = Keyring.create(folder / "signing", [person_owner("vault-2")])
        with Database(url, keyring=keyring) as database:
            fill(database, keyring, log_key.read(log_key_of(signing_keys)))
        return url

    return make


@pytest.fixture(scope="session", params=("sqlite", "postgresql"))
def bare(request: pytest.FixtureRequest, filled: Callable[[str], str], tmp_path_factory: Any) -> Iterator[Bare]:
    """The filled log laid bare, once on each database."""
    url = filled(request.param)
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("bare") / "bare.db"
        with sqlite3.connect(url.removeprefix("sqlite:///")) as source, sqlite3.connect(path) as target:
            source.backup(target)
        source.close()
        target.close()
        connection: Any = sqlite3.connect(path, isolation_level=None)
    else:
        server = request.getfixturevalue("postgresql_server")
        name = url.partition("?")[0].rpartition("/")[2]
        with psycopg.connect(server.format(database="postgres"), autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE bare_{name} TEMPLATE {name}")
        connection = psycopg.connect(server.format(database=f"bare_{name}"))
    yield Bare(connection, request.param)
    connection.close()


@pytest.fixture
def remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each signature be verified once: what it is does not change between cases, and it takes a millisecond."""
    monkeypatch.setattr(Keys, "holds", lambda _, *said: _remembered(*said))


_holds = Keys.holds


@cache
def _remembered(public: bytes, message: bytes, signature: bytes) -> bool:
    return _holds(Keys({}, None), public, message, signature)
