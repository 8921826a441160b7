"""The rules of personalization, as data: who makes what from which blank, and how a job may move."""

from collections.abc import Sequence
from enum import StrEnum

import devices.jobs
from devices.jobs import JobState
from stations.documents import PRODUCTS
from stations.personalization.tables import JobOutcome

STATION = "personalization"
VAULT = "vault"
QC = "qc"

# Drawn and prepared may be one commit: no message that moves anything lies between them.
JOB_MOVES: dict[JobState, frozenset[JobState]] = {
    **devices.jobs.JOB_MOVES,
    JobState.INTENT: devices.jobs.JOB_MOVES[JobState.INTENT] | {JobState.PREPARED},
}
"""The legal moves of a job's state; the migration copies them into `job_move`, where a trigger holds them."""


class Settlement(StrEnum):
    """What two people find of a job that no machine can answer for."""

    MADE_GOOD = "made-good"
    MADE_BAD = "made-bad"
    UNMARKED = "unmarked"
    UNREADABLE = "unreadable"
    NOT_DRAWN = "not-drawn"
    NOT_FOUND = "not-found"
    LOST = "lost"


SETTLED: dict[Settlement, JobOutcome] = {
    Settlement.MADE_GOOD: JobOutcome.GOOD,
    Settlement.MADE_BAD: JobOutcome.FAILED,
    Settlement.UNMARKED: JobOutcome.RETURNED,
    Settlement.UNREADABLE: JobOutcome.FAILED,
    Settlement.NOT_DRAWN: JobOutcome.VOID,
    Settlement.LOST: JobOutcome.FAILED,
}
"""The outcome that each finding books; what was not found stays open, without a remake, until it is reported lost
(`stations.vault.losing`, which alone books that)."""


def outcome_of(settlement: Settlement, *, specimen: bool) -> JobOutcome | None:
    """The outcome that a finding books of a job; None where it stays open.

    >>> outcome_of(Settlement.MADE_BAD, specimen=True), outcome_of(Settlement.UNMARKED, specimen=True)
    (<JobOutcome.SPECIMEN: 'specimen'>, <JobOutcome.RETURNED: 'returned'>)
    """
    outcome = SETTLED.get(settlement)
    return JobOutcome.SPECIMEN if specimen and outcome is JobOutcome.FAILED else outcome


def numbered_from_range(product: str) -> bool:
    """Whether the product's documents take their numbers from a range rather than from the blank."""
    return not PRODUCTS[product].numbered_blanks


def blank_kind(products: Sequence[str]) -> str:
    """The one kind of blank ("book" or "card") that a machine making `products` takes. Raises ValueError for two."""
    (kind,) = {PRODUCTS[product].blank for product in products}
    return kind


def blank_stock(kind: str) -> str:
    """The place of a station where blanks of `kind` ("book" or "card") lie before they are loaded."""
    return f"stock:{kind}"


def input_stack(machine: str) -> str:
    """The place of the blanks that are loaded into `machine` and not yet drawn."""
    return f"{machine}:input"


def path(machine: str) -> str:
    """The place of the blank that `machine` has drawn and is working on."""
    return f"{machine}:path"


def good_stack(machine: str) -> str:
    """The place where `machine` ejects what it made."""
    return f"{machine}:good"


def reject_bin(machine: str) -> str:
    """The place where `machine` ejects what it spoiled."""
    return f"{machine}:reject"


def hold_stack(machine: str) -> str:
    """The place where `machine` ejects a blank that it drew and gives back unmarked."""
    return f"{machine}:hold"


def bench(machine: str) -> str:
    """The place beside `machine` where two people lay out what they took from its reject bin."""
    return f"bench/{machine}"


ORDER_QUEUE = "queue"
VOIDED = "voided"
RACK = "rack"
OUTGOING = "outgoing"
QUARANTINE = "quarantine"
SPECIMEN = "specimen"
"""Why a specimen leaves its machine and is voided, as its records have it."""
