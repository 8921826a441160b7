"""The first pages that must come at once are found by an index; no question without one reads the whole log."""

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from benchmarks.generated_year import generate
from benchmarks.postgresql_copy import copy
from handoff_logs import migrations
from handoff_logs.questions import QUESTIONS
from handoff_logs.reading import open_reading

PERIOD = {"from_us": 0, "to_us": 1}
AT_ONCE = {
    "document": (("E1",), {}),
    "holder": (("E1",), {}),
    "shift": (("day",), {"machine": "book-01"}),
    "person": (("p-0001",), {}),
}
BOUNDED = dict.fromkeys(("hold-times", "late", "unoffered", "blanks", "gaps", "same-person", "afterlife"), ((), PERIOD))
ASKED = [*AT_ONCE.items(), *BOUNDED.items(), ("shift", (("day",), PERIOD))]
EMPTY = ("waiting", "differences", "unoffered", "gaps", "times", "same-person", "corrections", "afterlife")
"""What a sound log of two weeks may have nothing of."""
LARGE = ("custody_event", "custody_unit", "whereabouts", "unit_number")
SCANNED = re.compile(r"SCAN (\w+)")


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


def heard(url: str, name: str, subject: tuple[str, ...], filters: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Every statement of a question's first page."""
    with open_reading(url, by_index=True) as reading:
        listening = Listening(reading)
        list(QUESTIONS[name].ask(listening, *subject, limit=50, **filters))
    assert listening.heard
    return listening.heard


def plans(path: Path, name: str, subject: tuple[str, ...], filters: dict[str, Any]) -> list[tuple[str, str]]:
    """Every statement of a question's first page, with SQLite's plan for it."""
    connection = sqlite3.connect(path)
    found = []
    for sql, parameters in heard(f"sqlite:///{path}", name, subject, filters):
        steps = connection.execute(f"EXPLAIN QUERY PLAN {sql}", parameters).fetchall()
        found.append((sql, "\n".join(step[3] for step in steps)))
    connection.close()
    return found


@pytest.mark.parametrize(("name", "asked"), ASKED)
def test_no_question_scans_a_table_of_the_log(sqlite_template: Path, name: str, asked: Any) -> None:
    for sql, plan in plans(sqlite_template, name, *asked):
        aliases = {alias: table for table, alias in re.findall(r"(\w+) AS (\w+)", sql)}
        for scanned in SCANNED.findall(plan):
            assert aliases.get(scanned, scanned) not in LARGE, plan


@pytest.fixture(scope="module")
def weeks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two weeks of a small centre on SQLite: enough for a planner to prefer one way to another."""
    folder = tmp_path_factory.mktemp("weeks")
    generate(folder, 12_000, days=14)
    return folder / "passline.db"


@pytest.fixture(scope="module")
def weeks_on_postgresql(weeks: Path, postgresql_server: str) -> str:
    """The same, with the planner's statistics."""
    with psycopg.connect(postgresql_server.format(database="postgres"), autocommit=True) as admin:
        admin.execute("CREATE DATABASE weeks TEMPLATE template0")
    url = postgresql_server.format(database="weeks").replace("postgresql://", "postgresql+psycopg://", 1)
    migrations.upgrade(url)
    copy(weeks, postgresql_server.format(database="weeks"))
    return url


@pytest.mark.parametrize(("name", "asked"), ASKED)
def test_no_question_reads_a_whole_table_or_index_on_postgresql(
    weeks_on_postgresql: str, name: str, asked: Any
) -> None:
    for sql, parameters in heard(weeks_on_postgresql, name, *asked):
        with open_reading(weeks_on_postgresql, by_index=True) as reading:
            ((told,),) = reading.tuples(f"EXPLAIN (FORMAT JSON) {sql}", **parameters)
        for node in nodes(told[0]["Plan"]):
            if node.get("Relation Name") in LARGE:
                assert "Index Cond" in node or node["Node Type"] == "Bitmap Heap Scan", node


@pytest.mark.parametrize(("name", "asked"), [("person", (("per-001",), {})), ("times", ((), {}))])
def test_a_page_by_time_is_not_sorted_out_of_all_that_there_is_on_postgresql(
    weeks_on_postgresql: str, name: str, asked: Any
) -> None:
    ((sql, parameters),) = heard(weeks_on_postgresql, name, *asked)
    with open_reading(weeks_on_postgresql, by_index=True) as reading:
        ((told,),) = reading.tuples(f"EXPLAIN (FORMAT JSON) {sql}", **parameters)
    assert "Incremental Sort" in {node["Node Type"] for node in nodes(told[0]["Plan"])}


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


@pytest.mark.parametrize("name", QUESTIONS)
def test_both_databases_answer_alike(weeks: Path, weeks_on_postgresql: str, name: str) -> None:
    subject: tuple[str, ...] = {"shift": ("early",), "person": ("per-001",)}.get(name, ())
    with sqlite3.connect(weeks) as log:
        if QUESTIONS[name].subject == "number":
            subject = log.execute("SELECT number FROM unit_number WHERE kind = 'document' LIMIT 1").fetchone()
        (day_us,) = log.execute("SELECT happened_us FROM custody_event ORDER BY seq LIMIT 1 OFFSET 900").fetchone()
    log.close()
    filters: dict[str, Any] = {"from_us": day_us, "to_us": day_us + 86_400_000_000}
    filters = filters if "from_us" in QUESTIONS[name].filters and name != "document" else {}
    answers = []
    for url in (f"sqlite:///{weeks}", weeks_on_postgresql):
        with open_reading(url, by_index=True) as reading:
            answers.append(list(QUESTIONS[name].ask(reading, *subject, limit=2_000, **filters)))
    assert answers[0] == answers[1]
    assert answers[0] or name in EMPTY


def test_a_reading_of_the_whole_log_may_scan_it(weeks_on_postgresql: str) -> None:
    counting = "EXPLAIN (FORMAT JSON) SELECT count(*), max(place) FROM custody_unit"
    with open_reading(weeks_on_postgresql) as reading:
        ((told,),) = reading.tuples(counting)
    assert "Seq Scan" in {node["Node Type"] for node in nodes(told[0]["Plan"])}


@pytest.mark.parametrize(
    ("name", "asked", "sought"),
    [
        ("shift", AT_ONCE["shift"], "ix_custody_event_machine (machine=? AND shift=? AND happened_us"),
        ("shift", (("day",), PERIOD), "ix_custody_event_happened (happened_us>? AND happened_us<?)"),
        ("person", AT_ONCE["person"], "ix_custody_event_person (person=? AND happened_us"),
        ("times", ((), PERIOD), "ix_custody_event_odd_time (written_us"),
    ],
)
def test_a_page_by_time_begins_in_its_index_where_its_period_or_the_page_before_ends(
    sqlite_template: Path, name: str, asked: Any, sought: str
) -> None:
    ((_, plan),) = plans(sqlite_template, name, *asked)
    assert sought in plan
    ((_, parameters),) = heard(f"sqlite:///{sqlite_template}", name, asked[0], {"from_us": 7, "to_us": 9})
    assert [value for key, value in parameters.items() if key.startswith("after_")] == [7, -1]


@pytest.mark.parametrize(
    ("name", "index"), [("times", "ix_custody_event_odd_time"), ("corrections", "ix_custody_event_corrects")]
)
def test_rare_records_are_found_by_an_index_of_their_own(sqlite_template: Path, name: str, index: str) -> None:
    ((_, plan),) = plans(sqlite_template, name, (), {})
    assert index in plan
