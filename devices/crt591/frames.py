"""Frames of the Creator CRT-591-M: pure functions between bytes, commands and replies.

Written from the public communication manual (CRT-591-M001, version 1.0): `F2 ADDR LENH LENL text 03 BCC`, the length
counting the text alone and BCC the XOR of all before it. The manual prints the head of a failure as 'N' and as 45h:
both are taken. Single bytes between frames acknowledge (06), ask for the last frame again (15) or cancel (04).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from functools import reduce
from operator import xor
from typing import TypeAlias

from devices.errors import MalformedError, PayloadTooLargeError

STX, ETX = 0xF2, 0x03
COMMAND_HEAD, REPLY_HEAD = 0x43, 0x50
FAILURE_HEADS = frozenset({0x4E, 0x45})
ADDRESS = 0
"""As delivered, all four address switches ON."""
MOST_DATA = 512
_HEADER_BYTES, _TRAILER_BYTES = 4, 2
# Head, command and parameter, and in a reply the three status bytes.
SHORTEST_TEXT, LONGEST_TEXT = 3, 6 + MOST_DATA
LONGEST_FRAME = _HEADER_BYTES + LONGEST_TEXT + _TRAILER_BYTES

INITIALIZE, STATUS, MOVE, CHIP = 0x30, 0x31, 0x32, 0x51
SERIAL_NUMBER, BIN_COUNTER = 0xA2, 0xA5

KEEP_CARD, KEEP_CARD_AND_COUNT = 0x33, 0x37
"""INITIALIZE: a card inside stays where it is; with 37h the bin's counter counts from then on."""
TO_GATE, TO_CHIP, TO_BIN, OUT_OF_GATE = 0x30, 0x31, 0x33, 0x39
"""MOVE: hold the card in the gate, to the chip contacts (from the stack if there is none), into the bin, out."""
COLD_RESET, POWER_OFF, EXCHANGE_APDU = 0x30, 0x31, 0x39
READ = 0x30
"""The parameter of STATUS, SERIAL_NUMBER and BIN_COUNTER."""
SET = 0x31

# Refusals before anything is done, where the stack or the bin says why, and what the chip or its contacts did wrong.
REFUSED = frozenset({"00", "01", "02", "03", "04", "05", "B0"})
STACK_EMPTY, BIN_FULL = "A0", "A1"
JAM, COUNTER_OVERFLOW, NOT_RESET = "10", "50", "B0"
CHIP_FAILED = frozenset({"60", "61", "62", "63", "64", "65", "66", "67", "68", "69"})
ERRORS: Mapping[str, str] = {
    "00": "unknown command",
    "01": "wrong parameter",
    "02": "command out of order",
    "03": "not supported by this hardware",
    "04": "wrong data",
    "05": "chip contacts not released",
    "10": "card jam",
    "12": "sensor error",
    "13": "card too long",
    "14": "card too short",
    "40": "card can't be taken back",
    "41": "magnet of the chip contacts",
    "43": "card can't be brought to the chip contacts",
    "45": "card moved by hand",
    "50": "bin counter overflow",
    "51": "motor error",
    "60": "short circuit at the chip",
    "61": "chip not activated",
    "62": "chip can't do this",
    "63": "chip stayed silent",
    "64": "chip protocol error",
    "65": "chip not active",
    "66": "chip can't do this now",
    "67": "chip transmission error",
    "68": "chip transmission timed out",
    "69": "chip not as EMV says",
    "A0": "stack empty",
    "A1": "bin full",
    "B0": "not initialized since power on",
}


class Signal(Enum):
    """What is said in one byte; DAMAGED stands for a frame that can't be read and may be asked for again."""

    EOT = 0x04
    ACK = 0x06
    NAK = 0x15
    DAMAGED = -1

    def encode(self) -> bytes:
        """The signal's byte; DAMAGED has none."""
        return bytes((self.value,))


class Card(StrEnum):
    """Where a card is in the transport (st0)."""

    NONE = "0"
    IN_GATE = "1"
    AT_CHIP = "2"


class Supply(StrEnum):
    """How many cards the stack has (st1)."""

    EMPTY = "0"
    FEW = "1"
    ENOUGH = "2"


class Bin(StrEnum):
    """Whether the bin takes another card (st2)."""

    HAS_ROOM = "0"
    FULL = "1"


@dataclass(frozen=True, slots=True)
class Command:
    """What the host wants; `data` is at most MOST_DATA bytes."""

    code: int
    parameter: int
    data: bytes = b""

    def __str__(self) -> str:
        return f"command {self.code:02X} {self.parameter:02X}"

    @property
    def moves(self) -> bool:
        """Whether a card may move for it."""
        return self.code == MOVE

    @property
    def asks(self) -> bool:
        """Whether it changes nothing, so that asking twice is asking once."""
        return self.code in (STATUS, SERIAL_NUMBER, BIN_COUNTER) and self.parameter == READ


@dataclass(frozen=True, slots=True)
class Reply:
    """What the machine says of a command that it did."""

    code: int
    parameter: int
    card: Card
    supply: Supply
    bin: Bin
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Failure:
    """What the machine says of a command that it did not do, or not to its end; `error` is two characters."""

    code: int
    parameter: int
    error: str
    data: bytes = b""

    @property
    def meaning(self) -> str:
        """The error in words, after its code."""
        return f"{self.error}, {ERRORS.get(self.error, 'not in the manual')}"


Answer: TypeAlias = Reply | Failure
Frame: TypeAlias = Command | Reply | Failure


def encode(frame: Frame) -> bytes:
    """The frame's bytes. Raises PayloadTooLargeError for more than MOST_DATA bytes of data.

    >>> encode(Command(INITIALIZE, KEEP_CARD)).hex(" ")
    'f2 00 00 03 43 30 33 03 b2'
    """
    if len(frame.data) > MOST_DATA:
        raise PayloadTooLargeError(len(frame.data), MOST_DATA)
    match frame:
        case Command():
            head, said = COMMAND_HEAD, ""
        case Reply():
            head, said = REPLY_HEAD, frame.card + frame.supply + frame.bin
        case Failure():
            head, said = ord("N"), frame.error
    text = bytes((head, frame.code, frame.parameter)) + said.encode("latin-1") + frame.data
    body = bytes((STX, ADDRESS)) + len(text).to_bytes(2, "big") + text + bytes((ETX,))
    return body + bytes((_checksum(body),))


def decode(frame: bytes) -> Frame:
    """The frame in these bytes, which are all of it. Raises MalformedError with the byte where reading stopped.

    >>> decode(bytes.fromhex("f2 00 00 05 4e 32 31 41 30 03 c8"))
    Failure(code=50, parameter=49, error='A0', data=b'')
    """
    if len(frame) < _HEADER_BYTES + SHORTEST_TEXT + _TRAILER_BYTES or frame[0] != STX:
        raise MalformedError("frame", "it is too short or has no head", 0)
    if frame[1] != ADDRESS:
        raise MalformedError("frame", f"it is of address {frame[1]}", 1)
    length = int.from_bytes(frame[2:_HEADER_BYTES], "big")
    end = _HEADER_BYTES + length
    if not SHORTEST_TEXT <= length <= LONGEST_TEXT or len(frame) != end + _TRAILER_BYTES or frame[end] != ETX:
        raise MalformedError("frame", "its length is wrong", 2)
    if _checksum(frame[:-1]) != frame[-1]:
        raise MalformedError("frame", "its checksum is wrong", end + 1)
    return _decode_text(frame[_HEADER_BYTES:end])


def _decode_text(text: bytes) -> Frame:
    head, code, parameter = text[:3]
    if head == COMMAND_HEAD:
        if len(text) - 3 > MOST_DATA:
            raise MalformedError("frame", "it has too much data", _HEADER_BYTES + 3)
        return Command(code, parameter, text[3:])
    if head == REPLY_HEAD and len(text) >= 6:
        try:
            states = (Card(chr(text[3])), Supply(chr(text[4])), Bin(chr(text[5])))
        except ValueError:
            raise MalformedError("frame", "its status is not in the manual", _HEADER_BYTES + 3) from None
        return Reply(code, parameter, *states, text[6:])
    if head in FAILURE_HEADS and len(text) >= 5:
        return Failure(code, parameter, text[3:5].decode("latin-1"), text[5:])
    raise MalformedError("frame", f"head {head:02x} begins no such text", _HEADER_BYTES)


def _checksum(data: bytes) -> int:
    return reduce(xor, data)


class FrameDecoder:
    """Turns a byte stream into frames and signals. Never raises, and holds less than LONGEST_FRAME bytes.

    After damage it goes on at the next STX: bytes inside a damaged frame are never taken for signals.
    """

    def __init__(self) -> None:
        self._rest = b""
        self.damaged = 0

    @property
    def held_bytes(self) -> int:
        """Bytes of an unfinished frame held back for the next call."""
        return len(self._rest)

    def feed(self, data: bytes) -> list[Frame | Signal]:
        """The frames and signals that `data` completes, in order."""
        rest = self._rest + data
        at = 0
        found: list[Frame | Signal] = []
        while at < len(rest):
            if rest[at] != STX:
                if signal := _SIGNALS.get(rest[at]):
                    found.append(signal)
                at += 1
                continue
            if at + _HEADER_BYTES > len(rest):
                break
            length = int.from_bytes(rest[at + 2 : at + _HEADER_BYTES], "big")
            end = at + _HEADER_BYTES + length + _TRAILER_BYTES
            if SHORTEST_TEXT <= length <= LONGEST_TEXT and end > len(rest):
                break
            try:
                found.append(decode(rest[at:end]))
                at = end
            except MalformedError:
                self.damaged += 1
                found.append(Signal.DAMAGED)
                following = rest.find(STX, at + 1)
                at = len(rest) if following < 0 else following
        self._rest = rest[at:]
        return found

    def drop(self) -> None:
        """Forget the unfinished frame."""
        self._rest = b""


_SIGNALS = {signal.value: signal for signal in Signal if signal is not Signal.DAMAGED}
