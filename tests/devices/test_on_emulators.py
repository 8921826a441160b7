"""The drivers against real emulator processes on ptys."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.emulation.hands import Hands
from devices.emulation.supervisor import LOG_NAME, EmulatorSpec, Supervisor
from devices.errors import DeviceError, MachineRefusedError, PortUnavailableError
from devices.jobs import JobIntent, JobState, MachineJobState
from devices.piece import PieceData
from devices.recovery import reconcile
from devices.registry import DeviceEntry, open_personalizer, open_reader
from devices.roles import Personalizer

BOOK = DeviceEntry("book-01", "book-personalizer", "emulator://book-01", "BP-1", "emulated")
CARD = DeviceEntry("card-01", "card-personalizer", "emulator://card-01", "CP-1", "emulated")
READER = DeviceEntry("reader-01", "document-reader", "emulator://reader-01", "DR-1", "emulated")
PORTRAIT = bytes(range(256)) * 48
CHIP = {"EF.COM": b"\x60", "DG1": b"zone", "DG2": PORTRAIT}
MRZ = ("P<CHNLI<<MING" + "<" * 31, "E000000019CHN" + "<" * 31)
LONG_S = 30.0


class Line:
    """Emulated machines of one folder, without machine time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.machines = folder / "machines"
        self.supervisor = Supervisor(folder, speed=0, seed=1)
        entries = (BOOK, CARD, READER)
        self.supervisor.start([EmulatorSpec(entry.id, entry.driver, entry.serial) for entry in entries])
        self.hands = Hands(folder / "world", self.machines)

    def load(self, machine: str, count: int) -> list[str]:
        serials = [f"{machine[0].upper()}{number:08d}" for number in range(count)]
        self.hands.deliver(serials, "shelf")
        return self.hands.load(machine, serials)


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    running = Line(tmp_path)
    yield running
    running.hands.close()
    running.supervisor.stop()


def make(driver: Personalizer, job: str) -> str:
    serial = driver.feed(job)
    driver.prepare(job, PieceData("passport", serial, MRZ, {"surname": "黎"}, PORTRAIT, CHIP).encode())
    driver.start(job)
    result = driver.result(job, LONG_S)
    assert result.made
    driver.release(job, result.result_hash)
    return serial


@pytest.mark.parametrize("entry", [BOOK, CARD])
def test_documents_are_made_on_a_real_line(line: Line, entry: DeviceEntry) -> None:
    loaded = line.load(entry.id, 5)
    driver = open_personalizer(entry, line.machines)
    driver.claim(1)
    made = [make(driver, f"{number:032x}") for number in range(5)]
    counters = driver.hello().counters
    driver.close()
    assert made == loaded
    assert (counters.fed, counters.good, counters.in_path) == (5, 5, 0)
    assert sorted(line.hands.look(entry.id).good) == made


def test_what_is_made_in_one_go_is_made_once(line: Line) -> None:
    line.load("book-01", 1)
    driver = open_personalizer(BOOK, line.machines)
    driver.claim(1)
    serial = driver.feed("1" * 32)
    driver.make("1" * 32, PieceData("passport", serial, MRZ, {"surname": "黎"}, PORTRAIT, CHIP).encode())
    result = driver.result("1" * 32, LONG_S)
    assert (result.made, result.blank_serial) == (True, serial)
    assert driver.ended("1" * 32) == result
    driver.close()


def test_what_a_machine_did_not_take_is_not_started(line: Line) -> None:
    """START behind a PREPARE that was refused is refused as well; whoever waits for the result hears of it at once."""
    line.load("book-01", 1)
    driver = open_personalizer(BOOK, line.machines)
    driver.claim(1)
    serial = driver.feed("1" * 32)
    driver.make("1" * 32, PieceData("passport", "B99999999", MRZ, {"surname": "黎"}, PORTRAIT, CHIP).encode())
    with pytest.raises(MachineRefusedError) as prepare:
        driver.result("1" * 32, LONG_S)
    with pytest.raises(MachineRefusedError) as start:
        driver.result("1" * 32, LONG_S)
    assert (prepare.value.code, start.value.code) == ("OTHER_DATA", "WRONG_STATE")
    assert driver.status("1" * 32).state is MachineJobState.FED
    assert driver.return_blank("1" * 32).blank_serial == serial
    driver.close()


def test_a_reader_finds_what_the_machine_made(line: Line) -> None:
    line.load("book-01", 1)
    driver = open_personalizer(BOOK, line.machines)
    driver.claim(1)
    serial = make(driver, "1" * 32)
    driver.close()
    line.hands.empty("book-01", "good", "rack")
    reader = open_reader(READER, line.machines)
    with pytest.raises(MachineRefusedError) as refusal:
        reader.read(0.05)
    assert refusal.value.code == "NO_PIECE"
    line.hands.insert("reader-01", serial)
    reading = reader.read(LONG_S)
    assert reader.identify().emulated
    reader.close()
    assert (reading.mrz, reading.chip, reading.surface_serial) == (MRZ, CHIP, serial)
    assert reading.locked


def test_a_machine_has_one_host_at_a_time(line: Line) -> None:
    driver = open_personalizer(BOOK, line.machines)
    with pytest.raises(PortUnavailableError):
        open_personalizer(BOOK, line.machines)
    driver.close()
    open_personalizer(BOOK, line.machines).close()


def test_a_killed_machine_is_noticed_reopened_and_reconciled(line: Line) -> None:
    line.load("book-01", 3)
    driver = open_personalizer(BOOK, line.machines)
    driver.claim(1)
    make(driver, "1" * 32)
    identity = driver.hello()
    serial = driver.feed("2" * 32)
    pid = line.supervisor.pid("book-01")
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    begun_s = time.monotonic()
    with pytest.raises(DeviceError):
        driver.status("2" * 32)
    assert time.monotonic() - begun_s < LONG_S
    while line.supervisor.alive("book-01"):
        time.sleep(0.01)
    line.supervisor.ensure()
    driver.open()
    driver.claim(2)
    intent = JobIntent(
        "2" * 32, "book-01", identity.serial, identity.journal_id, identity.journal_next, JobState.FED, serial
    )
    found = reconcile(driver, [intent], lambda job: None)
    driver.close()
    [(settled, result)] = found.settled
    assert (settled, result.made, result.blank_serial) == (intent, False, serial)
    assert found.identity.balanced
    assert line.hands.look("book-01").reject == (serial,)


def test_two_machines_work_side_by_side(line: Line) -> None:
    line.load("book-01", 3)
    line.load("card-01", 3)
    drivers = [open_personalizer(entry, line.machines) for entry in (BOOK, CARD)]
    for fence, driver in enumerate(drivers, 1):
        driver.claim(fence)
    for number in range(3):
        for driver in drivers:
            make(driver, f"{number:031x}{driver.machine[0].encode().hex()[1]}")
    for driver in drivers:
        assert driver.hello().counters.good == 3
        driver.close()


def test_a_reader_without_power_reads_nothing_and_goes_on_when_it_is_back(line: Line) -> None:
    """Set by name while it runs; it has no journal, so its power goes at a frame."""
    reader = open_reader(READER, line.machines)
    line.supervisor.control(READER.id).ask("fault", fault={"name": "power-loss"})
    with pytest.raises(DeviceError):
        reader.read(LONG_S)
    reader.close()
    assert "lost its power (EMULATED, as set)" in (line.supervisor.folder(READER.id) / LOG_NAME).read_text()
    assert line.supervisor.ensure() == [READER.id]
    reader = open_reader(READER, line.machines)
    with pytest.raises(MachineRefusedError) as refusal:
        reader.read(0.5)
    assert refusal.value.code == "NO_PIECE"
    reader.close()
