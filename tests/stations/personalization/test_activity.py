"""What a machine did when: one row a change, in the change's own transaction, append-only, and nothing made up."""

import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from devices import packml
from devices.oee import LOST
from handoff_logs.database import Database
from handoff_logs.errors import HandoffLogError
from stations.personalization import activity, booking, leases
from stations.personalization.tables import Activity

REFUSED = (DBAPIError, HandoffLogError)
HOST = Path(__file__).parent / "host.py"
PATIENCE_S = 90.0
S = 1_000_000
LEASE_S = 30.0
NOW_US = 1_790_000_000 * S
BEGIN = (
    "INSERT INTO machine_period (machine, position, state, reason, began_us, shift, emulated)"
    " VALUES ('book-01', {position}, '{state}', {reason}, {began_us}, '{shift}', true)"
)


@pytest.fixture
def here(line):
    """The workplace of personalization."""
    return line.at("personalization")


@pytest.fixture
def periods(line):
    """Reads the periods of book-01: state, reason, seconds after `NOW_US`, shift."""

    def read():
        query = "SELECT state, reason, began_us, shift FROM machine_period WHERE machine = 'book-01' ORDER BY position"
        return [(row[0], row[1], (row[2] - NOW_US) / S, row[3]) for row in line.facts(query)]

    return read


@pytest.fixture
def show(here):
    """Shows book-01 in a state so many seconds after `NOW_US`."""

    def act(now, reason=None, at_s=0, workplace=here):
        return activity.show(workplace, "book-01", now, reason, NOW_US + at_s * S)

    return act


def renew(line, worker, before_now_s):
    """A lease of book-01 that `worker` renewed so many seconds before the database's now."""

    def write(tx):
        then_us = line.database.clock_us(tx) - before_now_s * S
        leases.take(tx, then_us, "book-01", worker, LEASE_S, 0)

    line.database.write(write)


def test_every_activity_is_a_state_of_packml():
    """No mapping is needed, and the table takes every state."""
    assert {now.value for now in Activity} <= {state.value for state in packml.MachineState}


def test_a_change_is_one_period_and_no_change_is_none(show, periods):
    """Showing the same again writes nothing; another reason is another period."""
    news = [
        show(Activity.IDLE),
        show(Activity.EXECUTE, at_s=1),
        show(Activity.EXECUTE, at_s=2),
        show(Activity.HELD, "jam", at_s=3),
        show(Activity.HELD, "jam", at_s=4),
        show(Activity.HELD, "counters", at_s=5),
    ]
    assert news == [True, True, False, True, False, True]
    assert periods() == [
        ("idle", None, 0, "day"),
        ("execute", None, 1, "day"),
        ("held", "jam", 3, "day"),
        ("held", "counters", 5, "day"),
    ]


def test_a_change_is_one_commit_and_written_whole_or_not_at_all(line, here, show, database_url):
    """State and period are one transaction: what the period's table refuses does not change the state either."""
    commits = []
    with Database(database_url, on_commit=commits.append) as watched:
        show(Activity.EXECUTE, workplace=replace(here, database=watched))
    assert commits == ["before", "after"]
    with pytest.raises(REFUSED):
        show(Activity.IDLE, at_s=1, workplace=replace(here, shift=None))
    assert line.facts("SELECT state FROM machine_state") == [("execute",)]


def test_the_same_state_in_another_shift_is_a_period_but_no_news(here, show, periods):
    """A shift answers for its own time."""
    show(Activity.HELD, "jam")
    assert not show(Activity.HELD, "jam", at_s=9, workplace=replace(here, shift="night"))
    assert periods() == [("held", "jam", 0, "day"), ("held", "jam", 9, "night")]


def test_a_clock_that_is_set_back_does_not_turn_time_round(show, periods):
    """The change is recorded when the one before it was, not refused."""
    show(Activity.IDLE, at_s=100)
    show(Activity.EXECUTE, at_s=40)
    show(Activity.IDLE, at_s=90)
    show(Activity.EXECUTE, at_s=101)
    assert [row[2] for row in periods()] == [100, 100, 100, 101]


def test_what_a_dead_run_left_at_work_is_lost_from_its_last_sign_of_life(line, here, show, periods):
    """The shift of the lost state answers for it; a second look changes nothing."""
    show(Activity.EXECUTE, at_s=-100)
    renew(line, "me", 40)
    night = replace(here, shift="night")
    for _ in range(2):
        activity.note_lost(night, "book-01", "me", NOW_US)
    show(Activity.IDLE, at_s=5, workplace=night)
    [execute, (state, reason, lost_s, shift), idle] = periods()
    assert (state, reason, shift) == ("stopped", LOST, "day")
    assert lost_s == pytest.approx(-40, abs=1)
    assert (execute[2], idle) == (-100, ("idle", None, 5, "night"))


def test_a_run_that_is_started_again_at_once_was_still_gone(line, here, show, periods):
    """Its own lease may last: the line's lock says that the process is another one."""
    show(Activity.EXECUTE, at_s=-100)
    renew(line, "me", 4)
    activity.note_lost(here, "book-01", "me", NOW_US)
    assert periods()[-1][2] == pytest.approx(-4, abs=1)


def test_a_sign_of_life_from_before_the_state_leaves_no_time_at_work(line, here, show, periods):
    """Nobody knows when between the two it ended; times never go back."""
    show(Activity.EXECUTE, at_s=-10)
    renew(line, "me", 15)
    activity.note_lost(here, "book-01", "me", NOW_US)
    assert [row[2] for row in periods()] == [-10, -10]


def test_another_workers_machine_is_not_lost_while_its_lease_lasts(line, here, show, periods):
    """Only when it has lapsed."""
    show(Activity.EXECUTE, at_s=-100)
    renew(line, "other", 10)
    activity.note_lost(here, "book-01", "me", NOW_US)
    assert [row[0] for row in periods()] == ["execute"]
    renew(line, "other", 40)
    activity.note_lost(here, "book-01", "me", NOW_US)
    assert [row[0] for row in periods()] == ["execute", "stopped"]


def test_a_held_machine_stays_held_when_its_line_is_lost(line, here, show, periods):
    """The cause is in the machine, and was there all along."""
    show(Activity.HELD, "jam", at_s=-100)
    renew(line, "me", 40)
    activity.note_lost(here, "book-01", "me", NOW_US)
    assert [row[0] for row in periods()] == ["held"]


def test_a_held_machine_that_is_let_go_of_is_shown_held_but_counted_stopped(line, here, show, periods):
    """Nothing is drawn on it, and nobody waits for it."""
    show(Activity.HELD, "jam")
    line.database.write(lambda tx: activity.let_go(tx, here, "book-01", NOW_US + S, held=True))
    assert [row[:3] for row in periods()] == [("held", "jam", 0), ("stopped", None, 1)]
    assert line.facts("SELECT state, reason FROM machine_state") == [("held", "jam")]
    assert not show(Activity.HELD, "jam", at_s=2)
    assert periods()[-1][:3] == ("held", "jam", 2)


def test_a_machine_that_worked_is_stopped_at_the_end_and_its_time_adds_up(shop, periods):
    """A real machine: idle or at work from the first commit, let go of with the lease."""
    shop.stock("book")
    shop.start("book-01")
    shop.accept_orders(6)
    began_us = booking.now_us()
    shop.run("book-01", until=1)
    ended_us = booking.now_us()
    found = periods()
    assert "execute" in [state for state, *_ in found]
    assert found[-1][:2] == ("stopped", None)
    assert shop.line.facts("SELECT state FROM machine_state") == [("stopped",)]
    times = [round(at_s * S) + NOW_US for _, _, at_s, _ in found]
    assert times == sorted(times)
    assert began_us <= times[0]
    assert times[-1] <= ended_us


def test_a_killed_host_leaves_no_time_at_work_behind(shop, periods, database_url):
    """Killed by a real signal while its machine works: from its last sign of life to the next run it is lost."""
    shop.stock("book")
    shop.start("book-01")
    shop.accept_orders(60)
    command = [sys.executable, str(HOST), str(shop.line.folder), database_url, "book-01", "1000", "0"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as host:
        at_work = "SELECT count(*) FROM machine_state WHERE state = 'execute'"
        shop.wait_for(at_work, 1, (), PATIENCE_S)
        host.send_signal(signal.SIGKILL)
        assert host.wait(PATIENCE_S) == -signal.SIGKILL
    killed_s = (time.time_ns() // 1_000 - NOW_US) / S
    time.sleep(0.1)
    restarted_s = killed_s + 0.1
    made = shop.line.facts("SELECT count(*) FROM job WHERE outcome = 'good'")[0][0]
    shop.run("book-01", until=made + 1)
    found = periods()
    [lost] = [at for at, row in enumerate(found) if row[:2] == ("stopped", LOST)]
    assert found[lost - 1][0] in ("execute", "idle")
    assert found[lost][2] <= killed_s
    assert found[lost + 1][2] >= restarted_s


def period(**changes):
    """The values of `BEGIN`, of a second period if not said otherwise."""
    later = {"position": 2, "state": "idle", "reason": "NULL", "began_us": NOW_US + S, "shift": "day"}
    return {**later, **changes}


@pytest.mark.parametrize(
    "illegal",
    [
        {"position": 1},
        {"position": 3},
        {"began_us": NOW_US - 1},
        {"state": "execute"},
        {"state": "broken"},
        {"state": "held"},
        {"state": "suspended"},
    ],
    ids=str,
)
def test_periods_follow_each_other_without_gaps_steps_back_or_repeats(line, show, illegal):
    """The database says no, whatever the program does."""
    show(Activity.EXECUTE)
    with pytest.raises(REFUSED):
        line.database.write(lambda tx: tx.execute(text(BEGIN.format(**period(**illegal)))))
    line.database.write(lambda tx: tx.execute(text(BEGIN.format(**period()))))


def test_the_first_period_of_a_machine_is_number_one(line):
    """Dense from the start."""
    for position in (0, 2):
        with pytest.raises(REFUSED):
            line.database.write(lambda tx, at=position: tx.execute(text(BEGIN.format(**period(position=at)))))


def test_periods_are_never_changed_replaced_or_deleted(line, show, database_url):
    """What a machine did stays what it did."""
    show(Activity.EXECUTE)
    sqlite = database_url.startswith("sqlite")
    replaced = BEGIN.format(**period(position=1)).replace("INSERT", "INSERT OR REPLACE")
    for statement in (
        "UPDATE machine_period SET began_us = 1",
        "DELETE FROM machine_period",
        replaced if sqlite else "TRUNCATE machine_period",
    ):
        with pytest.raises(REFUSED):
            line.database.write(lambda tx, sql=statement: tx.execute(text(sql)))
