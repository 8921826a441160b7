"""Reading the log without the machinery that writes it: quick to start, and unable to change anything."""

import re
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.parse import unquote, urlsplit

from handoff_logs.errors import UnreadableDatabaseError, UnsupportedUrlError

Row = dict[str, Any]

_NAMED = re.compile(r"(?<!:):([a-z_]+)")


class Reading(Protocol):
    """A read-only connection that answers SQL with `:name` parameters, the same on both databases."""

    def rows(self, sql: str, **parameters: str | int | None) -> list[Row]:
        """Return the rows as dictionaries by column name."""
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

    def rows(self, sql: str, **parameters: str | int | None) -> list[Row]:
        cursor = self._connection.execute(sql, parameters)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def close(self) -> None:
        self._connection.close()


class _PostgresqlReading(_Closing):
    def __init__(self, url: str) -> None:
        # Only where PostgreSQL is used: its driver is a third of a second's import.
        import psycopg
        from psycopg.rows import dict_row

        connection = None
        try:
            self._connection = connection = psycopg.connect(url, row_factory=dict_row)
            connection.read_only = True
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.execute("SELECT 1 FROM custody_event LIMIT 1")
        except psycopg.Error as error:
            if connection is not None:
                connection.close()
            raise UnreadableDatabaseError(f"{_without_secret(url)}: {str(error).splitlines()[0]}") from error

    def rows(self, sql: str, **parameters: str | int | None) -> list[Row]:
        named: Mapping[str, Any] = parameters
        statement: Any = _NAMED.sub(r"%(\1)s", sql.replace("%", "%%"))
        found: Sequence[Row] = self._connection.execute(statement, named).fetchall()
        return list(found)

    def close(self) -> None:
        self._connection.close()


def _without_secret(url: str) -> str:
    """Return what an operator needs to know the database by, and no password."""
    parts = urlsplit(url)
    return f"{parts.hostname or 'localhost'}{unquote(parts.path)}"
