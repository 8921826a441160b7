"""Numbers of faces, and what a look at the shower is taken to mean: every state there is, decided and never guessed."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from devices.roles import Door, Position, ShowerFault, ShowerPhase, ShowerState
from stations.gate.rules import SETTLED, Act, Direction, Found, Outcome, code_of, credential_of, decide
from stations.people import emulated_roster
from stations.shift.rules import EMULATED_LEADS

CODES = st.from_regex(r"\A[a-df-z]-[0-9]{4,8}\Z")
LAST = (1 << 32) - 1
BEFORE = Position(7, 4)


@given(CODES, CODES)
def test_every_code_has_a_number_of_its_own(one: str, other: str) -> None:
    number = credential_of(one)
    assert number is not None and 0 <= number <= LAST
    assert code_of(number) == one
    assert (credential_of(other) == number) == (one == other)


@given(st.integers(0, LAST))
def test_every_number_is_one_codes_or_nobodys(number: int) -> None:
    code = code_of(number)
    assert code is None or credential_of(code) == number


def test_emulated_staff_have_numbers_and_words_that_are_no_code_have_none() -> None:
    codes = [*EMULATED_LEADS, *(code for duty in emulated_roster("day", 50).values() for code in duty.codes)]
    assert [code_of(credential_of(code) or 0) for code in codes] == codes
    assert [credential_of(word) for word in ("", "p-041", "p-123456789", "e-0417", "P-0417", "p-0417 ", "e-xyz-1")] == [
        None
    ] * 7


def every_state() -> list[ShowerState]:
    doors = [frozenset(one) for one in ((), (Door.OUTER,), (Door.INNER,), (Door.OUTER, Door.INNER))]
    counts = [Position(7, number) for number in (3, 4, 5, 6)] + [Position(8, 5)]
    return [
        ShowerState(phase, open_doors, released, occupied, 0, fault, completed)
        for phase, open_doors, released, occupied, fault, completed in product(
            ShowerPhase, doors, doors[:3], (True, False), ShowerFault, counts
        )
    ]


def test_nobody_is_inside_but_by_the_inner_door_after_exactly_one_whole_cycle() -> None:
    for state, second in product(every_state(), (True, False)):
        move = decide(Direction.IN, BEFORE, state, second=second, quiet_s=0.0)
        if move.outcome is Outcome.ENTERED or move.door is Door.INNER:
            assert state.completed == Position(7, 5) and state.phase is ShowerPhase.CLEAN, state
            assert not state.open_doors and not state.released_doors
        if move.outcome is Outcome.ENTERED:
            assert second and not state.occupied
        if move.act is Act.RELEASE and move.door is Door.INNER:
            assert second, "the second door is released only after that was committed"


def test_whoever_leaves_has_left_by_the_outer_door_alone() -> None:
    for state, second in product(every_state(), (True, False)):
        move = decide(Direction.OUT, BEFORE, state, second=second, quiet_s=0.0)
        if move.outcome is Outcome.LEFT:
            assert second and not state.occupied and state.phase is ShowerPhase.SOILED and state.completed == BEFORE
        if move.act is Act.RELEASE:
            assert second and move.door is Door.OUTER


def test_a_held_door_a_lost_count_and_a_forced_door_are_unknown() -> None:
    for direction, state, second in product(Direction, every_state(), (True, False)):
        move = decide(direction, BEFORE, state, second=second, quiet_s=0.0)
        lost = state.completed.memory != 7 or state.completed.number < 4
        if lost or state.fault is ShowerFault.DOOR_HELD_OPEN or len(state.open_doors) == 2:
            assert move.act is Act.UNKNOWN and move.why


def test_no_door_is_released_that_the_interlock_forbids() -> None:
    for direction, state, second in product(Direction, every_state(), (True, False)):
        move = decide(direction, BEFORE, state, second=second, quiet_s=60.0)
        if move.act in (Act.RELEASE, Act.SECOND) and move.door is not None:
            assert not state.refuses(move.door), state


def test_two_people_settle_a_passage_as_where_they_found_the_person() -> None:
    assert {outcome for (_, found), outcome in SETTLED.items() if found is Found.INSIDE} == {
        Outcome.ENTERED, Outcome.STAYED,
    }  # fmt: skip
