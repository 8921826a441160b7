"""A second look that differs is a case; packing's hold shelf is freed; a match is undone. Revision ID: line_0034."""

from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "line_0034"
down_revision = "line_0031"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "line_0034"
CHECKS: Final = {
    ("casebook_entry", "ck_book_entry_caught_at"): (
        "caught_at IN ('review', 'qc', 'packing')",
        "caught_at IN ('review', 'second', 'qc', 'packing')",
    ),
    ("packing_match", "ck_packing_match_outcome"): (
        "outcome IN ('matched', 'mismatch', 'unpaid', 'stopped')",
        "outcome IN ('matched', 'mismatch', 'unpaid', 'stopped', 'undone')",
    ),
    ("packing_mismatch", "packing_mismatch_resolution"): (
        "resolution IS NULL OR resolution IN ('repack', 'void')",
        "resolution IS NULL OR resolution IN ('right', 'envelope', 'apart')",
    ),
}
"""The checks that change, before and after; nobody ever wrote a resolution."""


def upgrade() -> None:
    """Change three checks, make the table of what two people decided of the shelf, and guard all of it."""
    bind = op.get_bind()
    for (table, name), (old, new) in CHECKS.items():
        _change(bind, table, name, old, new)
    op.create_table(
        "packing_release",
        sa.Column("release_id", sa.String(length=32), nullable=False),
        sa.Column("unit_id", sa.String(length=32), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("resolution", sa.String(length=8), nullable=False),
        sa.Column("first", sa.String(length=64), nullable=False),
        sa.Column("first_sign_in", sa.String(length=32), nullable=False),
        sa.Column("second", sa.String(length=64), nullable=False),
        sa.Column("second_sign_in", sa.String(length=32), nullable=False),
        sa.Column("stored_us", sa.BigInteger(), nullable=False),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint("length(release_id) = 32", name="ck_packing_release_id"),
        sa.CheckConstraint("first <> second", name="ck_packing_release_two"),
        sa.CheckConstraint(
            "resolution IN ('right', 'envelope', 'opened', 'apart')", name="ck_packing_release_resolution"
        ),
        sa.ForeignKeyConstraint(["first_sign_in"], ["sign_in_attempt.attempt_id"]),
        sa.ForeignKeyConstraint(["second_sign_in"], ["sign_in_attempt.attempt_id"]),
        sa.PrimaryKeyConstraint("release_id"),
        sa.UniqueConstraint("unit_id", "step", name="uq_packing_release_stay"),
    )
    op.create_index("ix_packing_release_stored", "packing_release", ["stored_us"], unique=False)
    for statement in (SQL / f"guards.{bind.dialect.name}.sql").read_text(encoding="utf-8").split("--;\n"):
        bind.exec_driver_sql(statement)


def _change(bind: sa.Connection, table: str, name: str, old: str, new: str) -> None:
    """Replace a check: as line_0005 did on SQLite, where a copied table would lose its triggers."""
    if bind.dialect.name == "postgresql":
        op.drop_constraint(name, table, type_="check")
        op.create_check_constraint(name, table, new)
        return
    of = {"name": table}
    made = bind.execute(sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :name"), of).scalar_one()
    check = f"CONSTRAINT {name} CHECK ({old})"
    if made.count(check) != 1:
        raise RuntimeError(f"the table {table} has not the check {name} that it was made with; nothing was changed")
    (version,) = bind.exec_driver_sql("PRAGMA schema_version").one()
    bind.exec_driver_sql("PRAGMA writable_schema = ON")
    of["sql"] = made.replace(check, check.replace(old, new))
    bind.execute(sa.text("UPDATE sqlite_master SET sql = :sql WHERE type = 'table' AND name = :name"), of)
    bind.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    bind.exec_driver_sql("PRAGMA writable_schema = OFF")


def downgrade() -> None:
    """Refuse: what was caught is kept."""
    raise RuntimeError("line tables are not dropped; restore a copy of the database instead")
