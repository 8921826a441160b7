"""The SQL that makes a part of the custody units on PostgreSQL: the migration's own, and of every month after it."""

from pathlib import Path

from handoff_logs.months import PARTED, Part

SQL = Path(__file__).parent / "sql" / "custody_0006"


def statements(file: str, /, **words: str) -> list[str]:
    """Return the statements of a file of `SQL`, with the words in braces put in."""
    text = (SQL / f"{file}.postgresql.sql").read_text(encoding="utf-8")
    for word, meaning in words.items():
        text = text.replace(f"{{{word}}}", meaning)
    return text.split("--;\n")


def creation(part: Part, table: str | None = None) -> list[str]:
    """Return what makes the table of a part, guarded, beside the whole; under the name `table` for the time being."""
    name = table or part.table
    return [*statements("part", name=name), *checked(part), *guarded(name)]


def checked(part: Part) -> list[str]:
    """Return what lets the table of a part have no other rows, so that attaching it needs no look at each of them."""
    added = f"ALTER TABLE {part.table} ADD CONSTRAINT ck_unit_month CHECK ({part.check})"
    return [added] if part.check else []


def guarded(table: str) -> list[str]:
    """Return what lets nobody change the table of a part by its own name."""
    return statements("guards", name=table)


def attached(part: Part) -> str:
    """Return what makes the table of a part one of the whole."""
    return f"ALTER TABLE {PARTED} ATTACH PARTITION {part.table} {part.bounds}"


def detached(part: Part) -> str:
    """Return what makes it a table by itself again, with its keys and its guard."""
    return f"ALTER TABLE {PARTED} DETACH PARTITION {part.table}"


def renamed(table: str, other: str) -> list[str]:
    """Return what gives the table of a part, and its keys, the name of another."""
    return [
        f"ALTER TABLE {table} RENAME CONSTRAINT {table}_pkey TO {other}_pkey",
        f"ALTER TABLE {table} RENAME CONSTRAINT uq_{table}_position TO uq_{other}_position",
        f"ALTER TABLE {table} RENAME TO {other}",
    ]
