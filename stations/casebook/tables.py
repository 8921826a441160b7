"""The casebook: one row a case, one a case's attachment to a rule. Written once; migrations add the guards.

A case is corrected by a further one that names it, and so stands no more. No column leads to an application: a case has
its day, not its moment.
"""

from typing import Final

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    UniqueConstraint,
)
from sqlmodel import Field, SQLModel

LONGEST_FIGURES: Final = 400
_SIGNED: Final = "(substr({0}, 1, 2) = 'e-') = ({1} IS NULL) AND (emulated OR {1} IS NOT NULL)"


class CasebookEntry(SQLModel, table=True):
    """One case: what was wrong, where it was caught and how it was seen; never whose it was.

    `corrects` names the case that this one stands in place of; `withdrawn` that neither stands. `picture` is a PNG of
    64 × 64 pixels at most. `figures`: JSON of what the item's rule can be run on, empty where there is nothing.
    """

    __tablename__ = "casebook_entry"
    __table_args__ = (
        UniqueConstraint("corrects", name="uq_casebook_entry_corrects"),
        Index("ix_casebook_entry_day", "day"),
        Index("ix_casebook_entry_item", "item", "day"),
        Index("ix_casebook_entry_character", "shown_character"),
        Index("ix_casebook_entry_taken_for", "taken_for"),
        CheckConstraint("length(case_id) = 32 AND corrects <> case_id", name="ck_book_entry_id"),
        CheckConstraint("corrects IS NOT NULL OR NOT withdrawn", name="ck_book_entry_withdrawn"),
        CheckConstraint(
            "substr(reason, 1, length(item)) = item AND (reason = item OR substr(reason, length(item) + 1, 1) = '_')",
            name="ck_book_entry_reason",
        ),
        CheckConstraint("caught_at IN ('review', 'second', 'qc', 'packing')", name="ck_book_entry_caught_at"),
        CheckConstraint(
            "length(shown_character) <= 1 AND (shown_character <> '' OR taken_for = '')",
            name="ck_book_entry_character",
        ),
        CheckConstraint(
            "(picture IS NULL) = (region IS NULL) AND (picture IS NULL OR length(picture) BETWEEN 40 AND 16384)",
            name="ck_book_entry_picture",
        ),
        CheckConstraint(
            "region IN ('left_ear', 'right_ear', 'left_eye', 'right_eye', 'mouth', 'crown', 'background', 'character')",
            name="ck_book_entry_region",
        ),
        CheckConstraint("length(day) = 10", name="ck_book_entry_day"),
        CheckConstraint(_SIGNED.format("writer", "sign_in"), name="ck_book_entry_signed"),
    )

    case_id: str = Field(sa_column=Column(String(32), primary_key=True))
    corrects: str | None = Field(
        default=None, sa_column=Column(String(32), ForeignKey("casebook_entry.case_id"), nullable=True)
    )
    withdrawn: bool
    item: str = Field(sa_column=Column(String(40), nullable=False))
    reason: str = Field(sa_column=Column(String(60), nullable=False))
    caught_at: str = Field(sa_column=Column(String(10), nullable=False))
    shown_character: str = Field(sa_column=Column(String(1), nullable=False))
    taken_for: str = Field(sa_column=Column(String(8), nullable=False))
    words: str = Field(sa_column=Column(String(160), nullable=False))
    region: str | None = Field(default=None, sa_column=Column(String(12)))
    picture: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    figures: str = Field(sa_column=Column(String(LONGEST_FIGURES), nullable=False))
    day: str = Field(sa_column=Column(String(10), nullable=False))
    shift: str = Field(sa_column=Column(String(64), nullable=False))
    writer: str = Field(sa_column=Column(String(64), nullable=False))
    sign_in: str | None = Field(default=None, sa_column=Column(String(32), ForeignKey("sign_in_attempt.attempt_id")))
    emulated: bool


class CasebookAttachment(SQLModel, table=True):
    """A case that is a test of a rule: by a lead, or by two people together. It counts while its case stands."""

    __tablename__ = "casebook_attachment"
    __table_args__ = (
        PrimaryKeyConstraint("case_id", "rule"),
        CheckConstraint(
            "(second IS NULL) = (second_sign_in IS NULL) AND second <> first", name="ck_book_attachment_second"
        ),
        CheckConstraint("length(day) = 10", name="ck_book_attachment_day"),
    )

    case_id: str = Field(sa_column=Column(String(32), ForeignKey("casebook_entry.case_id"), nullable=False))
    rule: str = Field(sa_column=Column(String(40), nullable=False))
    first: str = Field(sa_column=Column(String(64), nullable=False))
    first_sign_in: str = Field(sa_column=Column(String(32), ForeignKey("sign_in_attempt.attempt_id"), nullable=False))
    second: str | None = Field(default=None, sa_column=Column(String(64)))
    second_sign_in: str | None = Field(
        default=None, sa_column=Column(String(32), ForeignKey("sign_in_attempt.attempt_id"))
    )
    day: str = Field(sa_column=Column(String(10), nullable=False))
    emulated: bool
