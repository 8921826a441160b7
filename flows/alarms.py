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

from flows import alarm_text
from flows.alarm_delivery import TROUBLED_TRIES, Delivery, Tell, telling
from flows.alarm_events import tell_prefect
from flows.alarm_findings import WATCHED, findings
from flows.alarm_targets import Target, open_targets
from flows.composition import line_of
from flows.configuration import OWN_TARGET
from flows.line_state import Line
from flows.station_run import Served
from handoff_logs.errors import HandoffLogError
from handoff_logs.reading import open_reading
from handoff_logs.sealed_state import sealed_state
from stations.alarms import outbox, rules
from stations.alarms.listing import listed
from stations.alarms.outbox import Notice
from stations.alarms.register import Finding, escalate_due, follow

log = structlog.get_logger()

NAME: Final = "alarms"


@flow(name=NAME, flow_run_name="alarms · {shift}", retries=0, persist_result=False)
async def alarms(folder: str, shift: str) -> Served:
    """Watch the line in `folder` for alarms while it runs in this process; otherwise look once.

    Each step of an alarm is told to the line's targets and is an event, `passline.alarm.raised` and so on. A target
    that hangs or fails holds up neither the line nor another target.
    """
    async with line_of(folder, shift, NAME) as line:
        targets = open_targets(line.folder, line.settings)
        with telling(line.database, _tells(line, targets)) as delivery:
            watcher = Watcher(line, delivery)
            while True:
                standing = await line.blocking(watcher.try_to_look)
                delivery.ring()
                if line.ended is None or line.ended.is_set():
                    # In a thread: a target that hangs must not hold up the flows that end beside this one.
                    await line.blocking(delivery.finish)
                    return {"station": NAME, "units": standing}
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(line.ended.wait(), line.settings.alarms.look_every_s)


class Watcher:
    """Looks for what is the matter, and makes the register say so."""

    def __init__(self, line: Line, delivery: Delivery) -> None:
        self._line, self._delivery = line, delivery
        self._url = line.folder.resolve_database(line.settings.database.url)
        self._seen_since_s: dict[Finding, float] = {}

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
            found = findings(reading, seals, unsent, line.settings, time_ns() // 1_000)
            standing = {(one.code, one.subject) for one in listed(reading)}
        lasting = self._lasting(found, standing)

        def write(tx: Connection) -> tuple[list[int], list[int], int]:
            raised, cleared = follow(tx, WATCHED, lasting, emulated=line.emulated)
            escalated = escalate_due(tx)
            outbox.end_told(tx, self._delivery.names)
            return raised, cleared, len(escalated)

        raised, cleared, escalated = line.database.write(write)
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

    def told_by(target: Target) -> Tell:
        def tell(notice: Notice) -> None:
            title, body = alarm_text.title(centre, notice), alarm_text.body(centre, notice)
            target.tell(title, body, alarm_text.severity(notice))

        return tell

    return {
        OWN_TARGET: lambda notice: tell_prefect(centre, notice),
        **{target.name: told_by(target) for target in targets},
    }
