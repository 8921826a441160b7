"""A document lives until it is voided, applications move legally, verdicts stay. Revision ID: line_0021."""

from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "line_0021"
down_revision = "line_0020"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "line_0021"
EMULATED: Final = {
    "review_verdict": ("review_verdict_emulated", "reviewer"),
    "inspection": ("inspection_emulated", "inspector"),
    "parcel": ("parcel_emulated", "packer"),
    "packing_mismatch": ("packing_mismatch_emulated", "packer"),
    "consignment": ("consignment_emulated", "mailer"),
}
"""The check of each table that its record says so where emulated staff signed, and the column that names who did."""


def upgrade() -> None:
    """Add the checks and the guards; all rows stay."""
    bind = op.get_bind()
    for table, (name, person) in EMULATED.items():
        condition = f"emulated OR substr({person}, 1, 2) <> 'e-'"
        if bind.dialect.name == "postgresql":
            op.create_check_constraint(name, table, condition)
        else:
            _add_check(bind, table, f"CONSTRAINT {name} CHECK ({condition})")
    for statement in (SQL / f"guards.{bind.dialect.name}.sql").read_text(encoding="utf-8").split("--;\n"):
        bind.exec_driver_sql(statement)


def _add_check(bind: sa.Connection, table: str, check: str) -> None:
    """As line_0005 did: a copied table would lose its triggers, and no row is stored differently."""
    made = bind.execute(sa.text("SELECT sql FROM sqlite_master WHERE name = :table"), {"table": table}).scalar_one()
    first = "PRIMARY KEY ("
    if made.count(first) != 1:
        raise RuntimeError(f"the table {table} is not as line_0001 made it; nothing was changed")
    (version,) = bind.exec_driver_sql("PRAGMA schema_version").one()
    bind.exec_driver_sql("PRAGMA writable_schema = ON")
    bind.execute(
        sa.text("UPDATE sqlite_master SET sql = :sql WHERE type = 'table' AND name = :table"),
        {"sql": made.replace(first, f"{check}, {first}"), "table": table},
    )
    bind.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    bind.exec_driver_sql("PRAGMA writable_schema = OFF")


def downgrade() -> None:
    """Refuse: what is refused stays refused."""
    raise RuntimeError("guards of line tables are not dropped; restore a copy of the database instead")
