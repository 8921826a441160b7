"""How long an emergency takes through a line under full load, beside its own work.

Run as `python -m benchmarks.green_channel`. Ten thousand ordinary applications wait; one after another, ordinary ones
that are last in the queue are raised by a lead, with the command that a lead types. The times at the nodes are the
handoff log's, the writing of the document the machine's own journal's. What the machine still had under way is taken
off; whatever else it waits for, the program's own time, and a reader, scale or printer that is just in use, counts
against the line.
"""

import argparse
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from devices.document_reader.emulator import READ_S
from devices.emulation.control import ControlClient
from devices.emulation.faults import Faults
from devices.emulation.memory import Journal
from devices.jobs import RESULTS, MachineJobState
from devices.label_printer.emulator import PRINT_S
from devices.messages import JournalEntry
from devices.mrz_reader.emulator import READ_S as SWIPE_S
from devices.scale.emulator import SETTLE_S

BOOKS, CARDS, READERS = 3, 3, 2
WARM_UP: Final = 20.0
"""The machines' speed until every station has had work; then they are slowed down to real time."""
SPEED: Final = 1.0
"""A book is written in 44 s, read back in 2 s. Faster machines would make the program's own time weigh more."""
DOCUMENTS: Final = 10_000
TRAY: Final = 25
RAISES: Final = 4
LIMIT: Final = 1.2
US: Final = 1_000_000
START_S: Final = 900.0
WAY_S: Final = 300.0
APART_S: Final = 5.0
"""Between two raises, so that they meet machines at different moments of their work; no multiple of a document's."""
PASSWORDS: Final = ("first administrator", "second administrator", "the shift lead's own")
ADMINISTRATORS: Final = ("p-0001", "p-0002")
LEAD: Final = "p-0003"
SMALL_S: Final = {"reader": READ_S, "swipe reader": SWIPE_S, "scale": SETTLE_S, "label printer": PRINT_S}
"""What each small machine takes for one document at speed 1."""

# What waits and is not begun; of these the least urgent, with the station to which it is offered, or that has it.
LAST = """
    SELECT number.number, coalesce(offer.to_station, place.station) AS station
    FROM application JOIN whereabouts AS place ON place.unit_id = application.order_unit
    LEFT JOIN open_offer AS offer ON offer.handoff_id = place.handoff_id
    JOIN unit_number AS number ON number.unit_id = application.order_unit
    WHERE application.state IN ('waiting', 'passed') AND application.priority = 2 AND place.state IN ('offered', 'held')
      AND (application.product = 'passport') = :books
    ORDER BY place.state = 'held', place.due_us DESC, place.unit_id DESC LIMIT 1
"""
WAITING = "SELECT count(*) FROM application WHERE state IN ('waiting', 'passed')"
BUSY = """
    SELECT (SELECT count(DISTINCT machine) FROM job WHERE state = 'STARTING') >= :machines
       AND EXISTS (SELECT 1 FROM custody_event WHERE act = 'accept' AND from_station = 'packing')
"""
WAY = """
    SELECT event.act, event.from_station, event.to_station, unit.kind, event.written_us
    FROM custody_unit AS unit JOIN custody_event AS event ON event.event_id = unit.event_id
    WHERE unit.unit_id IN (:order_unit, :document_unit, :parcel_unit) AND event.written_us >= :raised_us
    ORDER BY event.seq
"""
RAISED = """
    SELECT application.application_id, application.product, application.state, application.order_unit,
           green.raised_us FROM green_channel AS green
    JOIN application ON application.application_id = green.application_id ORDER BY green.raised_us DESC LIMIT 1
"""
JOBS = "SELECT job_id, machine, outcome, document_unit, intent_us FROM job WHERE application_id = :of ORDER BY attempt"
PARCEL = "SELECT container FROM custody_unit WHERE unit_id = :of AND container IS NOT NULL"
NODES: Final = (
    ("review", "offer", "review", "personalization"),
    ("personalization", "offer", "personalization", "qc"),
    ("qc", "offer", "qc", "packing"),
    ("packing", "offer", "packing", "mailing"),
    ("mailing", "offer", "mailing", "carrier"),
    ("carrier", "accept", "mailing", "carrier"),
)
"""Each station with the record by which it has handed on."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Span:
    """A document on a machine: how long its blank was drawn, and when it was written; microseconds."""

    job_id: str
    feed_us: int
    began_us: int
    ended_us: int


@dataclass(frozen=True, slots=True)
class Way:
    """One raised application: where from, how long at each station, its own work and what it was to wait for; µs."""

    product: str
    waited_at: str
    machine: str
    nodes: Mapping[str, int]
    own_us: int
    under_way_us: int

    @property
    def whole_us(self) -> int:
        """From the raise to the carrier's acceptance."""
        return sum(self.nodes.values())

    @property
    def ratio(self) -> float:
        """Its way, less what was left of the document under way, over its own work."""
        return (self.whole_us - self.under_way_us) / self.own_us


@dataclass(frozen=True, slots=True)
class Measured:
    """One run: how many applications waited at the first raise and at the last, and the ways."""

    waiting: tuple[int, int]
    ways: Sequence[Way]


def spans(entries: Sequence[JournalEntry]) -> list[Span]:
    """The documents of a machine's journal, by when they were begun; one that has not ended is left out."""
    drawn_us: dict[str, int] = {}
    feed_us: dict[str, int] = {}
    began_us: dict[str, int] = {}
    found = []
    for entry in entries:
        match entry.state:
            case MachineJobState.FEEDING:
                drawn_us.setdefault(entry.job_id, entry.time_us)
            case MachineJobState.FED:
                feed_us.setdefault(entry.job_id, entry.time_us - drawn_us[entry.job_id])
            case MachineJobState.WORKING:
                began_us.setdefault(entry.job_id, entry.time_us)
            case state if state in RESULTS and entry.job_id in began_us and not entry.released:
                found.append(Span(entry.job_id, feed_us[entry.job_id], began_us.pop(entry.job_id), entry.time_us))
    return found


def under_way_us(documents: Sequence[Span], since_us: int) -> int:
    """What is left, at `since_us`, of the document that a machine writes then."""
    return next((one.ended_us - since_us for one in documents if one.began_us <= since_us < one.ended_us), 0)


def measure(folder: Path, documents: int, seed: int, raises: int = RAISES) -> Measured:
    """Load `documents` applications on a new line in `folder`, run it, raise some and follow each to the carrier."""
    _prepare(folder, documents, seed)
    with _running(folder) as line, closing(_database(folder)) as database:
        _until(lambda: _row(database, BUSY, machines=BOOKS + CARDS)[0], START_S)
        _slow_down(folder, line)
        waiting, raised = [], []
        for number in range(raises):
            waiting.append(int(_row(database, WAITING)[0]))
            station = _raise(folder, database, books=number % 2 == 0)
            raised.append((station, _until(lambda: _dispatched(database), WAY_S)))
            time.sleep(APART_S)
        steps = [_steps(database, row) for _, row in raised]
        jobs = [database.execute(JOBS, {"of": row["application_id"]}).fetchall()[-1] for _, row in raised]
    # Only now: while an emulator runs, its journal is its own.
    journals = {machine: spans(_entries(folder, machine)) for machine in {job["machine"] for job in jobs}}
    ways = [
        _way(station, row, nodes, job["machine"], job["job_id"], journals[job["machine"]])
        for (station, row), nodes, job in zip(raised, steps, jobs, strict=True)
    ]
    return Measured((waiting[0], waiting[-1]), ways)


def _prepare(folder: Path, documents: int, seed: int) -> None:
    batch = folder.with_name(f"{folder.name}-batch")
    machines = ["--books", str(BOOKS), "--cards", str(CARDS), "--readers", str(READERS), "--tray-size", str(TRAY)]
    _passline(folder, "new", *machines, "--speed", f"{WARM_UP:g}")
    first, second = ADMINISTRATORS
    _passline(folder, "people", "found", first, second, "--passwords-from", "-", typed=PASSWORDS[:2])
    by = ["--first", first, "--second", second, "--passwords-from", "-"]
    _passline(folder, "people", "enrol", LEAD, "--role", "lead", *by, typed=PASSWORDS)
    # No green one but those that are raised, and none that leaves the line on its way.
    sound = ["--emergencies", "0", "--intake-defects", "0", "--review-defects", "0", "--seed", str(seed)]
    _passline(None, "intake", "generate", str(batch), "--documents", str(documents), *sound)
    _passline(folder, "intake", "load", str(batch))


def _passline(folder: Path | None, *command: str, typed: Sequence[str] = ()) -> None:
    where = [] if folder is None else ["--dir", str(folder)]
    program = str(Path(sys.executable).with_name("passline"))
    lines = "".join(f"{line}\n" for line in typed)
    subprocess.run([program, *command, *where], input=lines, text=True, stdout=subprocess.DEVNULL, check=True)


@contextmanager
def _running(folder: Path) -> Iterator[int]:
    """`passline run` beside this process, by its id; told to stop at the end, it finishes what is in the machines."""
    command = [str(Path(sys.executable).with_name("passline")), "run", "--dir", str(folder)]
    # A spoiled document's way is that of two.
    environment = {**os.environ, "PASSLINE_EMULATION__SPOIL_RATE": "0"}
    with (
        folder.with_name(f"{folder.name}-said").open("wb") as said,
        subprocess.Popen(command, stdout=said, stderr=said, env=environment) as line,
    ):
        try:
            yield line.pid
        finally:
            line.send_signal(signal.SIGINT)


def _slow_down(folder: Path, line: int) -> None:
    """Let every machine take the time that it takes, from its next motion on; `line` stays its starter."""
    for machine in sorted((folder / "machines").iterdir()):
        with closing(ControlClient(machine)) as client:
            client.ask("adopt", pid=line, speed=SPEED)


def _database(folder: Path) -> sqlite3.Connection:
    database = sqlite3.connect(f"file:{folder / 'passline.db'}?mode=ro", uri=True, isolation_level=None)
    database.row_factory = sqlite3.Row
    return database


def _row(database: sqlite3.Connection, sql: str, **given: object) -> sqlite3.Row:
    row: sqlite3.Row = database.execute(sql, given).fetchone()
    return row


def _until(found: Callable[[], T | None], patience_s: float) -> T:
    give_up_s = time.monotonic() + patience_s
    while not (answer := found()):
        if time.monotonic() > give_up_s:
            raise SystemExit(f"the green channel was waited for in vain, {patience_s:g} s long")
        time.sleep(0.2)
    return answer


def _raise(folder: Path, database: sqlite3.Connection, *, books: bool) -> str:
    """Raise the least urgent application that waits; the station at which it does."""
    last = _row(database, LAST, books=books)
    why = ["--reason", "exam", "--by", LEAD, "--passwords-from", "-"]
    _passline(folder, "applications", "raise", last["number"], *why, typed=PASSWORDS[2:])
    return str(last["station"])


def _dispatched(database: sqlite3.Connection) -> sqlite3.Row | None:
    row = _row(database, RAISED)
    return row if row["state"] == "dispatched" else None


def _steps(database: sqlite3.Connection, raised: sqlite3.Row) -> dict[str, int]:
    """Microseconds from one time node to the next, by station; one that it had left already has none."""
    document = database.execute(JOBS, {"of": raised["application_id"]}).fetchall()[-1]["document_unit"]
    parcel = _row(database, PARCEL, of=document)["container"]
    units = {"order_unit": raised["order_unit"], "document_unit": document, "parcel_unit": parcel}
    events = database.execute(WAY, {**units, "raised_us": raised["raised_us"]}).fetchall()
    steps, since_us = {}, int(raised["raised_us"])
    for station, *node in NODES:
        # The last: an offer that was taken back, or made again by the raise itself, handed nothing on.
        times_us = [row["written_us"] for row in events if [row["act"], row["from_station"], row["to_station"]] == node]
        if times_us and not (station == "review" and _was_here(events)):
            steps[station] = times_us[-1] - since_us
            since_us = times_us[-1]
    return steps


def _was_here(events: Sequence[sqlite3.Row]) -> bool:
    """Whether the raise found the order beyond review, and offered it to personalization anew."""
    return not any(row["act"] == "accept" and row["to_station"] == "review" for row in events)


def _entries(folder: Path, machine: str) -> list[JournalEntry]:
    with closing(Journal(folder / "machines" / machine / "journal", Faults())) as journal:
        return list(journal.entries(0))


def _way(
    station: str,
    raised: sqlite3.Row,
    nodes: Mapping[str, int],
    machine: str,
    job_id: str,
    documents: Sequence[Span],
) -> Way:
    own = next(one for one in documents if one.job_id == job_id)
    at_machines_us = int(raised["raised_us"]) + nodes.get("review", 0)
    others = [one for one in documents if one.job_id != job_id]
    own_us = own.feed_us + own.ended_us - own.began_us + round(sum(SMALL_S.values()) / SPEED * US)
    return Way(raised["product"], station, machine, nodes, own_us, under_way_us(others, at_machines_us))


def report(run: Measured) -> None:
    """Print each way by its nodes, and the worst ratio beside its limit."""
    first, last = run.waiting
    print(f"green channel, EMULATED, {first:,} to {last:,} waiting, at speed {SPEED:g}; seconds")
    stations = [station for station, *_ in NODES]
    print(f"{'raised at':18}{'machine':>9}" + "".join(f"{each[:9]:>10}" for each in stations) + _heads())
    for way in run.ways:
        seconds = "".join(f"{way.nodes[each] / US:10.2f}" if each in way.nodes else f"{'':10}" for each in stations)
        sums = f"{way.whole_us / US:8.2f}{way.under_way_us / US:11.2f}{way.own_us / US:7.2f}{way.ratio:7.2f}"
        print(f"{way.waited_at:18}{way.machine:>9}{seconds}{sums}")
    worst = max(way.ratio for way in run.ways)
    print(
        f"(way - under way) / own work, at most: {worst:.2f}, limit {LIMIT}: {'held' if worst <= LIMIT else 'NOT held'}"
    )


def _heads() -> str:
    return f"{'way':>8}{'under way':>11}{'own':>7}{'ratio':>7}"


def main() -> None:
    """Run the line and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=DOCUMENTS, help=f"that wait (default {DOCUMENTS:,})")
    parser.add_argument("--raises", type=int, default=RAISES, help=f"one after another (default {RAISES})")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="passline-green-") as scratch:
        report(measure(Path(scratch) / "line", asked.documents, asked.seed, asked.raises))


if __name__ == "__main__":
    main()
