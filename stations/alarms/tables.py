"""The register's tables: an alarm is what is the matter, its steps what was done about it, notices what is to be told.

Steps are append-only, and what an alarm is about never changes: migrations add the guards. Times are integer
microseconds UTC by the database's clock.
"""

from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    false,
    text,
)
from sqlmodel import Field, SQLModel

from stations.alarms.rules import Step
from stations.people import Role

_NUMBER = BigInteger().with_variant(Integer, "sqlite")


class NoticeEnd(StrEnum):
    """How a notice was done with: told wherever it was to be, taken back, or too old to be told."""

    TOLD = "told"
    WITHDRAWN = "withdrawn"
    GIVEN_UP = "given_up"


def _one_of(column: str, values: type[StrEnum]) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"


def _where(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


class Alarm(SQLModel, table=True):
    """One thing that is or was the matter with one subject. At most one of a kind and subject is open.

    `seen`: how often it was raised while open; `amount`: what its kind counts, as last seen.
    """

    __tablename__ = "alarm"
    __table_args__ = (
        _where("uq_alarm_open", "kind", "subject", where="cleared_us IS NULL", unique=True),
        _where("ix_alarm_open", "raised_us", where="cleared_us IS NULL"),
        Index("ix_alarm_kind", "kind", "subject", "cleared_us"),
        CheckConstraint("length(kind) BETWEEN 1 AND 24", name="ck_alarm_kind"),
        CheckConstraint("length(subject) BETWEEN 1 AND 40", name="ck_alarm_subject"),
        CheckConstraint("seen >= 1", name="ck_alarm_seen"),
        CheckConstraint("amount IS NULL OR amount >= 0", name="ck_alarm_amount"),
        CheckConstraint("cleared_us IS NULL OR cleared_us >= raised_us", name="ck_alarm_cleared"),
    )

    alarm_id: int | None = Field(default=None, sa_column=Column(_NUMBER, primary_key=True))
    kind: str = Field(sa_column=Column(String(24), nullable=False))
    subject: str = Field(sa_column=Column(String(40), nullable=False))
    amount: int | None = Field(default=None, sa_column=Column(BigInteger))
    seen: int = Field(sa_column=Column(BigInteger, nullable=False))
    raised_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    cleared_us: int | None = Field(default=None, sa_column=Column(BigInteger))
    emulated: bool


class AlarmStep(SQLModel, table=True):
    """What happened to an alarm. Append-only; one acknowledgement an alarm, one escalation a role.

    `person` with the accepted `sign_in` acknowledged it; `role` is whom it was escalated to.
    """

    __tablename__ = "alarm_step"
    __table_args__ = (
        _where("uq_alarm_step_acknowledged", "alarm_id", where="step = 'acknowledged'", unique=True),
        _where("uq_alarm_step_escalated", "alarm_id", "role", where="step = 'escalated'", unique=True),
        CheckConstraint("position >= 1", name="ck_alarm_step_position"),
        CheckConstraint(_one_of("step", Step), name="ck_alarm_step"),
        CheckConstraint("(position = 1) = (step = 'raised')", name="ck_alarm_step_first"),
        CheckConstraint(
            "(step = 'acknowledged') = (person IS NOT NULL) AND (person IS NULL) = (sign_in IS NULL)",
            name="ck_alarm_step_person",
        ),
        CheckConstraint(
            f"(step = 'escalated') = (role IS NOT NULL) AND (role IS NULL OR {_one_of('role', Role)})",
            name="ck_alarm_step_role",
        ),
    )

    alarm_id: int = Field(sa_column=Column(BigInteger, ForeignKey("alarm.alarm_id"), primary_key=True))
    position: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    step: str = Field(sa_column=Column(String(12), nullable=False))
    at_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    person: str | None = Field(default=None, sa_column=Column(String(10), ForeignKey("person.code")))
    sign_in: str | None = Field(default=None, sa_column=Column(String(32), ForeignKey("sign_in_attempt.attempt_id")))
    role: str | None = Field(default=None, sa_column=Column(String(16)))


class AlarmNotice(SQLModel, table=True):
    """The outbox: that a step is to be told outside, from `due_us` on; written in the step's own transaction."""

    __tablename__ = "alarm_notice"
    __table_args__ = (
        ForeignKeyConstraint(
            ["alarm_id", "position"], ["alarm_step.alarm_id", "alarm_step.position"], name="fk_alarm_notice_step"
        ),
        _where("ix_alarm_notice_open", "due_us", where="ended IS NULL"),
        CheckConstraint(f"ended IS NULL OR {_one_of('ended', NoticeEnd)}", name="ck_alarm_notice_ended"),
    )

    alarm_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    position: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    due_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    on_call: bool = Field(sa_column=Column(Boolean, nullable=False, server_default=false()))
    """Whether the people on call are told too: no shift was open, or it is they who are called."""
    ended: str | None = Field(default=None, sa_column=Column(String(10)))


class AlarmDelivery(SQLModel, table=True):
    """How telling one target of one notice goes: tries so far, when next, when it was told, what failed last."""

    __tablename__ = "alarm_delivery"
    __table_args__ = (
        ForeignKeyConstraint(
            ["alarm_id", "position"], ["alarm_notice.alarm_id", "alarm_notice.position"], name="fk_alarm_delivery"
        ),
        _where("ix_alarm_delivery_unsent", "tries", where="sent_us IS NULL"),
        CheckConstraint("tries >= 1", name="ck_alarm_delivery_tries"),
    )

    alarm_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    position: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    target: str = Field(sa_column=Column(String(31), primary_key=True))
    tries: int = Field(sa_column=Column(Integer, nullable=False))
    next_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    sent_us: int | None = Field(default=None, sa_column=Column(BigInteger))
    failure: str | None = Field(default=None, sa_column=Column(String(60)))


class AlarmWatch(SQLModel, table=True):
    """The one process that escalates alarms and tells of them, until when; at most one row."""

    __tablename__ = "alarm_watch"
    __table_args__ = (CheckConstraint("number = 1", name="ck_alarm_watch_one"),)

    number: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    watcher: str = Field(sa_column=Column(String(32), nullable=False))
    until_us: int = Field(sa_column=Column(BigInteger, nullable=False))
