"""PackML: every state and command against the rows of the standard's diagram."""

import pickle
from itertools import product

import pytest

from devices.errors import DeviceError, IllegalCommandError
from devices.packml import Command, MachineState, complete, obey

# ISA-TR88.00.02-2022, base state model, without the command Complete: where each command leads, and SC.
DIAGRAM = """
STATE        reset     start    stop     hold    unhold    suspend    unsuspend    abort    clear    SC
clearing     -         -        -        -       -         -          -            aborting -        stopped
stopped      resetting -        -        -       -         -          -            aborting -        -
starting     -         -        stopping -       -         -          -            aborting -        execute
idle         -         starting stopping -       -         -          -            aborting -        -
suspended    -         -        stopping holding -         -          unsuspending aborting -        -
execute      -         -        stopping holding -         suspending -            aborting -        completing
stopping     -         -        -        -       -         -          -            aborting -        stopped
aborting     -         -        -        -       -         -          -            -        -        aborted
aborted      -         -        -        -       -         -          -            -        clearing -
holding      -         -        stopping -       -         -          -            aborting -        held
held         -         -        stopping -       unholding -          -            aborting -        -
unholding    -         -        stopping -       -         -          -            aborting -        execute
suspending   -         -        stopping -       -         -          -            aborting -        suspended
unsuspending -         -        stopping -       -         -          -            aborting -        execute
resetting    -         -        stopping -       -         -          -            aborting -        idle
completing   -         -        stopping -       -         -          -            aborting -        completed
completed    resetting -        stopping -       -         -          -            aborting -        -
"""
(_, *COLUMNS), *ROWS = (line.split() for line in DIAGRAM.strip().splitlines())
EXPECTED = {row: dict(zip(COLUMNS, targets, strict=True)) for row, *targets in ROWS}


def after(state: MachineState, command: str) -> str:
    """Where a command, or completion (SC), leads; '-' where it is refused."""
    try:
        return complete("book-01", state) if command == "SC" else obey("book-01", state, Command(command))
    except IllegalCommandError:
        return "-"


def states_that_obey(command: Command) -> set[MachineState]:
    return {state for state in MachineState if after(state, command) != "-"}


def test_the_standards_seventeen_states_and_nine_commands_are_all_there_in_its_order() -> None:
    assert list(MachineState) == list(EXPECTED) and len(MachineState) == 17
    assert [*Command, "SC"] == COLUMNS and len(Command) == 9


@pytest.mark.parametrize(("state", "command"), list(product(MachineState, Command)))
def test_every_command_in_every_state_leads_where_the_diagram_says_or_is_refused(state, command) -> None:
    assert after(state, command) == EXPECTED[state][command]


@pytest.mark.parametrize("state", list(MachineState))
def test_acting_states_end_by_themselves_and_waiting_states_do_not(state) -> None:
    assert after(state, "SC") == EXPECTED[state]["SC"]
    assert (after(state, "SC") != "-") == (state.endswith("ing") or state is MachineState.EXECUTE)


def test_every_state_can_be_reached_from_stopped() -> None:
    reached, new = set(), {MachineState.STOPPED}
    while new:
        reached |= new
        new = {MachineState(to) for at in new for by in COLUMNS if (to := after(at, by)) != "-"} - reached
    assert reached == set(MachineState)


def test_abort_is_possible_from_every_state_but_aborting_and_aborted() -> None:
    assert set(MachineState) - states_that_obey(Command.ABORT) == {MachineState.ABORTING, MachineState.ABORTED}


def test_stop_is_possible_from_every_state_that_is_neither_stopped_nor_aborted_nor_on_the_way() -> None:
    assert set(MachineState) - states_that_obey(Command.STOP) == {
        MachineState.STOPPING,
        MachineState.STOPPED,
        MachineState.ABORTING,
        MachineState.ABORTED,
        MachineState.CLEARING,
    }


def test_a_refusal_says_the_state_and_what_is_legal_now_and_survives_pickling() -> None:
    with pytest.raises(IllegalCommandError) as refused:
        obey("book-01", MachineState.HELD, Command.START)
    copy = pickle.loads(pickle.dumps(refused.value))
    assert isinstance(copy, DeviceError)
    assert (copy.machine, copy.command, copy.state) == ("book-01", Command.START, MachineState.HELD)
    assert str(copy) == "book-01 is held and can't start; nothing changed; legal now: unhold, stop, abort"


def test_a_waiting_state_refuses_to_complete_and_an_aborting_machine_obeys_nothing() -> None:
    with pytest.raises(
        IllegalCommandError, match="is idle and can't complete; nothing changed; legal now: start, stop, abort"
    ):
        complete("book-01", MachineState.IDLE)
    with pytest.raises(IllegalCommandError, match="legal now: no command"):
        obey("book-01", MachineState.ABORTING, Command.STOP)
