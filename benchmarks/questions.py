"""The sixteen questions over a year of ten million unit rows, on SQLite and PostgreSQL, each beside its limit.

What must come at once (1, 2, 8, 10) is asked for its first page with two hundred different parameters, on an open
reading; the others for the year's busiest and last day, or for all time where an index answers that, each on a reading
of its own. Processor time is this process's and that of PostgreSQL's behind the reading.
"""

import argparse
import math
import random
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import generated_year, postgresql_copy
from handoff_logs.questions import QUESTIONS
from handoff_logs.reading import Reading, open_reading

UNIT_ROWS = 10_000_000
DATABASES = ("sqlite", "postgresql")
AT_ONCE = ("document", "holder", "shift", "person")
ALWAYS = ("waiting", "differences", "times", "corrections", "state")
"""Asked of all time, or of now."""
AT_ONCE_MS, OTHERWISE_MS = 10.0, 1000.0
REPETITIONS, AGAIN = 200, 3
PAGE = 100
DAY_US = 86_400_000_000

Asking = tuple[tuple[str, ...], dict[str, int | str]]


@dataclass(frozen=True)
class Spent:
    """Seconds by the clock and of processors."""

    clock_s: float
    cpu_s: float


@dataclass(frozen=True)
class Figure:
    """A question's times, beside those of its limit: bare SQL over the same rows. `rows`: given at most."""

    name: str
    asked_of: str
    times: Sequence[Spent]
    limits: Sequence[Spent]
    rows: int
    allowed_ms: float | None

    @property
    def verdict(self) -> str:
        """Whether it was as fast as is wanted: p99 of those at once, the slowest of the others."""
        if self.allowed_ms is None:
            return ""
        clock, cpu = (percentile_ms(times, 0.99) for times in self._both(self.times))
        if clock <= self.allowed_ms:
            return f"held: {self.allowed_ms:,.0f}"
        if cpu <= self.allowed_ms:
            return f"held by processor time, others were busy: {self.allowed_ms:,.0f}"
        return f"NOT HELD: {self.allowed_ms:,.0f}"

    @property
    def line(self) -> str:
        """The figures in words."""
        number = f"{QUESTIONS[self.name].number:2}" if self.name in QUESTIONS else "  "
        told = [percentile_ms(times, part) for times in self._both(self.times) for part in (0.5, 0.99)]
        told += [percentile_ms(times, part) for times in self._both(self.limits)[:1] for part in (0.5, 0.99)]
        figures = "".join(f"{value:10,.2f}" for value in told)
        return f"{number} {self.name:12} {self.asked_of:12}{len(self.times):4} x {self.rows:4}{figures}  {self.verdict}"

    @staticmethod
    def _both(times: Sequence[Spent]) -> tuple[list[float], list[float]]:
        return [each.clock_s for each in times], [each.cpu_s for each in times]


def percentile_ms(seconds: Sequence[float], part: float) -> float:
    """Nearest-rank percentile, in milliseconds.

    >>> percentile_ms([0.003, 0.001, 0.002], 0.5)
    2.0
    """
    ordered = sorted(seconds)
    return 1000 * ordered[max(0, math.ceil(part * len(ordered)) - 1)] if ordered else 0.0


def parameters(path: Path, year: generated_year.Year, seed: int = 1) -> Iterator[tuple[str, str, list[Asking]]]:
    """What is asked: a question, of what, and each set of its parameters."""
    rng = random.Random(seed)
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as log:
        (last,) = log.execute("SELECT max(seq) FROM custody_event").fetchone()
        sql = (
            "SELECT shift, machine, person, happened_us, event_id FROM custody_event WHERE seq >= ? AND act = ? LIMIT 1"
        )
        made = [log.execute(sql, (rng.randrange(1, last - 5_000), "transform")).fetchone() for _ in range(REPETITIONS)]
        sql = "SELECT number FROM unit_number JOIN custody_unit USING (unit_id) WHERE event_id = ?"
        numbers = [rng.choice(log.execute(sql, (event,)).fetchall())[0] for *_, event in made]
    at = [happened + rng.randrange(-DAY_US, 3 * DAY_US) for *_, happened, _ in made]
    yield "document", "a number", [((number,), {}) for number in numbers]
    yield "holder", "a number", [((number,), {"at_us": at_us}) for number, at_us in zip(numbers, at, strict=True)]
    yield (
        "shift",
        "a machine",
        [
            ((shift,), {"machine": machine} | ({"from_us": us} if n % 2 else {}))
            for n, (shift, machine, _, us, _) in enumerate(made)
        ],
    )
    yield (
        "person",
        "a person",
        [((person,), {"from_us": us} if n % 2 else {}) for n, (_, _, person, us, _) in enumerate(made)],
    )
    for name in QUESTIONS:
        if name in ALWAYS:
            yield name, "all time", [((), {})] * AGAIN
        elif name == "shift" or name not in AT_ONCE:
            subject = ("early",) if name == "shift" else ()
            for day, from_us in (("busiest day", year.busiest_day_us), ("last day", year.last_day_us)):
                to_us = from_us + DAY_US if day == "busiest day" else 2**53
                yield name, day, [(subject, {"from_us": from_us, "to_us": to_us})] * AGAIN


def measure(url: str, asked: Sequence[tuple[str, str, list[Asking]]]) -> Iterator[Figure]:
    """Ask all of one database."""
    opened = []
    for _ in range(AGAIN):
        started_s = time.perf_counter()
        with open_reading(url, by_index=True):
            opened.append(Spent(time.perf_counter() - started_s, 0.0))
    yield Figure("opening", "a reading", opened, (), 0, None)
    for name, of_what, each in asked:
        a_day = "day" in of_what
        at_once = name in AT_ONCE and not a_day
        with ExitStack() as kept:
            reading = kept.enter_context(open_reading(url, by_index=True))
            if at_once:  # a reading's first question of a kind is planned; a figure of its own
                (subject, filters), *each = each
                first, rows = _timed(reading, lambda: _page(reading, name, subject, filters))  # noqa: B023
                yield Figure(name, "first time", [first], (), rows, None)
            times, limits, most = [], [], 0
            for subject, filters in each:
                if not at_once:
                    reading = kept.enter_context(open_reading(url, by_index=True))
                spent, rows = _timed(reading, lambda: _page(reading, name, subject, filters))  # noqa: B023
                times.append(spent)
                most = max(most, rows)
                limits.append(_limit(reading, rows, filters if a_day else None))
        yield Figure(name, of_what, times, limits, most, AT_ONCE_MS if at_once else OTHERWISE_MS)


def _page(reading: Reading, name: str, subject: tuple[str, ...], filters: dict[str, Any]) -> int:
    return len(list(QUESTIONS[name].ask(reading, *subject, limit=PAGE, **filters)))


def _limit(reading: Reading, rows: int, day: dict[str, Any] | None) -> Spent:
    """Bare SQL: that many records by their primary key, or a day's unit rows by their events' keys, counted."""
    if day is not None:
        (between,) = reading.rows(_DAY, **day)
        return _timed(reading, lambda: reading.tuples(_UNITS, **between))[0]
    (last,) = reading.tuples("SELECT max(seq) FROM custody_event")[0]
    seqs = ", ".join(str(random.randrange(1, last)) for _ in range(max(1, rows)))
    return _timed(reading, lambda: reading.tuples(f"SELECT * FROM custody_event WHERE seq IN ({seqs})"))[0]


_DAY = (
    "SELECT min(seq) AS first, max(seq) AS last FROM custody_event WHERE happened_us >= :from_us"
    " AND happened_us < :to_us"
)
_UNITS = (
    "SELECT count(*) AS n, max(unit.person) AS person FROM custody_event AS event JOIN custody_unit AS unit"
    " ON unit.event_id = event.event_id WHERE event.seq BETWEEN :first AND :last"
)


def _timed(reading: Reading, act: Callable[[], Any]) -> tuple[Spent, Any]:
    behind = None
    if reading.dialect == "postgresql":
        ((pid,),) = reading.tuples("SELECT pg_backend_pid()")
        behind = Path(f"/proc/{pid}/schedstat")
    cpu_s, started_s = _cpu_s(behind), time.perf_counter()
    found = act()
    return Spent(time.perf_counter() - started_s, _cpu_s(behind) - cpu_s), found


def _cpu_s(behind: Path | None) -> float:
    served = 0.0 if behind is None else int(behind.read_text().split()[0]) / 1e9
    return time.process_time() + served


def report(database: str, figures: Sequence[Figure]) -> None:
    """Print a database's figures."""
    heads = "".join(f"{head:>10}" for head in ("p50", "p99", "CPU p50", "CPU p99", "limit p50", "limit p99"))
    print(f"(g) {f'{database}, milliseconds':36}{heads}")
    for figure in figures:
        print(figure.line)


def run(folder: Path, unit_rows: int, days: int, databases: Sequence[str]) -> bool:
    """Generate the year below `folder`, unless it is there, ask, print; returns whether all was fast enough."""
    started_s = time.perf_counter()
    path = folder / "passline.db"
    if path.exists():
        year = generated_year.told(path)
    else:
        folder.mkdir(parents=True, exist_ok=True)
        year = generated_year.generate(folder, unit_rows, days=days)
    size = path.stat().st_size / 2**30
    print(f"(g) {year.unit_rows:,} unit rows, {size:.1f} GiB, {time.perf_counter() - started_s:.0f} s")
    asked = list(parameters(path, year))
    held = True
    if "sqlite" in databases:
        figures = list(measure(year.url, asked))
        report("SQLite", figures)
        held &= all("NOT" not in figure.verdict for figure in figures)
    if "postgresql" in databases:
        with postgresql_copy.copied(path) as (url, seconds):
            print(f"(g) copied into PostgreSQL in {seconds:.0f} s")
            figures = list(measure(url, asked))
        report("PostgreSQL", figures)
        held &= all("NOT" not in figure.verdict for figure in figures)
    return held


def main() -> None:
    """Measure and print; exits with 1 when something was too slow."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--units", type=int, default=UNIT_ROWS, help=f"unit rows (default {UNIT_ROWS:,})")
    parser.add_argument("--days", type=int, default=generated_year.DAYS, help="that they are spread over")
    parser.add_argument("--database", choices=DATABASES, action="append", help="only this one")
    parser.add_argument("--dir", type=Path, help="where the log is, or is written and stays")
    asked = parser.parse_args()
    databases = asked.database or DATABASES
    with tempfile.TemporaryDirectory(prefix="passline-questions-") as scratch:
        held = run(asked.dir or Path(scratch) / "year", asked.units, asked.days, databases)
    raise SystemExit(not held)


if __name__ == "__main__":
    main()
