"""The line tables of intake: applications, images, batches, what was set aside, stops, changes of deadlines, and
what was raised to the green channel.

Personal fields are sealed (`stations.personal`) for the row's own id; numbers and persons are found by keyed hashes.
Times are integer microseconds UTC.
"""

from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
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


class ApplicationState(StrEnum):
    """Where an application stands; the legal moves are `stations.intake.states.MOVES`."""

    WAITING = "waiting"
    PASSED = "passed"
    RETURNED = "returned"
    HELD = "held"
    STOPPED = "stopped"
    IN_PRODUCTION = "in_production"
    DISPATCHED = "dispatched"


def _one_of(column: str, *values: str) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"


class Application(SQLModel, table=True):
    """One revision of an application: at most one is live, and a person has one live application of a product.

    It begins `waiting` and moves as `states.MOVES` say, in and out of `stopped` as its stop says, and is never deleted:
    `stations.migrations` adds the triggers.
    """

    __tablename__ = "application"
    __table_args__ = (
        UniqueConstraint("application_key", "revision", name="uq_application_revision"),
        UniqueConstraint("order_unit", name="uq_application_order"),
        Index(
            "uq_application_live",
            "application_key",
            unique=True,
            sqlite_where=text("live"),
            postgresql_where=text("live"),
        ),
        Index(
            "uq_application_person_live",
            "person_key",
            "product",
            unique=True,
            sqlite_where=text("live"),
            postgresql_where=text("live"),
        ),
        Index("ix_application_person", "person_key", "product"),
        # All that is counted by, so that board, status and the stock's forecast read no sealed field.
        Index("ix_application_state", "state", "emulated", "product"),
        Index("ix_application_batch", "batch_id", "product"),
        CheckConstraint("revision >= 1", name="ck_application_revision"),
        CheckConstraint(_one_of("state", *ApplicationState), name="ck_application_state"),
        # A returned or dispatched application frees its person for the next one; a stopped one may still be released.
        CheckConstraint(
            "(state IN ('returned', 'dispatched') AND NOT live) OR state = 'stopped' "
            "OR (state IN ('waiting', 'passed', 'held', 'in_production') AND live)",
            name="ck_application_live",
        ),
        CheckConstraint(
            _one_of("product", "passport", "hk_macau_permit", "taiwan_permit"), name="ck_application_product"
        ),
        CheckConstraint(_one_of("service_class", "normal", "expedited", "emergency"), name="ck_application_class"),
        CheckConstraint(_one_of("delivery", "collection", "post"), name="ck_application_delivery"),
        CheckConstraint("priority BETWEEN 0 AND 2", name="ck_application_priority"),
    )

    application_id: str = Field(sa_column=Column(String(32), primary_key=True))
    application_key: str = Field(sa_column=Column(String(64), nullable=False))
    revision: int
    product: str = Field(sa_column=Column(String(20), nullable=False))
    service_class: str = Field(sa_column=Column(String(12), nullable=False))
    delivery: str = Field(sa_column=Column(String(12), nullable=False))
    office: str = Field(sa_column=Column(String(20), nullable=False, index=True))
    accepted_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    deadline_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    provisional: bool
    priority: int
    person_key: str = Field(sa_column=Column(String(64), nullable=False))
    applicant: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    state: str = Field(sa_column=Column(String(16), nullable=False))
    live: bool
    order_unit: str = Field(sa_column=Column(String(32), nullable=False))
    batch_id: str = Field(sa_column=Column(String(32), ForeignKey("intake_batch.batch_id"), nullable=False))
    emulated: bool


class ApplicationImage(SQLModel, table=True):
    """The photo or the signature of an application: sealed bytes, and what was measured on them once, at intake."""

    __tablename__ = "application_image"
    __table_args__ = (CheckConstraint(_one_of("role", "photo", "signature"), name="ck_application_image_role"),)

    application_id: str = Field(
        sa_column=Column(String(32), ForeignKey("application.application_id"), primary_key=True)
    )
    role: str = Field(sa_column=Column(String(10), primary_key=True))
    media_type: str = Field(sa_column=Column(String(20), nullable=False))
    sha256: str = Field(sa_column=Column(String(64), nullable=False))
    image: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    measures: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))


class IntakeBatch(SQLModel, table=True):
    """One batch: how far it was read, so that a load that was cut off goes on and a finished one changes nothing."""

    __tablename__ = "intake_batch"
    __table_args__ = (
        CheckConstraint("lines_read BETWEEN 0 AND lines", name="ck_intake_batch_lines"),
        CheckConstraint("loaded + set_aside <= lines_read", name="ck_intake_batch_counts"),
    )

    batch_id: str = Field(sa_column=Column(String(32), primary_key=True))
    manifest_sha256: str = Field(sa_column=Column(String(64), nullable=False, unique=True))
    lines: int
    lines_read: int
    loaded: int
    set_aside: int
    started_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    finished_us: int | None = Field(default=None, sa_column=Column(BigInteger))
    emulated: bool


class SetAside(SQLModel, table=True):
    """One line of a batch that was not loaded, and why; the sentence follows from the reason."""

    __tablename__ = "set_aside"

    batch_id: str = Field(sa_column=Column(String(32), ForeignKey("intake_batch.batch_id"), primary_key=True))
    line: int = Field(primary_key=True)
    field: str = Field(sa_column=Column(String(80), nullable=False))
    reason: str = Field(sa_column=Column(String(40), nullable=False))
    number: bytes | None = Field(default=None, sa_column=Column(LargeBinary))


class ApplicationStop(SQLModel, table=True):
    """One stop of an application and its end, signed by two different people; at most one is open.

    Begun where the application stands, ended once and otherwise never changed: `stations.migrations` adds the triggers.
    """

    __tablename__ = "application_stop"
    __table_args__ = (
        Index(
            "uq_application_stop_open",
            "application_id",
            unique=True,
            sqlite_where=text("outcome IS NULL"),
            postgresql_where=text("outcome IS NULL"),
        ),
        CheckConstraint("outcome IS NULL OR outcome IN ('released', 'closed')", name="ck_application_stop_outcome"),
        CheckConstraint(
            "outcome IS NULL OR (ended_by IS NOT NULL AND ended_second IS NOT NULL AND ended_us IS NOT NULL "
            "AND ended_by <> ended_second)",
            name="ck_application_stop_two_people",
        ),
    )

    stop_id: str = Field(sa_column=Column(String(32), primary_key=True))
    application_id: str = Field(
        sa_column=Column(String(32), ForeignKey("application.application_id"), nullable=False, index=True)
    )
    reason: str = Field(sa_column=Column(String(40), nullable=False))
    state_before: str = Field(sa_column=Column(String(16), nullable=False))
    stopped_by: str = Field(sa_column=Column(String(40), nullable=False))
    stopped_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    outcome: str | None = Field(default=None, sa_column=Column(String(10)))
    ended_by: str | None = Field(default=None, sa_column=Column(String(40)))
    ended_second: str | None = Field(default=None, sa_column=Column(String(40)))
    ended_us: int | None = Field(default=None, sa_column=Column(BigInteger))


class DeadlineReckoning(SQLModel, table=True):
    """One reckoning of all deadlines on the line by other terms than before; written once, and finished once.

    `terms` is what they were reckoned by, canonical JSON (`stations.deadlines.DeadlineRule`), `digest` its SHA-256. One
    that was cut off, or overtaken by other terms, stays unfinished.
    """

    __tablename__ = "deadline_reckoning"
    __table_args__ = (
        CheckConstraint("position >= 1", name="ck_deadline_reckoning_position"),
        CheckConstraint("(finished_us IS NULL) = (changed IS NULL)", name="ck_deadline_reckoning_finished"),
    )

    position: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    digest: str = Field(sa_column=Column(String(64), nullable=False))
    terms: str = Field(sa_column=Column(Text, nullable=False))
    began_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    finished_us: int | None = Field(default=None, sa_column=Column(BigInteger))
    changed: int | None = Field(default=None, sa_column=Column(BigInteger))
    emulated: bool


class DeadlineChange(SQLModel, table=True):
    """One change of an application's deadline, by which reckoning, and what it was: never changed or deleted.

    No deadline changes without one: `stations.migrations` adds the triggers.
    """

    __tablename__ = "deadline_change"
    __table_args__ = (
        CheckConstraint("position >= 1", name="ck_deadline_change_position"),
        CheckConstraint(
            "before_us <> after_us OR before_provisional <> after_provisional", name="ck_deadline_change_changes"
        ),
    )

    application_id: str = Field(
        sa_column=Column(String(32), ForeignKey("application.application_id"), primary_key=True)
    )
    position: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    reckoning: int = Field(
        sa_column=Column(BigInteger, ForeignKey("deadline_reckoning.position"), nullable=False, index=True)
    )
    before_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    before_provisional: bool
    after_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    after_provisional: bool
    changed_us: int = Field(sa_column=Column(BigInteger, nullable=False))


class GreenChannel(SQLModel, table=True):
    """One application that a lead raised to the green channel after it was filed: never changed or deleted.

    `deadline_change` is the position of the change that it made, None where the deadline was as near already.
    `parted_into` is the tray that its order was taken into out of `parted_from`, where personalization had accepted it.
    No class or priority of an application changes without one: `stations.migrations` adds the triggers.
    """

    __tablename__ = "green_channel"
    __table_args__ = (
        CheckConstraint(
            _one_of("reason", "conference", "exam", "death_abroad", "illness_abroad", "medical_care", "visa_expiry"),
            name="ck_green_channel_reason",
        ),
        CheckConstraint("priority_before IN (1, 2)", name="ck_green_channel_priority"),
        CheckConstraint("(parted_from IS NULL) = (parted_into IS NULL)", name="ck_green_channel_parted"),
        ForeignKeyConstraint(
            ["application_id", "deadline_change"],
            ["deadline_change.application_id", "deadline_change.position"],
            name="fk_green_channel_deadline",
        ),
    )

    application_id: str = Field(
        sa_column=Column(String(32), ForeignKey("application.application_id"), primary_key=True)
    )
    approver: str = Field(sa_column=Column(String(10), ForeignKey("person.code"), nullable=False))
    sign_in: str = Field(sa_column=Column(String(32), ForeignKey("sign_in_attempt.attempt_id"), nullable=False))
    reason: str = Field(sa_column=Column(String(20), nullable=False))
    raised_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    class_before: str = Field(sa_column=Column(String(12), nullable=False))
    priority_before: int
    deadline_before_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    deadline_change: int | None = Field(default=None, sa_column=Column(Integer))
    parted_from: str | None = Field(default=None, sa_column=Column(String(32), index=True))
    parted_into: str | None = Field(default=None, sa_column=Column(String(32)))
    emulated: bool
