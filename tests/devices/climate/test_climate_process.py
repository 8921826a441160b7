"""The transmitter's emulator as a real process on a pty."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from devices.climate.driver import ModbusClimate
from devices.emulation.control import ControlClient, ControlRefusedError
from devices.emulation.supervisor import EmulatorSpec, Supervisor
from devices.errors import ImpossibleReadingError, SensorSilentError, WrongMachineError
from devices.modbus.exchange import ModbusTimes
from devices.registry import DeviceEntry, make_transport, open_climate_sensor
from devices.roles import Climate

ENTRY = DeviceEntry("climate-01", "modbus-climate", "emulator://climate-01", "XY-1/5", "emulated", baud=9600)
MOST_KIB = 25 * 1024


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    running = Supervisor(tmp_path, speed=1.0, seed=1)
    running.start([EmulatorSpec(ENTRY.id, ENTRY.driver, ENTRY.serial)])
    yield running
    running.stop()


@pytest.fixture
def hands(supervisor: Supervisor) -> ControlClient:
    return supervisor.control(ENTRY.id)


def test_the_climate_is_read_over_a_real_line(supervisor: Supervisor, hands: ControlClient, tmp_path: Path) -> None:
    sensor = open_climate_sensor(ENTRY, tmp_path / "machines")
    hands.ask("set", temperature_c="-3.5", humidity_percent="61.2")
    assert sensor.read() == Climate(Decimal("-3.5"), Decimal("61.2"))
    sensor.close()
    assert hands.ask("state")["says"] == "EMULATED XY-1/5"
    with pytest.raises(ControlRefusedError):
        hands.ask("set", temperature_c="hot", humidity_percent="50")


def test_a_late_reply_over_a_real_line_is_dropped(supervisor: Supervisor, hands: ControlClient, tmp_path: Path) -> None:
    transport = make_transport(ENTRY, tmp_path / "machines")
    times = ModbusTimes(answer_s=0.3, worst_s=2.0)
    sensor = ModbusClimate(ENTRY.id, ENTRY.serial, True, transport, times=times)
    sensor.open()
    hands.ask("late", seconds=0.6)
    with pytest.raises(SensorSilentError):
        sensor.read()
    hands.ask("set", temperature_c="12.0", humidity_percent="40.0")
    assert sensor.read() == Climate(Decimal("12.0"), Decimal("40.0"))
    sensor.close()


def test_a_production_line_and_another_unit_are_refused(supervisor: Supervisor, tmp_path: Path) -> None:
    entry = DeviceEntry(ENTRY.id, ENTRY.driver, ENTRY.port, ENTRY.serial, "production")
    with pytest.raises(WrongMachineError, match="mode"):
        open_climate_sensor(entry, tmp_path / "machines")
    with pytest.raises(SensorSilentError):
        open_climate_sensor(
            DeviceEntry(ENTRY.id, ENTRY.driver, ENTRY.port, "XY-1/6", "emulated"), tmp_path / "machines"
        )


def strike(hands: ControlClient, name: str, times: int = 1) -> None:
    hands.ask("fault", fault={"name": name, "at": "", "before": False, "times": times, "every": 1, "seed": 0})


def test_a_sensor_goes_wrong_by_name_for_so_many_readings(
    supervisor: Supervisor, hands: ControlClient, tmp_path: Path
) -> None:
    """It drifts, falls silent or tells what can't be; then it tells the air again, which was never another one."""
    transport = make_transport(ENTRY, tmp_path / "machines")
    sensor = ModbusClimate(ENTRY.id, ENTRY.serial, True, transport, times=ModbusTimes(answer_s=0.3, worst_s=0.4))
    sensor.open()
    strike(hands, "drift", times=2)
    assert [sensor.read().temperature_c for _ in range(3)] == [Decimal("32.0"), Decimal("32.0"), Decimal("22.0")]
    strike(hands, "sensor-silent")
    with pytest.raises(SensorSilentError):
        sensor.read()
    strike(hands, "impossible-reading")
    with pytest.raises(ImpossibleReadingError):
        sensor.read()
    strike(hands, "drift", times=0)
    hands.ask("clear-faults")
    assert sensor.read() == Climate(Decimal("22.0"), Decimal("45.0"))
    with pytest.raises(ControlRefusedError):
        strike(hands, "jam")
    sensor.close()


def test_its_process_stays_small(supervisor: Supervisor) -> None:
    status = Path(f"/proc/{supervisor.pid(ENTRY.id)}/status").read_text()
    assert int(status.partition("VmHWM:")[2].split()[0]) < MOST_KIB
