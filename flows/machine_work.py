"""The machines at work while personalization is served: a thread each, and somebody who switches dead ones on again."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Final

import structlog

from flows.climate_watch import watched
from flows.line_state import Line
from flows.work_record import report_hold

log = structlog.get_logger()

POWER_ON_EVERY_S: Final = 1.0
"""How often emulated operators look whether a machine stands without power, and switch it on again."""


@asynccontextmanager
async def at_work(line: Line) -> AsyncIterator[None]:
    """Work all machines while the block runs, then let each finish the documents in it; watch their air meanwhile.

    A thread that fails stops the line; its failure is raised at the end.
    """
    async with watched(line), _machines_at_work(line):
        yield


@asynccontextmanager
async def _machines_at_work(line: Line) -> AsyncIterator[None]:
    machines = line.machines.each
    # Not the line's threads: 32 machines would hold them all to the end, and no tray would ever be claimed.
    pool = ThreadPoolExecutor(max(1, len(machines)), "machine")
    threads = [asyncio.ensure_future(_thread(line, machine, pool)) for machine in machines]
    watch = asyncio.ensure_future(_watch(line))
    try:
        yield
    finally:
        line.machines.stop.set()
        await asyncio.wait([*threads, watch])
        pool.shutdown()
    for ended in (*threads, watch):
        ended.result()


async def _thread(line: Line, machine: str, pool: ThreadPoolExecutor) -> None:
    try:
        run = await line.blocking(lambda: line.machines.work(machine), pool)
    except asyncio.CancelledError:
        # Ctrl-C before the line has the signals: the machine did not fail, and finishes the document in it.
        line.stop("interrupted")
        raise
    except BaseException as error:
        log.error("machine_thread_failed", machine=machine, error=type(error).__name__)
        line.stop(f"{machine} failed: {error}")
        raise
    log.info("machine_done", machine=machine, documents=run.good, count=run.failed)


async def _watch(line: Line) -> None:
    """Emulated operators switch a dead emulator on again, and its thread reconciles it; each hold is reported once."""
    reported: dict[str, str] = {}
    while not line.machines.stop.is_set():
        await asyncio.sleep(POWER_ON_EVERY_S)
        for machine in await line.blocking(line.parts.switch_on):
            log.warning("machine_switched_on", machine=machine)
        held = await line.blocking(line.machines.held)
        for machine, reason in held.items():
            if reported.get(machine) != reason:
                report_hold(machine, reason, emulated=line.emulated)
        reported = held
