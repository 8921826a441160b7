"""How fast SQLite takes the same handoff-unit rows with nothing around them: trays of 100, one durable commit each.

The rows are those that a run of the line has written: its table, keys and indexes are copied without triggers and
foreign keys, and its rows are inserted again in their order.
"""

import sqlite3
import time
from pathlib import Path

TRAY = 100


def raw_rate(source: Path, target: Path) -> tuple[int, float]:
    """Insert the `custody_unit` rows of the database `source` into a new one; returns rows and seconds."""
    with sqlite3.connect(f"file:{source}?mode=ro", uri=True) as reading:
        columns = [row[1] for row in reading.execute("PRAGMA table_info(custody_unit)")]
        indexes = [
            row[0]
            for row in reading.execute(
                "SELECT sql FROM sqlite_master WHERE type='index' AND tbl_name='custody_unit' AND sql IS NOT NULL"
            )
        ]
        rows = reading.execute(f"SELECT {', '.join(columns)} FROM custody_unit ORDER BY rowid").fetchall()
    reading.close()
    writing = sqlite3.connect(target, isolation_level=None)
    writing.execute("PRAGMA journal_mode=WAL")
    writing.execute("PRAGMA synchronous=FULL")
    keys = "PRIMARY KEY (unit_id, step), UNIQUE (event_id, position)"
    writing.execute(f"CREATE TABLE custody_unit ({', '.join(columns)}, {keys})")
    for index in indexes:
        writing.execute(index)
    insert = f"INSERT INTO custody_unit VALUES ({', '.join('?' * len(columns))})"
    started = time.perf_counter()
    for first in range(0, len(rows), TRAY):
        writing.execute("BEGIN IMMEDIATE")
        writing.executemany(insert, rows[first : first + TRAY])
        writing.execute("COMMIT")
    seconds = time.perf_counter() - started
    writing.close()
    return len(rows), seconds
