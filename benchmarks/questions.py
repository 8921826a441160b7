"""The sixteen questions over a year of ten million unit rows, on SQLite and PostgreSQL, each beside its limit.

What must come at once (1, 2, 8, 10) is asked for its first page with two hundred different parameters; the others for the
year's busiest and last day, or for all time where an index answers that. A reading is opened anew for each, as the
commands and pages do; opening it is a line of its own.
"""

import argparse
import random
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import generated_year, postgresql_copy
from handoff_logs.questions import QUESTIONS
from handoff_logs.reading import Reading, open_reading

UNIT_ROWS = 10_000_000
AT_ONCE = ("document", "holder", "shift", "person")
ALWAYS = ("waiting", "differences", "times", "corrections", "state")
"""Asked of all time, or of now."""
AT_ONCE_MS, OTHERWISE_MS = 10.0, 1000.0
REPETITIONS, AGAIN = 200, 3
PAGE = 100
DAY_US = 86_400_000_000

Asking = tuple[tuple[str, ...], dict[str, int | str]]


@dataclass(frozen=True)
class Figure:
    """One question's seconds, sorted; rows it gave at most; the limit's median seconds, of the same rows."""

    name: str
    asked_of: str
    seconds: Sequence[float]
    rows: int
    limit_s: float
    limit: str
    allowed_ms: float | None

    def part_ms(self, part: float) -> float:
        """Nearest-rank percentile in milliseconds."""
        return 1000 * self.seconds[max(0, -(-int(part * len(self.seconds) * 100) // 100) - 1)]

    @property
    def held(self) -> bool:
        """Whether it was as fast as is wanted: p99 of those at once, the slowest of the others."""
        return self.allowed_ms is None or self.part_ms(0.99) <= self.allowed_ms

    @property
    def line(self) -> str:
        """The figures in words."""
        number = f"{QUESTIONS[self.name].number:2}" if self.name in QUESTIONS else "  "
        verdict = "" if self.allowed_ms is None else f"  {'held' if self.held else 'NOT HELD'}: {self.allowed_ms:.0f}"
        return (
            f"{number} {self.name:12} {self.asked_of:12} {len(self.seconds):4} x {self.rows:6,} rows"
            f" {self.part_ms(0.5):9.2f} {self.part_ms(0.99):9.2f} {1000 * self.limit_s:9.2f}  {self.limit}{verdict}"
        )


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
    opening = sorted(_timed(lambda: open_reading(url).close()) for _ in range(20))
    yield Figure("opening", "a connection", opening, 0, 0.0, "", None)
    for name, of_what, each in asked:
        seconds, limits, most = [], [], 0
        for subject, filters in each:
            with open_reading(url) as reading:
                page = QUESTIONS[name].ask
                found: list[Any] = []
                seconds.append(
                    _timed(lambda: found.extend(page(reading, *subject, limit=PAGE, **filters)))  # noqa: B023
                )
                most = max(most, len(found))
            with open_reading(url) as reading:
                limits.append(_limit_s(reading, len(found), filters if "day" in of_what else None))
        at_once = name in AT_ONCE and "day" not in of_what
        told = "as many events by key" if "day" not in of_what else "the day's rows by key"
        allowed_ms = AT_ONCE_MS if at_once else OTHERWISE_MS
        yield Figure(name, of_what, sorted(seconds), most, sorted(limits)[len(limits) // 2], told, allowed_ms)


def _limit_s(reading: Reading, rows: int, day: dict[str, Any] | None) -> float:
    """Seconds of bare SQL: that many records by their primary key, or a day's unit rows by theirs, counted."""
    if day is not None:
        seqs = (
            "SELECT min(seq) AS first, max(seq) AS last FROM custody_event WHERE happened_us >= :from_us"
            " AND happened_us < :to_us"
        )
        (between,) = reading.rows(seqs, **day)
        sql = (
            "SELECT count(*) AS n, max(unit.person) AS person FROM custody_event AS event JOIN custody_unit AS unit"
            " ON unit.event_id = event.event_id WHERE event.seq BETWEEN :first AND :last"
        )
        return _timed(lambda: reading.tuples(sql, **between))
    (last,) = reading.tuples("SELECT max(seq) FROM custody_event")[0]
    seqs = ", ".join(str(random.randrange(1, last)) for _ in range(max(1, rows)))
    return _timed(lambda: reading.tuples(f"SELECT * FROM custody_event WHERE seq IN ({seqs})"))


def _timed(act: Callable[[], Any]) -> float:
    started_s = time.perf_counter()
    act()
    return time.perf_counter() - started_s


def report(database: str, figures: Sequence[Figure]) -> None:
    """Print a database's figures."""
    print(f"(g) {database}: milliseconds{'':33}{'p50':>9} {'p99':>9} {'limit':>9}  of bare SQL")
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
        held &= all(figure.held for figure in figures)
    if "postgresql" in databases:
        with postgresql_copy.copied(path) as (url, seconds):
            print(f"(g) copied into PostgreSQL in {seconds:.0f} s")
            figures = list(measure(url, asked))
        report("PostgreSQL", figures)
        held &= all(figure.held for figure in figures)
    return held


def main() -> None:
    """Measure and print; exits with 1 when something was too slow."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--units", type=int, default=UNIT_ROWS, help=f"unit rows (default {UNIT_ROWS:,})")
    parser.add_argument("--days", type=int, default=generated_year.DAYS, help="that they are spread over")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), action="append", help="only this one")
    parser.add_argument("--dir", type=Path, help="where the log is, or is written and stays")
    asked = parser.parse_args()
    databases = asked.database or ("sqlite", "postgresql")
    with tempfile.TemporaryDirectory(prefix="passline-questions-") as scratch:
        held = run(asked.dir or Path(scratch) / "year", asked.units, asked.days, databases)
    raise SystemExit(not held)


if __name__ == "__main__":
    main()
