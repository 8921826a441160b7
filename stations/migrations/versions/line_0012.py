"""What a lead raised to the green channel, and the guards of class and priority. Revision ID: line_0012."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "line_0012"
down_revision = "line_0011"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "line_0012"


def upgrade() -> None:
    """Add the table, then guard it and what it says of applications, which stay as they are."""
    op.create_table(
        "green_channel",
        sa.Column("application_id", sa.String(length=32), nullable=False),
        sa.Column("approver", sa.String(length=10), nullable=False),
        sa.Column("sign_in", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("raised_us", sa.BigInteger(), nullable=False),
        sa.Column("class_before", sa.String(length=12), nullable=False),
        sa.Column("priority_before", sa.Integer(), nullable=False),
        sa.Column("deadline_before_us", sa.BigInteger(), nullable=False),
        sa.Column("deadline_change", sa.Integer(), nullable=True),
        sa.Column("parted_from", sa.String(length=32), nullable=True),
        sa.Column("parted_into", sa.String(length=32), nullable=True),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "reason IN ('conference', 'exam', 'death_abroad', 'illness_abroad', 'medical_care', 'visa_expiry')",
            name="ck_green_channel_reason",
        ),
        sa.CheckConstraint("priority_before IN (1, 2)", name="ck_green_channel_priority"),
        sa.CheckConstraint("(parted_from IS NULL) = (parted_into IS NULL)", name="ck_green_channel_parted"),
        sa.ForeignKeyConstraint(["application_id"], ["application.application_id"]),
        sa.ForeignKeyConstraint(["approver"], ["person.code"]),
        sa.ForeignKeyConstraint(["sign_in"], ["sign_in_attempt.attempt_id"]),
        sa.ForeignKeyConstraint(
            ["application_id", "deadline_change"],
            ["deadline_change.application_id", "deadline_change.position"],
            name="fk_green_channel_deadline",
        ),
        sa.PrimaryKeyConstraint("application_id"),
    )
    op.create_index("ix_green_channel_parted_from", "green_channel", ["parted_from"], unique=False)
    bind = op.get_bind()
    for statement in (SQL / f"guards.{bind.dialect.name}.sql").read_text(encoding="utf-8").split("--;\n"):
        bind.exec_driver_sql(statement)


def downgrade() -> None:
    """Refuse: who let what overtake all others, and why, stays known for good."""
    raise RuntimeError("line tables are not dropped; restore a copy of the database instead")
