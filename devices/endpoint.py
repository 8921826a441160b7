"""What a transport and the endpoint that turns on it owe each other."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol


class Endpoint(Protocol):
    """One end of a conversation, without input or output. The transport calls it under its lock only."""

    def tick(self, now_s: float) -> bool:
        """Learn the time, in seconds on the transport's clock; called before everything else in a turn.

        True when somebody may wait for what the time has brought.
        """
        ...

    def receive(self, data: bytes) -> bool:
        """Take any bytes from the line without raising; True when somebody may wait for what they brought."""
        ...

    def outgoing(self) -> bytes:
        """The bytes to write now."""
        ...

    @property
    def next_deadline_s(self) -> float | None:
        """When to turn again even if no bytes arrive."""
        ...

    def lost(self, reason: str) -> None:
        """The port is gone; no more calls follow."""
        ...


class Transport(Protocol):
    """A port and its clock. May be opened again after it was lost or closed."""

    port: str

    @property
    def now_s(self) -> float:
        """The time in seconds on the transport's clock."""
        ...

    @property
    def lock(self) -> AbstractContextManager[Any]:
        """Guards the endpoint: held by the transport in every call to it, and by whoever else touches it."""
        ...

    def open(self, endpoint: Endpoint) -> None:
        """Open the port for this process alone and let `endpoint` turn on it; raises PortUnavailableError."""
        ...

    def close(self) -> None:
        """Stop turning and close the port; bytes not yet written are dropped. Closing twice is allowed."""
        ...

    def wake(self) -> None:
        """Tell the transport that the endpoint has something to send; called under the lock."""
        ...

    def wait_for(self, done: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until `done()` or the time is over, and return `done()`; called under the lock, which it yields."""
        ...
