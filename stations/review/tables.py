"""What review keeps: one verdict for each round over each revision of an application; who held it at the desk before,
what they decided and what they looked at.

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
    Integer,
    String,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from stations.review.second import Why

LONGEST_REASONS = 200
"""Characters of all reason codes of a verdict with the spaces between them."""
LONGEST_ANSWERS = 500
"""The same with an answer to each."""


class LeaseEnd(StrEnum):
    """How a lease ended."""

    DECIDED = "decided"
    LAPSED = "lapsed"
    """Its time was over before its reviewer decided."""
    GIVEN_UP = "given_up"
    """Its reviewer went, and decided nothing."""
    WITHDRAWN = "withdrawn"
    """The line took it back: the application was stopped, or its tray was given to emulated staff."""


class Viewed(StrEnum):
    """What of an application was opened for its reviewer."""

    FACTS = "facts"
    PHOTO = "photo"
    SIGNATURE = "signature"


def _one_of(column: str, values: type[StrEnum]) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"


class ReviewVerdict(SQLModel, table=True):
    """A reviewer's decision on one application. The first stored for a round wins; there is no second.

    Written once, while the application waits for review: `stations.migrations` adds the triggers.
    `reasons` holds item reason codes separated by one space: empty exactly when the outcome is `pass`.
    """

    __tablename__ = "review_verdict"
    __table_args__ = (
        CheckConstraint("outcome IN ('pass', 'return', 'hold')", name="review_verdict_outcome"),
        CheckConstraint("(outcome = 'pass') = (reasons = '')", name="review_verdict_reasons"),
        CheckConstraint("round >= 1", name="review_verdict_round"),
        CheckConstraint("emulated OR substr(reviewer, 1, 2) <> 'e-'", name="review_verdict_emulated"),
        # What an inspection refers to, so that the database itself compares inspector and reviewer.
        UniqueConstraint("application_id", "revision", "round", "reviewer", "outcome", name="review_verdict_signed"),
        Index("ix_review_verdict_written", "written_us", "outcome"),
    )

    application_id: str = Field(sa_type=String(32), foreign_key="application.application_id", primary_key=True)
    revision: int = Field(primary_key=True)
    round: int = Field(primary_key=True)
    reviewer: str = Field(sa_type=String(64), index=True)
    outcome: str = Field(sa_type=String(8))
    reasons: str = Field(sa_type=String(LONGEST_REASONS))
    written_us: int = Field(sa_type=BigInteger)
    emulated: bool


class ReviewLease(SQLModel, table=True):
    """One application in one reviewer's hands, and in nobody else's, until it is decided or its time is over.

    `place` is its turn among what the reviewer holds: the lowest that is open is the one to be decided now.
    """

    __tablename__ = "review_lease"
    __table_args__ = (
        Index(
            "uq_review_lease_open",
            "application_id",
            unique=True,
            sqlite_where=text("ended_us IS NULL"),
            postgresql_where=text("ended_us IS NULL"),
        ),
        Index(
            "uq_review_lease_place",
            "reviewer",
            "place",
            unique=True,
            sqlite_where=text("ended_us IS NULL"),
            postgresql_where=text("ended_us IS NULL"),
        ),
        Index("ix_review_lease_held", "application_id", "reviewer"),
        Index("ix_review_lease_reviewer", "reviewer", "place"),
        Index("ix_review_lease_leased", "leased_us"),
        # What a decision refers to, so that the database itself compares whose lease of what it names.
        UniqueConstraint("lease_id", "application_id", "revision", "round", "reviewer", name="uq_review_lease_named"),
        CheckConstraint("length(lease_id) = 32", name="ck_review_lease_id"),
        CheckConstraint("round >= 1 AND place >= 1", name="ck_review_lease_numbers"),
        CheckConstraint("until_us - leased_us BETWEEN 1 AND 3600000000", name="ck_review_lease_length"),
        CheckConstraint(
            "(substr(reviewer, 1, 2) = 'e-') = (sign_in IS NULL) AND (emulated OR sign_in IS NOT NULL)",
            name="ck_review_lease_signed",
        ),
        CheckConstraint(
            "(ended_us IS NULL AND ended_how IS NULL) OR (ended_us IS NOT NULL AND ended_how IS NOT NULL"
            f" AND ended_us >= leased_us AND {_one_of('ended_how', LeaseEnd)}"
            " AND (ended_how <> 'decided' OR ended_us < until_us) AND (ended_how <> 'lapsed' OR ended_us >= until_us))",
            name="ck_review_lease_ended",
        ),
    )

    lease_id: str = Field(sa_column=Column(String(32), primary_key=True))
    application_id: str = Field(sa_column=Column(String(32), ForeignKey("application.application_id"), nullable=False))
    revision: int
    round: int
    reviewer: str = Field(sa_column=Column(String(64), nullable=False))
    sign_in: str | None = Field(default=None, sa_column=Column(String(32), ForeignKey("sign_in_attempt.attempt_id")))
    place: int = Field(sa_column=Column(BigInteger, nullable=False))
    leased_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    until_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    ended_us: int | None = Field(default=None, sa_column=Column(BigInteger))
    ended_how: str | None = Field(default=None, sa_column=Column(String(10)))
    emulated: bool


class ReviewDecision(SQLModel, table=True):
    """What a reviewer decided on a lease of theirs, before its tray is booked; `decision_id` is the desk's own, so that
    one that is sent again is the same. Undone it stands no more, and stays.
    """

    __tablename__ = "review_decision"
    __table_args__ = (
        ForeignKeyConstraint(
            ["lease_id", "application_id", "revision", "round", "reviewer"],
            [
                "review_lease.lease_id",
                "review_lease.application_id",
                "review_lease.revision",
                "review_lease.round",
                "review_lease.reviewer",
            ],
            name="fk_review_decision_lease",
        ),
        UniqueConstraint("lease_id", name="uq_review_decision_lease"),
        Index(
            "uq_review_decision_standing",
            "application_id",
            "revision",
            "round",
            unique=True,
            sqlite_where=text("undone_us IS NULL"),
            postgresql_where=text("undone_us IS NULL"),
        ),
        Index("ix_review_decision_stored", "stored_us"),
        CheckConstraint("length(decision_id) = 32", name="ck_review_decision_id"),
        CheckConstraint("outcome IN ('pass', 'return', 'hold')", name="ck_review_decision_outcome"),
        CheckConstraint("(outcome = 'pass') = (reasons = '')", name="ck_review_decision_reasons"),
        CheckConstraint("undone_us IS NULL OR undone_us >= stored_us", name="ck_review_decision_undone"),
    )

    decision_id: str = Field(sa_column=Column(String(32), primary_key=True))
    lease_id: str = Field(sa_column=Column(String(32), nullable=False))
    application_id: str = Field(sa_column=Column(String(32), nullable=False))
    revision: int
    round: int
    reviewer: str = Field(sa_column=Column(String(64), nullable=False))
    outcome: str = Field(sa_column=Column(String(8), nullable=False))
    reasons: str = Field(sa_column=Column(String(LONGEST_REASONS), nullable=False))
    stored_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    undone_us: int | None = Field(default=None, sa_column=Column(BigInteger))
    emulated: bool


_OF_VERDICT = ["review_verdict.application_id", "review_verdict.revision", "review_verdict.round"]


class ReviewQuestion(SQLModel, table=True):
    """A question to an applicant that went out to their accepting office: each sending is a row. Written once.

    The question is the verdict that held the application: its reason codes, and nothing else.
    """

    __tablename__ = "review_question"
    __table_args__ = (
        ForeignKeyConstraint(["application_id", "revision", "round"], _OF_VERDICT, name="fk_review_question_verdict"),
        Index("ix_review_question_application", "application_id", "round"),
        CheckConstraint("length(sending_id) = 32", name="ck_review_question_id"),
    )

    sending_id: str = Field(sa_column=Column(String(32), primary_key=True))
    application_id: str = Field(sa_column=Column(String(32), primary_key=True))
    revision: int
    round: int
    office: str = Field(sa_column=Column(String(20), nullable=False))
    sent_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    sent_by: str = Field(sa_column=Column(String(64), nullable=False))
    sign_in: str = Field(sa_column=Column(String(32), ForeignKey("sign_in_attempt.attempt_id"), nullable=False))
    emulated: bool


class ReviewAnswer(SQLModel, table=True):
    """What the office answered to the question of a round: a code for each of its reasons. Written once.

    `answers`: reason and answer with a colon between, separated by one space. `answered_on`: the office's day.
    """

    __tablename__ = "review_answer"
    __table_args__ = (
        ForeignKeyConstraint(["application_id", "revision", "round"], _OF_VERDICT, name="fk_review_answer_verdict"),
        CheckConstraint("answers <> ''", name="ck_review_answer_answers"),
    )

    application_id: str = Field(sa_column=Column(String(32), primary_key=True))
    revision: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    round: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    answers: str = Field(sa_column=Column(String(LONGEST_ANSWERS), nullable=False))
    answered_on: str = Field(sa_column=Column(String(10), nullable=False))
    loaded_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    loaded_by: str = Field(sa_column=Column(String(64), nullable=False))
    sign_in: str = Field(sa_column=Column(String(32), ForeignKey("sign_in_attempt.attempt_id"), nullable=False))
    emulated: bool


class ReviewSecond(SQLModel, table=True):
    """A pass that another reviewer decides again, before its tray is booked. Written once, with its verdict."""

    __tablename__ = "review_second"
    __table_args__ = (
        ForeignKeyConstraint(["application_id", "revision", "round"], _OF_VERDICT, name="fk_review_second_verdict"),
        Index("ix_review_second_chosen", "chosen_us"),
        CheckConstraint(_one_of("why", Why), name="ck_review_second_why"),
    )

    application_id: str = Field(sa_column=Column(String(32), primary_key=True))
    revision: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    round: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    why: str = Field(sa_column=Column(String(8), nullable=False))
    chosen_us: int = Field(sa_column=Column(BigInteger, nullable=False))


class ReviewView(SQLModel, table=True):
    """Personal data of an application that was opened for whoever held it: what, and when. Written once."""

    __tablename__ = "review_view"
    __table_args__ = (
        Index("ix_review_view_lease", "lease_id"),
        CheckConstraint(_one_of("what", Viewed), name="ck_review_view_what"),
    )

    view_id: str = Field(sa_column=Column(String(32), primary_key=True))
    lease_id: str = Field(sa_column=Column(String(32), ForeignKey("review_lease.lease_id"), nullable=False))
    what: str = Field(sa_column=Column(String(10), nullable=False))
    viewed_us: int = Field(sa_column=Column(BigInteger, nullable=False))
