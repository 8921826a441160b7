"""The face reader's emulator as a real process on a pty."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.emulation.control import ControlClient
from devices.emulation.supervisor import EmulatorSpec, Supervisor
from devices.errors import DeviceError, NoRecognitionError, ReaderSilentError, WrongMachineError
from devices.face_reader.driver import OsdpFaceReader, OsdpTimes
from devices.registry import DeviceEntry, make_transport, open_face_reader

ENTRY = DeviceEntry("face-01", "osdp-face-reader", "emulator://face-01", "20311/5", "emulated", baud=9600)
LONG_S = 20.0


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    running = Supervisor(tmp_path, speed=1.0, seed=1)
    running.start([EmulatorSpec(ENTRY.id, ENTRY.driver, ENTRY.serial)])
    yield running
    running.stop()


@pytest.fixture
def hands(supervisor: Supervisor) -> ControlClient:
    return supervisor.control(ENTRY.id)


def test_people_are_told_over_a_real_line_once_each_through_a_kill(
    supervisor: Supervisor, hands: ControlClient, tmp_path: Path
) -> None:
    reader = open_face_reader(ENTRY, tmp_path / "machines")
    hands.ask("recognise", credential=1001, quality=93)
    first = reader.recognition(LONG_S)
    assert (first.credential, first.quality_percent, first.position.number) == (1001, 93, 1)
    hands.ask("fault", fault={"name": "power-loss"})
    with pytest.raises(DeviceError):
        reader.recognition(LONG_S)
    reader.close()
    assert supervisor.ensure() == [ENTRY.id]
    hands.ask("recognise", credential=1002, quality=88)
    again = open_face_reader(ENTRY, tmp_path / "machines", after=first.position)
    second = again.recognition(LONG_S)
    assert (second.credential, second.position.number, second.missed) == (1002, 2, 0)
    assert second.position.memory == first.position.memory
    with pytest.raises(NoRecognitionError):
        again.recognition(0.3)
    again.close()


def test_a_late_answer_over_a_real_line_is_nobody_twice(
    supervisor: Supervisor, hands: ControlClient, tmp_path: Path
) -> None:
    times = OsdpTimes(answer_s=0.3, worst_s=2.0)
    reader = OsdpFaceReader(ENTRY.id, ENTRY.serial, True, make_transport(ENTRY, tmp_path / "machines"), times=times)
    reader.open()
    for credential in (1001, 1002):
        hands.ask("recognise", credential=credential, quality=90)
        hands.ask("late", seconds=0.5)
        assert reader.recognition(LONG_S).credential == credential
    with pytest.raises(NoRecognitionError):
        reader.recognition(0.3)
    hands.ask("mute", seconds=3)
    with pytest.raises(ReaderSilentError):
        reader.recognition(LONG_S)
    reader.close()


def test_a_production_line_refuses_it(supervisor: Supervisor, tmp_path: Path) -> None:
    entry = DeviceEntry(ENTRY.id, ENTRY.driver, ENTRY.port, ENTRY.serial, "production")
    with pytest.raises(WrongMachineError, match="mode"):
        open_face_reader(entry, tmp_path / "machines")
