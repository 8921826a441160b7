"""The tables of rolls: one row a roll, one a step of it, never changed or deleted; migrations add the guards.

Times are integer microseconds UTC.
"""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Integer, String, UniqueConstraint
from sqlmodel import Field, SQLModel

from stations.rolls.rules import MOST_PIECES, RollAct

ON_MACHINE = "act IN ('mounted', 'taken-off')"


class Roll(SQLModel, table=True):
    """One roll as it was received: its printed number, the kind of blank that it is for, its pieces, the note."""

    __tablename__ = "roll"
    __table_args__ = (
        CheckConstraint("kind IN ('book', 'card')", name="ck_roll_kind"),
        CheckConstraint(f"pieces BETWEEN 1 AND {MOST_PIECES}", name="ck_roll_pieces"),
    )

    number: str = Field(sa_column=Column(String(20), primary_key=True))
    kind: str = Field(sa_column=Column(String(10), nullable=False))
    pieces: int
    note: str = Field(sa_column=Column(String(40), nullable=False))
    emulated: bool


class RollStep(SQLModel, table=True):
    """One act with a roll and who signed it; `second_person` took it over, or stood by.

    `good` and `rejected` are the machine's own counters at that moment, in the memory `journal_id` of the machine
    `machine_serial`; none where a machine could not answer any more. `machine_step` counts what was mounted on a
    machine and taken off, in turn: two rolls are never on one. `made`, `spoiled` and `unsure`: what the books say of
    the time between (`stations.rolls.station`).
    """

    __tablename__ = "roll_step"
    __table_args__ = (
        UniqueConstraint("machine", "machine_step", name="uq_roll_step_machine"),
        CheckConstraint(f"act IN ({', '.join(repr(str(act)) for act in RollAct)})", name="ck_roll_step_act"),
        CheckConstraint("step >= 1 AND (step = 1) = (act = 'received')", name="ck_roll_step_first"),
        CheckConstraint("second_person IS NULL OR second_person <> person", name="ck_roll_step_two"),
        CheckConstraint(
            f"(second_person IS NULL) = ({ON_MACHINE}) AND (second_person IS NULL) = (second_sign_in IS NULL)",
            name="ck_roll_step_hands",
        ),
        CheckConstraint(
            f"(machine IS NOT NULL) = ({ON_MACHINE}) AND (machine IS NULL) = (machine_step IS NULL)",
            name="ck_roll_step_machine",
        ),
        CheckConstraint(
            "(good IS NULL) = (rejected IS NULL) AND (good IS NULL) = (machine_serial IS NULL) "
            "AND (good IS NULL) = (journal_id IS NULL) AND (good IS NULL OR machine IS NOT NULL) "
            "AND (act <> 'mounted' OR good IS NOT NULL)",
            name="ck_roll_step_read",
        ),
        CheckConstraint(
            "machine_step IS NULL OR (machine_step >= 1 AND (machine_step % 2 = 1) = (act = 'mounted'))",
            name="ck_roll_step_in_turn",
        ),
        CheckConstraint("good >= 0 AND rejected >= 0", name="ck_roll_step_counters"),
        CheckConstraint(
            "(made IS NOT NULL) = (act = 'taken-off') AND (made IS NULL) = (spoiled IS NULL) "
            "AND (made IS NULL) = (unsure IS NULL)",
            name="ck_roll_step_books",
        ),
        CheckConstraint(
            f"(left_pieces IS NOT NULL) = (act = 'destroyed') AND (left_pieces IS NULL "
            f"OR left_pieces BETWEEN 0 AND {MOST_PIECES})",
            name="ck_roll_step_left",
        ),
        CheckConstraint("(reason IS NOT NULL) = (act IN ('destroyed', 'lost'))", name="ck_roll_step_reason"),
    )

    number: str = Field(sa_column=Column(String(20), ForeignKey("roll.number"), primary_key=True))
    step: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    act: str = Field(sa_column=Column(String(10), nullable=False))
    person: str = Field(sa_column=Column(String(10), ForeignKey("person.code"), nullable=False))
    second_person: str | None = Field(default=None, sa_column=Column(String(10), ForeignKey("person.code")))
    sign_in: str = Field(sa_column=Column(String(32), ForeignKey("sign_in_attempt.attempt_id"), nullable=False))
    second_sign_in: str | None = Field(
        default=None, sa_column=Column(String(32), ForeignKey("sign_in_attempt.attempt_id"))
    )
    shift: str = Field(sa_column=Column(String(40), nullable=False))
    machine: str | None = Field(default=None, sa_column=Column(String(40)))
    machine_serial: str | None = Field(default=None, sa_column=Column(String(40)))
    journal_id: str | None = Field(default=None, sa_column=Column(String(40)))
    good: int | None = Field(default=None, sa_column=Column(BigInteger))
    rejected: int | None = Field(default=None, sa_column=Column(BigInteger))
    machine_step: int | None = Field(default=None, sa_column=Column(BigInteger))
    made: int | None = Field(default=None, sa_column=Column(Integer))
    spoiled: int | None = Field(default=None, sa_column=Column(Integer))
    unsure: int | None = Field(default=None, sa_column=Column(Integer))
    left_pieces: int | None = Field(default=None, sa_column=Column(Integer))
    reason: str | None = Field(default=None, sa_column=Column(String(40)))
    at_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    emulated: bool
