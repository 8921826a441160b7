"""The tables of the gate: passages one after another, their steps and their ends. Append-only; migrations add guards.

Who passed is a staff code: no image, template or score is kept. Times are integer microseconds UTC.
"""

from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Integer, String, UniqueConstraint
from sqlmodel import Field, SQLModel

from stations.gate.rules import Direction, Outcome, Step


def _one_of(column: str, values: type[StrEnum]) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"


def _number(foreign: str | None = None) -> Column[int]:
    return Column(Integer, *([ForeignKey(foreign)] if foreign else []), primary_key=True, autoincrement=False)


class GatePassage(SQLModel, table=True):
    """One passage from its recognition on, numbered without a gap: the next begins when this one has ended.

    `memory` and `recognition` are the reader's own count: a recognition opens once. `cycles` is the shower's count
    when it began. Two people's word on where somebody is has no machines.
    """

    __tablename__ = "gate_passage"
    __table_args__ = (
        CheckConstraint("number >= 1", name="ck_gate_passage_number"),
        CheckConstraint(_one_of("direction", Direction), name="ck_gate_passage_direction"),
        CheckConstraint(
            "(reader IS NULL) = (memory IS NULL) AND (reader IS NULL) = (recognition IS NULL)",
            name="ck_gate_passage_reader",
        ),
        CheckConstraint(
            "(shower IS NULL) = (cycle_memory IS NULL) AND (shower IS NULL) = (cycles IS NULL)",
            name="ck_gate_passage_shower",
        ),
        UniqueConstraint("reader", "memory", "recognition", name="uq_gate_passage_recognition"),
    )

    number: int = Field(sa_column=_number())
    direction: str = Field(sa_column=Column(String(3), nullable=False))
    person: str | None = Field(default=None, sa_column=Column(String(40)))
    reader: str | None = Field(default=None, sa_column=Column(String(40)))
    memory: int | None = Field(default=None, sa_column=Column(BigInteger))
    recognition: int | None = Field(default=None, sa_column=Column(BigInteger))
    missed: int
    """Recognitions that the reader counted before this one and that never arrived."""
    shower: str | None = Field(default=None, sa_column=Column(String(40)))
    cycle_memory: int | None = Field(default=None, sa_column=Column(BigInteger))
    cycles: int | None = Field(default=None, sa_column=Column(BigInteger))
    begun_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    emulated: bool


class GateStep(SQLModel, table=True):
    """What was committed of a passage before its second door was released, or that nobody can tell what became of it.

    `cycles`: the shower's count at that moment, one more than at the beginning for whoever enters.
    """

    __tablename__ = "gate_step"
    __table_args__ = (
        CheckConstraint(_one_of("step", Step), name="ck_gate_step_step"),
        CheckConstraint(
            "(step = 'unknown') = (reason IS NOT NULL) AND (step = 'unknown') = (cycles IS NULL)",
            name="ck_gate_step_facts",
        ),
    )

    number: int = Field(sa_column=_number("gate_passage.number"))
    step: str = Field(sa_column=Column(String(12), primary_key=True))
    at_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    cycles: int | None = Field(default=None, sa_column=Column(BigInteger))
    reason: str | None = Field(default=None, sa_column=Column(String(40)))


class GateEnding(SQLModel, table=True):
    """How a passage ended; where nobody could tell, by two people who looked."""

    __tablename__ = "gate_ending"
    __table_args__ = (
        CheckConstraint(_one_of("outcome", Outcome), name="ck_gate_ending_outcome"),
        CheckConstraint("outcome <> 'refused' OR reason IS NOT NULL", name="ck_gate_ending_reason"),
        CheckConstraint(
            "(settled_by IS NULL AND settled_second IS NULL AND sign_in IS NULL AND second_sign_in IS NULL) "
            "OR (settled_by IS NOT NULL AND settled_second IS NOT NULL AND settled_by <> settled_second "
            "AND (substr(settled_by, 1, 2) = 'e-') = (sign_in IS NULL) "
            "AND (substr(settled_second, 1, 2) = 'e-') = (second_sign_in IS NULL))",
            name="ck_gate_ending_settled",
        ),
    )

    number: int = Field(sa_column=_number("gate_passage.number"))
    outcome: str = Field(sa_column=Column(String(12), nullable=False))
    reason: str | None = Field(default=None, sa_column=Column(String(40)))
    ended_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    settled_by: str | None = Field(default=None, sa_column=Column(String(40)))
    settled_second: str | None = Field(default=None, sa_column=Column(String(40)))
    sign_in: str | None = Field(default=None, sa_column=Column(String(32), ForeignKey("sign_in_attempt.attempt_id")))
    second_sign_in: str | None = Field(
        default=None, sa_column=Column(String(32), ForeignKey("sign_in_attempt.attempt_id"))
    )


class GateAdmission(SQLModel, table=True):
    """A lead's word that an engineer who is not of a shift may come in until a time. The last word on each holds."""

    __tablename__ = "gate_admission"
    __table_args__ = (
        CheckConstraint("until_us > admitted_us AND code <> admitted_by", name="ck_gate_admission"),
        CheckConstraint("until_us <= admitted_us + 86400000000", name="ck_gate_admission_length"),
    )

    shift_id: str = Field(sa_column=Column(String(32), ForeignKey("shift.shift_id"), primary_key=True))
    code: str = Field(sa_column=Column(String(10), ForeignKey("person.code"), primary_key=True))
    admitted_us: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    until_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    admitted_by: str = Field(sa_column=Column(String(10), ForeignKey("person.code"), nullable=False))
    sign_in: str = Field(sa_column=Column(String(32), ForeignKey("sign_in_attempt.attempt_id"), nullable=False))
    emulated: bool
