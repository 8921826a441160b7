"""The databases write the JSON that Python hashes, byte for byte."""

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from handoff_logs.records import canonical
from handoff_logs.verify.json_rows import json_row

NASTY = (
    "",
    "plain",
    'quote " and \\ backslash',
    "slash / and 'single'",
    "".join(map(chr, range(1, 0x20))),
    "\x7f\x80\x9f",
    "\u2028\u2029\ufeff",
    "晓 东 \U0001f6c2 \U0010ffff",
    "e\u0301 é",
    "<script>&amp;",
    "null",
    "9007199254740991",
    "0.10",
    ":name %s ? $1",
)
INTEGERS = (0, -1, 1, 2**53 - 1, -(2**53) + 1, None)


@pytest.fixture(params=("sqlite", "postgresql"))
def written(request: pytest.FixtureRequest) -> Iterator[Callable[[str | None, int | None, bool], str]]:
    """Gives how a database writes a row of these three values."""
    expression = json_row(request.param, "event", ("value", "position", "emulated"))
    if request.param == "sqlite":
        connection: Any = sqlite3.connect(":memory:")
        values = "?, ?, ?"
    else:
        connection = psycopg.connect(request.getfixturevalue("postgresql_server").format(database="postgres"))
        values = "%s::varchar, %s::bigint, %s::boolean"
    sql = f"WITH event(value, position, emulated) AS (SELECT {values}) SELECT {expression} FROM event"
    yield lambda *values: str(connection.execute(sql, values).fetchone()[0])
    connection.close()


def test_any_row_is_written_as_it_is_hashed(written: Callable[[str | None, int | None, bool], str]) -> None:
    for value in (*NASTY, None):
        for position in INTEGERS:
            for emulated in (True, False):
                row = {"value": value, "position": position, "emulated": emulated}
                assert written(value, position, emulated).encode() == canonical(row)


def test_sqlite_writes_a_character_that_postgresql_does_not_have() -> None:
    sql = f"WITH event(value) AS (SELECT ?) SELECT {json_row('sqlite', 'event', ('value',))} FROM event"
    connection = sqlite3.connect(":memory:")
    (text,) = connection.execute(sql, ("a\x00b",)).fetchone()
    connection.close()
    assert text.encode() == canonical({"value": "a\x00b"})
