"""A database can't show one thing to those who verify it and another to those who ask it."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from handoff_logs.errors import UnreadableDatabaseError
from handoff_logs.reading import open_reading
from handoff_logs.verify.run import BROKEN, FINDINGS, Verdict, verify
from handoff_logs.verify.storage import FILE_RULE, MADE_AS, TABLES_RULE, TYPES_RULE, digests

pytestmark = pytest.mark.usefixtures("remembered")


class Opened:
    """A copy of a filled log in SQLite's hands, without its triggers."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("PRAGMA ignore_check_constraints = 1")
        made = self.connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        self.triggers = dict(made)
        for name in self.triggers:
            self.connection.execute(f"DROP TRIGGER {name}")

    def verdict(self, *changes: str) -> Verdict:
        """Verify after `changes`, all triggers back in their places."""
        for change in (*changes, *self.triggers.values()):
            self.connection.execute(change)
        self.connection.close()
        return verify(f"sqlite:///{self.path}")

    def schema(self, *changes: str) -> None:
        """Change what SQLite keeps of its own tables, and open the file anew."""
        for change in ("PRAGMA writable_schema = 1", *changes):
            self.connection.execute(change)
        self.connection.close()
        self.connection = sqlite3.connect(self.path, isolation_level=None)


@pytest.fixture
def opened(filled: Any, tmp_path: Path) -> Opened:
    path = tmp_path / "opened.db"
    with sqlite3.connect(filled("sqlite").removeprefix("sqlite:///")) as source, sqlite3.connect(path) as target:
        source.backup(target)
    source.close()
    target.close()
    return Opened(path)


def test_tables_and_guards_are_those_of_the_migrations(database_url: str) -> None:
    """On a change of the migrations, MADE_AS takes over what `digests` says now."""
    with open_reading(database_url) as reading:
        assert digests(reading) == MADE_AS[reading.dialect]


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("custody_event", "person", "CAST(person AS BLOB)"),
        ("custody_event", "signature", "CAST(signature AS BLOB)"),
        ("custody_event", "written_us", "'soon'"),
        ("custody_event", "written_us", "9e999"),
        ("custody_event", "emulated", "x'01'"),
        ("custody_unit", "step", "CAST(step AS BLOB)"),
        ("custody_move", "act", "CAST(act AS BLOB)"),
        ("unit_number", "number", "CAST(number AS BLOB)"),
        ("seal_checkpoint", "size", "size + 0.5"),
        ("seal_leaf", "epoch", "'x'"),
        ("seal_origin", "origin", "CAST(origin AS BLOB)"),
    ],
)
def test_a_value_of_another_type_is_broken_and_named(opened: Opened, table: str, column: str, value: str) -> None:
    verdict = opened.verdict(f"UPDATE {table} SET {column} = {value} WHERE rowid = (SELECT max(rowid) FROM {table})")
    assert verdict.exit_code == BROKEN
    (problem,) = verdict.problems
    assert (problem.step, problem.rule) == (3, TYPES_RULE)
    assert problem.subject.startswith(f"{table} row ") and problem.subject.endswith(f": {column}")


def test_a_number_beyond_json_s_integers_is_broken(opened: Opened) -> None:
    verdict = opened.verdict(
        "UPDATE seal_leaf SET event_seq = 9007199254740993 WHERE event_seq = (SELECT max(seq) FROM custody_event)",
        "UPDATE custody_event SET seq = 9007199254740993 WHERE seq = (SELECT max(seq) FROM custody_event)",
    )
    assert verdict.exit_code == BROKEN


def test_text_that_is_none_can_t_be_read_and_its_words_are_not_shown(opened: Opened) -> None:
    with pytest.raises(UnreadableDatabaseError, match=r"a text in it is not UTF-8$"):
        opened.verdict("UPDATE custody_event SET person = CAST(x'70ff' AS TEXT) WHERE act = 'void'")
    with open_reading(f"sqlite:///{opened.path}") as reading, pytest.raises(UnreadableDatabaseError, match=r"UTF-8$"):
        reading.rows("SELECT person FROM custody_event")


def test_an_index_that_says_otherwise_than_its_rows_is_broken(opened: Opened) -> None:
    """What a person did is answered from an index: one that was kept from following its table hides it."""
    name = "ix_custody_event_person"
    opened.connection.execute("UPDATE custody_event SET person = 'nobody' WHERE act = 'void'")
    index = opened.connection.execute(f"SELECT * FROM sqlite_master WHERE name = '{name}'").fetchone()
    opened.schema(f"DELETE FROM sqlite_master WHERE name = '{name}'")
    opened.connection.execute(
        "UPDATE custody_event SET person = (SELECT unit.person FROM custody_unit AS unit"
        " WHERE unit.event_id = custody_event.event_id) WHERE act = 'void'"
    )
    values = ", ".join(repr(value) for value in index)
    opened.schema(f"INSERT INTO sqlite_master VALUES ({values})")
    verdict = opened.verdict()
    assert {(problem.step, problem.rule) for problem in verdict.problems} == {(3, FILE_RULE)}
    assert verdict.exit_code == BROKEN


@pytest.mark.parametrize(
    ("table", "changes"),
    [
        (
            "custody_event",
            (
                "DROP TRIGGER IF EXISTS custody_event_no_update",
                "CREATE TRIGGER custody_event_no_update BEFORE UPDATE ON custody_event BEGIN SELECT 1; END",
            ),
        ),
        ("whereabouts", ("CREATE TRIGGER more AFTER INSERT ON whereabouts BEGIN DELETE FROM whereabouts; END",)),
        (
            "custody_unit",
            (
                "PRAGMA writable_schema = 1",
                "UPDATE sqlite_master SET sql = replace(sql, 'state VARCHAR(40)', 'state VARCHAR(40) COLLATE NOCASE')"
                " WHERE name = 'custody_unit'",
            ),
        ),
    ],
)
def test_a_table_or_guard_made_otherwise_is_a_finding(opened: Opened, table: str, changes: tuple[str, ...]) -> None:
    opened.triggers |= dict.fromkeys(["custody_event_no_update"], "SELECT 1") if table == "custody_event" else {}
    verdict = opened.verdict(*changes)
    assert [(problem.step, problem.rule, problem.subject) for problem in verdict.problems] == [(7, TABLES_RULE, table)]
    assert verdict.exit_code == FINDINGS
