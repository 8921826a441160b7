"""How the fields of a message become bytes: a dataclass is its own wire schema.

A field's annotation carries its codec (`fence: U64`); fields follow each other in the order of the dataclass, numbers
high byte first. Decoding is strict: unknown enumerators, bad text and left-over bytes are refused.
"""

from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Annotated, Any, Protocol, TypeVar, get_type_hints

from devices.errors import MalformedError


class Field(Protocol):
    """How one field of a record is written as bytes and read back."""

    def pack(self, value: Any) -> bytes:
        """The value's bytes; OverflowError or ValueError for a value outside the field's range."""
        ...

    def unpack(self, body: bytes, at: int) -> tuple[Any, int]:
        """The value that begins at byte `at`, and the byte after it; raises MalformedError."""
        ...


def _take(body: bytes, at: int, size: int) -> tuple[bytes, int]:
    end = at + size
    if end > len(body):
        raise MalformedError("message", f"{size} bytes expected, {len(body) - at} left", at)
    return body[at:end], end


@dataclass(frozen=True, slots=True)
class Number:
    """An unsigned integer of `size` bytes."""

    size: int

    def pack(self, value: int) -> bytes:
        """High byte first."""
        return value.to_bytes(self.size, "big")

    def unpack(self, body: bytes, at: int) -> tuple[int, int]:
        """High byte first."""
        raw, end = _take(body, at, self.size)
        return int.from_bytes(raw, "big"), end


@dataclass(frozen=True, slots=True)
class Hex:
    """`size` bytes shown as lowercase hexadecimal text."""

    size: int

    def pack(self, value: str) -> bytes:
        """Refuses text of another length."""
        raw = bytes.fromhex(value)
        if len(raw) != self.size:
            raise ValueError(f"{self.size} bytes in hexadecimal expected, got {value!r}")
        return raw

    def unpack(self, body: bytes, at: int) -> tuple[str, int]:
        """Always `2 * size` characters."""
        raw, end = _take(body, at, self.size)
        return raw.hex(), end


@dataclass(frozen=True, slots=True)
class Bytes:
    """Bytes behind their length in `prefix` bytes."""

    prefix: int

    def pack(self, value: bytes) -> bytes:
        """Length, then the bytes."""
        return len(value).to_bytes(self.prefix, "big") + value

    def unpack(self, body: bytes, at: int) -> tuple[bytes, int]:
        """Length, then the bytes."""
        raw, at = _take(body, at, self.prefix)
        return _take(body, at, int.from_bytes(raw, "big"))


@dataclass(frozen=True, slots=True)
class Ascii:
    """Printable ASCII text of at most 255 characters behind a length byte."""

    def pack(self, value: str) -> bytes:
        """Length, then the characters."""
        raw = value.encode("ascii")
        return len(raw).to_bytes(1, "big") + raw

    def unpack(self, body: bytes, at: int) -> tuple[str, int]:
        """Refuses control characters and anything beyond ASCII."""
        raw, end = Bytes(1).unpack(body, at)
        text = raw.decode("latin-1")
        if not (text.isascii() and text.isprintable()):
            raise MalformedError("message", "text is not printable ASCII", at)
        return text, end


@dataclass(frozen=True, slots=True)
class Choice:
    """One byte that must be a member of an enumeration."""

    members: type[IntEnum]

    def pack(self, value: IntEnum) -> bytes:
        """The member's number."""
        return bytes((value,))

    def unpack(self, body: bytes, at: int) -> tuple[IntEnum, int]:
        """Refuses numbers that no member has."""
        raw, end = _take(body, at, 1)
        try:
            return self.members(raw[0]), end
        except ValueError:
            raise MalformedError("message", f"{raw[0]} is no {self.members.__name__}", at) from None


@dataclass(frozen=True, slots=True)
class YesNo:
    """One byte, 0 or 1."""

    def pack(self, value: bool) -> bytes:
        """1 for true."""
        return b"\x01" if value else b"\x00"

    def unpack(self, body: bytes, at: int) -> tuple[bool, int]:
        """Refuses anything but 0 and 1."""
        raw, end = _take(body, at, 1)
        if raw[0] > 1:
            raise MalformedError("message", f"{raw[0]} is neither 0 nor 1", at)
        return raw[0] == 1, end


@dataclass(frozen=True, slots=True)
class Nested:
    """A record inside a record."""

    record: type[Any]

    def pack(self, value: Any) -> bytes:
        """The record's fields in order."""
        return pack_record(value)

    def unpack(self, body: bytes, at: int) -> tuple[Any, int]:
        """The record's fields in order."""
        return unpack_record(self.record, body, at)


@dataclass(frozen=True, slots=True)
class Many:
    """Up to 65,535 of one field behind their count in two bytes."""

    item: Field

    def pack(self, value: tuple[Any, ...]) -> bytes:
        """Count, then each item."""
        return len(value).to_bytes(2, "big") + b"".join(self.item.pack(item) for item in value)

    def unpack(self, body: bytes, at: int) -> tuple[tuple[Any, ...], int]:
        """Count, then each item; a count beyond the bytes ends at the first missing one."""
        raw, at = _take(body, at, 2)
        items = []
        for _ in range(int.from_bytes(raw, "big")):
            item, at = self.item.unpack(body, at)
            items.append(item)
        return tuple(items), at


U8 = Annotated[int, Number(1)]
U16 = Annotated[int, Number(2)]
U32 = Annotated[int, Number(4)]
U64 = Annotated[int, Number(8)]
Id = Annotated[str, Hex(16)]
Digest = Annotated[str, Hex(32)]
Text = Annotated[str, Ascii()]
Flag = Annotated[bool, YesNo()]
Chunk = Annotated[bytes, Bytes(2)]
Lines = Annotated[tuple[str, ...], Many(Ascii())]

R = TypeVar("R")


_LAYOUTS: dict[type[Any], tuple[tuple[str, Field], ...]] = {}


def layout(record: type[Any]) -> tuple[tuple[str, Field], ...]:
    """The record's fields with their codecs, in wire order."""
    known = _LAYOUTS.get(record)
    if known is None:
        hints = get_type_hints(record, include_extras=True)
        known = tuple((field.name, hints[field.name].__metadata__[0]) for field in fields(record))
        _LAYOUTS[record] = known
    return known


def pack_record(record: Any) -> bytes:
    """The record's fields as bytes, in the order of their declaration."""
    return b"".join([field.pack(getattr(record, name)) for name, field in layout(type(record))])


def unpack_record(record: type[R], body: bytes, at: int = 0) -> tuple[R, int]:
    """The record that begins at byte `at`, and the byte after it; raises MalformedError."""
    values = []
    for _, field in layout(record):
        value, at = field.unpack(body, at)
        values.append(value)
    return record(*values), at
