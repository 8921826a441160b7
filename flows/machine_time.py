"""The shifts that a machine worked, put together from its periods. Pure: no clock is read.

A shift has a name and no recorded ends, so it lasts on a machine from its first period until its name changes or the
machine stands stopped for `BREAK_S`. A stop that such a shift ends with by the line's own end is no part of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Final, NamedTuple

from devices.oee import GROUP, HOSTED, LOST, US_PER_S, Group, TimeInState, time_in_state
from devices.packml import MachineState

BREAK_S: Final = 4 * 3600
"""A machine that stood stopped for so long was not wanted: what follows is another shift, whatever its name."""


class Period(NamedTuple):
    """What a machine did from `began_us` up to `ended_us`, both UTC."""

    state: MachineState
    reason: str | None
    began_us: int
    ended_us: int
    shift: str
    emulated: bool

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return (self.ended_us - self.began_us) / US_PER_S

    @property
    def let_go(self) -> bool:
        """Whether the line had let go of the machine, by its own end: a stop for no reason of the machine's."""
        return self.state is MachineState.STOPPED and self.reason is None

    @property
    def separates(self) -> bool:
        """Whether it lies between two shifts rather than in one."""
        return self.state is MachineState.STOPPED and self.seconds >= BREAK_S

    def within(self, from_us: int, to_us: int) -> "Period | None":
        """What of it lies between two times; None if nothing does."""
        began_us, ended_us = max(self.began_us, from_us), min(self.ended_us, to_us)
        return self._replace(began_us=began_us, ended_us=ended_us) if began_us < ended_us else None


@dataclass(frozen=True, slots=True)
class Stoppage:
    """What kept a machine from work for one reason: how often, and seconds in all and at the longest."""

    state: Group
    reason: str
    times: int
    seconds: float
    longest_s: float


@dataclass(frozen=True, slots=True)
class Worked:
    """A shift on one machine, in periods that follow each other.

    Pieces booked until `pieces_until_us`, when the machine's next shift begins, are this one's; None: until now.
    """

    machine: str
    periods: tuple[Period, ...]
    pieces_until_us: int | None

    @property
    def shift(self) -> str:
        """The name of the shift."""
        return self.periods[0].shift

    @property
    def began_us(self) -> int:
        """When its first period began."""
        return self.periods[0].began_us

    @property
    def ended_us(self) -> int:
        """When its last period ended, or now."""
        return self.periods[-1].ended_us

    @property
    def emulated(self) -> bool:
        """Whether anything of it was."""
        return any(period.emulated for period in self.periods)

    @property
    def spent(self) -> TimeInState:
        """Seconds by state; together, its span."""
        return time_in_state(((each.state, each.began_us) for each in self.periods), self.began_us, self.ended_us)

    @property
    def by_group(self) -> Mapping[Group, float]:
        """Seconds by group, every group; together, its span."""
        seconds = dict.fromkeys(Group, 0.0)
        for period in self.periods:
            seconds[GROUP[period.state]] += period.seconds
        return seconds

    @property
    def planned_s(self) -> float:
        """Seconds that the machine was wanted: its span without the time that the line had let go of it."""
        return sum(period.seconds for period in self.periods if not period.let_go)

    @property
    def stoppages(self) -> list[Stoppage]:
        """What kept the machine from work, the reason that cost most first; waiting for orders is none."""
        lengths: dict[tuple[Group, str], list[float]] = {}
        for period in self.periods:
            group = GROUP[period.state]
            if group not in (Group.EXECUTE, Group.IDLE) and not period.let_go:
                lengths.setdefault((group, period.reason or period.state), []).append(period.seconds)
        found = [Stoppage(*why, len(each), sum(each), max(each)) for why, each in lengths.items()]
        return sorted(found, key=lambda stoppage: -stoppage.seconds)


def periods_of(rows: Sequence[Mapping[str, Any]], now_us: int, heard_us: int | None) -> list[Period]:
    """The periods of one machine from its rows of `machine_period`, oldest first; the last one lasts until `now_us`.

    `heard_us`: when the machine's host was last heard of, if it is gone. What it left the machine at is not counted
    after that: as the next run will record it, the machine is stopped for the reason `LOST`.
    """
    changes = list(rows)
    if changes and heard_us is not None and GROUP[MachineState(changes[-1]["state"])] in HOSTED:
        lost_us = max(heard_us, changes[-1]["began_us"])
        changes.append({**changes[-1], "state": MachineState.STOPPED, "reason": LOST, "began_us": lost_us})
    ends_us = [row["began_us"] for row in changes[1:]]
    ends_us += [max(now_us, row["began_us"]) for row in changes[-1:]]
    return [
        Period(
            MachineState(row["state"]), row["reason"], row["began_us"], ended_us, row["shift"], bool(row["emulated"])
        )
        for row, ended_us in zip(changes, ends_us, strict=True)
    ]


def shifts_of(machine: str, periods: Iterable[Period]) -> list[Worked]:
    """The shifts that `machine` worked, oldest first, from all its periods."""
    shifts: list[list[Period]] = []
    open_shift: list[Period] = []
    for period in periods:
        if period.separates:
            open_shift = []
            continue
        if not open_shift or open_shift[-1].shift != period.shift:
            open_shift = []
            shifts.append(open_shift)
        open_shift.append(period)
    worked = [kept for each in shifts if (kept := _without_end(each))]
    return [
        Worked(machine, kept, later[0].began_us if later else None) for kept, later in zip_longest(worked, worked[1:])
    ]


def _without_end(shift: list[Period]) -> tuple[Period, ...]:
    end = len(shift)
    while end and shift[end - 1].let_go:
        end -= 1
    return tuple(shift[:end])
