"""The transmitter's driver: on the emulator, and on ones that answer late, badly or not, all on a virtual clock."""

import os
import pickle
import select
import tty
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.client import ModbusSerialClient

from devices.climate.driver import ModbusClimate
from devices.climate.emulator import ClimateEmulator, emulate
from devices.emulation.emulator import EmulatorSetup
from devices.emulation.modbus import LONGEST_FRAME, crc16
from devices.errors import (
    DeviceError,
    ImpossibleReadingError,
    MachineRefusedError,
    PortLostError,
    SensorSilentError,
    SessionClosedError,
    UnitNumberError,
    WrongMachineError,
)
from devices.fake_transport import FakeTransport
from devices.modbus.exchange import ModbusTimes
from devices.roles import Climate

TIMES = ModbusTimes(answer_s=1.0, worst_s=3.0, quiet_s=0.02)
WHO = bytes.fromhex("01 11 C0 2C")
ASK = bytes.fromhex("01 04 00 01 00 02 20 0B")
REPLY = bytes.fromhex("01 04 04 01 31 02 22 2A CE")
REFUSES_WHO = bytes.fromhex("01 91 01 8C 50")
WARM = Climate(Decimal("30.5"), Decimal("54.6"))
PATIENCE_S = 20.0


def framed(text: str) -> bytes:
    data = bytes.fromhex(text)
    return data + crc16(data)


def emulator(serial: str = "XY-1", speed: float = 1.0) -> ClimateEmulator:
    return emulate(EmulatorSetup("climate-01", serial, Path("unused"), Path("unused"), speed=speed))


def driver_of(machine, serial: str = "XY-1", emulated: bool = True, times: ModbusTimes = TIMES):
    transport = FakeTransport(machine)
    return ModbusClimate("climate-01", serial, emulated, transport, times=times), transport


def set_air(machine: ClimateEmulator, temperature: str, humidity: str) -> None:
    assert machine.control({"do": "set", "temperature_c": temperature, "humidity_percent": humidity})["ok"]


class Scripted:
    """A transmitter that gives each request the next reply of a script, each after its delay in seconds."""

    def __init__(self, *script: tuple[float, bytes]) -> None:
        self.script, self.asked = list(script), []
        self._due: list[tuple[float, bytes]] = []

    @property
    def next_deadline_s(self) -> float | None:
        return min((due_s for due_s, _ in self._due), default=None)

    def turn(self, data: bytes, now_s: float) -> bytes:
        if data:
            self.asked.append((round(now_s, 1), data))
            delay_s, reply = self.script.pop(0) if self.script else (0.0, b"")
            self._due.append((now_s + delay_s, reply))
        out = b"".join(reply for due_s, reply in self._due if due_s <= now_s)
        self._due = [one for one in self._due if one[0] > now_s]
        return out


def opened(*script: tuple[float, bytes], times: ModbusTimes = TIMES) -> tuple[ModbusClimate, FakeTransport, Scripted]:
    """A driver on a real transmitter, which refuses to say who it is; `script` is for the calls of `read`."""
    machine = Scripted((0.05, REFUSES_WHO), (0.05, REPLY), *script)
    sensor, transport = driver_of(machine, emulated=False, times=times)
    sensor.open()
    return sensor, transport, machine


def test_the_climate_is_told_in_degrees_and_percent() -> None:
    machine = emulator("XY-1/7")
    sensor, _ = driver_of(machine, "XY-1/7")
    sensor.open()
    set_air(machine, "-20.5", "54.6")
    assert sensor.read() == Climate(Decimal("-20.5"), Decimal("54.6"))
    set_air(machine, "30.5", "54.6")
    assert sensor.read() == WARM


def test_each_reading_is_one_request_for_both_registers() -> None:
    sensor, _, machine = opened((0.05, REPLY))
    assert sensor.read() == WARM
    assert [asked for _, asked in machine.asked] == [WHO, ASK, ASK]


def test_a_reply_that_comes_after_the_time_out_is_never_the_next_requests() -> None:
    machine = emulator()
    sensor, _ = driver_of(machine)
    sensor.open()
    set_air(machine, "30.5", "54.6")
    machine.control({"do": "late", "seconds": 2.5})
    with pytest.raises(SensorSilentError):
        sensor.read()
    set_air(machine, "12.0", "40.0")
    assert sensor.read() == Climate(Decimal("12.0"), Decimal("40.0"))
    assert sensor.read() == Climate(Decimal("12.0"), Decimal("40.0"))


def test_who_asks_again_at_once_is_given_the_late_reply() -> None:
    """The same hour without the wait: what the rule is for."""
    machine = emulator()
    hasty, _ = driver_of(machine, times=ModbusTimes(answer_s=1.0, worst_s=0.0, quiet_s=0.02))
    hasty.open()
    set_air(machine, "30.5", "54.6")
    machine.control({"do": "late", "seconds": 1.5})
    with pytest.raises(SensorSilentError):
        hasty.read()
    set_air(machine, "12.0", "40.0")
    assert hasty.read() == WARM


def test_the_next_request_waits_until_no_reply_can_come_any_more() -> None:
    sensor, _, machine = opened((9.0, b""), (0.05, REPLY))
    with pytest.raises(SensorSilentError):
        sensor.read()
    assert sensor.read() == WARM
    (first_s, _), (second_s, _) = machine.asked[-2:]
    assert TIMES.worst_s <= second_s - first_s <= TIMES.worst_s + 0.2


def test_the_wait_outlasts_a_port_that_is_opened_again() -> None:
    machine = emulator()
    sensor, _ = driver_of(machine)
    sensor.open()
    machine.control({"do": "late", "seconds": 2.5})
    with pytest.raises(SensorSilentError):
        sensor.read()
    sensor.close()
    set_air(machine, "12.0", "40.0")
    sensor.open()
    assert sensor.read().temperature_c == 12


def test_one_request_a_register_would_give_the_temperature_as_the_humidity() -> None:
    """pymodbus's own client on a transmitter that answers each request when the next one comes: nothing else needed."""
    master, slave = os.openpty()
    tty.setraw(slave)
    asked: list[bytes] = []

    def answer_late() -> None:
        machine, replies = emulator(speed=0), [b""]
        while len(asked) < 3 and select.select([master], [], [], PATIENCE_S)[0]:
            asked.append(os.read(master, LONGEST_FRAME))
            os.write(master, replies.pop())
            machine.turn(asked[-1], float(len(asked)))
            replies.append(machine.turn(b"", len(asked) + 0.5))

    device = Thread(target=answer_late)
    device.start()
    client = ModbusSerialClient(os.ttyname(slave), timeout=0.2, retries=0)
    try:
        with suppress(Exception):
            client.read_input_registers(1, count=1, device_id=1)
        humidity = client.read_input_registers(2, count=1, device_id=1).registers
        temperature = client.read_input_registers(1, count=1, device_id=1).registers
    finally:
        client.close()
        device.join(PATIENCE_S)
        os.close(master)
        os.close(slave)
    assert [request[:6].hex() for request in asked] == ["010400010001", "010400020001", "010400010001"]
    assert (humidity, temperature) == ([220], [450]), "the room has 22.0 °C and 45.0 %"


def test_what_comes_unasked_is_no_reply() -> None:
    sensor, transport, _ = opened((0.05, framed("01 04 04 00 78 01 90") + REPLY), (0.05, REPLY))
    assert sensor.read().temperature_c == 12
    with transport.lock:
        transport.wait_for(lambda: False, 1.0)
    assert sensor.read() == WARM


@pytest.mark.parametrize(
    "reply",
    [
        REPLY[:-1] + b"\xcf",
        framed("02 04 04 01 31 02 22"),
        framed("01 03 04 01 31 02 22"),
        framed("01 04 02 01 31"),
        framed("01 91 01"),
        REPLY[:-1],
    ],
    ids=["checksum", "unit", "function", "length", "refusal of another question", "cut short"],
)
def test_a_wrong_reply_is_no_reading_and_the_next_one_is_right(reply: bytes) -> None:
    sensor, _, _ = opened((0.05, reply), (0.05, REPLY))
    with pytest.raises(SensorSilentError, match="nothing was read"):
        sensor.read()
    assert sensor.read() == WARM


def test_bytes_that_are_no_reply_are_told_apart_from_silence() -> None:
    sensor, _, _ = opened((0.05, framed("02 04 04 01 31 02 22")), (0.0, b""))
    for unread in (9, 0):
        with pytest.raises(SensorSilentError) as refusal:
            sensor.read()
        assert refusal.value.unread == unread


@pytest.mark.parametrize("before", ["FF", "00", "01", "01 04 FF", "01 84 02", "01 04 00 01 00 02 20 0B"])
def test_noise_and_an_echo_before_a_reply_do_not_hide_it(before: str) -> None:
    sensor, _, _ = opened((0.05, bytes.fromhex(before) + REPLY))
    assert sensor.read() == WARM


def test_an_exception_reply_is_a_refusal_with_its_code() -> None:
    sensor, _, _ = opened((0.05, bytes.fromhex("01 84 02 C2 C1")), (0.05, REPLY))
    with pytest.raises(MachineRefusedError) as refusal:
        sensor.read()
    assert (refusal.value.code, refusal.value.detail) == ("EXCEPTION_2", 2)
    assert sensor.read() == WARM


@pytest.mark.parametrize(
    ("air", "figure"),
    [
        (("85.1", "50.0"), "temperature"),
        (("-40.1", "50.0"), "temperature"),
        (("20.0", "100.1"), "humidity"),
    ],
)
def test_what_it_cannot_measure_is_no_reading(air: tuple[str, str], figure: str) -> None:
    machine = emulator(speed=0)
    sensor, _ = driver_of(machine)
    sensor.open()
    set_air(machine, *air)
    with pytest.raises(ImpossibleReadingError) as refusal:
        sensor.read()
    assert (refusal.value.machine, refusal.value.figure) == ("climate-01", figure)
    for edge in (("85.0", "100.0"), ("-40.0", "0.0")):
        set_air(machine, *edge)
        assert sensor.read() == Climate(*map(Decimal, edge))


def test_another_unit_does_not_answer() -> None:
    sensor, _ = driver_of(emulator("XY-1/2"), "XY-1/3")
    with pytest.raises(SensorSilentError):
        sensor.open()
    with pytest.raises(SessionClosedError):
        sensor.read()


@pytest.mark.parametrize(
    ("serial", "emulated", "fact"), [("XY-2", True, "serial"), ("XY-1", False, "mode"), ("XY-2", False, "mode")]
)
def test_another_emulator_and_one_on_a_production_line_are_refused(serial: str, emulated: bool, fact: str) -> None:
    sensor, _ = driver_of(emulator(), serial, emulated)
    with pytest.raises(WrongMachineError) as refusal:
        sensor.open()
    assert refusal.value.fact == fact


@pytest.mark.parametrize("says", [REFUSES_WHO, framed("01 11 03 58 59 FF")], ids=["refuses", "tells"])
def test_a_real_transmitter_is_refused_where_an_emulator_is_configured(says: bytes) -> None:
    sensor, _ = driver_of(Scripted((0.05, says), (0.05, REPLY)))
    with pytest.raises(WrongMachineError, match="mode"):
        sensor.open()


def test_a_real_transmitter_may_not_know_the_question_who_it_is() -> None:
    sensor, _ = driver_of(Scripted((0.0, b""), (0.05, REPLY), (0.05, REPLY)), emulated=False)
    sensor.open()
    assert sensor.read() == WARM


def test_a_line_where_nobody_answers_is_not_opened() -> None:
    sensor, _ = driver_of(Scripted(), emulated=False)
    with pytest.raises(SensorSilentError, match="check its power"):
        sensor.open()


def test_a_pulled_cable_is_a_typed_error() -> None:
    sensor, transport, _ = opened()
    transport.hang_up("unplugged")
    with pytest.raises(PortLostError):
        sensor.read()


@pytest.mark.parametrize(
    "error",
    [
        UnitNumberError("XY/0", 247),
        SensorSilentError("climate-01", "CLIMATE", 1.0, 9),
        ImpossibleReadingError("climate-01", "humidity", "100.1 %", "0 to 100 %"),
    ],
)
def test_errors_survive_pickling(error: DeviceError) -> None:
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


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


LIKELY = st.sampled_from([REPLY, REFUSES_WHO, REPLY[:5], b"\x01\x04", framed("01 04 04 80 00 FF FF")])
SHORT = ModbusTimes(answer_s=0.1, worst_s=0.2, quiet_s=0.01)


@given(st.lists(LIKELY | st.binary(max_size=40), min_size=1, max_size=4).map(b"".join))
def test_whatever_babbles_raises_only_the_packages_errors(says: bytes) -> None:
    sensor, _ = driver_of(Babbler(says), emulated=False, times=SHORT)
    calls: tuple[Callable[[], object], ...] = (sensor.open, sensor.read)
    for call in calls:
        with suppress(DeviceError):
            call()
    sensor.close()


def exchange(machine: ClimateEmulator, request: bytes, at_s: float = 1.0) -> bytes:
    """What the emulator says to bytes that silence follows."""
    return machine.turn(request, at_s) + machine.turn(b"", at_s + 1.0)


def test_the_emulator_answers_as_the_manual_prints_it() -> None:
    machine = emulator(speed=0)
    set_air(machine, "30.5", "54.6")
    assert exchange(machine, ASK) == REPLY
    assert exchange(machine, bytes.fromhex("01 04 00 01 00 01 60 0A")) == bytes.fromhex("01 04 02 01 31 79 74")
    assert exchange(machine, bytes.fromhex("01 04 00 02 00 01 90 0A")) == bytes.fromhex("01 04 02 02 22 38 49")
    assert exchange(machine, WHO) == framed("01 11 0e" + b"EMULATED XY-1".hex() + "ff")


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        ("01 03 00 01 00 02", "01 83 01"),
        ("01 04 00 00 00 02", "01 84 02"),
        ("01 04 00 02 00 02", "01 84 02"),
        ("01 04 00 01 00 00", "01 84 03"),
        ("01 04 00 01 00 7E", "01 84 03"),
        ("01 04 00 01 00", "01 84 03"),
    ],
)
def test_the_emulator_refuses_by_the_standards_exceptions(request_: str, reply: str) -> None:
    assert exchange(emulator(speed=0), framed(request_)) == framed(reply)


@pytest.mark.parametrize(
    "silent", [framed("02 04 00 01 00 02"), framed("00 04 00 01 00 02"), ASK[:-1], ASK[:-1] + b"\0"]
)
def test_the_emulator_is_silent_to_other_units_and_damage(silent: bytes) -> None:
    machine = emulator(speed=0)
    assert exchange(machine, silent) == b""
    assert exchange(machine, ASK, 3.0) != b""


@given(st.lists(st.binary(max_size=300) | st.sampled_from([ASK, WHO, ASK[:4]]), max_size=30))
def test_the_emulator_takes_any_bytes_and_holds_few(pieces: list[bytes]) -> None:
    machine = emulator(speed=0)
    machine.control({"do": "late", "seconds": 1000})
    for number, piece in enumerate(pieces):
        assert machine.turn(piece, float(number)) == b""
    machine.turn(b"", 100.0)
    assert len(machine.turn(b"", 5000.0)) <= 16 * LONGEST_FRAME
    machine.control({"do": "late", "seconds": 0})
    assert exchange(machine, ASK, 6000.0) == framed("01 04 04 00 DC 01 C2")


@pytest.mark.parametrize("value", ["", "warm", "NaN", "1e99", "Infinity", "3276.8", "1e999999"])
def test_no_register_holds_such_an_air(value: str) -> None:
    machine = emulator()
    assert machine.control({"do": "set", "temperature_c": value, "humidity_percent": "50"})["ok"] is False
    assert machine.control({"do": "state"})["temperature_c"] == "22.0"
