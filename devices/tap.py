"""What a transport tells whoever listens at its port: every piece of bytes read or written, as it goes by.

A listener binds the socket `tap` in the machine's folder; the transport, which finds it there, sends. The line comes
first: sending never waits or raises, and nothing is kept for a listener. What doesn't fit into the socket is dropped,
and the next piece says how many were.
"""

from __future__ import annotations

import os
import socket
import struct
from contextlib import suppress
from enum import Enum
from pathlib import Path
from select import select
from time import monotonic, time_ns
from typing import NamedTuple

from devices.errors import TapTakenError
from devices.socket_folder import SocketFolder

TAP_NAME = "tap"
LOOK_S = 1.0
MOST_PIECE_BYTES = 32_768
# A document and its answers several times over, for a listener that is late; the system may grant less.
WAITING_BYTES = 1 << 21
_HEAD = struct.Struct("!BQQ")
_LISTENING = 4


class Direction(Enum):
    """Which way a piece went."""

    TO_MACHINE = 0
    TO_HOST = 1


class Piece(NamedTuple):
    """Bytes as they were read or written at once, at `at_us` (µs UTC); `dropped` pieces before it were lost here."""

    direction: Direction
    at_us: int
    dropped: int
    data: bytes


class Tap:
    """The transport's end. Not thread-safe: the transport calls it under its lock only."""

    def __init__(self, path: Path) -> None:
        """`path` is where a listener's socket would be; nothing is looked for yet."""
        self._path = path
        self._look_s = 0.0
        self._listener: socket.socket | None = None
        self._dropped = 0

    def tell(self, direction: Direction, data: bytes) -> None:
        """Send `data` to a listener, if there is one; looks for one at most once in LOOK_S. Never raises or waits."""
        listener = self._listener
        if listener is None:
            # The clock is read without a system call: that is all it costs while nobody listens.
            if (now_s := monotonic()) < self._look_s:
                return
            self._look_s = now_s + LOOK_S
            listener = self._listener = self._find()
            if listener is None:
                return
            self._dropped = 0
        at_us = time_ns() // 1000
        for begin in range(0, len(data), MOST_PIECE_BYTES):
            part = data[begin : begin + MOST_PIECE_BYTES]
            try:
                listener.send(_HEAD.pack(direction.value, at_us, self._dropped) + part)
            except BlockingIOError:
                self._dropped += 1
            except OSError:
                self.close()
                self._look_s = monotonic() + LOOK_S
                return
            else:
                self._dropped = 0

    def close(self) -> None:
        """Let the listener go; whoever is told something next looks at once."""
        if self._listener is not None:
            self._listener.close()
        self._listener, self._look_s = None, 0.0

    def _find(self) -> socket.socket | None:
        try:
            if not self._path.exists():
                return None
            found = _connect(self._path)
        except OSError:
            return None
        # Documents go by here: another user's process gets none of them, whatever socket it has put there.
        if _user(found) == os.geteuid():
            return found
        found.close()
        return None


class Listener:
    """The tracer's end: whoever opens the port of the machine with this folder is listened to."""

    def __init__(self, folder: Path) -> None:
        """Raises TapTakenError when another process listens there already."""
        self._path = folder / TAP_NAME
        self._made = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # Only the owner may connect, from the first moment on.
        mask = os.umask(0o177)
        try:
            with SocketFolder(folder) as opened:
                address = opened.address(TAP_NAME)
                _clear_away(folder, address)
                self._listener.bind(address)
        except BaseException:
            self._listener.close()
            raise
        finally:
            os.umask(mask)
        self._inode = self._path.stat().st_ino
        self._listener.listen(_LISTENING)
        self._senders: list[socket.socket] = []

    def receive(self, timeout_s: float) -> list[Piece]:
        """The pieces that have come, or that come first within `timeout_s`; empty if none do."""
        ready, _, _ = select([self._listener, *self._senders], [], [], timeout_s)
        if self._listener in ready:
            sender, _ = self._listener.accept()
            self._senders.append(sender)
            # Whoever has just come has mostly said something already.
            ready, _, _ = select(self._senders, [], [], 0.0)
        return [piece for sender in ready if (piece := self._next(sender)) is not None]

    def _next(self, sender: socket.socket) -> Piece | None:
        message = sender.recv(_HEAD.size + MOST_PIECE_BYTES)
        if not message:
            self._senders.remove(sender)
            sender.close()
            return None
        direction, at_us, dropped = _HEAD.unpack_from(message)
        return Piece(Direction(direction), at_us, dropped, message[_HEAD.size :])

    def close(self) -> None:
        """Listen no more, and leave nothing behind."""
        for sender in self._senders:
            sender.close()
        self._listener.close()
        with suppress(OSError):
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()
            if self._made:
                self._path.parent.rmdir()


def _connect(path: Path) -> socket.socket:
    """A connection that never waits; raises OSError."""
    found = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        found.setblocking(False)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, WAITING_BYTES)
        with SocketFolder(path.parent) as folder:
            found.connect(folder.address(path.name))
    except OSError:
        found.close()
        raise
    return found


def _clear_away(folder: Path, address: str) -> None:
    """Remove the socket of a listener that was killed; raises TapTakenError for one that lives."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as other:
        other.setblocking(False)
        try:
            other.connect(address)
        except FileNotFoundError:
            return
        except ConnectionRefusedError:
            Path(address).unlink(missing_ok=True)
            return
        except OSError:
            pass  # busy: it lives
    raise TapTakenError(folder.name)


def _user(connected: socket.socket) -> int:
    """The user whose process listens at the other end."""
    credentials = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[1])
