"""Serial ports: device paths, `socket://`, `rfc2217://` and `emulator://NAME`. The only importer of pyserial.

One owner thread per port reads, writes and turns the endpoint; nobody else touches the port, because closing a port
under another thread's read is an error in pyserial.
"""

import os
import select
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Condition, Thread
from time import monotonic
from typing import Any, Literal

import serial

from devices.endpoint import Endpoint
from devices.errors import PortUnavailableError

EMULATOR_SCHEME = "emulator://"
PORT_LINK = "port"
READ_BYTES = 65_536
POLL_S = 0.005
LONGEST_SLEEP_S = 1.0
CLOSE_WAIT_S = 5.0

OnSend = Callable[[Literal["before", "after"], bytes], None]
"""Called around every write with its bytes: where crash tests end the process."""


def resolve_port(port: str, machines: Path | None) -> str:
    """What pyserial can open: `emulator://NAME` is the link `NAME/port` under `machines`; others stay as they are.

    >>> resolve_port("emulator://book-01", Path("/run/line/machines"))
    '/run/line/machines/book-01/port'
    """
    if not port.startswith(EMULATOR_SCHEME):
        return port
    if machines is None:
        raise PortUnavailableError(port, "no folder of emulated machines was given")
    return str(machines / port.removeprefix(EMULATOR_SCHEME) / PORT_LINK)


class SerialTransport:
    """A port with its owner thread. `baud` is ignored by ptys and sockets."""

    def __init__(
        self, port: str, *, machines: Path | None = None, baud: int = 115_200, on_send: OnSend | None = None
    ) -> None:
        self.port = port
        self._machines, self._baud, self._on_send = machines, baud, on_send
        self._condition = Condition()
        self._owner: Thread | None = None
        self._closing = False
        self._wake_fd: int | None = None
        self._woken = False

    @property
    def lock(self) -> Condition:
        """Guards the endpoint."""
        return self._condition

    def open(self, endpoint: Endpoint) -> None:
        """Open the port exclusively and start the owner thread; raises PortUnavailableError."""
        self.close()
        target = resolve_port(self.port, self._machines)
        try:
            opened = serial.serial_for_url(
                target, baudrate=self._baud, timeout=0, write_timeout=0, exclusive=os.name == "posix"
            )
        except (OSError, ValueError) as error:
            raise PortUnavailableError(self.port, str(error)) from error
        wake_read, self._wake_fd = os.pipe()
        os.set_blocking(wake_read, False)
        os.set_blocking(self._wake_fd, False)
        self._closing = self._woken = False
        turning = _OwnedPort(opened, wake_read, self._on_send)
        self._owner = Thread(target=self._own, args=(turning, endpoint), name=f"port {self.port}", daemon=True)
        self._owner.start()

    def close(self) -> None:
        """Stop the owner thread, which closes the port."""
        owner = self._owner
        if owner is None:
            return
        with self._condition:
            self._closing = True
            self.wake()
        owner.join(CLOSE_WAIT_S)
        self._owner = None
        with self._condition:
            if self._wake_fd is not None:
                os.close(self._wake_fd)
                self._wake_fd = None

    def wake(self) -> None:
        """Make the owner thread turn now."""
        if not self._woken and self._wake_fd is not None:
            self._woken = True
            with suppress(OSError):  # the owner thread has just ended and closed its end
                os.write(self._wake_fd, b"w")

    def wait_for(self, done: Callable[[], bool], timeout_s: float) -> bool:
        """Wait on the lock's condition."""
        return self._condition.wait_for(done, timeout_s)

    def _own(self, port: "_OwnedPort", endpoint: Endpoint) -> None:
        reason = "closed"
        try:
            self._turn_until_closed(port, endpoint)
        except OSError as error:  # pyserial's SerialException is one
            reason = str(error)
        finally:
            port.close()
            with self._condition:
                endpoint.lost(reason)
                self._condition.notify_all()

    def _turn_until_closed(self, port: "_OwnedPort", endpoint: Endpoint) -> None:
        unwritten = b""
        while True:
            with self._condition:
                if self._closing:
                    return
                self._woken = False
                now_s = monotonic()
                if endpoint.tick(now_s):
                    self._condition.notify_all()
                # Only when the last bytes are gone: what waits stays in the link, which is bounded.
                unwritten = unwritten or endpoint.outgoing()
                due_s = endpoint.next_deadline_s
            sleep_s = LONGEST_SLEEP_S if due_s is None else min(max(due_s - now_s, 0.0), LONGEST_SLEEP_S)
            data, unwritten = port.exchange(unwritten, sleep_s)
            if data:
                with self._condition:
                    endpoint.tick(monotonic())
                    if endpoint.receive(data):
                        self._condition.notify_all()


class _OwnedPort:
    """The open port in the hands of its owner thread."""

    def __init__(self, port: Any, wake_fd: int, on_send: OnSend | None) -> None:
        self._port, self._wake_fd, self._on_send = port, wake_fd, on_send
        try:
            self._fd: int | None = port.fileno()
        except (AttributeError, OSError):  # rfc2217:// keeps a thread and a queue of its own
            self._fd = None
            port.timeout = POLL_S

    def exchange(self, unwritten: bytes, sleep_s: float) -> tuple[bytes, bytes]:
        """Wait for bytes, room or a call; the bytes read, and those still to be written."""
        if self._fd is None:
            if unwritten:
                unwritten = self._write(unwritten)
            return self._port.read(max(1, self._port.in_waiting)), unwritten
        reading = (self._fd, self._wake_fd)
        readable, writable, _ = select.select(reading, (self._fd,) if unwritten else (), (), sleep_s)
        if self._wake_fd in readable:
            os.read(self._wake_fd, READ_BYTES)
        if writable:
            unwritten = self._write(unwritten)
        return self._port.read(READ_BYTES) if self._fd in readable else b"", unwritten

    def _write(self, data: bytes) -> bytes:
        if self._on_send is None:
            return data[self._port.write(data) :]
        self._on_send("before", data)
        rest = data[self._port.write(data) :]
        self._on_send("after", data)
        return rest

    def close(self) -> None:
        with suppress(OSError):
            self._port.close()
        os.close(self._wake_fd)
