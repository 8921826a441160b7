"""The few expressions that SQLite and PostgreSQL spell differently."""

import json
import time
from collections.abc import Iterable, Sequence
from functools import lru_cache
from json.encoder import encode_basestring

from sqlalchemy import Connection

from handoff_logs.statements import Statement, drive


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
    tx: Connection, table: str, columns: tuple[str, ...], rows: Sequence[Sequence[object]], integers: frozenset[str]
) -> None:
    """Insert rows in order: one prepared statement on SQLite, a single statement on PostgreSQL.

    PostgreSQL checks custody once a statement, so there all rows of an event come in one.
    """
    if not rows:
        return
    if tx.dialect.name == "sqlite":
        drive(tx, _values_insert(table, columns, "?"), rows, many=True)
    else:
        records = json.dumps([dict(zip(columns, row, strict=True)) for row in rows])
        _recordset_insert(table, columns, integers).run(tx, {"rows": records})


@lru_cache(maxsize=32)
def _values_insert(table: str, columns: tuple[str, ...], mark: str) -> str:
    marks = ", ".join([mark] * len(columns))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 own names


@lru_cache(maxsize=32)
def _recordset_insert(table: str, columns: tuple[str, ...], integers: frozenset[str]) -> Statement:
    names = ", ".join(columns)
    typed = ", ".join(f"{column} {'bigint' if column in integers else 'text'}" for column in columns)
    return Statement(
        f"INSERT INTO {table} ({names}) SELECT {names}"  # noqa: S608 own names
        f" FROM json_to_recordset(CAST(:rows AS json)) AS added({typed})"
    )
