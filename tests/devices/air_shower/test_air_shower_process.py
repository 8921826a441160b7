"""The air shower's emulator as a real process on a pty."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.air_shower.driver import ModbusAirShower
from devices.emulation.control import ControlClient, ControlRefusedError
from devices.emulation.supervisor import EmulatorSpec, Supervisor
from devices.errors import CycleAbortedError, SensorSilentError, WrongMachineError
from devices.modbus.exchange import ModbusTimes
from devices.registry import DeviceEntry, make_transport, open_air_shower
from devices.roles import Door

ENTRY = DeviceEntry("shower-01", "modbus-air-shower", "emulator://shower-01", "AS-1/5", "emulated", baud=9600)
LONG_S = 30.0


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    running = Supervisor(tmp_path, speed=10.0, seed=1)
    running.start([EmulatorSpec(ENTRY.id, ENTRY.driver, ENTRY.serial)])
    yield running
    running.stop()


@pytest.fixture
def hands(supervisor: Supervisor) -> ControlClient:
    return supervisor.control(ENTRY.id)


def test_a_cycle_on_a_real_line_counts_when_it_is_whole_and_through_a_kill(
    supervisor: Supervisor, hands: ControlClient, tmp_path: Path
) -> None:
    shower = open_air_shower(ENTRY, tmp_path / "machines")
    with pytest.raises(ControlRefusedError, match="locked"):
        hands.ask("enter", door="outer")
    before = shower.state().completed
    shower.release(Door.OUTER)
    hands.ask("enter", door="outer")
    done = shower.wait_for_cycle(before, LONG_S)
    assert done.completed.number == before.number + 1
    shower.release(Door.INNER)
    hands.ask("leave", door="inner")
    shower.release(Door.OUTER)
    hands.ask("enter", door="outer")
    hands.end("power-loss")
    shower.close()
    while supervisor.alive(ENTRY.id):
        time.sleep(0.01)
    assert supervisor.ensure() == [ENTRY.id]
    again = open_air_shower(ENTRY, tmp_path / "machines", after=done.completed)
    with pytest.raises(CycleAbortedError, match="power was lost"):
        again.wait_for_cycle(done.completed, LONG_S)
    assert again.state().completed == done.completed
    again.close()


def test_a_late_state_over_a_real_line_is_dropped(supervisor: Supervisor, hands: ControlClient, tmp_path: Path) -> None:
    times = ModbusTimes(answer_s=0.3, worst_s=2.0)
    shower = ModbusAirShower(ENTRY.id, ENTRY.serial, True, make_transport(ENTRY, tmp_path / "machines"), times=times)
    assert not shower.open().open_doors
    hands.ask("late", seconds=0.6)
    with pytest.raises(SensorSilentError):
        shower.state()
    hands.ask("force", door="outer")
    assert shower.state().open_doors == {Door.OUTER}
    shower.close()


def test_a_production_line_refuses_it(supervisor: Supervisor, tmp_path: Path) -> None:
    entry = DeviceEntry(ENTRY.id, ENTRY.driver, ENTRY.port, ENTRY.serial, "production")
    with pytest.raises(WrongMachineError, match="mode"):
        open_air_shower(entry, tmp_path / "machines")
