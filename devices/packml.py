"""A machine's states and commands after PackML (ISA-TR88.00.02), as one table.

The edition of 2022, but with the nine commands of 2015: the tenth, Complete, is left out, and as in 2015 Execute ends
in Completing by itself when the order is made.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from devices.errors import IllegalCommandError


class MachineState(StrEnum):
    """What a machine is doing, in the order of the standard's state numbers, 1 to 17.

    HELD has an inside cause, such as a jam; SUSPENDED an outside cause, such as no blanks.
    """

    CLEARING = "clearing"
    STOPPED = "stopped"
    STARTING = "starting"
    IDLE = "idle"
    SUSPENDED = "suspended"
    EXECUTE = "execute"
    STOPPING = "stopping"
    ABORTING = "aborting"
    ABORTED = "aborted"
    HOLDING = "holding"
    HELD = "held"
    UNHOLDING = "unholding"
    SUSPENDING = "suspending"
    UNSUSPENDING = "unsuspending"
    RESETTING = "resetting"
    COMPLETING = "completing"
    COMPLETED = "completed"


class Command(StrEnum):
    """What a machine can be told, in the order of the standard's command numbers, 1 to 9."""

    RESET = "reset"
    START = "start"
    STOP = "stop"
    HOLD = "hold"
    UNHOLD = "unhold"
    SUSPEND = "suspend"
    UNSUSPEND = "unsuspend"
    ABORT = "abort"
    CLEAR = "clear"


class Moves(NamedTuple):
    """Where each legal command leads, and where the state itself leads once complete (SC); a waiting state: None."""

    commands: Mapping[Command, MachineState]
    complete: MachineState | None = None


_ABORT = {Command.ABORT: MachineState.ABORTING}
_STOP = {Command.STOP: MachineState.STOPPING} | _ABORT
_HOLD = {Command.HOLD: MachineState.HOLDING} | _STOP

MOVES: Mapping[MachineState, Moves] = {
    MachineState.CLEARING: Moves(_ABORT, MachineState.STOPPED),
    MachineState.STOPPED: Moves({Command.RESET: MachineState.RESETTING} | _ABORT),
    MachineState.STARTING: Moves(_STOP, MachineState.EXECUTE),
    MachineState.IDLE: Moves({Command.START: MachineState.STARTING} | _STOP),
    MachineState.SUSPENDED: Moves({Command.UNSUSPEND: MachineState.UNSUSPENDING} | _HOLD),
    MachineState.EXECUTE: Moves({Command.SUSPEND: MachineState.SUSPENDING} | _HOLD, MachineState.COMPLETING),
    MachineState.STOPPING: Moves(_ABORT, MachineState.STOPPED),
    MachineState.ABORTING: Moves({}, MachineState.ABORTED),
    MachineState.ABORTED: Moves({Command.CLEAR: MachineState.CLEARING}),
    MachineState.HOLDING: Moves(_STOP, MachineState.HELD),
    MachineState.HELD: Moves({Command.UNHOLD: MachineState.UNHOLDING} | _STOP),
    MachineState.UNHOLDING: Moves(_STOP, MachineState.EXECUTE),
    MachineState.SUSPENDING: Moves(_STOP, MachineState.SUSPENDED),
    MachineState.UNSUSPENDING: Moves(_STOP, MachineState.EXECUTE),
    MachineState.RESETTING: Moves(_STOP, MachineState.IDLE),
    MachineState.COMPLETING: Moves(_STOP, MachineState.COMPLETED),
    MachineState.COMPLETED: Moves({Command.RESET: MachineState.RESETTING} | _STOP),
}


def obey(machine: str, state: MachineState, command: Command) -> MachineState:
    """The state that follows when `machine` is given `command`; raises IllegalCommandError where it is not legal.

    >>> obey("book-01", MachineState.EXECUTE, Command.HOLD).value
    'holding'
    """
    commands = MOVES[state].commands
    if command not in commands:
        raise IllegalCommandError(machine, command, state, tuple(commands))
    return commands[command]


def complete(machine: str, state: MachineState) -> MachineState:
    """The state that follows when an acting state is complete; raises IllegalCommandError in a waiting state.

    >>> complete("book-01", MachineState.HOLDING).value
    'held'
    """
    commands, following = MOVES[state]
    if following is None:
        raise IllegalCommandError(machine, "complete", state, tuple(commands))
    return following
