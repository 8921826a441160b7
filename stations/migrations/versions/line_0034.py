"""What a second look caught may be a case. Revision ID: line_0034."""

from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "line_0034"
down_revision = "line_0031"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "line_0034"
CAUGHT: Final = ("caught_at IN ('review', 'qc', 'packing')", "caught_at IN ('review', 'second', 'qc', 'packing')")
"""The check on where a case was caught, before and after."""


def upgrade() -> None:
    """Widen the check on where a case was caught; tables, rows and other guards stay."""
    bind = op.get_bind()
    _widen(bind, "casebook_entry", "ck_book_entry_caught_at", *CAUGHT)
    for statement in (SQL / f"guards.{bind.dialect.name}.sql").read_text(encoding="utf-8").split("--;\n"):
        bind.exec_driver_sql(statement)


def _widen(bind: sa.Connection, table: str, name: str, old: str, new: str) -> None:
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
