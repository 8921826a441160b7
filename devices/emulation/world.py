"""The emulated physical world: what is on every piece, and where every piece is.

Each actor (a machine, or the staff's `hands`) appends to a tally of its own; writes are plain, so they survive
SIGKILL. No driver, no journal and no station may read this: only emulated staff's eyes and the final count.
"""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from devices.piece import PieceData

HANDS = "hands"
_FRONT_BYTES = 1024
_CHIP, _PRINTED, _LOCKED = 1, 2, 4
# A folder's time of change is as coarse as the kernel's clock tick: younger than this it may hide another change.
_SETTLED_NS = 1_000_000_000


class Stack(StrEnum):
    """Where a piece can be inside a machine; its place is written `<machine>:<stack>`."""

    INPUT = "input"
    PATH = "path"
    GOOD = "good"
    REJECT = "reject"
    HOLD = "hold"
    SLOT = "slot"


class What(StrEnum):
    """What happened to a piece. MARKED is its first physical change: from then on it is personalised."""

    ARRIVED = "arrived"
    WRAPPED = "wrapped"
    MOVED = "moved"
    FED = "fed"
    MARKED = "marked"
    PRINTED = "printed"
    EJECTED = "ejected"
    DEFACED = "defaced"


def inside(machine: str, stack: Stack) -> str:
    """Name the place `stack` of `machine`."""
    return f"{machine}:{stack.value}"


_WHATS = {what.value: what for what in What}


class TallyLine(NamedTuple):
    """One thing that happened to one piece; `identity` is the SHA-256 (hex) of the portrait put on it, else empty."""

    time_ns: int
    what: What
    serial: str
    origin: str
    place: str
    identity: str = ""

    def encode(self) -> str:
        """Write the line, tab separated, with its newline."""
        return f"{self.time_ns}\t{self.what.value}\t{self.serial}\t{self.origin}\t{self.place}\t{self.identity}\n"

    @classmethod
    def decode(cls, text: str) -> TallyLine:
        """Read back what `encode` wrote."""
        time_ns, what, serial, origin, place, identity = text.rstrip("\n").split("\t")
        return cls(int(time_ns), _WHATS[what], serial, origin, place, identity)


@dataclass(frozen=True, slots=True)
class Piece:
    """What can be found physically on a piece."""

    data: PieceData
    chip_written: bool
    printed: bool
    locked: bool

    @classmethod
    def ruined(cls, serial: str) -> Piece:
        """A marked piece on which nothing but its own number can be read."""
        return cls(PieceData("", serial, ()), chip_written=False, printed=False, locked=False)


class World:
    """The folder of the emulated world: `pieces/` and `tallies/`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.pieces = path / "pieces"
        self.tallies = path / "tallies"
        self.pieces.mkdir(parents=True, exist_ok=True)
        self.tallies.mkdir(parents=True, exist_ok=True)

    def write_chip(self, serial: str, data: bytes, *, locked: bool) -> None:
        """Write a piece's chip; `data` is its whole PieceData, of which only the chip is found until `print`."""
        self._put(serial, _CHIP | _LOCKED * locked, data)

    def print(self, serial: str) -> None:
        """Print the page of a piece whose chip was written."""
        fd = os.open(self.pieces / serial, os.O_RDWR)
        try:
            (marks,) = os.pread(fd, 1, 0)
            os.pwrite(fd, bytes((marks | _PRINTED,)), 0)
        finally:
            os.close(fd)

    def spoil(self, serial: str, data: bytes) -> None:
        """Spoil the chip of a piece: nothing of `data` can be found on it."""
        self._put(serial, 0, data)

    def _put(self, serial: str, marks: int, data: bytes) -> None:
        # Neither renamed into place nor synced: that would make every fsync of a journal beside it wait for portraits.
        fd = os.open(self.pieces / serial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.writev(fd, (bytes((marks,)), data))
        finally:
            os.close(fd)

    def ruin(self, serial: str) -> None:
        """Make what was put on the piece unreadable, for ever."""
        (self.pieces / serial).unlink(missing_ok=True)

    def piece(self, serial: str) -> Piece | None:
        """Look at a piece; None if nothing can be found on it."""
        try:
            content = (self.pieces / serial).read_bytes()
        except FileNotFoundError:
            return None
        if not content:
            return None
        marks, data = content[0], PieceData.decode(content[1:])
        chip, printed, locked = (bool(marks & bit) for bit in (_CHIP, _PRINTED, _LOCKED))
        if not printed:
            data = PieceData(data.kind, data.serial, (), chip=data.chip if chip else {})
        return Piece(data, chip, printed, locked)

    def front(self, serial: str) -> PieceData | None:
        """See kind, number and printed zone of a piece, and nothing else of it; None if nothing can be found on it."""
        try:
            with (self.pieces / serial).open("rb", buffering=0) as file:
                content = file.read(_FRONT_BYTES)
        except FileNotFoundError:
            return None
        if not content:
            return None
        data = PieceData.decode_front(content[1:])
        return data if content[0] & _PRINTED else PieceData(data.kind, data.serial, ())


class TallyWriter:
    """One actor's tally, opened for appending; several processes may write the same one."""

    def __init__(self, world: World, actor: str) -> None:
        self._fd = os.open(world.tallies / actor, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._last_ns = 0

    def write(self, what: What, serials: Iterable[tuple[str, str]], place: str, identity: str = "") -> None:
        """Append one line for each (serial, origin), all in one write: all of them happened, or none."""
        # Never two lines of one actor at the same instant, even if the clock stands still or steps back.
        self._last_ns = now_ns = max(time.time_ns(), self._last_ns + 1)
        text = "".join(TallyLine(now_ns, what, serial, origin, place, identity).encode() for serial, origin in serials)
        if text:
            os.write(self._fd, text.encode())

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)


class TallyReader:
    """Follows one actor's tally; each call gives the lines written since the last. Its file closes with it."""

    _READ_BYTES = 1 << 16

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._fd)
        self._offset = 0

    def lines(self) -> Iterator[TallyLine]:
        """Yield every whole line not yet yielded."""
        rest = b""
        while self.grown and (chunk := os.pread(self._fd, self._READ_BYTES, self._offset + len(rest))):
            whole, newline, rest = (rest + chunk).rpartition(b"\n")
            self._offset += len(whole) + len(newline)
            if newline:
                yield from map(TallyLine.decode, whole.decode().split("\n"))

    @property
    def grown(self) -> bool:
        """Whether something was written since the last whole line."""
        # Much cheaper than asking for the file's status, and asked for every tally in every act of the hands.
        return os.lseek(self._fd, 0, os.SEEK_END) != self._offset


@dataclass(slots=True)
class Seen:
    """Where a piece is now, how often it was personalised, and with whose portrait (SHA-256, hex) last."""

    place: str
    time_ns: int
    made: int = 0
    defaced: bool = False
    identity: str = ""
    delivered: bool = False
    """Whether a supplier brought it, as a blank; parcels come to be at the line itself."""


class Tally:
    """Every piece of the world, from all actors' tallies together."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._readers: dict[str, TallyReader] = {}
        self._listed_ns = 0
        self._at: dict[str, dict[str, None]] = {}
        self.pieces: dict[str, Seen] = {}

    @classmethod
    def read(cls, path: Path) -> Tally:
        """Read the world at `path`; `refresh` reads on."""
        tally = cls(World(path))
        tally.refresh()
        return tally

    def refresh(self) -> None:
        """Take in what was written since the last time."""
        self._find_actors()
        for actor, reader in self._readers.items():
            if reader.grown:
                self.refresh_from(actor)

    def refresh_from(self, actor: str) -> None:
        """Take in what one known actor wrote since the last time."""
        for line in self._readers[actor].lines():
            self._take(line)

    def _find_actors(self) -> None:
        changed_ns = self._world.tallies.stat().st_mtime_ns
        if changed_ns == self._listed_ns and time.time_ns() - changed_ns > _SETTLED_NS:
            return
        self._listed_ns = changed_ns
        for path in self._world.tallies.iterdir():
            if path.name not in self._readers:
                self._readers[path.name] = TallyReader(path)

    def at(self, place: str) -> list[str]:
        """List the serials at `place`, in the order they got there."""
        return list(self._at.get(place, ()))

    def _take(self, line: TallyLine) -> None:
        seen = self.pieces.get(line.serial)
        if seen is None:
            seen = self.pieces[line.serial] = Seen("", 0)
        seen.made += line.what is What.MARKED
        seen.delivered |= line.what is What.ARRIVED
        seen.defaced |= line.what is What.DEFACED
        if line.what is What.MARKED:
            seen.identity = line.identity
        # Actors' tallies are read one after another: an older line may come after a newer one.
        if line.time_ns < seen.time_ns:
            return
        seen.time_ns = line.time_ns
        if line.place != seen.place:
            if former := self._at.get(seen.place):
                former.pop(line.serial, None)
            seen.place = line.place
            self._at.setdefault(seen.place, {})[line.serial] = None
