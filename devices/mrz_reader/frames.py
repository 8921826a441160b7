"""Frames of the 3M RTE6701's native protocol: pure functions.

`SOH len(2) "OU" STX flag line1 CR line2 CR line3 CR ETX BCC`, from the public integration manual: three lines (30
characters each), two (44) or one; missing lines are the upper ones and still have their CR; `_` pads on the right.

Where the description leaves room, this is the reading chosen here:

- The length counts what follows it, from "OU" to BCC ("including check…"). It has 14 significant bits, low byte first:
  whether its bytes carry seven or eight bits each makes no difference, for every frame is shorter than 128 bytes.
- BCC is the exclusive or of all bytes after SOH, ETX included.
- A single line may have either width: the permits' one line has 30.
- The flag may be any byte; what it says differs between firmwares, and nothing here depends on it.
- A character that was not recognised may be any other printable one; the zone's check digits judge it, not the frame.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import xor

SOH, ETX = b"\x01", b"\x03"
HEADER = b"OU\x02"
SEPARATOR = b"\r"
PAD = "_"
LINES = 3
FLAG = 0x30
WIDTHS = {1: (30, 44), 2: (44,), 3: (30,)}
"""Width of a line, by the number of lines on the document."""

_LENGTH_BYTES = 2
_START = len(SOH) + _LENGTH_BYTES
# "OU" STX flag … three CR, ETX, BCC around the lines.
_AROUND = len(HEADER) + 1 + LINES + 2
_LENGTHS = frozenset(_AROUND + count * width for count, widths in WIDTHS.items() for width in widths)
LONGEST_FRAME = _START + max(_LENGTHS)
_FRAME = re.compile(rb"\x01(?P<length>..)OU\x02(?P<flag>.)(?P<text>(?:[!-~]*\r){3})\x03.", re.DOTALL)
_TEXT_SO_FAR = re.compile(rb"[!-~\r]*\x03?")
_LINE = re.compile(r"[!-~]*[!-^`-~]")  # not ended by padding


@dataclass(frozen=True, slots=True)
class Swipe:
    """A zone as read: one to three lines from top to bottom, padding removed."""

    lines: tuple[str, ...]
    flag: int = FLAG


def block_check(data: bytes) -> int:
    """The exclusive or of all bytes."""
    return reduce(xor, data, 0)


def fitting_width(lines: Sequence[str]) -> int | None:
    """The width to which a reader pads these lines, or None for a zone that no reader sends."""
    widths = WIDTHS.get(len(lines), ())
    if not all(_LINE.fullmatch(line) for line in lines):
        return None
    return next((width for width in widths if max(map(len, lines)) <= width), None)


def encode_swipe(swipe: Swipe) -> bytes:
    """The frame of a zone that has a fitting width; raises ValueError for another."""
    width = fitting_width(swipe.lines)
    if width is None:
        raise ValueError("not one to three printable lines that fit")
    lines = [""] * (LINES - len(swipe.lines)) + [line.ljust(width, PAD) for line in swipe.lines]
    text = b"".join(line.encode() + SEPARATOR for line in lines)
    body = HEADER + bytes((swipe.flag,)) + text + ETX
    length = (len(body) + 1).to_bytes(_LENGTH_BYTES, "little")
    return SOH + length + body + bytes((block_check(length + body),))


def decode_swipe(frame: bytes) -> Swipe | None:
    """The zone in a whole frame, from SOH to BCC, or None when anything in it is not as described."""
    found = _FRAME.fullmatch(frame)
    if found is None or int.from_bytes(found["length"], "little") != len(frame) - _START:
        return None
    if block_check(frame[len(SOH) :]):  # the bytes together with their own check come to nothing
        return None
    padded = found["text"].decode("ascii").split("\r")[:LINES]
    present = [line for line in padded if line]
    if padded != [""] * (LINES - len(present)) + present:
        return None
    if {len(line) for line in present} not in [{width} for width in WIDTHS.get(len(present), ())]:
        return None
    lines = tuple(line.rstrip(PAD) for line in present)
    return Swipe(lines, found["flag"][0]) if all(lines) else None


class SwipeDecoder:
    """Turns a byte stream into zones. Never raises, and holds less than one frame, whatever arrives.

    What is no sound frame is dropped as soon as that shows, and counted, once for each SOH that began it; the search
    for the next SOH goes on right behind that one. So a frame cut short doesn't take the next one with it.
    """

    def __init__(self) -> None:
        self._rest = b""
        self.damaged = 0

    @property
    def held_bytes(self) -> int:
        """Bytes of an unfinished frame held back for the next call."""
        return len(self._rest)

    def feed(self, data: bytes) -> list[Swipe]:
        """The zones that `data` completes, in order."""
        swipes: list[Swipe] = []
        rest = self._rest + data
        at = rest.find(SOH)
        while at >= 0:
            begun = rest[at : at + LONGEST_FRAME]
            size = _frame_size(begun)
            if size > len(begun) and _may_go_on(begun):
                break
            swipe = decode_swipe(begun[:size])
            if swipe is None:
                self.damaged += 1
            else:
                swipes.append(swipe)
            at = rest.find(SOH, at + (size if swipe else 1))
        self._rest = rest[at:] if at >= 0 else b""
        return swipes

    def drop(self) -> None:
        """Forget the unfinished frame."""
        self._rest = b""


def _frame_size(begun: bytes) -> int:
    """How many bytes the frame needs that begins so; one, the SOH alone, when its length is none that is sent."""
    if len(begun) < _START:
        return _START
    length = int.from_bytes(begun[len(SOH) : _START], "little")
    return _START + length if length in _LENGTHS else len(SOH)


def _may_go_on(begun: bytes) -> bool:
    """Whether a frame that begins so can still become a sound one."""
    header, text = begun[_START : _START + len(HEADER)], begun[_START + len(HEADER) + 1 :]
    return HEADER.startswith(header) and _TEXT_SO_FAR.fullmatch(text) is not None
