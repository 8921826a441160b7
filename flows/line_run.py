"""One run of the line as a process sees it: Prefect's server, recovery, the stations, the board."""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import structlog
from rich.console import Console

from flows.alarm_targets import open_targets
from flows.board import Board
from flows.configuration import read_settings
from flows.errors import PrefectLostError, ShiftNeededError
from flows.facts import evacuation, has_table
from flows.line_state import Line
from flows.prefect_client import enter_client
from flows.prefect_server import prefect_server
from flows.prefect_watch import watched
from flows.program_log import set_up_log
from flows.recovering import open_if_there
from flows.rolled_back import refuse_rolled_back
from flows.run_folder import RunFolder
from flows.settings import LineSettings
from handoff_logs.reading import open_reading
from stations.casebook import listing
from stations.shift.errors import LineEvacuatedError
from stations.shift.stops import OPEN_SHIFT

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class LineEnd:
    """How a run of the line ended: one row of totals a station, and why it stopped (None: nothing was left).

    `released_us` is when all stations had entered, 0 if they never did. `paused`: this process goes on with it.
    """

    totals: list[dict[str, Any]]
    stop_reason: str | None
    released_us: int
    paused: bool = False


@contextmanager
def prefect_ready(folder: RunFolder, settings: LineSettings) -> Iterator[Callable[[], None]]:
    """Point this process at the line's Prefect server; the yielded call returns when it answers.

    The line's own server is started, watched and stopped with the block. Import Prefect inside the block only.
    """
    if settings.prefect.api_url is not None and not settings.prefect.own_server:
        enter_client(folder, settings.prefect.api_url)
        yield lambda: None
        return
    with prefect_server(folder, settings.prefect.port) as server:
        enter_client(folder, server.api_url)
        with watched(server):
            yield server.wait_until_ready


def run_line(folder: RunFolder, *, shift: str | None = None, screen: Console | None = None) -> LineEnd:
    """Run the line on what waits until nothing does, or until it is told to stop; the caller holds `line_lock`.

    Raises RecoveringError where its database is behind.
    """
    settings = read_settings(folder)
    # Before Prefect's server is started, which takes longer than to look.
    refuse_rolled_back(folder, settings)
    refuse_evacuated(folder)
    refuse_without_shift(folder, settings)
    # A target without its address would be silent for a whole shift.
    open_targets(folder, settings)
    set_up_log(folder, level=settings.logging.level, form=settings.logging.form)
    warn_of_missed_cases(folder, settings)
    with prefect_ready(folder, settings) as ready:
        return run_line_on(folder, settings, ready, shift=shift, screen=screen)


def warn_of_missed_cases(folder: RunFolder, settings: LineSettings) -> None:
    """Say in the log which rules of review no longer catch a case that tests them; people review all the same."""
    reading = open_if_there(folder.line().database_url)
    if reading is None:
        return
    with reading:
        if not has_table(reading, "casebook_attachment"):
            return
        trials = listing.trials(reading, settings.review.thresholds(folder.hold_lists))
    for trial in trials:
        if not trial.caught:
            _log.warning("casebook_rule_misses", case=trial.case["case_id"], code=trial.rule)


def refuse_evacuated(folder: RunFolder) -> None:
    """Raise `LineEvacuatedError` where the line is evacuated: nobody is there to work it."""
    reading = open_if_there(folder.line().database_url)
    if reading is None:
        return
    with reading:
        row = evacuation(reading)
    if row is not None:
        raise LineEvacuatedError(row["reason"], row["ordered_us"])


def refuse_without_shift(folder: RunFolder, settings: LineSettings) -> None:
    """Raise ShiftNeededError where real people work and no shift says who, also where nothing is there yet."""
    if not settings.real_staff:
        return
    reading = open_if_there(folder.line().database_url)
    if reading is None:
        raise ShiftNeededError
    with reading:
        if not has_table(reading, "shift") or not reading.rows(OPEN_SHIFT):
            raise ShiftNeededError


def working_shift(folder: RunFolder, settings: LineSettings) -> str:
    """The name of the shift that is open on a prepared line; where none is, the one in line.toml."""
    with open_reading(folder.line().database_url) as reading:
        return next((str(row["name"]) for row in reading.rows(OPEN_SHIFT)), settings.staff.shift)


def run_line_on(
    folder: RunFolder,
    settings: LineSettings,
    ready: Callable[[], None],
    *,
    shift: str | None,
    screen: Console | None,
    beside: Callable[[Line], AbstractContextManager[None]] | None = None,
) -> LineEnd:
    """Run the line inside `prefect_ready`; `ready` is waited for when the first flow needs it.

    `shift`: None is the shift that is open, or where none is, the one in line.toml. `beside`: what else goes on while
    the line runs. Raises PrefectLostError if Prefect goes away meanwhile, LineEvacuatedError where people have left.
    """
    # Prefect takes seconds to import and its server as long to start: both happen at once.
    import httpx
    from prefect.exceptions import PrefectException

    from flows.alarm_automation import follow_automation
    from flows.composition import open_database, open_line, prepare, record_settings
    from flows.core_gate import staff_goes_in
    from flows.line import STATION_FLOWS, run_whole_line
    from flows.parts import Parts
    from flows.prefect_backlog import send_backlog
    from flows.prefect_names import line_tags
    from flows.sealer_watch import sealer_beside
    from flows.stale_runs import crash_stale_runs

    prepare(folder)
    refuse_evacuated(folder)
    shift = shift or working_shift(folder, settings)
    parts = Parts(folder, settings)
    try:
        # Meanwhile Prefect's server starts.
        with open_database(folder, folder.resolve_database(settings.database.url)) as database:
            record_settings(database, settings)
            staff_goes_in(folder, settings, database, parts, shift, tuple(STATION_FLOWS))
        ready()
    except BaseException:
        parts.close()
        raise
    if screen is not None:
        screen.print(f"Prefect's pages: {os.environ['PREFECT_API_URL'].removesuffix('/api')}", highlight=False)
    try:
        crash_stale_runs(line_tags(settings.centre, emulated=settings.emulated))
        follow_automation(settings.centre, settings.alarms.prefect_block)
        with (
            open_line(folder, shift=shift, stations=tuple(STATION_FLOWS), parts=parts) as line,
            sealer_beside(folder, settings) as sealer,
            Board(folder, console=screen, offer_age_min=settings.thresholds.offer_age_min),
            beside(line) if beside else nullcontext(),
        ):
            if sealer is not None:
                line.sealer_refusal = lambda: sealer.ended
            totals = asyncio.run(run_whole_line(line))
            return LineEnd(totals, line.stop_reason, line.released_us, paused=line.pausing)
    except (httpx.HTTPError, PrefectException) as error:
        raise PrefectLostError(type(error).__name__, folder.path) from error
    finally:
        parts.close()
        send_backlog()
