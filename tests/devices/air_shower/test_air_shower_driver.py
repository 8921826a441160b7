"""The air shower's driver and emulator on a virtual clock: interlock, cycles and their count, wrong replies."""

import pickle
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from struct import pack
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.air_shower.driver import ModbusAirShower
from devices.air_shower.emulator import BLOW_S, HELD_S, RELEASE_S, AirShowerEmulator, emulate
from devices.air_shower.registers import registers_of, state_of
from devices.emulation.emulator import EmulatorSetup
from devices.emulation.faults import SHOWER, FaultName, Faults
from devices.emulation.modbus import LONGEST_FRAME, crc16
from devices.errors import (
    CountWentBackError,
    CycleAbortedError,
    CycleNotEndedError,
    DeviceError,
    ImpossibleReadingError,
    InterlockError,
    MachineRefusedError,
    PortLostError,
    SensorSilentError,
    SessionClosedError,
    UnexpectedAnswerError,
    WrongMachineError,
)
from devices.fake_transport import FakeTransport, clean_line
from devices.modbus.exchange import ModbusTimes
from devices.roles import Door, Position, ShowerFault, ShowerPhase, ShowerState

OUTER, INNER = Door.OUTER, Door.INNER
REFUSES_WHO = bytes.fromhex("01 91 01 8C 50")
CLEAN = ShowerState(ShowerPhase.CLEAN, frozenset(), frozenset(), True, 0, ShowerFault.NONE, Position(7, 4))


def framed(data: bytes) -> bytes:
    return data + crc16(data)


def reply_of(state: ShowerState) -> bytes:
    return framed(b"\x01\x04\x12" + pack(">9H", *registers_of(state)))


class Bench:
    """The emulator and its open driver."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sent: list[bytes] = []
        self.faults = Faults("shower-01")
        self.transport = FakeTransport(self.boot(), self.hear)
        self.line: Callable[..., bytes] = clean_line
        self.driver = self.make_driver()
        self.driver.open()

    def hear(self, direction: str, data: bytes) -> bytes:
        if direction == "to machine":
            self.sent.append(data)
        passed: bytes = self.line(direction, data)
        return passed

    def boot(self) -> AirShowerEmulator:
        self.shower = emulate(EmulatorSetup("shower-01", "AS-1", self.folder, self.folder, faults=self.faults))
        return self.shower

    def lose_power(self) -> None:
        self.shower.lose_power()
        self.shower.close()
        self.transport.machine = self.boot()

    def make_driver(self) -> ModbusAirShower:
        return ModbusAirShower("shower-01", "AS-1", True, self.transport)

    def do(self, act: str, door: Door) -> dict[str, Any]:
        return self.shower.control({"do": act, "door": door.value})

    def pass_time(self, seconds: float) -> None:
        with self.transport.lock:
            self.transport.wait_for(lambda: False, seconds)

    def come_in(self) -> Position:
        """Somebody enters from outside; the count before."""
        before = self.driver.state().completed
        self.driver.release(OUTER)
        assert self.do("enter", OUTER)["ok"]
        return before


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_whoever_enters_is_blown_at_and_goes_on_into_the_core(bench: Bench) -> None:
    before = bench.come_in()
    begun_s = bench.transport.now_s
    state = bench.driver.wait_for_cycle(before, 60.0)
    assert state.completed == Position(before.memory, before.number + 1)
    assert (state.phase, state.occupied, state.fault, state.seconds_left) == (CLEAN.phase, True, ShowerFault.NONE, 0)
    assert BLOW_S <= bench.transport.now_s - begun_s < BLOW_S + 1
    bench.driver.release(INNER)
    assert bench.driver.state().released_doors == {INNER}
    assert bench.do("leave", INNER)["ok"]
    assert not bench.driver.state().occupied


def test_the_seconds_that_are_left_are_told(bench: Bench) -> None:
    bench.come_in()
    bench.pass_time(5.0)
    state = bench.driver.state()
    assert state.phase is ShowerPhase.BLOWING and 8 <= state.seconds_left <= 10


def situations(bench: Bench) -> dict[str, Callable[[], object]]:
    return {
        "blowing": bench.come_in,
        "outer released": lambda: bench.driver.release(OUTER),
        "outer forced": lambda: bench.do("force", OUTER),
    }


@pytest.mark.parametrize("situation", ["blowing", "outer released", "outer forced"])
def test_a_door_is_never_released_against_the_interlock_by_driver_or_controller(bench: Bench, situation: str) -> None:
    situations(bench)[situation]()
    bench.driver.state()
    bench.sent.clear()
    with pytest.raises(InterlockError) as refusal:
        bench.driver.release(INNER)
    assert (refusal.value.door, bool(refusal.value.reason)) == ("inner", True)
    assert not [data for data in bench.sent if data[1] == 5], "the driver sends nothing that the interlock forbids"
    request = framed(bytes.fromhex("01 05 01 01 FF 00"))
    now_s = bench.transport.now_s + 0.1
    said = bench.shower.turn(request, now_s) + bench.shower.turn(b"", now_s + 0.1) + bench.shower.turn(b"", now_s + 0.2)
    assert said == framed(bytes.fromhex("01 85 06"))
    assert bench.driver.state().released_doors <= {OUTER}


def test_the_controllers_refusal_is_the_interlocks_too(bench: Bench) -> None:
    """The outer door is released by another hand between the driver's look and its request."""

    def line(direction: str, data: bytes) -> bytes:
        if direction == "to machine" and data[1] == 5:
            bench.do("force", OUTER)
        return data

    bench.line = line
    with pytest.raises(InterlockError, match="controller"):
        bench.driver.release(INNER)


def test_nobody_who_was_not_blown_at_gets_in(bench: Bench) -> None:
    """From the core into the soiled shower and back: the outer door was open since the last whole cycle."""
    bench.driver.release(INNER)
    assert bench.do("enter", INNER)["ok"]
    with pytest.raises(InterlockError, match="no whole cycle"):
        bench.driver.release(INNER)
    bench.driver.release(OUTER)
    assert bench.do("leave", OUTER)["ok"]
    assert bench.driver.state().phase is ShowerPhase.SOILED


def test_leaving_blows_at_nobody_and_counts_nothing(bench: Bench) -> None:
    before = bench.driver.state().completed
    bench.driver.release(INNER)
    bench.do("enter", INNER)
    bench.driver.release(OUTER)
    bench.do("leave", OUTER)
    with pytest.raises(CycleNotEndedError, match="soiled"):
        bench.driver.wait_for_cycle(before, 30.0)


def test_a_release_is_for_one_opening_and_for_some_seconds(bench: Bench) -> None:
    bench.driver.release(OUTER)
    bench.pass_time(RELEASE_S + 1)
    assert bench.do("enter", OUTER) == {"ok": False, "error": "the outer door is locked"}
    bench.come_in()
    assert bench.do("enter", OUTER)["ok"] is False


@pytest.mark.parametrize(
    ("fault", "told"),
    [(FaultName.CYCLE_ABORTED, ShowerFault.CYCLE_ABORTED), (FaultName.FAN_FAILURE, ShowerFault.FAN_FAILED)],
)
def test_a_cycle_that_is_not_whole_is_not_counted(bench: Bench, fault: FaultName, told: ShowerFault) -> None:
    bench.faults.add({"name": fault})
    before = bench.come_in()
    with pytest.raises(CycleAbortedError) as refusal:
        bench.driver.wait_for_cycle(before, 60.0)
    assert refusal.value.fault == told
    state = bench.driver.state()
    assert (state.completed, state.phase, state.fault) == (before, ShowerPhase.SOILED, told)
    with pytest.raises(InterlockError):
        bench.driver.release(INNER)
    bench.driver.release(OUTER)
    assert bench.driver.state().fault is ShowerFault.NONE
    bench.do("leave", OUTER)
    assert bench.driver.wait_for_cycle(bench.come_in(), 60.0).completed.number == before.number + 1


def test_a_door_forced_in_a_cycle_aborts_it(bench: Bench) -> None:
    before = bench.come_in()
    bench.pass_time(5.0)
    bench.do("force", INNER)
    with pytest.raises(CycleAbortedError):
        bench.driver.wait_for_cycle(before, 60.0)
    assert bench.driver.state().open_doors == {INNER}


def test_a_door_that_is_held_open_is_told_until_it_is_closed(bench: Bench) -> None:
    bench.faults.add({"name": FaultName.DOOR_HELD_OPEN})
    before = bench.come_in()
    assert bench.driver.state().open_doors == {OUTER}
    bench.pass_time(HELD_S + 1)
    assert bench.driver.state().fault is ShowerFault.DOOR_HELD_OPEN
    with pytest.raises(InterlockError, match="outer door is open"):
        bench.driver.release(INNER)
    with pytest.raises(CycleNotEndedError):
        bench.driver.wait_for_cycle(before, 5.0)
    bench.do("close", OUTER)
    assert bench.driver.state().fault is ShowerFault.NONE
    assert bench.driver.wait_for_cycle(before, 60.0).completed.number == before.number + 1


@pytest.mark.parametrize("seconds", [0.0, 7.0, BLOW_S - 0.5])
def test_power_that_is_lost_in_a_cycle_leaves_it_uncounted(bench: Bench, seconds: float) -> None:
    before = bench.come_in()
    bench.pass_time(seconds)
    bench.lose_power()
    with pytest.raises(CycleAbortedError) as refusal:
        bench.driver.wait_for_cycle(before, 60.0)
    assert refusal.value.fault == ShowerFault.POWER_LOST
    assert bench.driver.state().completed == before


def test_what_was_counted_outlives_the_power(bench: Bench) -> None:
    done = bench.driver.wait_for_cycle(bench.come_in(), 60.0)
    bench.lose_power()
    state = bench.driver.state()
    assert (state.completed, state.fault, state.phase) == (done.completed, ShowerFault.NONE, ShowerPhase.SOILED)


def test_a_count_that_goes_back_is_never_a_cycle(bench: Bench) -> None:
    done = bench.driver.wait_for_cycle(bench.come_in(), 60.0)
    bench.driver.close()
    another = bench.make_driver()
    later = Position(done.completed.memory, done.completed.number + 1)
    with pytest.raises(CountWentBackError):
        another.open(after=later)
    another.open(after=done.completed)
    with pytest.raises(CountWentBackError):
        another.wait_for_cycle(later, 5.0)
    bench.shower.close()
    (bench.folder / "completed").unlink()
    bench.transport.machine = bench.boot()
    for call in (another.state, lambda: another.release(OUTER), lambda: another.wait_for_cycle(done.completed, 5.0)):
        with pytest.raises(CountWentBackError, match="no cycle is taken"):
            call()


def test_a_late_state_is_never_a_later_looks(bench: Bench) -> None:
    before = bench.driver.state().completed
    bench.shower.control({"do": "late", "seconds": 2.5})
    with pytest.raises(SensorSilentError):
        bench.driver.state()
    bench.driver.release(OUTER)
    bench.do("enter", OUTER)
    assert bench.driver.state().phase is ShowerPhase.BLOWING
    assert bench.driver.wait_for_cycle(before, 60.0).completed.number == before.number + 1


def test_a_release_without_a_reply_is_sent_once_and_told_by_the_state(bench: Bench) -> None:
    bench.line = lambda direction, data: b"" if direction == "to host" and data[1] == 5 else data
    with pytest.raises(SensorSilentError):
        bench.driver.release(OUTER)
    assert len([data for data in bench.sent if data[1] == 5]) == 1
    assert bench.driver.state().released_doors == {OUTER}


@pytest.mark.parametrize(
    ("serial", "emulated", "fact"), [("AS-2", True, "serial"), ("AS-1", False, "mode"), ("AS-2", False, "mode")]
)
def test_another_emulator_and_one_on_a_production_line_are_refused(
    bench: Bench, serial: str, emulated: bool, fact: str
) -> None:
    with pytest.raises(WrongMachineError) as refusal:
        ModbusAirShower("shower-01", serial, emulated, bench.transport).open()
    assert refusal.value.fact == fact


class Scripted:
    """A real controller that gives each request the next reply."""

    next_deadline_s = None

    def __init__(self, *replies: bytes) -> None:
        self.replies = list(replies)

    def turn(self, data: bytes, now_s: float) -> bytes:
        return self.replies.pop(0) if data and self.replies else b""


def scripted(*replies: bytes) -> ModbusAirShower:
    times = ModbusTimes(answer_s=0.2, worst_s=0.4)
    transport = FakeTransport(Scripted(REFUSES_WHO, *replies))
    return ModbusAirShower("shower-01", "AS-1", False, transport, times=times)


def test_a_real_controller_need_not_know_who_it_is() -> None:
    assert scripted(reply_of(CLEAN)).open() == CLEAN


@pytest.mark.parametrize(
    ("registers", "what"),
    [
        ((0x4154, 0, 0, 0, 0, 0, 7, 0, 1), "mark"),
        ((0x4153, 0x20, 0, 0, 0, 0, 7, 0, 1), "doors"),
        ((0x4153, 0, 3, 0, 0, 0, 7, 0, 1), "phase"),
        ((0x4153, 0, 0, 0, 5, 0, 7, 0, 1), "fault"),
        ((0x4153, 0, 0, 0, 0, 0, 0, 0, 1), "memory"),
    ],
)
def test_registers_that_cannot_be_are_no_state(registers: tuple[int, ...], what: str) -> None:
    with pytest.raises(ImpossibleReadingError, match=what):
        scripted(framed(b"\x01\x04\x12" + pack(">9H", *registers))).open()


def test_another_modbus_machine_is_not_taken_for_an_air_shower() -> None:
    with pytest.raises(WrongMachineError, match="another Modbus machine"):
        scripted(framed(b"\x01\x84\x02")).open()
    with pytest.raises(MachineRefusedError):
        scripted(framed(b"\x01\x84\x04")).open()
    with pytest.raises(SensorSilentError):
        scripted(framed(b"\x01\x04\x04\x01\x31\x02\x22")).open()


def test_a_reply_about_another_door_is_not_this_ones() -> None:
    driver = scripted(reply_of(CLEAN), reply_of(CLEAN), framed(bytes.fromhex("01 05 01 00 FF 00")))
    driver.open()
    with pytest.raises(UnexpectedAnswerError, match="0100"):
        driver.release(INNER)


def test_a_pulled_cable_and_a_closed_driver_are_typed_errors(bench: Bench) -> None:
    bench.transport.hang_up("unplugged")
    with pytest.raises(PortLostError):
        bench.driver.state()
    bench.driver.close()
    with pytest.raises(SessionClosedError):
        bench.driver.state()


@pytest.mark.parametrize(
    "error",
    [
        InterlockError("shower-01", "inner", "it blows"),
        CycleAbortedError("shower-01", "the fan failed"),
        CycleNotEndedError("shower-01", "soiled", 30.0),
        CountWentBackError("shower-01", 7, 3, 7, 4),
    ],
)
def test_errors_survive_pickling(error: DeviceError) -> None:
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


DOORS = st.frozensets(st.sampled_from(list(Door)))
WORDS = st.integers(0, 0xFFFF)
POSITIONS = st.builds(Position, st.integers(1, 2**32 - 1), st.integers(0, 2**32 - 1))
STATES = st.builds(
    ShowerState,
    st.sampled_from(list(ShowerPhase)),
    DOORS,
    DOORS,
    st.booleans(),
    WORDS,
    st.sampled_from(list(ShowerFault)),
    POSITIONS,
)


@given(STATES)
def test_every_state_goes_through_its_registers(state: ShowerState) -> None:
    assert state_of(registers_of(state)) == state


@given(st.lists(WORDS, min_size=9, max_size=9))
def test_any_registers_are_a_state_or_told_to_be_none(registers: list[int]) -> None:
    state = state_of(registers)
    assert isinstance(state, str) or list(registers_of(state)) == registers


@given(STATES, st.sampled_from(list(Door)))
def test_the_doors_are_never_released_together_nor_while_it_blows(state: ShowerState, door: Door) -> None:
    other = INNER if door is OUTER else OUTER
    if not state.refuses(door):
        assert other not in state.open_doors | state.released_doors
        assert state.phase is not ShowerPhase.BLOWING
        assert door is OUTER or not state.occupied or state.phase is ShowerPhase.CLEAN


class Babbler:
    """A machine that says the same after every five milliseconds."""

    def __init__(self, says: bytes) -> None:
        self.says, self.due_s = says, 0.0

    @property
    def next_deadline_s(self) -> float:
        return self.due_s

    def turn(self, data: bytes, now_s: float) -> bytes:
        self.due_s = now_s + 0.005
        return self.says


LIKELY = st.sampled_from([reply_of(CLEAN), REFUSES_WHO, framed(bytes.fromhex("01 05 01 01 FF 00")), b"\x01\x04\x12"])
SHORT = ModbusTimes(answer_s=0.1, worst_s=0.2, quiet_s=0.01)


@given(st.lists(LIKELY | st.binary(max_size=40), min_size=1, max_size=4).map(b"".join))
def test_whatever_babbles_raises_only_the_packages_errors(says: bytes) -> None:
    driver = ModbusAirShower("shower-01", "AS-1", False, FakeTransport(Babbler(says)), times=SHORT)
    calls: tuple[Callable[[], object], ...] = (
        driver.open,
        driver.state,
        lambda: driver.release(INNER),
        lambda: driver.wait_for_cycle(Position(7, 4), 0.3),
    )
    for call in calls:
        with suppress(DeviceError):
            call()
    driver.close()


ACTS = st.tuples(
    st.sampled_from(["enter", "leave", "close", "force", "release", "wait", "power"]), st.sampled_from(list(Door))
)


@given(st.lists(ACTS, max_size=25), st.lists(st.sampled_from(sorted(SHOWER)), max_size=2))
def test_whatever_people_do_only_whole_cycles_count_and_nobody_gets_in_without_one(
    acts: list[tuple[str, Door]], faults: list[FaultName]
) -> None:
    """Unless a door is forced, the doors are never open together, and each whole cycle needs its full time."""
    with TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        for name in faults:
            bench.faults.add({"name": name})
        known = bench.driver.state()
        first = known.completed
        forced = unblown = False
        for act, door in acts:
            match act:
                case "release":
                    with suppress(InterlockError):
                        bench.driver.release(door)
                case "wait":
                    bench.pass_time(16.0)
                case "power":
                    bench.lose_power()
                case _:
                    forced |= act == "force"
                    was_done = bench.do(act, door)["ok"]
                    assert forced or not (was_done and unblown and act == "leave" and door is INNER)
                    if was_done and door is OUTER:
                        unblown = {"enter": True, "leave": False}.get(act, unblown)
            state = bench.driver.state()
            assert state.completed.memory == first.memory
            assert 0 <= state.completed.number - known.completed.number <= 1
            assert forced or len(state.open_doors | state.released_doors) <= 1
            unblown &= state.completed.number == known.completed.number
            known = state
        assert known.completed.number - first.number <= bench.transport.now_s / BLOW_S
        bench.shower.close()


@given(st.lists(st.binary(max_size=300) | st.just(framed(bytes.fromhex("01 05 01 01 FF 00"))), max_size=20))
def test_the_emulator_takes_any_bytes_and_holds_few(pieces: list[bytes]) -> None:
    with TemporaryDirectory() as folder:
        shower = emulate(EmulatorSetup("shower-01", "AS-1", Path(folder), Path(folder), speed=0))
        shower.control({"do": "late", "seconds": 1000})
        for number, piece in enumerate(pieces):
            assert shower.turn(piece, float(number)) == b""
        shower.turn(b"", 100.0)
        assert len(shower.turn(b"", 5000.0)) <= 16 * LONGEST_FRAME
        shower.close()


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        ("01 03 01 00 00 09", "01 83 01"),
        ("01 04 00 00 00 09", "01 84 02"),
        ("01 04 01 00 00 0A", "01 84 02"),
        ("01 05 01 02 FF 00", "01 85 02"),
        ("01 05 01 00 00 00", "01 85 03"),
        ("01 05 01 00 FF", "01 85 03"),
    ],
)
def test_the_emulator_refuses_by_the_standards_exceptions(bench: Bench, request_: str, reply: str) -> None:
    now_s = bench.transport.now_s + 1.0
    said = bench.shower.turn(framed(bytes.fromhex(request_)), now_s)
    said += bench.shower.turn(b"", now_s + 0.1) + bench.shower.turn(b"", now_s + 0.2)
    assert said == framed(bytes.fromhex(reply))


@pytest.mark.parametrize(
    "request_", [{"do": "enter"}, {"do": "enter", "door": "side"}, {"do": "close", "door": "outer"}]
)
def test_the_emulator_refuses_what_nobody_can_do(bench: Bench, request_: dict[str, object]) -> None:
    assert bench.shower.control(request_)["ok"] is False
