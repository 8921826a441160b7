"""What is made onto one piece: the data that PREPARE carries and a reader finds, as tag-length-value records.

Each record is a tag byte, a length of four bytes (high byte first) and the value. Unknown tags are refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from devices.errors import MalformedError

LENGTH_BYTES = 4


class Tag(IntEnum):
    """What a record holds. A pair is `name NUL value`."""

    KIND = 1
    SERIAL = 2
    MRZ_LINE = 3
    VISUAL = 4
    PORTRAIT = 5
    CHIP_FILE = 6


FRONT = (Tag.KIND, Tag.SERIAL, Tag.MRZ_LINE)
"""What `encode` writes first."""


@dataclass(frozen=True, slots=True)
class PieceData:
    """One document as a machine makes it.

    `kind` is the product; `serial` the blank that the data were built for; `mrz` the printed lines; `visual` the texts
    of the page by field name; `portrait` an image file; `chip` the chip's files by name (EF.COM, DG1, …).
    """

    kind: str
    serial: str
    mrz: tuple[str, ...]
    visual: Mapping[str, str] = field(default_factory=dict)
    portrait: bytes = b""
    chip: Mapping[str, bytes] = field(default_factory=dict)

    def encode(self) -> bytes:
        """The records' bytes; the same data always give the same bytes."""
        records = [(Tag.KIND, self.kind.encode()), (Tag.SERIAL, self.serial.encode())]
        records += [(Tag.MRZ_LINE, line.encode()) for line in self.mrz]
        records += [(Tag.VISUAL, _pair(name, text.encode())) for name, text in sorted(self.visual.items())]
        records.append((Tag.PORTRAIT, self.portrait))
        records += [(Tag.CHIP_FILE, _pair(name, content)) for name, content in sorted(self.chip.items())]
        return b"".join([_record(tag, value) for tag, value in records])

    @classmethod
    def decode(cls, data: bytes) -> "PieceData":
        """The piece that these bytes describe. Raises MalformedError with the byte where reading stopped."""
        texts: dict[Tag, str] = {}
        mrz: list[str] = []
        visual: dict[str, str] = {}
        chip: dict[str, bytes] = {}
        portrait = b""
        for tag, value, at in _records(data):
            if tag is Tag.PORTRAIT:
                portrait = value
            elif tag is Tag.CHIP_FILE:
                name, content = _split(value, at)
                chip[name] = content
            elif tag is Tag.VISUAL:
                name, content = _split(value, at)
                visual[name] = _text(content, at)
            elif tag is Tag.MRZ_LINE:
                mrz.append(_text(value, at))
            else:
                texts[tag] = _text(value, at)
        if Tag.KIND not in texts or Tag.SERIAL not in texts:
            raise MalformedError("piece", "kind or serial is missing", len(data))
        return cls(texts[Tag.KIND], texts[Tag.SERIAL], tuple(mrz), visual, portrait, chip)

    @classmethod
    def decode_front(cls, data: bytes) -> "PieceData":
        """Kind, serial and printed zone alone; the first bytes of a piece are enough. Raises MalformedError."""
        texts: dict[Tag, list[str]] = {tag: [] for tag in FRONT}
        at = 0
        while at < len(data) and data[at] in FRONT:
            begin = at + 1 + LENGTH_BYTES
            end = begin + int.from_bytes(data[at + 1 : begin], "big")
            if end > len(data):
                raise MalformedError("piece", "a record is cut off", at)
            texts[Tag(data[at])].append(_text(data[begin:end], at))
            at = end
        if not texts[Tag.KIND] or not texts[Tag.SERIAL]:
            raise MalformedError("piece", "kind or serial is missing", at)
        return cls(texts[Tag.KIND][0], texts[Tag.SERIAL][0], tuple(texts[Tag.MRZ_LINE]))


def encode_chip(chip: Mapping[str, bytes]) -> bytes:
    """The chip's files alone, as a document reader sends them."""
    return b"".join([_record(Tag.CHIP_FILE, _pair(name, content)) for name, content in sorted(chip.items())])


def decode_chip(data: bytes) -> dict[str, bytes]:
    """The chip's files by name. Raises MalformedError on any other record."""
    chip: dict[str, bytes] = {}
    for tag, value, at in _records(data):
        if tag is not Tag.CHIP_FILE:
            raise MalformedError("chip", f"{tag.name} is no chip file", at)
        name, content = _split(value, at)
        chip[name] = content
    return chip


def _record(tag: Tag, value: bytes) -> bytes:
    return bytes((tag,)) + len(value).to_bytes(LENGTH_BYTES, "big") + value


def _pair(name: str, value: bytes) -> bytes:
    return name.encode() + b"\0" + value


def _records(data: bytes) -> list[tuple[Tag, bytes, int]]:
    records = []
    at = 0
    while at < len(data):
        begin = at + 1 + LENGTH_BYTES
        end = begin + int.from_bytes(data[at + 1 : begin], "big")
        if begin > len(data) or end > len(data):
            raise MalformedError("piece", "a record is cut off", at)
        try:
            tag = Tag(data[at])
        except ValueError:
            raise MalformedError("piece", f"tag {data[at]} is unknown", at) from None
        records.append((tag, data[begin:end], at))
        at = end
    return records


def _split(value: bytes, at: int) -> tuple[str, bytes]:
    name, nul, content = value.partition(b"\0")
    if not nul:
        raise MalformedError("piece", "a named value has no name", at)
    return _text(name, at), content


def _text(value: bytes, at: int) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise MalformedError("piece", "text is not UTF-8", at) from None
