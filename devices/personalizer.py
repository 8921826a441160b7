"""The driver that book and card personalizers share: a `roles.Personalizer` over a session."""

from collections.abc import Callable
from functools import partial
from hashlib import sha256
from time import monotonic
from typing import ClassVar, TypeVar

from devices.endpoint import Transport
from devices.errors import MachineRefusedError, NoAnswerError, UnexpectedAnswerError, WrongMachineError
from devices.identity import Expected
from devices.jobs import DRAWN, RESULTS, MachineJobState
from devices.levels import Level
from devices.link import LinkTimes
from devices.messages import (
    AskResult,
    Claim,
    Claimed,
    Fed,
    Feed,
    Journal,
    JournalPage,
    Message,
    Outcome,
    Prepare,
    Prepared,
    RefusalCode,
    Release,
    Result,
    ReturnBlank,
    Start,
    Started,
    Status,
    StatusReply,
    Void,
)
from devices.roles import JobResult, JobStatus, JournalEntry, MachineIdentity
from devices.session import Patience, Session

MOST_JOURNAL_ENTRIES = 1_000_000

M = TypeVar("M", bound=Message)
_PREPARED_OR_LATER = frozenset({MachineJobState.PREPARED, MachineJobState.WORKING}) | RESULTS
_STARTED = frozenset({MachineJobState.WORKING}) | RESULTS


class LinkPersonalizer:
    """A personalizer that speaks the project's own protocol. A subclass names the `model` that must answer."""

    model: ClassVar[str]
    level = Level.A

    def __init__(
        self,
        machine: str,
        serial: str,
        emulated: bool,
        transport: Transport,
        *,
        patience: Patience | None = None,
        link_times: LinkTimes | None = None,
    ) -> None:
        """`serial` and `emulated` are what the machine must say of itself."""
        self._machine = machine
        expected = Expected(machine, self.model, serial, emulated)
        self._session = Session(transport, expected, patience=patience, link_times=link_times)
        self._patience = self._session.patience
        self._fence = 0
        self._journal_id = ""
        self._journal_position = 0

    @property
    def machine(self) -> str:
        """The line's name for the machine."""
        return self._machine

    @property
    def journal_position(self) -> int:
        """Where the journal stood when the machine last said so; any position up to its end will do for an intent."""
        return self._journal_position

    def open(self) -> MachineIdentity:
        """Begin a session; the machine is not claimed yet."""
        self._fence = 0
        identity = self._session.open()
        self._journal_id = identity.journal_id
        self._journal_position = identity.journal_next
        return identity

    def close(self) -> None:
        """End the session; what the machine is doing goes on."""
        self._session.close()

    def hello(self) -> MachineIdentity:
        """Who the machine is and what it remembers now; raises WrongMachineError if it is not the one claimed."""
        identity = self._session.hello()
        if self._fence and identity.journal_id != self._journal_id:
            raise WrongMachineError(self.machine, "journal", self._journal_id, identity.journal_id)
        self._journal_position = identity.journal_next
        return identity

    def claim(self, fence: int) -> None:
        """Take the machine and the journal that it named when it was opened."""
        journal_id = self._journal_id
        self._session.ask(lambda number: Claim(number, fence, journal_id), Claimed, self._patience.reply_s)
        self._fence = fence

    def feed(self, job_id: str) -> str:
        """Draw one blank for the job; its serial number."""
        self._session.expect_result(job_id)
        try:
            fed = self._ask(lambda number: Feed(number, self._fence, job_id), Fed, job_id, self._patience.motion_s)
        except NoAnswerError:
            status = self._status_after("Feed", job_id, MachineJobState.FEEDING, DRAWN)
            return status.blank_serial
        return fed.blank_serial

    def prepare(self, job_id: str, data: bytes) -> None:
        """Hand over what to make; nothing moves. Raises MachineRefusedError OTHER_DATA if it holds other data."""
        digest = sha256(data).hexdigest()
        try:
            self._session.ask(
                lambda number: Prepare(number, self._fence, job_id, len(data), digest),
                Prepared,
                self._patience.motion_s,
                job_id=job_id,
                data=data,
            )
        except NoAnswerError:
            status = self._status_after("Prepare", job_id, MachineJobState.FED, _PREPARED_OR_LATER)
            if status.data_sha256 != digest:
                raise MachineRefusedError(
                    self.machine, "Prepare", RefusalCode.OTHER_DATA.name, job_id, status.state.name, 0
                ) from None

    def start(self, job_id: str) -> None:
        """Make it; returns as soon as the machine has begun."""
        self._session.expect_result(job_id)
        try:
            self._ask(lambda number: Start(number, self._fence, job_id), Started, job_id, self._patience.motion_s)
        except NoAnswerError:
            self._status_after("Start", job_id, MachineJobState.PREPARED, _STARTED)

    def make(self, job_id: str, data: bytes) -> None:
        """Hand over what to make and have it made, without waiting for an answer; the next call raises a refusal.

        The link keeps the order, and a machine that did not take the data refuses the start.
        """
        digest = sha256(data).hexdigest()
        self._session.expect_result(job_id)
        self._session.post(lambda number: Prepare(number, self._fence, job_id, len(data), digest), job_id, data)
        self._session.post(lambda number: Start(number, self._fence, job_id), job_id)

    def result(self, job_id: str, timeout_s: float) -> JobResult:
        """Wait for the job's end, which the machine tells unasked; see `roles.Personalizer`."""
        outcome = None if self._session.expects_result(job_id) else self._ended(job_id)
        if outcome is None:
            outcome = self._session.wait_for_result(job_id, timeout_s)
        if outcome is None:
            outcome = self._ended(job_id)
        if outcome is None:
            raise NoAnswerError(self.machine, "Result", job_id, timeout_s)
        return _result(outcome)

    def ended(self, job_id: str) -> JobResult | None:
        """The job's result if the machine has told it already, else None; asks nothing and does not wait."""
        outcome = self._session.wait_for_result(job_id, 0.0)
        return None if outcome is None else _result(outcome)

    def return_blank(self, job_id: str) -> JobResult:
        """Eject the job's unmarked blank to the hold stack and end the job."""
        return self._ending(lambda number: ReturnBlank(number, self._fence, job_id), "ReturnBlank", job_id)

    def void(self, job_id: str) -> JobResult:
        """Have the machine refuse a job that it never began, for ever."""
        return self._ending(lambda number: Void(number, self._fence, job_id), "Void", job_id)

    def status(self, job_id: str) -> JobStatus:
        """What the machine knows of the job."""
        reply = self._ask(lambda number: Status(number, job_id), StatusReply, job_id, self._patience.reply_s)
        return JobStatus(
            job_id=job_id,
            state=reply.state,
            released=reply.released,
            blank_serial=reply.blank_serial,
            data_sha256=reply.data_sha256,
            disposition=reply.disposition,
            cause=reply.cause,
            journal_id=reply.journal_id,
            journal_first=reply.journal_first,
            journal_next=reply.journal_next,
        )

    def release(self, job_id: str, result_hash: str) -> None:
        """Tell the machine that the result is booked; doesn't wait for the answer."""
        self._session.post(lambda number: Release(number, self._fence, job_id, result_hash), job_id)
        self._session.forget_result(job_id)

    def journal(self, since: int) -> list[JournalEntry]:
        """All entries from position `since` on. Raises UnexpectedAnswerError when the pages don't go on."""
        entries: list[JournalEntry] = []
        while len(entries) < MOST_JOURNAL_ENTRIES:
            page = self._session.ask(partial(_journal_since, since), JournalPage, self._patience.reply_s)
            positions = [entry.position for entry in page.entries]
            if positions != sorted(set(positions)) or (positions and positions[0] < since):
                raise UnexpectedAnswerError(self.machine, "Journal", "entries out of order")
            entries.extend(page.entries)
            since = positions[-1] + 1 if positions else page.journal_next
            if since >= page.journal_next:
                return entries
        raise UnexpectedAnswerError(self.machine, "Journal", f"more than {MOST_JOURNAL_ENTRIES} entries")

    def _ask(self, build: Callable[[int], Message], answer: type[M], job_id: str, timeout_s: float) -> M:
        return self._session.ask(build, answer, timeout_s, job_id=job_id)

    def _ended(self, job_id: str) -> Outcome | None:
        """The job's result, or None while it hasn't ended."""
        # Before asking, so that a result between the answer and the wait is not missed.
        self._session.expect_result(job_id)
        try:
            reply = self._session.ask(lambda number: AskResult(number, job_id), Result, self._patience.reply_s)
        except MachineRefusedError as refusal:
            if refusal.code != RefusalCode.WRONG_STATE.name:
                raise
            return None
        return self._of_job(reply, "AskResult", job_id)

    def _ending(self, build: Callable[[int], Message], request: str, job_id: str) -> JobResult:
        try:
            reply = self._session.ask(build, Result, self._patience.motion_s)
        except NoAnswerError:
            self._status_after(request, job_id, MachineJobState.RETURNING, RESULTS)
            outcome = self._ended(job_id)
            if outcome is None:
                raise
            return _result(outcome)
        return _result(self._of_job(reply, request, job_id))

    def _of_job(self, reply: Result, request: str, job_id: str) -> Outcome:
        if reply.outcome.job_id != job_id or reply.outcome.state not in RESULTS:
            raise UnexpectedAnswerError(self.machine, request, f"result of {reply.outcome.job_id}")
        return reply.outcome

    def _status_after(
        self, request: str, job_id: str, passing: MachineJobState, reached: frozenset[MachineJobState]
    ) -> JobStatus:
        """What STATUS says after `request` stayed unanswered, once the job has left the state `passing`.

        The link keeps the order, so an answered STATUS proves that the request was delivered or never will be.
        """
        deadline_s = monotonic() + self._patience.longest_s
        status = self.status(job_id)
        while status.state is passing and monotonic() < deadline_s:
            self._session.pause(self._patience.poll_s)
            status = self.status(job_id)
        if status.state not in reached:
            raise MachineRefusedError(self.machine, request, RefusalCode.WRONG_STATE.name, job_id, status.state.name, 0)
        return status


def _journal_since(since: int, number: int) -> Journal:
    return Journal(number, since)


def _result(outcome: Outcome) -> JobResult:
    return JobResult(
        outcome.job_id, outcome.state, outcome.blank_serial, outcome.disposition, outcome.cause, outcome.digest()
    )
