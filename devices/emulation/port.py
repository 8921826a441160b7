"""The emulated serial port: a pseudo-terminal whose other end has a stable name."""

from __future__ import annotations

import os
import tty
from pathlib import Path

_READ_BYTES = 1 << 16


class PtyPort:
    """One pty; the host opens `link`, a symbolic link to its slave."""

    def __init__(self, link: Path) -> None:
        # The slave stays open here as well: a master whose last slave closes reads EIO until the next open.
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self._unwritten = b""
        self._link = link
        # Replaced in one step, so that a host never finds it missing or pointing to a former process's pty for long.
        fresh = link.with_name(f".{link.name}.{os.getpid()}")
        fresh.symlink_to(os.ttyname(self._slave))
        fresh.replace(link)

    def fileno(self) -> int:
        """The descriptor to watch."""
        return self._master

    @property
    def writing(self) -> bool:
        """Whether bytes wait until the host takes some."""
        return bool(self._unwritten)

    def read(self) -> bytes:
        """Bytes that have come; empty if none."""
        try:
            return os.read(self._master, _READ_BYTES)
        except BlockingIOError:
            return b""

    def write(self, data: bytes) -> None:
        """Write, now or when there is room."""
        self._unwritten += data
        try:
            while self._unwritten:
                self._unwritten = self._unwritten[os.write(self._master, self._unwritten) :]
        except BlockingIOError:
            return

    def close(self) -> None:
        """Hang up and take the name away."""
        os.close(self._master)
        os.close(self._slave)
        self._link.unlink(missing_ok=True)
