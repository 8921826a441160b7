"""`passline` as people use it who sign in: passwords from a pipe, or typed on a terminal of its own."""

import io
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

MAIN = "from flows.cli import main; main()"
ON_ITS_TERMINAL = f"import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); {MAIN}"
PATIENCE_S = 60.0


def feed(monkeypatch: pytest.MonkeyPatch, lines: Sequence[str]) -> None:
    """Give this process `lines` as its standard input, for a command that a test runs in it."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("".join(f"{line}\n" for line in lines).encode())))


def start(*arguments: str, folder: Path, lines: Sequence[str] = ()) -> "subprocess.Popen[str]":
    """Start a command on a line's folder with `lines` on its standard input."""
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN, *arguments, "--dir", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write("".join(f"{line}\n" for line in lines))
    process.stdin.flush()
    return process


def piped(*arguments: str, folder: Path, lines: Sequence[str] = ()) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end; what it wrote, and its exit status."""
    process = start(*arguments, folder=folder, lines=lines)
    out, err = process.communicate(timeout=PATIENCE_S)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def typed(*arguments: str, folder: Path, answers: Sequence[tuple[str, str]]) -> tuple[int, str]:
    """Run a command on a terminal and answer its questions: (words to wait for, what to type).

    Returns its exit status and everything that the terminal showed.
    """
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", ON_ITS_TERMINAL, *arguments, "--dir", str(folder)],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    shown = ""
    try:
        for words, answer in answers:
            before = len(shown)
            while words not in shown[before:]:
                shown += _read(master)
            os.write(master, f"{answer}\n".encode())
        while more := _read(master):
            shown += more
        return process.wait(PATIENCE_S), shown
    finally:
        process.kill()
        process.wait()
        os.close(master)


def _read(master: int) -> str:
    """What the terminal shows next, "" once the command has ended. Raises TimeoutError."""
    give_up_s = time.monotonic() + PATIENCE_S
    if not select.select([master], [], [], give_up_s - time.monotonic())[0]:
        raise TimeoutError("the command neither asks nor ends")
    try:
        return os.read(master, 4096).decode()
    except OSError:
        return ""  # Linux ends a terminal that nobody holds by an error
