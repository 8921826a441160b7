"""The line tables of personalization: jobs, leases of machines, number ranges, what each machine does and has done.

The job table is the guard of rule 1 (one live document): its constraints hold whatever the program does, and its rows
are never deleted. `stations.migrations` adds the triggers that hold its legal moves (`JobMove`). Times are integer
microseconds UTC.
"""

from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from devices import packml
from devices.jobs import JobState


class JobOutcome(StrEnum):
    """How a job ended: a document, a spoiled blank, a blank given back unmarked, or nothing drawn at all.

    A job of a specimen ends as that, whether the piece was made or spoiled, where it does not end as one of the last
    two.
    """

    GOOD = "good"
    FAILED = "failed"
    RETURNED = "returned"
    VOID = "void"
    SPECIMEN = "specimen"


class Activity(StrEnum):
    """What a machine is doing, by its state in PackML: held = inside cause, suspended = outside cause.

    Every one is a `devices.packml.MachineState` of the same name.
    """

    IDLE = "idle"
    EXECUTE = "execute"
    SUSPENDED = "suspended"
    HELD = "held"
    STOPPED = "stopped"


def _one_of(column: str, values: type[StrEnum]) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"


def _where(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


def _unique_where(name: str, *columns: str, where: str) -> Index:
    return _where(name, *columns, where=where, unique=True)


UNFINISHED = "job.unfinished"
UNRELEASED = "job.state <> 'RELEASED'"
"""Jobs without an outcome, and those that a machine may still hold open.

SQLite finds them by their partial indexes where it reads these very words.
"""

FINISHED = "state IN ('RESULT', 'RELEASED')"
PIECES = "outcome IN ('good', 'failed')"
SPECIMENS = "outcome = 'specimen'"
# A blank that came back unmarked is drawn again by a later job, and a book brings its number along.
USED = "outcome IS NULL OR outcome <> 'returned'"


class Job(SQLModel, table=True):
    """One attempt to make one application's document on one machine, or a specimen, which has no application.

    `live` says that a document of it may exist: from the intent until the outcome shows that nothing was made, or the
    log has the piece voided or its spoiled blank lost. `unfinished` says that its outcome is not booked; `doubt`, why
    no machine can tell it. `machine_serial`, `journal_id` and `journal_position` name the machine's memory in which
    alone the job's absence means that it never happened. `specimen` is why people had a specimen made; it is never
    live, and has no document and no number of one.
    """

    __tablename__ = "job"
    __table_args__ = (
        _unique_where("uq_job_live", "application_id", "product", where="live"),
        _unique_where("uq_job_unfinished", "application_id", "product", where="unfinished"),
        _unique_where("uq_job_blank", "blank_serial", where=f"blank_serial IS NOT NULL AND ({USED})"),
        _unique_where("uq_job_number", "product", "document_number", where=f"document_number IS NOT NULL AND ({USED})"),
        UniqueConstraint("application_id", "product", "attempt", name="uq_job_attempt"),
        UniqueConstraint("document_unit", name="uq_job_document"),
        ForeignKeyConstraint(
            ["application_id", "product", "previous_attempt"],
            ["job.application_id", "job.product", "job.attempt"],
            name="fk_job_previous_attempt",
        ),
        _unique_where("uq_job_specimen", "machine", "product", "attempt", where="specimen IS NOT NULL"),
        Index("ix_job_machine", "machine", "unfinished"),
        _where("ix_job_open", "state", where="unfinished"),
        Index("ix_job_order", "order_unit"),
        Index("ix_job_journal", "machine", "journal_id", "journal_position"),
        _where("ix_job_named", "machine_serial", where="blank_serial IS NOT NULL"),
        _where("ix_job_unreleased", "machine", "intent_us", where=UNRELEASED.removeprefix("job.")),
        _where("ix_job_pieces", "machine", "result_us", "outcome", where=PIECES),
        _where("ix_job_specimens", "machine", "result_us", where=SPECIMENS),
        CheckConstraint(
            "(attempt = 1 AND previous_attempt IS NULL) "
            "OR (attempt > 1 AND previous_attempt IS NOT NULL AND previous_attempt = attempt - 1)",
            name="ck_job_attempt",
        ),
        CheckConstraint(_one_of("state", JobState), name="ck_job_state"),
        CheckConstraint(f"outcome IS NULL OR {_one_of('outcome', JobOutcome)}", name="ck_job_outcome"),
        CheckConstraint(f"unfinished = NOT ({FINISHED})", name="ck_job_unfinished"),
        CheckConstraint(f"(outcome IS NOT NULL) = ({FINISHED})", name="ck_job_result"),
        CheckConstraint("live OR NOT unfinished OR specimen IS NOT NULL", name="ck_job_unfinished_is_live"),
        CheckConstraint("NOT live OR outcome IS NULL OR outcome IN ('good', 'failed')", name="ck_job_live"),
        CheckConstraint("(document_unit IS NOT NULL) = (outcome IS NOT NULL AND outcome = 'good')", name="ck_job_good"),
        CheckConstraint("(blank_serial IS NULL) = (blank_unit IS NULL)", name="ck_job_blank"),
        CheckConstraint(
            "state NOT IN ('FED', 'PREPARED', 'STARTING') OR blank_serial IS NOT NULL", name="ck_job_fed_blank"
        ),
        CheckConstraint(
            "state NOT IN ('PREPARED', 'STARTING') "
            "OR (data_sha256 IS NOT NULL AND (document_number IS NOT NULL OR specimen IS NOT NULL))",
            name="ck_job_prepared_data",
        ),
        CheckConstraint(
            "(specimen IS NULL) = (application_id IS NOT NULL) AND (specimen IS NULL) = (order_unit IS NOT NULL)",
            name="ck_job_specimen",
        ),
        CheckConstraint(
            "specimen IS NULL OR (NOT live AND document_unit IS NULL AND document_number IS NULL)",
            name="ck_job_specimen_is_no_document",
        ),
        CheckConstraint(
            "outcome IS NULL OR outcome IN ('returned', 'void') OR (specimen IS NOT NULL) = (outcome = 'specimen')",
            name="ck_job_specimen_outcome",
        ),
        CheckConstraint("doubt IS NULL OR state NOT IN ('INTENT', 'FED', 'PREPARED', 'STARTING')", name="ck_job_doubt"),
        CheckConstraint(
            "settled_by IS NULL OR (settled_second IS NOT NULL AND settled_by <> settled_second)",
            name="ck_job_settled_by_two",
        ),
    )

    job_id: str = Field(sa_column=Column(String(32), primary_key=True))
    application_id: str | None = Field(
        default=None, sa_column=Column(String(32), ForeignKey("application.application_id"))
    )
    product: str = Field(sa_column=Column(String(20), nullable=False))
    attempt: int
    previous_attempt: int | None = None
    order_unit: str | None = Field(default=None, sa_column=Column(String(32)))
    machine: str = Field(sa_column=Column(String(40), nullable=False))
    machine_serial: str = Field(sa_column=Column(String(40), nullable=False))
    journal_id: str = Field(sa_column=Column(String(40), nullable=False))
    journal_position: int = Field(sa_column=Column(BigInteger, nullable=False))
    fence: int = Field(sa_column=Column(BigInteger, nullable=False))
    worker: str = Field(sa_column=Column(String(80), nullable=False))
    state: str = Field(sa_column=Column(String(10), nullable=False))
    unfinished: bool
    live: bool
    blank_serial: str | None = Field(default=None, sa_column=Column(String(40)))
    blank_unit: str | None = Field(default=None, sa_column=Column(String(32)))
    document_number: str | None = Field(default=None, sa_column=Column(String(20)))
    document_unit: str | None = Field(default=None, sa_column=Column(String(32)))
    data_sha256: str | None = Field(default=None, sa_column=Column(String(64)))
    outcome: str | None = Field(default=None, sa_column=Column(String(10)))
    doubt: str | None = Field(default=None, sa_column=Column(String(80)))
    code: str | None = Field(default=None, sa_column=Column(String(40)))
    result_hash: str | None = Field(default=None, sa_column=Column(String(64)))
    settlement: str | None = Field(default=None, sa_column=Column(String(12)))
    settled_by: str | None = Field(default=None, sa_column=Column(String(40)))
    settled_second: str | None = Field(default=None, sa_column=Column(String(40)))
    intent_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    fed_us: int | None = Field(default=None, sa_column=Column(BigInteger))
    starting_us: int | None = Field(default=None, sa_column=Column(BigInteger))
    result_us: int | None = Field(default=None, sa_column=Column(BigInteger))
    emulated: bool
    specimen: str | None = Field(default=None, sa_column=Column(String(20)))


class JobMove(SQLModel, table=True):
    """One legal move of a job's state; filled by the migration, never changed by the program."""

    __tablename__ = "job_move"

    before: str = Field(sa_column=Column(String(10), primary_key=True))
    after: str = Field(sa_column=Column(String(10), primary_key=True))


class MachineLease(SQLModel, table=True):
    """Who may move a machine, until when by the database's clock; each taking raises the fence.

    `renewed_us`, by the same clock, is the last sign of life of who holds it.
    """

    __tablename__ = "machine_lease"
    __table_args__ = (CheckConstraint("fence > 0", name="ck_machine_lease_fence"),)

    machine: str = Field(sa_column=Column(String(40), primary_key=True))
    worker: str = Field(sa_column=Column(String(80), nullable=False))
    fence: int = Field(sa_column=Column(BigInteger, nullable=False))
    until_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    renewed_us: int | None = Field(default=None, sa_column=Column(BigInteger))


class NumberRange(SQLModel, table=True):
    """Document numbers `prefix` + `digits` digits from `first_number` to `last_number`; each is given out once.

    `next_number` is the next to be given out. No two ranges have a number in common, none shrinks and none goes.
    """

    __tablename__ = "number_range"
    __table_args__ = (
        CheckConstraint("next_number >= 0 AND next_number <= last_number + 1", name="ck_number_range"),
        CheckConstraint("digits BETWEEN 1 AND 9", name="ck_number_range_digits"),
        CheckConstraint("first_number BETWEEN 0 AND next_number", name="ck_number_range_first"),
    )

    product: str = Field(sa_column=Column(String(20), primary_key=True))
    prefix: str = Field(sa_column=Column(String(4), primary_key=True))
    digits: int
    first_number: int = Field(sa_column=Column(BigInteger, nullable=False))
    next_number: int = Field(sa_column=Column(BigInteger, nullable=False))
    last_number: int = Field(sa_column=Column(BigInteger, primary_key=True))


class MachineState(SQLModel, table=True):
    """What a machine is doing now and, if it is not at work, why; read by the board, obeyed before every draw."""

    __tablename__ = "machine_state"
    __table_args__ = (
        CheckConstraint(_one_of("state", Activity), name="ck_machine_state"),
        CheckConstraint("state NOT IN ('held', 'suspended') OR reason IS NOT NULL", name="ck_machine_state_reason"),
    )

    machine: str = Field(sa_column=Column(String(40), primary_key=True))
    state: str = Field(sa_column=Column(String(10), nullable=False))
    reason: str | None = Field(default=None, sa_column=Column(String(60)))
    since_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    emulated: bool


class MachinePeriod(SQLModel, table=True):
    """What a machine did from `began_us` until its next period begins: one row a change, never changed or deleted.

    Positions count from 1 without gaps, and no period begins before the one in front of it or repeats it:
    `stations.migrations` adds the triggers. `state` may be any of PackML's; of them the line shows the `Activity` ones.
    """

    __tablename__ = "machine_period"
    __table_args__ = (
        CheckConstraint(_one_of("state", packml.MachineState), name="ck_machine_period"),
        CheckConstraint("state NOT IN ('held', 'suspended') OR reason IS NOT NULL", name="ck_machine_period_reason"),
        CheckConstraint("position >= 1", name="ck_machine_period_position"),
    )

    machine: str = Field(sa_column=Column(String(40), primary_key=True))
    position: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    state: str = Field(sa_column=Column(String(12), nullable=False))
    reason: str | None = Field(default=None, sa_column=Column(String(60)))
    began_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    shift: str = Field(sa_column=Column(String(40), nullable=False))
    emulated: bool


class MachineBaseline(SQLModel, table=True):
    """A machine's count of drawn blanks beyond its jobs, when this database first met it or two people recounted."""

    __tablename__ = "machine_baseline"
    __table_args__ = (
        CheckConstraint(
            "(counted_by IS NULL AND counted_second IS NULL) "
            "OR (counted_by IS NOT NULL AND counted_second IS NOT NULL AND counted_by <> counted_second)",
            name="ck_machine_baseline_two_people",
        ),
    )

    machine_serial: str = Field(sa_column=Column(String(40), primary_key=True))
    machine: str = Field(sa_column=Column(String(40), nullable=False))
    fed: int = Field(sa_column=Column(BigInteger, nullable=False))
    since_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    counted_by: str | None = Field(default=None, sa_column=Column(String(40)))
    counted_second: str | None = Field(default=None, sa_column=Column(String(40)))


class ActKind(StrEnum):
    """What operators signed at the machines."""

    LOAD = "load"
    """Blanks of the stock, scanned for a machine's input stack."""
    COLLECT = "collect"
    """What came out of a machine's good stack lies on the rack."""
    FILL = "fill"
    """The documents of a finished tray, counted and offered to QC."""
    DEFACE = "deface"
    """What came out of a machine's reject bin was defaced."""
    RESTOCK = "restock"
    """Unmarked blanks that a machine gave back, or still held, lie in the stock again."""
    RIGHT = "right"
    """A machine that stood was put right: it is tried again."""
    SETTLE = "settle"
    """What two people found of a job in doubt."""


class MachineAct(SQLModel, table=True):
    """One act as it was signed at the operators' desk, until the run books it: once, or refused with `refusal`.

    `act_id` is the desk's own. `subject`: the machine, the tray or the job that it is about. `content`: the serials
    that were scanned, as JSON; empty once it is booked. `told`: what the booking came to, as JSON. Where blanks go in,
    where pieces are defaced and where a doubt is settled two sign; all else has one hand.
    """

    __tablename__ = "machine_act"
    __table_args__ = (
        Index("ix_machine_act_open", "stored_us", "act_id", sqlite_where=text("booked_us IS NULL"),
              postgresql_where=text("booked_us IS NULL")),
        Index("ix_machine_act_stored", "stored_us"),
        Index("ix_machine_act_right", "subject", "booked_us", sqlite_where=text("kind = 'right'"),
              postgresql_where=text("kind = 'right'")),
        CheckConstraint("length(act_id) = 32", name="ck_machine_act_id"),
        CheckConstraint(_one_of("kind", ActKind), name="ck_machine_act_kind"),
        CheckConstraint(
            "(kind IN ('load', 'deface', 'settle')) = (second IS NOT NULL)"
            " AND (second IS NULL) = (second_sign_in IS NULL)",
            name="ck_machine_act_hands",
        ),
        CheckConstraint("second IS NULL OR first <> second", name="ck_machine_act_two_people"),
        CheckConstraint(
            "(booked_us IS NULL) = (told IS NULL) AND (booked_us IS NOT NULL OR refusal IS NULL)"
            " AND (booked_us IS NULL OR content = '')",
            name="ck_machine_act_booked",
        ),
    )  # fmt: skip

    act_id: str = Field(sa_type=String(32), primary_key=True)
    kind: str = Field(sa_type=String(12))
    subject: str = Field(sa_type=String(64))
    detail: str = Field(sa_type=String(16))
    content: str = Field(sa_type=Text)
    first: str = Field(sa_type=String(64))
    first_sign_in: str = Field(sa_type=String(32), foreign_key="sign_in_attempt.attempt_id")
    second: str | None = Field(default=None, sa_type=String(64))
    second_sign_in: str | None = Field(default=None, sa_type=String(32), foreign_key="sign_in_attempt.attempt_id")
    stored_us: int = Field(sa_type=BigInteger)
    booked_us: int | None = Field(default=None, sa_type=BigInteger)
    refusal: str | None = Field(default=None, sa_type=String(40))
    told: str | None = Field(default=None, sa_type=Text)
    emulated: bool
