"""A process is known by its number and its start, and ended gently first."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from flows.processes import ProcessMark

Start = Callable[[str], tuple[subprocess.Popen[bytes], ProcessMark]]

IGNORES_INTERRUPT = (
    "import signal,time; signal.signal(signal.SIGINT, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
)
OBEYS = "import time; print('up', flush=True); time.sleep(60)"


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a Python program in a session of its own; it is gone after the test."""
    started: list[subprocess.Popen[bytes]] = []

    def run(program: str) -> tuple[subprocess.Popen[bytes], ProcessMark]:
        process = subprocess.Popen(
            [sys.executable, "-c", program],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        mark = ProcessMark.of(process.pid)
        assert mark is not None
        return process, mark

    yield run
    for process in started:
        process.kill()
        process.communicate()


def test_a_gentle_signal_is_enough_for_one_that_obeys(start: Start) -> None:
    _, mark = start(OBEYS)
    assert mark.end()
    assert not mark.alive


def test_one_that_does_not_listen_is_killed(start: Start) -> None:
    process, mark = start(IGNORES_INTERRUPT)
    assert not mark.end(patience_s=0.2)
    assert process.wait() == -signal.SIGKILL


def test_a_stranger_with_the_same_number_is_left_alone(start: Start) -> None:
    _, mark = start(OBEYS)
    earlier = replace(mark, start_ticks=mark.start_ticks - 1)
    assert not earlier.alive
    assert earlier.end()
    assert mark.alive


def test_an_ended_process_that_nobody_reaped_is_not_alive(start: Start) -> None:
    process, mark = start(OBEYS)
    assert process.stdout is not None
    process.kill()
    process.stdout.read()  # ends when the process has; only wait() would reap it
    assert mark.end(patience_s=2)
    assert not mark.alive


def test_a_mark_is_kept_whole_or_not_at_all(start: Start, tmp_path: Path) -> None:
    _, mark = start(OBEYS)
    mark.write(tmp_path / "mark.json")
    assert ProcessMark.read(tmp_path / "mark.json") == mark
    (tmp_path / "mark.json").write_text('{"pid": 1')
    assert ProcessMark.read(tmp_path / "mark.json") is None
    assert ProcessMark.read(tmp_path / "none.json") is None
