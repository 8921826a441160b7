"""What the database itself could hide: values of odd types, indexes beside their rows, tables that are something else.

SQLite keeps any value in any column, and answers from an index without a look at the row. So its own check is asked,
and what the tables and their guards are made of is held against what the migrations made.
"""

# ruff: noqa: S608 (the statements are put together from this package's own words, never from input)

import hashlib
from collections import defaultdict

from handoff_logs.guard_names import APPEND_ONLY, GUARDED
from handoff_logs.reading import Reading
from handoff_logs.unit_parts import PARTS, odd_parts
from handoff_logs.verify.problems import Problem

TYPES_RULE = "every value is of its column's type"
FILE_RULE = "the database agrees with itself"
TABLES_RULE = "the tables and their guards are as the program made them"

READ = (*APPEND_ONLY, "unit_number")
MADE = (
    *(*GUARDED, "unit_number", "whereabouts", "open_offer", "core_station", "inside", "open_case"),
    *("blank_tally", "blank_change"),
)
MOST = 20
"""Odd rows of a table, or faults of a file, that are named."""

_COLUMNS = "SELECT name, type FROM pragma_table_info(:table) ORDER BY cid"
_NAMES = ", ".join(f"'{table}'" for table in MADE)
_DEFINITIONS = {
    "sqlite": "SELECT tbl_name, type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_master"
    f" WHERE tbl_name IN ({_NAMES}) ORDER BY tbl_name, type, name",
    "postgresql": "SELECT CAST(made.relname AS text), concat(made.relkind, made.relrowsecurity, guard.tgname,"
    " guard.tgtype, body.prosrc) AS what FROM pg_class AS made"
    " LEFT JOIN pg_trigger AS guard ON guard.tgrelid = made.oid AND NOT guard.tgisinternal"
    " LEFT JOIN pg_proc AS body ON body.oid = guard.tgfoid"
    f" WHERE made.oid IN ({', '.join(f'to_regclass({table!r})' for table in MADE)})"
    ' ORDER BY made.relname COLLATE "C", guard.tgname COLLATE "C"',
}

MADE_AS = {
    "sqlite": {
        "audit_lookup": "5ec3f0fd782d3365",
        "blank_change": "9e087f03d6030198",
        "blank_tally": "ae0439809601510c",
        "core_station": "8e5567c780c6a3c1",
        "custody_case": "052d97815bfd7bc3",
        "custody_event": "9944a76cf2761b6c",
        "custody_move": "bd3facb56ec45338",
        "custody_register": "cc482bf92cda46c6",
        "custody_unit": "8e70ec36072a6893",
        "inside": "f83e0678086e2ad4",
        "open_case": "97a52feac2e035c9",
        "open_offer": "fb63719eb5926e4a",
        "seal_checkpoint": "8065a841f0ab3ec3",
        "seal_cosignature": "64ca7cfa599de42e",
        "seal_leaf": "aba5b699de04f8de",
        "seal_node": "1f666add168658cd",
        "seal_origin": "f5ae3dae5050bb48",
        "unit_number": "e4348ea7ee0f48fb",
        "whereabouts": "fe059d1aaf49ea44",
    },
    "postgresql": {
        "audit_lookup": "917c3bdac2281757",
        "blank_change": "54e67ab9c29a6cfd",
        "blank_tally": "54e67ab9c29a6cfd",
        "core_station": "54e67ab9c29a6cfd",
        "custody_case": "5c454c12383ec535",
        "custody_event": "072e681b623eb0b7",
        "custody_move": "e28222a2bb342e59",
        "custody_register": "de2d1945d9ad58c5",
        "custody_unit": "6bbeeca93bcceebb",
        "inside": "54e67ab9c29a6cfd",
        "open_case": "54e67ab9c29a6cfd",
        "open_offer": "54e67ab9c29a6cfd",
        "seal_checkpoint": "acc17a8af5a99c08",
        "seal_cosignature": "ddf1b99d63cfce93",
        "seal_leaf": "0887480fea884d5a",
        "seal_node": "be864227d565b025",
        "seal_origin": "25b428b297e80a95",
        "unit_number": "54e67ab9c29a6cfd",
        "whereabouts": "54e67ab9c29a6cfd",
    },
}
"""The digest of each table's definitions, by database; `digests` over a migrated one says them anew."""


def odd_values(reading: Reading) -> list[Problem]:
    """Return the rows with a value that its column is not made for: SQLite would compare and show it differently."""
    if reading.dialect != "sqlite":
        return []
    problems = []
    for table in READ:
        names = {name: "text" if "CHAR" in kind or "TEXT" in kind else "integer"
                 for name, kind in reading.tuples(_COLUMNS, table=table)}  # fmt: skip
        odd = [f"typeof({name}) NOT IN ('{kind}', 'null')" for name, kind in names.items()]
        said = " || ".join(
            f"CASE WHEN {test} THEN ' {name}' ELSE '' END" for test, name in zip(odd, names, strict=True)
        )
        sql = f"SELECT rowid, {said} FROM {table} WHERE {' OR '.join(odd)} ORDER BY rowid LIMIT {MOST}"
        problems += [Problem(3, TYPES_RULE, f"{table} row {row}:{columns}") for row, columns in reading.tuples(sql)]
    return problems


def damaged_file(reading: Reading) -> list[Problem]:
    """Return what SQLite says of a file whose indexes and rows don't agree; PostgreSQL has no such word."""
    if reading.dialect != "sqlite":
        return []
    said = [str(row[0]) for row in reading.tuples(f"PRAGMA integrity_check({MOST})")]
    return [] if said == ["ok"] else [Problem(3, FILE_RULE, fault) for fault in said]


def changed_tables(reading: Reading) -> list[Problem]:
    """Return the tables that, with their indexes and triggers, are made otherwise than the migrations made them."""
    made = digests(reading)
    expected = MADE_AS[reading.dialect]
    odd = [table for table in MADE if made.get(table) != expected[table]]
    if reading.dialect == "postgresql":
        odd += odd_parts(reading.tuples(PARTS))
    return [Problem(7, TABLES_RULE, table) for table in odd]


def digests(reading: Reading) -> dict[str, str]:
    """Return a digest (16 hex characters) of all that each table is made of."""
    made = defaultdict(list)
    for table, what in reading.tuples(_DEFINITIONS[reading.dialect]):
        made[table].append(what)
    return {table: hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16] for table, parts in made.items()}
