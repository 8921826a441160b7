"""A transport for tests: a host's endpoint and a machine on one virtual clock, without threads, ports or waiting."""

from collections.abc import Callable
from threading import RLock
from typing import Literal, Protocol

from devices.endpoint import Endpoint
from devices.errors import PortUnavailableError

Direction = Literal["to machine", "to host"]
Line = Callable[[Direction, bytes], bytes]
"""What the line makes of bytes on their way: the same ones, or dropped, doubled, damaged."""

STEP_S = 0.001


def clean_line(direction: Direction, data: bytes) -> bytes:  # noqa: ARG001 - a line's signature
    """A line that changes nothing."""
    return data


class Turning(Protocol):
    """A machine without input or output; emulators are such."""

    def turn(self, data: bytes, now_s: float) -> bytes:
        """Take bytes, do what is due, and return the bytes to send."""
        ...

    @property
    def next_deadline_s(self) -> float | None:
        """When to turn again even if no bytes arrive."""
        ...


class FakeTransport:
    """Joins a host's endpoint to `machine`. Time passes only while somebody waits."""

    def __init__(self, machine: Turning, line: Line = clean_line) -> None:
        self.port = "fake://"
        self.lock = RLock()
        self.machine, self.line = machine, line
        self.now_s = 0.0
        self.plugged_in = True
        self._host: Endpoint | None = None

    def open(self, endpoint: Endpoint) -> None:
        """Join `endpoint`; raises PortUnavailableError while unplugged."""
        if not self.plugged_in:
            raise PortUnavailableError(self.port, "unplugged")
        self._host = endpoint

    def close(self) -> None:
        """Hang up, as by this end."""
        self.hang_up("closed")

    def hang_up(self, reason: str) -> None:
        """End the open connection as a pulled cable would."""
        host, self._host = self._host, None
        if host is not None:
            host.lost(reason)

    def wake(self) -> None:
        """Nothing to do: a waiting caller turns both ends."""

    def wait_for(self, done: Callable[[], bool], timeout_s: float) -> bool:
        """Turn both ends until `done()` or until `timeout_s` of virtual time have passed."""
        deadline_s = self.now_s + timeout_s
        while not done() and self._host is not None and self.now_s < deadline_s:
            moved = self._turn(self._host)
            due_s = self.now_s if moved else self._next_due_s(deadline_s)
            self.now_s = max(self.now_s + STEP_S, min(due_s, deadline_s))
        return done()

    def _turn(self, host: Endpoint) -> bool:
        host.tick(self.now_s)
        out = host.outgoing()
        back = self.machine.turn(self.line("to machine", out) if out else b"", self.now_s)
        if back and self._host is host:
            host.receive(self.line("to host", back))
        return bool(out or back)

    def _next_due_s(self, deadline_s: float) -> float:
        due = [self.machine.next_deadline_s, self._host.next_deadline_s if self._host is not None else None]
        return min([moment for moment in due if moment is not None], default=deadline_s)
