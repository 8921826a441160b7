"""Rows as the JSON that is hashed, written by the database: the same bytes as `records.canonical` makes.

SQLite and PostgreSQL escape what Python's encoder escapes and nothing else; a test holds the three equal.
"""

from collections.abc import Sequence

BOOLEANS = frozenset({"emulated"})


def json_row(dialect: str, alias: str, fields: Sequence[str]) -> str:
    """Return the expression that writes a row's `fields` (strings, integers, NULL, booleans) as canonical JSON."""
    ordered = sorted(fields)
    if dialect == "sqlite":
        pairs = [f"'{field}', {_sqlite_value(alias, field)}" for field in ordered]
        return f"json_object({', '.join(pairs)})"
    columns = ", ".join(f"{alias}.{field}" for field in ordered)
    return f"(SELECT CAST(row_to_json(told) AS text) FROM (SELECT {columns}) AS told)"  # noqa: S608 own names


def _sqlite_value(alias: str, field: str) -> str:
    column = f"{alias}.{field}"
    if field not in BOOLEANS:
        return column
    # SQLite has no booleans; any other value than these two stays what it is and hashes otherwise.
    return (
        f"CASE WHEN {column} IN (0, 1) THEN json(CASE {column} WHEN 1 THEN 'true' ELSE 'false' END) ELSE {column} END"
    )
