"""An emulator is one small process that looks after itself."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from devices.emulation.control import ControlClient, ControlRefusedError, EmulatorGoneError
from devices.emulation.serve import EMULATORS
from devices.emulation.supervisor import EmulatorSpec, EmulatorStartError, Supervisor
from devices.pidfile import running_pid

MOST_KIB = 25 * 1024
STOP_S = 20.0


def resident_kib(pid: int) -> int:
    """The process's peak resident memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


def cpu_ticks(pid: int) -> int:
    """Processor time that the process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def test_an_emulator_needs_less_than_25_mb_and_no_time_when_idle(line: Any) -> None:
    line.load(120)
    machine = line.open()
    for number in range(120):
        line.make(machine, number)
    pid = line.supervisor.pid("book-01")
    assert resident_kib(pid) < MOST_KIB
    before = cpu_ticks(pid)
    time.sleep(1.0)
    assert cpu_ticks(pid) - before <= 1
    machine.close()


def test_no_emulator_needs_25_mb_to_be_there(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path, speed=0.0, seed=1)
    supervisor.start([EmulatorSpec(driver, driver, "S-1") for driver in EMULATORS])
    resident = {driver: resident_kib(supervisor.pid(driver) or 0) for driver in EMULATORS}
    supervisor.stop()
    assert max(resident.values()) < MOST_KIB, resident


@pytest.mark.parametrize("module", EMULATORS.values())
def test_an_emulator_imports_nothing_but_the_standard_library(module: str) -> None:
    program = (
        f"import sys; import devices.emulation.serve, {module};"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    # Isolated and without site: editable installs and coverage tools import things of their own.
    command = [sys.executable, "-S", "-c", program]
    root = Path(__file__).parents[3]
    found = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root).stdout.split()
    assert set(found) - set(sys.stdlib_module_names) - {"__main__"} == {"devices"}
    assert not set(found) & {"asyncio", "multiprocessing", "concurrent", "ssl"}


def test_installed_packages_are_looked_through_only_for_a_name_that_is_not_built_in() -> None:
    program = (
        "import sys; from pathlib import Path; from devices.emulation.emulator import EmulatorSetup;"
        "from devices.emulation.serve import build; from devices.errors import NoEmulatorError\n"
        "setup = EmulatorSetup('m', 'S', Path('unused'), Path('unused'))\n"
        "build('mt-sics-scale', setup); print('importlib.metadata' in sys.modules)\n"
        "try: build('typewriter', setup)\n"
        "except NoEmulatorError as error: print('mt-sics-scale' in error.known, 'importlib.metadata' in sys.modules)"
    )
    root = Path(__file__).parents[3]
    command = [sys.executable, "-S", "-c", program]
    found = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root).stdout
    assert found.split() == ["False", "True", "True"]


def test_a_document_costs_three_waits_for_stable_storage(line: Any) -> None:
    """Before FEED moves, before START moves, before the result is told; releases ride on the next of these."""
    line.load(20)
    machine = line.open()
    before = line.supervisor.control("book-01").ask("state")["journal_syncs"]
    for number in range(20):
        line.make(machine, number)
    after = line.supervisor.control("book-01").ask("state")["journal_syncs"]
    assert after - before == 3 * 20
    machine.close()


def test_its_port_keeps_its_name_over_restarts(line: Any) -> None:
    line.load(2)
    port = line.folder / "machines" / "book-01" / "port"
    machine = line.open()
    line.make(machine, 1)
    machine.close()
    os.kill(line.supervisor.pid("book-01"), signal.SIGKILL)
    line.await_death()
    assert line.supervisor.ensure() == ["book-01"]
    assert port.is_symlink() and port.exists()
    machine = line.open()
    assert line.make(machine, 2).made and machine.hello().counters.fed == 2
    machine.close()


def test_emulators_alive_from_an_earlier_run_are_adopted(line: Any) -> None:
    line.supervisor.start([line.reader])
    pid = line.supervisor.pid("book-01")
    later = Supervisor(line.folder, speed=0.0, seed=7)
    assert later.start([line.book, line.reader]) == []
    assert later.pid("book-01") == pid
    with pytest.raises(EmulatorStartError):
        later.start([EmulatorSpec("book-01", "book-personalizer", "another serial")])
    later.stop()
    assert not line.supervisor.alive("book-01") and not line.supervisor.alive("reader-01")


def test_control_refuses_what_it_does_not_know(line: Any) -> None:
    line.supervisor.start([line.reader])
    clients = [line.supervisor.control(machine) for machine in ("book-01", "reader-01")]
    for client in clients:
        with pytest.raises(ControlRefusedError, match="knows"):
            client.ask("dance")
    state = line.supervisor.control("book-01").ask("state")
    assert state["emulated"] is True and state["serial"] == line.book.serial and state["counters"]["fed"] == 0


def test_an_emulator_without_starter_and_host_ends(tmp_path: Path) -> None:
    folder = tmp_path / "machines" / "book-01"
    folder.mkdir(parents=True)
    serve = [sys.executable, "-m", "devices.emulation.serve", "--id", "book-01", "--driver", "book-personalizer"]
    serve += ["--serial", "BP-1", "--dir", str(folder), "--world", str(tmp_path / "world")]
    serve += ["--link", str(folder / "port"), "--orphan-s", "0.5"]
    starter = "import subprocess, sys, time; subprocess.Popen(sys.argv[1:], start_new_session=True); time.sleep(2)"
    with subprocess.Popen([sys.executable, "-W", "ignore", "-c", starter, *serve]) as process:
        while running_pid(folder) is None:
            time.sleep(0.01)
        time.sleep(0.8)
        assert running_pid(folder) is not None
        process.kill()
    give_up_s = time.monotonic() + STOP_S
    while running_pid(folder) is not None:
        assert time.monotonic() < give_up_s
        time.sleep(0.05)
    assert not (folder / "port").is_symlink()


def test_nobody_at_the_control_socket_is_a_typed_error(tmp_path: Path) -> None:
    client = ControlClient(tmp_path, patience_s=0.1)
    with pytest.raises(EmulatorGoneError):
        client.ask("state")
    with pytest.raises(EmulatorGoneError):
        client.end("shutdown")
    client.close()
