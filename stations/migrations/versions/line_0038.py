"""Ranges of numbers never overlap, never shrink and stay known. Revision ID: line_0038."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "line_0038"
down_revision = "line_0037"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "line_0038"


def upgrade() -> None:
    """Let a prefix have several ranges, and guard them; where an earlier one began is not known, so at 0."""
    bind = op.get_bind()
    if bind.dialect.name == "sqlite":
        op.rename_table("number_range", "number_range_before")
        op.create_table(
            "number_range",
            sa.Column("product", sa.String(length=20), nullable=False),
            sa.Column("prefix", sa.String(length=4), nullable=False),
            sa.Column("digits", sa.Integer(), nullable=False),
            sa.Column("first_number", sa.BigInteger(), nullable=False),
            sa.Column("next_number", sa.BigInteger(), nullable=False),
            sa.Column("last_number", sa.BigInteger(), nullable=False),
            sa.CheckConstraint("digits BETWEEN 1 AND 9", name="ck_number_range_digits"),
            sa.CheckConstraint("next_number >= 0 AND next_number <= last_number + 1", name="ck_number_range"),
            sa.CheckConstraint("first_number BETWEEN 0 AND next_number", name="ck_number_range_first"),
            sa.PrimaryKeyConstraint("product", "prefix", "last_number"),
        )
        op.execute(
            "INSERT INTO number_range (product, prefix, digits, first_number, next_number, last_number)"
            " SELECT product, prefix, digits, 0, next_number, last_number FROM number_range_before"
        )
        op.drop_table("number_range_before")
    else:
        op.add_column("number_range", sa.Column("first_number", sa.BigInteger(), nullable=False, server_default="0"))
        op.alter_column("number_range", "first_number", server_default=None)
        op.create_check_constraint("ck_number_range_first", "number_range", "first_number BETWEEN 0 AND next_number")
        op.drop_constraint("number_range_pkey", "number_range")
        op.create_primary_key("number_range_pkey", "number_range", ["product", "prefix", "last_number"])
    for statement in (SQL / f"guards.{bind.dialect.name}.sql").read_text(encoding="utf-8").split("--;\n"):
        bind.exec_driver_sql(statement)


def downgrade() -> None:
    """Refuse: what numbers were given out is kept."""
    raise RuntimeError("line tables are not dropped; restore a copy of the database instead")
