"""What machines did when, a lease's last sign of life, and pieces counted by their time. Revision ID: line_0002."""

# ruff: noqa: E501 - the conditions are written as the models have them

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "line_0002"
down_revision = "line_0001"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "line_0002"


def upgrade() -> None:
    """Add the table and its guards, the column, the index; what is there stays as it is.

    No period is made up for the time before: a machine's first one begins at its next change.
    """
    op.create_table(
        "machine_period",
        sa.Column("machine", sa.String(length=40), nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=60), nullable=True),
        sa.Column("began_us", sa.BigInteger(), nullable=False),
        sa.Column("shift", sa.String(length=40), nullable=False),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "state IN ('clearing', 'stopped', 'starting', 'idle', 'suspended', 'execute', 'stopping', 'aborting', 'aborted', 'holding', 'held', 'unholding', 'suspending', 'unsuspending', 'resetting', 'completing', 'completed')",
            name="ck_machine_period",
        ),
        sa.CheckConstraint("state NOT IN ('held', 'suspended') OR reason IS NOT NULL", name="ck_machine_period_reason"),
        sa.CheckConstraint("position >= 1", name="ck_machine_period_position"),
        sa.PrimaryKeyConstraint("machine", "position"),
    )
    op.add_column("machine_lease", sa.Column("renewed_us", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_job_pieces",
        "job",
        ["machine", "result_us", "outcome"],
        unique=False,
        sqlite_where=sa.text("outcome IN ('good', 'failed')"),
        postgresql_where=sa.text("outcome IN ('good', 'failed')"),
    )
    bind = op.get_bind()
    for statement in (SQL / f"guards.{bind.dialect.name}.sql").read_text(encoding="utf-8").split("--;\n"):
        bind.exec_driver_sql(statement)


def downgrade() -> None:
    """Refuse: what machines did is kept for good."""
    raise RuntimeError("line tables are not dropped; restore a copy of the database instead")
