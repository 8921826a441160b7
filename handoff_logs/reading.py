"""Reading the log without the machinery that writes it: quick to start, and unable to change anything."""

import itertools
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.parse import unquote, urlsplit

from handoff_logs.errors import UnreadableDatabaseError, UnsupportedUrlError

Row = dict[str, Any]

_CURSORS = itertools.count()
_NAMED = re.compile(r"(?<!:):([a-z_]+)")


class Reading(Protocol):
    """A read-only connection that answers SQL with `:name` parameters, the same on both databases."""

    def rows(self, sql: str, **parameters: str | int | None) -> list[Row]:
        """Return the rows as dictionaries by column name."""
        ...

    def stream(self, sql: str, **parameters: str | int | None) -> Iterator[Row]:
        """Give the rows one by one, for a question that reads more of them than it should hold."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_reading(url: str) -> Reading:
    """Open the log at a database url for reading. Raises UnreadableDatabaseError, UnsupportedUrlError."""
    scheme, _, rest = url.partition(":")
    if scheme in ("sqlite", "sqlite+pysqlite"):
        return _SqliteReading(Path(rest.removeprefix("///")))
    if scheme in ("postgresql", "postgresql+psycopg"):
        return _PostgresqlReading(f"postgresql:{rest}")
    raise UnsupportedUrlError(scheme)


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
    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise UnreadableDatabaseError(f"there is no database {path}")
        try:
            self._connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)
            # One transaction, so that several questions see one state of the log.
            self._connection.execute("BEGIN")
            self._connection.execute("SELECT 1 FROM custody_event LIMIT 1")
        except sqlite3.Error as error:
            raise UnreadableDatabaseError(f"{path}: {error}") from error

    def rows(self, sql: str, **parameters: str | int | None) -> list[Row]:
        return list(self.stream(sql, **parameters))

    def stream(self, sql: str, **parameters: str | int | None) -> Iterator[Row]:
        cursor = self._connection.execute(sql, parameters)
        names = [column[0] for column in cursor.description]
        return (dict(zip(names, row, strict=True)) for row in cursor)

    def close(self) -> None:
        self._connection.close()


class _PostgresqlReading(_Closing):
    def __init__(self, url: str) -> None:
        # Only where PostgreSQL is used: its driver is a third of a second's import.
        import psycopg
        from psycopg.rows import dict_row

        try:
            self._connection = psycopg.connect(url, row_factory=dict_row)
            self._connection.read_only = True
            self._connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            self._connection.execute("SELECT 1 FROM custody_event LIMIT 1")
        except psycopg.Error as error:
            raise UnreadableDatabaseError(f"{_without_secret(url)}: {str(error).splitlines()[0]}") from error

    def rows(self, sql: str, **parameters: str | int | None) -> list[Row]:
        named: Mapping[str, Any] = parameters
        found: Sequence[Row] = self._connection.execute(_placed(sql), named).fetchall()
        return list(found)

    def stream(self, sql: str, **parameters: str | int | None) -> Iterator[Row]:
        named: Mapping[str, Any] = parameters
        # A cursor of the server's, which hands rows over as they are taken.
        with self._connection.cursor(name=f"asked_{next(_CURSORS)}") as cursor:
            yield from cursor.execute(_placed(sql), named)

    def close(self) -> None:
        self._connection.close()


def _placed(sql: str) -> Any:
    return _NAMED.sub(r"%(\1)s", sql.replace("%", "%%"))


def _without_secret(url: str) -> str:
    """Return what an operator needs to know the database by, and no password."""
    parts = urlsplit(url)
    return f"{parts.hostname or 'localhost'}{unquote(parts.path)}"
