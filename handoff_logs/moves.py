"""The legal moves as data: which act takes a unit from which state to which.

The migrations write the same moves into `custody_move`, where the database's own trigger reads them; a test holds the
two equal.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from handoff_logs.records import Act, Outcome, State

VOID_DESTINATIONS = frozenset({"vault"})
"""Stations a defaced unit may be offered to: it moves only towards its destruction."""

NOT_BORN = "none"
"""What stands for the state before a unit's first step."""


@dataclass(frozen=True)
class Turn:
    """What one act does to a unit, by the state it finds it in."""

    act: Act
    to: Mapping[str, State]


OFFERING = Turn(Act.OFFER, {State.HELD: State.OFFERED, State.VOID: State.VOID_OFFERED})
ACCEPTING = Turn(Act.ACCEPT, {State.OFFERED: State.HELD, State.VOID_OFFERED: State.VOID})
ACCEPTING_OUTSIDE = Turn(Act.ACCEPT, {State.OFFERED: State.OUTSIDE})
REFUSING = Turn(Act.REFUSE, {State.OFFERED: State.REFUSED, State.VOID_OFFERED: State.VOID_REFUSED})
MISSING = Turn(Act.REFUSE, {State.OFFERED: State.MISSING, State.VOID_OFFERED: State.VOID_MISSING})
WITHDRAWING = Turn(Act.WITHDRAW, {State.OFFERED: State.HELD, State.VOID_OFFERED: State.VOID})
TAKING_BACK = Turn(Act.TAKE_BACK, {State.REFUSED: State.HELD, State.VOID_REFUSED: State.VOID})
TAKING_BACK_MISSING = Turn(Act.TAKE_BACK, {State.REFUSED: State.MISSING, State.VOID_REFUSED: State.VOID_MISSING})
RETURNING = Turn(Act.RECEIVE, {State.OUTSIDE: State.HELD})
MOVING = Turn(Act.MOVE, {State.HELD: State.HELD, State.VOID: State.VOID, State.DOUBT: State.DOUBT})
DOUBTING = Turn(Act.MOVE, {State.HELD: State.DOUBT})
SPLITTING = Turn(Act.SPLIT, {State.HELD: State.HELD, State.VOID: State.VOID})
MERGING = Turn(Act.MERGE, {State.HELD: State.HELD, State.VOID: State.VOID})
CONSUMING = Turn(Act.TRANSFORM, {State.HELD: State.ENDED})
PACKING = Turn(Act.PACK, {State.HELD: State.PACKED})
OPENING = Turn(Act.UNPACK, {State.HELD: State.ENDED})
UNPACKING = Turn(Act.UNPACK, {State.PACKED: State.HELD})
VOIDING = Turn(Act.VOID, {State.HELD: State.VOID, State.DOUBT: State.VOID})
DESTROYING = Turn(Act.DESTROY, {State.VOID: State.ENDED})
DISPATCHING = Turn(Act.DISPATCH, {State.HELD: State.OUTSIDE})

_FOUND: Mapping[str, State] = {State.MISSING: State.HELD, State.VOID_MISSING: State.VOID}
SETTLING: Mapping[Outcome, Turn] = {
    Outcome.FOUND_AT_SENDER: Turn(Act.SETTLE, _FOUND),
    Outcome.FOUND_AT_RECEIVER: Turn(Act.SETTLE, _FOUND),
    # Found where nobody answers for it: it stays quarantined with its finder until it is looked at.
    Outcome.FOUND_ELSEWHERE: Turn(Act.SETTLE, {State.MISSING: State.DOUBT, State.VOID_MISSING: State.VOID}),
    Outcome.LOST: Turn(
        Act.SETTLE,
        {
            State.MISSING: State.ENDED,
            State.VOID_MISSING: State.ENDED,
            State.DOUBT: State.ENDED,
            State.OUTSIDE: State.ENDED,
            # With the parcel that it is in.
            State.PACKED: State.ENDED,
        },
    ),
    Outcome.MADE_GOOD: Turn(Act.SETTLE, {State.DOUBT: State.HELD}),
    Outcome.UNMARKED: Turn(Act.SETTLE, {State.DOUBT: State.HELD}),
    Outcome.MADE_BAD: Turn(Act.SETTLE, {State.DOUBT: State.VOID}),
    Outcome.DELIVERED: Turn(Act.SETTLE, {State.OUTSIDE: State.ENDED, State.PACKED: State.ENDED}),
}

TURNS = (
    OFFERING,
    ACCEPTING,
    ACCEPTING_OUTSIDE,
    REFUSING,
    MISSING,
    WITHDRAWING,
    TAKING_BACK,
    TAKING_BACK_MISSING,
    RETURNING,
    MOVING,
    DOUBTING,
    SPLITTING,
    MERGING,
    CONSUMING,
    PACKING,
    OPENING,
    UNPACKING,
    VOIDING,
    DESTROYING,
    DISPATCHING,
    *SETTLING.values(),
)
BIRTHS = frozenset({Act.RECEIVE, Act.TRANSFORM, Act.PACK, Act.VOID, Act.SETTLE})
"""Acts that bring new units into the log, always as `held`."""

LEGAL_MOVES: frozenset[tuple[str, str, str]] = frozenset(
    {(turn.act.value, str(before), after.value) for turn in TURNS for before, after in turn.to.items()}
    | {(act.value, NOT_BORN, State.HELD.value) for act in BIRTHS}
)
"""Every legal (act, state before, state after)."""
