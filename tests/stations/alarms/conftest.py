"""A register of alarms on both databases, with an operator, a keeper and a lead."""

from collections.abc import Callable
from typing import Any

import pytest
from enrolled import enrol
from sqlalchemy import text

from handoff_logs.database import Database
from stations.alarms.register import raise_alarm
from stations.people_register.credentials import SignedIn


@pytest.fixture
def people(line_database: Database) -> dict[str, SignedIn]:
    """Who has just signed in, by role."""
    return enrol(line_database, operator="operator", keeper="keeper", lead="lead")


@pytest.fixture
def rows(line_database: Database) -> Callable[..., list[tuple[Any, ...]]]:
    """Asks the database itself."""

    def ask(query: str, **facts: Any) -> list[tuple[Any, ...]]:
        with line_database.read() as connection:
            return [tuple(row) for row in connection.execute(text(query), facts)]

    return ask


@pytest.fixture
def steps(rows: Callable[..., list[tuple[Any, ...]]]) -> Callable[[int], list[str]]:
    """The steps of an alarm, in order."""
    query = "SELECT step FROM alarm_step WHERE alarm_id = :alarm ORDER BY position"
    return lambda alarm: [row[0] for row in rows(query, alarm=alarm)]


@pytest.fixture
def raised(line_database: Database) -> Callable[..., int]:
    """Raises an alarm in a transaction of its own; its number."""

    def write(kind: str = "machine-held", subject: str = "book-01", **facts: Any) -> int:
        return line_database.write(lambda tx: raise_alarm(tx, kind, subject, emulated=True, **facts)).alarm_id

    return write


@pytest.fixture
def aged(line_database: Database) -> Callable[..., int]:
    """Puts an alarm into the register that was raised, and perhaps ended, so many minutes ago."""

    def write(kind: str, subject: str, minutes: float, ended: float | None = None) -> int:
        def insert(tx: Any) -> int:
            from handoff_logs.dialects import clock_us

            now_us = clock_us(tx)
            facts = {
                "kind": kind,
                "subject": subject,
                "raised": now_us - round(minutes * 60_000_000),
                "cleared": None if ended is None else now_us - round(ended * 60_000_000),
            }
            alarm = tx.execute(
                text(
                    "INSERT INTO alarm (kind, subject, seen, raised_us, cleared_us, emulated)"
                    " VALUES (:kind, :subject, 1, :raised, :cleared, true) RETURNING alarm_id"
                ),
                facts,
            ).scalar_one()
            step = "INSERT INTO alarm_step (alarm_id, position, step, at_us) VALUES (:alarm, :position, :step, :at)"
            notice = "INSERT INTO alarm_notice (alarm_id, position, due_us) VALUES (:alarm, :position, :due)"
            tx.execute(text(step), {"alarm": alarm, "position": 1, "step": "raised", "at": facts["raised"]})
            tx.execute(text(notice), {"alarm": alarm, "position": 1, "due": facts["raised"]})
            if ended is not None:
                tx.execute(text(step), {"alarm": alarm, "position": 2, "step": "cleared", "at": facts["cleared"]})
                due = facts["cleared"] + 600_000_000
                tx.execute(text(notice), {"alarm": alarm, "position": 2, "due": due})
            return int(alarm)

        return line_database.write(insert)

    return write
