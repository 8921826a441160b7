"""How fast the log takes handoff units in trays of a hundred, signed and durable, beside bare inserts of those rows."""

import time
from dataclasses import dataclass
from pathlib import Path

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


def _hand_over(database: Database) -> None:
    """One tray: received at review, offered to QC, accepted there; a durable commit each."""
    review, qc = Party("review", "review-1", "day"), Party("qc", "qc-1", "day")
    births = [Birth(new_id(), Kind.ORDER) for _ in range(TRAY)]
    units = [birth.unit_id for birth in births]
    now = log.Stamp(time.time_ns() // 1000, True)
    database.write(lambda tx: log.receive(tx, review, None, births, "in", now))
    offer = database.write(lambda tx: log.offer(tx, review, "in", "qc", units, priority=2, stamp=now))
    database.write(lambda tx: log.accept(tx, qc, offer.handoff_id, units, "in", now))
