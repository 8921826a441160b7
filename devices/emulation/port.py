"""The emulated serial port: a pseudo-terminal whose other end has a stable name, or a TCP port for one host."""

from __future__ import annotations

import os
import socket
import tty
from pathlib import Path
from typing import Protocol

_READ_BYTES = 1 << 16
_LOCALHOST = "127.0.0.1"


class Port(Protocol):
    """Where a host is connected; never blocks."""

    @property
    def address(self) -> str:
        """What the host's configuration names as `port`."""

    def filenos(self) -> list[int]:
        """The descriptors to watch for input; asked anew before each wait, and `read` when one is ready."""

    def fileno(self) -> int:
        """The descriptor to watch for room while `writing`."""

    @property
    def writing(self) -> bool:
        """Whether bytes wait until the host takes some."""

    def read(self) -> bytes:
        """Bytes that have come; empty if none."""

    def write(self, data: bytes) -> None:
        """Write, now or when there is room."""

    def hang_up(self, *, silently: bool = False) -> None:
        """Cut off the host, unwritten bytes and all; it may come back to the same address.

        Silently: it is not told; what it writes goes nowhere and nothing comes, as on a half-open connection.
        """

    def close(self) -> None:
        """Hang up for good."""


class PtyPort:
    """One pty; the host opens `link`, a symbolic link to its slave."""

    def __init__(self, link: Path) -> None:
        self._link = link
        self._abandoned: tuple[int, ...] = ()
        self._open()

    def _open(self) -> None:
        # The slave stays open here as well: a master whose last slave closes reads EIO until the next open.
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self._unwritten = b""
        # Replaced in one step, so that a host never finds it missing or pointing to a former process's pty for long.
        fresh = self._link.with_name(f".{self._link.name}.{os.getpid()}")
        fresh.symlink_to(os.ttyname(self._slave))
        fresh.replace(self._link)

    @property
    def address(self) -> str:
        """See Port: the path of the link."""
        return str(self._link)

    def filenos(self) -> list[int]:
        """See Port: the master alone."""
        return [self._master]

    def fileno(self) -> int:
        """See Port: the master."""
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

    def hang_up(self, *, silently: bool = False) -> None:
        """Cut off the host; another pty takes the name. Silently, the former one stays open, unread."""
        former = self._master, self._slave
        self._open()
        self._let_go(())
        if silently:
            self._abandoned = former
        else:
            self._let_go(former)

    def _let_go(self, pty: tuple[int, ...]) -> None:
        for descriptor in (*self._abandoned, *pty):
            os.close(descriptor)
        self._abandoned = ()

    def close(self) -> None:
        """Hang up and take the name away."""
        self._let_go((self._master, self._slave))
        self._link.unlink(missing_ok=True)


class TcpPort:
    """A TCP port of this computer, like a terminal server's: one host at a time, a second one is hung up on."""

    def __init__(self, port: int) -> None:
        """`port` 0 takes a free one."""
        self._listener = socket.create_server((_LOCALHOST, port))
        self._listener.setblocking(False)
        self._host: socket.socket | None = None
        self._abandoned: socket.socket | None = None
        self._unwritten = b""

    @property
    def address(self) -> str:
        """See Port: `socket://` and where it listens."""
        return f"socket://{_LOCALHOST}:{self._listener.getsockname()[1]}"

    def filenos(self) -> list[int]:
        """The listener and, while one is connected, the host."""
        return [self._listener.fileno(), *([self._host.fileno()] if self._host else [])]

    def fileno(self) -> int:
        """The host's descriptor; -1 without one."""
        return self._host.fileno() if self._host else -1

    @property
    def writing(self) -> bool:
        """Whether bytes wait until the host takes some."""
        return self._host is not None and bool(self._unwritten)

    def read(self) -> bytes:
        """The bytes that the host has sent; empty if none, or if it has just come or gone."""
        self._answer()
        if self._host is None:
            return b""
        try:
            data = self._host.recv(_READ_BYTES)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self.hang_up()
        return data

    def write(self, data: bytes) -> None:
        """Write, now or when there is room; with nobody there it is lost, as on any line."""
        if self._host is None:
            return
        self._unwritten += data
        try:
            while self._unwritten:
                self._unwritten = self._unwritten[self._host.send(self._unwritten) :]
        except BlockingIOError:
            return
        except OSError:
            self.hang_up()

    def hang_up(self, *, silently: bool = False) -> None:
        """Cut off the host; the next to call is answered. Silently, the former connection stays open, unread."""
        gone = [self._abandoned] if silently else [self._abandoned, self._host]
        for connection in gone:
            if connection is not None:
                connection.close()
        self._abandoned = self._host if silently else None
        self._host, self._unwritten = None, b""

    def close(self) -> None:
        """Hang up and listen no more."""
        self.hang_up()
        self._listener.close()

    def _answer(self) -> None:
        """Take in who calls, or hang up on them while another is connected."""
        try:
            caller, _ = self._listener.accept()
        except BlockingIOError:
            return
        if self._host is not None:
            caller.close()
            return
        caller.setblocking(False)
        self._host = caller
