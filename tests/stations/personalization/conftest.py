"""A shop of emulated personalizers beside the line of stations: real processes on real ptys, real drivers."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from devices.emulation.supervisor import EmulatorSpec, Supervisor
from devices.emulation.world import Tally, World
from devices.registry import DeviceEntry, make_driver, make_transport
from devices.roles import Personalizer
from stations.personalization import numbers, rules, station
from stations.personalization.emulated_desk import EmulatedOperator
from stations.personalization.production import MachineRun, run_machine
from stations.personalization.setup import Setup
from stations.review import station as review
from stations.vault import rules as vault_rules
from stations.vault import station as vault

SERIALS = {"book": ("EA0000001", "EA0000200"), "card": ("K00000001", "K00000200")}
PRODUCTS = {"book": ("passport",), "card": ("hk_macau_permit", "taiwan_permit")}
WAIT_S = 30.0


class Shop:
    """Machines and blanks of a line; `line` is the one of `tests/stations/conftest.py`."""

    def __init__(self, line: Any, supervisor: Supervisor) -> None:
        self.line, self.supervisor = line, supervisor
        self.desk = EmulatedOperator(line.hands)
        self.workplace = line.at("personalization")
        self.stop = threading.Event()
        line.database.write(lambda tx: numbers.add_range(tx, "hk_macau_permit", "CA", 7, 1, 9_999))
        line.database.write(lambda tx: numbers.add_range(tx, "taiwan_permit", "L", 8, 1, 9_999))

    def entry(self, machine: str) -> DeviceEntry:
        """The configuration of a machine, its kind in its name."""
        kind = machine.partition("-")[0]
        serial = f"{kind.upper()}-{machine}"
        return DeviceEntry(machine, f"{kind}-personalizer", f"emulator://{machine}", serial, "emulated")

    def start(self, *machines: str, **rates: float) -> None:
        """Start emulators of machines."""
        entries = [self.entry(machine) for machine in machines]
        self.supervisor.start([EmulatorSpec(entry.id, entry.driver, entry.serial, **rates) for entry in entries])

    def driver(self, machine: str) -> Personalizer:
        """A driver of the machine, not opened."""
        entry = self.entry(machine)
        driver: Personalizer = make_driver(entry, make_transport(entry, self.line.folder / "machines"))
        return driver

    def setup(self, machine: str, **changes: Any) -> Setup:
        """How that machine is worked."""
        products = PRODUCTS[machine.partition("-")[0]]
        values = {"centre": "jinan", "worker": "test", "products": products, "maker": self.line.maker, "retry_s": 0.05}
        return Setup(**{**values, "work_s": WAIT_S, "stack": 20, **changes})

    def stock(self, *kinds: str) -> None:
        """Blanks of a kind from the supplier through the vault into the station's stock."""
        keeper = self.line.at("vault")
        for kind in kinds:
            first, last = SERIALS[kind]
            self.line.hands.deliver(vault_rules.serials(first, last), vault_rules.shelf(kind))
            vault.receive(keeper, self.desk, kind, first, last, keeper.people[1])
            vault.issue(keeper, self.desk, kind, 200, self.line.plenty)
            [offer] = [each for each in self.line.waiting("personalization") if each.kind == "blank"]
            vault.accept(self.workplace, self.desk, offer, rules.blank_stock(kind))

    def review_orders(self, documents: int, **how: Any) -> None:
        """File a batch and have it reviewed."""
        self.line.file(documents, **how)
        for offer in self.line.waiting("review"):
            review.work_tray(self.line.at("review"), offer, self.line.reviewer)

    def accept_orders(self, documents: int, **how: Any) -> None:
        """File a batch, have it reviewed and accept its trays."""
        self.review_orders(documents, **how)
        for offer in self.line.waiting("personalization"):
            station.accept_tray(self.workplace, offer)

    def run(self, *machines: str, until: int, patience_s: float = WAIT_S, **changes: Any) -> list[MachineRun]:
        """Work machines in threads until that many jobs ended well, then stop them."""
        self.stop.clear()
        with ThreadPoolExecutor(len(machines)) as threads:
            running = [
                threads.submit(
                    run_machine,
                    self.workplace,
                    machine,
                    self.driver(machine),
                    self.stop,
                    setup=self.setup(machine, **changes),
                    desk=self.desk,
                )
                for machine in machines
            ]
            try:
                self.wait_for("SELECT count(*) FROM job WHERE outcome = 'good'", until, running, patience_s)
            finally:
                self.stop.set()
            return [each.result(WAIT_S) for each in running]

    def wait_for(self, query: str, count: int, running: Any, patience_s: float) -> None:
        """Wait until a count is reached; a machine that ended before is an error."""
        for _ in range(round(patience_s / 0.02)):
            if self.line.facts(query)[0][0] >= count:
                return
            for each in running:
                if each.done():
                    each.result()
            threading.Event().wait(0.02)
        raise TimeoutError(query)

    def tally(self) -> Tally:
        """What physically became of every piece."""
        seen = Tally(World(self.line.folder / "world"))
        seen.refresh()
        return seen


@pytest.fixture
def shop(line: Any) -> Iterator[Shop]:
    """A shop without machines yet, on SQLite and PostgreSQL."""
    supervisor = Supervisor(line.folder, speed=0.0, seed=1)
    yield Shop(line, supervisor)
    supervisor.stop()
