"""Send a capture's host bytes to an emulated machine, and compare its answers, message type by message type.

What is another machine's or another session's is put in place: the journal's id, and fences counted from the machine's
own. All else goes as it was captured, damaged and repeated frames too, each piece when the machine has said as much as
it had by then.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import zip_longest
from operator import itemgetter
from pathlib import Path

from devices.captures import EMULATED, Capture
from devices.errors import MalformedError, PortLostError, ReplayRefusedError
from devices.frames import CANCEL, FLAG, Frame, FrameDecoder, FrameKind, decode_frame, encode_frame
from devices.link import SEQUENCE, WANTED_PAYLOAD
from devices.messages import UNASKED, Claim, Fenced, HelloReply, Message, Refused, decode, encode
from devices.probe import identify
from devices.tap import Direction
from devices.tracing import speaks_link
from devices.transport import SerialTransport

ANSWER_S = 20.0


class _Heard:
    """A machine's messages in order, each once: those that answer, and those it sent unasked."""

    def __init__(self) -> None:
        self._frames = FrameDecoder(WANTED_PAYLOAD)
        self._expected = 0
        self.answers: list[str] = []
        self.unasked: list[str] = []
        self.hello: HelloReply | None = None

    def feed(self, data: bytes) -> None:
        """Note the messages that `data` completes."""
        for frame in self._frames.feed(data):
            if frame.kind is FrameKind.RESET_ACK:
                self._expected = 0
                self.answers.append(frame.kind.name)
            elif frame.kind is FrameKind.DATA and frame.seq == self._expected:
                self._expected = (self._expected + 1) % SEQUENCE
                self._note(frame)

    def _note(self, frame: Frame) -> None:
        message = _message(frame)
        if isinstance(message, HelloReply) and self.hello is None:
            self.hello = message
        name = f"Refused {message.code.name}" if isinstance(message, Refused) else type(message).__name__
        unasked = message is not None and message.request == UNASKED
        (self.unasked if unasked else self.answers).append(name)

    def strays_from(self, other: _Heard) -> bool:
        """Whether this is not how `other` begins."""
        return self.answers != other.answers[: len(self.answers)] or self.unasked != other.unasked[: len(self.unasked)]

    @property
    def counts(self) -> tuple[int, int]:
        """How many answered, and how many came unasked."""
        return len(self.answers), len(self.unasked)


class _Sender:
    """The endpoint: writes what it is given and listens."""

    next_deadline_s = None

    def __init__(self) -> None:
        self.heard, self.unsent, self.reason = _Heard(), b"", ""

    def tick(self, now_s: float) -> bool:  # noqa: ARG002 - an endpoint's signature
        return False

    def receive(self, data: bytes) -> bool:
        self.heard.feed(data)
        return True

    def outgoing(self) -> bytes:
        unsent, self.unsent = self.unsent, b""
        return unsent

    def lost(self, reason: str) -> None:
        self.reason = reason


@dataclass(frozen=True, slots=True)
class _Step:
    """Host bytes, and how much the machine had said before them in the capture."""

    data: bytes
    after: tuple[int, int]


class _Translator:
    """Puts the machine's journal and fences in the place of the captured ones; frames may be cut anywhere."""

    def __init__(self, journal_id: str, fence: int) -> None:
        self._journal_id, self._fence = journal_id, fence
        self.captured = _Heard()
        self._rest = b""

    def translate(self, data: bytes) -> bytes:
        """The bytes to send now; those of an unfinished frame come with its end."""
        *segments, self._rest = (self._rest + data).split(FLAG)
        return b"".join(self._segment(segment) + FLAG for segment in segments)

    def _segment(self, segment: bytes) -> bytes:
        frame = decode_frame(segment[segment.rfind(CANCEL) + 1 :])
        message = _message(frame) if frame is not None else None
        if frame is None or not isinstance(message, Fenced):
            return segment
        known = self.captured.hello.fence if self.captured.hello is not None else 0
        message = replace(message, fence=max(message.fence - known + self._fence, 0))
        if isinstance(message, Claim):
            message = replace(message, journal_id=self._journal_id)
        return encode_frame(frame._replace(payload=encode(message)))[1:-1]


def resend(capture: Capture, port: str, machines: Path | None) -> tuple[int, str]:
    """Send the capture to the machine on `port`; how many messages it said, and the first difference or "".

    Raises ReplayRefusedError unless the machine says that it is emulated and the capture begins with a session;
    PortUnavailableError, PortLostError, NoAnswerError and LinkDownError.
    """
    _check(capture, port)
    who = identify(port, machines)
    if who["mode"] != EMULATED:
        raise ReplayRefusedError(
            port, f"{who['serial']} there is in mode {who['mode']}, and only emulators may be tried"
        )
    translator = _Translator(str(who["journal"]), int(who["fence"]))
    steps = []
    for stored in capture.pieces:
        if stored.piece.direction is Direction.TO_HOST:
            translator.captured.feed(stored.piece.data)
        elif data := translator.translate(stored.piece.data):
            steps.append(_Step(data, translator.captured.counts))
    said = _send(steps, translator.captured, SerialTransport(port, machines=machines))
    return sum(said.counts), _first_difference(translator.captured, said)


def _check(capture: Capture, port: str) -> None:
    if not speaks_link(capture.driver):
        raise ReplayRefusedError(port, f"{capture.driver} doesn't speak the personalizers' protocol")
    if any(stored.piece.dropped for stored in capture.pieces):
        raise ReplayRefusedError(port, "pieces are missing in it")
    first = next((stored for stored in capture.pieces if stored.piece.direction is Direction.TO_MACHINE), None)
    if first is None or not first.decoded or first.decoded[0].what != FrameKind.RESET.name:
        raise ReplayRefusedError(port, "it doesn't begin with a session; capture from before the machine is opened")


def _send(steps: list[_Step], captured: _Heard, transport: SerialTransport) -> _Heard:
    """Send step by step until the machine says something else than was captured, or too little in time."""
    sender = _Sender()
    transport.open(sender)
    try:
        with transport.lock:
            for step in [*steps, _Step(b"", captured.counts)]:
                if not transport.wait_for(partial(_goes_on, sender, captured, step), ANSWER_S):
                    break
                if sender.reason:
                    raise PortLostError(transport.port, sender.reason)
                if sender.heard.strays_from(captured):
                    break
                sender.unsent += step.data
                transport.wake()
    finally:
        transport.close()
    return sender.heard


def _goes_on(sender: _Sender, captured: _Heard, step: _Step) -> bool:
    """Whether the next step is due, or none is any more."""
    answers, unasked = sender.heard.counts
    enough = answers >= step.after[0] and unasked >= step.after[1]
    return enough or bool(sender.reason) or sender.heard.strays_from(captured)


def _first_difference(captured: _Heard, said: _Heard) -> str:
    pairs = [("answer", captured.answers, said.answers), ("unasked message", captured.unasked, said.unasked)]
    differences = [
        (not found, f"{kind} {number}: captured {expected}; the machine said {found or 'nothing'}")
        for kind, captured_ones, said_ones in pairs
        for number, (expected, found) in enumerate(zip_longest(captured_ones, said_ones), 1)
        if expected != found
    ]
    # What was said and is another tells more than what was not said any more.
    return min(differences, key=itemgetter(0))[1] if differences else ""


def _message(frame: Frame) -> Message | None:
    try:
        return decode(frame.payload) if frame.kind is FrameKind.DATA else None
    except MalformedError:
        return None
