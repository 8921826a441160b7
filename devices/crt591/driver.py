"""Drivers of the CRT-591-M, which writes the chip of one card at a time and prints nothing.

The machine remembers no jobs: they are held here, and everything that was not seen to end is UNKNOWN. It can't check a
fence either, so what protects a job is that nobody else speaks to the machine: only ports are opened that this process
can have for itself, a device path or `emulator://`, or a terminal server of which the entry's URL says so by being
`socket://` or `rfc2217://`; set it to take one connection.

`Crt591Counting` is of level B: every card, good, bad or unmarked, ends in the bin, whose counter lasts. Counter and
card in the transport together are the cards ever drawn, and that number is the `journal_next` that an intent records.
`Crt591` is of level C: cards leave by the gate, no counter sees them, and a journal begins anew whenever it is opened.
"""

from __future__ import annotations

import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from threading import RLock
from typing import ClassVar, NoReturn

from devices.crt591 import chip, frames
from devices.crt591.encoder import Encoder
from devices.crt591.exchange import Times
from devices.crt591.frames import Answer, Bin, Card, Failure, Supply
from devices.endpoint import Transport
from devices.errors import (
    DeviceError,
    MachineFaultError,
    MachineRefusedError,
    MalformedError,
    NoAnswerError,
    PortUnavailableError,
    WrongMachineError,
)
from devices.jobs import DRAWN, JOB_ID_BYTES, RESULTS, Cause, Disposition
from devices.jobs import MachineJobState as State
from devices.levels import Level
from devices.messages import NO_DIGEST, Counters, JournalEntry, OpenJob, Outcome, RefusalCode
from devices.piece import PieceData
from devices.roles import JobResult, JobStatus, MachineIdentity

EMULATED = "EMULATED"
EXCLUSIVE = ("emulator://", "socket://", "rfc2217://")
KEPT_JOBS = 4096
MOST_COUNTED = 999
"""The bin's counter has three digits."""
_STARTED = frozenset({State.WORKING}) | RESULTS
_CAUSES = {frames.JAM: Cause.JAM, frames.BIN_FULL: Cause.REJECT_BIN_FULL}


@dataclass(frozen=True, slots=True)
class End:
    """How a card leaves the transport: the move, and where it is then."""

    move: int
    card: Card
    disposition: Disposition


_INTO_BIN = End(frames.TO_BIN, Card.NONE, Disposition.REJECT_BIN)


@dataclass(slots=True)
class _Job:
    """What this driver knows of a job; `position` is how many cards had been drawn before it."""

    job_id: str
    position: int
    time_us: int
    state: State = State.FEEDING
    blank_serial: str = ""
    data: bytes = b""
    data_sha256: str = NO_DIGEST
    disposition: Disposition = Disposition.NONE
    cause: Cause = Cause.NONE
    released: bool = False

    def lose_sight(self) -> None:
        """Nobody saw how it ended; what was to be written is not needed any more."""
        self.state, self.disposition, self.data = State.UNKNOWN, Disposition.UNKNOWN, b""

    def result(self) -> JobResult:
        """How it ended, as stations are told."""
        outcome = Outcome(self.job_id, self.state, self.blank_serial, self.disposition, self.cause)
        return JobResult(self.job_id, self.state, self.blank_serial, self.disposition, self.cause, outcome.digest())

    def entry(self) -> JournalEntry:
        """It as a line of a journal."""
        return JournalEntry(
            self.position,
            self.time_us,
            self.job_id,
            self.state,
            self.released,
            0,
            self.blank_serial,
            self.data_sha256,
            self.disposition,
            self.cause,
        )


class _CardEncoder(ABC):
    """The part of a `roles.Personalizer` that both levels share. START makes the card before it returns."""

    model: ClassVar[str]
    level: ClassVar[Level]
    uses_link = False
    initialize: ClassVar[int]
    """The parameter of INITIALIZE."""
    ends: ClassVar[Mapping[State, End]]

    def __init__(
        self, machine: str, serial: str, emulated: bool, transport: Transport, *, times: Times | None = None
    ) -> None:
        """`serial` and `emulated` are what the machine must say of itself."""
        self._machine, self._serial, self._emulated = machine, serial, emulated
        self._port = transport.port
        self._encoder = Encoder(machine, transport, times or Times())
        self._turns = RLock()
        self._jobs: dict[str, _Job] = {}
        self._firmware = self._boot_id = self._journal_id = ""
        self._fence = self._drawn = 0
        self._held = False

    @property
    def machine(self) -> str:
        """The line's name for the machine."""
        return self._machine

    @property
    def journal_position(self) -> int:
        """How many cards had been drawn when the machine last told; asks nothing."""
        return self._drawn

    # What the levels differ in.

    @abstractmethod
    def _name_journal(self) -> str:
        """The id of the memory that says what was drawn, 32 hexadecimal characters."""

    @abstractmethod
    def _counted(self, card: Card) -> int | None:
        """How many cards were ever drawn, as the machine counts; None if it can't. `card` is where one is now."""

    @abstractmethod
    def _counters(self, card: Card) -> Counters:
        """The machine's counters."""

    # Session.

    def open(self) -> MachineIdentity:
        """Open the port and check who answers. What was under way when it was last open is UNKNOWN from here on.

        Raises PortUnavailableError also for a port that others could open too.
        """
        if "://" in self._port and not self._port.startswith(EXCLUSIVE):
            raise PortUnavailableError(self._port, "it can't be had exclusively, and this machine checks no fence")
        with self._turns:
            for job in self._jobs.values():
                if job.state not in RESULTS:
                    job.cause = Cause.RESTART
                    job.lose_sight()
            try:
                self._begin()
                return self.hello()
            except BaseException:
                self._encoder.close()
                raise

    def _begin(self) -> None:
        self._firmware, serial = self._encoder.open(self.initialize)
        modes = ("production", "emulated")
        says_emulated = self._firmware.startswith(EMULATED)
        if says_emulated != self._emulated:
            raise WrongMachineError(self._machine, "mode", modes[self._emulated], modes[says_emulated])
        if serial != self._serial:
            raise WrongMachineError(self._machine, "serial", self._serial, serial)
        self._boot_id = secrets.token_hex(JOB_ID_BYTES)
        self._journal_id = self._name_journal()
        self._drawn, self._held = 0, False

    def close(self) -> None:
        """Close the port."""
        self._encoder.close()

    def hello(self) -> MachineIdentity:
        """Who the machine is, what it counts, and the jobs that this driver holds unreleased."""
        with self._turns:
            card = self._encoder.look().card
            counted = self._counted(card)
            self._drawn = self._drawn if counted is None else counted
            unreleased = [job for job in self._jobs.values() if not job.released]
            return MachineIdentity(
                machine=self._machine,
                serial=self._serial,
                firmware=self._firmware,
                boot_id=self._boot_id,
                emulated=self._emulated,
                journal_id=self._journal_id,
                journal_first=self._drawn,
                journal_next=self._drawn,
                fence=self._fence,
                counters=self._counters(card),
                open_jobs=tuple(OpenJob(job.job_id, job.state) for job in unreleased),
            )

    def claim(self, fence: int) -> None:
        """Note the fence; that nobody else is heard is the port's doing."""
        self._fence = fence

    # Jobs.

    def feed(self, job_id: str) -> str:
        """Draw a card to the chip contacts; its number, read from the chip.

        One that can't be read goes into the bin and the job has FAILED. Raises MachineFaultError when the machine
        stopped midway: the job is UNKNOWN then, and nothing is drawn until the machine is opened again.
        """
        with self._turns:
            job = self._jobs.get(job_id)
            if job is not None and job.state in DRAWN:
                return job.blank_serial
            if job is not None:
                self._refuse("Feed", RefusalCode.WRONG_STATE, job)
            self._check_may_draw(job_id)
            job = self._remember(job_id)
            with self._acting(job):
                self._draw(job)
                serial = self._encoder.read_number(job_id)
                if serial is None:
                    self._end(job, State.FAILED, Cause.WRONG_BLANK)
                    self._refuse("Feed", RefusalCode.WRONG_STATE, job)
                job.state, job.blank_serial, job.disposition = State.FED, serial, Disposition.IN_PATH
                return serial

    def _check_may_draw(self, job_id: str) -> None:
        """Raise MachineRefusedError for what is known to be in the way before anything moves."""
        fresh = _Job(job_id, self._drawn, 0, State.ABSENT)
        if self._held:
            self._refuse("Feed", RefusalCode.HELD, fresh)
        look = self._encoder.look()
        if look.card is not Card.NONE or any(job.state not in RESULTS for job in self._jobs.values()):
            self._refuse("Feed", RefusalCode.PATH_OCCUPIED, fresh)
        if look.bin is Bin.FULL:
            self._refuse("Feed", RefusalCode.REJECT_BIN_FULL, fresh)
        if look.supply is Supply.EMPTY:
            self._refuse("Feed", RefusalCode.OUT_OF_BLANKS, fresh)
        counted = self._counted(look.card)
        if counted is not None and counted >= MOST_COUNTED:
            raise MachineFaultError(self._machine, "Feed", "", f"its bin counter stands at {counted} and must be set")
        self._drawn = self._drawn if counted is None else counted

    def _draw(self, job: _Job) -> None:
        answer = self._encoder.move(frames.TO_CHIP, job.job_id)
        if isinstance(answer, Failure) and answer.error in frames.REFUSED | {frames.STACK_EMPTY, frames.BIN_FULL}:
            # Said before anything moved: the job never began.
            del self._jobs[job.job_id]
            job.state = State.ABSENT
            if answer.error in frames.REFUSED:
                raise MachineFaultError(self._machine, "Feed", "", answer.meaning)
            empty = answer.error == frames.STACK_EMPTY
            self._refuse("Feed", RefusalCode.OUT_OF_BLANKS if empty else RefusalCode.REJECT_BIN_FULL, job)
        self._arrived(job, "Feed", answer, Card.AT_CHIP)

    def prepare(self, job_id: str, data: bytes) -> None:
        """Hold what to write until START; nothing moves and nothing is sent.

        Raises MachineRefusedError OTHER_DATA for another blank's or changed data, DATA_DAMAGED for what is no piece,
        UNSUPPORTED for no files or one without a place on the chip, TOO_LARGE for one over 32,767 bytes.
        """
        with self._turns:
            job = self._known(job_id, "Prepare")
            digest = sha256(data).hexdigest()
            if job.data_sha256 != NO_DIGEST and job.data_sha256 != digest:
                self._refuse("Prepare", RefusalCode.OTHER_DATA, job)
            if job.state is State.FED:
                self._check_piece(job, data)
                job.state, job.data, job.data_sha256 = State.PREPARED, data, digest
            elif job.data_sha256 != digest:
                self._refuse("Prepare", RefusalCode.WRONG_STATE, job)

    def _check_piece(self, job: _Job, data: bytes) -> None:
        try:
            piece = PieceData.decode(data)
        except MalformedError:
            self._refuse("Prepare", RefusalCode.DATA_DAMAGED, job)
        if piece.serial != job.blank_serial:
            self._refuse("Prepare", RefusalCode.OTHER_DATA, job)
        if not piece.chip or not piece.chip.keys() <= chip.FILES.keys():
            self._refuse("Prepare", RefusalCode.UNSUPPORTED, job)
        if any(len(content) > chip.LARGEST_FILE for content in piece.chip.values()):
            self._refuse("Prepare", RefusalCode.TOO_LARGE, job, chip.LARGEST_FILE)

    def start(self, job_id: str) -> None:
        """Write, read back and lock the chip, and move the card to its end; all is over when it returns."""
        with self._turns:
            job = self._known(job_id, "Start")
            if job.state in _STARTED:
                return
            if job.state is not State.PREPARED:
                self._refuse("Start", RefusalCode.WRONG_STATE, job)
            with self._acting(job):
                job.state = State.WORKING
                chip_files = PieceData.decode(job.data).chip.items()
                written = self._encoder.write({chip.FILES[name]: content for name, content in chip_files}, job_id)
                self._encoder.switch_off(job_id)
                self._end(job, *((State.DONE, Cause.NONE) if written else (State.FAILED, Cause.CHIP_FAILED)))

    def make(self, job_id: str, data: bytes) -> None:
        """`prepare` and `start`."""
        with self._turns:
            self.prepare(job_id, data)
            self.start(job_id)

    def result(self, job_id: str, timeout_s: float) -> JobResult:
        """How the job ended. Nothing is under way between calls, so one that has not ended raises NoAnswerError."""
        with self._turns:
            job = self._known(job_id, "Result")
            if job.state not in RESULTS:
                raise NoAnswerError(self._machine, "Result", job_id, timeout_s)
            return job.result()

    def ended(self, job_id: str) -> JobResult | None:
        """The job's result, or None."""
        with self._turns:
            job = self._jobs.get(job_id)
            return job.result() if job is not None and job.state in RESULTS else None

    def return_blank(self, job_id: str) -> JobResult:
        """Move the job's unmarked card out: held in the gate, or into the bin where that is what counts cards."""
        with self._turns:
            job = self._known(job_id, "ReturnBlank")
            if job.state is not State.RETURNED:
                if job.state not in DRAWN:
                    self._refuse("ReturnBlank", RefusalCode.WRONG_STATE, job)
                with self._acting(job):
                    job.state = State.RETURNING
                    self._encoder.switch_off(job_id)
                    self._end(job, State.RETURNED, Cause.NONE)
            return job.result()

    def void(self, job_id: str) -> JobResult:
        """Refuse a job that never began, for as long as this driver lives: nobody else is heard by the machine."""
        with self._turns:
            job = self._jobs.get(job_id) or self._remember(job_id, State.VOIDED)
            if job.state is not State.VOIDED:
                self._refuse("Void", RefusalCode.WRONG_STATE, job)
            return job.result()

    def status(self, job_id: str) -> JobStatus:
        """What this driver knows of the job.

        Of an unknown one, that it is absent from a memory which reaches back no further than the cards counted now:
        that proves something of an intent which recorded that very count, and of no other.
        """
        with self._turns:
            if job_id not in self._jobs:
                self.hello()
            job = self._jobs.get(job_id) or _Job(job_id, self._drawn, 0, State.ABSENT)
            return JobStatus(
                job_id=job_id,
                state=job.state,
                released=job.released,
                blank_serial=job.blank_serial,
                data_sha256=job.data_sha256,
                disposition=job.disposition,
                cause=job.cause,
                journal_id=self._journal_id,
                journal_first=self._drawn,
                journal_next=self._drawn,
            )

    def release(self, job_id: str, result_hash: str) -> None:
        """The result is booked; the job stays refused."""
        with self._turns:
            job = self._known(job_id, "Release")
            if job.state not in RESULTS:
                self._refuse("Release", RefusalCode.WRONG_STATE, job)
            if job.result().result_hash != result_hash:
                self._refuse("Release", RefusalCode.OTHER_RESULT, job)
            job.released = True

    def journal(self, since: int) -> list[JournalEntry]:
        """How the jobs of this driver stand, those first drawn at position `since` or later; no others are known."""
        with self._turns:
            return [job.entry() for job in self._jobs.values() if job.position >= since]

    def _known(self, job_id: str, request: str) -> _Job:
        job = self._jobs.get(job_id)
        if job is None:
            self._refuse(request, RefusalCode.UNKNOWN_JOB, _Job(job_id, 0, 0, State.ABSENT))
        return job

    def _remember(self, job_id: str, state: State = State.FEEDING) -> _Job:
        job = self._jobs[job_id] = _Job(job_id, self._drawn, time.time_ns() // 1000, state)
        if len(self._jobs) > KEPT_JOBS:
            del self._jobs[next(iter(self._jobs))]
        return job

    def _refuse(self, request: str, code: RefusalCode, job: _Job, detail: int = 0) -> NoReturn:
        raise MachineRefusedError(self._machine, request, code.name, job.job_id, job.state.name, detail)

    @contextmanager
    def _acting(self, job: _Job) -> Iterator[None]:
        """What is not seen to end is UNKNOWN, and nothing more is drawn before the machine is opened again."""
        try:
            yield
        except DeviceError:
            if job.state is not State.ABSENT and job.state not in RESULTS:
                job.lose_sight()
                self._held = True
            raise

    def _arrived(self, job: _Job, request: str, answer: Answer, card: Card) -> None:
        """Raise MachineFaultError unless the card is where it should be and one card was drawn for the job."""
        if isinstance(answer, Failure):
            job.cause = _CAUSES.get(answer.error, Cause.NONE)
            raise MachineFaultError(self._machine, request, job.job_id, answer.meaning)
        if answer.card is not card:
            raise MachineFaultError(
                self._machine, request, job.job_id, f"the card is {answer.card.name}, not {card.name}"
            )
        counted = self._counted(answer.card)
        self._drawn = job.position + 1 if counted is None else counted
        if self._drawn != job.position + 1:
            drawn = self._drawn - job.position
            job.cause = Cause.DOUBLE_FEED if drawn > 1 else Cause.NONE
            raise MachineFaultError(self._machine, request, job.job_id, f"it counts {drawn} cards drawn for one job")

    def _end(self, job: _Job, state: State, cause: Cause) -> None:
        """Move the card out of the transport; only then the job has ended."""
        end = self.ends[state]
        self._arrived(job, "Eject", self._encoder.move(end.move, job.job_id), end.card)
        job.state, job.disposition, job.cause, job.data = state, end.disposition, cause, b""


class Crt591Counting(_CardEncoder):
    """Level B: every card ends in the bin and is counted there, so that recovery can prove that none was drawn."""

    model = "crt-591-counting"
    level = Level.B
    initialize = frames.KEEP_CARD_AND_COUNT
    ends: ClassVar[Mapping[State, End]] = dict.fromkeys((State.DONE, State.FAILED, State.RETURNED), _INTO_BIN)

    def _name_journal(self) -> str:
        return sha256(f"{self.model} {self._serial} bin counter".encode()).hexdigest()[: 2 * JOB_ID_BYTES]

    def _counted(self, card: Card) -> int:
        return self._encoder.bin_count() + (card is not Card.NONE)

    def _counters(self, card: Card) -> Counters:
        """The bin's counter can't tell good from bad: all are `rejected`."""
        in_path = int(card is not Card.NONE)
        return Counters(self._drawn, 0, self._drawn - in_path, 0, in_path)


class Crt591(_CardEncoder):
    """Level C: good cards leave by the gate, spoiled ones go into the bin, and nothing lasting counts them."""

    model = "crt-591"
    level = Level.C
    initialize = frames.KEEP_CARD
    ends: ClassVar[Mapping[State, End]] = {
        State.DONE: End(frames.OUT_OF_GATE, Card.NONE, Disposition.GOOD_STACK),
        State.FAILED: _INTO_BIN,
        State.RETURNED: End(frames.TO_GATE, Card.IN_GATE, Disposition.HOLD_STACK),
    }

    def _name_journal(self) -> str:
        return secrets.token_hex(JOB_ID_BYTES)

    def _counted(self, card: Card) -> None:  # noqa: ARG002 - sensors count nothing
        return None

    def _counters(self, card: Card) -> Counters:
        """What this driver moved; a card held in the gate was returned already."""
        ended = [job.disposition for job in self._jobs.values()]
        good, rejected = ended.count(Disposition.GOOD_STACK), ended.count(Disposition.REJECT_BIN)
        returned, in_path = ended.count(Disposition.HOLD_STACK), int(card is Card.AT_CHIP)
        return Counters(good + rejected + returned + in_path, good, rejected, returned, in_path)
