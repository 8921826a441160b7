"""Faults by name: what can be made to go wrong with an emulated machine, what is set on one, and when it fires.

They are set on the control socket, or planned in `faults.json` in the machine's folder. That file is read at the start
and written again before each firing, so that a machine that a fault stops does not meet the same one twice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from devices.errors import DeviceError
from devices.jobs import MachineJobState

PLAN_NAME = "faults.json"
RELEASED = "RELEASED"
FENCE = "FENCE"
PHASES = (*(state.name for state in MachineJobState if state), RELEASED, FENCE)
"""The entries of a personalizer's journal: at each it can lose its power, or restart, before or after."""


class Hits(StrEnum):
    """What a fault strikes: the line, or one part of the machine."""

    LINE = "line"
    MECHANICS = "mechanics"
    CONTROLLER = "controller"
    SHOWER = "shower"
    SENSOR = "sensor"


class FaultName(StrEnum):
    """The name by which engineers inject a fault."""

    DROPPED_BYTE = "dropped-byte"
    CORRUPTED_BYTE = "corrupted-byte"
    TRUNCATED_FRAME = "truncated-frame"
    CHECKSUM_COLLISION = "checksum-collision"
    DUPLICATED_FRAME = "duplicated-frame"
    LATE_FRAME = "late-frame"
    GARBAGE_FLOOD = "garbage-flood"
    STALL = "stall"
    HANG_UP = "hang-up"
    HALF_OPEN = "half-open"
    SECOND_OPENER = "second-opener"
    JAM = "jam"
    MISFEED = "misfeed"
    DOUBLE_FEED = "double-feed"
    OUT_OF_BLANKS = "out-of-blanks"
    REJECT_BIN_FULL = "reject-bin-full"
    SLOW_MOTION = "slow-motion"
    CHIP_FAILURE = "chip-failure"
    PRINT_FAILURE = "print-failure"
    UNREADABLE_BLANK = "unreadable-blank"
    POWER_LOSS = "power-loss"
    RESTART = "restart"
    TORN_JOURNAL = "torn-journal"
    LOST_JOURNAL = "lost-journal"
    FULL_DISK = "full-disk"
    CLOCK_JUMP = "clock-jump"
    CLONED_SERIAL = "cloned-serial"
    DOOR_HELD_OPEN = "door-held-open"
    CYCLE_ABORTED = "cycle-aborted"
    FAN_FAILURE = "fan-failure"
    DRIFT = "drift"
    SENSOR_SILENT = "sensor-silent"
    IMPOSSIBLE_READING = "impossible-reading"


class Kind(NamedTuple):
    """One row of the table; a fault that takes a phase strikes at an entry of the journal, one of `PHASES`."""

    hits: Hits
    occasion: str
    comes_of_it: str
    takes_phase: bool = False


_FRAME = "a frame, either way"
_RESENT = "retransmission, no motion"
_BY_IDENTITY = "ignored by identity"
_ENTRY = "an entry of the journal"
_DRAW = "a draw"
_DOCUMENT = "a document"
_CYCLE = "a cycle"
_READING = "a reading"
_NOT_COUNTED = "not counted, the core stays shut; outside released, the shower begins anew"

FAULTS: Mapping[FaultName, Kind] = {
    FaultName.DROPPED_BYTE: Kind(Hits.LINE, _FRAME, _RESENT),
    FaultName.CORRUPTED_BYTE: Kind(Hits.LINE, _FRAME, _RESENT),
    FaultName.TRUNCATED_FRAME: Kind(Hits.LINE, _FRAME, _RESENT),
    FaultName.CHECKSUM_COLLISION: Kind(Hits.LINE, _FRAME, "seen by the message's own check, no motion, a new session"),
    FaultName.DUPLICATED_FRAME: Kind(Hits.LINE, _FRAME, _BY_IDENTITY),
    FaultName.LATE_FRAME: Kind(Hits.LINE, _FRAME, _BY_IDENTITY),
    FaultName.GARBAGE_FLOOD: Kind(Hits.LINE, _FRAME, "memory bounded, resynchronised"),
    FaultName.STALL: Kind(Hits.LINE, _FRAME, "uncertain until STATUS answers; never a new id"),
    FaultName.HANG_UP: Kind(Hits.LINE, _FRAME, "reopened and reconciled"),
    FaultName.HALF_OPEN: Kind(Hits.LINE, _FRAME, "given up after no answer, reopened and reconciled"),
    FaultName.SECOND_OPENER: Kind(
        Hits.LINE, _FRAME, "what it took is missed, its session ended: opened and reconciled"
    ),
    FaultName.JAM: Kind(Hits.MECHANICS, "a motion", "counters balance, machine held until its path is cleared"),
    FaultName.MISFEED: Kind(Hits.MECHANICS, _DRAW, "counters balance, the order is drawn for again"),
    FaultName.DOUBLE_FEED: Kind(
        Hits.MECHANICS, _DRAW, "both rejected and voided; held until two people agree with its counters"
    ),
    FaultName.OUT_OF_BLANKS: Kind(Hits.MECHANICS, _DRAW, "refused; blanks are laid in, the order is drawn for again"),
    FaultName.REJECT_BIN_FULL: Kind(Hits.MECHANICS, _DRAW, "refused until the bin is emptied"),
    FaultName.SLOW_MOTION: Kind(Hits.MECHANICS, "a draw or a document", "waited for; never a new id"),
    FaultName.CHIP_FAILURE: Kind(Hits.MECHANICS, _DOCUMENT, "rejected before printing, blank booked"),
    FaultName.PRINT_FAILURE: Kind(Hits.MECHANICS, _DOCUMENT, "rejected, blank booked"),
    FaultName.UNREADABLE_BLANK: Kind(Hits.MECHANICS, _DRAW, "rejected before printing, blank booked"),
    FaultName.POWER_LOSS: Kind(
        Hits.CONTROLLER, _ENTRY, "what was not synced is gone; UNKNOWN, purged, accounted", True
    ),
    FaultName.RESTART: Kind(Hits.CONTROLLER, _ENTRY, "the journal stays; UNKNOWN, purged, accounted", True),
    FaultName.TORN_JOURNAL: Kind(
        Hits.CONTROLLER, _ENTRY, "cut back, another journal: in doubt, held until a person resumes it", True
    ),
    FaultName.LOST_JOURNAL: Kind(Hits.CONTROLLER, _ENTRY, "another journal: every open job is in doubt", True),
    FaultName.FULL_DISK: Kind(Hits.CONTROLLER, _ENTRY, "nothing moves unwritten; the controller stops", True),
    FaultName.CLOCK_JUMP: Kind(Hits.CONTROLLER, _ENTRY, "positions count, not times", True),
    FaultName.CLONED_SERIAL: Kind(Hits.CONTROLLER, "a HELLO", "another journal's claim is refused, opened again"),
    FaultName.DOOR_HELD_OPEN: Kind(
        Hits.SHOWER, "a door that opens", "the other door stays shut; told until it is closed again"
    ),
    FaultName.CYCLE_ABORTED: Kind(Hits.SHOWER, _CYCLE, _NOT_COUNTED),
    FaultName.FAN_FAILURE: Kind(Hits.SHOWER, _CYCLE, _NOT_COUNTED),
    FaultName.DRIFT: Kind(
        Hits.SENSOR, _READING, "10 °C too warm, or 20 times the particles: out, suspended after the grace"
    ),
    FaultName.SENSOR_SILENT: Kind(Hits.SENSOR, _READING, "counts as out of the limits, suspended after the grace"),
    FaultName.IMPOSSIBLE_READING: Kind(Hits.SENSOR, _READING, "refused, counts as silence"),
}

FRAMES = frozenset(name for name, kind in FAULTS.items() if kind.hits is Hits.LINE)
"""What can strike a line on which there are the link's frames, as personalizers and document readers speak in them."""
BURSTS = FRAMES - {FaultName.CHECKSUM_COLLISION, FaultName.DUPLICATED_FRAME} | {FaultName.POWER_LOSS}
"""What can strike any other machine, at a burst of bytes, either way: without a journal power is lost at one too.

A burst that came twice would be one said twice (a label would be printed twice), and what a checksum covers is each
protocol's own business.
"""
_CARDS = frozenset(
    {
        FaultName.JAM,
        FaultName.MISFEED,
        FaultName.DOUBLE_FEED,
        FaultName.OUT_OF_BLANKS,
        FaultName.REJECT_BIN_FULL,
        FaultName.SLOW_MOTION,
        FaultName.CHIP_FAILURE,
        FaultName.UNREADABLE_BLANK,
    }
)
"""Of a machine that moves cards and writes chips, but doesn't print."""
SHOWER = frozenset(name for name, kind in FAULTS.items() if kind.hits is Hits.SHOWER)
"""Of an air shower alone."""
SENSOR = frozenset(name for name, kind in FAULTS.items() if kind.hits is Hits.SENSOR)
"""Of a climate transmitter and a particle counter alone."""
_PERSONALIZER = frozenset(FaultName) - SHOWER - SENSOR
STRUCK: Mapping[str, frozenset[FaultName]] = {
    "book-personalizer": _PERSONALIZER,
    "card-personalizer": _PERSONALIZER,
    "crt-591": BURSTS | _CARDS,
    "crt-591-counting": BURSTS | _CARDS,
    "document-reader": FRAMES | {FaultName.POWER_LOSS},
    "modbus-air-shower": BURSTS | SHOWER,
    "modbus-climate": BURSTS | SENSOR,
    "modbus-particle-counter": BURSTS | SENSOR,
}
"""What can strike each driver's machine; those of all others, of other packages too, are struck by `BURSTS`."""


def striking(driver: str) -> frozenset[FaultName]:
    """The faults that can strike the emulated machine of a driver."""
    return STRUCK.get(driver, BURSTS)


class FaultRefusedError(DeviceError):
    """A fault that can't be set; none was."""


class UnknownFaultError(FaultRefusedError):
    """No fault of that name can strike this machine."""

    def __init__(self, machine: str, name: str, known: tuple[str, ...]) -> None:
        super().__init__(machine, name, known)
        self.machine, self.name, self.known = machine, name, known

    def __str__(self) -> str:
        there_are = ", ".join(self.known) or "none"
        return f"{self.machine} (EMULATED) has no fault {self.name}; there are: {there_are}"


class UnknownPhaseError(FaultRefusedError):
    """The fault takes another phase than was named, or none."""

    def __init__(self, name: str, phase: str, known: tuple[str, ...]) -> None:
        super().__init__(name, phase, known)
        self.name, self.phase, self.known = name, phase, known

    def __str__(self) -> str:
        if not self.known:
            return f"{self.name} takes no state of the journal"
        return f"{self.name} strikes at no entry {self.phase or '(none named)'}; there are: {', '.join(self.known)}"


class MalformedFaultError(FaultRefusedError):
    """What was to be set, or the plan file, is no fault."""

    def __init__(self, machine: str, why: str) -> None:
        super().__init__(machine, why)
        self.machine, self.why = machine, why

    def __str__(self) -> str:
        return f"{self.machine} (EMULATED) can't take that fault: {self.why}; correct it and set it again"


@dataclass(slots=True)
class Fault:
    """A fault that is set; it fires `times` times (0: without end), at one in every `every` occasions, by `seed`."""

    name: FaultName
    at: str = ""
    before: bool = False
    times: int = 1
    every: int = 1
    seed: int = 0
    seen: int = 0
    fired: int = 0

    @property
    def spent(self) -> bool:
        """Whether it will never fire again."""
        return 0 < self.times <= self.fired

    def meet(self) -> bool:
        """Count one more occasion; whether it fires at this one."""
        round_, place = divmod(self.seen, self.every)
        self.seen += 1
        fires = not self.spent and place == self.draw(f"occasion {round_}", self.every)
        self.fired += fires
        return fires

    def draw(self, what: str, below: int) -> int:
        """A number from 0 to `below` - 1, the same for the same fault each time."""
        digest = hashlib.sha256(f"{self.seed}:{self.name}:{what}".encode()).digest()
        return int.from_bytes(digest) % below


class Faults:
    """The faults set on one machine, of those `known` that can strike it; without a `folder` nothing is kept."""

    def __init__(
        self, machine: str = "", folder: Path | None = None, known: Collection[FaultName] = tuple(FaultName)
    ) -> None:
        """Reads the plan of `folder`; raises FaultRefusedError."""
        self._machine = machine
        self._known = tuple(name for name in FAULTS if name in known)
        self._plan = None if folder is None else folder / PLAN_NAME
        self._set: list[Fault] = []
        if self._plan is not None and self._plan.exists():
            self._set = [self._checked(facts) for facts in self._read(self._plan)]

    @property
    def framed(self) -> bool:
        """Whether the machine speaks in the link's frames."""
        return FaultName.DUPLICATED_FRAME in self._known

    @property
    def journalled(self) -> bool:
        """Whether the machine keeps a journal, whose entries are the occasions for a loss of power."""
        return FaultName.LOST_JOURNAL in self._known

    def add(self, facts: Mapping[str, Any]) -> Fault:
        """Set a fault by the facts of `Fault`; the same one that has not fired yet is not set twice.

        Raises FaultRefusedError.
        """
        fault = self._checked(facts)
        waiting = next((one for one in self._set if not one.fired and _asked(one) == _asked(fault)), None)
        if waiting is None:
            self._set.append(fault)
            self._write()
        return waiting or fault

    def clear(self) -> int:
        """Take all faults off; how many there were."""
        count = len(self._set)
        self._set.clear()
        self._write()
        return count

    def listed(self) -> list[dict[str, Any]]:
        """Every fault set, spent ones included."""
        return [asdict(fault) for fault in self._set]

    def armed(self, names: Iterable[FaultName]) -> bool:
        """Whether any of these may still fire."""
        return any(fault.name in names and not fault.spent for fault in self._set)

    def strike(self, name: FaultName, at: str = "", *, before: bool = False) -> Fault | None:
        """An occasion for a fault of that name: the one that fires, on record by then."""
        met = [fault for fault in self._set if (fault.name, fault.at, fault.before) == (name, at, before)]
        firing = next((fault for fault in met if fault.meet()), None)
        if firing is not None:
            self._write()
        return firing

    def _checked(self, facts: object) -> Fault:
        allowed = {field.name for field in fields(Fault)}
        if not isinstance(facts, dict) or not facts.keys() <= allowed:
            raise MalformedFaultError(self._machine, f"it is an object of {', '.join(sorted(allowed))}")
        name = facts.get("name")
        if name not in self._known:
            raise UnknownFaultError(self._machine, str(name), self._known)
        fault = Fault(**{**facts, "name": FaultName(name)})
        counts = (fault.times, fault.every - 1, fault.seen, fault.fired)
        if any(type(count) is not int or count < 0 for count in counts) or type(fault.seed) is not int:
            raise MalformedFaultError(self._machine, "times is 0 or more, every 1 or more, seed a whole number")
        # A machine without a journal loses its power like its line: at a burst.
        takes_phase = FAULTS[fault.name].takes_phase and self.journalled
        phases = PHASES if takes_phase else ()
        if fault.at not in (phases or ("",)) or type(fault.before) is not bool or (fault.before and not phases):
            raise UnknownPhaseError(fault.name, str(fault.at), phases)
        return fault

    def _read(self, plan: Path) -> list[object]:
        try:
            planned = json.loads(plan.read_text("utf-8"))
        except ValueError as error:
            raise MalformedFaultError(self._machine, f"{plan} is no JSON ({error})") from error
        if not isinstance(planned, list):
            raise MalformedFaultError(self._machine, f"{plan} holds no list")
        return planned

    def _write(self) -> None:
        if self._plan is None:
            return
        # In one step: a machine that is killed meanwhile finds the old plan or the new one.
        fresh = self._plan.with_suffix(".new")
        fresh.write_text(json.dumps(self.listed(), indent=1) + "\n", "utf-8")
        fresh.replace(self._plan)


def _asked(fault: Fault) -> tuple[object, ...]:
    return fault.name, fault.at, fault.before, fault.times, fault.every, fault.seed
