"""Real emulator processes on real ptys, driven by the real drivers."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devices.emulation.hands import Hands
from devices.emulation.supervisor import EmulatorSpec, Supervisor
from devices.emulation.world import Tally
from devices.jobs import job_id
from devices.piece import PieceData
from devices.registry import DeviceEntry, open_personalizer, open_reader
from devices.roles import DocumentReader, JobResult, Personalizer

LONG_S = 30.0


def document(serial: str, number: int) -> bytes:
    """Data of a document of realistic size, with a portrait of its own for each number."""
    portrait = b"portrait of %06d" % number * 700
    chip = {"DG1": b"1" * 90, "DG2": portrait}
    return PieceData("passport", serial, ("P<CHN", serial), {"name": "ZHANG"}, portrait, chip).encode()


class Line:
    """A book personalizer, a reader if one is opened, their supervisor, and hands; everything under `folder`."""

    def __init__(self, folder: Path, *, speed: float = 0.0, spoil_rate: float = 0.0, misread_rate: float = 0.0) -> None:
        self.folder = folder
        self.book = EmulatorSpec("book-01", "book-personalizer", "BP-2207-0001", spoil_rate=spoil_rate)
        self.reader = EmulatorSpec("reader-01", "document-reader", "DR-1100-0001", misread_rate=misread_rate)
        self.supervisor = Supervisor(folder, speed=speed, seed=7)
        self.supervisor.start([self.book])
        self.hands = Hands(folder / "world", folder / "machines")

    def job(self, number: int) -> str:
        """The id of the test's job `number`."""
        return job_id("test", f"application-{number}", "passport", 1)

    def load(self, count: int) -> list[str]:
        """Deliver blanks and lay them into the personalizer."""
        serials = [f"E{number:08d}" for number in range(count)]
        self.hands.deliver(serials, "shelf:book")
        return self.hands.load("book-01", serials)

    def open(self) -> Personalizer:
        """Open the personalizer, and claim it with the next fence."""
        entry = DeviceEntry("book-01", self.book.driver, "emulator://book-01", self.book.serial, "emulated")
        machine = open_personalizer(entry, self.folder / "machines")
        machine.claim(machine.hello().fence + 1)
        return machine

    def open_reader(self) -> DocumentReader:
        """Start the reader and open it."""
        self.supervisor.start([self.reader])
        entry = DeviceEntry("reader-01", self.reader.driver, "emulator://reader-01", self.reader.serial, "emulated")
        return open_reader(entry, self.folder / "machines")

    def prepared(self, machine: Personalizer, number: int) -> str:
        """Draw a blank for a job and prepare it; the blank's serial."""
        serial = machine.feed(self.job(number))
        machine.prepare(self.job(number), document(serial, number))
        return serial

    def make(self, machine: Personalizer, number: int) -> JobResult:
        """Make one document from draw to release."""
        self.prepared(machine, number)
        machine.start(self.job(number))
        result = machine.result(self.job(number), LONG_S)
        machine.release(self.job(number), result.result_hash)
        return result

    def await_death(self) -> None:
        """Wait until the personalizer's process is gone."""
        give_up_s = time.monotonic() + LONG_S
        while self.supervisor.alive("book-01"):
            assert time.monotonic() < give_up_s
            time.sleep(0.005)

    def made(self) -> Counter[str]:
        """How often each marked piece was personalised, by the physical tally."""
        tally = Tally.read(self.folder / "world")
        return Counter({serial: seen.made for serial, seen in tally.pieces.items() if seen.made})

    def close(self) -> None:
        """Stop everything."""
        self.hands.close()
        self.supervisor.stop()


@pytest.fixture
def lines(tmp_path: Path) -> Iterator[Callable[..., Line]]:
    """Makes a line in the test's folder, and stops it."""
    opened: list[Line] = []

    def make(**settings: float) -> Line:
        opened.append(Line(tmp_path, **settings))
        return opened[-1]

    yield make
    for line in opened:
        line.close()


@pytest.fixture
def line(lines: Callable[..., Line]) -> Line:
    """A line without machine time."""
    return lines()
