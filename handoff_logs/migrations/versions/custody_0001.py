"""Custody and line tables, the legal moves, and the guards that make illegal custody impossible.

The SQL is written out, because these tables are their constraints and triggers. Revision ID: custody_0001
"""

import re
from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "custody_0001"
down_revision = None
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "custody_0001"
_RULE = re.compile(r"THEN \{(.+)\}")


def upgrade() -> None:
    """Create everything; the guards last, since nothing can be changed after them."""
    if op.get_bind().dialect.name == "sqlite":
        names, seq_type, late_keys = ["tables", "moves", "guards.sqlite"], "INTEGER", _read("late_keys.sqlite")
        rules = _RULE.sub(r"THEN RAISE(ABORT, 'custody: \1')", _read("unit_rules"))
    else:
        names, seq_type, late_keys = ["tables", "late_keys.postgresql", "moves", "guards.postgresql"], "BIGSERIAL", ""
        # `new` is a variable of the trigger there; the rows that the statement added are `fresh`.
        rules = re.sub(r"\bnew\.", "fresh.", _RULE.sub(r"THEN '\1'", _read("unit_rules")))
    for name in names:
        for statement in _read(name).split("--;\n"):
            filled = statement.replace("{seq_type}", seq_type).replace("{late_keys}", late_keys.strip())
            op.get_bind().execute(text(filled.replace("{unit_rules}", rules).replace(":", r"\:")))


def downgrade() -> None:
    """Refuse: custody records are never dropped by a program."""
    raise RuntimeError("custody records are not dropped; restore a copy of the database instead")


def _read(name: str) -> str:
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")
