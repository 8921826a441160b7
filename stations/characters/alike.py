"""For a character of a name those that are written in its place by mistake: look-alikes and homophones.

They were measured once (`measure`) and lie in `alike.txt`; nothing is computed here.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).with_name("alike.txt")
GRID: Final = 15
"""A character's square is so many steps wide and high; a step is a hexadecimal digit."""
MOST: Final = 6
"""Characters that are shown with one."""


class Likeness(StrEnum):
    """How a character is like another; in `alike.txt` by its first letter."""

    BOTH = "both"
    """It looks like it and sounds like it: the hardest to see."""
    LOOKS = "looks"
    SOUNDS = "sounds"


@dataclass(frozen=True, slots=True)
class Alike:
    """A character like another. `differs` is where its glyph differs: left, top, width, height in steps of its square.

    None where they share too little to point at a part.
    """

    character: str
    likeness: Likeness
    differs: tuple[int, int, int, int] | None = None


_LETTERS: Final = {each.value[0]: each for each in Likeness}


def alike(character: str) -> tuple[Alike, ...]:
    """The characters like this one, those that look and sound alike first; nothing for one that was not measured.

    >>> alike("晓")[0]
    Alike(character='哓', likeness=<Likeness.BOTH: 'both'>, differs=(1, 6, 3, 8))
    >>> alike("A")
    ()
    """
    return tuple(_read(entry) for entry in _lines().get(character, ()))


@cache
def _lines() -> dict[str, list[str]]:
    lines = (line.split() for line in FILE.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    return {head: entries for head, *entries in lines}


def _read(entry: str) -> Alike:
    left, top, right, bottom = (int(digit, 16) for digit in entry[2:] or "0000")
    differs = (left, top, right - left, bottom - top) if right else None
    return Alike(entry[0], _LETTERS[entry[1]], differs)
