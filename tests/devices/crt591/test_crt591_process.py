"""The emulator as a real process on a real pty, and a host that is killed beside it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devices.crt591.driver import Crt591, Crt591Counting
from devices.emulation.control import ControlRefusedError
from devices.emulation.supervisor import EmulatorSpec, Supervisor
from devices.emulation.world import World
from devices.errors import PortUnavailableError
from devices.piece import PieceData
from devices.registry import DeviceEntry, open_personalizer

COUNTING = DeviceEntry("crt-01", "crt-591-counting", "emulator://crt-01", "591M0042", "emulated")
SENSING = DeviceEntry("crt-02", "crt-591", "emulator://crt-02", "591M0043", "emulated")
JOB, NEXT_JOB = "1" * 32, "2" * 32
HOST = """
import sys, json
from pathlib import Path
from devices.registry import DeviceEntry, open_personalizer
driver = open_personalizer(DeviceEntry(**json.loads(sys.argv[1])), Path(sys.argv[2]))
print(driver.journal_position, flush=True)
print(driver.feed(sys.argv[3]), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    running = Supervisor(tmp_path, speed=0, seed=1)
    running.start([EmulatorSpec(entry.id, entry.driver, entry.serial) for entry in (COUNTING, SENSING)])
    for place, entry in enumerate((COUNTING, SENSING)):
        blanks = [[f"K{place}{number}", "shelf:card"] for number in range(4)]
        running.control(entry.id).ask("load", blanks=blanks)
    yield running
    running.stop()


@pytest.mark.parametrize(("entry", "driver"), [(COUNTING, Crt591Counting), (SENSING, Crt591)])
def test_a_document_is_encoded_and_verified_over_a_pty(supervisor: Supervisor, entry: DeviceEntry, driver: Any) -> None:
    machine = open_personalizer(entry, supervisor.directory / "machines")
    assert isinstance(machine, driver)
    machine.claim(1)
    serial = machine.feed(JOB)
    files = {"EF.COM": b"\x60\x00", "EF.DG2": bytes(range(256)) * 64}
    machine.make(JOB, PieceData("hk_macau_permit", serial, (), chip=files).encode())
    result = machine.result(JOB, 1.0)
    assert result.made
    machine.release(JOB, result.result_hash)
    piece = World(supervisor.directory / "world").piece(serial)
    assert piece is not None and piece.locked and piece.data.chip == files
    with pytest.raises(PortUnavailableError):
        open_personalizer(entry, supervisor.directory / "machines")
    machine.close()
    with pytest.raises(ControlRefusedError, match="knows"):
        supervisor.control(entry.id).ask("dance")


def test_a_host_killed_after_a_draw_and_an_emulator_killed_after_it_leave_the_card_counted(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    """Both die by SIGKILL; the next host finds one card drawn beyond the position that the last one knew."""
    machines = supervisor.directory / "machines"
    entry = json.dumps({name: getattr(COUNTING, name) for name in DeviceEntry.__slots__})
    command = [sys.executable, "-c", HOST, entry, str(machines), JOB]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as host:
        assert host.stdout is not None
        position, serial = int(host.stdout.readline()), host.stdout.readline().strip()
        host.send_signal(signal.SIGKILL)
    machine = open_personalizer(COUNTING, machines)
    status = machine.status(JOB)
    assert (status.journal_first, status.journal_next) == (position + 1, position + 1)
    machine.close()
    killed = supervisor.pid(COUNTING.id)
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    while supervisor.alive(COUNTING.id):
        time.sleep(0.01)
    assert supervisor.ensure() == [COUNTING.id]
    machine = open_personalizer(COUNTING, machines)
    assert machine.status(JOB).journal_next == position + 1
    assert supervisor.control(COUNTING.id).ask("look")["path"] == [serial]
    assert supervisor.control(COUNTING.id).ask("state")["emulated"]
    machine.close()
