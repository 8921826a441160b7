"""A real emulator on a virtual clock, and the driver that talks to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.book_personalizer.driver import BookPersonalizer
from devices.book_personalizer.emulator import emulate
from devices.emulation.emulator import EmulatorSetup
from devices.emulation.personalizer import PersonalizerEmulator
from devices.emulation.world import Tally
from devices.fake_transport import FakeTransport
from devices.roles import MachineIdentity
from devices.session import Patience

MACHINE, SERIAL = "book-01", "BP-1"
BLANKS = tuple(f"E{number:08d}" for number in range(12))
PATIENCE = Patience(session_s=40.0, reply_s=40.0, motion_s=40.0, longest_s=200.0)


class Workbench:
    """One emulated book personalizer in real-time pace on a virtual clock, loaded with `BLANKS`, and its driver."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "machine").mkdir(parents=True)
        self.transport = FakeTransport(self._boot())
        self.emulator.control({"do": "load", "blanks": [[serial, "shelf:book"] for serial in BLANKS]})
        self.driver = self.make_driver(self.transport)

    def _boot(self) -> PersonalizerEmulator:
        self.emulator = emulate(EmulatorSetup(MACHINE, SERIAL, self.folder / "machine", self.folder / "world"))
        return self.emulator

    def make_driver(self, transport: FakeTransport, *, patience: Patience = PATIENCE) -> BookPersonalizer:
        """A driver that expects this machine."""
        return BookPersonalizer(MACHINE, SERIAL, True, transport, patience=patience)

    def claimed(self, fence: int = 1) -> MachineIdentity:
        """Open and claim; the machine's identity."""
        identity = self.driver.open()
        self.driver.claim(fence)
        return identity

    def restart_machine(self) -> None:
        """The machine loses power and comes back with its journal."""
        self.emulator.lose_power()
        self.emulator.close()
        self.transport.hang_up("power")
        self.transport.machine = self._boot()

    def stack(self, name: str) -> list[str]:
        """What physically lies in the machine's stack `name`."""
        return Tally.read(self.folder / "world").at(f"{MACHINE}:{name}")


@pytest.fixture
def workbench(tmp_path: Path) -> Iterator[Workbench]:
    """A loaded machine whose driver is not open yet."""
    bench = Workbench(tmp_path)
    yield bench
    bench.driver.close()
    bench.emulator.close()
