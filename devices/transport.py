"""Serial ports: device paths, `socket://`, `rfc2217://` and `emulator://NAME`. The only importer of pyserial.

A caller that waits turns the port itself: it reads, writes and turns the endpoint, so that an exchange needs no other
thread. While nobody waits, the port's keeper thread turns it. One thread at a time, under a lock that it yields only
while it waits for bytes; the keeper alone closes the port, because closing it under another thread's read is an error.
"""

import os
import select
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from socket import IPPROTO_TCP, TCP_NODELAY
from threading import Condition, RLock, Thread
from time import monotonic
from typing import Any, Literal

import serial

from devices.endpoint import Endpoint
from devices.errors import PortUnavailableError
from devices.pidfile import running_pid
from devices.tap import Direction, Tap

EMULATOR_SCHEME = "emulator://"
PORT_LINK = "port"
READ_BYTES = 65_536
POLL_S = 0.005
NO_FILE = -1
LONGEST_SLEEP_S = 1.0
CLOSE_WAIT_S = 5.0
STUCK_S = 10.0
"""A line that takes no byte for so long is given up: bytes that wait here keep the link from counting its attempts."""
# The keeper leaves the port alone for so long after a caller, who mostly comes back: well below a retransmission time.
QUIET_S = 0.05

OnSend = Callable[[Literal["before", "after"], bytes], None]
"""Called around every write with its bytes: where crash tests end the process."""


def resolve_port(port: str, machines: Path | None) -> str:
    """What pyserial can open: `emulator://NAME` is the link `NAME/port` under `machines`; others stay as they are.

    Raises PortUnavailableError for an emulator where there is no such folder.

    >>> resolve_port("emulator://book-01", Path("/run/line/machines"))
    '/run/line/machines/book-01/port'
    """
    if not port.startswith(EMULATOR_SCHEME):
        return port
    if machines is None:
        raise PortUnavailableError(port, "no folder of emulated machines was given")
    return str(machines / port.removeprefix(EMULATOR_SCHEME) / PORT_LINK)


class SerialTransport:
    """A port with its keeper thread. `baud` is ignored by ptys and sockets; `tap` is where a trace may listen."""

    def __init__(
        self,
        port: str,
        *,
        machines: Path | None = None,
        baud: int = 115_200,
        on_send: OnSend | None = None,
        tap: Path | None = None,
    ) -> None:
        self.port = port
        self._machines, self._baud, self._on_send = machines, baud, on_send
        self._tap = None if tap is None else Tap(tap)
        self._lock = RLock()
        self._callers_turn = Condition(self._lock)
        self._keepers_turn = Condition(self._lock)
        self._keeper: Thread | None = None
        self._open_port: _OpenPort
        self._endpoint: Endpoint
        self._ending = "closed"
        self._callers = 0
        self._turning = self._visited = self._resting = False

    @property
    def now_s(self) -> float:
        """The time on the monotonic clock."""
        return monotonic()

    @property
    def lock(self) -> AbstractContextManager[Any]:
        """Guards the endpoint; held once, so that waiting can yield it."""
        return self._lock

    def open(self, endpoint: Endpoint) -> None:
        """Open the port exclusively and start the keeper thread; raises PortUnavailableError."""
        self.close()
        target = resolve_port(self.port, self._machines)
        if self.port.startswith(EMULATOR_SCHEME) and running_pid(Path(target).parent) is None:
            # A killed emulator leaves its link behind, to a pty that another process may have been given since.
            raise PortUnavailableError(self.port, "its emulator does not run")
        try:
            # No write_timeout: only rfc2217:// would ever look at it, and refuses to have one.
            opened = serial.serial_for_url(target, baudrate=self._baud, timeout=POLL_S, exclusive=os.name == "posix")
        except (OSError, ValueError) as error:
            raise PortUnavailableError(self.port, str(error)) from error
        with self._lock:
            self._open_port, self._endpoint = _OpenPort(opened, self._on_send, self._tap), endpoint
            self._ending = ""
            self._visited = False
            self._keeper = Thread(target=self._keep, name=f"port {self.port}", daemon=True)
            self._keeper.start()
            self._step(b"")

    def close(self) -> None:
        """Stop the keeper thread, which closes the port."""
        keeper = self._keeper
        if keeper is None:
            return
        with self._lock:
            self._end("closed")
        keeper.join(CLOSE_WAIT_S)
        self._keeper = None

    def wake(self) -> None:
        """Write what the endpoint has to send now."""
        if not self._ending:
            self._step(b"")
            if self._turning and not self._callers:
                # The keeper sleeps until a time that was right before this.
                self._open_port.interrupt()

    def wait_for(self, done: Callable[[], bool], timeout_s: float) -> bool:
        """Turn the port, or wait until the thread that turns it has brought what is waited for."""
        give_up_s = monotonic() + timeout_s
        self._callers += 1
        try:
            while not done() and (left_s := give_up_s - monotonic()) > 0:
                if self._ending or self._turning:
                    if self._turning and self._callers == 1:
                        # No other caller is here, so it is the keeper that turns.
                        self._open_port.interrupt()
                    self._callers_turn.wait(left_s)
                else:
                    self._turn(left_s)
        finally:
            self._callers -= 1
            self._visited = True
            if self._callers:
                self._callers_turn.notify_all()
            elif self._resting:
                self._keepers_turn.notify()
        return done()

    def _keep(self) -> None:
        with self._lock:
            try:
                while not self._ending:
                    self._turn_if_nobody_does()
            finally:
                self._end("the thread of the port failed")
                while self._turning:
                    self._callers_turn.wait(LONGEST_SLEEP_S)
                self._open_port.close()
                if self._tap is not None:
                    self._tap.close()
                self._endpoint.lost(self._ending)
                self._callers_turn.notify_all()

    def _turn_if_nobody_does(self) -> None:
        if self._visited:
            self._visited = False
            self._keepers_turn.wait(QUIET_S)
        elif self._callers:
            # A long wait: whoever waits says when it is over.
            self._resting = True
            self._keepers_turn.wait()
            self._resting = False
        else:
            self._turn(LONGEST_SLEEP_S)

    def _turn(self, longest_s: float) -> None:
        """Wait for bytes without the lock, at most `longest_s`, then take one step."""
        due_s = self._endpoint.next_deadline_s
        sleep_s = min(longest_s, LONGEST_SLEEP_S)
        if due_s is not None:
            sleep_s = min(max(due_s - monotonic(), 0.0), sleep_s)
        self._turning = True
        self._lock.release()
        try:
            data = self._open_port.read(sleep_s)
        except OSError as error:  # pyserial's SerialException is one
            data, failure = b"", str(error)
        else:
            failure = ""
        finally:
            self._lock.acquire()
            self._turning = False
        if failure:
            self._end(failure)
        if self._ending:
            self._callers_turn.notify_all()
        else:
            self._step(data)
            if self._callers:
                # Whoever found the port in other hands: they are free now.
                self._callers_turn.notify_all()

    def _step(self, data: bytes) -> None:
        """Tell the endpoint the time and what came, and write what goes out."""
        endpoint = self._endpoint
        news = endpoint.tick(monotonic())
        if data:
            if self._tap is not None:
                self._tap.tell(Direction.TO_HOST, data)
            news |= endpoint.receive(data)
        if news:
            self._callers_turn.notify_all()
        port = self._open_port
        try:
            # Only when the last bytes are gone: what waits stays in the link, which is bounded.
            if port.write(port.unwritten or endpoint.outgoing()) and self._turning:
                port.interrupt()
        except OSError as error:
            self._end(str(error))
        if port.unwritten and monotonic() - port.written_s > STUCK_S:
            self._end(f"the line took no byte for {STUCK_S:g} s")

    def _end(self, reason: str) -> None:
        """Have the keeper close the port."""
        self._ending = self._ending or reason
        self._keepers_turn.notify()
        if self._turning:
            self._open_port.interrupt()


class _OpenPort:
    """The open port. One thread at a time reads; writing needs the transport's lock."""

    def __init__(self, port: Any, on_send: OnSend | None, tap: Tap | None) -> None:
        self._port, self._on_send, self._tap = port, on_send, tap
        self._waiting: Any = None
        self.unwritten = b""
        self.written_s = monotonic()
        self._interrupted, self._interrupt = os.pipe()
        self._called = False
        self._poll = select.poll()
        if (connection := getattr(port, "_socket", None)) is not None:
            # Off for `socket://`: a request behind a receipt would wait 40 ms for the other end's system.
            connection.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        try:
            self._fd: int = port.fileno()
        except (AttributeError, OSError):  # rfc2217:// keeps a thread and a queue of its own
            self._fd = NO_FILE
            # Full, its thread waits, and with it the line's flow control; pyserial's own queue has no end.
            self._waiting = getattr(port, "_read_buffer", None)
            if self._waiting is not None:
                self._waiting.maxsize = READ_BYTES
        else:
            self._poll.register(self._interrupted, select.POLLIN)
            self._poll.register(port.fileno(), select.POLLIN)

    def interrupt(self) -> None:
        """End the wait of the thread that reads."""
        if not self._called:
            self._called = True
            os.write(self._interrupt, b"!")

    def read(self, sleep_s: float) -> bytes:
        """Wait for bytes, for room if some are unwritten, or for an interruption; the bytes read."""
        if self._fd == NO_FILE:
            read: bytes = self._port.read(max(1, self._port.in_waiting))
            return read
        writing = bool(self.unwritten)
        if writing:
            self._poll.modify(self._fd, select.POLLIN | select.POLLOUT)
        ready = self._poll.poll(sleep_s * 1000)
        if writing:
            self._poll.modify(self._fd, select.POLLIN)
        data = b""
        for fd, events in ready:
            if fd == self._interrupted:
                os.read(fd, 1)
                self._called = False
            elif events != select.POLLOUT:
                data = self._read()
        return data

    def _read(self) -> bytes:
        try:
            data = os.read(self._fd, READ_BYTES)
        except BlockingIOError:
            return b""
        if not data:
            raise ConnectionResetError("the other end has hung up")
        return data

    def write(self, data: bytes) -> bool:
        """Write what the line takes now; True when some bytes stay in `unwritten`."""
        if not data:
            return False
        if self._on_send is not None:
            self._on_send("before", data)
        try:
            written = self._port.write(data) if self._fd == NO_FILE else os.write(self._fd, data)
        except BlockingIOError:
            written = 0
        if written or not self.unwritten:
            self.written_s = monotonic()
        self.unwritten = data[written:]
        if self._tap is not None and written:
            self._tap.tell(Direction.TO_MACHINE, data[:written])
        if self._on_send is not None:
            self._on_send("after", data)
        return bool(self.unwritten)

    def close(self) -> None:
        """Close the port; bytes not yet written are dropped."""
        # pyserial forgets to close a `socket://` whose other end has hung up first.
        socket = getattr(self._port, "_socket", None)
        if self._waiting is not None:
            _release_reader(self._waiting)
        with suppress(OSError):
            self._port.close()
        if socket is not None:
            socket.close()
        os.close(self._interrupted)
        os.close(self._interrupt)


def _release_reader(waiting: Any) -> None:
    """Let pyserial's thread put what it has, or closing waits for it in vain."""
    with waiting.mutex:
        waiting.maxsize = sys.maxsize
        waiting.not_full.notify_all()
