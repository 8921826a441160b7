"""The swipe reader's driver on its emulator, on a virtual clock and as a real process on a pty."""

import os
import pickle
import threading
import time
import tty
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.emulation.control import ControlClient, ControlRefusedError
from devices.emulation.emulator import EmulatorSetup
from devices.emulation.supervisor import EmulatorSpec, Supervisor
from devices.errors import DeviceError, NoSwipeError, PortLostError, SessionClosedError, WrongMachineError
from devices.fake_transport import FakeTransport
from devices.mrz_reader.driver import RteMrzReader
from devices.mrz_reader.emulator import READ_S, SwipeReaderEmulator, emulate
from devices.mrz_reader.frames import Swipe, encode_swipe
from devices.registry import DeviceEntry, open_swipe_reader
from devices.transport import SerialTransport

PASSPORT = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
PERMIT = ("CSCA32732010<2901178<8108038<2",)
ENTRY = DeviceEntry("swipe-01", "rte-mrz-reader", "emulator://swipe-01", "SR-1", "emulated")
LONG_S = 20.0


class Bench:
    """The emulator and its driver on a virtual clock; `later` swipes lines when the clock reaches their times."""

    def __init__(self, speed: float = 1.0) -> None:
        self.emulator: SwipeReaderEmulator = emulate(
            EmulatorSetup("swipe-01", "SR-1", Path("unused"), Path("unused"), speed=speed)
        )
        self.later: list[tuple[float, tuple[str, ...]]] = []
        self.transport = FakeTransport(self)
        self.driver = RteMrzReader("swipe-01", "SR-1", True, self.transport)
        self.driver.open()

    @property
    def next_deadline_s(self) -> float | None:
        due = [moment for moment, _ in self.later[:1]] + [self.emulator.next_deadline_s]
        return min([moment for moment in due if moment is not None], default=None)

    def turn(self, data: bytes, now_s: float) -> bytes:
        while self.later and self.later[0][0] <= now_s:
            assert self.emulator.control({"do": "swipe", "lines": list(self.later.pop(0)[1])})["ok"]
        return self.emulator.turn(data, now_s)

    def pass_time(self, seconds: float) -> None:
        with self.transport.lock:
            self.transport.wait_for(lambda: False, seconds)


def test_a_swipe_brings_the_lines_of_the_document() -> None:
    bench = Bench()
    bench.later = [(1.0, PASSPORT)]
    assert bench.driver.swipe(5.0) == PASSPORT
    assert bench.transport.now_s >= 1.0 + READ_S


def test_a_swipe_before_the_call_is_never_taken_for_the_next_document() -> None:
    bench = Bench()
    bench.later = [(0.1, PASSPORT), (3.0, PERMIT)]
    bench.pass_time(2.0)
    assert bench.driver.swipe(5.0) == PERMIT


def test_a_frame_under_way_at_the_call_is_discarded_whole() -> None:
    frame = encode_swipe(Swipe(PASSPORT))

    class Halves:
        """Sends one half before the call and the other right after it began."""

        def __init__(self) -> None:
            self.parts = [(0.5, frame[:40]), (0.55, frame[40:]), (2.0, encode_swipe(Swipe(PERMIT)))]

        @property
        def next_deadline_s(self) -> float | None:
            return self.parts[0][0] if self.parts else None

        def turn(self, data: bytes, now_s: float) -> bytes:
            return self.parts.pop(0)[1] if self.parts and self.parts[0][0] <= now_s else b""

    transport = FakeTransport(Halves())
    driver = RteMrzReader("swipe-01", "SR-1", True, transport)
    driver.open()
    with transport.lock:
        transport.wait_for(lambda: False, 0.52)
    assert driver.swipe(5.0) == PERMIT


def test_an_earlier_swipe_counts_when_it_is_asked_for_and_the_last_one_then() -> None:
    bench = Bench()
    bench.later = [(0.1, PASSPORT), (1.5, PERMIT)]
    bench.pass_time(4.0)
    assert bench.driver.swipe(1.0, take_earlier=True) == PERMIT
    with pytest.raises(NoSwipeError):
        bench.driver.swipe(1.0, take_earlier=True)


def test_without_a_document_nothing_is_read() -> None:
    bench = Bench()
    with pytest.raises(NoSwipeError) as refusal:
        bench.driver.swipe(1.0)
    assert (refusal.value.machine, refusal.value.damaged) == ("swipe-01", 0)
    assert str(pickle.loads(pickle.dumps(refusal.value))) == str(refusal.value)


def test_a_damaged_zone_is_dropped_and_told() -> None:
    bench = Bench()
    bench.emulator.control({"do": "damage"})
    bench.later = [(1.0, PASSPORT)]
    with pytest.raises(NoSwipeError) as refusal:
        bench.driver.swipe(3.0)
    assert (refusal.value.damaged, bench.driver.damaged) == (1, 1)
    bench.later = [(4.0, PASSPORT)]
    assert bench.driver.swipe(3.0) == PASSPORT


def test_a_misread_character_is_left_to_the_check_digits() -> None:
    reader = emulate(EmulatorSetup("swipe-01", "SR-1", Path("unused"), Path("unused"), speed=0, misread_rate=1.0))
    reader.control({"do": "swipe", "lines": list(PERMIT)})
    assert reader.turn(b"", 0.0) == encode_swipe(Swipe(("?" + PERMIT[0][1:],)))


def test_a_production_line_refuses_an_emulators_port() -> None:
    driver = RteMrzReader("swipe-01", "SR-1", False, SerialTransport("emulator://swipe-01"))
    with pytest.raises(WrongMachineError, match="mode"):
        driver.open()


def test_a_pulled_cable_and_a_closed_reader_are_typed_errors() -> None:
    bench = Bench()
    bench.transport.hang_up("unplugged")
    with pytest.raises(PortLostError):
        bench.driver.swipe(1.0)
    bench.driver.close()
    with pytest.raises(SessionClosedError):
        bench.driver.swipe(1.0)


class Babbler:
    """A machine that says the same after every millisecond."""

    def __init__(self, says: bytes) -> None:
        self.says, self.next_deadline_s = says, 0.0

    def turn(self, data: bytes, now_s: float) -> bytes:
        self.next_deadline_s = now_s + 0.001
        return self.says


@given(st.binary(max_size=60) | st.sampled_from([encode_swipe(Swipe(PERMIT)), b"\x01", b"\x01\x27\x00"]))
def test_whatever_babbles_raises_only_the_packages_errors(says: bytes) -> None:
    driver = RteMrzReader("swipe-01", "SR-1", True, FakeTransport(Babbler(says)))
    driver.open()
    for take_earlier in (False, True):
        with suppress(DeviceError):
            driver.swipe(0.2, take_earlier=take_earlier)
    driver.close()


@pytest.mark.parametrize("lines", [[], [""], [7], ["A" * 45], ["a_"], "P<CHN"])
def test_the_emulator_refuses_what_no_document_bears(lines: object) -> None:
    assert Bench().emulator.control({"do": "swipe", "lines": lines})["ok"] is False


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    running = Supervisor(tmp_path, speed=20.0, seed=1)
    running.start([EmulatorSpec(ENTRY.id, ENTRY.driver, ENTRY.serial)])
    yield running
    running.stop()


def test_documents_swiped_at_a_real_port(supervisor: Supervisor, tmp_path: Path) -> None:
    hands: ControlClient = supervisor.control(ENTRY.id)
    reader = open_swipe_reader(ENTRY, tmp_path / "machines")
    hands.ask("swipe", lines=list(PERMIT))
    time.sleep(0.5)  # it is read and sent before anybody asks
    timer = threading.Timer(0.5, hands.ask, ("swipe",), {"lines": list(PASSPORT)})
    timer.start()
    assert reader.swipe(LONG_S) == PASSPORT
    timer.join()
    hands.ask("swipe", lines=list(PERMIT))
    assert reader.swipe(LONG_S, take_earlier=True) == PERMIT
    with pytest.raises(NoSwipeError):
        reader.swipe(0.3)
    reader.close()
    assert hands.ask("state")["swipes"] == 3
    with pytest.raises(ControlRefusedError, match="zone"):
        hands.ask("swipe", lines=["A" * 60])


def test_noise_on_a_real_line_costs_no_document() -> None:
    master, slave = os.openpty()
    tty.setraw(slave)
    reader = RteMrzReader("swipe-01", "SR-1", True, SerialTransport(os.ttyname(slave)))
    reader.open()
    frame = encode_swipe(Swipe(PASSPORT))
    timer = threading.Timer(0.5, os.write, (master, b"\x01\x00" + frame[:50] + frame + b"\xff"))
    timer.start()
    assert reader.swipe(LONG_S) == PASSPORT
    timer.join()
    reader.close()
    os.close(master)
    os.close(slave)
