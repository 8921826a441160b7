"""One request at a time on a port whose answers carry no number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from devices.conversation import Conversation
from devices.endpoint import Transport

MOST_BYTES = 4096
Wanted = TypeVar("Wanted")
Split = Callable[[bytes], tuple[Sequence[object], bytes]]
"""Finds the answers in received bytes, and the rest that may become one; never raises."""


class AnswerDecoder:
    """Turns a byte stream into answers by a `Split`; holds MOST_BYTES bytes at most."""

    damaged = 0

    def __init__(self, split: Split) -> None:
        self._split = split
        self._rest = b""

    @property
    def held_bytes(self) -> int:
        """Bytes of an unfinished answer held back for the next call."""
        return len(self._rest)

    def feed(self, data: bytes) -> list[object]:
        """The answers that `data` completes, in order."""
        answers, self._rest = self._split((self._rest + data)[-MOST_BYTES:])
        return list(answers)

    def drop(self) -> None:
        """Forget the unfinished answer."""
        self._rest = b""


class Exchange(Conversation[object]):
    """A conversation in which a request whose answer stayed out is waited for once more before the next."""

    def __init__(self, machine: str, transport: Transport, split: Split, reply_s: float) -> None:
        super().__init__(machine, transport, AnswerDecoder(split))
        self.reply_s = reply_s
        self._owed = False

    def open(self) -> None:
        """Open the port; raises PortUnavailableError."""
        super().open()
        # What an earlier process asked may be answered only now.
        self._owed = True

    def ask(self, request: bytes, wanted: type[Wanted]) -> Wanted | None:
        """Send, and wait `reply_s` for an answer of a kind; None if none came that could be read.

        Raises PortLostError, after which the request may have been received, and SessionClosedError.
        """
        if self._owed:
            # A late answer would pass for the answer to this: nothing on the line tells them apart.
            self.pause(self.reply_s)
        self.discard(unfinished=True)
        self._owed = True
        self.send(request)
        until_s = self.now_s + self.reply_s
        while (answer := self.next_frame(until_s - self.now_s)) is not None:
            if isinstance(answer, wanted):
                self._owed = False
                return answer
        return None
