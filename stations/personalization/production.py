"""One machine at work: orders become documents, two jobs at a time, one at work and one drawn and prepared behind it.

An order of the green channel overtakes the one that is prepared: the machine gives that one's blank back and draws for
the other as soon as it has finished what it writes.

Every message that can move something goes out after the commit that allows it. Commits that allow different messages
at the same moment are one: the result of the last job, the start of the next and the intent of the one after it; and
the blank that was drawn with the data built for it and the release of the job before. Where the last job has ended by
the time the next one's data are built, these two are one as well.
"""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from time import monotonic
from typing import TypeVar

import structlog
from sqlalchemy import Connection

from devices.errors import DeviceError, MachineRefusedError, NoAnswerError
from devices.jobs import JobState, MachineJobState
from devices.messages import RefusalCode
from devices.roles import JobResult, Personalizer
from handoff_logs.errors import HandoffLogError
from stations.climate import bar
from stations.errors import ApplicationStoppedError, StationError
from stations.personalization import (
    activity,
    acts,
    bench,
    blanks,
    booking,
    data,
    draws,
    holds,
    jobs,
    leases,
    recovery,
    rules,
)
from stations.personalization.booking import Work
from stations.personalization.desk import MachineDesk
from stations.personalization.draws import Draw
from stations.personalization.errors import (
    FenceLostError,
    ForeignBlankError,
    HeldByFindingError,
    LeaseHeldError,
    NumbersExhaustedError,
)
from stations.personalization.recovery import Session
from stations.personalization.setup import Setup
from stations.personalization.tables import Activity
from stations.workplace import Workplace

T = TypeVar("T")

LOOK_INSIDE = frozenset({RefusalCode.HELD.name, RefusalCode.JOURNAL_FAULT.name})
"""Refusals that end when a person has opened the machine: until then a jammed one can't even give a blank back."""
LOOK = "look-inside"
"""Why a machine is held that a person must open."""
NO_BLANKS = "no-blanks"
NOT_LAID_IN = "not-laid-in"
"""It feeds none of the blanks that the log has in it."""
BIN_FULL = "bin-full"
AIR_EVERY_S = 0.5
"""How often an idle machine asks for the air around it; every draw asks anyway."""
OVERTAKEN = "overtaken"
"""Why the blank of a prepared document was given back, where an order of the green channel went before it."""
RENEWALS_A_LEASE = 3
RELEASES_TOGETHER = 8
"""Released results are recorded by so many: until then recovery finds them booked, asks, and records the same."""
_log = structlog.get_logger()


@dataclass(slots=True)
class MachineRun:
    """What one machine made during a run, and how often it was lost and taken up again."""

    machine: str
    good: int = 0
    failed: int = 0
    returned: int = 0
    lost: int = 0


def run_machine(
    workplace: Workplace,
    machine_id: str,
    personalizer: Personalizer,
    stop: threading.Event,
    *,
    setup: Setup,
    desk: MachineDesk | None = None,
    session: Session | None = None,
) -> MachineRun:
    """Work one machine until `stop` is set, then finish the documents in it and let go of it.

    Blocks; one thread a machine. `session` is what `recovery.begin` gave, or None to begin here. A machine that is lost
    or held leaves its drawn jobs uncertain, is opened and reconciled again every `setup.retry_s`, and the others go on.
    Raises `FenceLostError` when another worker took the machine.
    """
    run = MachineRun(machine_id)
    while True:
        righted_us, shut = _put_right_us(workplace, machine_id), False
        try:
            session = session or recovery.begin(workplace, personalizer, setup, desk, stop)
            if session.held is None:
                _Production(workplace, personalizer, stop, setup, desk, session, run).work()
        except FenceLostError:
            personalizer.close()
            raise
        except (DeviceError, HandoffLogError, StationError) as error:
            run.lost += 1
            session = None
            shut = isinstance(error, MachineRefusedError) and error.code in LOOK_INSIDE
            if not isinstance(error, LeaseHeldError):  # another worker's machine is that one's to show
                _hold(workplace, machine_id, LOOK if shut and desk is None else type(error).__name__)
            if desk is not None and shut:
                desk.clear(machine_id)
        if stop.is_set():
            break
        personalizer.close()
        session = None
        stop.wait(setup.retry_s)
        # Each try is a job: while a machine needs a person inside, people say when it is worth one.
        while shut and desk is None and not stop.is_set() and _put_right_us(workplace, machine_id) == righted_us:
            stop.wait(setup.retry_s)
    _let_go(workplace, machine_id, session)
    personalizer.close()
    return run


def _put_right_us(workplace: Workplace, machine: str) -> int | None:
    with workplace.database.read() as conn:
        return acts.put_right_us(conn, machine)


def _hold(workplace: Workplace, machine: str, reason: str) -> None:
    if activity.show(workplace, machine, Activity.HELD, reason, booking.now_us()):
        _log.warning("machine_held", machine=machine, reason=reason)


def _let_go(workplace: Workplace, machine: str, session: Session | None) -> None:
    """End the machine's time at work; without a session it was lost last, and is held."""

    def step(tx: Connection) -> None:
        if session is not None:
            leases.give_back(tx, session.lease)
        held = session is None or session.held is not None or holds.finding(tx, machine) is not None
        activity.let_go(tx, workplace, machine, booking.now_us(), held=held)

    workplace.database.write(step)


@dataclass(frozen=True, slots=True)
class _Built:
    """A job whose blank was drawn and whose data are built, neither of them booked yet."""

    work: Work
    serial: str
    number: str
    encoded: bytes


@dataclass(frozen=True, slots=True)
class _Waits:
    """Why a machine waits for hands, where, how many blanks the log had there then, and when it was last put right."""

    reason: str
    place: str
    held: int
    righted_us: int | None


class _Production:
    """The work of one session: at most one job `working`, one `ready` behind it, and one `drawn` for the next blank."""

    def __init__(
        self,
        workplace: Workplace,
        personalizer: Personalizer,
        stop: threading.Event,
        setup: Setup,
        desk: MachineDesk | None,
        session: Session,
        run: MachineRun,
    ) -> None:
        self._workplace, self._personalizer, self._stop = workplace, personalizer, stop
        self._setup, self._desk, self._run = setup, desk, run
        self._identity, self._lease = session.identity, session.lease
        self._machine = session.lease.machine
        self._working: Work | None = None
        self._ready: Work | None = None
        self._drawn: Work | None = None
        self._let_go: list[str] = []  # released by the machine, not yet recorded so
        self._waits: _Waits | None = None
        self._held = False
        self._barred: str | None = None  # why the air around it lets it draw nothing
        self._air_asked_s = -AIR_EVERY_S
        self._shown: activity.Shown | None = None
        self._renewed_s = monotonic()

    def work(self) -> None:
        """Make documents until told to stop, or people hold the machine, and everything in it is finished."""
        try:
            while self._turn():
                pass
        except (DeviceError, HandoffLogError, StationError) as error:
            if not isinstance(error, FenceLostError):
                recovery.leave_uncertain(self._workplace, self._lease)
            raise

    def _turn(self) -> bool:
        result: JobResult | None = None
        built = self._build(self._drawn) if self._drawn is not None else None
        if built is not None:
            if self._working is not None:
                result = self._personalizer.ended(self._working.job_id)
            if self._working is None or result is not None:
                self._go_on(result, built)
                return True
            self._prepare(built)
        if self._working is not None:
            result = self._await_end(self._working)
        elif self._ready is None and (self._stop.is_set() or self._held):
            self._note_releases()
            return False
        self._go_on(result)
        if self._working is None and self._drawn is None and not self._held:
            self._idle()
        return True

    def _go_on(self, result: JobResult | None, built: _Built | None = None) -> None:
        """One commit: the result of the job at work, the start of the one behind it, the intent of the next.

        The one behind it is the prepared one, or with `built` one whose blank and data this commit books as well. Where
        a green order waits it is not started: the intent is that order's.
        """
        draws = (self._drawn is None or built is not None) and not self._stop.is_set() and not self._waits_for_hands()
        behind = self._ready if built is None else built.work

        def step(tx: Connection) -> tuple[Work | None, Draw | None, str]:
            # Asked before anything else is locked. What is drawn already is finished in whatever air.
            self._barred = bar.barred(tx, self._machine, self._workplace.database.clock_us(tx)) if draws else None
            may_draw = draws and self._barred is None
            if result is not None and self._working is not None:
                recovery.book_result(tx, self._workplace, self._lease, self._working, result)
            if may_draw and behind is not None and (green := self._draw(tx, overtaking=behind.application_id)):
                return (self._ready if built is None else self._book(tx, built)), green, OVERTAKEN
            ready = self._starting(tx) if built is None else self._book(tx, built, start=True)
            return ready, self._draw(tx) if may_draw else None, "stopped"

        ready, draw, not_made = self._write(step) if built is None else self._unless_foreign(built, step)
        self._drawn = _work(draw) if draw is not None else None
        self._ready = None
        self._working = ready if ready is not None and ready.state is JobState.STARTING else None
        if result is not None:
            self._release(result)
        if self._working is not None:
            if built is not None:
                self._personalizer.make(built.work.job_id, built.encoded)
            else:
                self._personalizer.start(self._working.job_id)
            self._show(Activity.EXECUTE)
        elif ready is not None:
            self._give_back(ready, not_made)
        if result is not None and not result.made and self._desk is not None:
            bench.clear(self._workplace, self._desk, self._machine)

    def _starting(self, tx: Connection) -> Work | None:
        """The prepared job, STARTING unless its application was stopped; None where none is prepared."""
        if self._ready is None:
            return None
        try:
            jobs.starting(tx, self._lease, self._ready.job_id, booking.now_us())
        except ApplicationStoppedError:
            return self._ready
        return replace(self._ready, state=JobState.STARTING)

    def _draw(self, tx: Connection, overtaking: str | None = None) -> Draw | None:
        # Where a machine only counts what it drew, the count at this very intent is what proves something later.
        machine = replace(self._identity, journal_next=self._personalizer.journal_position)
        try:
            setup, now_us = self._setup, booking.now_us()
            return draws.draw(tx, self._lease, machine, setup.centre, setup.products, now_us, overtaking=overtaking)
        except HeldByFindingError:
            self._held = True
            return None
        except NumbersExhaustedError as error:
            _log.error("numbers_exhausted", machine=self._machine, product=error.product)
            return None

    def _build(self, work: Work) -> _Built | None:
        """Draw a blank for a committed intent and build its data; None when none was drawn: the order waits again."""
        if work.application_id is None:
            raise ValueError(f"job {work.job_id} is of no application")
        serial = self._feed(work)
        if serial is None:
            return None
        number = work.document_number or serial
        with self._workplace.database.read() as conn:
            sheets = data.sheets(conn, self._workplace.personal, [work.application_id])
        encoded = data.build(sheets[work.application_id], number, serial, self._setup.maker).encode()
        return _Built(work, serial, number, encoded)

    def _prepare(self, built: _Built) -> None:
        """Commit the drawn blank and its data, then hand the data over."""
        self._ready = self._unless_foreign(built, lambda tx: self._book(tx, built))
        self._drawn = None
        self._personalizer.prepare(built.work.job_id, built.encoded)

    def _book(self, tx: Connection, built: _Built, *, start: bool = False) -> Work:
        digest = hashlib.sha256(built.encoded).hexdigest()
        work, serial, number = built.work, built.serial, built.number
        return booking.book_prepared(tx, self._workplace, self._lease, work, serial, number, digest, start=start)

    def _unless_foreign(self, built: _Built, step: Callable[[Connection], T]) -> T:
        try:
            return self._write(step)
        except ForeignBlankError:
            self._give_back(built.work, recovery.FOREIGN_BLANK)
            raise

    def _feed(self, work: Work) -> str | None:
        """The blank drawn for `work`; None when none was, and the order waits again."""
        while True:
            try:
                return self._personalizer.feed(work.job_id)
            except MachineRefusedError as refusal:
                if refusal.code == RefusalCode.OUT_OF_BLANKS.name and self._load():
                    continue
                ended = refusal.state == MachineJobState.FAILED.name
                self._end(work, self._personalizer.result(work.job_id, 0.0) if ended else self._void(work))
                self._after_refusal(refusal, ended)
                return None

    def _void(self, work: Work) -> JobResult:
        return self._personalizer.void(work.job_id)

    def _after_refusal(self, refusal: MachineRefusedError, ended: bool) -> None:
        """Nothing was drawn: wait for blanks, empty the bin, or leave the machine to a person."""
        if refusal.code == RefusalCode.OUT_OF_BLANKS.name:
            lie_there = self._desk is None and self._held_at(rules.input_stack(self._machine)) > 0
            self._wait(NOT_LAID_IN if lie_there else NO_BLANKS)
        elif self._desk is None and refusal.code == RefusalCode.REJECT_BIN_FULL.name:
            self._wait(BIN_FULL)
        elif self._desk is not None and (ended or refusal.code == RefusalCode.REJECT_BIN_FULL.name):
            bench.clear(self._workplace, self._desk, self._machine)
        elif not ended:
            raise refusal

    def _end(self, work: Work, result: JobResult) -> None:
        self._write(lambda tx: recovery.book_result(tx, self._workplace, self._lease, work, result))
        self._drawn = None
        self._release(result)

    def _give_back(self, work: Work, code: str) -> None:
        """Have the machine eject the unmarked blank of a job that is not to be made."""
        result = self._personalizer.return_blank(work.job_id)
        self._write(lambda tx: booking.book_returned(tx, self._workplace, self._lease, work, code, result.result_hash))
        self._release(result)
        if self._desk is not None and code != recovery.FOREIGN_BLANK:
            blanks.restock(self._workplace, self._desk, self._machine, rules.blank_kind(self._setup.products))

    def _release(self, result: JobResult) -> None:
        self._personalizer.release(result.job_id, result.result_hash)
        self._let_go.append(result.job_id)
        if result.state is MachineJobState.DONE:
            self._run.good += 1
        elif result.state is MachineJobState.FAILED:
            self._run.failed += 1
        else:
            self._run.returned += 1

    def _await_end(self, work: Work) -> JobResult:
        """The result of the job at work, waited for in slices so that the lease never lapses meanwhile."""
        slice_s = self._setup.lease_s / RENEWALS_A_LEASE
        deadline_s = monotonic() + self._setup.work_s
        while True:
            try:
                return self._personalizer.result(work.job_id, min(slice_s, self._setup.work_s))
            except NoAnswerError:
                if monotonic() >= deadline_s:
                    raise
                self._write(lambda _: None)

    def _idle(self) -> None:
        """Wait until an order waits and may be drawn, people hold the machine, or the end."""
        self._note_releases()
        while True:
            self._show_idle()
            if self._stop.wait(self._setup.poll_s):
                return
            if self._renewal_is_due():
                self._write(lambda _: None)
            with self._workplace.database.read() as conn:
                self._held = holds.finding(conn, self._machine) is not None
                if monotonic() - self._air_asked_s > AIR_EVERY_S:
                    self._barred = bar.shown(conn, self._machine, self._workplace.database.clock_us(conn))
                    self._air_asked_s = monotonic()
                if self._held or (self._barred is None and draws.waiting(conn, self._setup.products)):
                    return

    def _show_idle(self) -> None:
        if self._barred is not None:
            self._show(Activity.SUSPENDED, self._barred)
        elif self._waits is not None:
            self._show(Activity.SUSPENDED, self._waits.reason)
        else:
            self._show(Activity.IDLE)

    def _wait(self, reason: str) -> None:
        """Draw nothing until hands have been at the machine, as far as the log or they themselves say it."""
        place = rules.reject_bin(self._machine) if reason == BIN_FULL else rules.input_stack(self._machine)
        with self._workplace.database.read() as conn:
            self._waits = _Waits(reason, place, blanks.held(conn, place), acts.put_right_us(conn, self._machine))
        self._show(Activity.SUSPENDED, reason)

    def _waits_for_hands(self) -> bool:
        """Whether nothing may be drawn because nobody has been at the machine yet; never held up by asking."""
        if self._waits is None:
            return False
        with self._workplace.database.read() as conn:
            if self._desk is not None:
                kind = rules.blank_kind(self._setup.products)
                places = rules.input_stack(self._machine), rules.blank_stock(kind)
                done = any(blanks.held(conn, place) for place in places)
            else:
                lie_there = blanks.held(conn, self._waits.place)
                more, fewer = lie_there > self._waits.held, lie_there < self._waits.held
                done = (fewer if self._waits.reason == BIN_FULL else more) or (
                    acts.put_right_us(conn, self._machine) != self._waits.righted_us
                )
        if done:
            self._waits = None
        return not done

    def _held_at(self, place: str) -> int:
        with self._workplace.database.read() as conn:
            return blanks.held(conn, place)

    def _load(self) -> bool:
        if self._desk is None:
            return False
        kind = rules.blank_kind(self._setup.products)
        stack, sharing = self._setup.stack, self._setup.sharing
        return blanks.load(self._workplace, self._desk, self._machine, kind, stack, sharing) > 0

    def _renewal_is_due(self) -> bool:
        return monotonic() - self._renewed_s > self._setup.lease_s / RENEWALS_A_LEASE

    def _note_releases(self) -> None:
        """Record all that the machine has let go of."""
        if self._let_go:
            self._write(lambda _: None, releases=1)

    def _write(self, work: Callable[[Connection], T], releases: int = RELEASES_TOGETHER) -> T:
        """One commit; it also records what the machine let go of, once that is so many, and renews a lease in time."""
        database, renews = self._workplace.database, self._renewal_is_due()
        released = tuple(self._let_go) if len(self._let_go) >= releases else ()

        def step(tx: Connection) -> T:
            done = work(tx)
            if released:
                jobs.released(tx, self._lease, released)
            if renews:
                leases.renew(tx, database.clock_us(tx), self._lease, self._setup.lease_s)
            return done

        done = database.write(step)
        del self._let_go[: len(released)]
        if renews:
            self._renewed_s = monotonic()
        return done

    def _show(self, now: Activity, reason: str | None = None) -> None:
        if (now, reason) != self._shown:
            activity.show(self._workplace, self._machine, now, reason, booking.now_us())
            self._shown = now, reason


def _work(draw: Draw) -> Work:
    return Work(
        draw.job_id,
        draw.application_id,
        draw.product,
        draw.order_unit,
        draw.tray,
        draw.due_us,
        JobState.INTENT,
        draw.document_number,
    )
