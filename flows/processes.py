"""Processes that this line started, told apart from strangers that were given the same number later.

A process id alone says nothing after a crash: numbers are used again. Together with the start time that the
kernel keeps, it names one process for as long as the machine is up. Linux only, through /proc.
"""

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

POLL_S: Final = 0.02
LOOK_FOR_PARENT_S: Final = 0.5


def when_parent_ends(act: Callable[[], object]) -> None:
    """Have `act` called, in a thread, once the process that started this one is gone, however it went."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_FOR_PARENT_S)
        act()

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


@dataclass(frozen=True, slots=True)
class ProcessMark:
    """One process for certain: its number, its start in kernel ticks since boot, and that boot."""

    pid: int
    start_ticks: int
    boot_id: str

    @classmethod
    def of(cls, pid: int) -> "ProcessMark | None":
        """The mark of a process that is alive now; None when there is none or it has ended unreaped."""
        try:
            stat = Path(f"/proc/{pid}/stat").read_text("ascii", errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return None
        # The name, in brackets, may hold anything; what follows the last bracket is state, …, start time (field 22).
        fields = stat.rpartition(")")[2].split()
        if fields[0] in "ZX":
            return None
        return cls(pid, int(fields[19]), Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip())

    @property
    def alive(self) -> bool:
        """True while this very process runs."""
        return ProcessMark.of(self.pid) == self

    def write(self, file: Path) -> None:
        """Keep the mark in `file`, whole or not at all; several processes may write the same file."""
        beside = file.with_suffix(f".{os.getpid()}")
        beside.write_text(json.dumps(asdict(self)), "ascii")
        beside.replace(file)

    @classmethod
    def read(cls, file: Path) -> "ProcessMark | None":
        """The mark kept in `file`; None when there is no file or a crash left it unreadable."""
        try:
            return cls(**json.loads(file.read_text("ascii")))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def end(self, *, gentle: signal.Signals = signal.SIGINT, patience_s: float = 10.0) -> bool:
        """Stop the process: the gentle signal first, SIGKILL after `patience_s`. True when gentleness was enough."""
        if not self._signal(gentle) or self._gone_within(patience_s):
            return True
        self._signal(signal.SIGKILL)
        self._gone_within(patience_s)
        return False

    def _signal(self, number: signal.Signals) -> bool:
        if not self.alive:
            return False
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return False
        return True

    def _gone_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.alive:
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_S)
        return True
