"""Statements of the hot path: written as SQLAlchemy expressions, compiled once a dialect, run by the driver itself.

A document needs about twenty statements; through the expression layer each costs several times what the database
needs for it. Errors come out as SQLAlchemy's, so that the log's boundary translates them like any other.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from sqlalchemy import Connection, String, bindparam
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement, ColumnElement


class Answer(Protocol):
    """What a driver's cursor gives back."""

    rowcount: int

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row, in the statement's order of columns."""
        ...

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All rows that are left."""
        ...


class Among(ColumnElement[bool]):
    """That `column` is one of the values in the parameter `name`, a JSON array (`listed`).

    So a statement stays the same for any number of them.
    """

    inherit_cache = False

    def __init__(self, column: ColumnElement[str], name: str) -> None:
        self.column, self.values = column, bindparam(name, type_=String)


@compiles(Among, "sqlite")
def _among_sqlite(among: Among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(part, **options) for part in (among.column, among.values))
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608 - parts of our own statement


@compiles(Among, "postgresql")
def _among_postgresql(among: Among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(part, **options) for part in (among.column, among.values))
    return f"{column} IN (SELECT json_array_elements_text(CAST({values} AS json)))"


def listed(values: Iterable[str]) -> str:
    """The parameter of an `Among`."""
    return json.dumps(list(values))


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
