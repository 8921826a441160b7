"""The tables of patrols: append-only, but that a finding ends once; migrations add the guards.

Nothing in them is an applicant's. Photographs are sealed with the line's own key for personal data: one may show a
person. Times are integer microseconds UTC.
"""

from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from stations.patrol.rules import Answer, Kind, Step

_NUMBER = BigInteger().with_variant(Integer, "sqlite")


def _one_of(column: str, values: type[StrEnum]) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"


def _signed(table: str) -> CheckConstraint:
    """A real person by their sign-in, an emulated one without."""
    return CheckConstraint("(substr(person, 1, 2) = 'e-') = (sign_in IS NULL)", name=f"ck_{table}_signed")


class PatrolRound(SQLModel, table=True):
    """One round that a person walked and signed. `round_id` comes with the form: the same form sent twice is one round.

    `shift_id`: the shift that was open; `shift` is the name that the line's records bore. `plan` is the SHA-256 of the
    patrol as it was planned, `answers` how many it asked for.
    """

    __tablename__ = "patrol_round"
    __table_args__ = (
        Index("ix_patrol_round_last", "patrol", "walked_us"),
        _signed("patrol_round"),
        CheckConstraint("emulated OR sign_in IS NOT NULL", name="ck_patrol_round_emulated"),
        CheckConstraint("length(round_id) = 32", name="ck_patrol_round_id"),
        CheckConstraint("answers BETWEEN 1 AND 200", name="ck_patrol_round_answers"),
    )

    round_id: str = Field(sa_column=Column(String(32), primary_key=True))
    patrol: str = Field(sa_column=Column(String(31), nullable=False))
    plan: str = Field(sa_column=Column(String(64), nullable=False))
    shift_id: str | None = Field(default=None, sa_column=Column(String(32), ForeignKey("shift.shift_id")))
    shift: str = Field(sa_column=Column(String(40), nullable=False))
    person: str = Field(sa_column=Column(String(40), nullable=False))
    sign_in: str | None = Field(default=None, sa_column=Column(String(32), ForeignKey("sign_in_attempt.attempt_id")))
    walked_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    answers: int
    emulated: bool


class PatrolAnswer(SQLModel, table=True):
    """What one item of one point was answered with."""

    __tablename__ = "patrol_answer"
    __table_args__ = (CheckConstraint(_one_of("answer", Answer), name="ck_patrol_answer"),)

    round_id: str = Field(sa_column=Column(String(32), ForeignKey("patrol_round.round_id"), primary_key=True))
    point: str = Field(sa_column=Column(String(40), primary_key=True))
    item: str = Field(sa_column=Column(String(31), primary_key=True))
    answer: str = Field(sa_column=Column(String(3), nullable=False))


class PatrolPhoto(SQLModel, table=True):
    """One photograph, written anew without what its camera put beside it, and sealed. Known by what it is."""

    __tablename__ = "patrol_photo"
    __table_args__ = (
        CheckConstraint("length(sha256) = 64", name="ck_patrol_photo_sha256"),
        CheckConstraint("length(sealed) <= 1048576", name="ck_patrol_photo_size"),
    )

    sha256: str = Field(sa_column=Column(String(64), primary_key=True))
    sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class PatrolFinding(SQLModel, table=True):
    """What a round found wrong at one item. While it has not `ended`, `machine` is held by it and draws nothing."""

    __tablename__ = "patrol_finding"
    __table_args__ = (
        ForeignKeyConstraint(
            ["round_id", "point", "item"],
            ["patrol_answer.round_id", "patrol_answer.point", "patrol_answer.item"],
            name="fk_patrol_finding_answer",
        ),
        UniqueConstraint("round_id", "point", "item", name="uq_patrol_finding_answer"),
        Index("ix_patrol_finding_open", "machine", sqlite_where=text("NOT ended"), postgresql_where=text("NOT ended")),
        CheckConstraint(_one_of("kind", Kind), name="ck_patrol_finding_kind"),
        CheckConstraint("length(what) BETWEEN 1 AND 500 AND length(what_sha256) = 64", name="ck_patrol_finding_what"),
        CheckConstraint("machine IS NULL OR machine = point", name="ck_patrol_finding_machine"),
    )

    finding_id: int | None = Field(default=None, sa_column=Column(_NUMBER, primary_key=True))
    round_id: str = Field(sa_column=Column(String(32), nullable=False))
    point: str = Field(sa_column=Column(String(40), nullable=False))
    item: str = Field(sa_column=Column(String(31), nullable=False))
    kind: str = Field(sa_column=Column(String(10), nullable=False))
    what: str = Field(sa_column=Column(Text, nullable=False))
    what_sha256: str = Field(sa_column=Column(String(64), nullable=False))
    machine: str | None = Field(default=None, sa_column=Column(String(40)))
    photo: str | None = Field(default=None, sa_column=Column(String(64), ForeignKey("patrol_photo.sha256")))
    found_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    ended: bool
    emulated: bool


class PatrolStep(SQLModel, table=True):
    """What one person did about a finding: took it, mended it, looked at what another mended."""

    __tablename__ = "patrol_step"
    __table_args__ = (
        _signed("patrol_step"),
        CheckConstraint("position >= 1", name="ck_patrol_step_position"),
        CheckConstraint(_one_of("step", Step), name="ck_patrol_step"),
        CheckConstraint(
            "(step IN ('mended', 'returned')) = (what IS NOT NULL) AND (what IS NULL) = (what_sha256 IS NULL) "
            "AND (what IS NULL OR length(what) BETWEEN 1 AND 500)",
            name="ck_patrol_step_what",
        ),
    )

    finding_id: int = Field(sa_column=Column(BigInteger, ForeignKey("patrol_finding.finding_id"), primary_key=True))
    position: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    step: str = Field(sa_column=Column(String(10), nullable=False))
    person: str = Field(sa_column=Column(String(40), nullable=False))
    sign_in: str | None = Field(default=None, sa_column=Column(String(32), ForeignKey("sign_in_attempt.attempt_id")))
    at_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    what: str | None = Field(default=None, sa_column=Column(Text))
    what_sha256: str | None = Field(default=None, sa_column=Column(String(64)))
