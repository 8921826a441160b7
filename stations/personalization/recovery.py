"""Before any work: what a machine and the books know of each other's open jobs is settled, then its blanks must agree.

The device layer asks (`devices.recovery`); here its answers are booked, and what no machine can answer becomes two
people's to settle.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog
from sqlalchemy import Connection

import devices.recovery
from devices.jobs import Disposition, JobIntent, JobState, MachineJobState
from devices.recovery import InDoubt, Reconciliation
from devices.roles import JobResult, MachineIdentity, Personalizer
from handoff_logs import log
from stations.personalization import activity, bench, blanks, booking, counters, forgotten, holds, jobs, leases, rules
from stations.personalization.booking import Work
from stations.personalization.desk import MachineDesk
from stations.personalization.errors import ForeignBlankError
from stations.personalization.leases import Lease
from stations.personalization.setup import Setup
from stations.personalization.tables import Activity
from stations.workplace import Workplace

FOREIGN_BLANK = "foreign-blank"
COUNTERS_DISAGREE = "counters-disagree"
NUMBER_UNKNOWN = "made with a number that the database forgot: deface it, record made-bad"
UNKNOWN_JOBS = "unknown-jobs"
"""The machine did what the books do not know: nothing is drawn before that is booked."""
JOURNALS_UNREAD = "journals-unread"
"""After a declared loss: another machine has not told yet what it made, or told of jobs that nobody knows."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Session:
    """An open, claimed and reconciled machine; `held` says why nothing may be drawn on it, if so."""

    identity: MachineIdentity
    lease: Lease
    held: str | None


def begin(
    workplace: Workplace, personalizer: Personalizer, setup: Setup, desk: MachineDesk | None, stop: threading.Event
) -> Session:
    """Open a machine, claim it, settle every open job with it, and compare its counters with the books.

    With a `desk`, its people settle at once what is in doubt. Raises `LeaseHeldError`, and what the personalizer
    raises.
    """
    activity.note_lost(workplace, personalizer.machine, setup.worker, booking.now_us())
    journal = _Journal(workplace, setup)
    opened = personalizer.open()
    personalizer.claim(journal.next_fence(personalizer.machine, opened.fence))
    unknown = forgotten.take_up(workplace, personalizer, journal.lease, setup, opened)
    intents = journal.open_intents(personalizer.machine)
    asked = devices.recovery.reconcile(personalizer, intents, journal.booked_result)
    settling = _Settling(workplace, personalizer, journal.lease, setup, stop)
    settling.book(asked)
    if desk is not None:
        bench.clear(workplace, desk, personalizer.machine)
        blanks.restock(workplace, desk, personalizer.machine, rules.blank_kind(setup.products))
    identity = personalizer.hello()
    held = _reason_to_hold(workplace, setup, identity, bool(asked.strangers) or unknown > 0)
    if held == COUNTERS_DISAGREE and desk is not None and bench.count(workplace, desk, identity):
        held = None
    if held and activity.show(workplace, personalizer.machine, Activity.HELD, held, booking.now_us()):
        _log.warning("machine_held", machine=personalizer.machine, reason=held)
    return Session(identity, journal.lease, held)


def _reason_to_hold(workplace: Workplace, setup: Setup, identity: MachineIdentity, strangers: bool) -> str | None:
    if strangers:
        return UNKNOWN_JOBS
    if forgotten.unread(workplace, setup):
        return JOURNALS_UNREAD
    if not identity.balanced:
        return "counters-broken"
    with workplace.database.read() as conn:
        if jobs.in_doubt(conn, identity.machine):
            return "in-doubt"
    if workplace.database.write(lambda tx: counters.excess(tx, identity)):
        return COUNTERS_DISAGREE
    with workplace.database.read() as conn:
        return None if holds.finding(conn, identity.machine) is None else holds.REASON


class _Journal:
    """The `devices.jobs.JobJournal` of one machine on the database; `lease` is what the last fence stands for."""

    lease: Lease

    def __init__(self, workplace: Workplace, setup: Setup) -> None:
        self._database, self._setup = workplace.database, setup

    def next_fence(self, machine: str, above: int) -> int:
        """Take the machine's lease; its fence."""
        database, setup = self._database, self._setup
        self.lease = database.write(
            lambda tx: leases.take(tx, database.clock_us(tx), machine, setup.worker, setup.lease_s, above)
        )
        return self.lease.fence

    def open_intents(self, machine: str) -> Sequence[JobIntent]:
        """The machine's jobs without a booked outcome, but for those that are two people's already."""
        with self._database.read() as conn:
            rows = jobs.unreleased(conn, machine)
        return [
            JobIntent(
                row.job_id,
                row.machine,
                row.machine_serial,
                row.journal_id,
                row.journal_position,
                JobState(row.state),
                row.blank_serial,
                row.data_sha256,
            )
            for row in rows
            if row.unfinished and row.doubt is None
        ]

    def booked_result(self, job_id: str) -> str | None:
        """The hash of the result that is booked for this job."""
        with self._database.read() as conn:
            row = jobs.find(conn, job_id)
        return None if row is None else row.result_hash


class _Settling:
    """Books what a machine answered about its open jobs; nothing is drawn meanwhile."""

    def __init__(
        self,
        workplace: Workplace,
        personalizer: Personalizer,
        lease: Lease,
        setup: Setup,
        stop: threading.Event,
    ) -> None:
        self._workplace, self._personalizer, self._lease = workplace, personalizer, lease
        self._setup, self._stop = setup, stop
        self._machine = personalizer.machine

    def book(self, asked: Reconciliation) -> None:
        """Bring every open job of the machine to its end, or into doubt."""
        for intent, result in asked.settled:
            self._book(intent, result)
        for intent, _ in asked.waiting:
            self._book(intent, self._personalizer.return_blank(intent.job_id))
        for intent in asked.working:
            self._book(intent, self._await_end(intent.job_id))
        for intent in asked.unheard:
            self._book(intent, self._personalizer.void(intent.job_id))
        for doubt in asked.in_doubt:
            self._doubt(doubt)
        self._book_released()

    def _await_end(self, job_id: str) -> JobResult:
        """The result of a job that the machine is at; a blank that is only being drawn is given back."""
        while (status := self._personalizer.status(job_id)).state is MachineJobState.FEEDING:
            self._stop.wait(self._setup.poll_s)
        if status.state is MachineJobState.FED:
            return self._personalizer.return_blank(job_id)
        return self._personalizer.result(job_id, self._setup.work_s)

    def _book(self, intent: JobIntent, result: JobResult) -> None:
        if not result.certain:
            self._doubt(InDoubt(intent, "the machine lost power during the act", result))
            return
        if intent.blank_serial and result.blank_serial and intent.blank_serial != result.blank_serial:
            self._doubt(InDoubt(intent, "the machine ended the job with another blank", result))
            return
        if result.made and intent.data_sha256 is None and self._number_is_unknown(intent.job_id):
            self._doubt(InDoubt(intent, NUMBER_UNKNOWN, result))
            return

        def end(tx: Connection) -> None:
            book_result(tx, self._workplace, self._lease, self._work(tx, intent), result)

        self._workplace.database.write(end)
        self._personalizer.release(result.job_id, result.result_hash)

    def _number_is_unknown(self, job_id: str) -> bool:
        """Whether the books never built the data that were made, and so don't know the number on the piece."""
        with self._workplace.database.read() as conn:
            row = jobs.find(conn, job_id)
        return row is not None and row.specimen is None and rules.numbered_from_range(row.product)

    def _doubt(self, doubt: InDoubt) -> None:
        self._workplace.database.write(lambda tx: self._book_doubt(tx, doubt))
        _log.warning("job_in_doubt", machine=self._machine, job=doubt.intent.job_id)
        if doubt.result is not None:
            self._personalizer.release(doubt.result.job_id, doubt.result.result_hash)

    def _book_doubt(self, tx: Connection, doubt: InDoubt) -> None:
        work = self._work(tx, doubt.intent)
        result = doubt.result
        if result is not None and result.blank_serial:
            work = drawn(tx, self._workplace, self._lease, work, result.blank_serial)
        if work.state is not JobState.UNCERTAIN:
            jobs.uncertain(tx, self._lease, work.job_id, work.state)
        if work.blank_unit is not None:
            rejected = result is not None and result.disposition is Disposition.REJECT_BIN
            place = rules.reject_bin(self._machine) if rejected else rules.path(self._machine)
            stamp = booking.stamp(self._workplace, self._machine, work, "in-doubt")
            log.doubt(tx, self._workplace.party(), [work.blank_unit], place, stamp)
        jobs.doubted(tx, self._lease, work.job_id, doubt.reason, result.result_hash if result else None)

    def _work(self, tx: Connection, intent: JobIntent) -> Work:
        row = jobs.find(tx, intent.job_id)
        if row is None:
            raise LookupError(intent.job_id)
        return booking.work_of(row)

    def _book_released(self) -> None:
        """Results that were booked, and that the machine let go of by now, are done with."""

        def close(tx: Connection) -> None:
            if ended := [row.job_id for row in jobs.unreleased(tx, self._machine) if not row.unfinished]:
                jobs.released(tx, self._lease, ended)

        self._workplace.database.write(close)


def drawn(tx: Connection, workplace: Workplace, lease: Lease, work: Work, serial: str) -> Work:
    """`work` with the blank that the machine says it drew for it, booked if it was not."""
    if work.blank_unit is not None or work.state not in (JobState.INTENT, JobState.UNCERTAIN):
        return work
    if work.state is JobState.UNCERTAIN:
        unit = booking.book_drawn_unseen(tx, workplace, lease, work, serial)
        return replace(work, blank_serial=serial, blank_unit=unit)
    unit = booking.book_fed(tx, workplace, lease, work, serial)
    return replace(work, state=JobState.FED, blank_serial=serial, blank_unit=unit)


def leave_uncertain(workplace: Workplace, lease: Lease) -> None:
    """Record that nobody knows how the machine's jobs in hand stand.

    Recovery asks the machine, and no other job is made.
    """

    def mark(tx: Connection) -> None:
        for row in jobs.unreleased(tx, lease.machine):
            if row.unfinished and row.state != JobState.UNCERTAIN:
                jobs.uncertain(tx, lease, row.job_id, JobState(row.state))

    workplace.database.write(mark)


def book_result(tx: Connection, workplace: Workplace, lease: Lease, work: Work, result: JobResult) -> None:
    """Book how a job ended, as its machine knows it.

    Raises ForeignBlankError when it ended with another blank than the one that was drawn, ValueError for UNKNOWN, which
    is no end.
    """
    if work.blank_serial and result.blank_serial and work.blank_serial != result.blank_serial:
        raise ForeignBlankError(lease.machine, result.blank_serial, f"the path for another, {work.blank_serial}")
    if result.blank_serial:
        work = drawn(tx, workplace, lease, work, result.blank_serial)
    code = result.cause.name.lower().replace("_", "-")
    if result.state is MachineJobState.DONE and work.specimen:
        booking.book_specimen(tx, workplace, lease, work, None, result.result_hash)
    elif result.state is MachineJobState.DONE:
        booking.book_good(tx, workplace, lease, work, result.result_hash)
    elif result.state is MachineJobState.RETURNED:
        booking.book_returned(tx, workplace, lease, work, code, result.result_hash)
    elif result.state is MachineJobState.VOIDED or result.disposition is Disposition.NONE:
        booking.book_nothing(tx, lease, work, code, result.result_hash)
    elif result.state is MachineJobState.FAILED and work.specimen:
        booking.book_specimen(tx, workplace, lease, work, code, result.result_hash)
    elif result.state is MachineJobState.FAILED:
        booking.book_failed(tx, workplace, lease, work, code, result.result_hash)
    else:
        raise ValueError(f"job {work.job_id} is {result.state.name}, which is no end to book")
