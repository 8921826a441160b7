"""Deadlines follow the calendar: each change leaves a record, and none is made without. Revision ID: line_0007."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "line_0007"
down_revision = "line_0006"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "line_0007"


def upgrade() -> None:
    """Add the tables, then guard them and the deadlines; applications stay as they are."""
    op.create_table(
        "deadline_reckoning",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.Column("began_us", sa.BigInteger(), nullable=False),
        sa.Column("finished_us", sa.BigInteger(), nullable=True),
        sa.Column("changed", sa.BigInteger(), nullable=True),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint("position >= 1", name="ck_deadline_reckoning_position"),
        sa.CheckConstraint("(finished_us IS NULL) = (changed IS NULL)", name="ck_deadline_reckoning_finished"),
        sa.PrimaryKeyConstraint("position"),
    )
    op.create_table(
        "deadline_change",
        sa.Column("application_id", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("reckoning", sa.BigInteger(), nullable=False),
        sa.Column("before_us", sa.BigInteger(), nullable=False),
        sa.Column("before_provisional", sa.Boolean(), nullable=False),
        sa.Column("after_us", sa.BigInteger(), nullable=False),
        sa.Column("after_provisional", sa.Boolean(), nullable=False),
        sa.Column("changed_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("position >= 1", name="ck_deadline_change_position"),
        sa.CheckConstraint(
            "before_us <> after_us OR before_provisional <> after_provisional", name="ck_deadline_change_changes"
        ),
        sa.ForeignKeyConstraint(["application_id"], ["application.application_id"]),
        sa.ForeignKeyConstraint(["reckoning"], ["deadline_reckoning.position"]),
        sa.PrimaryKeyConstraint("application_id", "position"),
    )
    op.create_index("ix_deadline_change_reckoning", "deadline_change", ["reckoning"], unique=False)
    bind = op.get_bind()
    for statement in (SQL / f"guards.{bind.dialect.name}.sql").read_text(encoding="utf-8").split("--;\n"):
        bind.exec_driver_sql(statement)


def downgrade() -> None:
    """Refuse: why a deadline is what it is stays known for good."""
    raise RuntimeError("line tables are not dropped; restore a copy of the database instead")
