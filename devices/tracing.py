"""What a machine's bytes mean, as far as anybody may see it: types, numbers, states and ids, never what documents hold.

A document's bytes, printed zones and unknown text are told by their length and the begin of their SHA-256 alone.
Nothing here raises on any bytes: what is no frame or no message is told as such.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from hashlib import sha256
from typing import Any, Protocol

from devices.conversation import Decoder
from devices.crt591.frames import FrameDecoder as CardAnswers
from devices.document_reader.driver import LinkDocumentReader
from devices.errors import MalformedError
from devices.face_reader.frames import FIRST_ADDRESS, PacketDecoder
from devices.frames import CANCEL, FLAG, Frame, FrameDecoder, FrameKind
from devices.label_printer import sbpl, zpl
from devices.label_printer.exchange import AnswerDecoder as LabelAnswers
from devices.link import WANTED_PAYLOAD
from devices.messages import Message, decode
from devices.mrz_reader.frames import SwipeDecoder
from devices.personalizer import LinkPersonalizer
from devices.registry import driver_class
from devices.scale.frames import AnswerDecoder as ScaleAnswers
from devices.tap import Direction
from devices.wire import Ascii, Bytes, Hex, Many, Nested, layout

HASH_CHARACTERS = 8
JOB_CHARACTERS = 8
MOST_CONTROLS = 8
DAMAGED, CANCELLED, PART = "damaged", "cancelled", "part"
SEEN_TEXT = frozenset({"model", "serial", "firmware", "blank_serial", "surface_serial"})
"""Text that is the machine's or a blank's name; all other text is hidden."""

_UNTOLD = frozenset({"request"})
_PIECE = re.compile(rb"[^\x7e\x1a]+[\x7e\x1a]?|[\x7e\x1a]")
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_NAMES = """
NUL SOH STX ETX EOT ENQ ACK BEL BS HT LF VT FF CR SO SI
DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US
"""
CONTROL_NAMES = dict(enumerate(_NAMES.split())) | {0x7F: "DEL"}

Facts = dict[str, str | int | bool]


@dataclass(frozen=True, slots=True)
class Decoded:
    """One thing on the line: `what` names it (a message, a frame or what is wrong), `facts` may be seen by anybody."""

    what: str
    facts: Facts = field(default_factory=dict)
    error: bool = False

    def as_json(self) -> dict[str, Any]:
        """What, facts and error, as members of an object."""
        return {"what": self.what, "facts": self.facts, "error": self.error}

    def __str__(self) -> str:
        return ", ".join((self.what, *(f"{name} {value}" for name, value in self.facts.items())))


class Tracing(Protocol):
    """Makes sense of one direction's bytes."""

    def feed(self, data: bytes) -> list[Decoded]:
        """What `data` completes, in order; never raises."""
        ...


class LinkTracing:
    """Frames and messages of the personalizers' protocol. Where the bytes are cut makes no difference."""

    def __init__(self) -> None:
        self._frames = FrameDecoder(WANTED_PAYLOAD)
        self._joined = False
        self._begin()

    def _begin(self) -> None:
        self._length, self._hash = 0, sha256()

    def feed(self, data: bytes) -> list[Decoded]:
        """The frames that end in `data`, damaged ones among them."""
        found: list[Decoded] = []
        for piece in _PIECE.findall(data):
            frames = self._frames.feed(piece)
            end = piece[-1:]
            body = piece[:-1] if end in (FLAG, CANCEL) else piece
            self._length += len(body)
            self._hash.update(body)
            if len(body) == len(piece):
                continue
            if frames:
                found.append(describe_frame(frames[0]))
            elif self._length:
                found.append(self._no_frame(end))
            self._joined = True
            self._begin()
        return found

    def _no_frame(self, end: bytes) -> Decoded:
        facts: Facts = {"bytes": self._length, "sha256": self._hash.hexdigest()[:HASH_CHARACTERS]}
        if end == CANCEL:
            return Decoded(CANCELLED, facts)
        # Whoever begins to listen may come in the middle of a frame: nothing is wrong with it.
        return Decoded(DAMAGED, facts, error=True) if self._joined else Decoded(PART, facts)


class AnswerTracing:
    """The frames that a machine with a protocol of its own sends, by kind; all that is in them is hidden."""

    def __init__(self, decoder: Decoder[Any]) -> None:
        self._decoder = decoder

    def feed(self, data: bytes) -> list[Decoded]:
        """The frames that end in `data`, damaged ones among them."""
        found: list[Decoded] = []
        # Byte by byte, so that the order of sound and damaged frames doesn't depend on where the bytes were cut.
        for at in range(len(data)):
            before = self._decoder.damaged
            frames = self._decoder.feed(data[at : at + 1])
            found += [Decoded(DAMAGED, error=True)] * (self._decoder.damaged - before)
            found += [Decoded(_kind(frame), {"sha256": short_hash(repr(frame).encode())}) for frame in frames]
        return found


class BurstTracing:
    """Bytes as they came at once: how many, and the names of the control characters among them."""

    def feed(self, data: bytes) -> list[Decoded]:
        """One entry for all of `data`: a burst of bytes, none of them shown."""
        return [Decoded("burst", {**_hidden(data), "controls": _controls(data)})]


class NoTracing:
    """Bytes that nothing here knows how to cut."""

    def feed(self, data: bytes) -> list[Decoded]:  # noqa: ARG002 - a tracing's signature
        """Nothing, ever."""
        return []


def speaks_link(driver: str) -> bool:
    """Whether the driver's machine speaks the personalizers' protocol; raises UnknownDriverError."""
    return issubclass(driver_class(driver), LinkPersonalizer | LinkDocumentReader)


def live_tracing(driver: str) -> dict[Direction, Tracing]:
    """For a trace: frames of the personalizers' protocol, bursts of any other. Raises UnknownDriverError."""
    make: Callable[[], Tracing] = LinkTracing if speaks_link(driver) else BurstTracing
    return {direction: make() for direction in Direction}


def stored_tracing(driver: str) -> dict[Direction, Tracing]:
    """For a capture: what the driver itself makes of the bytes, however they are cut. Raises UnknownDriverError."""
    if speaks_link(driver):
        return {direction: LinkTracing() for direction in Direction}
    return {Direction.TO_MACHINE: NoTracing(), Direction.TO_HOST: _answers(driver)}


def _answers(driver: str) -> Tracing:
    match driver:
        case "mt-sics-scale":
            return AnswerTracing(ScaleAnswers())
        case "osdp-face-reader":
            return AnswerTracing(PacketDecoder(FIRST_ADDRESS, replies=True))
        case "rte-mrz-reader":
            return AnswerTracing(SwipeDecoder())
        case "sato-label-printer":
            return AnswerTracing(LabelAnswers(sbpl.split))
        case "zebra-label-printer":
            return AnswerTracing(LabelAnswers(zpl.split))
        case "crt-591" | "crt-591-counting":
            return AnswerTracing(CardAnswers())
    # A Modbus reply can't be found without the number of its unit.
    return NoTracing()


def describe_frame(frame: Frame) -> Decoded:
    """A frame and the message in it.

    >>> str(describe_frame(Frame(FrameKind.DATA, 3, 7, bytes.fromhex("0C0001000000000000000199501F76"))))
    'Journal, seq 3, ack 7, since 1'
    """
    facts: Facts = {"seq": frame.seq} if frame.kind is FrameKind.DATA else {}
    if frame.kind not in (FrameKind.RESET, FrameKind.RESET_ACK):
        facts["ack"] = frame.ack
    if frame.retransmission:
        facts["again"] = True
    if frame.kind is not FrameKind.DATA:
        return Decoded(frame.kind.name, facts | (_hidden(frame.payload) if frame.payload else {}))
    try:
        message = decode(frame.payload)
    except MalformedError as error:
        wrong: Facts = {"reason": error.reason, "at": error.at}
        return Decoded("malformed", facts | wrong | _hidden(frame.payload), error=True)
    return Decoded(type(message).__name__, facts | dict(_told(message)))


def short_hash(data: bytes) -> str:
    """The begin of the SHA-256: enough to tell two payloads apart, and nothing that is in them."""
    return sha256(data).hexdigest()[:HASH_CHARACTERS]


def _told(record: Message | Any) -> Iterator[tuple[str, str | int | bool]]:
    """A record's fields as they may be seen."""
    for name, codec in layout(type(record)):
        value = getattr(record, name)
        match codec:
            case _ if name in _UNTOLD:
                continue
            case Nested():
                yield from _told(value)
            case Many(item=Ascii()):
                yield name, _measure(b"\n".join(line.encode() for line in value), f"{len(value)} lines")
            case Many():
                yield name, len(value)
            case Bytes():
                yield name, _measure(value, f"{len(value)} bytes")
            case Hex():
                yield name, value[:JOB_CHARACTERS]
            case Ascii():
                yield name, value if name in SEEN_TEXT else _measure(value.encode(), f"{len(value)} characters")
            case _ if isinstance(value, IntEnum):
                yield name, value.name
            case _:
                yield name, value


def _measure(data: bytes, length: str) -> str:
    return f"{length} {short_hash(data)}"


def _hidden(data: bytes) -> Facts:
    return {"bytes": len(data), "sha256": short_hash(data)}


def _kind(frame: object) -> str:
    # A member of an enumeration is one of the protocol's own words.
    return f"{type(frame).__name__} {frame.name}" if isinstance(frame, Enum) else type(frame).__name__


def _controls(data: bytes) -> str:
    """The names of the control characters, in order, repeated ones once."""
    names = [CONTROL_NAMES[found[0]] for found in _CONTROL.findall(data)]
    once = [name for at, name in enumerate(names) if at == 0 or names[at - 1] != name]
    return " ".join(once[:MOST_CONTROLS]) + (" …" if len(once) > MOST_CONTROLS else "")
