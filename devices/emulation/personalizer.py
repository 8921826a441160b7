"""An emulated book or card personalizer behind its port: messages in, the controller's work, replies out."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from devices import messages as m
from devices.emulation import answers, covers
from devices.emulation.answers import outcome, state_of
from devices.emulation.control import Answer, Request
from devices.emulation.emulator import FIRMWARE, EmulatorSetup
from devices.emulation.endpoint import Endpoint
from devices.emulation.faults import FaultName
from devices.emulation.machine import Chance, Machine, Pace
from devices.emulation.memory import Journal
from devices.emulation.preparation import OtherBlankError, Preparations, Transfer
from devices.emulation.work import Work
from devices.emulation.world import Stack, World
from devices.errors import MalformedError
from devices.jobs import DRAWN, JOB_ID_BYTES, RESULTS, Cause
from devices.jobs import MachineJobState as State
from devices.messages import JournalEntry, RefusalCode


class PersonalizerEmulator:
    """A personalizer; `model` is its driver's name."""

    def __init__(self, model: str, setup: EmulatorSetup, pace: Pace) -> None:
        self._model, self._serial = model, setup.serial
        self._boot_id = os.urandom(JOB_ID_BYTES).hex()
        chance = Chance(setup.seed, setup.id, spoil_rate=setup.spoil_rate, misread_rate=setup.misread_rate)
        self._machine = Machine(setup.id, World(setup.world), pace, chance, setup.faults)
        self._journal = Journal(setup.folder / "journal", setup.faults)
        self._faults = setup.faults
        self._preparations = Preparations()
        self._endpoint = Endpoint(self._handle, self._forget_session)
        self._work = Work(self._journal, self._machine, setup.speed, self._tell_end)
        self._claimed = False
        self._now_s = 0.0

    @property
    def next_deadline_s(self) -> float | None:
        """When a motion goes on or the link wants to send again."""
        due = [moment for moment in (self._work.next_deadline_s, self._endpoint.next_deadline_s) if moment is not None]
        return min(due, default=None)

    def turn(self, data: bytes, now_s: float) -> bytes:
        """Handle what came in, let move what is due, and return what goes out."""
        self._now_s = now_s
        self._endpoint.receive(data, now_s)
        self._work.move(now_s)
        return self._endpoint.outgoing()

    def set_speed(self, speed: float) -> None:
        """Divide machine time by `speed` from the next motion on; 0: no machine time."""
        self._work.speed = speed

    def control(self, request: Request) -> Answer:
        """Do what a person does at the machine's covers."""
        return covers.control(request, self._machine, self._journal, self._work)

    def lose_power(self) -> None:
        """Drop what the journal has not on stable storage."""
        self._journal.lose_power()

    def close(self) -> None:
        """Close journal and tally."""
        self._journal.close()
        self._machine.close()

    def _forget_session(self) -> None:
        self._claimed = False
        self._preparations.end_session()
        self._work.forget_requests()

    def _handle(self, message: m.Message) -> None:
        handler = _HANDLERS.get(type(message))
        if handler is None:
            self._endpoint.refuse(message, RefusalCode.UNSUPPORTED)
        elif not isinstance(message, m.Fenced) or isinstance(message, m.Claim):
            handler(self, message)
        elif not self._claimed:
            self._endpoint.refuse(message, RefusalCode.NOT_CLAIMED)
        elif message.fence != self._journal.fence:
            # Equality, not order: a machine that lost its memory must not obey an older session.
            self._endpoint.refuse(message, RefusalCode.STALE_FENCE, detail=self._journal.fence)
        else:
            handler(self, message)

    def _tell_end(self, job: JournalEntry, request: int) -> None:
        """Tell how a motion ended: to the request that waits for it, and every result unasked as well."""
        if job.state in RESULTS:
            self._preparations.drop(job.job_id)
        if job.state is State.FED:
            if request != m.UNASKED:
                self._endpoint.send(m.Fed(request, job.job_id, job.blank_serial))
        elif job.state is State.RETURNED:
            self._endpoint.send(m.Result(request, outcome(job)))
        else:
            self._endpoint.send(m.Result(m.UNASKED, outcome(job)))
            if request != m.UNASKED:
                self._endpoint.refuse(m.Message(request), RefusalCode.WRONG_STATE, job.job_id, job.state)

    # Requests, each of which may come more than once.

    def _hello(self, hello: m.Hello) -> None:
        version, max_payload, window = self._endpoint.agree(hello)
        counters, journal = self._machine.counters, self._journal
        cloned = self._faults.strike(FaultName.CLONED_SERIAL) is not None
        reply = m.HelloReply(
            request=hello.request,
            version=version,
            max_payload=max_payload,
            window=window,
            model=self._model,
            serial=self._serial,
            firmware=FIRMWARE,
            boot_id=self._boot_id,
            emulated=True,
            journal_id=os.urandom(JOB_ID_BYTES).hex() if cloned else journal.journal_id,
            journal_first=journal.first,
            journal_next=journal.next,
            fence=journal.fence,
            counters=m.Counters(
                counters.fed, counters.good, counters.rejected, counters.returned, self._machine.in_path
            ),
            open_jobs=answers.open_jobs(journal),
        )
        self._endpoint.send(reply)
        self._endpoint.take_up(max_payload, window)

    def _claim(self, claim: m.Claim) -> None:
        fence = self._journal.fence
        if claim.journal_id != self._journal.journal_id:
            self._endpoint.refuse(claim, RefusalCode.OTHER_JOURNAL)
        elif claim.fence > fence or (self._claimed and claim.fence == fence):
            if claim.fence > fence:
                self._journal.raise_fence(claim.fence)
            self._claimed = True
            self._endpoint.send(m.Claimed(claim.request, claim.fence))
        else:
            self._endpoint.refuse(claim, RefusalCode.STALE_FENCE, detail=fence)

    def _feed(self, feed: m.Feed) -> None:
        job = self._journal.job(feed.job_id)
        if job is None:
            if self._may_move(feed, None) and self._may_draw(feed):
                self._work.feed(feed.job_id, feed.request, self._now_s)
        elif job.state in DRAWN:
            self._endpoint.send(m.Fed(feed.request, job.job_id, job.blank_serial))
        elif job.state is State.FEEDING and self._work.feeder is not None:
            self._work.feeder.request = feed.request
        else:
            self._refuse_state(feed, job)

    def _may_draw(self, feed: m.Feed) -> bool:
        if self._work.any_job({State.FEEDING, State.RETURNING} | DRAWN):
            self._endpoint.refuse(feed, RefusalCode.PATH_OCCUPIED, feed.job_id)
        elif len(self._journal.open_jobs) >= m.MAX_OPEN_JOBS:
            self._endpoint.refuse(feed, RefusalCode.TOO_MANY_OPEN_JOBS, feed.job_id, detail=m.MAX_OPEN_JOBS)
        elif not self._machine.stacks[Stack.INPUT] or self._faults.strike(FaultName.OUT_OF_BLANKS):
            self._endpoint.refuse(feed, RefusalCode.OUT_OF_BLANKS, feed.job_id)
        elif self._faults.strike(FaultName.REJECT_BIN_FULL):
            self._endpoint.refuse(feed, RefusalCode.REJECT_BIN_FULL, feed.job_id)
        else:
            return True
        return False

    def _may_move(self, request: m.JobRequest, job: JournalEntry | None) -> bool:
        if self._journal.held:
            self._endpoint.refuse(request, RefusalCode.JOURNAL_FAULT, request.job_id, state_of(job))
        elif self._work.jammed:
            self._endpoint.refuse(request, RefusalCode.HELD, request.job_id, state_of(job), Cause.JAM)
        else:
            return True
        return False

    def _refuse_state(self, request: m.JobRequest | m.JobReply, job: JournalEntry | None) -> None:
        code = RefusalCode.UNKNOWN_JOB if job is None else RefusalCode.WRONG_STATE
        self._endpoint.refuse(request, code, request.job_id, state_of(job))

    def _prepare(self, prepare: m.Prepare) -> None:
        job = self._journal.job(prepare.job_id)
        if job is not None and job.data_sha256 != m.NO_DIGEST:
            if job.data_sha256 == prepare.data_sha256:
                self._endpoint.send(m.Prepared(prepare.request, prepare.job_id))
            else:
                self._endpoint.refuse(prepare, RefusalCode.OTHER_DATA, job.job_id, job.state)
        elif job is None or job.state is not State.FED:
            self._refuse_state(prepare, job)
        elif prepare.size > m.MAX_DATA_BYTES:
            self._endpoint.refuse(prepare, RefusalCode.TOO_LARGE, job.job_id, job.state, m.MAX_DATA_BYTES)
        else:
            transfer = self._preparations.begin(prepare, job.blank_serial)
            if transfer.complete:
                self._whole(prepare, transfer)

    def _data(self, data: m.Data) -> None:
        try:
            transfer = self._preparations.add(data)
        except MalformedError:
            transfer = self._preparations.abandon(data.request)
            self._endpoint.refuse(data, RefusalCode.DATA_DAMAGED, transfer.job_id, State.FED)
            return
        if transfer is not None and transfer.complete:
            self._whole(data, transfer)

    def _whole(self, request: m.Message, transfer: Transfer) -> None:
        self._preparations.abandon(request.request)
        try:
            self._preparations.keep(transfer.job_id, transfer.marking())
        except MalformedError:
            self._endpoint.refuse(request, RefusalCode.DATA_DAMAGED, transfer.job_id, State.FED)
        except OtherBlankError:
            self._endpoint.refuse(request, RefusalCode.OTHER_DATA, transfer.job_id, State.FED)
        else:
            self._journal.enter(transfer.job_id, State.PREPARED, data_sha256=transfer.collector.data_sha256)
            self._endpoint.send(m.Prepared(request.request, transfer.job_id))

    def _start(self, start: m.Start) -> None:
        job = self._journal.job(start.job_id)
        if job is not None and job.state is State.WORKING:
            self._endpoint.send(m.Started(start.request, job.job_id))
        elif job is None or job.state is not State.PREPARED:
            self._refuse_state(start, job)
        elif self._work.any_job({State.WORKING}):
            self._endpoint.refuse(start, RefusalCode.PATH_OCCUPIED, job.job_id, job.state)
        elif self._may_move(start, job):
            self._work.make(job.job_id, self._preparations.take(job.job_id), self._now_s)
            self._endpoint.send(m.Started(start.request, job.job_id))

    def _return(self, request: m.ReturnBlank) -> None:
        job = self._journal.job(request.job_id)
        if job is not None and job.state is State.RETURNED:
            self._endpoint.send(m.Result(request.request, outcome(job)))
        elif job is not None and job.state is State.RETURNING and self._work.feeder is not None:
            self._work.feeder.request = request.request
        elif job is None or job.state not in DRAWN:
            self._refuse_state(request, job)
        elif self._may_move(request, job):
            self._preparations.drop(job.job_id)
            self._work.give_back(job.job_id, request.request, self._now_s)

    def _void(self, void: m.Void) -> None:
        job = self._journal.job(void.job_id)
        if job is None and self._journal.held:
            self._endpoint.refuse(void, RefusalCode.JOURNAL_FAULT, void.job_id)
        elif job is not None and job.state is not State.VOIDED:
            self._refuse_state(void, job)
        else:
            self._endpoint.send(m.Result(void.request, outcome(job or self._work.void(void.job_id))))

    def _release(self, release: m.Release) -> None:
        job = self._journal.job(release.job_id)
        if job is None or job.state not in RESULTS:
            self._refuse_state(release, job)
        elif outcome(job).digest() != release.result_sha256:
            self._endpoint.refuse(release, RefusalCode.OTHER_RESULT, job.job_id, job.state)
        else:
            if not job.released:
                self._journal.release(job)
            self._endpoint.send(m.Released(release.request, job.job_id))

    # Questions, which need no claim.

    def _status(self, ask: m.Status) -> None:
        self._endpoint.send(answers.status(ask, self._journal.job(ask.job_id), self._journal))

    def _ask_result(self, ask: m.AskResult) -> None:
        job = self._journal.job(ask.job_id)
        if job is not None and job.state in RESULTS:
            self._endpoint.send(m.Result(ask.request, outcome(job)))
        else:
            self._refuse_state(ask, job)

    def _page(self, ask: m.Journal) -> None:
        self._endpoint.send(answers.page(ask, self._journal, self._endpoint.max_payload))


_HANDLERS: dict[type[m.Message], Callable[[PersonalizerEmulator, Any], None]] = {
    m.Hello: PersonalizerEmulator._hello,
    m.Claim: PersonalizerEmulator._claim,
    m.Feed: PersonalizerEmulator._feed,
    m.Prepare: PersonalizerEmulator._prepare,
    m.Data: PersonalizerEmulator._data,
    m.Start: PersonalizerEmulator._start,
    m.ReturnBlank: PersonalizerEmulator._return,
    m.Void: PersonalizerEmulator._void,
    m.Status: PersonalizerEmulator._status,
    m.AskResult: PersonalizerEmulator._ask_result,
    m.Release: PersonalizerEmulator._release,
    m.Journal: PersonalizerEmulator._page,
}
