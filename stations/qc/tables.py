"""What QC keeps: one inspection a document, never by the person who reviewed its application."""

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, String
from sqlmodel import Field, SQLModel


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
    codes: str = Field(sa_type=String(200))
    reader: str = Field(sa_type=String(64))
    written_us: int = Field(sa_type=BigInteger)
    emulated: bool
