"""A job's identity and its legal moves."""

import pickle
from itertools import product

import pytest

from devices.errors import IllegalMoveError
from devices.jobs import (
    DRAWN,
    JOB_MOVES,
    MACHINE_MOVES,
    RESULTS,
    JobState,
    MachineJobState,
    advance,
    advance_machine,
    job_id,
)


def test_the_same_attempt_always_has_the_same_id_and_no_other_has_it() -> None:
    attempts = list(product(("c", "cc"), ("1", "11"), ("passport", "1passport"), (1, 2, 11)))
    assert len({job_id(*attempt) for attempt in attempts}) == len(attempts)
    assert job_id("c", "1", "passport", 1) == job_id("c", "1", "passport", 1)


def test_parts_that_run_together_still_differ() -> None:
    assert job_id("a", "bc", "p", 1) != job_id("ab", "c", "p", 1)


def test_every_state_has_its_moves_and_every_other_move_is_refused() -> None:
    assert set(JOB_MOVES) == set(JobState)
    for state, wanted in product(JobState, JobState):
        if wanted in JOB_MOVES[state]:
            assert advance("j", state, wanted) is wanted
        else:
            with pytest.raises(IllegalMoveError):
                advance("j", state, wanted)


def test_every_machine_state_has_its_moves_and_every_other_move_is_refused() -> None:
    assert set(MACHINE_MOVES) == set(MachineJobState)
    for state, wanted in product(MachineJobState, MachineJobState):
        if wanted in MACHINE_MOVES[state]:
            assert advance_machine("j", state, wanted) is wanted
        else:
            with pytest.raises(IllegalMoveError):
                advance_machine("j", state, wanted)


def test_no_way_leads_from_an_end_and_none_back_to_a_blank_not_drawn() -> None:
    assert all(not MACHINE_MOVES[state] for state in RESULTS)
    assert {state for state, moves in MACHINE_MOVES.items() if MachineJobState.FEEDING in moves} == {
        MachineJobState.ABSENT
    }
    assert not any(MachineJobState.ABSENT in moves for moves in MACHINE_MOVES.values())
    assert not any(JobState.INTENT in moves for moves in JOB_MOVES.values())


def test_a_marked_piece_is_never_returned_as_unmarked() -> None:
    before_return = {state for state, moves in MACHINE_MOVES.items() if MachineJobState.RETURNING in moves}
    assert before_return == DRAWN


def test_refusals_keep_their_facts_when_pickled() -> None:
    refusal = pickle.loads(pickle.dumps(IllegalMoveError("j", "FED", "RELEASED")))
    assert (refusal.job_id, refusal.state, refusal.wanted) == ("j", "FED", "RELEASED")
    assert "FED" in str(refusal)
