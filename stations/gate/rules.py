"""The rules of the gate, as data and pure functions: numbers of faces, outcomes, and what follows from a look at it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from devices.roles import Door, Position, ShowerFault, ShowerPhase, ShowerState
from stations.people import EMULATED_PREFIX, STAFFING

FRESH_US: Final = 10_000_000
"""A recognition that is older opens nothing: whoever it was may have gone away."""
LONGEST_S: Final = 180.0
"""A passage that takes longer is one that nobody understands."""
CYCLE_BEGINS_S: Final = 5.0
"""So long somebody stands in the shower, its doors closed, and no cycle begins: then the outer door is released."""


class Direction(StrEnum):
    """Which way a person passes the gate: into the core area, or out of it."""

    IN = "in"
    OUT = "out"


class Outcome(StrEnum):
    """What became of a passage. TURNED_BACK: did not come in. STAYED: did not go out. REFUSED: no door was released."""

    ENTERED = "entered"
    LEFT = "left"
    TURNED_BACK = "turned-back"
    STAYED = "stayed"
    REFUSED = "refused"


class Step(StrEnum):
    """What is committed of a passage after its beginning, which releases its first door."""

    SECOND_DOOR = "second-door"
    UNKNOWN = "unknown"


class Found(StrEnum):
    """Where two people found a person."""

    INSIDE = "inside"
    OUTSIDE = "outside"


DOORS: Final[Mapping[Direction, tuple[Door, Door]]] = {
    Direction.IN: (Door.OUTER, Door.INNER),
    Direction.OUT: (Door.INNER, Door.OUTER),
}
"""The doors of a passage, in the order in which they are released."""
SETTLED: Final[Mapping[tuple[Direction, Found], Outcome]] = {
    (Direction.IN, Found.INSIDE): Outcome.ENTERED,
    (Direction.IN, Found.OUTSIDE): Outcome.TURNED_BACK,
    (Direction.OUT, Found.OUTSIDE): Outcome.LEFT,
    (Direction.OUT, Found.INSIDE): Outcome.STAYED,
}

_CODE: Final = re.compile(r"([a-z])-([0-9]{4,8})", re.ASCII)
_EMULATED: Final = re.compile(rf"{EMULATED_PREFIX}([a-z]+)-([1-9][0-9]{{0,2}})", re.ASCII)
_SHORTS: Final = ("lead", *(short for _, short in STAFFING.values()))
_OF_A_LETTER: Final = 111_110_000
"""Codes of 4 to 8 digits behind one letter."""
_LETTERS: Final = 26 * _OF_A_LETTER
_OF_A_SHORT: Final = 1_000


def credential_of(code: str) -> int | None:
    """The number under which a person is enrolled at the readers, of their staff code alone; None for no code.

    Every code has one number and every number at most one code, so no table stands between a face and a code.

    >>> credential_of("p-0417"), credential_of("e-per-2")
    (1666650417, 2888864002)
    """
    if (emulated := _EMULATED.fullmatch(code)) is not None and emulated[1] in _SHORTS:
        return _LETTERS + _SHORTS.index(emulated[1]) * _OF_A_SHORT + int(emulated[2])
    if (found := _CODE.fullmatch(code)) is None or code.startswith(EMULATED_PREFIX):
        return None
    letter, digits = found.groups()
    shorter = sum(int("1" + "0" * fewer) for fewer in range(4, len(digits)))
    return (ord(letter) - ord("a")) * _OF_A_LETTER + shorter + int(digits)


def code_of(credential: int) -> str | None:
    """The staff code of a number at the readers; None where it is nobody's.

    >>> code_of(1666650417), code_of(2888864002), code_of(4_294_967_295)
    ('p-0417', 'e-per-2', None)
    """
    if credential >= _LETTERS:
        place, number = divmod(credential - _LETTERS, _OF_A_SHORT)
        return f"{EMULATED_PREFIX}{_SHORTS[place]}-{number}" if place < len(_SHORTS) and number else None
    letter, rest = divmod(credential, _OF_A_LETTER)
    digits = 4
    while rest >= 10**digits:
        rest -= 10**digits
        digits += 1
    code = f"{chr(ord('a') + letter)}-{rest:0{digits}}"
    return None if code.startswith(EMULATED_PREFIX) else code


class Act(StrEnum):
    """What is done next in a passage."""

    WAIT = "wait"
    RELEASE = "release"
    SECOND = "second"
    """Commit that the second door may be released, then release it."""
    END = "end"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Move:
    """What follows from a look: a door to release, an outcome, or why nobody can tell; `why` is a code."""

    act: Act
    door: Door | None = None
    outcome: Outcome | None = None
    why: str | None = None


WAIT: Final = Move(Act.WAIT)


def busy(state: ShowerState) -> bool:
    """Whether the shower is somebody's already, so that no passage begins."""
    return bool(
        state.occupied
        or state.open_doors
        or state.released_doors
        or state.phase is ShowerPhase.BLOWING
        or state.fault is ShowerFault.DOOR_HELD_OPEN
    )


def decide(direction: Direction, before: Position, state: ShowerState, *, second: bool, quiet_s: float) -> Move:
    """What is to be done in a passage that began at the count `before`, from one look at the shower.

    `second`: its second door may have been released. `quiet_s`: for how long nothing has changed. Nothing else is
    asked, so that whoever goes on after a crash decides the same. What can't be told apart is UNKNOWN, never guessed.
    """
    if (why := _odd(direction, before, state, second=second)) is not None:
        return Move(Act.UNKNOWN, why=why)
    if state.open_doors or state.released_doors or state.phase is ShowerPhase.BLOWING:
        return WAIT
    if direction is Direction.OUT:
        return _leaving(state, second=second)
    return _entering(state, state.completed.number - before.number, second=second, quiet_s=quiet_s)


def _odd(direction: Direction, before: Position, state: ShowerState, *, second: bool) -> str | None:
    """Why nobody can tell from the shower what became of a passage; None where one can."""
    cycles = state.completed.number - before.number
    if state.completed.memory != before.memory or cycles < 0:
        return "count-lost"
    if state.fault is ShowerFault.DOOR_HELD_OPEN:
        return "door-held"
    first, other = DOORS[direction]
    if state.open_doors >= {first, other} or (other in state.open_doors and not second):
        return "door-forced"
    if direction is Direction.OUT:
        # Whoever leaves isn't blown at: somebody else came in by the outer door.
        return "cycle-ran" if cycles or state.phase is ShowerPhase.BLOWING else None
    if second and first in state.open_doors:
        return "door-forced"
    if cycles > 1 or (second and cycles != 1) or (second and state.phase is not ShowerPhase.CLEAN):
        return "cycle-ran"
    if cycles and not second and not state.occupied and state.phase is ShowerPhase.CLEAN:
        return "door-forced"  # gone, and the outer door was not open since: by the inner one, which nobody released
    return None


def _entering(state: ShowerState, cycles: int, *, second: bool, quiet_s: float) -> Move:
    if not state.occupied:
        if second:
            return Move(Act.END, outcome=Outcome.ENTERED)
        why = "no-cycle" if cycles or state.fault is not ShowerFault.NONE else "not-entered"
        return Move(Act.END, outcome=Outcome.TURNED_BACK, why=why)
    if second:
        return Move(Act.RELEASE, Door.INNER)
    if cycles and state.phase is ShowerPhase.CLEAN:
        return Move(Act.SECOND, Door.INNER)
    if cycles or state.fault is not ShowerFault.NONE or quiet_s >= CYCLE_BEGINS_S:
        return Move(Act.RELEASE, Door.OUTER)
    return WAIT


def _leaving(state: ShowerState, *, second: bool) -> Move:
    if state.occupied:
        return Move(Act.RELEASE if second else Act.SECOND, Door.OUTER)
    if not second:
        return Move(Act.END, outcome=Outcome.STAYED, why="not-left")
    if state.phase is ShowerPhase.CLEAN:
        return Move(Act.UNKNOWN, why="door-forced")  # gone, and the outer door was not open
    return Move(Act.END, outcome=Outcome.LEFT)
