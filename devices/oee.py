"""How long a machine was in each state, and its overall equipment effectiveness (OEE). Pure: no clock is read."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import inf

from devices.errors import BackInTimeError, ImpossibleFigureError
from devices.packml import MachineState

US_PER_S = 1_000_000

IDEAL_CYCLE_S: Mapping[str, float] = {"book-personalizer": 44.0, "card-personalizer": 34.0}
"""Seconds a document by the driver of the machine: chip, print and eject; the next blank is drawn meanwhile."""


class Group(StrEnum):
    """What a machine's time is reported as; idle is waiting for orders, suspended for anything else outside."""

    EXECUTE = "execute"
    IDLE = "idle"
    SUSPENDED = "suspended"
    HELD = "held"
    STOPPED = "stopped"


GROUP: Mapping[MachineState, Group] = {
    MachineState.EXECUTE: Group.EXECUTE,
    MachineState.IDLE: Group.IDLE,
    MachineState.STARTING: Group.IDLE,
    MachineState.RESETTING: Group.IDLE,
    MachineState.COMPLETING: Group.IDLE,
    MachineState.COMPLETED: Group.IDLE,
    MachineState.SUSPENDED: Group.SUSPENDED,
    MachineState.SUSPENDING: Group.SUSPENDED,
    MachineState.UNSUSPENDING: Group.SUSPENDED,
    MachineState.HELD: Group.HELD,
    MachineState.HOLDING: Group.HELD,
    MachineState.UNHOLDING: Group.HELD,
    MachineState.STOPPED: Group.STOPPED,
    MachineState.STOPPING: Group.STOPPED,
    MachineState.CLEARING: Group.STOPPED,
    MachineState.ABORTING: Group.STOPPED,
    MachineState.ABORTED: Group.STOPPED,
}
"""Every state's group; only EXECUTE itself is production."""

HOSTED = frozenset({Group.EXECUTE, Group.IDLE, Group.SUSPENDED})
"""What a machine can't be said to go on with once its host is gone; one that is held stays held."""
LOST = "lost"
"""Why a machine is stopped whose host was killed: nobody knows what it did from then on."""

TimeInState = Mapping[MachineState | None, float]
"""Seconds by state; None is the time before the first change, when the state is not known."""


def time_in_state(changes: Iterable[tuple[str, int]], from_us: int, until_us: int) -> TimeInState:
    """Seconds in each state from `from_us` up to and without `until_us`; together, the interval's length.

    `changes`: a state, or its text as stored, and the microsecond (UTC) at which it began, oldest first; they may lie
    outside the interval. The last one lasts on, so `until_us` should not lie in the future. States without time are
    left out. Raises BackInTimeError for a change or an end that lies before its predecessor, ValueError for a text that
    names no state.

    >>> spent = time_in_state([("idle", 0), ("execute", 2_000_000)], 1_000_000, 4_500_000)
    >>> spent[MachineState.IDLE], spent[MachineState.EXECUTE]
    (1.0, 2.5)
    """
    if until_us < from_us:
        raise BackInTimeError("the interval's end", until_us, from_us)
    spent_us: Counter[MachineState | None] = Counter()
    state: MachineState | None = None
    counted_us, last_us = from_us, None
    for name, at_us in changes:
        if last_us is not None and at_us < last_us:
            raise BackInTimeError(name, at_us, last_us)
        reached_us = min(max(at_us, from_us), until_us)
        spent_us[state] += reached_us - counted_us
        state, counted_us, last_us = MachineState(name), reached_us, at_us
    spent_us[state] += until_us - counted_us
    return {state: us / US_PER_S for state, us in spent_us.items() if us}


@dataclass(frozen=True, slots=True)
class Oee:
    """Three factors from 0 to 1; a factor whose divisor is zero is 0, and effectiveness without an ideal is None."""

    availability: float
    effectiveness: float | None
    quality: float

    @property
    def index(self) -> float | None:
        """The OEE index, 0 to 1; None without effectiveness."""
        return None if self.effectiveness is None else self.availability * self.effectiveness * self.quality


def oee(
    spent: TimeInState, planned_s: float, ideal_cycle_s: float | None, total: int, good: int, specimens: int = 0
) -> Oee | None:
    """A machine's OEE over the interval of `spent`, such as a shift; None if it was not planned to run at all.

    ISO 22400-2:2014, OEE index = availability x effectiveness (elsewhere 'performance') x quality ratio:

    - availability = actual production time (seconds in EXECUTE) / planned busy time (`planned_s`, seconds, 0 or more);
    - effectiveness = planned run time per item (`ideal_cycle_s`, seconds, above 0; None if there is no such time) x
      produced / actual production time;
    - quality ratio = good / produced quantity (`total`, pieces, 0 or more; `good`, 0 to `total`; and `specimens`, made
      beside them in setting up, which nobody can be given). That is no production time, so that specimens count in
      availability and quality, and not in effectiveness.

    Waiting for blanks, or for the room's air (SUSPENDED), lowers availability as a jam (HELD) does. Work outside the
    planned time, or faster than the ideal cycle, counts as 1 and no more. Raises ImpossibleFigureError for a figure
    outside its range.

    >>> shift = oee({MachineState.EXECUTE: 6 * 3600.0}, 8 * 3600.0, 15.0, total=1080, good=1026)
    >>> shift, round(shift.index, 4)
    (Oee(availability=0.75, effectiveness=0.75, quality=0.95), 0.5344)
    """
    executing_s = spent.get(MachineState.EXECUTE, 0.0)
    cycle_s = 1.0 if ideal_cycle_s is None else ideal_cycle_s
    for figure, value, possible, allowed in (
        ("seconds in execute", executing_s, 0 <= executing_s < inf, "0 or more"),
        ("planned seconds", planned_s, 0 <= planned_s < inf, "0 or more"),
        ("ideal cycle seconds", cycle_s, 0 < cycle_s < inf, "above 0"),
        ("total pieces", total, total >= 0, "0 or more"),
        ("good pieces", good, 0 <= good <= total, f"0 to {total}"),
        ("specimens", specimens, specimens >= 0, "0 or more"),
    ):
        if not possible:
            raise ImpossibleFigureError(figure, value, allowed)
    if not planned_s:
        return None
    return Oee(
        availability=_ratio(executing_s, planned_s),
        effectiveness=None if ideal_cycle_s is None else _ratio(cycle_s * total, executing_s),
        quality=_ratio(good, total + specimens),
    )


def _ratio(part: float, whole: float) -> float:
    return min(part / whole, 1.0) if whole else 0.0
