"""Statements of the hot path: written as SQLAlchemy expressions, compiled once a dialect, run by the driver itself.

A document needs about twenty statements; through the expression layer each costs several times what the database
needs for it. Errors come out as SQLAlchemy's, so that the log's boundary translates them like any other.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from sqlalchemy import Connection
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.elements import ClauseElement


class Answer(Protocol):
    """What a driver's cursor gives back."""

    rowcount: int

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row, in the statement's order of columns."""
        ...


class Statement:
    """One statement with named parameters."""

    def __init__(self, expression: ClauseElement) -> None:
        self._expression = expression
        self._compiled: dict[str, tuple[str, dict[str, Any]]] = {}

    def run(self, tx: Connection, parameters: Mapping[str, Any]) -> Answer:
        """Run it in the transaction of `tx`. Rows come as the driver's tuples. Raises sqlalchemy.exc.DBAPIError."""
        known = self._compiled.get(tx.dialect.name)
        if known is None:
            known = self._compiled[tx.dialect.name] = self._compile(tx)
        sql, constants = known
        driver = tx.connection.driver_connection
        try:
            answer: Answer = driver.execute(sql, {**constants, **parameters})  # type: ignore[union-attr]
        except tx.dialect.loaded_dbapi.Error as error:
            base: Any = tx.dialect.loaded_dbapi.Error
            raise DBAPIError.instance(sql, None, error, base, dialect=tx.dialect) from error
        return answer

    def _compile(self, tx: Connection) -> tuple[str, dict[str, Any]]:
        dialect = sqlite.dialect(paramstyle="named") if tx.dialect.name == "sqlite" else tx.dialect
        compiled = self._expression.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        return str(compiled), {name: value for name, value in compiled.params.items() if value is not None}
