"""The rules of rolls as data: what may happen to one, where it is then, and whose hands sign for it."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from stations.people import Role
from stations.rolls.errors import RollCodeError, RollNumberError, RollPiecesError, RollTwiceError

STATION: Final = "personalization"
"""Whose machines rolls are mounted on."""
MOST_PIECES: Final = 100_000
"""Pieces of laminate of one roll; one goes on each document."""
_NUMBER: Final = re.compile(r"[A-Z0-9][A-Z0-9-]{0,19}", re.ASCII)
_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9/.-]{0,39}", re.ASCII)


class RollAct(StrEnum):
    """What happens to a roll."""

    RECEIVED = "received"
    ISSUED = "issued"
    MOUNTED = "mounted"
    TAKEN_OFF = "taken-off"
    RETURNED = "returned"
    DESTROYED = "destroyed"
    LOST = "lost"


MOVES: Final[Mapping[RollAct, frozenset[RollAct]]] = {
    RollAct.RECEIVED: frozenset({RollAct.ISSUED, RollAct.DESTROYED, RollAct.LOST}),
    RollAct.ISSUED: frozenset({RollAct.MOUNTED, RollAct.RETURNED, RollAct.LOST}),
    RollAct.MOUNTED: frozenset({RollAct.TAKEN_OFF}),
    RollAct.TAKEN_OFF: frozenset({RollAct.MOUNTED, RollAct.RETURNED, RollAct.LOST}),
    RollAct.RETURNED: frozenset({RollAct.ISSUED, RollAct.DESTROYED, RollAct.LOST}),
    RollAct.DESTROYED: frozenset(),
    RollAct.LOST: frozenset(),
}
"""What may follow; the triggers of the migration hold the same."""

_ANSWERING: Final = (Role.KEEPER, Role.OPERATOR, Role.LEAD)
HANDS: Final[Mapping[RollAct, tuple[tuple[Role, ...], ...]]] = {
    RollAct.RECEIVED: ((Role.KEEPER,), (Role.KEEPER,)),
    RollAct.ISSUED: ((Role.KEEPER,), (Role.OPERATOR,)),
    RollAct.MOUNTED: ((Role.OPERATOR,),),
    RollAct.TAKEN_OFF: ((Role.OPERATOR,),),
    RollAct.RETURNED: ((Role.OPERATOR,), (Role.KEEPER,)),
    RollAct.DESTROYED: ((Role.KEEPER, Role.LEAD), (Role.KEEPER, Role.LEAD)),
    RollAct.LOST: (_ANSWERING, _ANSWERING),
}
"""Who signs, in their order: where a roll changes hands the one who gives it first, who takes it second."""

TAKEN_OVER: Final = frozenset({RollAct.ISSUED, RollAct.RETURNED})
"""Acts after which the second person answers for the roll."""
IN_VAULT: Final = frozenset({RollAct.RECEIVED, RollAct.RETURNED})
ENDED: Final = frozenset({RollAct.DESTROYED, RollAct.LOST})


@dataclass(frozen=True, slots=True)
class Delivered:
    """A roll as it is delivered: its `number`, for which `kind` of blank, how many `pieces`, on which `note`."""

    number: str
    kind: str
    pieces: int
    note: str


@dataclass(frozen=True, slots=True)
class CounterReading:
    """What a machine says itself: its serial number, the memory that counts, and its life counters of worked pieces."""

    machine: str
    machine_serial: str
    journal_id: str
    good: int
    rejected: int
    emulated: bool


TOLD: Final = (
    *("act", "kind", "pieces", "note", "shift"),
    *("machine", "machine_serial", "journal_id", "good", "rejected", "machine_step"),
    *("made", "spoiled", "unsure", "left_pieces", "reason", "at_us", "emulated"),
)


def told(step: Mapping[str, object]) -> str:
    """A step as the log has it, under the register `roll`; of a roll's first step its `kind`, `pieces` and `note` too.

    `stations.rolls.projection` says the same in SQL.

    >>> told({"act": "mounted", "machine": "book-01", "good": 12, "made": None, "emulated": True})
    'act=mounted machine=book-01 good=12 emulated=1'
    """
    said = ((name, step.get(name)) for name in TOLD)
    return " ".join(
        f"{name}={int(value) if isinstance(value, bool) else value}" for name, value in said if value is not None
    )


def check_numbers(numbers: Sequence[str]) -> None:
    """Raise `RollTwiceError` for a roll that is named twice."""
    if twice := sorted(number for number, times in Counter(numbers).items() if times > 1):
        raise RollTwiceError(twice[0])


def check_delivered(roll: Delivered) -> None:
    """Raise `RollNumberError`, `RollPiecesError` or `RollCodeError` for what no delivered roll can be."""
    if _NUMBER.fullmatch(roll.number) is None:
        raise RollNumberError
    check_pieces(roll.pieces, least=1)
    check_code(roll.note, "a delivery note's number")


def check_pieces(pieces: int, *, least: int = 0) -> None:
    """Raise `RollPiecesError` for a count that no roll has."""
    if not least <= pieces <= MOST_PIECES:
        raise RollPiecesError(pieces, least, MOST_PIECES)


def check_code(code: str, what: str) -> None:
    """Raise `RollCodeError` for what is no code: it stays in the log for good."""
    if _CODE.fullmatch(code) is None:
        raise RollCodeError(what)


def place(act: RollAct, machine: str | None) -> str:
    """Where a roll is after `act`.

    >>> place(RollAct.MOUNTED, "book-01"), place(RollAct.TAKEN_OFF, "book-01"), place(RollAct.RETURNED, None)
    ('book-01', 'personalization', 'vault')
    """
    if act in ENDED:
        return ""
    if act is RollAct.MOUNTED:
        return machine or ""
    return "vault" if act in IN_VAULT else STATION


def beyond(used: int, least: int, most: int) -> int:
    """How far `used` is outside of what is explained, `least` to `most`; 0 within.

    >>> beyond(10, 9, 11), beyond(12, 9, 11), beyond(8, 9, 11)
    (0, 1, -1)
    """
    return max(0, used - most) - max(0, least - used)
