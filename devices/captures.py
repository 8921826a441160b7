"""A machine's bytes in a file, both ways, with what each piece decoded to: so that decoding can be tried on them again.

JSON lines: a header, then a piece a line. The bytes may be anything that passed, so only an emulated device's are ever
stored, for the owner alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from devices.errors import CaptureRefusedError, CaptureUnreadableError
from devices.messages import PROTOCOL_VERSION
from devices.registry import DeviceEntry
from devices.tap import Direction, Piece
from devices.tracing import Decoded, Tracing, stored_tracing

FORMAT = 1
EMULATED = "EMULATED"
FIRST_PIECE_LINE = 2
NAMES = {Direction.TO_MACHINE: "machine", Direction.TO_HOST: "host"}
DIRECTIONS = {name: direction for direction, name in NAMES.items()}


@dataclass(frozen=True, slots=True)
class StoredPiece:
    """One piece of a capture, on line `line` of its file, and what it was decoded to then."""

    line: int
    piece: Piece
    decoded: tuple[Decoded, ...]


@dataclass(frozen=True, slots=True)
class Capture:
    """A capture as read from its file."""

    device: str
    driver: str
    pieces: tuple[StoredPiece, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """Where decoding differs first: at a piece's line, from what the file says."""

    line: int
    direction: Direction
    stored: str
    found: str

    def __str__(self) -> str:
        return f"line {self.line}, to {NAMES[self.direction]}: captured {self.stored}; now {self.found}"


class CaptureWriter:
    """Writes a device's pieces to a new file, mode 0600."""

    def __init__(self, file: Path, entry: DeviceEntry, began_utc: str) -> None:
        """Raises CaptureRefusedError unless the device is emulated, CaptureUnreadableError for a file that exists."""
        if not entry.emulated:
            raise CaptureRefusedError(entry.id, entry.mode)
        self._tracing = stored_tracing(entry.driver)
        self._driver = entry.driver
        try:
            fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise CaptureUnreadableError(str(file), f"it can't be written ({error.strerror})") from error
        self._file = os.fdopen(fd, "w", encoding="utf-8")
        head = {"passline_capture": FORMAT, "device": entry.id, "driver": entry.driver, "mode": EMULATED}
        self._write(head | {"protocol": PROTOCOL_VERSION, "began_utc": began_utc})

    def write(self, piece: Piece) -> list[Decoded]:
        """Store one piece; what it decoded to."""
        if piece.dropped:
            self._tracing = stored_tracing(self._driver)
        decoded = self._tracing[piece.direction].feed(piece.data)
        self._write(
            {
                "at_us": piece.at_us,
                "to": NAMES[piece.direction],
                "dropped": piece.dropped,
                "bytes": piece.data.hex(),
                "decoded": [one.as_json() for one in decoded],
            }
        )
        return decoded

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")

    def __enter__(self) -> CaptureWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()


def read_capture(file: Path) -> Capture:
    """The capture in a file; raises CaptureUnreadableError for anything that `CaptureWriter` would not write."""
    try:
        head, *lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
        if (head["passline_capture"], head["mode"], head["protocol"]) != (FORMAT, EMULATED, PROTOCOL_VERSION):
            raise ValueError("of another format, mode or protocol version")
        pieces = tuple(_stored(number, line) for number, line in enumerate(lines, FIRST_PIECE_LINE))
        return Capture(str(head["device"]), str(head["driver"]), pieces)
    except OSError as error:
        raise CaptureUnreadableError(str(file), f"it can't be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError) as error:
        raise CaptureUnreadableError(str(file), f"{type(error).__name__}: {error}") from error


def _stored(number: int, line: dict[str, Any]) -> StoredPiece:
    data = bytes.fromhex(line["bytes"])
    piece = Piece(DIRECTIONS[line["to"]], int(line["at_us"]), int(line["dropped"]), data)
    decoded = tuple(Decoded(one["what"], dict(one["facts"]), one["error"]) for one in line["decoded"])
    return StoredPiece(number, piece, decoded)


def replay(capture: Capture, piece_bytes: int | None = None) -> Difference | None:
    """Decode the captured bytes again, as they were cut or in pieces of `piece_bytes`; the first difference, if any.

    Raises UnknownDriverError.
    """
    for stretch in _stretches(capture.pieces):
        tracing = stored_tracing(capture.driver)
        if piece_bytes is None:
            differences: Iterator[Difference] = _as_cut(stretch, tracing)
        else:
            differences = _cut_anew(stretch, tracing, piece_bytes)
        if (first := next(differences, None)) is not None:
            return first
    return None


def _stretches(pieces: Sequence[StoredPiece]) -> Iterator[list[StoredPiece]]:
    """Pieces with nothing lost between them."""
    stretch: list[StoredPiece] = []
    for stored in pieces:
        if stored.piece.dropped and stretch:
            yield stretch
            stretch = []
        stretch.append(stored)
    yield stretch


def _as_cut(stretch: Sequence[StoredPiece], tracing: dict[Direction, Tracing]) -> Iterator[Difference]:
    for stored in stretch:
        found = tracing[stored.piece.direction].feed(stored.piece.data)
        yield from _compared(stored.piece.direction, [(stored.line, one) for one in stored.decoded], found, stored.line)


def _cut_anew(
    stretch: Sequence[StoredPiece], tracing: dict[Direction, Tracing], piece_bytes: int
) -> Iterator[Difference]:
    for direction in Direction:
        pieces = [stored for stored in stretch if stored.piece.direction is direction]
        data = b"".join(stored.piece.data for stored in pieces)
        found: list[Decoded] = []
        for begin in range(0, len(data), piece_bytes):
            found += tracing[direction].feed(data[begin : begin + piece_bytes])
        expected = [(stored.line, one) for stored in pieces for one in stored.decoded]
        yield from _compared(direction, expected, found, pieces[-1].line if pieces else 0)


def _compared(
    direction: Direction, stored: Sequence[tuple[int, Decoded]], found: Sequence[Decoded], last_line: int
) -> Iterator[Difference]:
    for (line, expected), now in zip(stored, found, strict=False):
        if expected != now:
            yield Difference(line, direction, str(expected), str(now))
    if len(stored) > len(found):
        line, missing = stored[len(found)]
        yield Difference(line, direction, str(missing), "nothing")
    elif len(found) > len(stored):
        yield Difference(last_line, direction, "nothing", str(found[len(stored)]))


def decoded_count(pieces: Iterable[StoredPiece]) -> int:
    """How many frames a capture holds, damaged ones among them."""
    return sum(len(stored.decoded) for stored in pieces)
