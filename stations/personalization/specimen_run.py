"""One specimen on one machine, by the steps of any job: each committed before the message that it allows is sent."""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from time import monotonic

from sqlalchemy import Connection

from devices.errors import DeviceError, MachineRefusedError, NoAnswerError
from devices.jobs import MachineJobState
from devices.messages import RefusalCode
from devices.roles import JobResult, Personalizer
from handoff_logs.errors import HandoffLogError
from stations.errors import StationError
from stations.personalization import activity, booking, jobs, leases, recovery, specimen_data, specimens
from stations.personalization.booking import Work
from stations.personalization.errors import (
    FenceLostError,
    ForeignBlankError,
    SpecimenRefusedError,
    SpecimenUncertainError,
)
from stations.personalization.recovery import Session
from stations.personalization.setup import Setup
from stations.personalization.tables import Activity
from stations.workplace import Workplace

RENEWALS_A_LEASE = 3
SETTING_UP = Activity.STOPPED, "specimen"
"""What a machine does from the draw of a specimen until two have voided it: wanted, and at no production."""


@dataclass(frozen=True, slots=True)
class Specimen:
    """What came of one: `serial` is empty where the machine could not read it, `spoiled` why it was not made."""

    job_id: str
    serial: str
    spoiled: str | None


@dataclass(frozen=True, slots=True)
class Ended:
    """How it ended: `made` is None where an `earlier` one was left and ended first; the serials that were voided."""

    earlier: bool
    made: Specimen | None
    voided: list[str]


def run(
    workplace: Workplace,
    personalizer: Personalizer,
    setup: Setup,
    product: str,
    reason: str,
    load: Callable[[], bool],
    void: Callable[[], list[str]],
) -> Ended:
    """Open a machine of a line that stands, end the specimen that was left there or make one, and have it voided.

    `workplace` has the two who signed for it. `load` lays blanks on the input stack and says whether some lie there;
    `void` is their physical act and its record. Nobody settles anything else: what is in doubt stays so. Raises as
    `make`, and `LeaseHeldError`.
    """
    try:
        session = recovery.begin(workplace, personalizer, setup, None, threading.Event())
        machine = session.lease.machine
        try:
            with workplace.database.read() as conn:
                earlier = bool(specimens.left(conn, machine))
            made = None
            if not earlier:
                if session.held is not None:
                    raise SpecimenRefusedError(machine, f"it is held ({session.held}); the line's next run says why")
                made = make(workplace, personalizer, setup, session, product, reason, load)
            return Ended(earlier, made, void())
        finally:
            _let_go(workplace, session)
    finally:
        personalizer.close()


def make(
    workplace: Workplace,
    personalizer: Personalizer,
    setup: Setup,
    session: Session,
    product: str,
    reason: str,
    load: Callable[[], bool],
) -> Specimen:
    """Draw a blank and make a specimen of `product` of it; it lies in the machine's good stack, or its reject bin.

    `session` is what `recovery.begin` gave; `load` lays blanks on the input stack and says whether some lie there.
    Whatever stops this leaves the job uncertain: recovery asks the machine, and no other specimen is made of it. Raises
    `SpecimenRefusedError`, `SpecimenUncertainError`, `ForeignBlankError`, `FenceLostError`, and what the personalizer
    raises.
    """
    making = _Making(workplace, personalizer, setup, session)
    try:
        return making.make(product, reason, load)
    except FenceLostError:
        raise
    except (DeviceError, HandoffLogError, StationError):
        recovery.leave_uncertain(workplace, session.lease)
        raise


def _let_go(workplace: Workplace, session: Session) -> None:
    """End the session: what the machine let go of is recorded, and another worker need not wait for it."""
    lease = session.lease

    def step(tx: Connection) -> None:
        if activity.shown(tx, lease.machine) == SETTING_UP:
            activity.change(tx, workplace, lease.machine, (Activity.STOPPED, None), booking.now_us())
        if ended := [row.job_id for row in jobs.unreleased(tx, lease.machine) if not row.unfinished]:
            jobs.released(tx, lease, ended)
        leases.give_back(tx, lease)

    workplace.database.write(step)


class _Making:
    def __init__(self, workplace: Workplace, personalizer: Personalizer, setup: Setup, session: Session) -> None:
        self._workplace, self._personalizer, self._setup = workplace, personalizer, setup
        self._identity, self._lease = session.identity, session.lease

    def make(self, product: str, reason: str, load: Callable[[], bool]) -> Specimen:
        work = self._draw(product, reason)
        serial = self._feed(work, load)
        if isinstance(serial, JobResult):
            return self._end(work, serial)
        encoded = specimen_data.piece(product, serial, self._setup.maker).encode()
        work = self._prepared(work, serial, encoded)
        self._personalizer.prepare(work.job_id, encoded)
        self._personalizer.start(work.job_id)
        return self._end(work, self._await_end(work))

    def _draw(self, product: str, reason: str) -> Work:
        machine = replace(self._identity, journal_next=self._personalizer.journal_position)
        database, centre = self._workplace.database, self._setup.centre

        def draw(tx: Connection) -> Work:
            work = specimens.draw(tx, self._workplace, self._lease, machine, centre, product, reason)
            activity.change(tx, self._workplace, machine.machine, SETTING_UP, booking.now_us())
            return work

        return database.write(draw)

    def _feed(self, work: Work, load: Callable[[], bool]) -> str | JobResult:
        """The blank drawn, or how the job ended where the machine spoiled one in drawing it."""
        while True:
            try:
                return self._personalizer.feed(work.job_id)
            except MachineRefusedError as refusal:
                without = refusal.code == RefusalCode.OUT_OF_BLANKS.name
                if without and load():
                    continue
                if refusal.state == MachineJobState.FAILED.name:
                    return self._personalizer.result(work.job_id, 0.0)
                self._end(work, self._personalizer.void(work.job_id))
                if without:
                    raise SpecimenRefusedError(self._lease.machine, "it has no blank; load or issue some") from None
                raise

    def _prepared(self, work: Work, serial: str, encoded: bytes) -> Work:
        digest = hashlib.sha256(encoded).hexdigest()
        try:
            return self._workplace.database.write(
                lambda tx: booking.book_prepared(
                    tx, self._workplace, self._lease, work, serial, None, digest, start=True
                )
            )
        except ForeignBlankError:
            result = self._personalizer.return_blank(work.job_id)
            self._write(
                lambda tx: booking.book_returned(
                    tx, self._workplace, self._lease, work, recovery.FOREIGN_BLANK, result.result_hash
                )
            )
            self._personalizer.release(result.job_id, result.result_hash)
            raise

    def _await_end(self, work: Work) -> JobResult:
        """The job's end, waited for in slices so that the lease never lapses meanwhile."""
        slice_s = min(self._setup.lease_s / RENEWALS_A_LEASE, self._setup.work_s)
        deadline_s = monotonic() + self._setup.work_s
        while True:
            try:
                return self._personalizer.result(work.job_id, slice_s)
            except NoAnswerError:
                if monotonic() >= deadline_s:
                    raise
                self._write(lambda _: None)

    def _end(self, work: Work, result: JobResult) -> Specimen:
        if not result.certain:
            raise SpecimenUncertainError(self._lease.machine, work.job_id)
        self._write(lambda tx: recovery.book_result(tx, self._workplace, self._lease, work, result))
        self._personalizer.release(result.job_id, result.result_hash)
        spoiled = None if result.made else result.cause.name.lower().replace("_", "-")
        return Specimen(work.job_id, result.blank_serial or work.blank_serial or "", spoiled)

    def _write(self, step: Callable[[Connection], None]) -> None:
        database = self._workplace.database

        def renewed(tx: Connection) -> None:
            leases.renew(tx, database.clock_us(tx), self._lease, self._setup.lease_s)
            step(tx)

        database.write(renewed)
