"""`passline devices`: an engineer finds out what is there, and tries a driver on an emulator of its own."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from devices import identification
from devices.emulation.hands import Hands
from devices.identification import Times
from devices.registry import DeviceEntry, open_personalizer
from flows.cli import run
from flows.default_line import write_default
from flows.errors import Exit
from flows.run_folder import RunFolder

PATIENCE_S = 20
SHORT = Times(
    hello_s=0.1,
    scale_s=0.1,
    sato_s=0.1,
    zebra_s=0.1,
    crt591_s=0.1,
    face_reader_s=0.1,
    climate_s=0.1,
    air_shower_s=0.1,
    particle_counter_s=0.1,
)


@contextmanager
def emulating(*arguments: str) -> Iterator[dict[str, Any]]:
    """`passline devices emulate` while the block runs; yields the entry of line.toml that it printed."""
    command = [str(Path(sys.executable).with_name("passline")), "devices", "emulate", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        entry = "".join(process.stdout.readline() for _ in range(6))
        try:
            yield tomllib.loads(entry)["devices"][0]
        finally:
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0
        assert "EMULATED" in said
        assert "Traceback" not in said


@pytest.mark.parametrize("place", [[], ["--tcp", "0"]], ids=["pty", "tcp"])
def test_an_emulator_that_runs_alone_says_how_to_connect_and_is_identified(
    place: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with emulating("book-personalizer", "--name", "book-77", "--speed", "0", *place) as entry:
        assert run(["devices", "probe", entry["port"], "--output", "json"]) == Exit.FINE
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["model"], found["serial"], found["mode"]) == ("book-personalizer", entry["serial"], "EMULATED")
    assert entry["port"].startswith("socket://" if place else "/")


def test_a_document_is_made_over_tcp_by_the_entry_that_emulate_printed(tmp_path: Path) -> None:
    """The driver can't tell a terminal server from a pty; only the entry differs."""
    with emulating("book-personalizer", "--speed", "0", "--tcp", "0", "--folder", str(tmp_path / "machine")) as entry:
        machine = open_personalizer(DeviceEntry(**entry), None)
        hands = Hands(tmp_path / "machine" / "world", tmp_path)
        try:
            machine.claim(1)
            hands.deliver(["EA0000001"], "stock:book")
            hands.load("machine", ["EA0000001"])
            assert machine.feed("0" * 32) == "EA0000001"
            assert machine.return_blank("0" * 32).blank_serial == "EA0000001"
        finally:
            hands.close()
            machine.close()


def test_a_second_host_on_a_tcp_port_is_hung_up_on_and_the_first_goes_on() -> None:
    with emulating("card-personalizer", "--speed", "0", "--tcp", "0") as entry:
        first = open_personalizer(DeviceEntry(**entry), None)
        try:
            assert run(["devices", "probe", entry["port"]]) != Exit.FINE
            assert first.hello().serial == entry["serial"]
        finally:
            first.close()


def test_a_small_machine_behind_a_terminal_server_is_identified_after_all_others_were_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The port is opened anew for each protocol; the server takes one host at a time."""
    monkeypatch.setattr(identification, "TIMES", replace(SHORT, climate_s=5.0))
    with emulating("modbus-climate", "--tcp", "0") as entry:
        assert run(["devices", "probe", entry["port"], "--output", "json"]) == Exit.FINE
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["driver"], found["serial"], found["mode"]) == ("modbus-climate", entry["serial"], "EMULATED")


def test_nobody_on_a_port_is_told_so_and_is_no_fault(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(identification, "TIMES", SHORT)
    master, slave = pty.openpty()
    try:
        assert run(["devices", "probe", os.ttyname(slave)]) == 1
    finally:
        os.close(master)
        os.close(slave)
    said = capsys.readouterr().err
    assert re.match(r"passline: nobody on /dev/pts/\d+ answers", said)
    assert "A swipe reader takes no commands" in said


def test_a_port_that_is_not_there_is_refused_with_what_to_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["devices", "probe", "/dev/serial/by-id/nothing"]) == Exit.REFUSED
    assert "nothing was sent" in capsys.readouterr().err


def test_an_unknown_driver_is_refused_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["devices", "emulate", "typewriter"]) == Exit.REFUSED
    assert "book-personalizer" in capsys.readouterr().err


@pytest.mark.parametrize("output", ["table", "json", "csv"])
def test_the_lines_devices_are_listed_with_what_is_there(
    output: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_default(RunFolder(tmp_path), books=1, cards=1, readers=1, gate=False)
    assert run(["devices", "list", "--dir", str(tmp_path), "--output", output]) == Exit.FINE
    printed = capsys.readouterr().out
    assert all(
        word in printed for word in ("card-01", "reader-01", "scale-01", "label-01", "swipe-01", "air-01", "EMULATED")
    )
    if output == "json":
        assert [row["doing"] for row in json.loads(printed)] == [""] * 7
