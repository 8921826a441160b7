"""The particle counter: its registers, every flipped bit, what is no reading, all on a virtual clock."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.emulation.emulator import EmulatorSetup
from devices.emulation.faults import FaultName, Faults
from devices.emulation.modbus import crc16
from devices.errors import ImpossibleReadingError, SensorSilentError, SessionClosedError, WrongMachineError
from devices.fake_transport import FakeTransport
from devices.particle_counter import emulator as emulators
from devices.particle_counter.driver import ModbusParticleCounter
from devices.particle_counter.emulator import ParticleCounterEmulator, emulate
from devices.particle_counter.frames import ReplyDecoder
from devices.particle_counter.registers import (
    AVAILABLE,
    FLOATS,
    SAMPLING,
    Sample,
    Setup,
    particles_m3,
    registers_of_sample,
    registers_of_setup,
    sample_of,
    setup_of,
)
from devices.roles import Climate

SETUP = Setup(5, (500, 5000))
COUNTS = st.integers(0, 2**32 - 1)


def emulator(serial: str = "PC-1/3") -> ParticleCounterEmulator:
    return emulate(EmulatorSetup("dust-01", serial, Path("unused"), Path("unused")))


def counter_on(machine: Any, serial: str = "PC-1/3", emulated: bool = True) -> tuple[Any, FakeTransport]:
    cable = FakeTransport(machine)
    return ModbusParticleCounter("dust-01", serial, emulated, cable), cable


def reply(registers: list[int]) -> bytes:
    packed = b"".join(word.to_bytes(2, "big") for word in registers)
    frame = bytes((1, 4, len(packed))) + packed
    return frame + crc16(frame)


def sample(volume_ft3: float = 1.0, counts: tuple[int, int] = (100, 1), status: int = SAMPLING | AVAILABLE) -> Sample:
    return Sample("PC-1", status, 1_700_000_000, 60.0, 0, volume_ft3, counts)


@given(COUNTS, COUNTS, st.integers(0, 42949), st.sampled_from([0, FLOATS]))
def test_a_sample_is_read_as_it_was_kept_in_whole_numbers_and_in_floats(
    first: int, second: int, volume: int, floats: int
) -> None:
    told = sample(float(volume), (first, second), SAMPLING | floats)
    [found] = ReplyDecoder(1).feed(reply(registers_of_sample(told, SETUP)))
    assert sample_of(found.registers, SETUP) == told


@given(COUNTS, COUNTS)
def test_no_flipped_bit_of_a_sample_is_a_reply(first: int, second: int) -> None:
    frame = reply(registers_of_sample(sample(counts=(first, second)), SETUP))
    for bit in range(8 * len(frame)):
        flipped = bytearray(frame)
        flipped[bit // 8] ^= 1 << bit % 8
        assert ReplyDecoder(1).feed(bytes(flipped)) == []


@given(st.lists(st.integers(0, 0xFFFF), min_size=29, max_size=29), st.integers(0, 9))
def test_any_registers_are_a_sample_and_any_volume_a_number_of_particles_or_none(words: list[int], scale: int) -> None:
    told = sample_of(words, Setup(scale, (500, 5000)))
    particles = particles_m3(told.counts[0], told.volume_ft3)
    assert particles is None or particles >= 0


def test_another_map_is_told_apart() -> None:
    assert setup_of(registers_of_setup(SETUP)) == SETUP
    assert setup_of([99, *registers_of_setup(SETUP)[1:]]) is None


def test_the_particles_of_the_air_are_told_and_nothing_else() -> None:
    machine = emulator()
    counter, _ = counter_on(machine)
    counter.open()
    for particles in (0, 352, 3_520_000):
        assert machine.control({"do": "set", "particles_m3": particles})["ok"]
        assert counter.read() == Climate(particles_m3=particles)
    assert not machine.control({"do": "set", "particles_m3": -1})["ok"]


def test_the_channel_of_half_a_micrometre_is_the_one_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulators, "SETUP", Setup(5, (300, 500)))
    counter, _ = counter_on(emulator())
    counter.open()
    assert counter.read() == Climate(particles_m3=emulators.ROOM_M3 // emulators.SMALL_PER_LARGE)
    monkeypatch.setattr(emulators, "SETUP", Setup(5, (300, 1000)))
    with pytest.raises(WrongMachineError, match="500"):
        counter_on(emulator())[0].open()


def test_another_counter_on_the_cable_is_refused_at_the_reading() -> None:
    machine = emulator()
    counter, _ = counter_on(machine)
    counter.open()
    machine._serial = "PC-2"
    with pytest.raises(WrongMachineError, match="PC-2"):
        counter.read()


@pytest.mark.parametrize(
    ("serial", "emulated", "fact"), [("PC-2/3", True, "serial"), ("PC-1/3", False, "mode"), ("PC-2/3", False, "mode")]
)
def test_another_emulator_and_one_on_a_production_line_are_refused(serial: str, emulated: bool, fact: str) -> None:
    with pytest.raises(WrongMachineError) as refusal:
        counter_on(emulator(), serial, emulated)[0].open()
    assert refusal.value.fact == fact


def test_a_counter_that_does_not_sample_tells_nothing() -> None:
    machine = emulator()
    counter, _ = counter_on(machine)
    counter.open()
    machine.control({"do": "sampling", "on": False})
    with pytest.raises(ImpossibleReadingError, match="sampling"):
        counter.read()
    machine.control({"do": "sampling", "on": True})
    assert counter.read().particles_m3 == emulators.ROOM_M3


def test_a_counter_that_hangs_tells_no_old_air_for_ever() -> None:
    machine = emulator()
    counter, cable = counter_on(machine)
    counter.open()
    machine.control({"do": "hang", "on": True})
    counter.read()
    cable.now_s += 2 * emulators.LASTED_S
    counter.read()
    cable.now_s += 11.0
    with pytest.raises(ImpossibleReadingError, match="age of the sample"):
        counter.read()
    counter.close()
    counter.open()
    with pytest.raises(ImpossibleReadingError, match="age of the sample"):
        counter.read()
    machine.control({"do": "hang", "on": False})
    assert counter.read().particles_m3 == emulators.ROOM_M3


def test_a_late_reply_is_never_the_next_readings() -> None:
    machine = emulator()
    counter, _ = counter_on(machine)
    counter.open()
    machine.control({"do": "late", "seconds": 2.5})
    with pytest.raises(SensorSilentError):
        counter.read()
    machine.control({"do": "set", "particles_m3": 9})
    assert counter.read() == Climate(particles_m3=9)


def test_a_counter_that_is_not_open_is_not_read() -> None:
    with pytest.raises(SessionClosedError):
        counter_on(emulator())[0].read()


def test_it_goes_wrong_by_name() -> None:
    faults = Faults("modbus-particle-counter")
    machine = emulate(EmulatorSetup("dust-01", "PC-1/3", Path("unused"), Path("unused"), faults=faults))
    counter, _ = counter_on(machine)
    counter.open()
    faults.add({"name": FaultName.DRIFT.value})
    assert counter.read().particles_m3 == emulators.ROOM_M3 * emulators.DRIFT_TIMES
    faults.add({"name": FaultName.IMPOSSIBLE_READING.value})
    with pytest.raises(ImpossibleReadingError, match="status"):
        counter.read()
    faults.add({"name": FaultName.SENSOR_SILENT.value})
    with pytest.raises(SensorSilentError):
        counter.read()
    assert counter.read().particles_m3 == emulators.ROOM_M3
