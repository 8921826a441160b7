"""Reading the log without the machinery that writes it: quick to start, and unable to change anything."""

import itertools
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.parse import unquote, urlsplit

from handoff_logs.errors import UnreadableDatabaseError, UnsupportedUrlError

Row = dict[str, Any]

FETCHED_ROWS = 2_000
"""Rows of a stream that PostgreSQL hands over at a time."""

_CURSORS = itertools.count()
BY_INDEX = (
    "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off;"
    " SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL jit = off"
)
"""So that PostgreSQL goes by indexes in the order in which a question is written, as SQLite does: it takes an event to
have far more units than it has, and would sooner read the whole log."""
_NAMED = re.compile(r"(?<!:):([a-z_]+)")


class Reading(Protocol):
    """A read-only connection that answers SQL with `:name` parameters, the same on both databases."""

    dialect: str
    """`sqlite` or `postgresql`."""

    def rows(self, sql: str, **parameters: str | int | None) -> list[Row]:
        """Return the rows as dictionaries by column name."""
        ...

    def stream(self, sql: str, **parameters: str | int | None) -> Iterator[Row]:
        """Give the rows one by one, for a question that reads more of them than it should hold."""
        ...

    def tuples(self, sql: str, **parameters: str | int | None) -> list[tuple[Any, ...]]:
        """Return the rows as they come: for pages of thousands."""
        ...

    def snapshot(self) -> str | None:
        """Return by which name another process opens this very state, while this connection stays open.

        None on SQLite, where a later state is the same one with rows added.
        """
        ...

    def close(self) -> None:
        """Close the connection."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_reading(url: str, snapshot: str | None = None, *, by_index: bool = False) -> Reading:
    """Open the log at a database url for reading, in the state of a `snapshot` if one is named.

    `by_index`: for questions, which go from index to index and never over a whole table. Raises
    UnreadableDatabaseError, UnsupportedUrlError.
    """
    scheme, _, rest = url.partition(":")
    if scheme in ("sqlite", "sqlite+pysqlite"):
        return _SqliteReading(Path(rest.removeprefix("///")))
    if scheme in ("postgresql", "postgresql+psycopg"):
        return _PostgresqlReading(f"postgresql:{rest}", snapshot, by_index)
    raise UnsupportedUrlError(scheme)


def reading_over(connection: sqlite3.Connection) -> Reading:
    """Read what a connection to SQLite sees, the rows that it has not committed included."""
    return _SqliteReading.over(connection)


class _Closing:
    """Closes itself when its block ends."""

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _SqliteReading(_Closing):
    dialect = "sqlite"

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise UnreadableDatabaseError(f"there is no database {path}")
        connection = None
        try:
            url = f"{path.resolve().as_uri()}?mode=ro"
            self._connection = connection = sqlite3.connect(url, uri=True, isolation_level=None)
            # One transaction, so that several questions see one state of the log.
            connection.execute("BEGIN")
            connection.execute("SELECT 1 FROM custody_event LIMIT 1")
        except sqlite3.Error as error:
            if connection is not None:
                connection.close()
            raise UnreadableDatabaseError(f"{path}: {error}") from error

    @classmethod
    def over(cls, connection: sqlite3.Connection) -> Self:
        """Read over a connection that is open."""
        reading = cls.__new__(cls)
        reading._connection = connection
        return reading

    def rows(self, sql: str, **parameters: str | int | None) -> list[Row]:
        return list(self.stream(sql, **parameters))

    def stream(self, sql: str, **parameters: str | int | None) -> Iterator[Row]:
        with _refused():
            cursor = self._connection.execute(sql, parameters)
        return _taken(cursor)

    def tuples(self, sql: str, **parameters: str | int | None) -> list[tuple[Any, ...]]:
        with _refused():
            return self._connection.execute(sql, parameters).fetchall()

    def snapshot(self) -> str | None:
        return None

    def close(self) -> None:
        self._connection.close()


@contextmanager
def _refused() -> Iterator[None]:
    """Raise what SQLite refuses to read, a damaged file or a text that is none, as UnreadableDatabaseError."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        # Python's words have the text that it can't decode, and the whole statement.
        undecoded = str(error).startswith("Could not decode")
        raise UnreadableDatabaseError("a text in it is not UTF-8" if undecoded else str(error)) from error


def _taken(cursor: sqlite3.Cursor) -> Iterator[Row]:
    names = [column[0] for column in cursor.description]
    with _refused():
        for row in cursor:
            yield dict(zip(names, row, strict=True))


class _PostgresqlReading(_Closing):
    dialect = "postgresql"

    def __init__(self, url: str, snapshot: str | None, by_index: bool) -> None:
        # Only where PostgreSQL is used: its driver is a third of a second's import.
        import psycopg
        from psycopg import sql

        connection = None
        try:
            self._connection = connection = psycopg.connect(url)
            connection.read_only = True
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            if snapshot is not None:
                connection.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(snapshot))
            if by_index:
                connection.execute(BY_INDEX)
            connection.execute("SELECT 1 FROM custody_event LIMIT 1")
        except psycopg.Error as error:
            if connection is not None:
                connection.close()
            raise UnreadableDatabaseError(f"{without_secret(url)}: {str(error).splitlines()[0]}") from error

    def rows(self, sql: str, **parameters: str | int | None) -> list[Row]:
        cursor = self._execute(sql, parameters)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def tuples(self, sql: str, **parameters: str | int | None) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self._execute(sql, parameters).fetchall()
        return found

    def snapshot(self) -> str | None:
        return str(self.tuples("SELECT pg_export_snapshot()")[0][0])

    def _execute(self, sql: str, parameters: Mapping[str, Any]) -> Any:
        statement: Any = placed(sql)
        return self._connection.execute(statement, parameters)

    def stream(self, sql: str, **parameters: str | int | None) -> Iterator[Row]:
        named: Mapping[str, Any] = parameters
        # A cursor of the server's, which hands rows over as they are taken.
        with self._connection.cursor(name=f"asked_{next(_CURSORS)}") as cursor:
            cursor.itersize = FETCHED_ROWS
            cursor.execute(placed(sql), named)
            names = [column.name for column in cursor.description or ()]
            for row in cursor:
                yield dict(zip(names, row, strict=True))

    def close(self) -> None:
        self._connection.close()


def placed(sql: str) -> Any:
    """Return SQL with its `:name` parameters as PostgreSQL's driver takes them."""
    return _NAMED.sub(r"%(\1)s", sql.replace("%", "%%"))


def without_secret(url: str) -> str:
    """Return what an operator needs to know the database by, and no password."""
    parts = urlsplit(url)
    return f"{parts.hostname or 'localhost'}{unquote(parts.path)}"
