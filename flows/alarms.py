"""Watching the line for alarms: what is the matter is raised, what is over is cleared, what nobody takes is escalated.

The register is the database's; this flow only looks, and tells the targets what the register's outbox holds.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from time import monotonic, time_ns
from typing import Final

import structlog
from prefect import flow
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from flows.alarm_delivery import TROUBLED_TRIES, Delivery, Tell, on_call_of, telling, tells
from flows.alarm_events import tell_prefect
from flows.alarm_findings import WATCHED, findings, low_stock
from flows.alarm_targets import Target, open_targets
from flows.alarm_watch import Watch
from flows.composition import line_of
from flows.configuration import OWN_TARGET
from flows.line_state import Line
from flows.station_run import Served
from handoff_logs.errors import HandoffLogError
from handoff_logs.reading import open_reading
from handoff_logs.sealed_state import sealed_state
from stations.alarms import outbox, rules
from stations.alarms.listing import listed
from stations.alarms.register import Finding, escalate_due, follow

log = structlog.get_logger()

NAME: Final = "alarms"
STOCK_LOOK_S: Final = 30.0
"""Seconds between two looks at the stock: it reads every blank on the shelf, and low stock is no alarm for a minute."""


@flow(name=NAME, flow_run_name="alarms · {shift}", retries=0, persist_result=False)
async def alarms(folder: str, shift: str) -> Served:
    """Watch the line in `folder` for alarms while it runs in this process; otherwise look once.

    Each step of an alarm is told to the line's targets and is an event, `passline.alarm.raised` and so on. A target
    that hangs or fails holds up neither the line nor another target.
    """
    async with line_of(folder, shift, NAME) as line:
        targets = open_targets(line.folder, line.settings)
        watch = Watch(line.database, line.settings.alarms.look_every_s)
        with telling(line.database, _tells(line, targets), on_call_of(targets), watch.may_tell) as delivery:
            watcher = Watcher(line, delivery, watch)
            while True:
                standing = await line.blocking(watcher.try_to_look)
                delivery.ring()
                if line.ended is None or line.ended.is_set():
                    # In a thread: a target that hangs must not hold up the flows that end beside this one.
                    await line.blocking(delivery.finish)
                    await line.blocking(watch.let_go)
                    return {"station": NAME, "units": standing}
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(line.ended.wait(), line.settings.alarms.look_every_s)


class Watcher:
    """Looks for what is the matter, and makes the register say so."""

    def __init__(self, line: Line, delivery: Delivery, watch: Watch | None = None) -> None:
        self._line, self._delivery = line, delivery
        self._watch = watch or Watch(line.database, line.settings.alarms.look_every_s)
        self._url = line.folder.resolve_database(line.settings.database.url)
        self._seen_since_s: dict[Finding, float] = {}
        self._low: dict[Finding, int | None] = {}
        self._stock_seen_s = -STOCK_LOOK_S

    def try_to_look(self) -> int:
        """Look once; a database that is away or busy is looked at again later. How many alarms are open."""
        try:
            return self.look()
        except (DBAPIError, HandoffLogError) as error:
            log.warning("alarms_not_looked", error=type(error).__name__)
            return 0

    def look(self) -> int:
        """Look once; how many alarms are open."""
        line = self._line
        with line.database.read() as connection:
            seals, unsent = sealed_state(connection), outbox.unsent(connection, TROUBLED_TRIES)
        unsent |= {name: unsent.get(name, 1) for name in self._delivery.hung()}
        with open_reading(self._url) as reading:
            now_us = time_ns() // 1_000
            if monotonic() - self._stock_seen_s >= STOCK_LOOK_S:
                self._low, self._stock_seen_s = low_stock(reading, line.settings, now_us), monotonic()
            found = findings(reading, seals, unsent, self._low, line.settings, now_us)
            standing = {(one.code, one.subject) for one in listed(reading)}
        lasting = self._lasting(found, standing)

        def write(tx: Connection) -> tuple[list[int], list[int], int, bool]:
            raised, cleared = follow(tx, WATCHED, lasting, emulated=line.emulated)
            mine = self._watch.hold(tx)
            escalated = escalate_due(tx) if mine else []
            outbox.end_told(tx, self._delivery.names, self._delivery.on_call)
            return raised, cleared, len(escalated), mine

        raised, cleared, escalated, mine = line.database.write(write)
        self._watch.kept(mine)
        if raised or cleared or escalated:
            log.info("alarms_changed", raised=len(raised), cleared=len(cleared), escalated=escalated)
        return len(standing) + len(raised) - len(cleared)

    def _lasting(self, found: Mapping[Finding, int | None], standing: set[Finding]) -> dict[Finding, int | None]:
        """What stands already, and what has lasted as long as its kind asks; who looks only once can't wait for it."""
        now_s = monotonic()
        self._seen_since_s = {finding: self._seen_since_s.get(finding, now_s) for finding in found}
        if self._line.ended is None:
            return dict(found)
        return {
            finding: amount
            for finding, amount in found.items()
            if finding in standing or (now_s - self._seen_since_s[finding]) * 1e6 >= rules.kind_of(finding[0]).delay_us
        }


def _tells(line: Line, targets: tuple[Target, ...]) -> dict[str, Tell]:
    centre = line.settings.centre
    return {OWN_TARGET: lambda notice: tell_prefect(centre, notice), **tells(centre, targets)}
