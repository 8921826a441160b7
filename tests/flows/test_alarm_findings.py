"""Each source of alarms, asked of real tables on both databases; and the watcher that makes the register say so."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from alarm_target import hook
from sqlalchemy import text
from statement_plans import listening, whole_tables

from flows import alarm_findings as findings_module
from flows import alarms
from flows.alarm_delivery import telling
from flows.alarm_findings import StockLeft, findings, silences, stock_left
from flows.alarm_targets import open_targets
from flows.alarms import Watcher
from flows.composition import open_line, prepare
from flows.configuration import read_settings
from flows.default_line import write_default
from flows.line_state import Line
from flows.run_folder import RunFolder
from flows.settings import LineSettings, LogSettings
from handoff_logs import log
from handoff_logs.database import Database
from handoff_logs.log import Stamp
from handoff_logs.reading import open_reading
from handoff_logs.records import Birth, Kind, Party, new_id
from handoff_logs.sealed_state import SealedState
from stations.alarms import listing
from stations.alarms.listing import listed

SEALED = SealedState(1, 0, None, None)
DAY_US = 86_400_000_000
GIVER, TAKER = Party("review", "review-1", "day"), Party("qc", "qc-1", "day")


@pytest.fixture
def line_tables() -> bool:
    """Alarms and machines are in the line's tables."""
    return True


@pytest.fixture
def settings(tmp_path: Path) -> LineSettings:
    folder = RunFolder(tmp_path / "line")
    write_default(folder)
    return read_settings(folder)


@pytest.fixture
def look(database: Database, database_url: str, settings: LineSettings) -> Callable[..., dict[Any, Any]]:
    """What the database finds now, or so many minutes from now."""

    def ask(minutes: float = 0, *, seals: SealedState = SEALED, unsent: dict[str, int] | None = None) -> dict[Any, Any]:
        with open_reading(database_url) as reading:
            return findings(reading, seals, unsent or {}, settings, now_us() + round(minutes * 60e6))

    return ask


@pytest.fixture
def sql(database: Database) -> Callable[..., None]:
    def execute(statement: str, **facts: object) -> None:
        database.write(lambda tx: tx.execute(text(statement), facts))

    return execute


def now_us() -> int:
    return time.time_ns() // 1_000


def offered(database: Database, units: int, *, due_us: int | None = None) -> tuple[str, list[str]]:
    """Orders that review has received and offers to QC; the handoff and its units."""
    born = [Birth(new_id(), Kind.ORDER, new_id()) for _ in range(units)]
    ids, stamp = [birth.unit_id for birth in born], Stamp(now_us(), True, due_us=due_us)
    database.write(lambda tx: log.receive(tx, GIVER, None, born, "in", stamp))
    offer = database.write(lambda tx: log.offer(tx, GIVER, "in", "qc", ids, priority=2, stamp=stamp))
    return offer.handoff_id, ids


def test_a_line_on_which_nothing_is_the_matter_has_no_findings(look: Any) -> None:
    assert look() == {}


def test_a_held_machine_is_found_and_a_suspended_one_is_not(look: Any, sql: Any) -> None:
    insert = "INSERT INTO machine_state VALUES (:machine, :state, 'cause', 1, true)"
    for machine, state in (("book-01", "held"), ("book-02", "suspended"), ("card-01", "execute")):
        sql(insert, machine=machine, state=state)
    assert look() == {("machine-held", "book-01"): None}


def test_a_difference_is_found_when_it_is_older_than_its_limit_until_it_is_settled(
    look: Any, database: Database
) -> None:
    handoff, units = offered(database, 3)
    stamp = Stamp(now_us(), True)
    database.write(lambda tx: log.accept(tx, TAKER, handoff, units[:1], "in", stamp))
    assert look() == {} and look(59) == {}
    assert look(61) == {("discrepancy", "qc"): 2}


def test_what_is_past_its_time_node_is_found_where_it_is_or_is_to_be_taken(look: Any, database: Database) -> None:
    waits, _ = offered(database, 2, due_us=now_us() - 1)
    handoff, units = offered(database, 3, due_us=now_us() - 1)
    offered(database, 4, due_us=now_us() + DAY_US)
    assert look() == {("late-risk", "qc"): 5}
    database.write(lambda tx: log.accept(tx, TAKER, handoff, units, "in", Stamp(now_us(), True)))
    assert look() == {("late-risk", "qc"): 5}
    database.write(lambda tx: log.withdraw(tx, GIVER, waits, Stamp(now_us(), True)))
    assert look() == {("late-risk", "qc"): 3, ("late-risk", "review"): 2}


def test_the_log_that_is_not_sealed_or_witnessed_is_found(look: Any) -> None:
    assert look(seals=SealedState(10, 7, 15.1, None)) == {("sealing-silent", "log"): 7}
    assert look(seals=SealedState(10, 7, 14.9, 179.0)) == {}
    assert look(seals=SealedState(10, 0, None, 180.1)) == {("witness-silent", "log"): None}
    assert list(silences(SealedState(10, 0, None, 1e6), LogSettings(witness=None))) == []


def test_targets_that_are_not_told_are_found(look: Any) -> None:
    assert look(unsent={"duty": 4}) == {("notices-unsent", "duty"): 4}


def test_blanks_must_last_for_what_waits_and_some_days(
    look: Any, sql: Any, database: Database, database_url: str, settings: LineSettings
) -> None:
    keeper = Party("vault", "vault-1", "day")
    born = [Birth(new_id(), Kind.BLANK, f"EJ{number:07d}") for number in range(5)]
    database.write(lambda tx: log.receive(tx, keeper, "vault-2", born, "shelf:book", Stamp(now_us(), True)))

    def left() -> StockLeft:
        with open_reading(database_url) as reading:
            return stock_left(reading, settings, now_us())["book"]

    assert left() == StockLeft(5, 0, 0.0) and look() == {}
    sql(
        "INSERT INTO intake_batch (batch_id, manifest_sha256, lines, lines_read, loaded, set_aside, started_us,"
        " emulated) VALUES ('b', 'm', 0, 0, 0, 0, 1, true)"
    )
    for number in range(6):
        sql(
            "INSERT INTO application (application_id, application_key, revision, product, service_class, delivery,"
            " office, accepted_us, deadline_us, provisional, priority, person_key, applicant, state, live, order_unit,"
            " batch_id, emulated) VALUES (:id, :id, 1, 'passport', 'normal', 'post', 'jinan', 1, 1, false, 2, :id,"
            " :none, 'waiting', true, :id, 'b', true)",
            id=f"a{number}",
            none=b"",
        )
    assert left() == StockLeft(5, 6, 0.0) and look() == {("low-stock", "book"): 5}


def test_stock_is_low_by_the_pace_of_the_last_days() -> None:
    assert StockLeft(100, 0, 49.0).is_low(2.0) is False
    assert StockLeft(100, 0, 51.0).is_low(2.0) is True
    assert StockLeft(100, 50, 51.0).is_low(0.9) is False


def test_no_look_reads_a_growing_table_whole(sqlite_templates: Any) -> None:
    asked = [getattr(findings_module, name) for name in ("HELD", "UNSETTLED", "PAST_NODE", "STOCK", "MADE", "TO_MAKE")]
    asked += [listing.OPEN, listing.ESCALATED]
    values = {":before_us": "1", ":now_us": "1", ":from_us": "1", ":to_us": "2"}
    filled = [re.sub(r":\w+", lambda name: values[name[0]], one).strip() for one in asked]
    assert whole_tables(filled, sqlite_templates(True)) == set()


def test_no_transaction_of_the_register_reads_a_growing_table_whole(tmp_path: Path) -> None:
    with listening() as statements:
        folder = RunFolder(tmp_path / "watched")
        write_default(folder)
        prepare(folder)
        with open_line(folder, shift="day", stations=()) as line:
            statements.clear()
            told: list[int] = []
            with telling(line.database, {"duty": lambda notice: told.append(notice.alarm_id)}) as delivery:
                watcher = Watcher(line, delivery)
                for state in ("held", "execute", "held"):
                    hold(line, state)
                    watcher.look()
                assert wait_until(lambda: told)
    assert sum("alarm" in one for one in statements) > 20
    assert whole_tables([one for one in statements if "alarm" in one], str(folder.database_file)) == set()


def wait_until(reached: Callable[[], object]) -> bool:
    give_up_s = time.monotonic() + 20
    while not reached() and time.monotonic() < give_up_s:
        time.sleep(0.02)
    return bool(reached())


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    """A real line, open and at work on nothing."""
    folder = RunFolder(tmp_path / "watched")
    with hook() as duty, write_default(folder).open("a", encoding="utf-8") as file:
        file.write('\n[[alarms.targets]]\nname = "duty"\nfile = "duty.target"\n')
        (folder.path / "duty.target").write_text(duty.address)
        (folder.path / "duty.target").chmod(0o600)
    prepare(folder)
    with open_line(folder, shift="day", stations=()) as opened:
        yield opened


def standing(line: Line) -> list[tuple[str, str, str]]:
    with open_reading(line.folder.line().database_url) as reading:
        return [(one.code, one.subject, one.state) for one in listed(reading, ended=True)]


def hold(line: Line, state: str) -> None:
    statement = "INSERT INTO machine_state VALUES ('book-01', :state, 'jam', 1, true)"
    change = "UPDATE machine_state SET state = :state WHERE machine = 'book-01'"
    line.database.write(
        lambda tx: tx.execute(
            text(change if tx.execute(text("SELECT 1 FROM machine_state")).first() else statement), {"state": state}
        )
    )


def test_the_watcher_raises_and_clears(line: Line) -> None:
    with telling(line.database, {}) as delivery:
        watcher = Watcher(line, delivery)
        assert watcher.look() == 0
        hold(line, "held")
        assert watcher.look() == 1 and watcher.look() == 1
        assert standing(line) == [("machine-held", "book-01", "open")]
        hold(line, "execute")
        assert watcher.look() == 0
        assert standing(line) == [("machine-held", "book-01", "cleared")]


def test_what_passes_by_itself_disturbs_nobody_and_what_stood_before_stands(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a line that runs: a cause must last as long as its kind asks. One of an earlier run is not asked again."""
    clock = [1_000.0]
    monkeypatch.setattr(alarms, "monotonic", lambda: clock[0])
    line.ended = alarms.asyncio.Event()
    with telling(line.database, {}) as delivery:
        watcher = Watcher(line, delivery)
        hold(line, "held")
        assert watcher.look() == 0
        hold(line, "execute")
        clock[0] += 60
        assert watcher.look() == 0
        hold(line, "held")
        watcher.look()
        clock[0] += 4.9
        assert watcher.look() == 0
        clock[0] += 0.2
        assert watcher.look() == 1
        assert Watcher(line, delivery).look() == 1
    assert standing(line) == [("machine-held", "book-01", "open")]


def test_the_line_tells_prefect_and_its_targets(line: Line) -> None:
    assert list(alarms._tells(line, open_targets(line.folder, line.settings))) == ["prefect", "duty"]


def test_a_database_that_is_busy_is_looked_at_again_later(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    from handoff_logs.errors import DatabaseBusyError

    def busy(*_: Any, **__: Any) -> None:
        raise DatabaseBusyError("locked")

    with telling(line.database, {}) as delivery:
        watcher = Watcher(line, delivery)
        monkeypatch.setattr(alarms, "follow", busy)
        assert watcher.try_to_look() == 0
        monkeypatch.undo()
        hold(line, "held")
        assert watcher.try_to_look() == 1
