"""What board and status show is what the tables say, on both databases."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from line_books import MADE, MINUTE_US, NOW_US, Books
from sqlalchemy import create_engine, text
from statement_plans import whole_tables

from flows import facts as facts_module
from flows.board import Board
from flows.default_line import write_default
from flows.errors import Exit
from flows.facts import BoardFacts, board_facts
from flows.run_folder import RunFolder
from flows.status import DOCUMENTS, IN_DOUBT, UNITS, as_csv, as_json, status_command, totals
from handoff_logs.reading import open_reading
from handoff_logs.records import new_id
from handoff_logs.tables import UnitNumber, Whereabouts
from stations.alarms.tables import Alarm
from stations.personalization.tables import MachineState


@pytest.fixture
def line_tables() -> bool:
    """What is asked for is in the stations' tables."""
    return True


@pytest.fixture
def books(database_url: str) -> Iterator[Books]:
    engine = create_engine(database_url)
    yield Books(engine)
    engine.dispose()


@pytest.fixture
def facts(database_url: str) -> Any:
    def look(**options: int) -> BoardFacts:
        with open_reading(database_url) as reading:
            return board_facts(reading, **{"since_us": 0, **options})

    return look


def test_an_empty_line_has_nothing_to_show(books: Books, facts: Any) -> None:
    empty = facts()
    assert [(one.waiting, one.in_work, one.done, one.oldest_us) for one in empty.stations] == [(0, 0, 0, None)] * 5
    assert (empty.machines, empty.alarms, empty.all_applications) == ((), (), 0)


def test_what_is_offered_waits_and_what_is_accepted_is_in_work(books: Books, facts: Any) -> None:
    books.offer("qc", 3, offered_us=NOW_US - MINUTE_US)
    books.offer("qc", 2)
    books.unit("document", "held", "qc")
    books.unit("document", "held", "qc", place="hold")
    qc = next(one for one in facts().stations if one.station == "qc")
    assert (qc.waiting, qc.trays_waiting, qc.in_work, qc.oldest_us) == (5, 2, 1, NOW_US - MINUTE_US)


def test_blanks_are_no_work_of_a_station(books: Books, facts: Any) -> None:
    books.unit("blank", "held", "personalization")
    assert [one.in_work for one in facts().stations] == [0] * 5


def test_only_good_pieces_are_done(books: Books, facts: Any) -> None:
    books.put(MachineState, machine="book-01", state="execute", since_us=NOW_US, emulated=True)
    books.job("book-01", *MADE, outcome="good")
    books.job("book-01", *MADE, outcome="failed")
    done = {one.station: one.done for one in facts().stations}
    assert done == {"review": 0, "personalization": 1, "qc": 0, "packing": 0, "mailing": 0}


def test_a_machine_shows_its_state_its_job_and_how_many_it_finished(books: Books, facts: Any) -> None:
    books.put(MachineState, machine="book-01", state="execute", since_us=NOW_US, emulated=True)
    books.job("book-01", *MADE, outcome="good")
    books.job("book-01", "FED", "PREPARED", "STARTING")
    (machine,) = facts().machines
    assert (machine.machine, machine.state, machine.jobs, machine.emulated) == ("book-01", "execute", 1, True)
    assert machine.job.startswith("starting ")


def test_what_was_done_before_the_day_began_is_not_counted(books: Books, facts: Any) -> None:
    books.put(MachineState, machine="book-01", state="execute", since_us=NOW_US, emulated=True)
    books.job("book-01", *MADE, outcome="good")
    books.application("dispatched")
    books.application("waiting")
    later = facts(since_us=NOW_US + 1)
    assert [one.done for one in later.stations] == [0] * 5
    assert [machine.jobs for machine in later.machines] == [0]
    assert later.applications == {"in_production": 1, "waiting": 1}
    assert sum(one.done for one in facts(since_us=NOW_US).stations) == 1


def test_neither_board_nor_status_reads_a_growing_table_whole(sqlite_templates: Any) -> None:
    asked = [*(value for value in vars(facts_module).values() if is_question(value)), UNITS, IN_DOUBT, DOCUMENTS]
    assert len(asked) > 10
    values = {":since_us": "0", ":before_us": "0", ":now_us": "0"}
    filled = [re.sub(r":\w+", lambda name: values[name[0]], one).strip() for one in asked]
    assert whole_tables(filled, sqlite_templates(True)) == set()


def is_question(value: object) -> bool:
    return isinstance(value, str) and value.lstrip().startswith("SELECT") and "pg_" not in value


def test_trouble_raises_alarms(books: Books, facts: Any) -> None:
    books.put(MachineState, machine="book-01", state="held", reason="feed_jam", since_us=NOW_US, emulated=True)
    books.unit("document", "doubt", "qc")
    books.offer("packing", 1, offered_us=NOW_US - 31 * MINUTE_US, due_us=NOW_US - MINUTE_US)
    alarms = {(alarm.code, alarm.where) for alarm in facts(offer_age_min=30).alarms}
    assert alarms == {("machine held", "book-01"), ("doubt", "qc"), ("late", "packing"), ("unanswered", "packing")}


def test_status_counts_units_where_their_outermost_container_is(
    books: Books, database_url: str, tmp_path: Path
) -> None:
    parcel = books.unit("parcel", "held", "mailing")
    document = new_id()
    books.put(
        Whereabouts,
        unit_id=document,
        step=3,
        kind="document",
        state="packed",
        station="packing",
        place="shelf",
        person="e-1",
        container=parcel,
        since_us=NOW_US,
    )
    books.unit("blank", "held", "vault", place="shelf")
    folder = RunFolder(tmp_path)
    write_default(folder)
    with open_reading(database_url) as reading:
        found = as_json(totals(reading, folder.line()))
    assert {(row["kind"], row["station"], row["state"], row["units"]) for row in found["units"]} == {
        ("parcel", "mailing", "held", 1),
        ("document", "mailing", "packed", 1),
        ("blank", "vault", "held", 1),
    }
    assert [row["station"] for row in found["blanks"]] == ["vault"]
    assert found["emulated"]


@pytest.fixture
def folder(books: Books, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A run folder whose line uses the filled database."""
    monkeypatch.setenv("PASSLINE_DATABASE__URL", database_url)
    made = RunFolder(tmp_path / "run")
    write_default(made)
    return made


def test_status_ends_with_three_while_anything_is_in_doubt(
    books: Books, folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status_command(directory=folder.path) == Exit.FINE
    books.job("book-01", "UNCERTAIN", doubt="machine_silent")
    unit = books.unit("document", "doubt", "qc")
    books.put(UnitNumber, unit_id=unit, kind="document", number="E12345678", salt="s")
    capsys.readouterr()
    assert status_command(directory=folder.path, output="json") == Exit.IN_DOUBT
    found = json.loads(capsys.readouterr().out)
    assert {(row["what"], row["station"]) for row in found["in_doubt"]} == {("job", "book-01"), ("unit", "qc")}
    assert "E12345678" in {row["number"] for row in found["in_doubt"]}


@pytest.mark.parametrize("output", ["table", "csv", "json"])
def test_every_form_of_status_says_emulated(
    books: Books, folder: RunFolder, output: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    books.application("waiting")
    books.offer("review", 2)
    status_command(directory=folder.path, output=output)
    shown = capsys.readouterr().out
    assert "emulated" in shown.lower()
    assert "waiting" in shown


def test_status_as_csv_has_five_columns(books: Books, database_url: str, folder: RunFolder) -> None:
    books.application("held")
    with open_reading(database_url) as reading:
        lines = as_csv(totals(reading, folder.line())).splitlines()
    assert lines[0] == "section,name,station,state,count"
    assert "applications,,,held,1" in lines


def test_the_board_follows_the_database_and_ends_with_its_block(
    books: Books, folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    with Board(folder) as board:
        books.application("waiting")
    board.close()
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "0 of 1 ended" in shown.err
    assert "EMULATED" in shown.err


def test_what_the_register_has_is_not_shown_twice(books: Books, facts: Any) -> None:
    books.put(MachineState, machine="book-01", state="held", reason="jam", since_us=NOW_US, emulated=True)
    books.put(MachineState, machine="book-02", state="held", reason="jam", since_us=NOW_US, emulated=True)
    books.put(Alarm, kind="machine-held", subject="book-01", seen=1, raised_us=NOW_US, emulated=True)
    found = facts()
    assert [(one.code, one.subject) for one in found.standing] == [("machine-held", "book-01")]
    assert [(one.code, one.where) for one in found.alarms] == [("machine held", "book-02")]


def test_what_the_register_holds_moves_no_cursor(books: Books, facts: Any) -> None:
    books.put(Alarm, kind="machine-held", subject="\x1b[2J", seen=1, raised_us=NOW_US, emulated=True)
    assert [one.subject for one in facts().standing] == ["\N{REPLACEMENT CHARACTER}[2J"]


def test_a_database_of_an_older_passline_has_a_board_without_the_register(books: Books, facts: Any) -> None:
    with books.engine.begin() as tx:
        for table in ("alarm_delivery", "alarm_notice", "alarm_step", "alarm"):
            tx.execute(text(f"DROP TABLE {table}"))
    assert facts().standing == ()
