"""What is kept of a tray that is accepted at a desk: who counted it, and each number that was scanned.

Migrations add the guards. Times are integer microseconds UTC, by the database's clock.
"""

from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, String, text
from sqlmodel import Field, SQLModel

LONGEST_NUMBER = 64
"""Characters of a scanned number."""


class CountEnd(StrEnum):
    """How a count ended."""

    COUNTED = "counted"
    """Its person said that it was all: what the tray is accepted by."""
    GIVEN_UP = "given_up"
    """Its person begins anew, or went; nothing of it counts."""
    LAPSED = "lapsed"
    """Its time was over before; nothing of it counts."""


class TrayCount(SQLModel, table=True):
    """One person's blind count of one offered tray. At most one of a handoff is open or counted."""

    __tablename__ = "tray_count"
    __table_args__ = (
        Index(
            "uq_tray_count_standing",
            "handoff_id",
            unique=True,
            sqlite_where=text("ended_how IS NULL OR ended_how = 'counted'"),
            postgresql_where=text("ended_how IS NULL OR ended_how = 'counted'"),
        ),
        Index(
            "uq_tray_count_person",
            "person",
            unique=True,
            sqlite_where=text("ended_us IS NULL"),
            postgresql_where=text("ended_us IS NULL"),
        ),
        Index("ix_tray_count_begun", "begun_us"),
        CheckConstraint("length(count_id) = 32", name="ck_tray_count_id"),
        CheckConstraint("until_us - begun_us BETWEEN 1 AND 3600000000", name="ck_tray_count_length"),
        CheckConstraint(
            "(substr(person, 1, 2) = 'e-') = (sign_in IS NULL) AND (emulated OR sign_in IS NOT NULL)",
            name="ck_tray_count_signed",
        ),
        CheckConstraint(
            "(ended_us IS NULL AND ended_how IS NULL) OR (ended_us IS NOT NULL AND ended_how IS NOT NULL"
            " AND ended_us >= begun_us AND ended_how IN ('counted', 'given_up', 'lapsed')"
            " AND (ended_how <> 'counted' OR ended_us < until_us))",
            name="ck_tray_count_ended",
        ),
    )

    count_id: str = Field(sa_column=Column(String(32), primary_key=True))
    station: str = Field(sa_column=Column(String(32), nullable=False))
    handoff_id: str = Field(sa_column=Column(String(32), nullable=False))
    tray: str = Field(sa_column=Column(String(32), nullable=False))
    person: str = Field(sa_column=Column(String(64), nullable=False))
    sign_in: str | None = Field(default=None, sa_column=Column(String(32), ForeignKey("sign_in_attempt.attempt_id")))
    begun_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    until_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    ended_us: int | None = Field(default=None, sa_column=Column(BigInteger))
    ended_how: str | None = Field(default=None, sa_column=Column(String(10)))
    emulated: bool


class TrayScan(SQLModel, table=True):
    """A number that was scanned in a count; the same one scanned twice is one. Written once."""

    __tablename__ = "tray_scan"
    __table_args__ = (CheckConstraint("number <> ''", name="ck_tray_scan_number"),)

    count_id: str = Field(sa_column=Column(String(32), ForeignKey("tray_count.count_id"), primary_key=True))
    number: str = Field(sa_column=Column(String(LONGEST_NUMBER), primary_key=True))
    scanned_us: int = Field(sa_column=Column(BigInteger, nullable=False))
