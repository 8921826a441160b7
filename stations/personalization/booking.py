"""What a step of a job means for custody, the job row and the application, each in one transaction.

The caller's transaction holds everything: if the fence is lost or the application stopped, nothing of it is written.
"""

import time
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from devices.jobs import JobState
from handoff_logs import log, whereabouts
from handoff_logs.log import Stamp
from handoff_logs.records import Birth, Kind, State, new_id
from handoff_logs.statements import Statement
from handoff_logs.tables import UnitNumber, Whereabouts
from stations.intake.tables import Application, ApplicationState
from stations.personalization import jobs, rules
from stations.personalization.errors import ForeignBlankError
from stations.personalization.leases import Lease
from stations.personalization.tables import JobOutcome
from stations.workplace import Workplace

REMAKE_PRIORITY = 1

_WHERE = Whereabouts.__table__  # type: ignore[attr-defined]
_NUMBER = UnitNumber.__table__  # type: ignore[attr-defined]
_APPLICATION = Application.__table__  # type: ignore[attr-defined]

_BLANK = Statement(
    select(_WHERE.c.unit_id, _WHERE.c.state, _WHERE.c.station, _WHERE.c.place)
    .join(_NUMBER, _NUMBER.c.unit_id == _WHERE.c.unit_id)
    .where(_NUMBER.c.kind == Kind.BLANK.value, _NUMBER.c.number == bindparam("serial"))
)
# A stopped application stays stopped: its order waits in quarantine's keeping, not in the queue.
_TO_BE_MADE = (
    update(_APPLICATION)
    .where(
        _APPLICATION.c.application_id == bindparam("of_application"),
        _APPLICATION.c.state == ApplicationState.IN_PRODUCTION.value,
    )
    .values(state=ApplicationState.PASSED.value)
)


@dataclass(frozen=True, slots=True)
class Work:
    """A job in hand: what it is for, what was drawn for it and how far it has come.

    A specimen has no application and no order; `specimen` is why it is made.
    """

    job_id: str
    application_id: str | None
    product: str
    order_unit: str | None
    tray: str | None
    due_us: int | None
    state: JobState
    document_number: str | None = None
    blank_serial: str | None = None
    blank_unit: str | None = None
    specimen: str | None = None


def work_of(row: Row[Any]) -> Work:
    """The work in hand of a row of `jobs.unreleased` or `jobs.in_doubt`."""
    return Work(
        row.job_id,
        row.application_id,
        row.product,
        row.order_unit,
        row.tray,
        row.due_us,
        JobState(row.state),
        row.document_number,
        row.blank_serial,
        row.blank_unit,
        row.specimen,
    )


def now_us() -> int:
    """This computer's clock in microseconds UTC: when something happened."""
    return time.time_ns() // 1_000


def stamp(workplace: Workplace, machine: str | None, work: Work | None = None, reason: str | None = None) -> Stamp:
    """When and on which machine an act of personalization happens, with the time node of the work it is about.

    Without a `reason` of its own, an act on a specimen bears why that is made.
    """
    due_us = work.due_us if work else None
    reason = reason or (work.specimen if work else None)
    return Stamp(now_us(), workplace.emulated, reason=reason, machine=machine, due_us=due_us)


def find_blank(tx: Connection, serial: str, machine: str) -> str:
    """The unit of a blank that the log has in `machine`'s stacks. Raises `ForeignBlankError` for any other."""
    row = _BLANK.run(tx, {"serial": serial}).fetchone()
    if row is None:
        raise ForeignBlankError(machine, serial, "no place")
    unit, state, station, place = row
    inside = (rules.input_stack(machine), rules.path(machine))
    if station != rules.STATION or state != State.HELD or place not in inside:
        raise ForeignBlankError(machine, serial, f"{station}, {place} ({state})")
    return str(unit)


def book_drawn_unseen(tx: Connection, workplace: Workplace, lease: Lease, work: Work, serial: str) -> str:
    """The blank `serial` was drawn for `work` while the line was lost; its unit. Raises `ForeignBlankError`."""
    unit = find_blank(tx, serial, lease.machine)
    log.move(tx, workplace.party(), [unit], rules.path(lease.machine), stamp(workplace, lease.machine, work))
    jobs.attach_blank(tx, work.job_id, serial, unit)
    return unit


def book_fed(tx: Connection, workplace: Workplace, lease: Lease, work: Work, serial: str) -> str:
    """The blank `serial` was drawn for `work`; its unit. Raises `ForeignBlankError`."""
    unit = find_blank(tx, serial, lease.machine)
    log.move(tx, workplace.party(), [unit], rules.path(lease.machine), stamp(workplace, lease.machine, work))
    jobs.fed(tx, lease, work.job_id, serial, unit, now_us())
    return unit


def book_prepared(
    tx: Connection,
    workplace: Workplace,
    lease: Lease,
    work: Work,
    serial: str,
    number: str | None,
    data_sha256: str,
    *,
    start: bool = False,
) -> Work:
    """The blank `serial` was drawn for `work` and data for `number` are built for it; the work as it is then.

    A specimen has no number. With `start` it may be made at once, and is STARTING after; PREPARED if its application
    was stopped. Raises `ForeignBlankError`.
    """
    unit = find_blank(tx, serial, lease.machine)
    log.move(tx, workplace.party(), [unit], rules.path(lease.machine), stamp(workplace, lease.machine, work))
    facts = (tx, lease, work.job_id, serial, unit, number, data_sha256, now_us())
    state = JobState.STARTING
    if not (start and jobs.prepared_and_starting(*facts)):
        jobs.prepared(*facts)
        state = JobState.PREPARED
    return replace(work, state=state, document_number=number, blank_serial=serial, blank_unit=unit)


def book_good(tx: Connection, workplace: Workplace, lease: Lease, work: Work, result_hash: str) -> str:
    """Order and blank became a document on the machine's good stack; its unit."""
    document = born_document(tx, workplace, lease.machine, work, rules.good_stack(lease.machine))
    _end(tx, lease, work, JobOutcome.GOOD, code=None, result_hash=result_hash, document_unit=document, live=True)
    return document


def born_document(tx: Connection, workplace: Workplace, machine: str | None, work: Work, place: str) -> str:
    """Record that order and blank became a document at `place`.

    Returns its unit id. Raises ValueError for a job that has no order or no blank.
    """
    if work.blank_unit is None or work.order_unit is None:
        raise ValueError(f"job {work.job_id} has no order and blank to become a document")
    document = new_id()
    birth = Birth(document, Kind.DOCUMENT, work.document_number)
    # Only the document goes on with the order's tray: the blank never was in it.
    made = replace(stamp(workplace, machine, work), tray=work.tray)
    log.transform(tx, workplace.party(), work.order_unit, work.blank_unit, birth, place, made)
    return document


def book_specimen(
    tx: Connection, workplace: Workplace, lease: Lease, work: Work, code: str | None, result_hash: str
) -> None:
    """The specimen was made, and lies in the good stack, or (`code` says why) spoiled, in the reject bin.

    It waits there for two people to void it, at once (`stations.personalization.specimens`).
    """
    if work.blank_unit is not None:
        place = rules.good_stack(lease.machine) if code is None else rules.reject_bin(lease.machine)
        ejected = stamp(workplace, lease.machine, work, rules.SPECIMEN)
        log.move(tx, workplace.party(), [work.blank_unit], place, ejected)
    _end(tx, lease, work, JobOutcome.SPECIMEN, code=code, result_hash=result_hash, document_unit=None, live=False)


def book_failed(tx: Connection, workplace: Workplace, lease: Lease, work: Work, code: str, result_hash: str) -> None:
    """The blank was spoiled and lies in the reject bin; the application waits until two people have voided it."""
    if work.blank_unit is not None:
        by, reject = workplace.party(), rules.reject_bin(lease.machine)
        log.move(tx, by, [work.blank_unit], reject, stamp(workplace, lease.machine, work, code))
    _end(tx, lease, work, JobOutcome.FAILED, code=code, result_hash=result_hash, document_unit=None, live=True)


def book_returned(
    tx: Connection, workplace: Workplace, lease: Lease, work: Work, code: str | None, result_hash: str
) -> None:
    """The blank was given back unmarked to the hold stack; the order waits again."""
    if work.blank_unit is not None:
        by, hold = workplace.party(), rules.hold_stack(lease.machine)
        log.move(tx, by, [work.blank_unit], hold, stamp(workplace, lease.machine, work, code))
    _end(tx, lease, work, JobOutcome.RETURNED, code=code, result_hash=result_hash, document_unit=None, live=False)
    make_again(tx, work.application_id, work.order_unit)


def book_nothing(tx: Connection, lease: Lease, work: Work, code: str, result_hash: str) -> None:
    """Nothing was drawn for the job and never will be; the order waits again."""
    _end(tx, lease, work, JobOutcome.VOID, code=code, result_hash=result_hash, document_unit=None, live=False)
    make_again(tx, work.application_id, work.order_unit)


def make_again(tx: Connection, application_id: str | None, order_unit: str | None) -> None:
    """Put an application's order back to those that machines draw, before ordinary work; a specimen has none."""
    if application_id is None or order_unit is None:
        return
    tx.execute(_TO_BE_MADE, {"of_application": application_id})
    whereabouts.hasten(tx, order_unit, REMAKE_PRIORITY)


def _end(
    tx: Connection,
    lease: Lease,
    work: Work,
    outcome: JobOutcome,
    *,
    code: str | None,
    result_hash: str,
    document_unit: str | None,
    live: bool,
) -> None:
    jobs.result(
        tx,
        lease,
        work.job_id,
        work.state,
        outcome,
        code=code,
        result_hash=result_hash,
        document_unit=document_unit,
        live=live,
        now_us=now_us(),
    )
