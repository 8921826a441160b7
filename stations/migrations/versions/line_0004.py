"""Packing's machines: what a parcel weighed, and each label of it that was printed. Revision ID: line_0004."""

import sqlalchemy as sa
from alembic import op

revision = "line_0004"
down_revision = "line_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the weight of parcels and the jobs of label printers."""
    op.add_column("parcel", sa.Column("weighed_g", sa.Integer(), nullable=True))
    op.add_column("parcel", sa.Column("scale", sa.String(length=32), nullable=True))
    op.create_table(
        "label_job",
        sa.Column("parcel_unit", sa.String(length=32), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("printer", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("settled_by", sa.String(length=64), nullable=True),
        sa.Column("intent_us", sa.BigInteger(), nullable=False),
        sa.Column("told_us", sa.BigInteger(), nullable=True),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint("state IN ('intent', 'printed', 'absent')", name="label_job_state"),
        sa.CheckConstraint("(state = 'intent') = (told_us IS NULL)", name="label_job_told"),
        sa.CheckConstraint("state <> 'absent' OR settled_by IS NOT NULL", name="label_job_absent_by_people"),
        sa.CheckConstraint("attempt >= 1", name="label_job_attempt"),
        sa.ForeignKeyConstraint(["parcel_unit"], ["parcel.parcel_unit"]),
        sa.PrimaryKeyConstraint("parcel_unit", "attempt"),
    )
    op.create_index(
        "uq_label_job_live",
        "label_job",
        ["parcel_unit"],
        unique=True,
        sqlite_where=sa.text("state <> 'absent'"),
        postgresql_where=sa.text("state <> 'absent'"),
    )


def downgrade() -> None:
    """Refuse: labels exist outside the database; their jobs are never dropped by a program."""
    raise RuntimeError("label jobs are not dropped; restore a copy of the database instead")
