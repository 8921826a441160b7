"""What QC keeps: one inspection a document, never by the person who reviewed its application; at a desk, before it,
what a reader found, who had the piece in hand, what they decided and looked at, and which two signed for a void.

Migrations add the guards. Times are integer microseconds UTC, by the database's clock.
"""

from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

LONGEST_CODES = 200
"""Characters of all defect codes of a document with the spaces between them."""


def _open(name: str, column: str) -> Index:
    """An index of what has not ended, one a value of `column`."""
    of = text("ended_us IS NULL")
    return Index(name, column, unique=True, sqlite_where=of, postgresql_where=of)


class Inspection(SQLModel, table=True):
    """An inspector's decision on one document, tied to the verdict that let its application pass.

    Written once, while the application is made, by nobody who passed it: `stations.migrations` adds the triggers.
    `codes` holds defect codes separated by one space: empty exactly when the outcome is `pass`.
    """

    __tablename__ = "inspection"
    __table_args__ = (
        Index("ix_inspection_written", "written_us"),
        ForeignKeyConstraint(
            ["application_id", "revision", "round", "reviewer", "review_outcome"],
            [
                "review_verdict.application_id",
                "review_verdict.revision",
                "review_verdict.round",
                "review_verdict.reviewer",
                "review_verdict.outcome",
            ],
            name="inspection_verdict",
        ),
        CheckConstraint("inspector <> reviewer", name="inspection_two_people"),
        CheckConstraint("review_outcome = 'pass'", name="inspection_passed_review"),
        CheckConstraint("outcome IN ('pass', 'fail')", name="inspection_outcome"),
        CheckConstraint("(outcome = 'pass') = (codes = '')", name="inspection_codes"),
        CheckConstraint("emulated OR substr(inspector, 1, 2) <> 'e-'", name="inspection_emulated"),
    )

    document_unit: str = Field(sa_type=String(32), primary_key=True)
    application_id: str = Field(sa_type=String(32), index=True)
    revision: int
    round: int
    reviewer: str = Field(sa_type=String(64))
    review_outcome: str = Field(sa_type=String(8))
    inspector: str = Field(sa_type=String(64), index=True)
    outcome: str = Field(sa_type=String(8))
    codes: str = Field(sa_type=String(LONGEST_CODES))
    reader: str = Field(sa_type=String(64))
    written_us: int = Field(sa_type=BigInteger)
    emulated: bool


class HoldEnd(StrEnum):
    """How a piece left an inspector's hand."""

    DECIDED = "decided"
    PUT_BACK = "put_back"
    """It was laid back, or another one taken."""
    READ_AGAIN = "read_again"
    """It was laid back to be read again: nobody takes it before."""
    LAPSED = "lapsed"
    """Its time was over, and somebody else took it."""
    WITHDRAWN = "withdrawn"
    """The line took it: its application was stopped, or its tray was given to emulated staff."""


class Viewed(StrEnum):
    """What of a piece and its order was opened for whoever has it in hand."""

    FACTS = "facts"
    PORTRAIT = "portrait"
    PRINTED = "printed"
    """What is printed on an EMULATED piece."""


def _one_of(column: str, values: type[StrEnum]) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"


MOST_READINGS = 3
"""Of one document: what two readers after each other can't read is nothing that a third one will."""


class QcReading(SQLModel, table=True):
    """What a reader found on a document, for the inspector who looks at it afterwards. Written once.

    `turn` counts from 1: an inspector may have it read again, and the last reading is the one that is shown. `codes`:
    defect codes by comparison with the order, separated by one space. `reading`: zone, serial and chip as they were
    read, encrypted.
    """

    __tablename__ = "qc_reading"
    __table_args__ = (
        CheckConstraint("length(document_unit) = 32", name="ck_qc_reading_unit"),
        CheckConstraint(f"turn BETWEEN 1 AND {MOST_READINGS}", name="ck_qc_reading_turn"),
    )

    document_unit: str = Field(sa_column=Column(String(32), primary_key=True))
    turn: int = Field(primary_key=True)
    application_id: str = Field(sa_column=Column(String(32), ForeignKey("application.application_id"), nullable=False))
    reader: str = Field(sa_column=Column(String(64), nullable=False))
    codes: str = Field(sa_column=Column(String(LONGEST_CODES), nullable=False))
    reading: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    read_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    emulated: bool


class QcHold(SQLModel, table=True):
    """One piece in one inspector's hand, by a scan, until it is decided, laid back or its time is over.

    `turn` is the reading that is shown to them.
    """

    __tablename__ = "qc_hold"
    __table_args__ = (
        _open("uq_qc_hold_open", "document_unit"),
        _open("uq_qc_hold_hand", "inspector"),
        Index("ix_qc_hold_unit", "document_unit", "turn"),
        ForeignKeyConstraint(
            ["document_unit", "turn"], ["qc_reading.document_unit", "qc_reading.turn"], name="fk_qc_hold_reading"
        ),
        # What a decision refers to, so that the database itself compares who had what in hand.
        UniqueConstraint("hold_id", "document_unit", "inspector", name="uq_qc_hold_named"),
        CheckConstraint("length(hold_id) = 32", name="ck_qc_hold_id"),
        CheckConstraint("until_us - taken_us BETWEEN 1 AND 3600000000", name="ck_qc_hold_length"),
        CheckConstraint(
            "(substr(inspector, 1, 2) = 'e-') = (sign_in IS NULL) AND (emulated OR sign_in IS NOT NULL)",
            name="ck_qc_hold_signed",
        ),
        CheckConstraint(
            "(ended_us IS NULL AND ended_how IS NULL) OR (ended_us IS NOT NULL AND ended_how IS NOT NULL"
            f" AND ended_us >= taken_us AND {_one_of('ended_how', HoldEnd)}"
            " AND (ended_how <> 'decided' OR ended_us < until_us) AND (ended_how <> 'lapsed' OR ended_us >= until_us))",
            name="ck_qc_hold_ended",
        ),
    )

    hold_id: str = Field(sa_column=Column(String(32), primary_key=True))
    document_unit: str = Field(sa_column=Column(String(32), nullable=False))
    turn: int
    inspector: str = Field(sa_column=Column(String(64), nullable=False))
    sign_in: str | None = Field(default=None, sa_column=Column(String(32), ForeignKey("sign_in_attempt.attempt_id")))
    taken_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    until_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    ended_us: int | None = Field(default=None, sa_column=Column(BigInteger))
    ended_how: str | None = Field(default=None, sa_column=Column(String(10)))
    emulated: bool


class QcDecision(SQLModel, table=True):
    """What an inspector decided on the piece in hand, before it is booked; `decision_id` is the desk's own, so that one
    that is sent again is the same. Undone it stands no more, and stays.
    """

    __tablename__ = "qc_decision"
    __table_args__ = (
        ForeignKeyConstraint(
            ["hold_id", "document_unit", "inspector"],
            ["qc_hold.hold_id", "qc_hold.document_unit", "qc_hold.inspector"],
            name="fk_qc_decision_hold",
        ),
        UniqueConstraint("hold_id", name="uq_qc_decision_hold"),
        # What two sign for.
        UniqueConstraint("decision_id", "document_unit", name="uq_qc_decision_named"),
        Index(
            "uq_qc_decision_standing",
            "document_unit",
            unique=True,
            sqlite_where=text("undone_us IS NULL"),
            postgresql_where=text("undone_us IS NULL"),
        ),
        Index("ix_qc_decision_inspector", "inspector", "stored_us"),
        CheckConstraint("length(decision_id) = 32", name="ck_qc_decision_id"),
        CheckConstraint("outcome IN ('pass', 'fail')", name="ck_qc_decision_outcome"),
        CheckConstraint("(outcome = 'pass') = (codes = '')", name="ck_qc_decision_codes"),
        CheckConstraint("undone_us IS NULL OR undone_us >= stored_us", name="ck_qc_decision_undone"),
    )

    decision_id: str = Field(sa_column=Column(String(32), primary_key=True))
    hold_id: str = Field(sa_column=Column(String(32), nullable=False))
    document_unit: str = Field(sa_column=Column(String(32), nullable=False))
    inspector: str = Field(sa_column=Column(String(64), nullable=False))
    outcome: str = Field(sa_column=Column(String(4), nullable=False))
    codes: str = Field(sa_column=Column(String(LONGEST_CODES), nullable=False))
    stored_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    undone_us: int | None = Field(default=None, sa_column=Column(BigInteger))
    emulated: bool


class QcVoid(SQLModel, table=True):
    """Two people say that they defaced a failed piece: each signed in for it, at that moment. Written once."""

    __tablename__ = "qc_void"
    __table_args__ = (
        ForeignKeyConstraint(
            ["decision_id", "document_unit"],
            ["qc_decision.decision_id", "qc_decision.document_unit"],
            name="fk_qc_void_decision",
        ),
        CheckConstraint("first <> second AND first_sign_in <> second_sign_in", name="ck_qc_void_two_people"),
    )

    document_unit: str = Field(sa_column=Column(String(32), primary_key=True))
    decision_id: str = Field(sa_column=Column(String(32), nullable=False))
    first: str = Field(sa_column=Column(String(64), nullable=False))
    first_sign_in: str = Field(sa_column=Column(String(32), ForeignKey("sign_in_attempt.attempt_id"), nullable=False))
    second: str = Field(sa_column=Column(String(64), nullable=False))
    second_sign_in: str = Field(sa_column=Column(String(32), ForeignKey("sign_in_attempt.attempt_id"), nullable=False))
    signed_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    emulated: bool


class QcView(SQLModel, table=True):
    """Personal data of a piece or its order that was opened for whoever had it in hand. Written once."""

    __tablename__ = "qc_view"
    __table_args__ = (
        Index("ix_qc_view_hold", "hold_id"),
        CheckConstraint(_one_of("what", Viewed), name="ck_qc_view_what"),
    )

    view_id: str = Field(sa_column=Column(String(32), primary_key=True))
    hold_id: str = Field(sa_column=Column(String(32), ForeignKey("qc_hold.hold_id"), nullable=False))
    what: str = Field(sa_column=Column(String(10), nullable=False))
    viewed_us: int = Field(sa_column=Column(BigInteger, nullable=False))
