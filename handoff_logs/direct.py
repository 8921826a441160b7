"""One short write without the machinery that writes custody: quick to start, durable, for commands that answer at once.

What it writes is never custody: the record of a look-up, a session at the terminal.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from handoff_logs.errors import UnreadableDatabaseError, UnsupportedUrlError
from handoff_logs.reading import Row, placed, without_secret

BUSY_TIMEOUT_S = 30
"""How long a write waits on SQLite for another writer's commit."""

_CLOCK = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint) AS now_us"


class Writing(Protocol):
    """A connection in one transaction, which takes SQL with `:name` parameters, the same on both databases."""

    dialect: str
    """`sqlite` or `postgresql`."""

    def rows(self, sql: str, **parameters: str | int | None) -> list[Row]:
        """Return the rows as dictionaries by column name."""
        ...

    def change(self, sql: str, **parameters: str | int | None) -> int:
        """Run a statement that changes rows, and return how many it changed."""
        ...

    def clock_us(self) -> int:
        """Return the database's clock: integer microseconds UTC."""
        ...


@contextmanager
def open_writing(url: str) -> Iterator[Writing]:
    """Lend a transaction, which is on disk when the block has ended and undone when the block raises.

    Raises UnreadableDatabaseError, also for what the database refuses, and UnsupportedUrlError.
    """
    scheme, _, rest = url.partition(":")
    if scheme in ("sqlite", "sqlite+pysqlite"):
        with _sqlite(Path(rest.removeprefix("///"))) as writing:
            yield writing
    elif scheme in ("postgresql", "postgresql+psycopg"):
        with _postgresql(f"postgresql:{rest}") as writing:
            yield writing
    else:
        raise UnsupportedUrlError(scheme)


class _SqliteWriting:
    dialect = "sqlite"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, sql: str, **parameters: str | int | None) -> list[Row]:
        cursor = self._connection.execute(sql, parameters)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def change(self, sql: str, **parameters: str | int | None) -> int:
        return self._connection.execute(sql, parameters).rowcount

    def clock_us(self) -> int:
        return time.time_ns() // 1000


@contextmanager
def _sqlite(path: Path) -> Iterator[Writing]:
    if not path.is_file():
        raise UnreadableDatabaseError(f"there is no database {path}")
    try:
        url = f"{path.resolve().as_uri()}?mode=rw"
        connection = sqlite3.connect(url, uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_S)
        try:
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("BEGIN IMMEDIATE")
            yield _SqliteWriting(connection)
            connection.execute("COMMIT")
        finally:
            # What was not committed is undone.
            connection.close()
    except sqlite3.Error as error:
        raise UnreadableDatabaseError(str(error)) from error


class _PostgresqlWriting:
    dialect = "postgresql"

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def rows(self, sql: str, **parameters: str | int | None) -> list[Row]:
        cursor = self._connection.execute(placed(sql), parameters)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def change(self, sql: str, **parameters: str | int | None) -> int:
        return int(self._connection.execute(placed(sql), parameters).rowcount)

    def clock_us(self) -> int:
        return int(self.rows(_CLOCK)[0]["now_us"])


@contextmanager
def _postgresql(url: str) -> Iterator[Writing]:
    import psycopg

    try:
        with psycopg.connect(url) as connection:
            yield _PostgresqlWriting(connection)
    except psycopg.Error as error:
        raise UnreadableDatabaseError(f"{without_secret(url)}: {str(error).splitlines()[0]}") from error
