"""The first pages that must come at once are found by an index; no question without one reads the whole log."""

import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from handoff_logs.questions import QUESTIONS
from handoff_logs.reading import open_reading

PERIOD = {"from_us": 0, "to_us": 1}
AT_ONCE = {
    "document": (("E1",), {}),
    "holder": (("E1",), {}),
    "shift": (("day",), {"machine": "book-01"}),
    "person": (("p-0001",), {}),
}
BOUNDED = dict.fromkeys(("hold-times", "late", "unoffered", "gaps", "same-person", "afterlife"), ((), PERIOD))
LARGE = ("custody_event", "custody_unit", "whereabouts", "unit_number")
WHOLE = re.compile(r"SCAN (\w+)(?! USING)")


class Listening:
    """A reading that keeps every statement with its parameters."""

    def __init__(self, reading: Any) -> None:
        self._reading, self.heard = reading, []

    def rows(self, sql: str, **parameters: Any) -> Any:
        self.heard.append((sql, parameters))
        return self._reading.rows(sql, **parameters)

    def stream(self, sql: str, **parameters: Any) -> Any:
        self.heard.append((sql, parameters))
        return self._reading.stream(sql, **parameters)


def plans(path: Path, name: str, subject: tuple[str, ...], filters: dict[str, Any]) -> list[tuple[str, str]]:
    """Every statement of a question's first page, with SQLite's plan for it."""
    with open_reading(f"sqlite:///{path}") as reading:
        listening = Listening(reading)
        list(QUESTIONS[name].ask(listening, *subject, limit=50, **filters))
    connection = sqlite3.connect(path)
    found = []
    for sql, parameters in listening.heard:
        steps = connection.execute(f"EXPLAIN QUERY PLAN {sql}", parameters).fetchall()
        found.append((sql, "\n".join(step[3] for step in steps)))
    connection.close()
    return found


@pytest.mark.parametrize(("name", "asked"), [*AT_ONCE.items(), *BOUNDED.items()])
def test_no_question_scans_a_table_of_the_log(sqlite_template: Path, name: str, asked: Any) -> None:
    found = plans(sqlite_template, name, *asked)
    assert found
    for sql, plan in found:
        aliases = {alias: table for table, alias in re.findall(r"(\w+) AS (\w+)", sql)}
        for scanned in WHOLE.findall(plan):
            table = aliases.get(scanned, scanned)
            assert table not in LARGE, plan


@pytest.mark.parametrize("name", ["shift", "person"])
def test_a_page_by_time_is_read_in_the_order_of_its_index(sqlite_template: Path, name: str) -> None:
    ((_, plan),) = plans(sqlite_template, name, *AT_ONCE[name])
    index = {"shift": "ix_custody_event_machine", "person": "ix_custody_event_person"}[name]
    assert index in plan


@pytest.mark.parametrize(
    ("name", "index"), [("times", "ix_custody_event_odd_time"), ("corrections", "ix_custody_event_corrects")]
)
def test_rare_records_are_found_by_an_index_of_their_own(sqlite_template: Path, name: str, index: str) -> None:
    ((_, plan),) = plans(sqlite_template, name, (), {})
    assert index in plan
