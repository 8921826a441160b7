"""The gate at work: who is recognised passes, one at a time, and each step is committed before the machines hear of it.

Whatever fails on the way, the next look decides (`rules.decide`): after a torn cable, a restart, a killed process. What
a look can't tell is unknown; then no door is released until two people have settled where the person is.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog

from devices.errors import AirShowerError, CountWentBackError, DeviceError, InterlockError, NoRecognitionError
from devices.roles import AirShower, Door, FaceReader, Position, Recognition, ShowerState, Sign
from handoff_logs.database import Database
from stations.gate import passages, rules
from stations.gate.desk import GateDesk
from stations.gate.passages import Passage, Recognised
from stations.gate.rules import DOORS, Act, Direction, Move

_log = structlog.get_logger()

LOOK_S: Final = 0.2
"""Between two looks at a shower that somebody is in, and between two turns of asking the readers."""
AGAIN_S: Final = 1.0
"""Between two tries at a machine that stands, and two looks whether a passage was settled."""


def utc_us() -> int:
    """The time in microseconds UTC."""
    return time.time_ns() // 1_000


@dataclass(frozen=True, slots=True)
class GateMachines:
    """The machines of a gate, not open yet, and how well a face must fit, in percent."""

    enter: FaceReader
    leave: FaceReader
    shower: AirShower
    min_quality: int
    emulated: bool


class Gate:
    """One gate at work; one thread works it. Open it first."""

    def __init__(
        self,
        database: Database,
        machines: GateMachines,
        desk: GateDesk,
        *,
        look_s: float = LOOK_S,
        clock_s: Callable[[], float] = time.monotonic,
        utc_us: Callable[[], int] = utc_us,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        """`wait` waits so many seconds, by default until told to stop."""
        self._database, self._machines, self._desk = database, machines, desk
        self._look_s, self._clock_s, self._utc_us = look_s, clock_s, utc_us
        self.stop = threading.Event()
        self._wait = wait or self.stop.wait
        self._readers = {Direction.IN: machines.enter, Direction.OUT: machines.leave}
        self._open: set[str] = set()

    def serve(self) -> None:
        """Let people through until told to stop."""
        while not self.stop.is_set():
            self.look()
            self._wait(self._look_s)

    def look(self) -> Passage | str | None:
        """Go on with a passage that is under way, or take one recognition of each reader.

        A passage that was begun here, or why one was refused; None where nobody was at the gate.
        """
        with self._database.read() as conn:
            left = passages.under_way(conn)
        if left is not None:
            if left.unknown is None:
                self.go_on(left)
            else:
                self._wait(AGAIN_S - self._look_s)
            return None
        self._let_out()
        came: Passage | str | None = None
        for direction in Direction:
            found = self._recognition(direction)
            if found is not None:
                came = self._take(direction, found)
        return came

    def close(self) -> None:
        """Close the ports; the shower goes on by itself."""
        for reader in self._readers.values():
            reader.close()
        self._machines.shower.close()
        self._open.clear()

    def _recognition(self, direction: Direction) -> Recognition | None:
        reader = self._readers[direction]
        try:
            self._open_reader(reader)
            return reader.recognition(0.0)
        except NoRecognitionError:
            return None
        except DeviceError as error:
            self._lost(reader.machine, reader.close, error)
            return None

    def _take(self, direction: Direction, found: Recognition) -> Passage | str:
        reader = self._readers[direction]
        # An unsure face is nobody's: no record names a person who may not have been there.
        sure = found.quality_percent >= self._machines.min_quality
        code = rules.code_of(found.credential) if sure else None
        who = Recognised(direction, code, reader.machine, found.position, found.missed)
        state = self._state()
        why = None if sure else "unclear"
        if self._utc_us() - found.at_us > rules.FRESH_US:
            why = "too-late"
        elif why is None and state is None:
            why = "shower-silent"
        elif why is None and state is not None and rules.busy(state):
            why = "shower-busy"
        shower, before = self._machines.shower.machine, None if state is None else state.completed
        begun = passages.begin(self._database, who, shower, before, why, emulated=self._machines.emulated)
        with suppress(DeviceError):
            reader.show(Sign.REFUSED if isinstance(begun, str) else Sign.GRANTED)
        if isinstance(begun, str):
            _log.info("gate_refused", reason=begun, machine=reader.machine)
            return begun
        self._release(DOORS[direction][0])
        self.go_on(begun)
        return begun

    def go_on(self, passage: Passage) -> None:
        """Bring a passage to its end, or to the point where nobody can tell; returns early when told to stop."""
        begun_s = changed_s = self._clock_s()
        second, seen = passage.second, None
        while not self.stop.is_set():
            state = self._state()
            now_s = self._clock_s()
            if state != seen:
                seen, changed_s = state, now_s
            move = self._move(passage, state, second=second, quiet_s=now_s - changed_s)
            if move.act is Act.WAIT and now_s - begun_s > rules.LONGEST_S:
                move = Move(Act.UNKNOWN, why="too-long")
            if move.act is Act.SECOND and state is not None and move.door is not None:
                passages.allow_second(self._database, passage, state.completed.number)
                second = True
                self._release(move.door)
            elif move.act is Act.RELEASE and move.door is not None:
                self._release(move.door)
                self._wait(self._look_s)
            elif move.act is Act.END and move.outcome is not None:
                passages.end(self._database, passage, move.outcome, move.why)
                return
            elif move.act is Act.UNKNOWN:
                passages.give_up(self._database, passage, move.why or "unknown")
                _log.warning("gate_unknown", reason=move.why, machine=self._machines.shower.machine)
                return
            elif state is not None:
                self._desk.act(self._machines.shower.machine, passage.direction, state)
                self._wait(self._look_s)

    def _move(self, passage: Passage, state: ShowerState | None, *, second: bool, quiet_s: float) -> Move:
        if state is None:
            return rules.WAIT
        if passage.before is None or passage.shower != self._machines.shower.machine:
            return Move(Act.UNKNOWN, why="other-machine")
        return rules.decide(passage.direction, passage.before, state, second=second, quiet_s=quiet_s)

    def _let_out(self) -> None:
        """Whoever stands in the shower while no passage is under way is let out to the outside."""
        state = self._state()
        if state is not None and state.occupied and not state.released_doors and not state.open_doors:
            self._release(Door.OUTER)
        if state is not None and (state.occupied or state.open_doors or state.released_doors):
            self._desk.act(self._machines.shower.machine, None, state)

    def _state(self) -> ShowerState | None:
        """How the shower is; None while it doesn't answer, which somebody is told."""
        shower = self._machines.shower
        try:
            if shower.machine not in self._open:
                state = shower.open()
                self._open.add(shower.machine)
                return state
            return shower.state()
        except CountWentBackError as error:
            # Another memory or controller: nothing follows from its count, which `decide` sees.
            _log.warning("gate_count_lost", machine=shower.machine, error=type(error).__name__)
            return self._from(Position(error.memory, error.number))
        except DeviceError as error:
            self._lost(shower.machine, shower.close, error)
            return None

    def _from(self, own: Position) -> ShowerState | None:
        """How the shower is, from its own count on."""
        shower = self._machines.shower
        try:
            shower.close()
            return shower.open(own)
        except DeviceError as error:
            self._lost(shower.machine, shower.close, error)
            return None

    def _release(self, door: Door) -> None:
        """Release a door once; what comes of it, the next look tells."""
        shower = self._machines.shower
        try:
            shower.release(door)
        except InterlockError as error:
            _log.info("gate_locked", machine=shower.machine, error=type(error).__name__)
        except DeviceError as error:
            self._lost(shower.machine, shower.close, error)

    def _open_reader(self, reader: FaceReader) -> None:
        if reader.machine not in self._open:
            with self._database.read() as conn:
                last = passages.told(conn, reader.machine)
            reader.open(last)
            self._open.add(reader.machine)

    def _lost(self, machine: str, close: Callable[[], None], error: DeviceError) -> None:
        if machine in self._open or isinstance(error, AirShowerError):
            _log.warning("machine_lost", machine=machine, error=type(error).__name__)
        close()
        self._open.discard(machine)
        self._desk.machine_stands(machine)
        self._wait(self._look_s)
