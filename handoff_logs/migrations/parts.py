"""The SQL that makes a part of the custody units on PostgreSQL: the migration's own, and of every month after it."""

from pathlib import Path

from handoff_logs.months import PARTED, Part

SQL = Path(__file__).parent / "sql" / "custody_0005"


def statements(file: str, /, **words: str) -> list[str]:
    """Return the statements of a file of `SQL`, with the words in braces put in."""
    text = (SQL / f"{file}.postgresql.sql").read_text(encoding="utf-8")
    for word, meaning in words.items():
        text = text.replace(f"{{{word}}}", meaning)
    return text.split("--;\n")


def creation(part: Part) -> list[str]:
    """Return what makes the table of a part, beside the whole; the units of no month need no check."""
    return [*statements("part", name=part.table), *checked(part)]


def checked(part: Part) -> list[str]:
    """Return what lets a table of a part have no other rows, so that attaching it needs no look at each of them."""
    added = f"ALTER TABLE {part.table} ADD CONSTRAINT ck_unit_month CHECK ({part.check})"
    return [added] if part.check else []


def attachment(part: Part) -> list[str]:
    """Return what makes the table of a part, which has its keys and check, a guarded part of the whole."""
    return [*statements("guards", name=part.table), f"ALTER TABLE {PARTED} ATTACH PARTITION {part.table} {part.bounds}"]
