"""Which parts the custody units lie in on PostgreSQL, and whether each is as the program makes them: read, not changed.

Without SQLAlchemy, for those who look at a log and for the board.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Final

from handoff_logs.months import DEFAULT, PARTED, Month, Part
from handoff_logs.reading import Reading

MOST_AHEAD: Final = 24
"""The furthest month that is made beforehand, counted from this one."""
AHEAD: Final = 6
"""How many are made unless told otherwise: each costs every question across all months a little."""
FEW_AHEAD: Final = 2
"""Fewer than these, and the tables' owner is to make more."""

PART_NAMES: Final = (
    "SELECT CAST(part.relname AS text) AS name FROM pg_inherits JOIN pg_class AS part"  # noqa: S608 own name
    f" ON part.oid = pg_inherits.inhrelid WHERE pg_inherits.inhparent = to_regclass('{PARTED}') ORDER BY 1"
)
PARTS: Final = f"""
SELECT CAST(part.relname AS text) AS name, pg_get_expr(part.relpartbound, part.oid) AS bounds,
    concat(part.relkind, part.relrowsecurity, ' ', guards.made, ' ', keys.made) AS made
FROM pg_inherits JOIN pg_class AS part ON part.oid = pg_inherits.inhrelid,
LATERAL (
    SELECT string_agg(concat(guard.tgname, guard.tgtype, guard.tgqual, body.prosrc), ' ' ORDER BY guard.tgname
        COLLATE "C") AS made
    FROM pg_trigger AS guard JOIN pg_proc AS body ON body.oid = guard.tgfoid
    WHERE guard.tgrelid = part.oid AND NOT guard.tgisinternal) AS guards,
LATERAL (
    SELECT string_agg(replace(concat(rule.conname, rule.convalidated, pg_get_constraintdef(rule.oid)),
        part.relname, '{PARTED}'), ' ' ORDER BY replace(rule.conname, part.relname, '{PARTED}') COLLATE "C") AS made
    FROM pg_constraint AS rule WHERE rule.conrelid = part.oid AND rule.contype IN ('p', 'u', 'f')) AS keys
WHERE pg_inherits.inhparent = to_regclass('{PARTED}') ORDER BY 1
"""  # noqa: S608 own name
"""Every part with its bounds and all that it is made of, its own name left out."""
MADE_AS: Final = "76e03a44ac6eaa22"
"""The digest of what each part is made of, in all of them the same."""


def digest(made: str) -> str:
    """Return a digest (16 hex characters) of what a part is made of."""
    return hashlib.sha256(made.encode()).hexdigest()[:16]


def odd_parts(rows: Iterable[tuple[Any, ...]]) -> list[str]:
    """Return the names of the parts, among the rows of `PARTS`, that are not as the program makes them.

    The one that takes the units of no month has to be there.
    """
    odd, names = [], set()
    for name, bounds, made in rows:
        names.add(name)
        part = Part.named(name)
        if part is None or part.bounds != bounds or digest(made) != MADE_AS:
            odd.append(name)
    return odd if DEFAULT.table in names else [*odd, DEFAULT.table]


def named_parts(tables: Iterable[str]) -> list[Part]:
    """Return the parts that tables are by their names."""
    return [part for table in tables if (part := Part.named(table))]


def read_parts(reading: Reading) -> list[Part]:
    """Return the parts that a log's units lie in, in order of their names; none on SQLite."""
    return named_parts(row["name"] for row in reading.rows(PART_NAMES)) if reading.dialect == "postgresql" else []


def has(there: Iterable[Part], month: Month) -> bool:
    """Say whether one of the parts has the units of a month."""
    return any(part.has(month) for part in there)


def months_ahead(there: Sequence[Part], now: Month) -> int | None:
    """Return for how many months after this one, without a gap, there are parts; None where there are none at all.

    >>> months_ahead([Part(None, Month(2026, 12)), Part.of(Month(2027, 2))], Month(2026, 11))
    1
    """
    if not there:
        return None
    ahead = 0
    while has(there, now.plus(ahead + 1)):
        ahead += 1
    return ahead
