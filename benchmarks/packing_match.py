"""How long a packer waits for the answer to three scans: from the browser's request to its answer, over a real socket.

Run as `python -m benchmarks.packing_match`. The desk's own server, one packer, piece after piece, each answer awaited;
on SQLite with full durability and on a PostgreSQL server of its own. The documents are those of the tests' small line.
"""

import argparse
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import psycopg

from benchmarks.postgresql_copy import server
from handoff_logs import log, log_key, migrations, register
from handoff_logs.database import Database
from handoff_logs.key_register import ADMINISTRATION, station_owner
from handoff_logs.keyring import Keyring
from handoff_logs.records import new_id
from stations import migrations as line_migrations

SUPPORT: Final = Path(__file__).parents[1] / "tests" / "support"
DOCUMENTS: Final = 400
LIMIT_MS: Final = 100.0
STATIONS: Final = ("intake", "review", "personalization", "qc", "packing", "mailing")


@dataclass(frozen=True, slots=True)
class Matches:
    """Round trips of matches on one database, in milliseconds, and the processor time that each took."""

    database: str
    round_trips_ms: tuple[float, ...]
    processor_ms: float

    @property
    def line(self) -> str:
        """The figures as one line of text."""
        ordered = sorted(self.round_trips_ms)
        at = ordered[int(len(ordered) * 0.95)]
        return (
            f"{self.database}: {len(ordered)} matches, median {statistics.median(ordered):.1f} ms, 95 % {at:.1f} ms,"
            f" most {ordered[-1]:.1f} ms; processor {self.processor_ms:.1f} ms each, client and server together"
        )


def measure(folder: Path, documents: int = DOCUMENTS) -> list[Matches]:
    """Match so many documents on SQLite, then on PostgreSQL."""
    found = [_measure(folder / "sqlite", f"sqlite:///{folder / 'sqlite' / 'passline.db'}", "SQLite", documents)]
    with server() as address:
        with psycopg.connect(address.format(database="postgres"), autocommit=True) as admin:
            admin.execute("CREATE DATABASE packing TEMPLATE template0")
        url = address.format(database="packing").replace("postgresql://", "postgresql+psycopg://", 1)
        found.append(_measure(folder / "postgresql", url, "PostgreSQL", documents))
    return found


def _support(name: str) -> Any:
    """A module of the tests' own."""
    if str(SUPPORT) not in sys.path:
        sys.path.insert(0, str(SUPPORT))
    return import_module(name)


def report(found: list[Matches]) -> None:
    """Print the figures."""
    for number, each in enumerate(found):
        print(f"{'(f) a packing match' if number == 0 else '':19} {each.line}")


def _measure(folder: Path, url: str, name: str, documents: int) -> Matches:
    with _desk(folder, url, documents) as (desk, pieces):
        app, served = _support("packing_served").packing_desk(folder, url, desk), _support("served")
        with served.serving(app) as address, served.browser(address) as client:
            send = _signed_in(client)
            took, before = [], time.process_time()
            for piece in pieces:
                codes = "\n".join(desk.codes(piece))
                started = time.perf_counter()
                answer = send("/packing/match", {"match": new_id(), "codes": codes})
                took.append((time.perf_counter() - started) * 1000)
                if answer.json().get("outcome") != "matched":
                    raise RuntimeError(answer.text)
            processor_ms = (time.process_time() - before) * 1000 / len(pieces)
    return Matches(name, tuple(took), processor_ms)


@contextmanager
def _desk(folder: Path, url: str, documents: int) -> Iterator[tuple[Any, list[Any]]]:
    """A packing desk at which so many documents lie, in trays of fifty."""
    folder.mkdir(parents=True)
    migrations.upgrade(url)
    line_migrations.upgrade(url)
    keyring = Keyring.create(folder / "signing", [station_owner(one) for one in (ADMINISTRATION, *STATIONS)])
    key = log_key.create(folder / "log", "bench").public
    with Database(url, keyring=keyring) as database:
        database.write(
            lambda tx: register.begin(tx, (*keyring.public_keys, key), log.Stamp(database.clock_us(tx), True))
        )
        desk = _support("small_packing_desk").PackingDeskLine.of(_support("small_line").Line(database, folder))
        desk.set_passwords()
        trays = desk.accept(documents, tray_size=50)
        yield desk, [piece for tray in trays for piece in desk.pieces(tray)]
        desk.line.close()


def _signed_in(client: Any) -> Callable[[str, dict[str, str]], Any]:
    """Sign a packer in; sends forms that bear their session's token."""
    token = re.findall(r'name="token" value="([^"]+)"', client.get("/sign-in").text)[0]
    client.post(
        "/sign-in", data={"code": "p-0011", "password": _support("small_desk").PASSWORD, "token": token, "to": ""}
    )
    own = re.findall(r'data-token="([^"]+)"', client.get("/packing").text)[0]
    return lambda path, facts: client.post(path, data={"token": own, **facts})


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=DOCUMENTS)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="passline-packing-") as scratch:
        report(measure(Path(scratch), asked.documents))
    print(f"a match is to be answered within {LIMIT_MS:.0f} ms")


if __name__ == "__main__":
    main()
