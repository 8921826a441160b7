"""All steps over one log, its pages shared out among processes."""

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from handoff_logs.opened import refuse_opened
from handoff_logs.projections import LINE_TABLES, Difference, Projection
from handoff_logs.reading import Reading, Row, open_reading
from handoff_logs.verify import completeness
from handoff_logs.verify.bounds import Bounds, Tree, bounds_of
from handoff_logs.verify.consistency import Outside, Sealed, verify_seals
from handoff_logs.verify.custody import followed, verify_custody
from handoff_logs.verify.explanations import explained
from handoff_logs.verify.keys import Keys, registered_keys
from handoff_logs.verify.problems import Limits, Problem
from handoff_logs.verify.recomputation import Page, event_pages, number_pages, verify_events, verify_numbers
from handoff_logs.verify.storage import changed_tables, damaged_file, odd_values

CLEAN, BROKEN, FINDINGS = 0, 1, 2
"""Exit codes."""
ALONE_PAGES = 24
"""Pages that one process reads sooner than another has started."""

Progress = Callable[[int, int], None]
"""Told of pages done, of all."""
Job = tuple[int, int] | Projection | Literal["file"]
"""What one process does at a time: a page of events, or what takes the whole log and holds in any state of it.

On SQLite another process sees the log as it is when that process begins, so nothing else is its job.
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a verification is to hold the log against. `known`: verify what is new since that tree."""

    outside: Outside = field(default_factory=Outside)
    limits: Limits = field(default_factory=Limits)
    projections: Sequence[Projection] = LINE_TABLES
    differences: Sequence[Difference] = ()
    known: Tree | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong with a log, in the steps' order, and what was read."""

    problems: tuple[Problem, ...]
    sealed: Sealed
    events: int
    units: int
    unsealed: int
    emulated: bool
    open_offers: tuple[Row, ...] = ()
    seconds: float = field(default=0.0, compare=False)
    is_stopped: bool = False
    """Whether tables hold what can't be recomputed at all, so that nothing else was tried."""

    @property
    def exit_code(self) -> int:
        """0 when all steps hold, 1 when the log is broken, 2 when it has findings that nobody explained."""
        if any(problem.is_breaking for problem in self.problems):
            return BROKEN
        return FINDINGS if any(problem.explained_by is None for problem in self.problems) else CLEAN


def verify(
    url: str, asked: Asked | None = None, *, processes: int | None = None, progress: Progress | None = None
) -> Verdict:
    """Verify the log at a database url in its state of now; `processes` as many as this one may use CPUs, by default.

    Raises UnreadableDatabaseError, UnsupportedUrlError, OpenedArchiveError.
    """
    with open_reading(url) as reading:
        return verify_reading(reading, asked, url=url, processes=processes, progress=progress)


def verify_reading(
    reading: Reading,
    asked: Asked | None = None,
    *,
    url: str | None = None,
    processes: int | None = None,
    progress: Progress | None = None,
) -> Verdict:
    """Verify the log that a connection reads; with its `url`, long ones by several processes.

    Raises OpenedArchiveError: a log is whole, or it is broken.
    """
    refuse_opened(reading)
    started_s = time.monotonic()
    asked = asked or Asked()
    if asked.known is None and (odd := odd_values(reading)):
        return Verdict(tuple(odd), Sealed(), 0, 0, 0, emulated=False, is_stopped=True)
    bounds = bounds_of(reading, asked.known)
    keys = registered_keys(reading, bounds)
    pages = event_pages(reading, bounds)
    # The longest come first, so that they end with the rest.
    jobs: list[Job] = [*asked.projections, *pages]
    if bounds.is_full:
        jobs = ["file", *jobs]
    problems = [Problem(6, "a key is registered once, as one key of one owner", subject) for subject in keys.malformed]
    rows: dict[str, int] = {}
    workers = min(processes or len(os.sched_getaffinity(0)), len(pages) // ALONE_PAGES)
    work = _Work(keys, bounds, asked.limits)
    with _read(url if workers > 1 else None, reading, work, jobs, workers) as done:
        # While other processes work, this one does what is told of the whole log.
        sealed = verify_seals(reading, keys, bounds, asked.outside, asked.limits)
        problems += sealed.problems
        problems += completeness.key_numbers(reading)
        is_witnessed = bool(keys.witnesses() or asked.outside.witnesses or sealed.cosigned_s)
        problems += completeness.waiting(reading, bounds, sealed, asked.limits, is_witnessed)
        problems += verify_custody(reading, asked.differences)
        problems += changed_tables(reading)
        if bounds.is_full:
            for after, last in number_pages(reading):
                _add(verify_numbers(reading, after, last), problems, rows)
        for number, page in enumerate(done, start=1):
            _add(page, problems, rows)
            if progress is not None:
                progress(number, len(jobs))
    if bounds.is_full:
        problems += completeness.counted(reading, rows | sealed.rows)
    problems = explained(reading, sealed, sorted(set(problems), key=lambda one: (one.step, one.rule, one.subject)))
    return Verdict(
        tuple(problems),
        sealed,
        rows.get("custody_event", 0),
        rows.get("custody_unit", 0),
        rows.get("custody_event", 0) - rows.get("seal_leaf", 0),
        completeness.is_emulated(reading),
        tuple(completeness.open_offers(reading, completeness.newest_us(reading, sealed))),
        time.monotonic() - started_s,
    )


@dataclass(frozen=True, slots=True)
class _Work:
    keys: Keys
    bounds: Bounds
    limits: Limits

    def do(self, reading: Reading, job: Job) -> Page:
        if job == "file":
            return Page(problems=damaged_file(reading))
        if isinstance(job, Projection):
            return Page(problems=followed(reading, job))
        return verify_events(reading, self.keys, self.bounds, self.limits, *job)


def _add(page: Page, problems: list[Problem], rows: dict[str, int]) -> None:
    problems += page.problems
    for table, count in page.rows.items():
        rows[table] = rows.get(table, 0) + count


@contextmanager
def _read(
    url: str | None, reading: Reading, work: _Work, jobs: Sequence[Job], workers: int
) -> Iterator[Iterator[Page]]:
    """Give the pages as they are read: by this process or, over the same state of the log, by others."""
    if url is None:
        yield (work.do(reading, job) for job in jobs)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _begin, (url, reading.snapshot(), work)) as pool:
        yield pool.map(_do, jobs)


_OPENED: list[tuple[Reading, _Work]] = []


def _begin(url: str, snapshot: str | None, work: _Work) -> None:
    _OPENED.append((open_reading(url, snapshot), work))


def _do(job: Job) -> Page:
    ((reading, work),) = _OPENED
    return work.do(reading, job)
