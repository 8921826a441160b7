"""The scale's emulator as a real process on a pty."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from devices.emulation.control import ControlClient
from devices.emulation.supervisor import EmulatorSpec, Supervisor
from devices.errors import NotStableError, OverloadError, ScaleSilentError, WrongMachineError
from devices.registry import DeviceEntry, make_transport, open_scale
from devices.scale.driver import MtSicsScale, ScaleTimes

ENTRY = DeviceEntry("scale-01", "mt-sics-scale", "emulator://scale-01", "SC-1", "emulated")
LONG_S = 20.0


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    running = Supervisor(tmp_path, speed=5.0, seed=1)
    running.start([EmulatorSpec(ENTRY.id, ENTRY.driver, ENTRY.serial)])
    yield running
    running.stop()


@pytest.fixture
def hands(supervisor: Supervisor) -> ControlClient:
    return supervisor.control(ENTRY.id)


def test_a_load_is_weighed_when_it_rests(supervisor: Supervisor, hands: ControlClient, tmp_path: Path) -> None:
    scale = open_scale(ENTRY, tmp_path / "machines")
    assert scale.weigh(LONG_S) == 0
    hands.ask("load", grams="37.25")
    with pytest.raises(NotStableError):
        scale.weigh(0.05)
    assert scale.weigh(LONG_S) == Decimal("37.25")
    hands.ask("load", grams="5000")
    with pytest.raises(OverloadError):
        scale.weigh(LONG_S)
    scale.close()
    assert hands.ask("state")["says"] == "EMULATED SC-1"


def test_a_late_reply_over_a_real_line_is_dropped(supervisor: Supervisor, hands: ControlClient, tmp_path: Path) -> None:
    """Unlike the machine's settling, the stall is in real seconds: the answer to the first load comes late."""
    times = ScaleTimes(answer_s=0.3, quiet_s=0.2, poll_s=0.02)
    transport = make_transport(ENTRY, tmp_path / "machines")
    scale = MtSicsScale(ENTRY.id, ENTRY.serial, True, transport, times=times)
    scale.open()
    hands.ask("load", grams="10")
    assert scale.weigh(LONG_S) == 10
    hands.ask("stall", seconds=1.0)
    with pytest.raises(ScaleSilentError):
        scale.weigh(0.5)
    hands.ask("load", grams="20")
    with transport.lock:
        transport.wait_for(lambda: False, 1.0)
    assert scale.weigh(LONG_S) == 20
    scale.close()


def test_a_production_line_refuses_it(supervisor: Supervisor, tmp_path: Path) -> None:
    entry = DeviceEntry(ENTRY.id, ENTRY.driver, ENTRY.port, ENTRY.serial, "production")
    with pytest.raises(WrongMachineError, match="mode"):
        open_scale(entry, tmp_path / "machines")
