"""What verification finds: which step failed, by which rule, at which record."""

import hashlib
from dataclasses import dataclass

STEPS = {
    1: "one record against a checkpoint",
    2: "consistency of checkpoints, and their witnesses",
    3: "full recomputation from the columns",
    4: "completeness",
    5: "times between the cosigned times",
    6: "signatures of both sides",
    7: "custody rules, and tables that follow the log",
}
"""The steps by number."""

BREAKING = frozenset({1, 2, 3, 6})
"""Steps whose failure means that the log is not what was written; the others' failures can be explained."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A step's failure at one record: `subject` is its id, or what else the rule speaks of."""

    step: int
    rule: str
    subject: str
    explained_by: str | None = None
    """The register event that closed it, by two people."""

    @property
    def finding_id(self) -> str:
        """The same 16 hex characters in every run, by which two people explain it."""
        return hashlib.sha256(f"{self.step}\n{self.rule}\n{self.subject}".encode()).hexdigest()[:16]

    @property
    def is_breaking(self) -> bool:
        """Whether no explanation can close it."""
        return self.step in BREAKING


@dataclass(frozen=True, slots=True)
class Limits:
    """What is borne before it is a finding, in seconds.

    `unsealed_s`: a record without a leaf, or a leaf without a checkpoint. `unwitnessed_s`: a sealed record that no
    witness has seen. `clock_s`: between two clocks. `sealing_s`: a record's wait for its leaf.
    """

    unsealed_s: float = 10.0
    unwitnessed_s: float = 300.0
    clock_s: float = 2.0
    sealing_s: float = 5.0
