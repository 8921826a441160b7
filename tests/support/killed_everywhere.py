"""Work that dies by its own hand at one boundary after another, each time in a process of its own, until it ends alive.

A boundary is a statement about to be sent, or an instant before or after a commit. After each death it is told what the
database then holds, a JSON object a line. A test starts a program that calls `sweep` and reads these lines: `swept`.
"""

import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.engine import Engine

from handoff_logs import statements
from handoff_logs.database import Database
from handoff_logs.keyring import Keyring

MOST = 1_000
"""Boundaries in any work; it never goes on for ever."""


def swept(program: Path, *arguments: object, timeout_s: float) -> tuple[int, list[dict[str, Any]], str]:
    """Run a program that sweeps: its exit status, what was told after each death, and what went wrong."""
    # What pytest found, the process finds too.
    found = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, str(program), *map(str, arguments)]
    done = subprocess.run(command, timeout=timeout_s, check=False, capture_output=True, text=True, env=found)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def sweep(
    url: str,
    keys: Path,
    work: Callable[[Database], None],
    tells: Mapping[str, str],
    stride: int,
    told: Callable[[Any], object] = lambda rows: rows.scalar_one(),
) -> int:
    """Kill the work at every `stride`-th boundary; 0 once it ended alive, and what it ended with where it failed.

    `tells`: the questions that are asked after each death, and `told` makes of a result what is written of it.
    """
    for at in range(1, MOST, stride):
        status = _in_a_child(lambda at=at: _act(url, keys, work, at))  # type: ignore[misc]
        if _in_a_child(lambda: _tell(url, keys, tells, told)):
            return 1
        if status != -signal.SIGKILL:
            return status
    return 1


class Fuse:
    """Counts boundaries and kills this process at one of them."""

    def __init__(self, at: int) -> None:
        self._left = at

    def burn(self, *_: object) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def _act(url: str, keys: Path, work: Callable[[Database], None], at: int) -> None:
    fuse = Fuse(at)
    send = statements.drive

    def drive(*arguments: object) -> object:
        fuse.burn()
        return send(*arguments)  # type: ignore[arg-type]

    with Database(url, keyring=Keyring(keys), on_commit=fuse.burn) as database:
        statements.drive = drive  # type: ignore[assignment]
        event.listen(Engine, "before_cursor_execute", fuse.burn)
        work(database)


def _tell(url: str, keys: Path, tells: Mapping[str, str], told: Callable[[Any], object]) -> None:
    with Database(url, keyring=Keyring(keys)) as database, database.read() as conn:
        said = {name: told(conn.execute(text(sql))) for name, sql in tells.items()}
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


def _in_a_child(work: Callable[[], None]) -> int:
    """Its exit status; negative where a signal ended it."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        except Exception:  # noqa: BLE001 (told, whatever it is)
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
