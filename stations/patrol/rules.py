"""The rules of a patrol, as data: the plan, what an item may be answered with, how a finding goes to its end."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from stations.patrol.errors import (
    AnswersMissingError,
    HoldRefusedError,
    NotOnPlanError,
    StepRefusedError,
    TextRefusedError,
    TooManyPhotosError,
    UnknownPatrolError,
)
from stations.people import Role

PATROLLERS: Final = (Role.OPERATOR, Role.LEAD)
"""Who walks a round; while a shift is open, an operator who is named for it, or a lead."""
MENDERS: Final = (Role.OPERATOR, Role.LEAD, Role.ADMINISTRATOR, Role.ENGINEER)
"""Who takes a finding, mends it, or looks at what another mended."""
EMULATED_PATROLLER: Final = "e-pat-1"
EMULATED_MENDER: Final = "e-pat-2"

PLACE: Final = "place:"
"""What the name of a point that is no machine begins with."""
OTHER: Final = "other"
"""The item that every point has: anything else that is not as it should be."""
MOST_ANSWERS: Final = 200
"""Points times items of one round: a person answers each."""
MOST_PHOTOS: Final = 6
LONGEST_TEXT: Final = 500
MINUTE_US: Final = 60_000_000


class Answer(StrEnum):
    """What an item is answered with."""

    OK = "ok"
    BAD = "bad"


class Kind(StrEnum):
    """What a finding is about."""

    DEVICE = "device"
    SYSTEM = "system"
    NETWORK = "network"


class Step(StrEnum):
    """What is done about a finding; that it was found is no step."""

    TAKEN = "taken"
    MENDED = "mended"
    RETURNED = "returned"
    CHECKED = "checked"


NEXT: Final[Mapping[Step | None, frozenset[Step]]] = {
    None: frozenset({Step.TAKEN}),
    Step.TAKEN: frozenset({Step.TAKEN, Step.MENDED}),
    Step.MENDED: frozenset({Step.CHECKED, Step.RETURNED}),
    Step.RETURNED: frozenset({Step.TAKEN}),
    Step.CHECKED: frozenset(),
}
"""Which steps may follow which; None: nothing was done yet. `stations.migrations` has the same as triggers."""
TOLD: Final = frozenset({Step.MENDED, Step.RETURNED})
"""Steps that say what was done, or what is still wrong."""

_NO_CONTROLS: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a checklist."""

    id: str
    english: str
    chinese: str


ANYTHING_ELSE: Final = Item(OTHER, "Nothing else is out of order", "其他方面无异常")


@dataclass(frozen=True, slots=True)
class Patrol:
    """One round of the plan: its points in the order they are walked, its items but the last, how often it is due."""

    name: str
    every_min: int
    points: tuple[str, ...]
    items: tuple[Item, ...]

    @property
    def checklist(self) -> tuple[Item, ...]:
        """Every item of a point."""
        return (*self.items, ANYTHING_ELSE)

    @property
    def cells(self) -> Iterator[tuple[str, Item]]:
        """Each point with each item, in the order they are walked."""
        return ((point, item) for point in self.points for item in self.checklist)

    @property
    def digest(self) -> str:
        """SHA-256 of the plan: another one has another."""
        parts = [self.name, self.every_min, self.points, [[each.id, each.english, each.chinese] for each in self.items]]
        return hashlib.sha256(json.dumps(parts, ensure_ascii=True, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Found:
    """What is wrong at one item of a point, before it is recorded. `photo`: the picture's file as it was sent."""

    point: str
    item: str
    kind: Kind
    what: str
    holds: bool = False
    photo: bytes | None = None


@dataclass(frozen=True, slots=True)
class Walked:
    """One round as it was walked: which answers are `bad` is what `found` says; all other items are in order."""

    patrol: Patrol
    answers: Mapping[tuple[str, str], Answer]
    found: tuple[Found, ...]


def named(plan: Sequence[Patrol], name: str) -> Patrol:
    """The patrol with a name. Raises `UnknownPatrolError`."""
    for patrol in plan:
        if patrol.name == name:
            return patrol
    raise UnknownPatrolError(name, tuple(patrol.name for patrol in plan))


def check_walked(walked: Walked, holdable: Sequence[str]) -> Walked:
    """The round, if every item of every point was answered and every bad one says what is wrong.

    `holdable`: machines that can be held. Raises `AnswersMissingError`, `NotOnPlanError`, `TextRefusedError`,
    `HoldRefusedError`, `TooManyPhotosError`.
    """
    cells = {(point, item.id) for point, item in walked.patrol.cells}
    if strange := sorted(walked.answers.keys() - cells):
        raise NotOnPlanError(walked.patrol.name, *strange[0])
    if missing := [
        f"{point} {item.id}" for point, item in walked.patrol.cells if (point, item.id) not in walked.answers
    ]:
        raise AnswersMissingError(walked.patrol.name, tuple(missing))
    bad = {cell for cell, answer in walked.answers.items() if answer is Answer.BAD}
    said = [(one.point, one.item) for one in walked.found]
    if sorted(said) != sorted(bad):
        point, item = sorted(set(said) ^ bad or set(said))[0]
        raise TextRefusedError(f"{point} {item}")
    for one in walked.found:
        check_text(one.what, f"{one.point} {one.item}")
        if one.holds and one.point not in holdable:
            raise HoldRefusedError(one.point, tuple(holdable))
    if sum(one.photo is not None for one in walked.found) > MOST_PHOTOS:
        raise TooManyPhotosError(MOST_PHOTOS)
    return walked


def check_text(text: str, where: str) -> str:
    """The text, if it says something and nothing that would move a terminal's cursor. Raises `TextRefusedError`.

    >>> check_text("the cover does not close", "book-01 covers")
    'the cover does not close'
    """
    if not text.strip() or len(text) > LONGEST_TEXT or _NO_CONTROLS.fullmatch(text) is None:
        raise TextRefusedError(where)
    return text


def check_step(finding: int, step: Step, last: Step | None, person: str, last_person: str | None) -> None:
    """Raise `StepRefusedError` unless `person` may do `step` after `last`, which `last_person` did.

    Who took it mends it; who mended it does not look at it; nobody takes what is theirs.
    """
    mine = person == last_person
    who_fits = {Step.MENDED: mine, Step.CHECKED: not mine, Step.RETURNED: not mine}
    if step not in NEXT[last] or not who_fits.get(step, not (last is Step.TAKEN and mine)):
        raise StepRefusedError(finding, step.value, last.value if last else "found", last_person)


def due_us(patrol: Patrol, since_us: int) -> int:
    """By when the next round is due, microseconds UTC, where `since_us` is the last one, or when rounds began."""
    return since_us + patrol.every_min * MINUTE_US


def sha256(text: str) -> str:
    """What the log has of a text."""
    return hashlib.sha256(text.encode()).hexdigest()
