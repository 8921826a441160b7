"""Thirty-two emulated personalizers on the whole line: are they at work whenever there is work?

Run as `python -m benchmarks.many_machines`. The figures come from the machines: jobs and exchanges from their journals,
bytes as counted at their end of the ports. Of the line's database only one thing is asked: when the last order of a
kind was drawn, after which standing still is no loss. A bare pty is measured beside them in the same run.
"""

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
import tty
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from devices.book_personalizer.emulator import PACE as BOOK_PACE
from devices.card_personalizer.emulator import PACE as CARD_PACE
from devices.emulation.control import ControlClient
from devices.emulation.faults import Faults
from devices.emulation.machine import Pace
from devices.emulation.memory import Journal
from devices.jobs import RESULTS, MachineJobState
from devices.messages import JournalEntry
from devices.pidfile import running_pid

BOOKS, CARDS, READERS = 18, 14, 4
"""Half of a batch are books and a book takes longer: so many of each have work to the end."""
SPEED = 20.0
DOCUMENTS = 800
WANTED = 0.99
PACES = {"book": BOOK_PACE, "card": CARD_PACE}
REQUESTED = frozenset({MachineJobState.FEEDING, MachineJobState.PREPARED, MachineJobState.WORKING})
"""Entries that a request of the host leads to, which the machine then answers; so does a release."""
COUNTED_FROM, COUNTED_TO = 0.15, 0.75
"""Bytes are counted between these shares of the documents: before and after, not all machines are at work."""
LOOK_S = 0.5
ECHO_S, ECHOES = 0.5, 3
US = 1_000_000
TICKS_PER_S = os.sysconf("SC_CLK_TCK")

LAST_DRAWS = """
    SELECT CASE product WHEN 'passport' THEN 'book' ELSE 'card' END, max(intent_us)
    FROM job WHERE attempt = 1 GROUP BY 1
"""

Span = tuple[int, int]
"""When a job began and ended, in microseconds UTC."""


@dataclass(frozen=True, slots=True)
class Work:
    """One machine's work in a window of time that had work for it; microseconds."""

    machine: str
    documents: int
    window_us: int
    gaps_us: tuple[int, ...]

    @property
    def busy(self) -> float:
        """The share of the window in which a job was at work, 0 to 1."""
        return 1 - sum(self.gaps_us) / self.window_us


def spans(entries: Iterable[JournalEntry]) -> list[Span]:
    """When jobs were at work by a machine's journal, in its order; one that has not ended is left out."""
    begun_us: dict[str, int] = {}
    found: list[Span] = []
    for entry in entries:
        if entry.state is MachineJobState.WORKING:
            begun_us.setdefault(entry.job_id, entry.time_us)
        elif entry.state in RESULTS and entry.job_id in begun_us:
            found.append((begun_us.pop(entry.job_id), entry.time_us))
    return found


def work(machine: str, jobs: Sequence[Span], dry_us: int) -> Work:
    """What a machine did from the beginning of its first job until `dry_us`, when no order waited any more.

    A gap that reaches beyond is counted up to there, and so is the time after a last job that ended before.
    Raises ValueError where the first job began later.
    """
    began = [start_us for start_us, _ in jobs if start_us < dry_us]
    if not began:
        raise ValueError(f"{machine} had begun no job when the last order was drawn")
    nexts_us = [*began[1:], dry_us]
    gaps_us = [next_us - end_us for (_, end_us), next_us in zip(jobs, nexts_us, strict=False) if end_us < next_us]
    return Work(machine, len(began), dry_us - began[0], tuple(gaps_us))


def share(values: Sequence[float], part: float) -> float:
    """The value that `part` (0 to 1) of the sorted values do not exceed."""
    return values[min(int(part * len(values)), len(values) - 1)]


@dataclass(frozen=True, slots=True)
class Passed:
    """So far: bytes through the machines' ports, both ways, and processor seconds of this run and of all processes."""

    at_s: float
    bytes: int
    own_s: float
    all_s: float


@dataclass(frozen=True, slots=True)
class Measured:
    """One run: each machine's work, rates at the ports, cores busy with it and with all else, the largest processes
    in MB, and the demo's own report."""

    machines: Sequence[Work]
    bytes_per_s: float
    exchanges_per_s: float
    own_cores: float
    other_cores: float
    line_mb: float
    emulator_mb: float
    report: Mapping[str, Any]


def measure(folder: Path, documents: int, seed: int) -> Measured:
    """Run `passline demo` in `folder` and measure it."""
    command = [str(Path(sys.executable).with_name("passline")), "demo", "--documents", str(documents)]
    command += ["--seed", str(seed), "--speed", str(SPEED), "--books", str(BOOKS), "--cards", str(CARDS)]
    command += ["--readers", str(READERS), "--dir", str(folder), "--output", "json"]
    with (
        (folder.with_name("said")).open("wb") as said,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said) as line,
    ):
        passed, line_mb, emulator_mb = _watch(folder, line, documents)
        report = dict(json.loads(line.communicate()[0]))
    if line.returncode:
        raise SystemExit(f"passline demo ended with {line.returncode}: {report}")
    journals = {machine: _entries(folder, machine) for machine in _machines()}
    with closing(_database(folder)) as database:
        dry_us = dict(database.execute(LAST_DRAWS).fetchall())
    machines = [work(machine, spans(entries), dry_us[_kind(machine)]) for machine, entries in journals.items()]
    since_us, until_us = max(min(jobs)[0] for jobs in map(spans, journals.values())), min(dry_us.values())
    exchanges = sum(_is_answered(each) and since_us <= each.time_us < until_us for j in journals.values() for each in j)
    first, last = passed
    seconds, own_s = last.at_s - first.at_s, last.own_s - first.own_s
    return Measured(
        machines,
        (last.bytes - first.bytes) / seconds,
        exchanges / ((until_us - since_us) / US),
        own_s / seconds,
        (last.all_s - first.all_s - own_s) / seconds,
        line_mb,
        emulator_mb,
        report,
    )


def _machines() -> list[str]:
    return [f"book-{n:02}" for n in range(1, BOOKS + 1)] + [f"card-{n:02}" for n in range(1, CARDS + 1)]


def _kind(machine: str) -> str:
    return machine.partition("-")[0]


def _is_answered(entry: JournalEntry) -> bool:
    return entry.released or entry.state in REQUESTED


def _entries(folder: Path, machine: str) -> list[JournalEntry]:
    with closing(Journal(folder / "machines" / machine / "journal", Faults())) as journal:
        return list(journal.entries(0))


def _database(folder: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{folder / 'passline.db'}?mode=ro", uri=True)


def _watch(folder: Path, line: subprocess.Popen[bytes], documents: int) -> tuple[list[Passed], float, float]:
    """Follow a run to its end: the bytes at two moments, the peak memory of its process and of an emulator, in MB."""
    passed: list[Passed] = []
    line_mb = emulator_mb = 0.0
    while line.poll() is None:
        line_mb = max(line_mb, _peak_mb(line.pid))
        if len(passed) < 2 and _made(folder) >= (COUNTED_FROM, COUNTED_TO)[len(passed)] * documents:
            passed.append(_passed(folder, line.pid))
            pids = [running_pid(folder / "machines" / machine) for machine in _machines()]
            emulator_mb = max(_peak_mb(pid) for pid in pids if pid is not None)
        time.sleep(LOOK_S)
    return passed, line_mb, emulator_mb


def _made(folder: Path) -> int:
    try:
        with closing(_database(folder)) as database:
            (made,) = database.execute("SELECT count(*) FROM job WHERE outcome IS NOT NULL").fetchone()
            return int(made)
    except sqlite3.OperationalError:  # not there yet
        return 0


def _passed(folder: Path, line: int) -> Passed:
    """Bytes are asked of the emulators, once each: they count what they read from their ports and write to them."""
    total = 0
    for machine in _machines():
        with closing(ControlClient(folder / "machines" / machine)) as client:
            state = client.ask("state")
        total += state["bytes_in"] + state["bytes_out"]
    return Passed(time.monotonic(), total, _family_s(line), _all_s())


def _family_s(pid: int) -> float:
    """Processor seconds of a process and of all that it has started and that still run."""
    found: dict[int, tuple[int, float]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            facts = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        found[int(stat.parent.name)] = int(facts[1]), (int(facts[11]) + int(facts[12])) / TICKS_PER_S
    family = {pid}
    while grown := {one for one, (parent, _) in found.items() if parent in family} - family:
        family |= grown
    return sum(seconds for one, (_, seconds) in found.items() if one in family)


def _all_s() -> float:
    """Processor seconds of everything on this machine."""
    user, nice, system, _idle, _wait, *interrupts = Path("/proc/stat").read_text().splitlines()[0].split()[1:8]
    return sum(map(int, (user, nice, system, *interrupts))) / TICKS_PER_S


def _peak_mb(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    except OSError:  # it has just ended
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), 0.0)


def echo(size: int) -> tuple[float, float]:
    """Bare round trips of `size` bytes over a pty to another Python process: trips and bytes (both ways) a second.

    The best of `ECHOES`: it is a limit, and others may be busy on this machine.
    """
    master, slave = os.openpty()
    tty.setraw(slave)
    child = subprocess.Popen(
        [sys.executable, "-c", "import os\nwhile True: os.write(0, os.read(0, 65536))"], stdin=slave
    )
    os.close(slave)
    sent = bytes(size)
    try:
        _trip(master, sent)  # the child is there
        trips_per_s = max(_trips_per_s(master, sent) for _ in range(ECHOES))
    finally:
        child.kill()
        child.wait()
        os.close(master)
    return trips_per_s, 2 * size * trips_per_s


def _trips_per_s(master: int, sent: bytes) -> float:
    trips, began_s = 0, time.perf_counter()
    while (seconds := time.perf_counter() - began_s) < ECHO_S:
        _trip(master, sent)
        trips += 1
    return trips / seconds


def _trip(master: int, sent: bytes) -> None:
    os.write(master, sent)
    left = len(sent)
    while left:
        left -= len(os.read(master, left))


def _document_s(pace: Pace) -> float:
    return (pace.chip_s + pace.print_s + pace.eject_s) / SPEED


def report(run: Measured) -> None:
    """Print the figures of a run and the bare pty's, and whether every machine was busy enough."""
    busy = sorted(each.busy for each in run.machines)
    gaps_ms = sorted(gap / 1000 for each in run.machines for gap in each.gaps_us)
    made = [each.documents for each in run.machines]
    books, cards = (_document_s(pace) for pace in PACES.values())
    print(f"{len(made)} machines, EMULATED, at speed {SPEED:g}: a book in {books:.2f} s, a card in {cards:.2f} s")
    print(f"{'':28}{'least':>10}{'median':>10}{'most':>10}")
    print(f"{'documents a machine':28}{min(made):10}{median(made):10.0f}{max(made):10}")
    print(f"{'busy while work waited, %':28}" + "".join(f"{100 * x:10.2f}" for x in (busy[0], median(busy), busy[-1])))
    print(f"{'':28}{'median':>10}{'95 %':>10}{'most':>10}")
    print(f"{'idle between jobs, ms':28}" + "".join(f"{share(gaps_ms, x):10.1f}" for x in (0.5, 0.95, 1.0)))
    print(f"{'':28}{'a second':>10}{'KB/s':>10}")
    print(f"{'exchanges at the 32 ports':28}{run.exchanges_per_s:10,.0f}{run.bytes_per_s / 1000:10,.0f}")
    for size in (1, 4096):
        trips, passed = echo(size)
        print(f"{f'bare pty, {size:,} B and back':28}{trips:10,.0f}{passed / 1000:10,.0f}")
    cores = f"{run.own_cores:.2f} with this run, {run.other_cores:.2f} with anything else"
    print(f"cores busy, of {os.cpu_count()}: {cores}")
    print(f"line's process {run.line_mb:.0f} MB at its peak, the largest emulator {run.emulator_mb:.0f} MB")
    violations = {name: run.report[name] for name in ("live_duplicates", "custody_violations", "blanks_unaccounted")}
    print(f"violations: {violations}, in doubt: {run.report['in_doubt']}")
    below = sorted((each.busy, each.machine) for each in run.machines if each.busy < WANTED)
    verdict = ", ".join(f"{machine} {100 * part:.2f} %" for part, machine in below)
    print(f"busy at least {WANTED:.0%}: " + (f"NOT held by {verdict}" if below else "held by every machine, EMULATED"))


def main() -> None:
    """Run the line and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=DOCUMENTS, help=f"applications (default {DOCUMENTS})")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="passline-machines-") as scratch:
        report(measure(Path(scratch) / "line", asked.documents, asked.seed))


if __name__ == "__main__":
    main()
