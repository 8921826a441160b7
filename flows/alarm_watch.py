"""The watch over alarms that stand: one process at a time escalates what nobody takes, and tells the targets.

A line that runs does it beside its looking; `passline alarms watch` does it while no line runs.
"""

import threading
from collections.abc import Callable
from time import monotonic
from typing import Final

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from flows.alarm_delivery import TROUBLED_TRIES, Delivery, on_call_of, telling, tells
from flows.alarm_targets import open_targets
from flows.configuration import OWN_TARGET
from flows.run_folder import RunFolder
from flows.settings import LineSettings
from handoff_logs.database import Database
from handoff_logs.errors import HandoffLogError
from handoff_logs.records import new_id
from stations.alarms import outbox, rules, watching
from stations.alarms.register import escalate_due, follow

log = structlog.get_logger()

SHORTEST_LEASE_S: Final = 30.0
LOOKS_A_LEASE: Final = 3
"""A watcher that misses so many looks is taken for gone, and another goes on."""


class Watch:
    """One process's hold of the watch, kept from look to look."""

    def __init__(self, database: Database, look_every_s: float, clock_s: Callable[[], float] = monotonic) -> None:
        self._database, self._clock_s, self._watcher = database, clock_s, new_id()
        self._lease_s = max(SHORTEST_LEASE_S, LOOKS_A_LEASE * look_every_s)
        self._asked_s = self._until_s = 0.0

    def hold(self, tx: Connection) -> bool:
        """Take or keep the watch in this transaction; `kept` says that it was committed."""
        self._asked_s = self._clock_s()
        return watching.hold(tx, self._watcher, round(self._lease_s * 1e6))

    def kept(self, held: bool) -> None:
        """Count the lease from before it was asked for: a process that slept since holds nothing."""
        self._until_s = self._asked_s + self._lease_s if held else 0.0

    def may_tell(self, target: str) -> bool:
        """Whether this process tells a target now. Prefect is told by the line alone, which is there while it runs."""
        return target == OWN_TARGET or self._clock_s() < self._until_s

    def let_go(self) -> None:
        """End it, so that another need not wait; one that can't be ended lapses."""
        self._until_s = 0.0
        try:
            self._database.write(lambda tx: watching.let_go(tx, self._watcher))
        except (DBAPIError, HandoffLogError) as error:
            log.warning("alarms_not_looked", error=type(error).__name__)


def watch(folder: RunFolder, settings: LineSettings, database: Database, stop: threading.Event) -> None:
    """Escalate and tell until told to stop. Raises TargetRefusedError at the beginning."""
    targets, held = open_targets(folder, settings), Watch(database, settings.alarms.look_every_s)
    told = tells(settings.centre, targets)
    try:
        with telling(database, told, on_call=on_call_of(targets), may_tell=held.may_tell) as delivery:
            while True:
                look(database, held, delivery, emulated=settings.emulated)
                if stop.wait(settings.alarms.look_every_s):
                    return
    finally:
        held.let_go()


def look(database: Database, held: Watch, delivery: Delivery, *, emulated: bool) -> None:
    """Look once: nothing is written by a process that has not the watch, or while the database is away or busy."""

    def write(tx: Connection) -> tuple[bool, int]:
        if not held.hold(tx):
            return False, 0
        escalated = len(escalate_due(tx))
        unsent = outbox.unsent(tx, TROUBLED_TRIES)
        unsent |= {name: unsent.get(name, 1) for name in delivery.hung()}
        found = {(rules.UNSENT, name): notices for name, notices in unsent.items()}
        follow(tx, (rules.UNSENT,), found, emulated=emulated)
        return True, escalated

    try:
        mine, escalated = database.write(write)
    except (DBAPIError, HandoffLogError) as error:
        log.warning("alarms_not_looked", error=type(error).__name__)
        return
    held.kept(mine)
    if escalated:
        log.info("alarms_changed", raised=0, cleared=0, escalated=escalated)
    delivery.ring()
