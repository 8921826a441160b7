"""One request at a time on a port whose answers carry no number."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

from devices.endpoint import Transport
from devices.errors import PortLostError, SessionClosedError

MOST_BYTES = 4096
MOST_ANSWERS = 16
Wanted = TypeVar("Wanted")
Split = Callable[[bytes], tuple[Sequence[object], bytes]]
"""Finds the answers in received bytes, and the rest that may become one; never raises."""


class Exchange:
    """An endpoint that keeps no more than `MOST_BYTES` received bytes and `MOST_ANSWERS` answers."""

    def __init__(self, machine: str, transport: Transport, split: Split, reply_s: float) -> None:
        self.reply_s = reply_s
        self.now_s = 0.0
        self._machine, self._transport, self._split = machine, transport, split
        self._received, self._unsent = b"", b""
        self._answers: deque[object] = deque(maxlen=MOST_ANSWERS)
        self._open = self._owed = False
        self._lost = ""

    def open(self) -> None:
        """Open the port; raises PortUnavailableError."""
        self.close()
        self._received, self._unsent, self._lost = b"", b"", ""
        self._answers.clear()
        self._transport.open(self)
        # What an earlier process asked may be answered only now.
        self._open = self._owed = True

    def close(self) -> None:
        """Close the port."""
        self._open = False
        self._transport.close()

    def ask(self, request: bytes, wanted: type[Wanted]) -> Wanted | None:
        """Send, and wait `reply_s` for an answer of a kind; None if none came that could be read.

        Raises PortLostError, after which the request may have been received, and SessionClosedError.
        """
        with self._transport.lock:
            self._check()
            if self._owed:
                # A late answer would pass for the answer to this: nothing on the line tells them apart.
                self.pause(self.reply_s)
            self._check()
            self._received = b""
            self._answers.clear()
            self._unsent += request
            self._transport.wake()
            self._transport.wait_for(lambda: bool(self._lost) or self._found(wanted) is not None, self.reply_s)
            answer = self._found(wanted)
            self._owed = answer is None
            if self._owed:
                self._check()
            return answer

    def pause(self, pause_s: float) -> None:
        """Let time pass on the transport's clock, unless the port is lost."""
        with self._transport.lock:
            self._transport.wait_for(lambda: bool(self._lost), pause_s)

    def _found(self, wanted: type[Wanted]) -> Wanted | None:
        return next((answer for answer in self._answers if isinstance(answer, wanted)), None)

    def _check(self) -> None:
        if not self._open:
            raise SessionClosedError(self._machine)
        if self._lost:
            raise PortLostError(self._transport.port, self._lost)

    def tick(self, now_s: float) -> bool:
        """Learn the time."""
        self.now_s = now_s
        return False

    def receive(self, data: bytes) -> bool:
        """Take bytes from the printer."""
        answers, self._received = self._split((self._received + data)[-MOST_BYTES:])
        self._answers.extend(answers)
        return bool(answers)

    def outgoing(self) -> bytes:
        """Give up what is to be written."""
        unsent, self._unsent = self._unsent, b""
        return unsent

    @property
    def next_deadline_s(self) -> float | None:
        """Nothing is done by itself, so nothing is ever due."""
        return None

    def lost(self, reason: str) -> None:
        """Remember that the port is gone."""
        self._lost = reason
