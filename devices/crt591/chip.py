"""What is said to a card's chip: ISO/IEC 7816-4 and -9 commands, and where passline writes on such a chip.

The blank's number is in the master file's EF 2F02, put there by whoever printed the card. The document's files lie in
the application of ICAO Doc 9303 part 10 and are created, written, read back and closed for ever by ACTIVATE FILE.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from devices.errors import MalformedError

APPLICATION = bytes.fromhex("A0000002471001")
NUMBER_FILE = 0x2F02
FILES: Mapping[str, int] = {"EF.COM": 0x011E, "EF.SOD": 0x011D} | {f"EF.DG{n}": 0x0100 + n for n in range(1, 17)}
"""File identifiers by the names that `PieceData.chip` uses."""
NAMES: Mapping[int, str] = {file: name for name, file in FILES.items()}

CHUNK_BYTES = 240
"""Within 255 bytes of data a command, of 256 an answer."""
LARGEST_FILE = 0x7FFF
"""Offsets of UPDATE and READ BINARY have 15 bits."""
_SIZE, _DESCRIPTOR, _IDENTIFIER = b"\x80\x02", b"\x82\x01\x01", b"\x83\x02"

SELECT, CREATE, UPDATE, READ, ACTIVATE = 0xA4, 0xE0, 0xD6, 0xB0, 0x44

DONE = 0x9000
END_OF_FILE = 0x6282
MEMORY_FAILURE, WRONG_LENGTH, NOT_ALLOWED, FILE_NOT_FOUND = 0x6581, 0x6700, 0x6982, 0x6A82
FILE_EXISTS, WRONG_OFFSET, UNKNOWN_INSTRUCTION, NO_FILE_SELECTED = 0x6A89, 0x6B00, 0x6D00, 0x6986


@dataclass(frozen=True, slots=True)
class ChipCommand:
    """One command, in short form; `expected` is how many bytes are asked for, 1 to 256, or None."""

    instruction: int
    p1: int
    p2: int
    data: bytes = b""
    expected: int | None = None

    def encode(self) -> bytes:
        """The command's bytes.

        >>> select_application().encode().hex()
        '00a4040c07a0000002471001'
        """
        body = bytes((len(self.data),)) + self.data if self.data else b""
        asked = b"" if self.expected is None else bytes((self.expected & 0xFF,))
        return bytes((0, self.instruction, self.p1, self.p2)) + body + asked

    @classmethod
    def decode(cls, command: bytes) -> "ChipCommand":
        """The command in these bytes. Raises MalformedError."""
        if len(command) < 4 or command[0] != 0:
            raise MalformedError("chip command", "it is too short or of another class", 0)
        instruction, p1, p2 = command[1:4]
        rest = command[4:]
        if len(rest) < 2:
            return cls(instruction, p1, p2, expected=(rest[0] or 256) if rest else None)
        data, asked = rest[1 : 1 + rest[0]], rest[1 + rest[0] :]
        if not data or len(data) != rest[0] or len(asked) > 1:
            raise MalformedError("chip command", "its length is wrong", 4)
        return cls(instruction, p1, p2, data, (asked[0] or 256) if asked else None)

    @property
    def offset(self) -> int:
        """Where UPDATE or READ BINARY begins in the file, in bytes."""
        return (self.p1 & 0x7F) << 8 | self.p2


@dataclass(frozen=True, slots=True)
class ChipAnswer:
    """A chip's data and its status word."""

    data: bytes
    status: int

    def encode(self) -> bytes:
        """The answer as the chip gives it: its data, then the two status bytes."""
        return self.data + self.status.to_bytes(2, "big")

    @classmethod
    def decode(cls, answer: bytes) -> "ChipAnswer":
        """The answer in these bytes. Raises MalformedError for less than a status word."""
        if len(answer) < 2:
            raise MalformedError("chip answer", "it has no status word", 0)
        return cls(answer[:-2], int.from_bytes(answer[-2:], "big"))


def select_application() -> ChipCommand:
    """Choose the document's application; no answer data wanted."""
    return ChipCommand(SELECT, 0x04, 0x0C, APPLICATION)


def select_number_file() -> ChipCommand:
    """Choose the master file's EF with the blank's number."""
    return ChipCommand(SELECT, 0x00, 0x0C, NUMBER_FILE.to_bytes(2, "big"))


def select_file(file: int) -> ChipCommand:
    """Choose a file of the application."""
    return ChipCommand(SELECT, 0x02, 0x0C, file.to_bytes(2, "big"))


def create_file(file: int, size: int) -> ChipCommand:
    """Create a transparent file of `size` bytes in the application; it is chosen then."""
    parameters = _SIZE + size.to_bytes(2, "big") + _DESCRIPTOR + _IDENTIFIER + file.to_bytes(2, "big")
    return ChipCommand(CREATE, 0x00, 0x00, bytes((0x62, len(parameters))) + parameters)


def created(command: ChipCommand) -> tuple[int, int]:
    """The file and its size in bytes that CREATE FILE asks for, as `create_file` writes them. Raises MalformedError."""
    size, file = int.from_bytes(command.data[4:6], "big"), int.from_bytes(command.data[11:13], "big")
    if command != create_file(file, size):
        raise MalformedError("chip command", "it creates no transparent file", 5)
    return file, size


def update(offset: int, data: bytes) -> ChipCommand:
    """Write into the chosen file."""
    return ChipCommand(UPDATE, offset >> 8, offset & 0xFF, data)


def read(offset: int, length: int) -> ChipCommand:
    """Read from the chosen file, 1 to 256 bytes."""
    return ChipCommand(READ, offset >> 8, offset & 0xFF, expected=length)


def activate() -> ChipCommand:
    """End the chosen application's making: from here on nothing in it can be written."""
    return ChipCommand(ACTIVATE, 0x00, 0x00)
