"""The scale's emulator as a real process on a pty."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from devices.emulation.control import ControlClient, ControlRefusedError
from devices.emulation.faults import BURSTS
from devices.emulation.supervisor import LOG_NAME, EmulatorSpec, Supervisor
from devices.errors import DeviceError, NotStableError, OverloadError, ScaleSilentError, WrongMachineError
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


def test_a_fault_set_while_it_runs_strikes_the_next_burst_on_the_real_line(
    supervisor: Supervisor, hands: ControlClient, tmp_path: Path
) -> None:
    """A weight that loses a byte is none and is asked for again; a scale without power is gone until it is back."""
    with pytest.raises(ControlRefusedError, match="no fault duplicated-frame") as refusal:
        hands.ask("fault", fault={"name": "duplicated-frame"})
    assert all(name in str(refusal.value) for name in BURSTS)
    scale = open_scale(ENTRY, tmp_path / "machines")
    hands.ask("load", grams="37.25")
    hands.ask("fault", fault={"name": "dropped-byte", "every": 2, "times": 1, "seed": 2})
    assert scale.weigh(LONG_S) == Decimal("37.25")
    assert [fault["fired"] for fault in hands.ask("faults")["faults"]] == [1]
    hands.ask("fault", fault={"name": "power-loss"})
    with pytest.raises(DeviceError):
        scale.weigh(LONG_S)
    scale.close()
    assert "lost its power (EMULATED, as set)" in (supervisor.folder(ENTRY.id) / LOG_NAME).read_text()
    assert supervisor.ensure() == [ENTRY.id]
    scale = open_scale(ENTRY, tmp_path / "machines")
    assert scale.weigh(LONG_S) == 0, "switched on anew, it shows nothing"
    scale.close()
