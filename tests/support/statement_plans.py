"""Every statement that SQLite is given, and the tables that one of them reads from end to end."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event

GROWING = (
    *("custody_event", "custody_unit", "custody_case", "custody_register", "whereabouts", "unit_number"),
    *("application", "review_verdict", "job", "parcel", "consignment", "consigned_parcel", "label_job"),
    *("alarm", "alarm_step", "alarm_notice", "alarm_delivery"),
    *("patrol_round", "patrol_answer", "patrol_finding", "patrol_step", "patrol_photo"),
    *("delivery_event", "delivered_parcel", "returned_parcel", "return_remake"),
    *("review_lease", "review_decision", "review_view", "review_question", "review_answer", "review_second"),
    *("packing_box", "packing_match", "packing_mismatch", "packing_ask", "packing_release"),
    *("tray_count", "tray_scan"),
    *("mailing_weighing", "mailing_act", "manifest_print", "machine_act"),
    *("qc_reading", "qc_hold", "qc_decision", "qc_void", "qc_view", "inspection"),
    *("climate_reading", "climate_crossing", "climate_suspension"),
)
"""Tables with rows for every document ever made."""

READ = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")
NAMED = re.compile(rf"\b({'|'.join(GROWING)})(?: AS)? (\w+)")
WHOLE = re.compile(r"SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?")
VALUE = re.compile(r"'(?:[^']|'')*'")
LONGEST_WORD = 22
"""A state or an act with its quotes; statements that differ by what is longer are one."""


def shortened(value: re.Match[str]) -> str:
    """Return a value as it is, or an empty one for a long one."""
    return value[0] if len(value[0]) <= LONGEST_WORD else "''"


@contextmanager
def listening() -> Iterator[list[str]]:
    """Give the statements of every connection that is opened meanwhile, with their values."""
    statements: list[str] = []

    def listen(connection: Any, _record: object) -> None:
        connection.set_trace_callback(statements.append)

    event.listen(Engine, "connect", listen)
    try:
        yield statements
    finally:
        event.remove(Engine, "connect", listen)


def whole_tables(statements: list[str], path: str) -> set[tuple[str, str]]:
    """Return each growing table that a statement reads whole, with that statement; a partial index is not the whole."""
    connection = sqlite3.connect(path)
    made = "SELECT name FROM sqlite_master WHERE type = 'index' AND sql LIKE '% WHERE %'"
    partial = {name for (name,) in connection.execute(made)}
    found = set()
    read = {VALUE.sub(shortened, one) for one in statements if one.startswith(READ) and " VALUES " not in one}
    for statement in read:
        aliases = {alias: table for table, alias in NAMED.findall(statement)}
        for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {statement}"):
            scanned = {aliases.get(name, name) for name, index in WHOLE.findall(step) if index not in partial}
            found |= {(table, statement) for table in scanned if table in GROWING}
    connection.close()
    return found
