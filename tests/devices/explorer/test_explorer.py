"""The job protocol holds in every interleaving within the bounds, weaker designs fail, and the model is the code's."""

from functools import cache

import pytest

from devices.jobs import JOB_MOVES, MACHINE_MOVES, JobState, MachineJobState
from devices.messages import CODES, Fenced
from tests.devices.explorer.design import Bounds, Design
from tests.devices.explorer.scenarios import GROWTHS, LARGE, WEAKER, Weaker
from tests.devices.explorer.search import Found, Rule, SearchCutShortError, search

MESSAGE_NAMES = {
    "Claim": "CLAIM",
    "Feed": "FEED",
    "Prepare": "PREPARE",
    "Start": "START",
    "ReturnBlank": "RETURN",
    "Void": "VOID",
    "Release": "RELEASE",
}

# The model takes one step for: the line after FEEDING was lost with the power, then FEEDING became UNKNOWN.
LINES_LOST = {("FED", "UNKNOWN"), ("PREPARED", "UNKNOWN")}


@cache
def grown(name: str) -> Found:
    """The search of one growth, made once for all tests of this module."""
    return search(Design(), GROWTHS[name])


@pytest.mark.parametrize("name", GROWTHS)
def test_chosen_protocol_holds_in_every_interleaving(name: str) -> None:
    """Every state within the bounds was seen, none breaks a rule, and a settled one can be reached from each."""
    found = grown(name)
    print(found)
    assert found.violation is None, str(found)


@pytest.mark.parametrize("weaker", WEAKER, ids=lambda weaker: weaker.name)
def test_weaker_design_fails(weaker: Weaker) -> None:
    """Each design that was turned down breaks the rule that it was turned down for."""
    found = search(weaker.design, weaker.bounds, rule=weaker.rule)
    print(found)
    assert found.violation is not None, str(found)
    assert found.violation.rule is weaker.rule
    assert found.violation.trace


@pytest.mark.parametrize(("bounds", "rule"), sorted({(w.bounds, w.rule) for w in WEAKER}, key=str), ids=str)
def test_chosen_protocol_holds_within_the_bounds_of_the_weaker_designs(bounds: Bounds, rule: Rule) -> None:
    """It is the design that makes the difference, not the bounds."""
    found = search(Design(), bounds, rule=rule)
    assert found.violation is None, str(found)


@pytest.mark.parametrize("bounds", [*GROWTHS.values(), *LARGE.values()], ids=str)
def test_bounds_leave_enough_opens_to_finish_after_every_accident(bounds: Bounds) -> None:
    """Else a state would be stuck for want of an open, not because of the protocol."""
    assert bounds.opens >= bounds.opens_needed


def test_search_that_is_cut_short_fails() -> None:
    """A search that did not see every state proves nothing and says so, with its bounds."""
    with pytest.raises(SearchCutShortError, match=r"cut short after .* hosts=2"):
        search(Design(), Bounds(hosts=2, opens=3), max_states=100)


def test_bounds_are_printed_with_the_result() -> None:
    """What was not searched can be told from what is printed."""
    printed = str(search(Design(), Bounds(opens=1)))
    assert "opens=1" in printed and "states" in printed and "chosen protocol" in printed


def test_model_moves_a_job_as_the_host_does() -> None:
    """The moves that occurred are the legal moves of devices.jobs, no more and no fewer."""
    occurred = {move for name in GROWTHS for move in grown(name).job_moves if move[0]}
    assert occurred == {(before.name, after.name) for before, to in JOB_MOVES.items() for after in to}
    assert {state for move in occurred for state in move} == set(JobState.__members__)


def test_model_moves_a_job_as_a_machine_does() -> None:
    """The moves that occurred are the legal moves of devices.jobs, no more and no fewer."""
    occurred = {move for name in GROWTHS for move in grown(name).machine_moves}
    assert occurred - LINES_LOST == {(before.name, after.name) for before, to in MACHINE_MOVES.items() for after in to}
    assert set(MachineJobState.__members__) == {state for move in occurred for state in move}


def test_model_sends_the_messages_that_carry_a_fence() -> None:
    """Whatever can move a blank or change a job is in the model, and carries the fence in the code."""
    fenced = {code.__name__ for code in CODES.values() if issubclass(code, Fenced)} - {"Claimed"}  # the answer to Claim
    assert {MESSAGE_NAMES[name] for name in fenced} == {name for growth in GROWTHS for name in grown(growth).messages}
