"""A shift's time on a machine adds up, and what the line was not there for is nobody's work."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.oee import LOST, Group
from devices.packml import MachineState
from flows.machine_time import BREAK_S, Worked, periods_of, shifts_of

S = 1_000_000
NAMES = ("day", "night")
STATES = st.sampled_from([(state.value, reason) for state in MachineState for reason in (None, "a", "b")])
PAUSES_S = st.one_of(st.integers(0, 7200), st.integers(BREAK_S - 1, BREAK_S + 1), st.just(14 * 3600))
CHANGES = st.lists(st.tuples(STATES, PAUSES_S, st.sampled_from(NAMES)), min_size=1, max_size=20)


def rows_of(changes, began_us=0):
    """Rows of `machine_period`: each change so many seconds after the one before; and when the last pause ends."""
    rows = []
    for (state, reason), pause_s, shift in changes:
        rows.append({"state": state, "reason": reason, "began_us": began_us, "shift": shift, "emulated": True})
        began_us += pause_s * S
    return rows, began_us


def shifts(*changes, now_s=None, heard_s=None) -> list[Worked]:
    """The shifts of periods given as state, reason, second of beginning, shift."""
    rows = [
        {"state": state, "reason": reason, "began_us": at_s * S, "shift": shift, "emulated": False}
        for state, reason, at_s, shift in changes
    ]
    now_us = (changes[-1][2] if now_s is None else now_s) * S
    return shifts_of("book-01", periods_of(rows, now_us, None if heard_s is None else heard_s * S))


@given(CHANGES, st.none() | st.integers(0, 10**6))
def test_the_seconds_in_the_states_of_a_shift_add_up_to_its_span(changes, heard_s) -> None:
    rows, now_us = rows_of(changes)
    for worked in shifts_of("book-01", periods_of(rows, now_us, None if heard_s is None else heard_s * S)):
        span_s = (worked.ended_us - worked.began_us) / S
        assert sum(worked.spent.values()) == pytest.approx(span_s)
        assert sum(worked.by_group.values()) == pytest.approx(span_s)
        assert worked.planned_s <= span_s + 1e-6
        assert worked.spent.get(MachineState.EXECUTE, 0.0) == pytest.approx(worked.by_group[Group.EXECUTE])


@given(CHANGES)
def test_every_second_is_in_one_shift_or_in_a_stop(changes) -> None:
    rows, now_us = rows_of(changes)
    periods = periods_of(rows, now_us, None)
    found = shifts_of("book-01", periods)
    kept = Counter(period for worked in found for period in worked.periods)
    left = Counter(periods) - kept
    assert not kept - Counter(periods)
    assert {period.state for period in left} <= {MachineState.STOPPED}
    assert all(before.ended_us <= after.began_us for before, after in pairwise(found))


@given(CHANGES, st.integers(0, 10**6))
def test_every_piece_from_the_first_shift_on_is_counted_in_one(changes, booked_s) -> None:
    rows, now_us = rows_of(changes)
    found = shifts_of("book-01", periods_of(rows, now_us, None))
    counting = [
        worked
        for worked in found
        if worked.began_us <= booked_s * S and (worked.pieces_until_us is None or booked_s * S < worked.pieces_until_us)
    ]
    assert len(counting) == (1 if found and found[0].began_us <= booked_s * S else 0)


@given(CHANGES, st.integers(0, 10**6))
def test_work_after_the_last_sign_of_life_is_none(changes, heard_s) -> None:
    rows, now_us = rows_of([*changes, (("execute", None), 50_000, "day")])
    last = rows[-1]["began_us"]
    executed_us = sum(
        period.ended_us - period.began_us
        for period in periods_of(rows, now_us, heard_s * S)
        if period.state is MachineState.EXECUTE and period.began_us >= last
    )
    assert executed_us <= max(0, heard_s * S - last)


def test_a_shift_lasts_until_its_name_changes() -> None:
    day, night = shifts(
        ("idle", None, 0, "day"),
        ("execute", None, 10, "day"),
        ("execute", None, 40, "night"),
        ("held", "jam", 50, "night"),
        now_s=60,
    )
    assert (day.shift, day.by_group[Group.EXECUTE], day.ended_us) == ("day", 30.0, 40 * S)
    assert (night.shift, night.by_group[Group.EXECUTE], night.by_group[Group.HELD]) == ("night", 10.0, 10.0)
    assert (day.pieces_until_us, night.pieces_until_us) == (40 * S, None)


@pytest.mark.parametrize("reason", [None, LOST])
def test_a_night_without_the_line_lies_between_two_shifts_of_one_name(reason) -> None:
    morning_s = 100 + BREAK_S
    monday, tuesday = shifts(
        ("execute", None, 0, "day"), ("stopped", reason, 100, "day"), ("execute", None, morning_s, "day"), now_s=20_000
    )
    assert (monday.ended_us, tuesday.began_us) == (100 * S, morning_s * S)
    assert monday.by_group[Group.STOPPED] == tuesday.by_group[Group.STOPPED] == 0.0


def test_a_pause_of_the_line_is_seen_but_not_planned() -> None:
    [worked] = shifts(
        ("execute", None, 0, "day"), ("stopped", None, 100, "day"), ("execute", None, 160, "day"), now_s=200
    )
    assert (worked.by_group[Group.STOPPED], worked.planned_s) == (60.0, 140.0)
    assert worked.stoppages == []


def test_the_stop_that_a_shift_ends_with_is_no_part_of_it() -> None:
    [worked] = shifts(("execute", None, 0, "day"), ("stopped", None, 100, "day"), now_s=3000)
    assert worked.ended_us == 100 * S
    assert shifts(("stopped", None, 0, "day"), now_s=10) == []


def test_time_lost_by_a_killed_line_counts_against_it() -> None:
    [worked] = shifts(
        ("execute", None, 0, "day"), ("stopped", LOST, 100, "day"), ("execute", None, 160, "day"), now_s=200
    )
    assert worked.planned_s == 200.0
    [stoppage] = worked.stoppages
    assert (stoppage.state, stoppage.reason, stoppage.seconds) == (Group.STOPPED, LOST, 60.0)


def test_a_line_that_is_gone_and_not_back_yet_is_lost_already() -> None:
    [worked] = shifts(("execute", None, 0, "day"), now_s=200, heard_s=80)
    assert (worked.by_group[Group.EXECUTE], worked.by_group[Group.STOPPED]) == (80.0, 120.0)
    [held] = shifts(("held", "jam", 0, "day"), now_s=200, heard_s=80)
    assert held.by_group[Group.HELD] == 200.0


def test_stoppages_are_summed_by_reason_the_costliest_first() -> None:
    [worked] = shifts(
        ("held", "jam", 0, "day"),
        ("execute", None, 10, "day"),
        ("suspended", "no-blanks", 20, "day"),
        ("idle", None, 100, "day"),
        ("held", "jam", 200, "day"),
        now_s=230,
    )
    assert [(each.state, each.reason, each.times, each.seconds, each.longest_s) for each in worked.stoppages] == [
        (Group.SUSPENDED, "no-blanks", 1, 80.0, 80.0),
        (Group.HELD, "jam", 2, 40.0, 30.0),
    ]
