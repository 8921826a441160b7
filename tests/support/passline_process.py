"""`passline` as people run it, in processes of its own, for tests that watch it, stop it and kill it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PATIENCE_S = 240.0
POLL_S = 0.02
RELEASED = b'"line_released"'


class Passline:
    """One `passline` command in a process group of its own; it writes to files, so nothing it says can block it."""

    def __init__(self, folder: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        said = folder.with_name(f"{folder.name}.said")
        said.mkdir(exist_ok=True)
        name = f"{len(list(said.iterdir())):03}"
        self._out, self._err = said / f"{name}-out", said / f"{name}-err"
        self._released_before = self._releases()
        command = [str(Path(sys.executable).with_name("passline")), *arguments]
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                process_group=0,
                env={**os.environ, **(environment or {})},
            )

    @property
    def said(self) -> str:
        """Everything that was written to standard error."""
        return self._err.read_text(errors="replace")

    @property
    def printed(self) -> str:
        """Everything that was written to standard output."""
        return self._out.read_text(errors="replace")

    def report(self) -> dict[str, Any]:
        """The one JSON object on standard output."""
        found: dict[str, Any] = json.loads(self.printed)
        return found

    def wait(self, patience_s: float = PATIENCE_S) -> int:
        """The exit status; a command that takes longer is killed, and TimeoutExpired raised."""
        try:
            return self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def wait_until_released(self, patience_s: float = PATIENCE_S) -> bool:
        """Return when all stations have entered (True), or when the command has ended without (False)."""
        give_up_s = time.monotonic() + patience_s
        while self._releases() == self._released_before:
            if self.process.poll() is not None:
                return False
            if time.monotonic() > give_up_s:
                self.kill()
                raise TimeoutError(self.said)
            time.sleep(POLL_S)
        return True

    def signal(self, number: signal.Signals) -> None:
        """Send the command's process a signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """Kill the process group of the command: emulators and Prefect's server live in sessions of their own."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _releases(self) -> int:
        log = self.folder / "logs" / "line.jsonl"
        return log.read_bytes().count(RELEASED) if log.exists() else 0


def running_in(folder: Path) -> dict[int, str]:
    """Processes whose command line or first environment names `folder`, by process id."""
    name, found = str(folder).encode(), {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command, environment = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if (name in command or name in environment) and int(process.name) != os.getpid():
            found[int(process.name)] = command.replace(b"\0", b" ").decode(errors="replace")
    return found


def kill_all(folder: Path) -> Sequence[int]:
    """Kill every process of `folder`, whatever it is; their ids."""
    killed = []
    while running := running_in(folder):
        for process in running:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
            killed.append(process)
        time.sleep(POLL_S)
    return killed
