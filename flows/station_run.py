"""A station at work: it takes what is offered to it, tray by tray, until nothing waits or it is told to stop.

One task run is one tray. Tasks that act are never retried and never cached: after any failure the handoff log says
what has been done, and the next run of the station continues from there.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import structlog
from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.context import TagsContext

from flows.line_state import Line
from flows.work import StationWork, TrayToWork
from flows.work_record import Progress, report_tray
from handoff_logs.errors import LineFrozenError

log = structlog.get_logger()

LOOK_AGAIN_S = 0.25
"""How long a station without work waits before it looks at the log again, unless the bell rings first."""


Served = dict[str, Any]
"""One row of totals: the station, its trays, and units by outcome."""


@dataclass(slots=True)
class StationTotals:
    """What one run of a station came to: trays worked, and units by outcome."""

    station: str
    trays: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)

    def add(self, outcomes: dict[str, int]) -> None:
        """Count one tray, whose units came out as `outcomes`."""
        self.trays += 1
        for outcome, units in outcomes.items():
            self.outcomes[outcome] = self.outcomes.get(outcome, 0) + units

    def row(self) -> Served:
        """The totals as one row of a table."""
        return {"station": self.station, "trays": self.trays, **self.outcomes}


@task(retries=0, cache_policy=NO_CACHE, persist_result=False, name="tray", task_run_name="{station} · {tray}{mark}")
async def work_tray(
    station: str,  # noqa: ARG001 - names the run
    tray: str,  # noqa: ARG001 - names the run
    mark: str,  # noqa: ARG001 - names the run
    act: Callable[[], Awaitable[dict[str, int]]],
) -> dict[str, int]:
    """Work one tray; units by outcome, `left` for those that a later run continues with."""
    return await act()


async def run_tray(
    station: str, tray: str, act: Callable[[], Awaitable[dict[str, int]]], *, emulated: bool
) -> dict[str, int]:
    """Work one tray as a task run that waits for nobody.

    For a task run with tags Prefect asks its server whether they have a concurrency limit, and the run begins when the
    answer is there: seconds, while the server is busy, and never, while it is away. Its flow run has the line's tags.
    """
    with TagsContext(current_tags=set()):
        return await work_tray(station, tray, " · EMULATED" if emulated else "", act)


async def run_station(line: Line, work: StationWork, *, only: str | None = None) -> Served:
    """Serve `work.station` until the line is done or told to stop; with `only`, serve that one tray.

    Trays of an earlier run that were accepted and not handed on come first. The first failure of a tray stops the
    line (what is in work elsewhere is finished) and is raised at the end.
    """
    bench = _Bench(line, work)
    try:
        await bench.enter(only)
        while await _goes_on(line, bench, only):
            if line.stopping or await line.blocking(line.evacuated) or not await bench.take_next(only):
                await bench.wait()
    finally:
        await bench.settle()
    if bench.failure is not None:
        raise bench.failure
    return bench.totals.row()


async def _goes_on(line: Line, bench: "_Bench", only: str | None) -> bool:
    if bench.busy:
        return True
    if line.stopping:
        return False
    if only is not None:
        return not bench.totals.trays and await bench.take_next(only)
    return not await line.is_done()


class _Bench:
    """The trays that one station has in work."""

    def __init__(self, line: Line, work: StationWork) -> None:
        self._line, self._work = line, work
        self._running: set[asyncio.Task[None]] = set()
        self._progress = Progress(work.station)
        self.totals = StationTotals(work.station)
        self.failure: BaseException | None = None

    @property
    def busy(self) -> bool:
        return bool(self._running)

    async def enter(self, only: str | None) -> None:
        """Pass the line's gate, and begin the trays of an earlier run.

        Until they are begun the station counts as at work: they may be all that is left, and another station that
        looked before would find the line done, end, and leave for ever what they are going to be offered as.
        """
        self._line.working += 1
        try:
            await self._line.gate(self._work.station).wait()
            for tray in await self._line.blocking(self._work.unfinished):
                if only in (None, tray.tray):
                    self.begin(tray)
        finally:
            self._line.working -= 1

    async def take_next(self, only: str | None) -> bool:
        """Claim and begin the most urgent tray that waits; False when there is none or no room.

        A station that is full still takes the green channel: it overtakes everything.
        """
        full = len(self._running) >= self._work.abreast
        tray = await self._line.blocking(lambda: self._work.claim(green_only=full, only=only))
        if tray is not None:
            self.begin(tray)
        return tray is not None

    def begin(self, tray: TrayToWork) -> None:
        self._line.working += 1
        self._running.add(asyncio.ensure_future(self._run(tray)))

    async def _run(self, tray: TrayToWork) -> None:
        station = self._work.station
        try:
            work = self._work_unless_frozen
            outcomes = await run_tray(station, tray.tray, lambda: work(tray), emulated=self._line.emulated)
            self.totals.add(outcomes)
            report_tray(station, tray.tray, outcomes, emulated=self._line.emulated)
        finally:
            self._line.working -= 1
            self._line.ring()
        self._progress.show(self.totals.outcomes.get("units", 0), await self._line.blocking(self._waiting))

    async def _work_unless_frozen(self, tray: TrayToWork) -> dict[str, int]:
        """Work a tray; one that an evacuation leaves where it is, a later run continues with."""
        try:
            return await self._work.work(tray)
        except LineFrozenError:
            await self._line.blocking(self._line.evacuated)
            log.warning("tray_left", station=self._work.station, tray=tray.tray)
            return {"left": 1}

    def _waiting(self) -> int:
        return self._line.units_waiting(self._work.station)

    async def wait(self) -> None:
        """Return when a tray is done, somebody rings, or it is time to look again."""
        bell = asyncio.ensure_future(self._line.bell())
        await asyncio.wait({bell, *self._running}, timeout=LOOK_AGAIN_S, return_when=asyncio.FIRST_COMPLETED)
        bell.cancel()
        self._collect()

    async def settle(self) -> None:
        """Wait until no tray is in work."""
        while self._running:
            await asyncio.wait(self._running)
            self._collect()
        await self._progress.end()

    def _collect(self) -> None:
        for done in [run for run in self._running if run.done()]:
            self._running.discard(done)
            error = done.exception()
            if error is not None and self.failure is None:
                log.error("tray_failed", station=self._work.station, error=type(error).__name__)
                self.failure = error
                self._line.stop(f"{self._work.station} failed: {error}")
