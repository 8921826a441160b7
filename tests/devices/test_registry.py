"""Drivers are found by the name in `line.toml`."""

from pathlib import Path

import pytest

from devices.book_personalizer.driver import BookPersonalizer
from devices.errors import PortUnavailableError, UnknownDriverError
from devices.registry import BUILT_IN, DeviceEntry, driver_class, link_times, open_personalizer


def test_every_built_in_driver_answers_to_the_model_of_its_name() -> None:
    for name in BUILT_IN:
        assert driver_class(name).model == name


def test_an_unknown_driver_is_refused_with_the_known_names() -> None:
    with pytest.raises(UnknownDriverError) as refusal:
        driver_class("typewriter")
    assert set(BUILT_IN) <= set(refusal.value.known)


def test_a_driver_of_an_installed_package_is_found_by_its_entry_point(tmp_path: Path, monkeypatch) -> None:
    package = tmp_path / "our_machine-1.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: our-machine\nVersion: 1\n")
    (package / "entry_points.txt").write_text("[passline.devices]\nours = our_machine:Ours\n")
    (tmp_path / "our_machine.py").write_text("class Ours:\n    model = 'ours'\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert driver_class("ours").model == "ours"


def test_a_slow_line_waits_for_a_whole_window_before_it_sends_again() -> None:
    slow = DeviceEntry("b", "book-personalizer", "/dev/ttyUSB0", "S", "production", baud=9600)
    times = link_times(slow)
    assert times is not None
    assert times.retransmit_s > 4096 * 8 / 960
    assert link_times(DeviceEntry("b", "book-personalizer", "emulator://b", "S", "emulated")) is None


def test_a_port_that_is_not_there_is_named(tmp_path: Path) -> None:
    entry = DeviceEntry("book-01", "book-personalizer", "emulator://book-01", "S", "emulated")
    with pytest.raises(PortUnavailableError) as refusal:
        open_personalizer(entry, tmp_path)
    assert refusal.value.port == "emulator://book-01"
    assert BookPersonalizer.model == entry.driver
