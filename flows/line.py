"""The whole line: recovery first, then all stations side by side, tray by tray, until nothing waits."""

import asyncio
import gc
import signal
import time
from collections.abc import Awaitable, Callable

import structlog
from prefect import flow, tags

from flows.alarms import alarms
from flows.composition import line_of
from flows.gate import Gate, side_by_side
from flows.line_state import Line
from flows.mailing import collection, mailing
from flows.packing import packing
from flows.personalization import personalization
from flows.prefect_names import line_tags
from flows.qc import qc
from flows.recovery import recovery
from flows.review import review
from flows.sealing import sealing
from flows.shift_artifact import keep_last
from flows.station_run import Served
from flows.work_record import show_table

log = structlog.get_logger()

StationFlow = Callable[..., Awaitable[Served]]

STATION_FLOWS: dict[str, StationFlow] = {
    "review": review,
    "personalization": personalization,
    "qc": qc,
    "packing": packing,
    "mailing": mailing,
    "carrier": collection,
}
"""The stations in the order of a document's way, and the carrier at the door."""


@flow(name="line", flow_run_name="line · {shift}", retries=0, persist_result=False)
async def line(folder: str, shift: str) -> list[Served]:
    """Run the line of `folder` on what waits; returns one row of totals a station.

    What an earlier line left half-done is settled first: nothing is drawn before every machine has answered.
    """
    async with line_of(folder, shift, "line") as open_line:
        await recovery(folder, shift)
        open_line.ended = asyncio.Event()
        watching: list[asyncio.Task[Served]] = []

        def released() -> None:
            _released(open_line)
            # Not earlier: flow runs that begin side by side make Prefect's server stall.
            watching.extend(asyncio.ensure_future(watch(folder, shift)) for watch in (sealing, alarms))

        parties = [_party(open_line, station, run, shift) for station, run in STATION_FLOWS.items()]
        try:
            totals = await side_by_side(parties, released=released)
        finally:
            open_line.ended.set()
            await asyncio.gather(*watching)
        await show_table("line-totals", totals, f"Totals of the line, shift {shift}")
        await keep_last(open_line.folder)
        return totals


async def run_whole_line(open_line: Line) -> list[Served]:
    """Run the flow `line` on a line that this process has open, under the line's tags."""
    with tags(*line_tags(open_line.settings.centre, emulated=open_line.emulated)):
        return await line(str(open_line.folder.path), open_line.shift)


def _party(open_line: Line, station: str, run: StationFlow, shift: str) -> Callable[[Gate], Awaitable[Served]]:
    async def enter(gate: Gate) -> Served:
        open_line.gates[station] = gate
        try:
            return await run(str(open_line.folder.path), shift)
        except BaseException as error:
            # The others finish what they have in work; side_by_side raises this one after them.
            open_line.stop(f"{station} failed: {error}")
            raise

    return enter


def _released(open_line: Line) -> None:
    """Take the signals back from Prefect, whose handlers would end the runs while their threads work on."""
    # What was imported and set up lives to the end: the collector need not look through it again and again.
    gc.collect()
    gc.freeze()
    open_line.released_us = time.time_ns() // 1_000
    log.info("line_released", stations=list(STATION_FLOWS), shift=open_line.shift)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, open_line.stop, f"told to stop ({number.name})")
