"""Rolls of laminate with their guards; the stock's forecast reads indexes alone. Revision ID: line_0018."""

# ruff: noqa: E501 - the conditions are written as the models have them

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "line_0018"
down_revision = "line_0016"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "line_0018"


def upgrade() -> None:
    """Put the product into the indexes by which applications are counted; create the tables of rolls and guard them."""
    op.drop_index("ix_application_state", "application")
    op.create_index("ix_application_state", "application", ["state", "emulated", "product"], unique=False)
    op.create_index("ix_application_batch", "application", ["batch_id", "product"], unique=False)
    op.drop_index("ix_application_batch_id", "application")
    op.create_table(
        "roll",
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("pieces", sa.Integer(), nullable=False),
        sa.Column("note", sa.String(length=40), nullable=False),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint("kind IN ('book', 'card')", name="ck_roll_kind"),
        sa.CheckConstraint("pieces BETWEEN 1 AND 100000", name="ck_roll_pieces"),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "roll_step",
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("step", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("act", sa.String(length=10), nullable=False),
        sa.Column("person", sa.String(length=10), nullable=False),
        sa.Column("second_person", sa.String(length=10), nullable=True),
        sa.Column("sign_in", sa.String(length=32), nullable=False),
        sa.Column("second_sign_in", sa.String(length=32), nullable=True),
        sa.Column("shift", sa.String(length=40), nullable=False),
        sa.Column("machine", sa.String(length=40), nullable=True),
        sa.Column("machine_serial", sa.String(length=40), nullable=True),
        sa.Column("journal_id", sa.String(length=40), nullable=True),
        sa.Column("good", sa.BigInteger(), nullable=True),
        sa.Column("rejected", sa.BigInteger(), nullable=True),
        sa.Column("machine_step", sa.BigInteger(), nullable=True),
        sa.Column("made", sa.Integer(), nullable=True),
        sa.Column("spoiled", sa.Integer(), nullable=True),
        sa.Column("unsure", sa.Integer(), nullable=True),
        sa.Column("left_pieces", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=40), nullable=True),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "(left_pieces IS NOT NULL) = (act = 'destroyed') AND (left_pieces IS NULL OR left_pieces BETWEEN 0 AND 100000)",
            name="ck_roll_step_left",
        ),
        sa.CheckConstraint(
            "(machine IS NOT NULL) = (act IN ('mounted', 'taken-off')) AND (machine IS NULL) = (machine_step IS NULL)",
            name="ck_roll_step_machine",
        ),
        sa.CheckConstraint(
            "(good IS NULL) = (rejected IS NULL) AND (good IS NULL) = (machine_serial IS NULL) AND (good IS NULL) = (journal_id IS NULL) AND (good IS NULL OR machine IS NOT NULL) AND (act <> 'mounted' OR good IS NOT NULL)",
            name="ck_roll_step_read",
        ),
        sa.CheckConstraint(
            "(made IS NOT NULL) = (act = 'taken-off') AND (made IS NULL) = (spoiled IS NULL) AND (made IS NULL) = (unsure IS NULL)",
            name="ck_roll_step_books",
        ),
        sa.CheckConstraint("(reason IS NOT NULL) = (act IN ('destroyed', 'lost'))", name="ck_roll_step_reason"),
        sa.CheckConstraint(
            "(second_person IS NULL) = (act IN ('mounted', 'taken-off')) AND (second_person IS NULL) = (second_sign_in IS NULL)",
            name="ck_roll_step_hands",
        ),
        sa.CheckConstraint(
            "act IN ('received', 'issued', 'mounted', 'taken-off', 'returned', 'destroyed', 'lost')",
            name="ck_roll_step_act",
        ),
        sa.CheckConstraint(
            "machine_step IS NULL OR (machine_step >= 1 AND (machine_step % 2 = 1) = (act = 'mounted'))",
            name="ck_roll_step_in_turn",
        ),
        sa.CheckConstraint("step >= 1 AND (step = 1) = (act = 'received')", name="ck_roll_step_first"),
        sa.CheckConstraint("good >= 0 AND rejected >= 0", name="ck_roll_step_counters"),
        sa.CheckConstraint("second_person IS NULL OR second_person <> person", name="ck_roll_step_two"),
        sa.ForeignKeyConstraint(
            ["number"],
            ["roll.number"],
        ),
        sa.ForeignKeyConstraint(
            ["person"],
            ["person.code"],
        ),
        sa.ForeignKeyConstraint(
            ["second_person"],
            ["person.code"],
        ),
        sa.ForeignKeyConstraint(
            ["second_sign_in"],
            ["sign_in_attempt.attempt_id"],
        ),
        sa.ForeignKeyConstraint(
            ["sign_in"],
            ["sign_in_attempt.attempt_id"],
        ),
        sa.PrimaryKeyConstraint("number", "step"),
        sa.UniqueConstraint("machine", "machine_step", name="uq_roll_step_machine"),
    )
    bind = op.get_bind()
    for statement in (SQL / f"guards.{bind.dialect.name}.sql").read_text(encoding="utf-8").split("--;\n"):
        bind.exec_driver_sql(statement)


def downgrade() -> None:
    """Refuse: what became of each roll stays known for good."""
    raise RuntimeError("line tables are not dropped; restore a copy of the database instead")
