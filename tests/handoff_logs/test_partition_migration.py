"""A PostgreSQL log that was begun without parts gets them with its rows where they are, and goes on."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from signing_keys import begin, keyring_copy
from sqlalchemy import create_engine

from handoff_logs import guards, log, migrations, questions
from handoff_logs.database import Database
from handoff_logs.months import DEFAULT, Month, Part
from handoff_logs.partitions import make_months, parts
from handoff_logs.reading import open_reading
from handoff_logs.records import Birth, Kind, new_id
from handoff_logs.unit_parts import PARTS, odd_parts
from handoff_logs.verify.run import verify

NOW = Month.at(time.time_ns() // 1_000)


@pytest.fixture
def url(postgresql_server: str) -> Iterator[str]:
    """An empty database."""
    name = f"parts_{uuid4().hex}"
    with psycopg.connect(postgresql_server.format(database="postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template0")  # type: ignore[arg-type]
    yield postgresql_server.format(database=name).replace("postgresql:", "postgresql+psycopg:", 1)
    with psycopg.connect(postgresql_server.format(database="postgres"), autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[arg-type]


class Old:
    """A log at custody_0004, that is brought up to date when asked."""

    def __init__(self, url: str, signing_keys: Path, folder: Path, make_centre: Any, patch: pytest.MonkeyPatch) -> None:
        self.url, self._folder, self._make_centre, self._patch = url, folder, make_centre, patch
        migrations.upgrade(url, "custody_0004")
        # What was guarded then.
        later = {"custody_event_whole", "custody_event_inside", "custody_event_sides", "custody_register_gate"}
        later |= {"custody_case_opened", "custody_event_settled", "custody_event_taken_back", "custody_event_real"}
        patch.setattr(guards, "POSTGRESQL_GUARDS", guards.POSTGRESQL_GUARDS - later)
        begin(url, signing_keys)
        self._keyring = keyring_copy(signing_keys, folder / "signing")
        self.centre = make_centre(Database(url, keyring=self._keyring))

    def bring_up(self) -> None:
        """Migrate it, and open it as what it is now."""
        self.centre.database.close()
        self._patch.undo()
        migrations.upgrade(self.url)
        self.centre = self._make_centre(Database(self.url, keyring=type(self._keyring)(self._folder / "signing")))

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        with open_reading(self.url) as reading:
            return reading.tuples(sql)

    def receive(self, *units: str) -> None:
        births = [Birth(unit, Kind.ORDER) for unit in units]
        by, stamp = self.centre.by("review"), self.centre.stamp()
        self.centre.do(lambda tx: log.receive(tx, by, None, births, "in", stamp))

    def where(self, unit: str) -> str:
        found = self.ask("SELECT unit_id, CAST(CAST(tableoid AS regclass) AS text) FROM custody_unit ORDER BY step")
        return dict(found)[unit]


@pytest.fixture
def old(
    url: str,
    signing_keys: Path,
    tmp_path: Path,
    make_centre: Callable[[Database], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Old]:
    log_ = Old(url, signing_keys, tmp_path, make_centre, monkeypatch)
    yield log_
    log_.centre.database.close()


def born(month: Month) -> str:
    return f"{month.first_ms + 1_000_000_000:012x}{new_id()[12:]}"


ALL = "SELECT * FROM custody_unit ORDER BY event_id, position"
FILE = "SELECT CAST(pg_relation_filenode('{}') AS bigint)"


def test_the_rows_of_a_log_stay_in_their_table_which_becomes_a_part(old: Old) -> None:
    units = [born(NOW.plus(-15)), born(NOW.plus(-1)), new_id()]
    old.receive(*units)
    offer = old.centre.offer(units)
    rows, file = old.ask(ALL), old.ask(FILE.format("custody_unit"))
    indexes = "SELECT indexrelid FROM pg_index WHERE indrelid = CAST('{}' AS regclass) ORDER BY 1"
    there = old.ask(indexes.format("custody_unit"))
    old.bring_up()
    so_far = Part(None, NOW)
    assert old.ask(ALL) == rows
    assert old.ask(FILE.format(so_far.table)) == file
    assert old.ask(indexes.format(so_far.table)) == there
    old.centre.accept(offer, units)
    late, next_month = new_id(), born(NOW.plus(1))
    old.receive(late, next_month)
    assert old.where(late) == old.where(units[0]) == so_far.table
    assert old.where(next_month) == Part.of(NOW.plus(1)).table
    assert odd_parts(old.ask(PARTS)) == []
    with open_reading(old.url) as reading:
        assert questions.violations(reading) == []
    assert [problem for problem in verify(old.url).problems if problem.step != 4] == []


def test_migrating_again_changes_nothing(old: Old) -> None:
    old.receive(new_id())
    old.bring_up()
    parts_now = old.ask(PARTS)
    migrations.upgrade(old.url)
    assert old.ask(PARTS) == parts_now


def test_a_log_without_units_has_a_part_for_its_first_month(old: Old) -> None:
    old.bring_up()
    (unit,) = old.centre.orders(1)
    assert old.where(unit) == Part.of(NOW).table
    wanted = [Part(None, NOW.plus(-1)), *(Part.of(NOW.plus(month)) for month in range(4)), DEFAULT]
    engine = create_engine(old.url)
    with engine.connect() as conn:
        assert set(parts(conn)) == set(wanted)
    engine.dispose()


def test_ids_of_a_clock_that_ran_ahead_lie_in_the_first_part_too(old: Old) -> None:
    ahead = born(NOW.plus(2))
    old.receive(ahead, new_id())
    old.bring_up()
    assert old.where(ahead) == Part(None, NOW.plus(2)).table
    (unit,) = old.centre.orders(1)
    assert old.where(unit) == Part(None, NOW.plus(2)).table
    assert odd_parts(old.ask(PARTS)) == []


@pytest.mark.parametrize("odd", ["zz" * 16, "f" * 32])
def test_ids_of_no_month_leave_the_whole_in_the_part_that_takes_any(old: Old, odd: str) -> None:
    """No row is refused or moved; months to come get parts of their own."""
    unit = new_id()
    old.receive(odd, unit)
    old.bring_up()
    assert old.where(odd) == old.where(unit) == DEFAULT.table
    engine = create_engine(old.url)
    made = make_months(engine, 2)
    engine.dispose()
    assert made.kept == (NOW,)
    assert made.parts == (Part.of(NOW.plus(1)), Part.of(NOW.plus(2)))
    old.centre.accept(old.centre.offer([odd, unit]), [odd, unit])
    assert odd_parts(old.ask(PARTS)) == []
    assert [problem for problem in verify(old.url).problems if problem.step != 4] == []
