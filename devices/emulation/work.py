"""What a personalizer's controller does for its jobs: journal, sync, move, journal.

Entries are appended as acts are begun, stable storage is waited for once before anything moves, and again before a
result is told. FED, PREPARED and releases wait for the next of these: lost in a power loss, each leaves its job in an
earlier state, and from none of those does anything move again after a restart.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass
from typing import Any

from devices.emulation.machine import End, Machine, Marking, Motion
from devices.emulation.memory import Journal
from devices.emulation.world import Stack
from devices.jobs import DRAWN, RESULTS, Cause, Disposition
from devices.jobs import MachineJobState as State
from devices.messages import UNASKED, JournalEntry

IN_MOTION = frozenset({State.FEEDING, State.WORKING, State.RETURNING})
_CAUSES = {
    End.EMPTY: Cause.MISFEED,
    End.DOUBLE_FED: Cause.DOUBLE_FEED,
    End.UNREADABLE: Cause.WRONG_BLANK,
    End.JAMMED: Cause.JAM,
    End.CHIP_FAILED: Cause.CHIP_FAILED,
    End.PRINT_FAILED: Cause.PRINT_FAILED,
}
_LEFT_IN = {End.EMPTY: Disposition.NONE, End.JAMMED: Disposition.IN_PATH}


@dataclass(slots=True)
class Lane:
    """A motion under way, of the feeder or of chip station and printer; `request` (0: none) awaits its end."""

    job_id: str
    request: int
    motion: Motion
    due_s: float


class Work:
    """The jobs of one machine in motion; `on_end` is told a job's entry and the waiting request at its motion's end."""

    def __init__(
        self, journal: Journal, machine: Machine, speed: float, on_end: Callable[[JournalEntry, int], None]
    ) -> None:
        self.speed = speed
        self.jammed = False
        self.feeder: Lane | None = None
        self.worker: Lane | None = None
        self._journal, self._machine, self._on_end = journal, machine, on_end
        self._results_wait = False
        self._come_back()

    def _come_back(self) -> None:
        """After a start nothing is resumed: what was in motion is UNKNOWN, the path is emptied into the reject bin."""
        path = self._machine.stacks[Stack.PATH]
        unsettled = [job for job in self._journal.open_jobs.values() if job.state in IN_MOTION | DRAWN]
        known = {job.blank_serial for job in self._journal.open_jobs.values()}
        # Only a job in FEEDING has no serial yet: the last in the path that is no other job's was drawn for it.
        unclaimed = next((serial for serial in reversed(path) if serial not in known), "")
        for job in unsettled:
            serial = job.blank_serial or unclaimed
            where = Disposition.REJECT_BIN if serial in path else Disposition.UNKNOWN
            facts = {"blank_serial": serial, "disposition": where, "cause": Cause.RESTART}
            if self._journal.damaged:
                self._journal.doubt(job, **facts)
            else:
                state = State.UNKNOWN if job.state in IN_MOTION else State.FAILED
                self._journal.enter(job.job_id, state, **facts)
        self._journal.sync()
        self._machine.purge()

    def any_job(self, states: Set[State]) -> bool:
        """Whether an open job is in one of `states`."""
        return any(job.state in states for job in self._journal.open_jobs.values())

    @property
    def next_deadline_s(self) -> float | None:
        """When a motion goes on or ends."""
        return min((lane.due_s for lane in (self.worker, self.feeder) if lane is not None), default=None)

    # Acts, each checked by the caller.

    def feed(self, job_id: str, request: int, now_s: float) -> None:
        """Draw a blank for a new job."""
        self._journal.enter(job_id, State.FEEDING)
        self.feeder = Lane(job_id, request, self._machine.feed(), now_s)

    def give_back(self, job_id: str, request: int, now_s: float) -> None:
        """Eject a job's unmarked blank to the hold stack."""
        self._journal.enter(job_id, State.RETURNING)
        self.feeder = Lane(job_id, request, self._machine.give_back(), now_s)

    def make(self, job_id: str, marking: Marking, now_s: float) -> None:
        """Begin to make a prepared job; the journal says so before anything moves."""
        self._journal.enter(job_id, State.WORKING, step=1)
        self.worker = Lane(job_id, UNASKED, self._machine.make(marking), now_s)

    def void(self, job_id: str) -> JournalEntry:
        """Write a tombstone for a job that was never begun."""
        self._results_wait = True
        return self._journal.enter(job_id, State.VOIDED)

    def forget_requests(self) -> None:
        """Nobody waits for the motions under way any more."""
        for lane in (self.feeder, self.worker):
            if lane is not None:
                lane.request = UNASKED

    def clear(self) -> list[str]:
        """A person empties the jammed path into the reject bin; jobs in it have failed. Returns the serials."""
        if not self.jammed:
            return []
        self.feeder = self.worker = None
        for job in list(self._journal.open_jobs.values()):
            if job.state in IN_MOTION | DRAWN:
                serial = job.blank_serial or self._machine.drawn or ""
                facts = {"blank_serial": serial, "disposition": Disposition.REJECT_BIN, "cause": Cause.JAM}
                self._on_end(self._journal.enter(job.job_id, State.FAILED, **facts), UNASKED)
        self._journal.sync()
        self.jammed = False
        return self._machine.purge()

    # The clock.

    def move(self, now_s: float) -> None:
        """Let everything due move, the worker first: it makes room for the feeder. Results are durable after."""
        if self.worker is not None and (end := self._advance(self.worker, now_s)) is not None:
            lane, self.worker = self.worker, None
            self._ended(lane, end)
        if self.feeder is not None and (end := self._advance(self.feeder, now_s)) is not None:
            lane, self.feeder = self.feeder, None
            self._ended(lane, end)
        if self._results_wait:
            self._journal.sync()
            self._results_wait = False

    def _advance(self, lane: Lane, now_s: float) -> End | None:
        while lane.due_s <= now_s:
            # Every entry that leads to this motion is on stable storage before it begins or goes on.
            self._journal.sync()
            try:
                wait_s = next(lane.motion)
            except StopIteration as ended:
                end: End = ended.value
                return end
            lane.due_s += wait_s / self.speed if self.speed else 0.0
        return None

    def _ended(self, lane: Lane, end: End) -> None:
        state = self._journal.open_jobs[lane.job_id].state
        facts: dict[str, Any]
        if end is not End.DONE:
            self.jammed |= end is End.JAMMED
            state = State.FAILED
            facts = {"disposition": _LEFT_IN.get(end, Disposition.REJECT_BIN), "cause": _CAUSES[end]}
        elif state is State.FEEDING:
            state, facts = State.FED, {"blank_serial": self._machine.drawn}
        elif state is State.RETURNING:
            state, facts = State.RETURNED, {"disposition": Disposition.HOLD_STACK}
        else:
            state, facts = State.DONE, {"disposition": Disposition.GOOD_STACK}
        self._results_wait |= state in RESULTS
        self._on_end(self._journal.enter(lane.job_id, state, **facts), lane.request)
