"""An emulated CRT-591-M on a virtual clock, and the drivers that talk to it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from devices.crt591.driver import Crt591, Crt591Counting
from devices.crt591.emulator import emulate
from devices.emulation.emulator import EmulatorSetup
from devices.emulation.faults import Faults, striking
from devices.emulation.world import Tally, What, World
from devices.fake_transport import FakeTransport
from devices.piece import PieceData

MACHINE, SERIAL = "crt-01", "591M0042"
BLANKS = tuple(f"K{number:08d}" for number in range(1, 31))
DRIVERS = {"B": Crt591Counting, "C": Crt591}


class Bench:
    """One machine loaded with `BLANKS`, and a driver of a level, not yet opened."""

    def __init__(self, folder: Path, level: str, **rates: float) -> None:
        self.folder, self.level, self.rates = folder, level, rates
        (folder / "machine").mkdir(parents=True)
        self.faults = Faults(MACHINE, known=striking(DRIVERS[level].model))
        self.emulator = self._boot()
        self.transport = FakeTransport(self.emulator)
        self.transport.port = f"emulator://{MACHINE}"
        self.do("load", blanks=[[serial, "shelf:card"] for serial in BLANKS])
        self.driver = self.make_driver()

    def _boot(self) -> Any:
        places = self.folder / "machine", self.folder / "world"
        return emulate(EmulatorSetup(MACHINE, SERIAL, *places, **self.rates, faults=self.faults))

    def make_driver(self) -> Any:
        """A driver without a memory, as a host that starts again has it."""
        self.transport.hang_up("the host is gone")
        self.driver = DRIVERS[self.level](MACHINE, SERIAL, True, self.transport)
        return self.driver

    def restart_machine(self) -> None:
        """The machine loses power in the middle of whatever it does."""
        self.emulator.lose_power()
        self.emulator.close()
        self.transport.machine = self.emulator = self._boot()

    def do(self, do: str, **what: object) -> dict[str, Any]:
        """Do what people do at the machine."""
        answer: dict[str, Any] = self.emulator.control({"do": do, **what})
        assert answer["ok"], answer
        return answer

    def stack(self, name: str) -> list[str]:
        """What lies in a stack."""
        return list(self.do("look")[name])

    def piece(self, serial: str) -> Any:
        """What is physically on a card."""
        return World(self.folder / "world").piece(serial)

    def made(self) -> list[str]:
        """The cards that were ever changed."""
        tally = Tally.read(self.folder / "world")
        return [serial for serial, seen in tally.pieces.items() if seen.made]

    def fed(self) -> int:
        """How many cards were ever drawn, physically."""
        lines = (self.folder / "world" / "tallies" / MACHINE).read_text().splitlines()
        return sum(line.split("\t")[1] == What.FED for line in lines)

    def document(self, serial: str, size: int = 700) -> bytes:
        """A document for the card `serial`, its largest file of `size` bytes."""
        face = (bytes(range(256)) * (size // 256 + 1))[:size]
        return PieceData("hk_macau_permit", serial, ("LINE",), chip={"EF.COM": b"\x60\x00", "EF.DG2": face}).encode()

    def make(self, job: str) -> Any:
        """Draw a card and make it; its result."""
        self.driver.make(job, self.document(self.driver.feed(job)))
        return self.driver.result(job, 1.0)

    def close(self) -> None:
        """Let go of everything."""
        self.driver.close()
        self.emulator.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Makes a bench of a level."""
    made: list[Bench] = []

    def make(level: str = "B", **rates: float) -> Bench:
        made.append(Bench(tmp_path / str(len(made)), level, **rates))
        return made[-1]

    yield make
    for each in made:
        each.close()
