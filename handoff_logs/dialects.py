"""The few expressions that SQLite and PostgreSQL spell differently."""

import json
import time
from collections.abc import Iterable, Sequence
from functools import lru_cache

from sqlalchemy import Connection, TextClause, text

_LISTED = {
    "sqlite": "(SELECT value FROM json_each(:ids))",
    "postgresql": "(SELECT json_array_elements_text(CAST(:ids AS json)))",
}


@lru_cache(maxsize=256)
def statement(sql: str, dialect: str) -> TextClause:
    """Return a statement in which `{ids}` stands for the values bound as `ids` (see `listed`)."""
    return text(sql.replace("{ids}", _LISTED[dialect]))


def listed(ids: Iterable[str]) -> str:
    """Encode ids as one parameter, so that a statement stays the same for any number of them."""
    return json.dumps(list(ids))


def clock_us(tx: Connection) -> int:
    """Return the database's clock: integer microseconds UTC. SQLite lives in this process, so its clock is ours."""
    if tx.dialect.name == "sqlite":
        return time.time_ns() // 1000
    return int(tx.execute(_POSTGRESQL_CLOCK).scalar_one())


_POSTGRESQL_CLOCK = text("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)")


def insert_rows(
    tx: Connection, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]], integers: frozenset[str]
) -> None:
    """Insert rows in order: one prepared statement on SQLite, a single statement on PostgreSQL.

    PostgreSQL checks custody once a statement, so there all rows of an event come in one.
    """
    if not rows:
        return
    if tx.dialect.name == "sqlite":
        tx.exec_driver_sql(_values_insert(table, tuple(columns)), [tuple(row) for row in rows])
    else:
        records = json.dumps([dict(zip(columns, row, strict=True)) for row in rows])
        tx.execute(_recordset_insert(table, tuple(columns), integers), {"rows": records})


@lru_cache(maxsize=32)
def _values_insert(table: str, columns: tuple[str, ...]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 own names


@lru_cache(maxsize=32)
def _recordset_insert(table: str, columns: tuple[str, ...], integers: frozenset[str]) -> TextClause:
    names = ", ".join(columns)
    typed = ", ".join(f"{column} {'bigint' if column in integers else 'text'}" for column in columns)
    return text(
        f"INSERT INTO {table} ({names}) SELECT {names}"  # noqa: S608 own names
        f" FROM json_to_recordset(CAST(:rows AS json)) AS added({typed})"
    )
