"""The gate's passages, their steps and ends, and the guards that keep them. Revision ID: line_0016."""

# ruff: noqa: E501 - the conditions are written as the models have them

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "line_0016"
down_revision = "line_0015"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "line_0016"


def upgrade() -> None:
    """Create the tables, then guard them."""
    op.create_table(
        "gate_passage",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("direction", sa.String(length=3), nullable=False),
        sa.Column("person", sa.String(length=40), nullable=True),
        sa.Column("reader", sa.String(length=40), nullable=True),
        sa.Column("memory", sa.BigInteger(), nullable=True),
        sa.Column("recognition", sa.BigInteger(), nullable=True),
        sa.Column("missed", sa.Integer(), nullable=False),
        sa.Column("shower", sa.String(length=40), nullable=True),
        sa.Column("cycle_memory", sa.BigInteger(), nullable=True),
        sa.Column("cycles", sa.BigInteger(), nullable=True),
        sa.Column("begun_us", sa.BigInteger(), nullable=False),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint("number >= 1", name="ck_gate_passage_number"),
        sa.CheckConstraint("direction IN ('in', 'out')", name="ck_gate_passage_direction"),
        sa.CheckConstraint(
            "(reader IS NULL) = (memory IS NULL) AND (reader IS NULL) = (recognition IS NULL)",
            name="ck_gate_passage_reader",
        ),
        sa.CheckConstraint(
            "(shower IS NULL) = (cycle_memory IS NULL) AND (shower IS NULL) = (cycles IS NULL)",
            name="ck_gate_passage_shower",
        ),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("reader", "memory", "recognition", name="uq_gate_passage_recognition"),
    )
    op.create_table(
        "gate_step",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("step", sa.String(length=12), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("cycles", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(length=40), nullable=True),
        sa.CheckConstraint("step IN ('second-door', 'unknown')", name="ck_gate_step_step"),
        sa.CheckConstraint(
            "(step = 'unknown') = (reason IS NOT NULL) AND (step = 'unknown') = (cycles IS NULL)",
            name="ck_gate_step_facts",
        ),
        sa.ForeignKeyConstraint(["number"], ["gate_passage.number"]),
        sa.PrimaryKeyConstraint("number", "step"),
    )
    op.create_table(
        "gate_ending",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=True),
        sa.Column("ended_us", sa.BigInteger(), nullable=False),
        sa.Column("settled_by", sa.String(length=40), nullable=True),
        sa.Column("settled_second", sa.String(length=40), nullable=True),
        sa.Column("sign_in", sa.String(length=32), nullable=True),
        sa.Column("second_sign_in", sa.String(length=32), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('entered', 'left', 'turned-back', 'stayed', 'refused')", name="ck_gate_ending_outcome"
        ),
        sa.CheckConstraint("outcome <> 'refused' OR reason IS NOT NULL", name="ck_gate_ending_reason"),
        sa.CheckConstraint(
            "(settled_by IS NULL AND settled_second IS NULL AND sign_in IS NULL AND second_sign_in IS NULL) OR (settled_by IS NOT NULL AND settled_second IS NOT NULL AND settled_by <> settled_second AND (substr(settled_by, 1, 2) = 'e-') = (sign_in IS NULL) AND (substr(settled_second, 1, 2) = 'e-') = (second_sign_in IS NULL))",
            name="ck_gate_ending_settled",
        ),
        sa.ForeignKeyConstraint(["number"], ["gate_passage.number"]),
        sa.ForeignKeyConstraint(["sign_in"], ["sign_in_attempt.attempt_id"]),
        sa.ForeignKeyConstraint(["second_sign_in"], ["sign_in_attempt.attempt_id"]),
        sa.PrimaryKeyConstraint("number"),
    )
    bind = op.get_bind()
    for statement in (SQL / f"guards.{bind.dialect.name}.sql").read_text(encoding="utf-8").split("--;\n"):
        bind.exec_driver_sql(statement)


def downgrade() -> None:
    """Refuse: who was inside when stays known for good."""
    raise RuntimeError("line tables are not dropped; restore a copy of the database instead")
