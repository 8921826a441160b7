"""A list condition for statements that are compiled once: `column IN (…)` for any number of values."""

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import String, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ColumnElement


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
