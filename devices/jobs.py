"""A job's identity and its legal moves, on the host and in the machine.

A job is one attempt to make one document on one machine. Its id is a hash of what it is for, so that asking twice for
the same attempt can only name the same job. The host commits every state before the message that it allows; the machine
journals every state before anything moves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from hashlib import sha256
from typing import Protocol

from devices.errors import IllegalMoveError

JOB_ID_BYTES = 16


def job_id(centre: str, application: str, product: str, attempt: int) -> str:
    """The id of one attempt, 32 hexadecimal characters; each part is length-prefixed, so no two attempts share a text.

    >>> job_id("jinan", "370100-0001", "passport", 1)
    '5142c72bfb669f6d589b82138beb96cd'
    """
    text = "".join(f"{len(part)}:{part}" for part in (centre, application, product, str(attempt)))
    return sha256(text.encode()).hexdigest()[: 2 * JOB_ID_BYTES]


class JobState(StrEnum):
    """Where a job stands in the host's database."""

    INTENT = "INTENT"
    FED = "FED"
    PREPARED = "PREPARED"
    STARTING = "STARTING"
    RESULT = "RESULT"
    RELEASED = "RELEASED"
    UNCERTAIN = "UNCERTAIN"


# UNCERTAIN ends in RESULT when the machine can tell after all, or when two people have settled it. A host that has
# built the data when it books the blank may commit STARTING at once, and send PREPARE and START together.
JOB_MOVES: Mapping[JobState, frozenset[JobState]] = {
    JobState.INTENT: frozenset({JobState.FED, JobState.STARTING, JobState.RESULT, JobState.UNCERTAIN}),
    JobState.FED: frozenset({JobState.PREPARED, JobState.RESULT, JobState.UNCERTAIN}),
    JobState.PREPARED: frozenset({JobState.STARTING, JobState.RESULT, JobState.UNCERTAIN}),
    JobState.STARTING: frozenset({JobState.RESULT, JobState.UNCERTAIN}),
    JobState.RESULT: frozenset({JobState.RELEASED}),
    JobState.UNCERTAIN: frozenset({JobState.RESULT}),
    JobState.RELEASED: frozenset(),
}


class MachineJobState(IntEnum):
    """Where a job stands in a machine's journal; the number is the one on the line."""

    ABSENT = 0
    FEEDING = 1
    FED = 2
    PREPARED = 3
    WORKING = 4
    DONE = 5
    FAILED = 6
    RETURNED = 7
    UNKNOWN = 8
    VOIDED = 9
    RETURNING = 10


# After a restart FEEDING, WORKING and RETURNING become UNKNOWN; FED and PREPARED, nothing being marked, become FAILED.
MACHINE_MOVES: Mapping[MachineJobState, frozenset[MachineJobState]] = {
    MachineJobState.ABSENT: frozenset({MachineJobState.FEEDING, MachineJobState.VOIDED}),
    MachineJobState.FEEDING: frozenset({MachineJobState.FED, MachineJobState.FAILED, MachineJobState.UNKNOWN}),
    MachineJobState.FED: frozenset({MachineJobState.PREPARED, MachineJobState.FAILED, MachineJobState.RETURNING}),
    MachineJobState.PREPARED: frozenset({MachineJobState.WORKING, MachineJobState.FAILED, MachineJobState.RETURNING}),
    MachineJobState.WORKING: frozenset({MachineJobState.DONE, MachineJobState.FAILED, MachineJobState.UNKNOWN}),
    MachineJobState.RETURNING: frozenset({MachineJobState.RETURNED, MachineJobState.FAILED, MachineJobState.UNKNOWN}),
    MachineJobState.DONE: frozenset(),
    MachineJobState.FAILED: frozenset(),
    MachineJobState.RETURNED: frozenset(),
    MachineJobState.UNKNOWN: frozenset(),
    MachineJobState.VOIDED: frozenset(),
}

RESULTS = frozenset(state for state, moves in MACHINE_MOVES.items() if not moves)
"""States in which a machine holds a latched result until RELEASE."""

DRAWN = frozenset({MachineJobState.FED, MachineJobState.PREPARED})
"""States in which an unmarked blank waits in the path: it may be returned."""


class Disposition(IntEnum):
    """Where the machine put the piece of a job."""

    NONE = 0
    IN_PATH = 1
    GOOD_STACK = 2
    REJECT_BIN = 3
    HOLD_STACK = 4
    UNKNOWN = 5


class Cause(IntEnum):
    """Why a job ended as it did."""

    NONE = 0
    MISFEED = 1
    DOUBLE_FEED = 2
    JAM = 3
    CHIP_FAILED = 4
    PRINT_FAILED = 5
    WRONG_BLANK = 6
    RESTART = 7
    REJECT_BIN_FULL = 8
    GOOD_STACK_FULL = 9


def advance(job: str, state: JobState, wanted: JobState) -> JobState:
    """`wanted`, if a host's job may go there from `state`; raises IllegalMoveError otherwise."""
    if wanted not in JOB_MOVES[state]:
        raise IllegalMoveError(job, state, wanted)
    return wanted


def advance_machine(job: str, state: MachineJobState, wanted: MachineJobState) -> MachineJobState:
    """`wanted`, if a machine's job may go there from `state`; raises IllegalMoveError otherwise."""
    if wanted not in MACHINE_MOVES[state]:
        raise IllegalMoveError(job, state.name, wanted.name)
    return wanted


@dataclass(frozen=True, slots=True)
class JobIntent:
    """A job that the host has committed and not yet released.

    `machine_serial`, `journal_id` and `journal_position` are the machine's at the time of the intent: only that
    journal, still reaching back to that position, can say that the machine never heard of the job.
    """

    job_id: str
    machine: str
    machine_serial: str
    journal_id: str
    journal_position: int
    state: JobState
    blank_serial: str | None = None
    data_sha256: str | None = None


class JobJournal(Protocol):
    """What the device layer needs of the host's database before a machine may move."""

    def next_fence(self, machine: str, above: int) -> int:
        """A fence greater than every one given out for this machine and than `above`, committed before it returns."""
        ...

    def open_intents(self, machine: str) -> Sequence[JobIntent]:
        """The machine's jobs from INTENT up to and without RESULT, UNCERTAIN ones included."""
        ...

    def booked_result(self, job_id: str) -> str | None:
        """The hash of the result booked for this job, or None if none was."""
        ...
