"""An on-call shift is a shift as any; its people are those on call, and that it is open is told outside."""

import pickle
import threading

import pytest
from small_shift import BOOKS, CREW_OF_EMULATED, scanned

from stations.alarms.register import raise_alarm
from stations.alarms.rules import CALLED, EMERGENCY_WAITS
from stations.shift import rules, station
from stations.shift.errors import ChecklistError, CrewTwiceError, OnCallShortError, ShiftOpenError
from stations.shift.rules import Ending

LEAST = {"vault": 2, "personalization": 2, "qc": 2, "review": 1, "packing": 1, "mailing": 1}
CREW = {at: codes[: LEAST[at]] for at, codes in CREW_OF_EMULATED.items() if at in LEAST}
ALARMS = "SELECT kind, subject, cleared_us IS NULL FROM alarm ORDER BY alarm_id"
NOTICES = "SELECT count(*) FROM alarm_notice WHERE ended IS NULL"


def open_on_call(shift, count=None, *, reason=None, **changes):
    facts = {"name": rules.ON_CALL, "crew": CREW, "least": LEAST, **changes}
    return shift.open(count, reason=reason, **facts)


def test_an_on_call_shift_is_opened_on_a_blind_count_and_told_outside_until_it_closes(shift):
    """In one transaction with its notice: a crash loses neither, or both."""
    opened = open_on_call(shift)
    assert shift.rows("SELECT name, closed FROM shift") == [("on-call", False)]
    assert [tuple(row) for row in shift.rows(ALARMS)] == [(CALLED, opened.shift_id, True)]
    assert shift.rows(NOTICES) == [(1,)]
    assert shift.close().how is Ending.BALANCED
    assert [bool(row[2]) for row in shift.rows(ALARMS)] == [False]


def test_a_usual_shift_calls_nobody(shift):
    shift.open()
    assert shift.rows(ALARMS) == []


def test_too_few_on_call_open_nothing_and_every_missing_role_is_named(shift):
    """Each of them is a telephone call; nothing is changed, not even a count is kept."""
    crew = {**CREW, "vault": CREW["vault"][:1], "review": ()}
    tables = ("shift", "shift_count", "alarm", "custody_register")
    before = [shift.rows(f"SELECT count(*) FROM {table}") for table in tables]
    with pytest.raises(OnCallShortError, match=r"keeper \(1 of 2\), reviewer \(0 of 1\)") as refused:
        open_on_call(shift, crew=crew)
    assert refused.value.short == (("keeper", 1, 2), ("reviewer", 0, 1))
    assert str(pickle.loads(pickle.dumps(refused.value))) == str(refused.value)
    assert [shift.rows(f"SELECT count(*) FROM {table}") for table in tables] == before


def test_nobody_stands_at_two_stations_of_an_on_call_shift(shift):
    """They could sign both sides of a handoff (rule 4), in the night as by day."""
    with pytest.raises(CrewTwiceError):
        open_on_call(shift, crew={**CREW, "review": (CREW["vault"][0],)})


def test_the_checklist_is_gone_through_in_the_night_too(shift):
    with pytest.raises(ChecklistError):
        open_on_call(shift, confirmed=("gate",))


def test_a_count_that_differs_opens_no_on_call_shift_and_calls_nobody(shift):
    """Unless a lead forces it; it is then a case."""
    assert open_on_call(shift, scanned(*BOOKS[1:])).shift_id is None
    assert shift.rows(ALARMS) == []
    assert open_on_call(shift, scanned(*BOOKS[1:]), reason="night").forced
    assert [row[0] for row in shift.rows(ALARMS)] == [CALLED]


def test_of_emergencies_at_the_same_instant_one_opens_the_shift(shift):
    """The others are told which one is open, and one alarm stands."""
    outcomes, barrier = [], threading.Barrier(4)

    def work():
        barrier.wait()
        try:
            outcomes.append(open_on_call(shift).shift_id)
        except ShiftOpenError as error:
            outcomes.append(error.name)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [(shift_id,)] = shift.rows("SELECT shift_id FROM shift")
    assert sorted(outcomes) == sorted([shift_id, "on-call", "on-call", "on-call"])
    assert [row[1] for row in shift.rows(ALARMS)] == [shift_id]
    assert shift.rows("SELECT count(*) FROM shift_count") == [(1,)]


@pytest.mark.parametrize("opens", [open_on_call, lambda shift: shift.open()], ids=["on call", "usual"])
def test_that_an_emergency_waits_without_a_shift_is_over_when_one_opens(shift, opens):
    shift.database.write(lambda tx: raise_alarm(tx, EMERGENCY_WAITS, "a" * 32, emulated=True, amount=1))
    opens(shift)
    assert [bool(row[2]) for row in shift.rows(ALARMS) if row[0] == EMERGENCY_WAITS] == [False]


def test_of_those_on_call_only_they_come_who_may_stand_there_and_are_not_absent(shift):
    """Nobody who was never enrolled, and emulated people on emulated lines alone; each named once."""
    codes = {"vault": ("e-vlt-1", "e-vlt-2", "e-vlt-1", "p-0999"), "review": ("e-rev-1",)}
    with shift.database.read() as conn:
        there = station.on_call(conn, codes, ("e-vlt-2",), emulated=True)
        assert there == {"vault": ("e-vlt-1",), "review": ("e-rev-1",)}
        assert station.on_call(conn, codes, (), emulated=False) == {"vault": (), "review": ()}
