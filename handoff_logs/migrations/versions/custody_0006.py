"""On PostgreSQL the custody units lie in parts, one for the units born in each month. Revision ID: custody_0006

No row is copied: the table as it was becomes the part of all months so far. SQLite has no parts.
"""

import re
from typing import Any

from alembic import op
from sqlalchemy import text

from handoff_logs.migrations import parts
from handoff_logs.months import DEFAULT, PARTED, Month, Part

revision = "custody_0006"
down_revision = "custody_0005"
branch_labels = None
depends_on = None

MONTHS_AHEAD = 3
"""How many months are made at once; `passline database months` makes more."""
FURTHEST = 24
_RULES = parts.SQL.parent / "custody_0001" / "unit_rules.sql"
_RULE = re.compile(r"^WHEN .+?THEN \{.+?\}$", re.MULTILINE | re.DOTALL)
_VERDICT = re.compile(r"THEN \{(.+)\}")


def upgrade() -> None:
    """Make the table as it is a part of the new one, and the parts of the months to come."""
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        return
    _run(["LOCK TABLE custody_event, custody_unit IN ACCESS EXCLUSIVE MODE"])
    rules = [_VERDICT.sub(r"THEN '\1'", rule) for rule in _RULE.findall(_RULES.read_text(encoding="utf-8"))]
    of_containers = [rule for rule in rules if PARTED in rule]
    of_rows = [rule for rule in rules if PARTED not in rule]
    now = Month.at(int(_one("SELECT CAST(extract(epoch FROM now()) * 1000000 AS bigint)")))
    there = _all_so_far(now, _one(f"SELECT max(unit_id) FROM {PARTED}"))  # noqa: S608 own name
    _run(parts.statements("parent", name=there.table))
    _run(parts.statements("whole_events", rules=_fresh(of_rows), container_rules=_fresh(of_containers)))
    _run([*parts.checked(there), *parts.guarded(there.table), parts.attached(there)])
    if there == DEFAULT:
        return
    first = there.last.plus(1) if there.last else now
    months = [Part.of(first.plus(more)) for more in range(first.until(now.plus(MONTHS_AHEAD)) + 1)]
    for part in (*months, DEFAULT):
        _run([*parts.creation(part), parts.attached(part)])


def downgrade() -> None:
    """Refuse: custody records are never dropped by a program."""
    raise RuntimeError("custody records are not dropped; restore a copy of the database instead")


def _all_so_far(now: Month, latest: str | None) -> Part:
    """Return the part of an existing table: until this month, or until the last if there is nothing in it.

    A computer whose clock ran ahead may have made ids of later months. Ids of no month at all, or of one that is far
    away, leave the table to be the part that takes any.
    """
    if latest is None:
        return Part(None, now.plus(-1))
    month = Month.of(latest)
    if month is None or now.until(month) > FURTHEST:
        return DEFAULT
    return Part(None, max(now, month))


def _fresh(rules: list[str]) -> str:
    """Return the rules as they are asked of all rows of a statement: `new` is a variable of a trigger there."""
    return re.sub(r"\bnew\.", "fresh.", "\n".join(rules))


def _run(statements: list[str]) -> None:
    for statement in statements:
        op.get_bind().execute(text(statement.replace(":", r"\:")))


def _one(query: str) -> Any:
    return op.get_bind().execute(text(query)).scalar()
