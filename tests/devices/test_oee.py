"""Time in state adds up, and OEE stays between 0 and 1."""

import pickle
from collections import Counter
from dataclasses import astuple
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.book_personalizer.emulator import PACE as BOOK
from devices.card_personalizer.emulator import PACE as CARD
from devices.errors import BackInTimeError, ImpossibleFigureError
from devices.oee import GROUP, HOSTED, IDEAL_CYCLE_S, Group, Oee, oee, time_in_state
from devices.packml import MachineState

S = 1_000_000
DAY_US = 86_400 * S
STARTED_US = 1_790_000_000 * S

MOMENTS = st.integers(STARTED_US - DAY_US, STARTED_US + DAY_US)
CHANGES = st.lists(st.tuples(st.sampled_from(MachineState), MOMENTS), max_size=12).map(
    lambda changes: sorted(changes, key=lambda change: change[1])
)
SECONDS = st.floats(0, 1e9)
COUNTS = st.integers(0, 10**9).flatmap(lambda total: st.tuples(st.just(total), st.integers(0, total)))


def spent_us(changes, from_us, until_us) -> Counter[MachineState | None]:
    return Counter({state: round(s * S) for state, s in time_in_state(changes, from_us, until_us).items()})


@given(CHANGES, MOMENTS, MOMENTS)
def test_time_in_state_sums_to_the_length_of_any_interval(changes, one, other) -> None:
    from_us, until_us = sorted((one, other))
    spent = spent_us(changes, from_us, until_us)
    assert sum(spent.values()) == until_us - from_us
    assert all(us > 0 for us in spent.values())


@given(CHANGES, st.lists(MOMENTS, min_size=3, max_size=3).map(sorted))
def test_two_adjoining_intervals_count_every_microsecond_once(changes, moments) -> None:
    first, middle, last = moments
    halves = spent_us(changes, first, middle) + spent_us(changes, middle, last)
    assert spent_us(changes, first, last) == halves


def test_time_is_clipped_to_the_interval_and_a_state_entered_twice_counts_twice() -> None:
    changes = [("idle", 0), ("execute", 10 * S), ("held", 20 * S), ("execute", 25 * S), ("stopped", 90 * S)]
    assert time_in_state(changes, 5 * S, 30 * S) == {
        MachineState.IDLE: 5.0,
        MachineState.EXECUTE: 15.0,
        MachineState.HELD: 5.0,
    }


def test_a_change_at_the_start_counts_and_one_at_the_end_does_not() -> None:
    assert time_in_state([("idle", 0), ("execute", S), ("held", 2 * S)], S, 2 * S) == {MachineState.EXECUTE: 1.0}
    assert time_in_state([("idle", 0)], S, S) == {}


def test_before_the_first_change_the_state_is_unknown() -> None:
    assert time_in_state([("idle", 3 * S)], 0, 4 * S) == {None: 3.0, MachineState.IDLE: 1.0}
    assert time_in_state([], 0, S) == {None: 1.0}


def test_changes_read_back_as_text_are_states_again() -> None:
    [state] = time_in_state([("held", 0)], 0, S)
    assert state is MachineState.HELD
    with pytest.raises(ValueError, match="jammed"):
        time_in_state([("jammed", 0)], 0, S)


@pytest.mark.parametrize(
    ("changes", "from_us", "until_us"),
    [([("idle", 5), ("execute", 4)], 0, 9), ([("idle", 5), ("execute", 4)], 7, 9), ([], 1, 0)],
)
def test_what_goes_back_in_time_is_refused_inside_the_interval_and_outside(changes, from_us, until_us) -> None:
    with pytest.raises(BackInTimeError, match="the oldest first"):
        time_in_state(changes, from_us, until_us)


def test_changes_in_the_same_microsecond_are_no_step_back() -> None:
    assert time_in_state([("idle", 0), ("starting", 0), ("execute", 0)], 0, S) == {MachineState.EXECUTE: 1.0}


@given(SECONDS, SECONDS, st.floats(0, 1e9, exclude_min=True), COUNTS)
def test_oee_and_its_factors_lie_between_0_and_1(executing_s, planned_s, ideal_cycle_s, counts) -> None:
    found = oee({MachineState.EXECUTE: executing_s}, planned_s, ideal_cycle_s, *counts)
    assert (found is None) == (planned_s == 0)
    assert found is None or all(0 <= figure <= 1 for figure in (*astuple(found), found.index))


def test_only_time_in_execute_is_production() -> None:
    spent = dict.fromkeys([*MachineState, None], 100.0)
    assert oee(spent, 200.0, 10.0, total=8, good=6) == Oee(0.5, 0.8, 0.75)
    assert Oee(0.5, 0.8, 0.75).index == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("executing_s", "planned_s", "total", "good", "expected"),
    [
        (0.0, 0.0, 0, 0, None),
        (60.0, 0.0, 4, 4, None),
        (0.0, 60.0, 0, 0, Oee(0.0, 0.0, 0.0)),
        (0.0, 60.0, 1, 1, Oee(0.0, 0.0, 1.0)),
        (60.0, 60.0, 0, 0, Oee(1.0, 0.0, 0.0)),
        (60.0, 60.0, 4, 0, Oee(1.0, 1.0, 0.0)),
    ],
)
def test_no_planned_time_has_no_oee_and_every_other_zero_is_a_factor_of_0(
    executing_s, planned_s, total, good, expected
) -> None:
    assert oee({MachineState.EXECUTE: executing_s}, planned_s, 15.0, total, good) == expected


def test_work_beyond_the_plan_or_faster_than_ideal_counts_as_1() -> None:
    assert oee({MachineState.EXECUTE: 120.0}, 60.0, 15.0, total=9, good=9) == Oee(1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("executing_s", "planned_s", "ideal_cycle_s", "total", "good"),
    [
        (-1.0, 60.0, 15.0, 1, 1),
        (nan, 60.0, 15.0, 1, 1),
        (60.0, -1.0, 15.0, 1, 1),
        (60.0, inf, 15.0, 1, 1),
        (60.0, 60.0, 0.0, 1, 1),
        (60.0, 60.0, nan, 1, 1),
        (60.0, 60.0, 15.0, -1, -1),
        (60.0, 60.0, 15.0, 1, -1),
        (60.0, 0.0, 15.0, 1, 2),
    ],
)
def test_an_impossible_figure_is_refused(executing_s, planned_s, ideal_cycle_s, total, good) -> None:
    with pytest.raises(ImpossibleFigureError, match="possible is"):
        oee({MachineState.EXECUTE: executing_s}, planned_s, ideal_cycle_s, total, good)


@pytest.mark.parametrize("error", [BackInTimeError("held", 4, 5), ImpossibleFigureError("good pieces", 3, "0 to 2")])
def test_refusals_survive_pickling(error) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), vars(copy)) == (str(error), vars(error))


def test_every_state_is_reported_in_a_group_and_only_execute_as_work() -> None:
    assert set(GROUP) == set(MachineState)
    assert set(GROUP.values()) == set(Group)
    assert [state for state, group in GROUP.items() if group is Group.EXECUTE] == [MachineState.EXECUTE]
    assert Group.EXECUTE in HOSTED


def test_the_usual_ideal_cycle_is_the_pace_of_the_machine_without_the_draw() -> None:
    paces = {"book-personalizer": BOOK, "card-personalizer": CARD}
    assert {driver: pace.chip_s + pace.print_s + pace.eject_s for driver, pace in paces.items()} == IDEAL_CYCLE_S


def test_without_an_ideal_cycle_only_effectiveness_and_the_index_are_unknown() -> None:
    found = oee({MachineState.EXECUTE: 30.0}, 60.0, None, total=4, good=3)
    assert found == Oee(0.5, None, 0.75)
    assert found.index is None


def test_specimens_lower_quality_and_leave_effectiveness_as_it_is() -> None:
    """Nobody can be given one, and it was made in no production time."""
    spent = {MachineState.EXECUTE: 30.0}
    without, found = (oee(spent, 60.0, 5.0, total=4, good=3, specimens=made) for made in (0, 2))
    assert without == Oee(0.5, 20 / 30, 0.75)
    assert found == Oee(0.5, 20 / 30, 0.5)
    with pytest.raises(ImpossibleFigureError, match="specimens"):
        oee(spent, 60.0, 5.0, total=4, good=3, specimens=-1)
