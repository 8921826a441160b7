"""The line as one process sees it: what is open, who works, whether to stop."""

import asyncio
import contextvars
import hashlib
import socket
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from flows.duty import Roster
from flows.gate import Gate, open_gate
from flows.machines import STATION, Machine, Machines
from flows.parts import Parts
from flows.run_folder import RunFolder
from flows.settings import Desk, LineSettings
from handoff_logs import offers
from handoff_logs.database import Database
from stations.intake.deadline_changes import in_force
from stations.personal import PersonalData
from stations.personalization.desk import MachineDesk
from stations.personalization.setup import Setup
from stations.personalization.signer import open_signer
from stations.review.second import SecondLooks
from stations.review.thresholds import Thresholds
from stations.shift.acts import evacuation_row
from stations.trays import TimeNodes
from stations.workplace import Workplace

Answer = TypeVar("Answer")

THREADS = 32
"""Blocking calls at once: a tray of each station, and room for those that wait on readers."""


def worker_name(folder: RunFolder) -> str:
    """This computer and folder, as they stand on leases and claims.

    The next process of the same folder has the same name and takes its own leases and claims back at once: the line's
    lock sees to it that there is one at a time.
    """
    return f"{socket.gethostname()[:40]}:{hashlib.sha256(str(folder.path).encode()).hexdigest()[:16]}"


@dataclass
class Line:
    """One open line. `stations` are those served by this process; `working` counts their trays in
    work, `released_us` is when all stations had entered, `begun` the handoffs that it has claimed.
    `sealer_refusal` says why the sealer beside it stopped; `ended` is set once all stations have, None where no whole
    line runs here. `pausing`: it stopped to be gone on with by the same process."""

    folder: RunFolder
    settings: LineSettings
    database: Database
    personal: PersonalData
    roster: Roster
    shift: str
    parts: Parts
    stations: tuple[str, ...] = ()
    worker: str = ""
    working: int = 0
    released_us: int = 0
    stop_reason: str | None = None
    pausing: bool = False
    gates: dict[str, Gate] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)
    sealer_refusal: Callable[[], str | None] = lambda: None
    ended: asyncio.Event | None = None
    machines: Machines = field(init=False)
    _nodes: TimeNodes | None = None
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(THREADS, "tray"))
    _loop: asyncio.AbstractEventLoop | None = None
    _rung: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.worker = self.worker or worker_name(self.folder)
        self.machines = Machines(self.workplace(STATION), self._operators, self._make_machines)

    def _operators(self) -> MachineDesk | None:
        """EMULATED operators; None where people load and empty the machines, and nothing here waits for their hands."""
        return None if self.settings.desks.personalization is Desk.PEOPLE else self.parts.operators()

    def _make_machines(self) -> dict[str, Machine]:
        found, maker = self.parts.personalizers(), open_signer(self.folder.keys)
        alike = Counter(products for _, products in found.values())
        return {
            machine: Machine(
                driver,
                Setup(
                    self.settings.centre,
                    self.worker,
                    products,
                    maker,
                    sharing=alike[products],
                    machines=tuple(sorted(found)),
                ),
            )
            for machine, (driver, products) in found.items()
        }

    @property
    def emulated(self) -> bool:
        """True unless this is a production line."""
        return self.settings.mode != "production"

    @property
    def stopping(self) -> bool:
        """True once the line was told to stop: nothing new is begun."""
        return self._stop.is_set()

    @property
    def stop_event(self) -> threading.Event:
        """The same for threads that wait on it."""
        return self._stop

    def stop(self, reason: str) -> None:
        """Begin nothing new; what is in work is finished. The first reason stands, but a pause gives way to it."""
        if self.stop_reason is None or self.pausing:
            self.stop_reason, self.pausing = reason, False
        self._stop.set()
        self.ring()

    def pause(self, reason: str) -> None:
        """Stop, to be gone on with by this process; whoever tells the line to stop meanwhile is heard."""
        if self.stop_reason is None:
            self.stop_reason, self.pausing = reason, True
        self._stop.set()
        self.ring()

    def evacuated(self) -> bool:
        """Stop, if somebody evacuated the line; say whether it is so."""
        with self.database.read() as connection:
            row = evacuation_row(connection)
        if row is not None:
            self.stop(f"the line is evacuated ({row['reason']}); come back with passline shift return")
        return row is not None

    def workplace(self, station: str) -> Workplace:
        """The station with the people on duty there."""
        return Workplace(
            database=self.database,
            station=station,
            shift=self.shift,
            people=self.roster[station],
            emulated=self.emulated,
            personal=self.personal,
        )

    def nodes(self) -> TimeNodes:
        """The time nodes by the calendar in force now, which somebody may change while the line runs."""
        with self.database.read() as connection:
            calendar = in_force(connection)
        if self._nodes is None or self._nodes.calendar != calendar:
            self._nodes = TimeNodes(calendar, self.settings.allowances.by_class())
        return self._nodes

    def thresholds(self) -> Thresholds:
        """What review's rules go by."""
        return self.settings.review.thresholds(self.folder.hold_lists)

    def second_looks(self) -> SecondLooks:
        """Which passes another reviewer decides again."""
        return self.settings.review.second_looks()

    def gate(self, station: str) -> Gate:
        """The station's place at the gate; open where the station runs alone."""
        return self.gates.get(station) or open_gate()

    async def blocking(self, act: Callable[[], Answer], threads: ThreadPoolExecutor | None = None) -> Answer:
        """Run a blocking call in one of the line's threads, or of `threads` where it lasts as long as the line."""
        self._loop = asyncio.get_running_loop()
        context = contextvars.copy_context()
        return await self._loop.run_in_executor(threads or self._threads, lambda: context.run(act))

    def ring(self) -> None:
        """Wake the stations that wait for work; may be called from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._rung.set)

    async def bell(self) -> None:
        """Wait for the next ring, then take it: two rings at once are one."""
        await self._rung.wait()
        self._rung.clear()

    async def is_done(self) -> bool:
        """True when no tray is in work here and nothing is offered to any station served here.

        A tray's offer is committed before it stops counting as in work, so looking in this order misses none.
        """
        if self.working:
            return False
        return await self.blocking(self._nothing_waits) and not self.working

    def _nothing_waits(self) -> bool:
        with self.database.read() as connection:
            return not any(offers.waiting(connection, station) for station in self.stations)

    def units_waiting(self, station: str) -> int:
        """Units offered to the station and not yet accepted."""
        with self.database.read() as connection:
            return sum(offer.unit_count for offer in offers.waiting(connection, station))

    def close(self) -> None:
        """Let the threads end, then close the parts and the database."""
        self._threads.shutdown(wait=True)
        self.parts.close()
        self.database.close()
