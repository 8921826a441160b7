"""What a station asks of a machine: the protocols that drivers fulfil, and the facts that pass between them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from devices.errors import LabelRefusedError
from devices.jobs import Cause, Disposition, MachineJobState
from devices.levels import Level
from devices.messages import Counters, JournalEntry, OpenJob

__all__ = [
    "AirShower",
    "Climate",
    "ClimateSensor",
    "Counters",
    "DocumentReader",
    "Door",
    "FaceReader",
    "JobResult",
    "JobStatus",
    "JournalEntry",
    "LabelPrinter",
    "LabelState",
    "MachineIdentity",
    "OpenJob",
    "ParcelLabel",
    "Personalizer",
    "Position",
    "PrinterCondition",
    "PrinterIdentity",
    "Reading",
    "Recognition",
    "Scale",
    "ShowerFault",
    "ShowerPhase",
    "ShowerState",
    "Sign",
    "SwipeReader",
]


@dataclass(frozen=True, slots=True)
class MachineIdentity:
    """Who answers at a port and what it remembers. `machine` is the line's name for it, the rest is its own word."""

    machine: str
    serial: str
    firmware: str
    boot_id: str
    emulated: bool
    journal_id: str
    journal_first: int
    journal_next: int
    fence: int
    counters: Counters
    open_jobs: tuple[OpenJob, ...]

    @property
    def balanced(self) -> bool:
        """Whether every blank the machine ever drew is accounted for by its own counters."""
        counts = self.counters
        return counts.fed == counts.good + counts.rejected + counts.returned + counts.in_path


@dataclass(frozen=True, slots=True)
class JobResult:
    """How a job ended: `state` is one of `jobs.RESULTS`, `blank_serial` is empty if not readable."""

    job_id: str
    state: MachineJobState
    blank_serial: str
    disposition: Disposition
    cause: Cause
    result_hash: str

    @property
    def made(self) -> bool:
        """Whether a document came of it."""
        return self.state is MachineJobState.DONE

    @property
    def certain(self) -> bool:
        """Whether the machine knows; if not, two people must look."""
        return self.state is not MachineJobState.UNKNOWN


@dataclass(frozen=True, slots=True)
class JobStatus:
    """What a machine knows of a job, and the reach of the journal that says so."""

    job_id: str
    state: MachineJobState
    released: bool
    blank_serial: str
    data_sha256: str
    disposition: Disposition
    cause: Cause
    journal_id: str
    journal_first: int
    journal_next: int


class Personalizer(Protocol):
    """A machine that makes documents from blanks. May be called from several threads; each call blocks.

    Every call may raise PortLostError or LinkDownError (open again and reconcile), NoAnswerError (outcome unknown: ask
    `status`, never make a new job), MachineRefusedError (nothing moved) and, at levels B and C, MachineFaultError.
    """

    @property
    def machine(self) -> str:
        """The line's name for the machine."""
        ...

    @property
    def level(self) -> Level:
        """How much it remembers, and so what recovery may conclude."""
        ...

    @property
    def journal_position(self) -> int:
        """What an intent made now records as `journal_position`: `journal_next` as last told. Asks nothing."""
        ...

    def open(self) -> MachineIdentity:
        """Open the port, begin a session and check who answers; raises PortUnavailableError, WrongMachineError."""
        ...

    def close(self) -> None:
        """End the session; what the machine is doing goes on."""
        ...

    def hello(self) -> MachineIdentity:
        """Who the machine is and what it remembers now."""
        ...

    def claim(self, fence: int) -> None:
        """Take the machine; every other session's fence is refused from here on."""
        ...

    def feed(self, job_id: str) -> str:
        """Draw one blank for the job; its serial number. After a refusal with state FAILED, `result` tells why."""
        ...

    def prepare(self, job_id: str, data: bytes) -> None:
        """Hand over what to make, built for the blank that was drawn; nothing moves."""
        ...

    def start(self, job_id: str) -> None:
        """Make it; returns as soon as the machine has begun."""
        ...

    def make(self, job_id: str, data: bytes) -> None:
        """`prepare` and `start` without waiting for an answer; a refusal is raised by the next call."""
        ...

    def result(self, job_id: str, timeout_s: float) -> JobResult:
        """Wait for the job's end. Raises NoAnswerError if it hasn't ended in time: it may still."""
        ...

    def ended(self, job_id: str) -> JobResult | None:
        """The job's result if the machine has told it already, else None; asks nothing and does not wait."""
        ...

    def return_blank(self, job_id: str) -> JobResult:
        """Eject the job's unmarked blank to the hold stack and end the job."""
        ...

    def void(self, job_id: str) -> JobResult:
        """Have the machine refuse a job that it never began, for ever."""
        ...

    def status(self, job_id: str) -> JobStatus:
        """What the machine knows of the job."""
        ...

    def release(self, job_id: str, result_hash: str) -> None:
        """Tell the machine that the result is booked. Doesn't wait: a refusal is raised by a later call."""
        ...

    def journal(self, since: int) -> list[JournalEntry]:
        """All entries of the machine's journal from position `since` on."""
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader found on a piece: printed lines, chip files by name, whether the chip is locked, surface number."""

    mrz: tuple[str, ...]
    chip: Mapping[str, bytes]
    locked: bool
    surface_serial: str


class DocumentReader(Protocol):
    """A machine that reads back what is on a piece."""

    @property
    def machine(self) -> str:
        """The line's name for the machine."""
        ...

    def open(self) -> MachineIdentity:
        """Open the port, begin a session and check who answers; raises PortUnavailableError, WrongMachineError."""
        ...

    def close(self) -> None:
        """End the session."""
        ...

    def identify(self) -> MachineIdentity:
        """Who the reader is now."""
        ...

    def read(self, timeout_s: float) -> Reading:
        """Read the piece that lies on it. Raises MachineRefusedError with code NO_PIECE if none came in time."""
        ...


class Scale(Protocol):
    """A machine that weighs. May be called from several threads; each call blocks."""

    @property
    def machine(self) -> str:
        """The line's name for the scale."""
        ...

    def open(self) -> str:
        """Open the port and check who answers; the serial number it says it has.

        Raises PortUnavailableError, WrongMachineError, ScaleSilentError, PortLostError.
        """
        ...

    def close(self) -> None:
        """Close the port."""
        ...

    def weigh(self, timeout_s: float) -> Decimal:
        """The stable net weight of what lies on it now, in grams, to as many decimals as the scale shows.

        Raises OverloadError, UnderloadError, NotStableError, ScaleSilentError, MachineRefusedError, WrongMachineError,
        PortLostError, SessionClosedError.
        """
        ...


@dataclass(frozen=True, slots=True)
class Climate:
    """The air where a sensor hangs: temperature in °C, relative humidity in %, to as many decimals as it tells.

    `particles_m3`: particles of 0.5 µm and more in a cubic metre. What a sensor doesn't measure is None.
    """

    temperature_c: Decimal | None = None
    humidity_percent: Decimal | None = None
    particles_m3: int | None = None


class ClimateSensor(Protocol):
    """A machine that measures the air. May be called from several threads; each call blocks."""

    @property
    def machine(self) -> str:
        """The line's name for the sensor."""
        ...

    def open(self) -> None:
        """Open the port and check who answers.

        Raises PortUnavailableError, WrongMachineError, SensorSilentError, MachineRefusedError, PortLostError.
        """
        ...

    def close(self) -> None:
        """Close the port."""
        ...

    def read(self) -> Climate:
        """The climate measured since the call (particles: the last sample), never a late reply to an earlier call.

        All figures are of one reply.

        Raises SensorSilentError, ImpossibleReadingError, MachineRefusedError, PortLostError, SessionClosedError.
        """
        ...


class SwipeReader(Protocol):
    """A machine that sends the machine-readable zone of each document drawn through it. One caller at a time."""

    @property
    def machine(self) -> str:
        """The line's name for the reader."""
        ...

    def open(self) -> None:
        """Open the port; raises PortUnavailableError, WrongMachineError."""
        ...

    def close(self) -> None:
        """Close the port."""
        ...

    def swipe(self, timeout_s: float, *, take_earlier: bool = False) -> tuple[str, ...]:
        """The lines of the next document swiped, from top to bottom as printed, fillers kept.

        A swipe before the call is discarded, so that one document's zone is never taken for the next one's; with
        `take_earlier` the last swipe that nobody took counts too. Raises NoSwipeError, PortLostError,
        SessionClosedError.
        """


@dataclass(frozen=True, slots=True)
class ParcelLabel:
    """What stands on a parcel's label: its number, its tracking number as a barcode, and an office or `POST`.

    Printable ASCII, and no name or address of anybody. Raises LabelRefusedError for what would not fit or print.
    """

    parcel: str
    tracking: str
    destination: str

    def __post_init__(self) -> None:
        for field, (pattern, rule) in _LABEL_RULES.items():
            value = getattr(self, field)
            if not re.fullmatch(pattern, value):
                raise LabelRefusedError(field, value, rule)


# Widths at 8 dots/mm on 100 mm; a barcode of 16 characters and its quiet zones take 85 mm.
_LABEL_RULES = {
    "parcel": (r"[ -~]{1,24}", "1 to 24 printable ASCII characters"),
    "tracking": (r"[0-9A-Z]{1,16}", "1 to 16 digits and capitals"),
    "destination": (r"[ -~]{1,14}", "1 to 14 printable ASCII characters"),
}


class PrinterCondition(StrEnum):
    """Whether a label printer can take a label now, and if not, why."""

    READY = "ready"
    BUSY = "busy with a label"
    PAUSED = "paused"
    PAPER_OUT = "out of paper"
    RIBBON_OUT = "out of ribbon"
    COVER_OPEN = "open"
    BUFFER_FULL = "full of labels to print"
    FAULTY = "faulty"


class LabelState(StrEnum):
    """What is known of one job's label.

    WAITING: it is in the printer, and comes out by itself. PRINTED: the printer took it and has nothing of it left to
    print; one that lost power in between says the same, so the scan of the parcel is the proof. UNKNOWN: it may have
    come out, may still, or never arrived; only people can tell.
    """

    NOT_SENT = "not sent"
    WAITING = "waiting in the printer"
    PRINTED = "printed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class PrinterIdentity:
    """Who answers at a label printer's port; `name` is its own word. These printers tell no serial number."""

    machine: str
    name: str
    emulated: bool


class LabelPrinter(Protocol):
    """A machine that prints parcels' labels, one at a time, for one thread at a time.

    No call ever sends a label a second time. Every call may raise PortLostError (open again), PrinterSilentError and
    SessionClosedError; where the error's `state` is UNKNOWN, ask `status`, and people if that can't tell either. A host
    that restarted must do the same with every job whose intent it finds open.
    """

    @property
    def machine(self) -> str:
        """The line's name for the printer."""
        ...

    def open(self) -> PrinterIdentity:
        """Open the port and check who answers; raises PortUnavailableError, WrongMachineError for the other mode."""
        ...

    def close(self) -> None:
        """Close the port; what the printer holds comes out all the same."""
        ...

    def identify(self) -> PrinterIdentity:
        """Who the printer is now."""
        ...

    def condition(self) -> PrinterCondition:
        """Whether it can take a label now."""
        ...

    def print_label(self, job_id: str, label: ParcelLabel, timeout_s: float) -> LabelState:
        """Print the job's one label and wait for it: PRINTED, WAITING after `timeout_s`, or UNKNOWN.

        A job whose label this driver sent before, or that the printer says it has, is not sent again: its status is
        returned. Raises PrinterNotReadyError, whose `state` is NOT_SENT if the printer was not ready to begin with.
        """
        ...

    def status(self, job_id: str) -> LabelState:
        """What is known of the job's label now; sends no label, and never says NOT_SENT."""
        ...


@dataclass(frozen=True, slots=True)
class Position:
    """How far a machine's own count has come: `number` counts from 1 and never goes back while `memory` is the same.

    Whoever keeps it and gives it to the next `open` is told nothing twice, over a torn cable and a host that restarted.
    A machine that lost its memory counts anew, under another `memory`.
    """

    memory: int
    number: int


@dataclass(frozen=True, slots=True)
class Recognition:
    """A face that a reader knew: `credential` is the number under which it was enrolled, no name and no image.

    `quality_percent` is the reader's own word for how well it fitted. `at_us` is UTC microseconds on this host's clock,
    reckoned from the reader's word how long ago it was: never later than it was, but for a tenth of a second. `missed`
    recognitions of this reader came before this one and never arrived here.
    """

    credential: int
    quality_percent: int
    at_us: int
    position: Position
    missed: int


class Sign(StrEnum):
    """What a face reader shows to who stands before it."""

    GRANTED = "green, one beep"
    REFUSED = "red, three beeps"


class FaceReader(Protocol):
    """A machine that recognises people of whom it keeps the templates. May be called from several threads.

    Every call may raise ReaderSilentError (nothing answers: what it recognises meanwhile is told later or counted as
    missed), MachineRefusedError, WrongMachineError (another reader was put in its place), PortLostError and
    SessionClosedError.
    """

    @property
    def machine(self) -> str:
        """The line's name for the reader."""
        ...

    def open(self, after: Position | None = None) -> None:
        """Open the port and check who answers; what was told up to `after` is not told again.

        Raises PortUnavailableError too.
        """
        ...

    def close(self) -> None:
        """Close the port."""
        ...

    def recognition(self, timeout_s: float) -> Recognition:
        """The next recognition, each once and in order.

        It may be old, look at `at_us`: a reader keeps some while nobody asks. Raises NoRecognitionError if none came,
        RecognitionFormatError for what can't be told apart.
        """
        ...

    def show(self, sign: Sign) -> None:
        """Show a sign for some seconds; it opens nothing."""
        ...


class Door(StrEnum):
    """The two doors of an air shower: to the outside, and to the clean core area."""

    OUTER = "outer"
    INNER = "inner"


class ShowerPhase(StrEnum):
    """What an air shower is at. SOILED: somebody may have come in since its last whole cycle. CLEAN: nobody has."""

    SOILED = "soiled"
    BLOWING = "blowing"
    CLEAN = "clean"


class ShowerFault(StrEnum):
    """What went wrong, of the last cycle until another one begins, or with a door until it is closed."""

    NONE = "none"
    DOOR_HELD_OPEN = "a door is held open"
    CYCLE_ABORTED = "the cycle was aborted"
    FAN_FAILED = "the fan failed"
    POWER_LOST = "power was lost in the cycle"


@dataclass(frozen=True, slots=True)
class ShowerState:
    """An air shower in one look: its doors that stand open or are released, its cycle, and how many it completed.

    `occupied` says that somebody is in it, not how many.
    """

    phase: ShowerPhase
    open_doors: frozenset[Door]
    released_doors: frozenset[Door]
    occupied: bool
    seconds_left: int
    fault: ShowerFault
    completed: Position

    def refuses(self, door: Door) -> str:
        """Why the interlock forbids to release this door now; empty if it may be released."""
        other = Door.INNER if door is Door.OUTER else Door.OUTER
        if other in self.open_doors | self.released_doors:
            return f"the {other} door is open or released"
        if self.phase is ShowerPhase.BLOWING:
            return "it blows"
        if door is Door.INNER and self.occupied and self.phase is not ShowerPhase.CLEAN:
            return "somebody is in it, and no whole cycle was blown since the outer door was open"
        return ""


class AirShower(Protocol):
    """Two doors that are never open together and a timed blow between. May be called from several threads.

    The controller begins a cycle by itself, when the outer door closes behind somebody. Every call may raise
    SensorSilentError, MachineRefusedError, CountWentBackError, PortLostError and SessionClosedError.
    """

    @property
    def machine(self) -> str:
        """The line's name for the air shower."""
        ...

    def open(self, after: Position | None = None) -> ShowerState:
        """Open the port and check who answers; its count of cycles must not lie before `after`.

        Raises PortUnavailableError, WrongMachineError.
        """
        ...

    def close(self) -> None:
        """Close the port; the shower goes on by itself."""
        ...

    def state(self) -> ShowerState:
        """How it is now."""
        ...

    def release(self, door: Door) -> None:
        """Let one person through a door: it may be opened once, in some seconds.

        Raises InterlockError where the interlock forbids it, before anything is sent, or because the controller says
        so. After SensorSilentError it may be released all the same: ask `state`.
        """
        ...

    def wait_for_cycle(self, after: Position, timeout_s: float) -> ShowerState:
        """Wait for the first look at which a cycle beyond `after` is complete.

        Raises CycleAbortedError if one began meanwhile and ended without being whole, CycleNotEndedError if none was
        complete in time, and CountWentBackError if the count is another memory's.
        """
        ...
