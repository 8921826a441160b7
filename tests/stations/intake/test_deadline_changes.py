"""Deadlines follow the calendar: provisional ones become final or move, each change with its record, never silently."""

import json
import pickle
import signal
import threading
from collections.abc import Callable
from datetime import date, time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from handoff_logs.questions import violations
from handoff_logs.reading import open_reading
from stations.calendar import WorkCalendar, from_us
from stations.deadlines import DeadlineRule
from stations.intake import deadline_changes
from stations.intake.deadline_changes import Reckoned, in_force, keep_up, reckon, set_calendar
from stations.intake.errors import CalendarMovedError
from stations.intake.generator.defects import Shares
from stations.intake.generator.generate import generate
from stations.intake.states import advance
from stations.intake.station import close, stop
from stations.intake.tables import ApplicationState

RECKONER = Path(__file__).parent / "reckoner.py"
WINTER = date(2026, 12, 25)
"""Seven working days from here lie in a year whose holidays nobody has published."""
NORMAL = Shares(emergencies=0, expedited=0, intake_defects=0, review_defects=0)
PUBLISHED_2027 = WorkCalendar(
    {date(2027, 1, 1): False, date(2027, 1, 4): False, date(2027, 1, 9): True}, frozenset({2027})
)
"""As a notice might say: New Year's Day, a Monday off, and a Saturday that makes up for it."""
QUIET_2027 = WorkCalendar({date(2027, 1, 1): False, date(2027, 10, 1): False}, frozenset({2027}))
FILE = """\
complete_years = [2027]
[days]
2027-01-01 = "holiday"
2027-01-04 = "holiday"
2027-01-09 = "workday"
"""


@pytest.fixture
def winter(intake: Any, make_batch: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """Loads that many applications accepted at Christmas."""

    def load(documents: int, seed: int = 1, shares: Shares = NORMAL, **options: Any) -> Any:
        made = tmp_path / f"winter-{documents}-{seed}"
        generate(made, documents, seed, day=WINTER, shares=shares)
        return intake.load(type(make_batch(1))(made), **options)

    return load


def rows(intake: Any, query: str, **parameters: Any) -> list[Any]:
    with intake.workplace.database.read() as conn:
        return [tuple(row) for row in conn.execute(text(query), parameters)]


def deadlines(intake: Any) -> dict[str, tuple[int, bool]]:
    found = rows(intake, "SELECT application_id, deadline_us, provisional FROM application ORDER BY application_id")
    return {application: (due_us, bool(provisional)) for application, due_us, provisional in found}


def set_and_reckon(intake: Any, calendar: WorkCalendar, **options: Any) -> Reckoned:
    database = intake.workplace.database
    set_calendar(database, calendar, emulated=True)
    return reckon(database, DeadlineRule(calendar), emulated=True, **options)


def right(intake: Any, calendar: WorkCalendar) -> bool:
    """Whether every deadline is what the calendar says."""
    rule = DeadlineRule(calendar)
    found = rows(intake, "SELECT service_class, accepted_us, deadline_us, provisional FROM application")
    return all(
        rule.deadline(service_class, from_us(accepted_us))
        == type(rule.deadline("normal", from_us(0)))(due, bool(guess))
        for service_class, accepted_us, due, guess in found
    )


def test_a_provisional_deadline_becomes_final_or_moves_when_its_year_is_published(intake: Any, winter: Any) -> None:
    winter(5)
    before = deadlines(intake)
    assert all(provisional for _, provisional in before.values())
    assert set_and_reckon(intake, PUBLISHED_2027) == Reckoned(2, 5)
    after = deadlines(intake)
    assert not any(provisional for _, provisional in after.values())
    assert right(intake, PUBLISHED_2027)
    changes = rows(
        intake,
        "SELECT change.application_id, before_us, before_provisional, after_us, after_provisional, digest, terms"
        " FROM deadline_change AS change JOIN deadline_reckoning AS why ON why.position = change.reckoning",
    )
    rule = DeadlineRule(PUBLISHED_2027)
    assert {(row[0], *map(int, row[1:5])) for row in changes} == {
        (each, before[each][0], 1, after[each][0], 0) for each in before
    }
    assert {row[5:] for row in changes} == {(rule.digest, rule.terms)}


def test_the_same_calendar_again_changes_and_records_nothing(intake: Any, winter: Any) -> None:
    winter(4)
    set_and_reckon(intake, PUBLISHED_2027)
    tables = ("custody_event", "deadline_reckoning", "deadline_change")
    counted = [rows(intake, f"SELECT count(*) FROM {table}") for table in tables]
    assert set_and_reckon(intake, PUBLISHED_2027) == Reckoned(None, 0)
    assert [rows(intake, f"SELECT count(*) FROM {table}") for table in tables] == counted


def test_a_calendar_that_is_taken_back_leaves_both_changes(intake: Any, winter: Any) -> None:
    winter(3)
    first = deadlines(intake)
    set_and_reckon(intake, PUBLISHED_2027)
    set_and_reckon(intake, WorkCalendar())
    assert deadlines(intake) == first
    assert rows(intake, "SELECT position, count(*) FROM deadline_change GROUP BY position ORDER BY 1") == [
        (1, 3),
        (2, 3),
    ]


def test_another_closing_time_moves_deadlines_too(intake: Any, winter: Any) -> None:
    """What line.toml says is a term of every deadline, and a change of it has the same record."""
    winter(4, accepts_until=None)
    database = intake.workplace.database
    keep_up(database, time(0), emulated=True)
    # In the file nothing was accepted at midnight, so everything counts as of the next working day.
    assert rows(intake, "SELECT count(*) FROM deadline_change WHERE after_us > before_us") == [(4,)]
    keep_up(database, time(0), emulated=True)
    assert rows(intake, "SELECT count(*), count(finished_us) FROM deadline_reckoning") == [(2, 2)]


def test_only_what_is_on_the_line_moves(intake: Any, winter: Any) -> None:
    """Dispatched, returned and closed ones keep the deadline they had; held and stopped ones still have one to keep."""
    winter(7)
    ids = sorted(deadlines(intake))
    states = ApplicationState

    def scatter(tx: Any) -> None:
        advance(tx, ids[:1], states.WAITING, states.RETURNED)
        advance(tx, ids[1:3], states.WAITING, states.PASSED)
        advance(tx, ids[1:3], states.PASSED, states.IN_PRODUCTION)
        advance(tx, ids[1:2], states.IN_PRODUCTION, states.DISPATCHED)
        advance(tx, ids[3:4], states.WAITING, states.HELD)
        for each in ids[4:6]:
            stop(tx, each, "e-lead-1", "withdrawn", 1)
        close(tx, ids[4], "e-lead-1", "e-lead-2", 2)

    intake.workplace.database.write(scatter)
    before = deadlines(intake)
    assert set_and_reckon(intake, PUBLISHED_2027).changed == 4
    moved = {each for each, deadline in deadlines(intake).items() if deadline != before[each]}
    assert moved == {ids[2], ids[3], ids[5], ids[6]}


def test_emergencies_know_no_working_days(intake: Any, winter: Any) -> None:
    winter(6, shares=Shares(emergencies=1, expedited=0, intake_defects=0, review_defects=0))
    before = deadlines(intake)
    assert set_and_reckon(intake, PUBLISHED_2027).changed == 0
    assert deadlines(intake) == before


def test_the_log_still_agrees_with_its_line_tables(intake: Any, winter: Any, database_url: str) -> None:
    """The node in an offer is sealed with it: whereabouts and open offers stay what the log says."""
    winter(6)
    offered = rows(intake, "SELECT handoff_id, due_us FROM open_offer ORDER BY 1")
    set_and_reckon(intake, PUBLISHED_2027)
    assert rows(intake, "SELECT handoff_id, due_us FROM open_offer ORDER BY 1") == offered
    with open_reading(database_url) as reading:
        assert violations(reading) == []


@pytest.mark.crash
@pytest.mark.timeout(300)
def test_killed_at_every_commit_and_repeated_it_ends_the_same(
    intake: Any, winter: Any, database_url: str, tmp_path: Path, forks: Any
) -> None:
    winter(7)
    before = deadlines(intake)
    intake.workplace.database.close()
    file = tmp_path / "calendar.toml"
    file.write_text(FILE)

    def run(die_at: int) -> int:
        status, said = forks.run(RECKONER, tmp_path / "signing", database_url, file, die_at)
        assert status in (0, -signal.SIGKILL), said
        return int(status)

    # Boundaries of a run: 1, 2 the register, 3, 4 the beginning, then before and after each batch and the end.
    points = (2, 3, 4, 5, 6, 6, 6, 6) if database_url.startswith("sqlite") else (4, 5, 6)
    assert [run(point) for point in points] == [-signal.SIGKILL] * len(points)
    assert run(0) == 0
    with open_reading(database_url) as reading:
        changes = reading.rows("SELECT application_id, before_us, after_us, after_provisional FROM deadline_change")
        found = {row["application_id"]: row for row in changes}
        assert len(changes) == len(found) == 7
        assert {each: (row["before_us"], True) for each, row in found.items()} == before
        now = reading.rows("SELECT application_id, deadline_us, provisional FROM application")
        assert all(found[row["application_id"]]["after_us"] == row["deadline_us"] for row in now)
        assert not any(row["provisional"] for row in now)
        (last,) = reading.rows("SELECT changed FROM deadline_reckoning ORDER BY position DESC LIMIT 1")
        assert last["changed"] == 7
        said = reading.rows("SELECT count(DISTINCT event_id) AS n FROM custody_register WHERE register = 'calendar'")
        assert said == [{"n": 1}]


def test_whoever_opens_the_line_next_finishes_what_was_cut_off(intake: Any, winter: Any) -> None:
    winter(4)
    set_calendar(intake.workplace.database, PUBLISHED_2027, emulated=True)
    assert any(provisional for _, provisional in deadlines(intake).values())
    rule = keep_up(intake.workplace.database, time(18), emulated=True)
    assert rule.calendar == PUBLISHED_2027
    assert right(intake, PUBLISHED_2027)


def test_of_two_calendars_set_at_once_the_deadlines_follow_the_one_in_force(intake: Any, winter: Any) -> None:
    """Two people set two: whoever comes second is in force, and the first is told, or was done before."""
    winter(40)
    told: list[Any] = []
    together = threading.Barrier(2)

    def setting(calendar: WorkCalendar) -> None:
        together.wait(10)
        try:
            told.append(set_and_reckon(intake, calendar, batch=3))
        except CalendarMovedError as refused:
            told.append(refused)

    threads = [threading.Thread(target=setting, args=(each,)) for each in (PUBLISHED_2027, QUIET_2027)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert any(isinstance(each, Reckoned) for each in told)
    with intake.workplace.database.read() as conn:
        assert right(intake, in_force(conn))


def test_two_closing_times_at_once_end_with_one_of_them_everywhere(intake: Any, winter: Any) -> None:
    """Two processes of one line with other settings: who came second has its way with every deadline."""
    winter(40)
    database, together = intake.workplace.database, threading.Barrier(2)

    def keeping(closes: time) -> None:
        together.wait(10)
        keep_up(database, closes, emulated=True)

    threads = [threading.Thread(target=keeping, args=(time(hour),)) for hour in (0, 23)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (last,) = rows(intake, "SELECT terms, finished_us FROM deadline_reckoning ORDER BY position DESC LIMIT 1")
    closes = time.fromisoformat(json.loads(last[0])["accepts_until"])
    assert last[1] is not None
    rule = DeadlineRule(WorkCalendar(), closes)
    found = rows(intake, "SELECT service_class, accepted_us, deadline_us FROM application")
    assert [due for _, _, due in found] == [rule.deadline(kind, from_us(at)).due_us for kind, at, _ in found]


def test_a_reckoning_that_was_overtaken_changes_nothing_more(intake: Any, winter: Any) -> None:
    winter(6)
    database = intake.workplace.database
    by_day = DeadlineRule(WorkCalendar(), time(0))
    later = DeadlineRule(WorkCalendar(), time(23))

    def overtake(_done: int, _whole: int) -> None:
        reckon(database, later, emulated=True)

    with pytest.raises(CalendarMovedError):
        reckon(database, by_day, emulated=True, batch=2, progress=overtake)
    found = rows(intake, "SELECT service_class, accepted_us, deadline_us FROM application")
    assert [due for _, _, due in found] == [later.deadline(kind, from_us(at)).due_us for kind, at, _ in found]


def test_two_that_reckon_by_one_calendar_share_the_work(intake: Any, winter: Any) -> None:
    winter(40)
    set_calendar(intake.workplace.database, PUBLISHED_2027, emulated=True)
    together = threading.Barrier(2)

    def reckoning() -> None:
        together.wait(10)
        reckon(intake.workplace.database, DeadlineRule(PUBLISHED_2027), emulated=True, batch=3)

    threads = [threading.Thread(target=reckoning) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert right(intake, PUBLISHED_2027)
    assert rows(intake, "SELECT count(*), count(DISTINCT application_id) FROM deadline_change") == [(40, 40)]
    assert rows(intake, "SELECT changed FROM deadline_reckoning ORDER BY position DESC") == [(40,), (0,)]


def test_a_batch_that_is_loading_when_the_calendar_changes_goes_on_by_the_new_one(
    intake: Any, winter: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No application slips in between the old calendar and the reckoning by the new one."""
    still = deadline_changes.hold_still
    chunks = []

    def hold_still(tx: Any, calendar: WorkCalendar) -> None:
        still(tx, calendar)
        chunks.append(calendar)

    monkeypatch.setattr("stations.intake.load.hold_still", hold_still)

    def progress(done: int, _whole: int) -> None:
        if done == 4:
            set_and_reckon(intake, PUBLISHED_2027)

    report = winter(10, chunk_lines=2, progress=progress)
    assert report.loaded == 10
    assert right(intake, PUBLISHED_2027)
    assert rows(intake, "SELECT count(*) FROM deadline_change") == [(4,)]
    assert [calendar == PUBLISHED_2027 for calendar in chunks] == [False, False, True, True, True]


def test_a_deadline_that_an_act_of_a_station_holds_is_changed_after_it(
    intake: Any, winter: Any, database_url: str
) -> None:
    if database_url.startswith("sqlite"):
        pytest.skip("SQLite has one writer")
    winter(4)
    database, (held, *_) = intake.workplace.database, sorted(deadlines(intake))
    holding, done = threading.Event(), threading.Event()

    def act(tx: Any) -> None:
        advance(tx, [held], ApplicationState.WAITING, ApplicationState.PASSED)
        holding.set()
        assert done.wait(10)

    thread = threading.Thread(target=database.write, args=(act,))
    thread.start()
    assert holding.wait(10)
    seen: list[int] = []

    def progress(so_far: int, _whole: int) -> None:
        seen.append(so_far)
        if len(seen) == 2:
            done.set()

    assert set_and_reckon(intake, PUBLISHED_2027, progress=progress).changed == 4
    thread.join()
    assert seen[0] == 3
    assert right(intake, PUBLISHED_2027)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE application SET deadline_us = deadline_us + 1", "only as its record says"),
        ("UPDATE application SET provisional = NOT provisional", "only as its record says"),
        ("UPDATE deadline_change SET after_us = 0", "append-only"),
        ("DELETE FROM deadline_change", "append-only"),
        ("DELETE FROM deadline_reckoning", "never deleted"),
        ("UPDATE deadline_reckoning SET digest = 'x'", "finished once"),
        ("UPDATE deadline_reckoning SET finished_us = NULL, changed = NULL", "finished once"),
        (
            "INSERT INTO deadline_reckoning SELECT 9, digest, terms, began_us, NULL, NULL, emulated"
            " FROM deadline_reckoning WHERE position = 1",
            "in order",
        ),
        (
            "INSERT INTO deadline_change SELECT application_id, 2, 1, 5, provisional, 6, provisional, 1"
            " FROM application",
            "the deadline that is",
        ),
        (
            "INSERT INTO deadline_change SELECT application_id, 3, 1, deadline_us, provisional, 6, provisional, 1"
            " FROM application",
            "in order",
        ),
    ],
)
def test_the_database_itself_refuses_a_deadline_without_its_record(
    intake: Any, winter: Any, statement: str, said: str
) -> None:
    winter(2)
    set_and_reckon(intake, PUBLISHED_2027)
    before = deadlines(intake)
    with pytest.raises(IntegrityError, match=said):
        intake.workplace.database.write(lambda tx: tx.execute(text(statement)))
    assert deadlines(intake) == before


def test_a_change_cannot_be_written_over(intake: Any, winter: Any, database_url: str) -> None:
    winter(1)
    set_and_reckon(intake, PUBLISHED_2027)
    statement = (
        "INSERT OR REPLACE INTO deadline_change"
        " SELECT application_id, 1, 1, deadline_us, provisional, 6, provisional, 1 FROM application"
        if database_url.startswith("sqlite")
        else "TRUNCATE deadline_change CASCADE"
    )
    with pytest.raises(IntegrityError, match="deadline change"):
        intake.workplace.database.write(lambda tx: tx.execute(text(statement)))


def test_the_refusal_survives_pickling() -> None:
    assert "another calendar or closing time was set" in str(pickle.loads(pickle.dumps(CalendarMovedError())))
