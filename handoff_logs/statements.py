"""Statements of the hot path: written once, compiled once a dialect, run by the driver itself.

A document needs about forty statements; through SQLAlchemy's execution layer each costs several times what the
database needs for it. Errors come out as SQLAlchemy's, so that the log's boundary translates them like any other.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import Connection, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.elements import ClauseElement

_LISTED = {
    "sqlite": "(SELECT value FROM json_each(:ids))",
    "postgresql": "(SELECT json_array_elements_text(CAST(:ids AS json)))",
}
_NO_PARAMETERS: Mapping[str, Any] = {}


class Answer(Protocol):
    """What a driver's cursor gives back."""

    rowcount: int

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row, in the statement's order of columns."""
        ...

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All rows left, in the statement's order of columns."""
        ...


class Statement:
    """One statement with named parameters: an expression, or SQL with `:name`.

    In SQL, `{ids}` stands for the values bound as `ids` (see `dialects.listed`).
    """

    def __init__(self, source: ClauseElement | str) -> None:
        self._source = source
        self._compiled: dict[str, tuple[str, dict[str, Any]]] = {}

    def run(self, tx: Connection, parameters: Mapping[str, Any] = _NO_PARAMETERS) -> Answer:
        """Run it in the transaction of `tx`. Rows come as the driver's tuples. Raises sqlalchemy.exc.DBAPIError."""
        known = self._compiled.get(tx.dialect.name)
        if known is None:
            known = self._compiled[tx.dialect.name] = self._compile(tx)
        sql, constants = known
        return drive(tx, sql, {**constants, **parameters} if constants else parameters)

    def _compile(self, tx: Connection) -> tuple[str, dict[str, Any]]:
        name = tx.dialect.name
        source = text(self._source.replace("{ids}", _LISTED[name])) if isinstance(self._source, str) else self._source
        dialect = sqlite.dialect(paramstyle="named") if name == "sqlite" else tx.dialect
        compiled = source.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        return str(compiled), {name: value for name, value in compiled.params.items() if value is not None}


def drive(tx: Connection, sql: str, parameters: Mapping[str, Any] | Sequence[Any]) -> Answer:
    """Run the driver's own SQL in the transaction of `tx`. Raises sqlalchemy.exc.DBAPIError."""
    driver: Any = tx.connection.driver_connection
    try:
        answer: Answer = driver.execute(sql, parameters)
    except tx.dialect.loaded_dbapi.Error as error:
        base: Any = tx.dialect.loaded_dbapi.Error
        raise DBAPIError.instance(sql, None, error, base, dialect=tx.dialect) from error
    return answer
