"""Trays that are counted at a desk: who counted, and what they scanned. Revision ID: line_0025."""

# ruff: noqa: E501 - the conditions are written as the models have them

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "line_0025"
down_revision = "line_0024"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "line_0025"


def upgrade() -> None:
    """Create the tables and guard them."""
    op.create_table(
        "tray_count",
        sa.Column("count_id", sa.String(length=32), nullable=False),
        sa.Column("station", sa.String(length=32), nullable=False),
        sa.Column("handoff_id", sa.String(length=32), nullable=False),
        sa.Column("tray", sa.String(length=32), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("sign_in", sa.String(length=32), nullable=True),
        sa.Column("begun_us", sa.BigInteger(), nullable=False),
        sa.Column("until_us", sa.BigInteger(), nullable=False),
        sa.Column("ended_us", sa.BigInteger(), nullable=True),
        sa.Column("ended_how", sa.String(length=10), nullable=True),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint("length(count_id) = 32", name="ck_tray_count_id"),
        sa.CheckConstraint("until_us - begun_us BETWEEN 1 AND 3600000000", name="ck_tray_count_length"),
        sa.CheckConstraint(
            "(substr(person, 1, 2) = 'e-') = (sign_in IS NULL) AND (emulated OR sign_in IS NOT NULL)",
            name="ck_tray_count_signed",
        ),
        sa.CheckConstraint(
            "(ended_us IS NULL AND ended_how IS NULL) OR (ended_us IS NOT NULL AND ended_how IS NOT NULL AND ended_us >= begun_us AND ended_how IN ('counted', 'given_up', 'lapsed') AND (ended_how <> 'counted' OR ended_us < until_us))",
            name="ck_tray_count_ended",
        ),
        sa.ForeignKeyConstraint(["sign_in"], ["sign_in_attempt.attempt_id"]),
        sa.PrimaryKeyConstraint("count_id"),
    )
    op.create_table(
        "tray_scan",
        sa.Column("count_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("scanned_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("number <> ''", name="ck_tray_scan_number"),
        sa.ForeignKeyConstraint(["count_id"], ["tray_count.count_id"]),
        sa.PrimaryKeyConstraint("count_id", "number"),
    )
    for name, columns, where in (
        ("uq_tray_count_standing", ["handoff_id"], "ended_how IS NULL OR ended_how = 'counted'"),
        ("uq_tray_count_person", ["person"], "ended_us IS NULL"),
        ("ix_tray_count_begun", ["begun_us"], None),
    ):
        of = None if where is None else sa.text(where)
        op.create_index(name, "tray_count", columns, unique=where is not None, sqlite_where=of, postgresql_where=of)
    bind = op.get_bind()
    for statement in (SQL / f"guards.{bind.dialect.name}.sql").read_text(encoding="utf-8").split("--;\n"):
        bind.exec_driver_sql(statement)


def downgrade() -> None:
    """Refuse: who counted what is kept."""
    raise RuntimeError("line tables are not dropped; restore a copy of the database instead")
