"""Lines of MT-SICS, the Mettler Toledo Standard Interface Command Set, levels 0 and 1: pure functions.

Written from the public reference manuals: commands and answers are ASCII lines that end with CR LF. A weight is ten
characters, right-aligned, a minus directly before the first digit, no leading zeros; then a space and the unit. Lines
have no checksum: the fixed width is what betrays a lost byte, so every answer is taken literally or not at all.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

LINE_END = b"\r\n"
LONGEST_LINE = 80
EMULATED = "EMULATED"


class Command(StrEnum):
    """What a host may say."""

    WEIGH_STABLE = "S"
    WEIGH_NOW = "SI"
    ZERO = "Z"
    ASK_SERIAL = "I4"


class Said(StrEnum):
    """Answers without a value, by their whole text."""

    BUSY = "S I"
    OVERLOAD = "S +"
    UNDERLOAD = "S -"
    ZEROED = "Z A"
    ZERO_BUSY = "Z I"
    ABOVE_ZERO_RANGE = "Z +"
    BELOW_ZERO_RANGE = "Z -"
    SERIAL_BUSY = "I4 I"
    SYNTAX_ERROR = "ES"
    TRANSMISSION_ERROR = "ET"
    LOGICAL_ERROR = "EL"


@dataclass(frozen=True, slots=True)
class Weight:
    """A weight in the scale's `unit`: `S S` at rest, `S D` not yet (dynamic)."""

    stable: bool
    value: Decimal
    unit: str


@dataclass(frozen=True, slots=True)
class SerialNumber:
    """The answer to I4; a scale also sends it unasked when it is switched on."""

    text: str


ScaleAnswer: TypeAlias = Said | Weight | SerialNumber

_WEIGHT = re.compile(r"S ([SD]) (?=.{10} ) *(-?(?:0|[1-9]\d*)(?:\.\d+)?) ([!-~]{1,5})", re.ASCII)
_SERIAL = re.compile(r'I4 A "([ !#-~]{1,60})"')
_SAID = {said.value: said for said in Said}


def encode_command(command: Command) -> bytes:
    """The command's line.

    >>> encode_command(Command.WEIGH_NOW)
    b'SI\\r\\n'
    """
    return command.encode() + LINE_END


def encode_answer(answer: ScaleAnswer) -> bytes:
    """The answer's line; a weight's value must fit ten characters.

    >>> encode_answer(Weight(True, Decimal("100.00"), "g"))
    b'S S     100.00 g\\r\\n'
    """
    match answer:
        case Weight(stable, value, unit):
            text = f"S {'S' if stable else 'D'} {value:>10f} {unit}"
        case SerialNumber(number):
            text = f'I4 A "{number}"'
        case said:
            text = said.value
    return text.encode() + LINE_END


def decode_answer(line: bytes) -> ScaleAnswer | None:
    """The answer in a line without its end, or None when it is damaged or none that is known here.

    >>> decode_answer(b'I4 A "B021002593"')
    SerialNumber(text='B021002593')
    """
    text = line.decode("latin-1")
    if text in _SAID:
        return _SAID[text]
    if weight := _WEIGHT.fullmatch(text):
        return Weight(weight[1] == "S", Decimal(weight[2]), weight[3])
    if serial := _SERIAL.fullmatch(text):
        return SerialNumber(serial[1])
    return None


def said_serial(serial: str, emulated: bool) -> str:
    """What a scale of this serial number must answer to I4: an emulator says that it is one.

    >>> said_serial("SC-1", True), said_serial("SC-1", False), said_serial("EMULATED-7", True)
    ('EMULATED SC-1', 'SC-1', 'EMULATED-7')
    """
    return f"{EMULATED} {serial}" if emulated and not serial.startswith(EMULATED) else serial


class LineDecoder:
    """Turns a byte stream into lines. Never raises, and holds LONGEST_LINE bytes at most."""

    def __init__(self) -> None:
        self._rest = b""

    @property
    def held_bytes(self) -> int:
        """Bytes of an unfinished line held back for the next call."""
        return len(self._rest)

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes, without their ends; of one that is too long, no more than its end."""
        *lines, rest = (self._rest + data).split(LINE_END)
        # A line that was cut is still longer than any that means something.
        self._rest = rest[-LONGEST_LINE:]
        return lines

    def drop(self) -> None:
        """Forget the unfinished line."""
        self._rest = b""


class AnswerDecoder:
    """Turns a byte stream into answers; damaged lines are counted and dropped, the next line end resynchronises."""

    def __init__(self) -> None:
        self._lines = LineDecoder()
        self.damaged = 0

    @property
    def held_bytes(self) -> int:
        """Bytes of an unfinished line held back for the next call."""
        return self._lines.held_bytes

    def feed(self, data: bytes) -> list[ScaleAnswer]:
        """The answers that `data` completes, in order."""
        lines = self._lines.feed(data)
        answers = [answer for line in lines if (answer := decode_answer(line)) is not None]
        self.damaged += len(lines) - len(answers)
        return answers

    def drop(self) -> None:
        """Forget the unfinished line."""
        self._lines.drop()
