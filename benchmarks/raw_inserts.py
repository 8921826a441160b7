"""How fast SQLite takes the same handoff-unit rows with nothing around them: trays of 100, one durable commit each.

The rows are those that a run of the line has written: tables, keys and indexes are copied without triggers, checks and
foreign keys, and the rows are inserted again in their order.
"""

import sqlite3
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

TRAY = 100


def raw_rate(source: Path, target: Path) -> tuple[int, float]:
    """Insert the `custody_unit` rows of the database `source` into a new one; returns rows and seconds."""
    rows = _read(source, "custody_unit", "rowid")
    writing = _copy_of(source, target, "custody_unit")
    insert = _insert("custody_unit", rows)
    started = time.perf_counter()
    for first in range(0, len(rows), TRAY):
        writing.execute("BEGIN IMMEDIATE")
        writing.executemany(insert, rows[first : first + TRAY])
        writing.execute("COMMIT")
    seconds = time.perf_counter() - started
    writing.close()
    return len(rows), seconds


def raw_event_rate(source: Path, target: Path) -> tuple[int, float]:
    """The same with each tray's record: its `custody_event` row and its unit rows in one durable commit."""
    events = _read(source, "custody_event", "seq")
    units = defaultdict(list)
    for row in _read(source, "custody_unit", "rowid"):
        units[row[3]].append(row)
    writing = _copy_of(source, target, "custody_event", "custody_unit")
    put_event, put_unit = _insert("custody_event", events), _insert("custody_unit", next(iter(units.values())))
    started = time.perf_counter()
    for event in events:
        if rows := units.get(event[1]):
            writing.execute("BEGIN IMMEDIATE")
            writing.execute(put_event, event)
            writing.executemany(put_unit, rows)
            writing.execute("COMMIT")
    seconds = time.perf_counter() - started
    writing.close()
    return sum(map(len, units.values())), seconds


def _read(source: Path, table: str, order: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(f"file:{source}?mode=ro", uri=True) as reading:
        rows = reading.execute(f"SELECT * FROM {table} ORDER BY {order}").fetchall()
    reading.close()
    return rows


def _insert(table: str, rows: list[tuple[Any, ...]]) -> str:
    return f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})"


def _copy_of(source: Path, target: Path, *tables: str) -> sqlite3.Connection:
    """A new database with the same tables, their keys and indexes, as durable as the line's."""
    writing = sqlite3.connect(target, isolation_level=None)
    writing.execute("PRAGMA journal_mode=WAL")
    writing.execute("PRAGMA synchronous=FULL")
    with sqlite3.connect(f"file:{source}?mode=ro", uri=True) as reading:
        for table in tables:
            columns = [
                f"{name} INTEGER PRIMARY KEY" if name == "seq" else name
                for _, name, *_ in reading.execute(f"PRAGMA table_info({table})")
            ]
            indexes = reading.execute(f"PRAGMA index_list({table})").fetchall()
            keys = [
                f"UNIQUE ({', '.join(row[2] for row in reading.execute(f'PRAGMA index_info({index})'))})"
                for _, index, _, origin, _ in indexes
                if origin != "c"
            ]
            writing.execute(f"CREATE TABLE {table} ({', '.join([*columns, *keys])})")
            made = "SELECT sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL"
            for (sql,) in reading.execute(made, (table,)).fetchall():
                writing.execute(sql)
    reading.close()
    return writing
