"""`passline devices swap`: one entry changes, the line would start with it, or nothing changes at all."""

import difflib
import tomllib
from pathlib import Path

import pytest

from flows.cli import run
from flows.composition import prepare
from flows.configuration import read_settings
from flows.default_line import write_default
from flows.errors import Exit
from flows.locks import line_lock, station_lock
from flows.run_folder import RunFolder


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """An emulated line with two book personalizers."""
    made = RunFolder(tmp_path / "line")
    write_default(made, books=2, cards=0, readers=1)
    return made


def swap(folder: RunFolder, *arguments: str) -> int:
    """Run the command."""
    return run(["devices", "swap", *arguments, "--dir", str(folder.path)])


def test_a_real_machine_takes_an_emulators_place_and_gives_it_back(
    folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    """Comments, order, every other entry and the file's mode stay."""
    before = folder.configuration.read_text("utf-8")
    folder.configuration.chmod(0o640)
    assert swap(folder, "book-02", "--to", "socket://10.0.0.5:4001", "--serial", "BP-77") == Exit.FINE
    shown = capsys.readouterr().out
    assert "book-02" in shown and "EMULATED line" in shown
    assert all(words in shown for words in ("-> socket://10.0.0.5:4001", "-> BP-77", "emulated -> production"))
    after = folder.configuration.read_text("utf-8")
    changed = [line for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line[0] in "+-"]
    assert len(changed) == 6
    (device,) = [each for each in read_settings(folder).devices if each.id == "book-02"]
    assert (device.port, device.serial, device.driver, device.emulated) == (
        "socket://10.0.0.5:4001",
        "BP-77",
        "book-personalizer",
        False,
    )
    back = ("book-02", "--to", "emulator://book-02", "--serial", "EMU-BOOK-02")
    assert swap(folder, *back) == swap(folder, *back) == Exit.FINE
    assert "nothing changed" in capsys.readouterr().out
    assert folder.configuration.read_text("utf-8") == before
    assert folder.configuration.stat().st_mode & 0o777 == 0o640


def test_an_emulator_behind_a_port_is_said_to_be_one(folder: RunFolder) -> None:
    assert swap(folder, "book-01", "--to", "socket://127.0.0.1:4001", "--mode", "emulated") == Exit.FINE
    assert tomllib.loads(folder.configuration.read_text("utf-8"))["devices"][0]["mode"] == "emulated"


def test_a_link_to_the_configuration_stays_a_link(folder: RunFolder, tmp_path: Path) -> None:
    kept = folder.configuration.rename(tmp_path / "kept.toml")
    folder.configuration.symlink_to(kept)
    assert swap(folder, "book-01", "--to", "/dev/ttyUSB0") == Exit.FINE
    assert folder.configuration.is_symlink()
    assert "/dev/ttyUSB0" in kept.read_text("utf-8")


def refused(folder: RunFolder, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What is said of a refused swap, which left the folder as it was."""
    before = folder.configuration.read_bytes(), {file.name for file in folder.path.iterdir()} | {"line.lock"}
    assert swap(folder, *arguments) == Exit.REFUSED
    assert before == (folder.configuration.read_bytes(), {file.name for file in folder.path.iterdir()} | {"line.lock"})
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Traceback" not in shown.err
    return shown.err


def test_what_the_line_would_not_start_with_is_refused(folder: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, words in (
        (("--to", "ttyUSB0"), "allowed: /dev/"),
        (("--to", "/dev/ttyUSB0", "--driver", "bok-personalizer"), "did you mean book-personalizer?"),
        (("--to", "/dev/ttyUSB0", "--serial", ""), "serial"),
        (("--to", "emulator://book-01", "--mode", "production"), "on an emulator's port"),
        (("--to", "emulator://book-02"), "which another device has already"),
    ):
        said = refused(folder, capsys, "book-01", *arguments)
        assert words in said
        assert f"{folder.configuration} is as it was" in said


def test_an_unknown_device_is_refused_with_those_there_are(
    folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "book-01, book-02, reader-01" in refused(folder, capsys, "book-03", "--to", "/dev/ttyUSB0")


def test_a_line_that_runs_is_stopped_first(folder: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    with line_lock(folder):
        assert "stop it with Ctrl-C" in refused(folder, capsys, "book-01", "--to", "/dev/ttyUSB0")
    with station_lock(folder, "qc"):
        assert "is being run" in refused(folder, capsys, "book-01", "--to", "/dev/ttyUSB0")


@pytest.mark.parametrize("by", ["file", "environment"])
def test_a_production_line_is_not_swapped(
    by: str, folder: RunFolder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if by == "file":
        text = folder.configuration.read_text("utf-8").replace('mode = "emulated"', 'mode = "production"', 1)
        folder.configuration.write_text(text, "utf-8")
        monkeypatch.setenv("PASSLINE_MODE", "emulated")
    else:
        monkeypatch.setenv("PASSLINE_MODE", "production")
    assert "production line" in refused(folder, capsys, "book-01", "--to", "/dev/ttyUSB0")


def test_a_line_that_was_set_up_and_has_no_open_jobs_says_nothing_of_them(
    folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(folder)
    assert swap(folder, "book-01", "--to", "/dev/ttyUSB0") == Exit.FINE
    assert "records it as unsigned:" in capsys.readouterr().err
    assert swap(folder, "book-01", "--to", "/dev/ttyUSB1") == Exit.FINE
    assert capsys.readouterr().err == ""
