"""The physics of a personalization machine: stacks, path, chip station and printer, with a tally of its own.

A motion is a generator: it changes the world, then yields the seconds (at speed 1) that the mechanics take, and
returns how it ended. The physics knows no jobs; the memory of the machine is elsewhere, and what this module knows of
the past comes from the positions of the pieces themselves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from devices.emulation.faults import FaultName, Faults
from devices.emulation.world import Stack, TallyReader, TallyWriter, What, World, inside


class End(StrEnum):
    """How a motion ended: done, or by the fault that stopped it."""

    DONE = "done"
    EMPTY = "no_blanks"
    DOUBLE_FED = "double"
    UNREADABLE = "unreadable"
    JAMMED = "jam"
    CHIP_FAILED = "chip"
    PRINT_FAILED = "print"


SLOW_S = 30.0
"""Seconds at speed 1 that a slow motion takes more."""

Motion: TypeAlias = Generator[float, None, End]


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds at speed 1 of each motion; a document takes all but `feed_s`, which overlaps the one before."""

    feed_s: float
    chip_s: float
    print_s: float
    eject_s: float


class Chance:
    """Seeded misfortune: what happens to a piece depends on seed, machine and serial, not on order or restarts."""

    def __init__(self, seed: int, machine: str, *, spoil_rate: float = 0.0, misread_rate: float = 0.0) -> None:
        self._salt = f"{seed}:{machine}"
        self.spoil_rate = spoil_rate
        self.misread_rate = misread_rate

    def _draw(self, what: str) -> float:
        digest = hashlib.sha256(f"{self._salt}:{what}".encode()).digest()
        return int.from_bytes(digest[:7]) / (1 << 56)

    def spoil(self, serial: str) -> End | None:
        """Say whether the piece is spoiled, and by what: half of them by the chip, half by the print."""
        drawn = self._draw(f"spoil:{serial}")
        if drawn >= self.spoil_rate:
            return None
        return End.CHIP_FAILED if drawn < self.spoil_rate / 2 else End.PRINT_FAILED

    def misread(self, serial: str, attempt: int) -> bool:
        """Say whether this attempt at reading the piece fails."""
        return self._draw(f"misread:{serial}:{attempt}") < self.misread_rate


@dataclass(slots=True)
class Counters:
    """The machine's mechanical counters, turned by the pieces themselves."""

    fed: int = 0
    good: int = 0
    rejected: int = 0
    returned: int = 0


@dataclass(frozen=True, slots=True)
class Marking:
    """What is to be put on a piece: encoded PieceData, and the SHA-256 (hex) of its portrait."""

    data: bytes
    identity: str


class Machine:
    """Stacks of pieces and a path with two positions: `drawn` (read, waiting) and `working` (chip and printer)."""

    def __init__(
        self, machine: str, world: World, pace: Pace, chance: Chance, faults: Faults, *, reads: bool = True
    ) -> None:
        """Whether it `reads` the number of what it draws: one that doesn't is blind to two blanks at once as well."""
        self.machine, self._reads = machine, reads
        self.counters = Counters()
        self.stacks: dict[Stack, dict[str, None]] = {stack: {} for stack in Stack}
        self.drawn: str | None = None
        self.working: str | None = None
        self._world, self._pace, self._chance, self._faults = world, pace, chance, faults
        self._tally = TallyWriter(world, machine)
        self._places = {inside(machine, stack): stack for stack in Stack}
        self._find_pieces()

    def _find_pieces(self) -> None:
        """After a start the pieces lie where they lay: put each into its stack again and read the counters."""
        reader = TallyReader(self._world.tallies / self.machine)
        for line in reader.lines():
            self._count(line.what, line.place, 1)
            if former := self._places.get(line.origin):
                self.stacks[former].pop(line.serial, None)
            if stack := self._places.get(line.place):
                self.stacks[stack][line.serial] = None

    def _count(self, what: What, place: str, pieces: int) -> None:
        if what is What.FED:
            self.counters.fed += pieces
        elif what is What.EJECTED:
            match self._places[place]:
                case Stack.GOOD:
                    self.counters.good += pieces
                case Stack.REJECT:
                    self.counters.rejected += pieces
                case Stack.HOLD:
                    self.counters.returned += pieces

    def _move(self, what: What, serials: Sequence[str], origin: Stack, target: Stack) -> None:
        place = inside(self.machine, target)
        self._tally.write(what, ((serial, inside(self.machine, origin)) for serial in serials), place)
        for serial in serials:
            self.stacks[origin].pop(serial, None)
            self.stacks[target][serial] = None
        self._count(what, place, len(serials))

    # What the mechanics do.

    def feed(self) -> Motion:
        """Draw the next blank from the input stack into the path and read its number (then it is in `drawn`)."""
        serial = next(iter(self.stacks[Stack.INPUT]), None)
        if serial is None or self._strikes(FaultName.MISFEED):
            return End.EMPTY
        drawn = list(self.stacks[Stack.INPUT])[: 2 if (doubled := self._strikes(FaultName.DOUBLE_FEED)) else 1]
        self._move(What.FED, drawn, Stack.INPUT, Stack.PATH)
        if doubled and self._reads:
            yield self._pace.feed_s + self._pace.eject_s
            self._move(What.EJECTED, drawn, Stack.PATH, Stack.REJECT)
            return End.DOUBLE_FED
        self.drawn = drawn[-1]
        yield self._pace.feed_s + self._delay_s()
        if self._strikes(FaultName.JAM):
            return End.JAMMED
        if self._reads and (self._strikes(FaultName.UNREADABLE_BLANK) or self._chance.misread(serial, 0)):
            yield from self._eject(serial, Stack.REJECT)
            return End.UNREADABLE
        return End.DONE

    def make(self, marking: Marking) -> Motion:
        """Write the drawn blank's chip, print it, and eject it to the good stack or the reject bin."""
        serial, self.drawn = self.drawn, None
        if serial is None:
            return End.EMPTY
        self.working = serial
        spoil = self._spoil(serial)
        origin = ((serial, inside(self.machine, Stack.PATH)),)
        self.mark(serial, marking.identity)
        if spoil is End.CHIP_FAILED:
            self._world.spoil(serial, marking.data)
        else:
            self._world.write_chip(serial, marking.data, locked=True)
        yield self._pace.chip_s + self._delay_s()
        if self._strikes(FaultName.JAM):
            return End.JAMMED
        if spoil is End.CHIP_FAILED:
            yield from self._eject(serial, Stack.REJECT)
            return spoil
        self._world.print(serial)
        self._tally.write(What.PRINTED, origin, inside(self.machine, Stack.PATH), marking.identity)
        yield self._pace.print_s
        if self._strikes(FaultName.JAM):
            return End.JAMMED
        yield from self._eject(serial, Stack.GOOD if spoil is None else Stack.REJECT)
        return spoil or End.DONE

    def mark(self, serial: str, identity: str = "") -> None:
        """Note that the piece in the path is about to be changed for the first time.

        The tally first: from its first change on a piece counts as personalised, whatever is found on it later.
        """
        path = inside(self.machine, Stack.PATH)
        self._tally.write(What.MARKED, ((serial, path),), path, identity)

    def eject(self, target: Stack) -> Motion:
        """Move the drawn piece to a stack, whatever was done to it."""
        if self.drawn is None:
            return End.EMPTY
        yield from self._eject(self.drawn, target)
        return End.DONE

    def give_back(self) -> Motion:
        """Eject the drawn, unmarked blank to the hold stack."""
        if self.drawn is None:
            return End.EMPTY
        yield from self._eject(self.drawn, Stack.HOLD)
        return End.DONE

    def _eject(self, serial: str, target: Stack) -> Generator[float, None, None]:
        yield self._pace.eject_s
        self._move(What.EJECTED, (serial,), Stack.PATH, target)
        if serial == self.working:
            self.working = None
        else:
            self.drawn = None

    def _spoil(self, serial: str) -> End | None:
        if self._strikes(FaultName.CHIP_FAILURE):
            return End.CHIP_FAILED
        if self._strikes(FaultName.PRINT_FAILURE):
            return End.PRINT_FAILED
        return self._chance.spoil(serial)

    def _delay_s(self) -> float:
        return SLOW_S if self._strikes(FaultName.SLOW_MOTION) else 0.0

    def _strikes(self, name: FaultName) -> bool:
        return self._faults.strike(name) is not None

    def purge(self) -> list[str]:
        """Move whatever is in the path to the reject bin; return the serials."""
        found = list(self.stacks[Stack.PATH])
        self._move(What.EJECTED, found, Stack.PATH, Stack.REJECT)
        self.drawn = self.working = None
        return found

    # What hands do.

    def load(self, blanks: Iterable[tuple[str, str]]) -> list[str]:
        """Lay blanks, (serial, where it was), on the input stack; those already inside stay where they are."""
        fresh = [(s, origin) for s, origin in blanks if not any(s in stack for stack in self.stacks.values())]
        self._tally.write(What.MOVED, fresh, inside(self.machine, Stack.INPUT))
        self.stacks[Stack.INPUT].update((serial, None) for serial, _ in fresh)
        return [serial for serial, _ in fresh]

    def take(self, stack: Stack, serials: Iterable[str], place: str) -> list[str]:
        """Take pieces out of a stack to `place` outside; those not in it are left out of the answer."""
        taken = [serial for serial in serials if serial in self.stacks[stack]]
        self._tally.write(What.MOVED, ((serial, inside(self.machine, stack)) for serial in taken), place)
        for serial in taken:
            del self.stacks[stack][serial]
        return taken

    @property
    def in_path(self) -> int:
        """How many pieces are in the path."""
        return len(self.stacks[Stack.PATH])

    def close(self) -> None:
        """Close the tally."""
        self._tally.close()
