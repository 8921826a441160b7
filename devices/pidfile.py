"""One process a folder: a locked file that names the process, released by the kernel however that process ends."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from devices.errors import DeviceError

PID_NAME = "pid"
# Looking whether a process runs takes the lock for an instant: wait that out.
_LOOKED_AT_S = 0.5


class AlreadyRunningError(DeviceError):
    """Another process owns this folder."""

    def __init__(self, folder: str, pid: int) -> None:
        super().__init__(folder, pid)
        self.folder, self.pid = folder, pid

    def __str__(self) -> str:
        return f"process {self.pid} already runs in {self.folder}; stop it first"


class PidFile:
    """Owns a folder as long as the object and the process live. Raises AlreadyRunningError."""

    def __init__(self, folder: Path) -> None:
        self._fd = os.open(folder / PID_NAME, os.O_RDWR | os.O_CREAT, 0o600)
        give_up_s = time.monotonic() + _LOOKED_AT_S
        while not _lock(self._fd, fcntl.LOCK_EX):
            if time.monotonic() > give_up_s:
                raise AlreadyRunningError(str(folder), running_pid(folder) or 0)
            time.sleep(_LOOKED_AT_S / 20)
        os.ftruncate(self._fd, 0)

    def announce(self) -> None:
        """Write the process id: from now on the process is ready to be talked to."""
        os.pwrite(self._fd, str(os.getpid()).encode(), 0)


def running_pid(folder: Path) -> int | None:
    """The id of the process that owns `folder` and is ready; None if there is none."""
    try:
        fd = os.open(folder / PID_NAME, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        return None if _lock(fd, fcntl.LOCK_SH) else int(os.pread(fd, 20, 0) or 0) or None
    finally:
        os.close(fd)


def _lock(fd: int, how: int) -> bool:
    try:
        fcntl.flock(fd, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_alive(pid: int) -> bool:
    """Whether any process has this id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
