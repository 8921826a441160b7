"""A conversation in frames with a machine that has no link: send, wait for one frame, discard what is too late.

The endpoint of small machines, whose protocols number nothing: which frame answers which request is the driver's
business. Frames, unsent bytes and (by the decoder) unfinished frames are bounded, whatever arrives.
"""

from collections import deque
from typing import Generic, Protocol, TypeVar

from devices.endpoint import Transport
from devices.errors import PortLostError, SessionClosedError

MOST_FRAMES = 64

Frame = TypeVar("Frame")


class Decoder(Protocol[Frame]):
    """Turns a byte stream into frames; never raises, drops and counts what is damaged, holds a bounded rest."""

    damaged: int

    def feed(self, data: bytes) -> list[Frame]:
        """The whole frames that `data` completes, in order."""
        ...

    def drop(self) -> None:
        """Forget the unfinished frame."""
        ...


class Conversation(Generic[Frame]):
    """One machine's frames over a transport; also the endpoint that turns on it.

    Every call but `close` may raise PortLostError (open again) and SessionClosedError.
    """

    next_deadline_s = None

    def __init__(self, machine: str, transport: Transport, decoder: Decoder[Frame]) -> None:
        self._machine, self._transport, self._decoder = machine, transport, decoder
        self._frames: deque[Frame] = deque(maxlen=MOST_FRAMES)
        self._unsent = self._receipt = b""
        self._reads = 0
        self._open = False
        self._lost = ""

    @property
    def now_s(self) -> float:
        """The time on the transport's clock."""
        return self._transport.now_s

    def open(self) -> None:
        """Open the port for this conversation; raises PortUnavailableError."""
        self.close()
        self._forget()
        self._unsent, self._receipt, self._lost = b"", b"", ""
        self._transport.open(self)
        self._open = True

    def close(self) -> None:
        """Close the port; closing twice is allowed."""
        self._open = False
        self._transport.close()

    def send(self, data: bytes) -> None:
        """Write `data`, in place of an earlier request that the line has not taken yet."""
        with self._transport.lock:
            self._check()
            self._unsent = data
            self._transport.wake()

    def acknowledge(self, receipt: bytes) -> None:
        """Write `receipt` before the next request, which does not take its place; a later receipt does."""
        with self._transport.lock:
            self._check()
            self._receipt = receipt
            self._transport.wake()

    def next_frame(self, timeout_s: float) -> Frame | None:
        """The next frame that has come or comes in time."""
        with self._transport.lock:
            self._check()
            self._transport.wait_for(lambda: bool(self._frames or self._lost), timeout_s)
            if self._frames:
                return self._frames.popleft()
            self._check()
            return None

    def pause(self, seconds: float) -> None:
        """Let time pass on the transport's clock."""
        with self._transport.lock:
            self._transport.wait_for(lambda: bool(self._lost), seconds)
            self._check()

    def discard(self, *, unfinished: bool = False) -> None:
        """Forget the frames that have come, and an unfinished one where that is wanted."""
        with self._transport.lock:
            self._check()
            self._frames.clear()
            if unfinished:
                self._decoder.drop()

    def discard_until_quiet(self, quiet_s: float, longest_s: float) -> None:
        """Forget what came and comes, an unfinished frame too, until nothing came for `quiet_s`."""
        give_up_s = self.now_s + longest_s
        with self._transport.lock:
            while self._something_comes(quiet_s) and self.now_s < give_up_s:
                pass
            self._check()
            self._forget()

    def _something_comes(self, within_s: float) -> bool:
        reads = self._reads
        self._transport.wait_for(lambda: self._reads != reads or bool(self._lost), within_s)
        return self._reads != reads and not self._lost

    def _forget(self) -> None:
        self._frames.clear()
        self._decoder.drop()

    def _check(self) -> None:
        if self._open and self._lost:
            raise PortLostError(self._transport.port, self._lost)
        if not self._open:
            raise SessionClosedError(self._machine)

    def tick(self, now_s: float) -> bool:  # noqa: ARG002 - an endpoint's signature
        """Endpoint: nothing here depends on the time."""
        return False

    def receive(self, data: bytes) -> bool:
        """Endpoint: take bytes; of more than MOST_FRAMES unread frames the oldest are dropped. Never raises."""
        self._reads += 1
        self._frames.extend(self._decoder.feed(data))
        return True

    def outgoing(self) -> bytes:
        """Endpoint: hand out the bytes that wait to be written, a receipt before all else."""
        unsent, self._unsent, self._receipt = self._receipt + self._unsent, b"", b""
        return unsent

    def lost(self, reason: str) -> None:
        """Endpoint: the port is gone."""
        self._lost = reason
