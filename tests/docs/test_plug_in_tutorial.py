"""docs/plug-in-driver.md is true: the package that it builds is installed, run and talked to."""

import os
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from devices.emulation.supervisor import EmulatorSpec, Supervisor
from devices.errors import WrongMachineError
from devices.registry import DeviceEntry, open_climate_sensor
from devices.roles import Climate
from flows.cli import run
from flows.configuration import read_settings
from flows.default_line import write_default
from flows.errors import Exit
from flows.run_folder import RunFolder

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "plug-in-driver.md").read_text(encoding="utf-8")
MOST_LINES = 100
MOST_KIB = 25 * 1024
PATIENCE_S = 60

FILES: dict[str, str] = dict(re.findall(r"^### `([^`]+)`\n\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
INSTALL, EMULATE, TRY, PRINTED = re.search(
    r"^\$ (pip install .*)\n\$ (passline .*) > entry\.toml\n(?s:.*)^\$ (python .*)\n(.*)$", PAGE, re.MULTILINE
).groups()
[ENTRY] = re.findall(r"^```toml\n(\[\[devices\]\]\n.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the page's package is installed in; the page's other files lie with its sources."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    for name, text in FILES.items():
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).write_text(text, encoding="utf-8")
    # Without network, and beside the environment that runs this instead of in it.
    offline = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "--quiet"]
    pip = [sys.executable, "-m", *INSTALL.split(), *offline, "--target", str(target)]
    subprocess.run(pip, cwd=source, check=True, timeout=PATIENCE_S)
    return target


@pytest.fixture
def plugged_in(installed: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process, and those that it starts, find the package."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(installed), str(ROOT)]))
    monkeypatch.syspath_prepend(installed)
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "hygrometer"]:
        del sys.modules[name]


def test_the_page_needs_no_more_than_a_hundred_lines_of_code() -> None:
    assert len(FILES) == 5
    assert sum(bool(line.strip()) for text in FILES.values() for line in text.splitlines()) < MOST_LINES


def test_the_pages_commands_do_what_it_says(plugged_in: None, tmp_path: Path) -> None:
    (tmp_path / "try_it.py").write_text(FILES["try_it.py"], encoding="utf-8")
    command = [str(Path(sys.executable).with_name("passline")), *EMULATE.split()[1:]]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as emulator:
        try:
            assert emulator.stdout is not None
            entry = "".join(emulator.stdout.readline() for _ in range(6))
            (tmp_path / "entry.toml").write_text(entry, encoding="utf-8")
            said = subprocess.run(
                [sys.executable, *TRY.split()[1:]],
                cwd=tmp_path,
                capture_output=True,
                check=True,
                timeout=PATIENCE_S,
                env={**os.environ, "PYTHONUTF8": "1"},
            ).stdout.decode()
        finally:
            emulator.send_signal(signal.SIGINT)
            _, told = emulator.communicate(timeout=PATIENCE_S)
    assert said == f"{PRINTED}\n"
    assert (emulator.returncode, "EMULATED" in told, "Traceback" in told) == (0, True, False)


def test_its_entry_is_accepted_in_a_line_and_its_machine_listed(
    plugged_in: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = RunFolder(tmp_path)
    configuration = write_default(folder, books=1, cards=1, readers=1)
    configuration.write_text(configuration.read_text("utf-8") + "\n" + ENTRY, "utf-8")
    assert [device.driver for device in read_settings(folder).devices][-1] == "hygrometer"
    assert run(["devices", "list", "--dir", str(tmp_path), "--output", "csv"]) == Exit.FINE
    assert "hygrometer-01,hygrometer,emulator://hygrometer-01,HY-0031,EMULATED,not running" in capsys.readouterr().out


def test_a_lines_process_of_it_is_read_through_the_registry(plugged_in: None, tmp_path: Path) -> None:
    entry = DeviceEntry(**tomllib.loads(ENTRY)["devices"][0])
    supervisor = Supervisor(tmp_path, speed=1.0, seed=1)
    supervisor.start([EmulatorSpec(entry.id, entry.driver, entry.serial)])
    try:
        sensor = open_climate_sensor(entry, tmp_path / "machines")
        supervisor.control(entry.id).ask("set", air="-3.5 61.2")
        assert sensor.read() == Climate(Decimal("-3.5"), Decimal("61.2"))
        sensor.close()
        production = DeviceEntry(entry.id, entry.driver, entry.port, entry.serial, "production")
        with pytest.raises(WrongMachineError, match="EMULATED"):
            open_climate_sensor(production, tmp_path / "machines")
        status = Path(f"/proc/{supervisor.pid(entry.id)}/status").read_text()
        assert int(status.partition("VmHWM:")[2].split()[0]) < MOST_KIB
    finally:
        supervisor.stop()
