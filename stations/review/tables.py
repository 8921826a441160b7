"""What review keeps: one verdict for each round over each revision of an application."""

from sqlalchemy import BigInteger, CheckConstraint, Index, String, UniqueConstraint
from sqlmodel import Field, SQLModel


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
    reasons: str = Field(sa_type=String(200))
    written_us: int = Field(sa_type=BigInteger)
    emulated: bool
