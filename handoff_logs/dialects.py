"""The few expressions that SQLite and PostgreSQL spell differently."""

import json
import time
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain
from json.encoder import encode_basestring

from sqlalchemy import Connection

from handoff_logs.statements import Statement, drive

ROWS_A_STATEMENT = 100
"""Most rows that SQLite is given in one statement; it allows 32,766 values."""


def listed(ids: Iterable[str]) -> str:
    """Encode ids as one parameter, so that a statement stays the same for any number of them."""
    return "[" + ",".join(map(encode_basestring, ids)) + "]"


def clock_us(tx: Connection) -> int:
    """Return the database's clock: integer microseconds UTC. SQLite lives in this process, so its clock is ours."""
    if tx.dialect.name == "sqlite":
        return time.time_ns() // 1000
    row = _POSTGRESQL_CLOCK.run(tx).fetchone()
    assert row is not None  # noqa: S101 a SELECT without FROM has one row
    return int(row[0])


_POSTGRESQL_CLOCK = Statement("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)")


def insert_row(tx: Connection, table: str, columns: tuple[str, ...], row: Sequence[object]) -> None:
    """Insert one row, given in the order of `columns`."""
    drive(tx, _values_insert(table, columns, "?" if tx.dialect.name == "sqlite" else "%s"), row)


def insert_rows(
    tx: Connection,
    table: str,
    columns: tuple[str, ...],
    rows: Sequence[Sequence[object]],
    integers: frozenset[str],
    booleans: frozenset[str] = frozenset(),
) -> None:
    """Insert rows in order: by a hundred in one statement on SQLite, all in a single one on PostgreSQL.

    PostgreSQL checks custody once a statement, so there all rows of an event come in one. SQLite's driver lets other
    threads run at each step of a statement, so that a statement a row spends most of its time waiting for its turn.
    """
    if not rows:
        return
    if tx.dialect.name == "sqlite":
        for start in range(0, len(rows), ROWS_A_STATEMENT):
            portion = rows[start : start + ROWS_A_STATEMENT]
            drive(tx, _values_insert(table, columns, "?", len(portion)), list(chain.from_iterable(portion)))
    else:
        records = json.dumps([dict(zip(columns, row, strict=True)) for row in rows])
        _recordset_insert(table, columns, integers, booleans).run(tx, {"rows": records})


@lru_cache(maxsize=8 * ROWS_A_STATEMENT)
def _values_insert(table: str, columns: tuple[str, ...], mark: str, rows: int = 1) -> str:
    marks = ", ".join([mark] * len(columns))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([f'({marks})'] * rows)}"  # noqa: S608 own names


@lru_cache(maxsize=32)
def _recordset_insert(
    table: str, columns: tuple[str, ...], integers: frozenset[str], booleans: frozenset[str]
) -> Statement:
    names = ", ".join(columns)
    types = dict.fromkeys(integers, "bigint") | dict.fromkeys(booleans, "boolean")
    typed = ", ".join(f"{column} {types.get(column, 'text')}" for column in columns)
    return Statement(
        f"INSERT INTO {table} ({names}) SELECT {names}"  # noqa: S608 own names
        f" FROM json_to_recordset(CAST(:rows AS json)) AS added({typed})"
    )
