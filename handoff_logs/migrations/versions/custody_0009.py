"""What the carrier delivered ends, and with a parcel all that is in it. Revision ID: custody_0009"""

import re
from pathlib import Path

from alembic import op
from sqlalchemy import text

from handoff_logs.months import PARTED

revision = "custody_0009"
down_revision = "custody_0008"
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "custody_0009"
_RULE = re.compile(r"^WHEN .+?THEN \{.+?\}$", re.MULTILINE | re.DOTALL)
_VERDICT = re.compile(r"THEN \{(.+)\}")


def upgrade() -> None:
    """Put the guard of units anew, with one more legal move, and index cases by unit; no record is touched."""
    text_of_rules = (SQL / "unit_rules.sql").read_text(encoding="utf-8")
    dialect = op.get_bind().dialect.name
    if dialect == "sqlite":
        words = {"unit_rules": _VERDICT.sub(r"THEN RAISE(ABORT, 'custody: \1')", text_of_rules)}
    else:
        rules = [_VERDICT.sub(r"THEN '\1'", rule) for rule in _RULE.findall(text_of_rules)]
        words = {
            "rules": _fresh([rule for rule in rules if PARTED not in rule]),
            "container_rules": _fresh([rule for rule in rules if PARTED in rule]),
        }
    for statement in (SQL / f"guards.{dialect}.sql").read_text(encoding="utf-8").split("--;\n"):
        for word, meaning in words.items():
            statement = statement.replace(f"{{{word}}}", meaning)
        op.get_bind().execute(text(statement.replace(":", r"\:")))


def downgrade() -> None:
    """Refuse: what was delivered stays so."""
    raise RuntimeError("guards of custody are not dropped; restore a copy of the database instead")


def _fresh(rules: list[str]) -> str:
    """Return the rules as they are asked of all rows of a statement: `new` is a variable of a trigger there."""
    return re.sub(r"\bnew\.", "fresh.", "\n".join(rules))
