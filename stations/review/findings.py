"""What a rule can say of one item."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Suggestion(StrEnum):
    """What a rule can say."""

    PASS = "pass"  # noqa: S105 the word, not a secret
    SUSPECT = "suspect"
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule says about one item.

    `reason`: of a suspicion, the code in `items.REASONS` of what looks wrong; of a rule that can't tell, the code in
    `items.DOUBTS` of why, where there is one. `details`: what a person decides by, such as the readings of a character;
    they are personal data.
    """

    suggestion: Suggestion
    reason: str | None = None
    details: tuple[str, ...] = ()


PASSED: Final = Finding(Suggestion.PASS)


def suspect(reason: str, *details: str) -> Finding:
    """A suspicion with its reason code."""
    return Finding(Suggestion.SUSPECT, reason, details)


def suspect_if(wrong: bool, reason: str) -> Finding:
    """A suspicion where something is wrong, else nothing against it."""
    return suspect(reason) if wrong else PASSED


def unsure(doubt: str, *details: str) -> Finding:
    """A rule that can't tell, with the code of why."""
    return Finding(Suggestion.CANNOT_TELL, doubt, details)
