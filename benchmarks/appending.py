"""How fast the log takes handoff units in trays of a hundred, signed and durable, beside bare inserts of those rows."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from benchmarks.postgresql_copy import server
from benchmarks.raw_inserts import TRAY, raw_rate
from handoff_logs import log, log_key, migrations, register
from handoff_logs.database import Database
from handoff_logs.keyring import Keyring, station_owner
from handoff_logs.records import ADMINISTRATION, Birth, Kind, Party, new_id
from handoff_logs.sealing import Sealer

ROWS = 150_000
"""Unit rows to append: a third each received, offered and accepted."""


@dataclass(frozen=True)
class Appended:
    """Unit rows appended and the seconds it took; bare inserts of the same rows; sealing; bytes a row on disk."""

    rows: int
    seconds: float
    bare_seconds: float
    sealing_seconds: float
    bytes_a_row: float

    @property
    def line(self) -> str:
        """The figures in words."""
        rate, bare = self.rows / self.seconds, self.rows / self.bare_seconds
        return (
            f"{rate:,.0f} units/s, bare inserts {bare:,.0f} ({rate / bare:.2f} of them); sealed at"
            f" {self.rows / self.sealing_seconds:,.0f} units/s; {self.bytes_a_row:.0f} bytes a unit row"
        )


def measure(folder: Path, rows: int = ROWS) -> Appended:
    """Append to a new log, seal it, and insert the same rows into a bare table."""
    folder.mkdir(parents=True)
    file = folder / "passline.db"
    url = f"sqlite:///{file}"
    migrations.upgrade(url)
    stations = [station_owner(station) for station in (ADMINISTRATION, "review", "qc")]
    keyring = Keyring.create(folder / "signing", stations)
    seal_key = log_key.create(folder / "log", "bench")
    with Database(url, keyring=keyring) as database:
        keys = (*keyring.public_keys, seal_key.public)
        database.write(lambda tx: register.begin(tx, keys, log.Stamp(database.clock_us(tx), True)))
        empty = file.stat().st_size
        started = time.perf_counter()
        for _ in range(rows // (3 * TRAY)):
            _hand_over(database)
        seconds = time.perf_counter() - started
        sealer = Sealer(database, seal_key)
        started = time.perf_counter()
        while sealer.seal():
            pass
        sealing_seconds = time.perf_counter() - started
    written, bare_seconds = raw_rate(file, folder / "bare.db")
    return Appended(written, seconds, bare_seconds, sealing_seconds, (file.stat().st_size - empty) / written)


@dataclass(frozen=True)
class AppendedToPostgresql:
    """Unit rows appended and the seconds it took; the same rows by COPY and by executemany, a commit a tray each."""

    rows: int
    seconds: float
    copy_seconds: float
    many_seconds: float

    @property
    def line(self) -> str:
        """The figures in words."""
        rate, copy, many = (self.rows / spent for spent in (self.seconds, self.copy_seconds, self.many_seconds))
        return (
            f"{rate:,.0f} units/s on PostgreSQL; COPY {copy:,.0f} ({rate / copy:.2f} of it),"
            f" executemany {many:,.0f} ({rate / many:.2f} of it)"
        )


def measure_postgresql(folder: Path, rows: int = ROWS) -> AppendedToPostgresql:
    """Append to a new log on a server of its own, and put the same rows into bare tables with the same keys."""
    folder.mkdir(parents=True)
    with server() as address:
        with psycopg.connect(address.format(database="postgres"), autocommit=True) as admin:
            admin.execute("CREATE DATABASE appending TEMPLATE template0")
        url = address.format(database="appending")
        driver_url = url.replace("postgresql://", "postgresql+psycopg://", 1)
        migrations.upgrade(driver_url)
        keyring = Keyring.create(folder / "signing", [station_owner(one) for one in (ADMINISTRATION, "review", "qc")])
        key = log_key.create(folder / "log", "bench").public
        with Database(driver_url, keyring=keyring) as database:
            database.write(
                lambda tx: register.begin(tx, (*keyring.public_keys, key), log.Stamp(database.clock_us(tx), True))
            )
            started = time.perf_counter()
            for _ in range(rows // (3 * TRAY)):
                _hand_over(database)
            seconds = time.perf_counter() - started
        with psycopg.connect(url, autocommit=True) as bare:
            written = bare.execute("SELECT * FROM custody_unit ORDER BY unit_id, step").fetchall()
            copied = _bare(bare, "copied", written, _copy)
            many = _bare(bare, "many", written, _insert_many)
    return AppendedToPostgresql(len(written), seconds, copied, many)


def _bare(
    connection: psycopg.Connection[Any],
    table: str,
    rows: Sequence[tuple[Any, ...]],
    put: Callable[[psycopg.Cursor[Any], sql.Identifier, Sequence[tuple[Any, ...]]], None],
) -> float:
    name = sql.Identifier(table)
    connection.execute(sql.SQL("CREATE TABLE {} (LIKE custody_unit)").format(name))
    connection.execute(
        sql.SQL("ALTER TABLE {} ADD PRIMARY KEY (unit_id, step), ADD UNIQUE (event_id, position)").format(name)
    )
    started = time.perf_counter()
    for first in range(0, len(rows), TRAY):
        with connection.transaction(), connection.cursor() as cursor:
            put(cursor, name, rows[first : first + TRAY])
    return time.perf_counter() - started


def _copy(cursor: psycopg.Cursor[Any], table: sql.Identifier, rows: Sequence[tuple[Any, ...]]) -> None:
    with cursor.copy(sql.SQL("COPY {} FROM STDIN").format(table)) as copying:
        for row in rows:
            copying.write_row(row)


def _insert_many(cursor: psycopg.Cursor[Any], table: sql.Identifier, rows: Sequence[tuple[Any, ...]]) -> None:
    marks = sql.SQL(", ").join(sql.Placeholder() * len(rows[0]))
    cursor.executemany(sql.SQL("INSERT INTO {} VALUES ({})").format(table, marks), rows)


def _hand_over(database: Database) -> None:
    """One tray: received at review, offered to QC, accepted there; a durable commit each."""
    review, qc = Party("review", "review-1", "day"), Party("qc", "qc-1", "day")
    births = [Birth(new_id(), Kind.ORDER) for _ in range(TRAY)]
    units = [birth.unit_id for birth in births]
    now = log.Stamp(time.time_ns() // 1000, True)
    database.write(lambda tx: log.receive(tx, review, None, births, "in", now))
    offer = database.write(lambda tx: log.offer(tx, review, "in", "qc", units, priority=2, stamp=now))
    database.write(lambda tx: log.accept(tx, qc, offer.handoff_id, units, "in", now))
