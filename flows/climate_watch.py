"""Watching the air of the line's zones while machines work in it: a look every few seconds, each recorded at once.

Every zone's sensors are asked side by side, in threads of their own: a silent one delays neither another zone nor a
tray. Nothing here decides; `stations.climate` does, in the transaction that records the look.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Final

import structlog
from sqlalchemy import Connection

from flows.line_state import Line
from stations.climate import station
from stations.climate.rules import Look, Minutes, Step, Zone
from stations.climate.sensing import Sensing

log = structlog.get_logger()

PURGE_EVERY_S: Final = 86_400.0


@asynccontextmanager
async def watched(line: Line) -> AsyncIterator[None]:
    """Watch the zones of a line while the block runs, which begins once each was looked at.

    A watch that fails stops the line; its failure is raised at the end.
    """
    zones = line.settings.zones
    sensors = line.parts.climate_sensors()
    threads = ThreadPoolExecutor(max(1, len(sensors) + len(zones)), "climate")
    over = asyncio.Event()
    watches = [_Watch(line, zone, [sensors[name] for name in zone.sensors], threads, over) for zone in zones]
    running = [asyncio.ensure_future(watch.run()) for watch in watches]
    try:
        await asyncio.gather(*(watch.looked.wait() for watch in watches))
        yield
    finally:
        over.set()
        await asyncio.gather(*running, return_exceptions=True)
        threads.shutdown()
    for ended in running:
        ended.result()


class _Watch:
    """The watch of one zone."""

    def __init__(
        self, line: Line, zone: Zone, sensors: Sequence[Sensing], threads: ThreadPoolExecutor, over: asyncio.Event
    ) -> None:
        self._line, self._zone, self._sensors = line, zone, sensors
        self._threads, self._over = threads, over
        self._minutes = Minutes()
        self.looked = asyncio.Event()
        """Set once it has looked, or failed."""
        self._purged_s: float | None = None

    async def run(self) -> None:
        try:
            while not self._over.is_set():
                began_s = time.monotonic()
                await self._look()
                self.looked.set()
                left_s = self._zone.every_s - (time.monotonic() - began_s)
                try:
                    await asyncio.wait_for(self._over.wait(), max(0.0, left_s))
                except TimeoutError:
                    continue
        except asyncio.CancelledError:
            self._line.stop("interrupted")
            raise
        except BaseException as error:
            log.error("climate_watch_failed", zone=self._zone.name, error=type(error).__name__)
            self._line.stop(f"the watch of {self._zone.name}'s climate failed: {error}")
            raise
        finally:
            self.looked.set()
            await self._line.blocking(self._end, self._threads)

    async def _look(self) -> None:
        asked = [self._line.blocking(sensor.look, self._threads) for sensor in self._sensors]
        looks = tuple(await asyncio.gather(*asked))
        happened = await self._line.blocking(lambda: self._record(looks), self._threads)
        for step in happened:
            failures = [look.failure for look in looks if look.failure is not None]
            log.info("climate_changed", zone=self._zone.name, outcome=step.value, error=failures)

    def _record(self, looks: tuple[Look, ...]) -> tuple[Step, ...]:
        database, zone, emulated = self._line.database, self._zone, self._line.emulated
        purges = self._purged_s is None or time.monotonic() - self._purged_s > PURGE_EVERY_S

        with database.read() as conn:
            now_us = database.clock_us(conn)
        # Outside of the transaction, which may be tried again.
        over = list(self._minutes.add(looks, now_us))

        def write(tx: Connection) -> tuple[Step, ...]:
            happened = station.record(tx, zone, looks, now_us, emulated=emulated)
            station.keep(tx, zone.name, over, emulated=emulated)
            if purges:
                station.purge(tx, zone.name, now_us)
            return happened

        happened = database.write(write)
        if purges:
            self._purged_s = time.monotonic()
        return happened

    def _end(self) -> None:
        """Keep the minute under way, and let go of the sensors."""
        rest = list(self._minutes.rest())
        if rest:
            emulated = self._line.emulated
            self._line.database.write(lambda tx: station.keep(tx, self._zone.name, rest, emulated=emulated))
        for sensor in self._sensors:
            sensor.close()
