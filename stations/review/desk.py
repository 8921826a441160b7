"""What review needs of a person: a decision on one application, with everything that is known about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from stations.intake.filed import Approval
from stations.review.history import Round
from stations.review.rules import Finding


class Outcome(StrEnum):
    """How a review can end."""

    PASS = "pass"  # noqa: S105 the word, not a secret
    RETURN = "return"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class ReviewCase:
    """One application as the desk shows it; assigned to `reviewer` by the line, never picked.

    `findings` are what the rules suggest, by item id; `photo` and `signature` are the pictures as filed. `approval`
    says who let it into the green channel and why; None for all others. `history`: its earlier returns and holds.
    """

    application_id: str
    revision: int
    round: int
    reviewer: str
    findings: Mapping[str, Finding]
    photo: bytes
    signature: bytes | None
    approval: Approval | None = None
    history: Sequence[Round] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """A reviewer's outcome with its reason codes (none for a pass, at least one otherwise)."""

    outcome: Outcome
    reasons: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.outcome is Outcome.PASS) != (not self.reasons):
            raise ValueError(f"outcome {self.outcome} with reasons {self.reasons!r}: only a pass has none")


class ReviewDesk(Protocol):
    """A reviewer at work; blocks until the person has decided."""

    def decide(self, case: ReviewCase) -> Decision:
        """The person's decision on `case`."""
        ...
