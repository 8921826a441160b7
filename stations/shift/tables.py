"""The tables of the shift. Counts are append-only, a shift is closed once; migrations add the guards.

What is counted is blanks, whose serials are nobody's data. Times are integer microseconds UTC.
"""

from collections.abc import Iterable
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from stations.shift.rules import FORCED_AT, Ending, Moment, Passed, Returning, What


def _one_of(column: str, values: Iterable[StrEnum]) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"


def _signed(table: str, first: str, second: str) -> tuple[CheckConstraint, ...]:
    """Two different people, real ones by their sign-ins, emulated ones on emulated lines alone."""
    return (
        CheckConstraint(f"{first} <> {second}", name=f"ck_{table}_two"),
        CheckConstraint(
            f"(substr({first}, 1, 2) = 'e-') = (sign_in IS NULL) "
            f"AND (substr({second}, 1, 2) = 'e-') = (second_sign_in IS NULL)",
            name=f"ck_{table}_signed",
        ),
        CheckConstraint(
            "emulated OR (sign_in IS NOT NULL AND second_sign_in IS NOT NULL)", name=f"ck_{table}_emulated"
        ),
    )


def _id(foreign: str | None = None, *, primary_key: bool = False, nullable: bool = True) -> Column[str]:
    keys = [ForeignKey(foreign)] if foreign else []
    return Column(String(32), *keys, primary_key=primary_key, nullable=nullable and not primary_key)


class ShiftCount(SQLModel, table=True):
    """One blind count of all blanks by a lead and a second person, whatever came of it."""

    __tablename__ = "shift_count"
    __table_args__ = (
        *_signed("shift_count", "counted_by", "counted_second"),
        CheckConstraint(_one_of("moment", Moment), name="ck_shift_count_moment"),
        UniqueConstraint("sign_in", name="uq_shift_count_sign_in"),
        UniqueConstraint("second_sign_in", name="uq_shift_count_second_sign_in"),
    )

    count_id: str = Field(sa_column=_id(primary_key=True))
    moment: str = Field(sa_column=Column(String(10), nullable=False))
    counted_by: str = Field(sa_column=Column(String(40), nullable=False))
    counted_second: str = Field(sa_column=Column(String(40), nullable=False))
    sign_in: str | None = Field(default=None, sa_column=_id("sign_in_attempt.attempt_id"))
    second_sign_in: str | None = Field(default=None, sa_column=_id("sign_in_attempt.attempt_id"))
    counted_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    emulated: bool


class ShiftCounted(SQLModel, table=True):
    """What was scanned at one place of a station: the serials, sorted, a line each, and their SHA-256."""

    __tablename__ = "shift_counted"
    __table_args__ = (
        CheckConstraint("pieces >= 0", name="ck_shift_counted_pieces"),
        CheckConstraint("length(sha256) = 64", name="ck_shift_counted_sha256"),
    )

    count_id: str = Field(sa_column=_id("shift_count.count_id", primary_key=True))
    station: str = Field(sa_column=Column(String(40), primary_key=True))
    place: str = Field(sa_column=Column(String(40), primary_key=True))
    pieces: int
    serials: str = Field(sa_column=Column(Text, nullable=False))
    sha256: str = Field(sa_column=Column(String(64), nullable=False))


class ShiftDifference(SQLModel, table=True):
    """One piece on which a count and the log differed."""

    __tablename__ = "shift_difference"
    __table_args__ = (CheckConstraint(_one_of("what", What), name="ck_shift_difference_what"),)

    count_id: str = Field(sa_column=_id("shift_count.count_id", primary_key=True))
    serial: str = Field(sa_column=Column(String(40), primary_key=True))
    what: str = Field(sa_column=Column(String(10), nullable=False))
    station: str = Field(sa_column=Column(String(40), nullable=False))
    place: str = Field(sa_column=Column(String(40), nullable=False))
    logged: str = Field(sa_column=Column(String(120), nullable=False))


class Shift(SQLModel, table=True):
    """One shift: opened and closed by those who counted; at most one is open.

    A reason says that it was forced at that moment; the case stays open until `ShiftSettlement`.
    """

    __tablename__ = "shift"
    __table_args__ = (
        Index(
            "uq_shift_open", "closed", unique=True, sqlite_where=text("NOT closed"), postgresql_where=text("NOT closed")
        ),
        UniqueConstraint("opening_count", name="uq_shift_opening_count"),
        UniqueConstraint("closing_count", name="uq_shift_closing_count"),
        CheckConstraint(
            "closed = (closed_us IS NOT NULL) AND closed = (closing_count IS NOT NULL) "
            "AND closed = (closed_how IS NOT NULL)",
            name="ck_shift_closed",
        ),
        CheckConstraint("closed_us IS NULL OR closed_us >= opened_us", name="ck_shift_order"),
        CheckConstraint(f"closed_how IS NULL OR {_one_of('closed_how', Ending)}", name="ck_shift_how"),
        CheckConstraint(
            "(closing_reason IS NOT NULL) = (closed_how IS NOT NULL AND closed_how = 'forced') "
            "AND (closing_reason IS NULL) = (closing_left IS NULL)",
            name="ck_shift_forced",
        ),
    )

    shift_id: str = Field(sa_column=_id(primary_key=True))
    name: str = Field(sa_column=Column(String(40), nullable=False))
    opening_count: str = Field(sa_column=_id("shift_count.count_id", nullable=False))
    opened_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    opening_reason: str | None = Field(default=None, sa_column=Column(String(40)))
    closed: bool
    closing_count: str | None = Field(default=None, sa_column=_id("shift_count.count_id"))
    closed_us: int | None = Field(default=None, sa_column=Column(BigInteger))
    closed_how: str | None = Field(default=None, sa_column=Column(String(10)))
    closing_reason: str | None = Field(default=None, sa_column=Column(String(40)))
    closing_left: str | None = Field(default=None, sa_column=Column(Text))
    """What stood against a forced close: JSON, codes and ids only."""
    emulated: bool


class ShiftStood(SQLModel, table=True):
    """What stood when a shift ended, and its balance of blanks: JSON, counts, stations and codes only."""

    __tablename__ = "shift_stood"

    shift_id: str = Field(sa_column=_id("shift.shift_id", primary_key=True))
    stood: str = Field(sa_column=Column(Text, nullable=False))


class ShiftPerson(SQLModel, table=True):
    """One person of a shift, at one station."""

    __tablename__ = "shift_person"

    shift_id: str = Field(sa_column=_id("shift.shift_id", primary_key=True))
    code: str = Field(sa_column=Column(String(40), primary_key=True))
    station: str = Field(sa_column=Column(String(40), nullable=False))
    role: str = Field(sa_column=Column(String(16), nullable=False))


class ShiftMachine(SQLModel, table=True):
    """One machine of a shift, and what it was doing when the shift was opened; `new` has done nothing yet."""

    __tablename__ = "shift_machine"

    shift_id: str = Field(sa_column=_id("shift.shift_id", primary_key=True))
    machine: str = Field(sa_column=Column(String(40), primary_key=True))
    state: str = Field(sa_column=Column(String(10), nullable=False))
    reason: str | None = Field(default=None, sa_column=Column(String(60)))


class ShiftItem(SQLModel, table=True):
    """One item of the checklist that was confirmed at the opening."""

    __tablename__ = "shift_item"

    shift_id: str = Field(sa_column=_id("shift.shift_id", primary_key=True))
    item: str = Field(sa_column=Column(String(16), primary_key=True))


class ShiftSettlement(SQLModel, table=True):
    """How two people closed the case of a shift that was forced at a moment."""

    __tablename__ = "shift_settlement"
    __table_args__ = (
        *_signed("shift_settlement", "settled_by", "settled_second"),
        CheckConstraint(_one_of("moment", FORCED_AT), name="ck_shift_settlement_moment"),
    )

    shift_id: str = Field(sa_column=_id("shift.shift_id", primary_key=True))
    moment: str = Field(sa_column=Column(String(10), primary_key=True))
    finding: str = Field(sa_column=Column(String(40), nullable=False))
    settled_by: str = Field(sa_column=Column(String(40), nullable=False))
    settled_second: str = Field(sa_column=Column(String(40), nullable=False))
    sign_in: str | None = Field(default=None, sa_column=_id("sign_in_attempt.attempt_id"))
    second_sign_in: str | None = Field(default=None, sa_column=_id("sign_in_attempt.attempt_id"))
    settled_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    emulated: bool


class ShiftHandover(SQLModel, table=True):
    """One shift handed over to the next: it ends and the next begins in one transaction, on one count.

    Its outgoing and incoming leads are those who counted. The key of the shift that begins is looked at on commit.
    """

    __tablename__ = "shift_handover"
    __table_args__ = (
        UniqueConstraint("to_shift", name="uq_shift_handover_to"),
        CheckConstraint("from_shift <> to_shift", name="ck_shift_handover_two"),
    )

    from_shift: str = Field(sa_column=_id("shift.shift_id", primary_key=True))
    to_shift: str = Field(
        sa_column=Column(
            String(32), ForeignKey("shift.shift_id", deferrable=True, initially="DEFERRED"), nullable=False
        )
    )


class ShiftRelief(SQLModel, table=True):
    """An absent person who was relieved: all that they answered for passed to another, on a count.

    Those who counted are a lead and a witness; the reliever signs beside them, unless it is that lead.
    """

    __tablename__ = "shift_relief"
    __table_args__ = (
        CheckConstraint("absent <> reliever", name="ck_shift_relief_two"),
        UniqueConstraint("count_id", name="uq_shift_relief_count"),
        UniqueConstraint("sign_in", name="uq_shift_relief_sign_in"),
        UniqueConstraint("shift_id", "absent", name="uq_shift_relief_absent"),
    )

    relief_id: str = Field(sa_column=_id(primary_key=True))
    shift_id: str = Field(sa_column=_id("shift.shift_id", nullable=False))
    absent: str = Field(sa_column=Column(String(40), nullable=False))
    reliever: str = Field(sa_column=Column(String(40), nullable=False))
    sign_in: str | None = Field(default=None, sa_column=_id("sign_in_attempt.attempt_id"))
    """The reliever's; None for emulated people, and for a reliever who counted."""
    count_id: str = Field(sa_column=_id("shift_count.count_id", nullable=False))
    reason: str = Field(sa_column=Column(String(40), nullable=False))
    relieved_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    emulated: bool


class ShiftHanded(SQLModel, table=True):
    """What passed at one station on a count, to the next shift or to a reliever: its record, and how many units."""

    __tablename__ = "shift_handed"
    __table_args__ = (CheckConstraint("units > 0", name="ck_shift_handed_units"),)

    count_id: str = Field(sa_column=_id("shift_count.count_id", primary_key=True))
    station: str = Field(sa_column=Column(String(40), primary_key=True))
    event_id: str = Field(sa_column=_id(nullable=False))
    units: int


class ShiftPassed(SQLModel, table=True):
    """What passed by list on a count: an unanswered offer, a refused handoff, an open case."""

    __tablename__ = "shift_passed"
    __table_args__ = (CheckConstraint(_one_of("kind", Passed), name="ck_shift_passed_kind"),)

    count_id: str = Field(sa_column=_id("shift_count.count_id", primary_key=True))
    kind: str = Field(sa_column=Column(String(10), primary_key=True))
    subject: str = Field(sa_column=_id(primary_key=True))
    station: str = Field(sa_column=Column(String(40), nullable=False))


class Evacuation(SQLModel, table=True):
    """The line stood still from one person's word until two had counted; at most one is under way.

    A `forced_reason` says that they came back in spite of a difference: a case, until `EvacuationSettlement`.
    """

    __tablename__ = "evacuation"
    __table_args__ = (
        Index(
            "uq_evacuation_open", "over", unique=True, sqlite_where=text("NOT over"), postgresql_where=text("NOT over")
        ),
        UniqueConstraint("sign_in", name="uq_evacuation_sign_in"),
        UniqueConstraint("return_count", name="uq_evacuation_return_count"),
        CheckConstraint("(substr(ordered_by, 1, 2) = 'e-') = (sign_in IS NULL)", name="ck_evacuation_signed"),
        CheckConstraint("emulated OR sign_in IS NOT NULL", name="ck_evacuation_emulated"),
        CheckConstraint(
            "over = (returned_us IS NOT NULL) AND over = (return_count IS NOT NULL) AND over = (how IS NOT NULL)",
            name="ck_evacuation_over",
        ),
        CheckConstraint("returned_us IS NULL OR returned_us >= ordered_us", name="ck_evacuation_order"),
        CheckConstraint(f"how IS NULL OR {_one_of('how', Returning)}", name="ck_evacuation_how"),
        CheckConstraint(
            "(forced_reason IS NOT NULL) = (how IS NOT NULL AND how = 'forced')", name="ck_evacuation_forced"
        ),
    )

    evacuation_id: str = Field(sa_column=_id(primary_key=True))
    reason: str = Field(sa_column=Column(String(40), nullable=False))
    ordered_by: str = Field(sa_column=Column(String(40), nullable=False))
    sign_in: str | None = Field(default=None, sa_column=_id("sign_in_attempt.attempt_id"))
    ordered_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    over: bool
    return_count: str | None = Field(default=None, sa_column=_id("shift_count.count_id"))
    returned_us: int | None = Field(default=None, sa_column=Column(BigInteger))
    how: str | None = Field(default=None, sa_column=Column(String(10)))
    forced_reason: str | None = Field(default=None, sa_column=Column(String(40)))
    emulated: bool


class EvacuationSettlement(SQLModel, table=True):
    """How two people closed the case of a return that was forced."""

    __tablename__ = "evacuation_settlement"
    __table_args__ = _signed("evacuation_settlement", "settled_by", "settled_second")

    evacuation_id: str = Field(sa_column=_id("evacuation.evacuation_id", primary_key=True))
    finding: str = Field(sa_column=Column(String(40), nullable=False))
    settled_by: str = Field(sa_column=Column(String(40), nullable=False))
    settled_second: str = Field(sa_column=Column(String(40), nullable=False))
    sign_in: str | None = Field(default=None, sa_column=_id("sign_in_attempt.attempt_id"))
    second_sign_in: str | None = Field(default=None, sa_column=_id("sign_in_attempt.attempt_id"))
    settled_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    emulated: bool
