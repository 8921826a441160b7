"""The job rows after their intent: moved step by step under the machine's fence, ended once.

Statements are built once; every write names the state that it expects and the fence that it holds, so that a worker
which was overtaken, and a second one which is not allowed, write nothing.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, false, literal, null, or_, select, text, update
from sqlalchemy.sql.elements import ColumnElement

from devices.jobs import JobState
from handoff_logs.records import State
from handoff_logs.statements import Statement
from handoff_logs.tables import Whereabouts
from stations.errors import ApplicationStoppedError
from stations.intake.tables import Application, ApplicationState
from stations.personalization import leases, rules
from stations.personalization.errors import (
    FenceLostError,
    JobStateError,
    NotVoidedError,
    UnknownJobError,
)
from stations.personalization.leases import Lease
from stations.personalization.rules import Settlement
from stations.personalization.tables import UNRELEASED, Job, JobOutcome
from stations.statements import Among, listed

JOB = Job.__table__  # type: ignore[attr-defined]
APPLICATION = Application.__table__  # type: ignore[attr-defined]
_WHERE = Whereabouts.__table__  # type: ignore[attr-defined]


def _step(after: JobState, *columns: str, only_if: ColumnElement[bool] | None = None, **fixed: object) -> Statement:
    where = [JOB.c.job_id == bindparam("of_job"), JOB.c.state == bindparam("before"), leases.holds()]
    values: dict[str, Any] = {name: bindparam(name) for name in columns}
    return Statement(
        update(JOB)
        .where(*where, *([] if only_if is None else [only_if]))
        .values(state=after.value, fence=bindparam("held_fence"), **fixed, **values)
    )


_BLANK = ("blank_serial", "blank_unit", "fed_us")
_FED = _step(JobState.FED, *_BLANK)
_PREPARED = _step(JobState.PREPARED, *_BLANK, "document_number", "data_sha256")
_GOING_ON = (
    select(literal(1))
    .where(
        APPLICATION.c.application_id == JOB.c.application_id,
        APPLICATION.c.state == ApplicationState.IN_PRODUCTION.value,
    )
    .with_for_update(read=True)
    .exists()
)
# A specimen has no application that could be stopped.
_MAY_START = or_(JOB.c.specimen.is_not(null()), _GOING_ON)
_STARTING = _step(JobState.STARTING, "starting_us", only_if=_MAY_START)
_PREPARED_STARTING = _step(
    JobState.STARTING, *_BLANK, "document_number", "data_sha256", "starting_us", only_if=_MAY_START
)
_UNCERTAIN = _step(JobState.UNCERTAIN)
_RESULT = _step(
    JobState.RESULT, "outcome", "live", "code", "result_hash", "result_us", "document_unit", unfinished=false()
)
_RELEASED = Statement(
    update(JOB)
    .where(Among(JOB.c.job_id, "of_jobs"), JOB.c.state == JobState.RESULT.value, leases.holds())
    .values(state=JobState.RELEASED.value, fence=bindparam("held_fence"))
)
_WITH_ORDER = select(JOB, _WHERE.c.tray, _WHERE.c.due_us).outerjoin(_WHERE, _WHERE.c.unit_id == JOB.c.order_unit)
_DOUBT = _step(JobState.UNCERTAIN, "doubt", "result_hash")


def fed(tx: Connection, lease: Lease, job: str, serial: str, unit: str, now_us: int) -> None:
    """Record the blank that was drawn for `job`."""
    _write(tx, _FED, lease, job, JobState.INTENT, JobState.FED, blank_serial=serial, blank_unit=unit, fed_us=now_us)


def prepared(
    tx: Connection, lease: Lease, job: str, serial: str, unit: str, number: str | None, data_sha256: str, now_us: int
) -> None:
    """Record the blank that was drawn for `job` and the data that are built for it."""
    facts = {"blank_serial": serial, "blank_unit": unit, "fed_us": now_us}
    _write(
        tx,
        _PREPARED,
        lease,
        job,
        JobState.INTENT,
        JobState.PREPARED,
        document_number=number,
        data_sha256=data_sha256,
        **facts,
    )


def prepared_and_starting(
    tx: Connection, lease: Lease, job: str, serial: str, unit: str, number: str | None, data_sha256: str, now_us: int
) -> bool:
    """The same, and allow `job` to be made; False, and nothing is written, where `prepared` would say why not."""
    facts = {"blank_serial": serial, "blank_unit": unit, "fed_us": now_us, "starting_us": now_us}
    facts |= {"document_number": number, "data_sha256": data_sha256}
    step = {"of_job": job, "before": JobState.INTENT.value, **leases.held(lease), **facts}
    return _PREPARED_STARTING.run(tx, step).rowcount == 1


def starting(tx: Connection, lease: Lease, job: str, now_us: int) -> None:
    """Allow `job` to be made. Raises `ApplicationStoppedError` if its application was stopped meanwhile."""
    _write(tx, _STARTING, lease, job, JobState.PREPARED, JobState.STARTING, starting_us=now_us)


def uncertain(tx: Connection, lease: Lease, job: str, before: JobState) -> None:
    """Record that `job`'s outcome is not known; it stays the one attempt of its application."""
    _write(tx, _UNCERTAIN, lease, job, before, JobState.UNCERTAIN)


def result(
    tx: Connection,
    lease: Lease,
    job: str,
    before: JobState,
    outcome: JobOutcome,
    *,
    code: str | None,
    result_hash: str | None,
    document_unit: str | None,
    live: bool,
    now_us: int,
) -> None:
    """End `job`. `live` stays true for a document, and for a spoiled blank until it is voided."""
    _write(
        tx,
        _RESULT,
        lease,
        job,
        before,
        JobState.RESULT,
        outcome=outcome.value,
        code=code,
        result_hash=result_hash,
        document_unit=document_unit,
        live=live,
        result_us=now_us,
    )


def released(tx: Connection, lease: Lease, jobs: Sequence[str]) -> None:
    """Record that the machine has let go of the results of `jobs`.

    Raises UnknownJobError, JobStateError for a job without a result, FenceLostError.
    """
    written = _RELEASED.run(tx, {"of_jobs": listed(jobs), **leases.held(lease)}).rowcount
    if written != len(jobs):
        rows = {job: find(tx, job) for job in jobs}
        other = next(job for job, row in rows.items() if row is None or row.state != JobState.RELEASED)
        raise _refusal(tx, lease, other, JobState.RESULT, JobState.RELEASED)


def doubted(tx: Connection, lease: Lease, job: str, reason: str, result_hash: str | None) -> None:
    """Record why no machine can tell the outcome of the uncertain `job`: from here on it is two people's to settle.

    `result_hash` is the machine's own UNKNOWN, so that it can be released.
    """
    facts = {"doubt": reason, "result_hash": result_hash}
    _write(tx, _DOUBT, lease, job, JobState.UNCERTAIN, JobState.UNCERTAIN, **facts)


def attach_blank(tx: Connection, job: str, serial: str, unit: str) -> None:
    """Record the blank that two people found, by elimination, to be the one that `job` drew unread."""
    tx.execute(
        update(JOB)
        .where(JOB.c.job_id == job, JOB.c.blank_serial.is_(null()))
        .values(blank_serial=serial, blank_unit=unit)
    )


def settled(
    tx: Connection,
    job: str,
    settlement: Settlement,
    people: tuple[str, str],
    document_unit: str | None,
    now_us: int,
) -> None:
    """Record what two people found of a job in doubt, and end it unless nothing was found.

    Raises `JobStateError` if the job is not in doubt, or no longer.
    """
    facts: dict[str, object] = {"settlement": settlement.value, "settled_by": people[0], "settled_second": people[1]}
    row = find(tx, job)
    outcome = rules.outcome_of(settlement, specimen=row is not None and row.specimen is not None)
    if outcome is not None:
        facts |= {"state": JobState.RESULT.value, "outcome": outcome.value, "unfinished": False, "result_us": now_us}
        facts |= {"document_unit": document_unit, "live": outcome is JobOutcome.GOOD, "code": settlement.value}
    in_doubt = (JOB.c.job_id == job, JOB.c.state == JobState.UNCERTAIN.value, JOB.c.doubt.is_not(null()))
    if tx.execute(update(JOB).where(*in_doubt).values(**facts)).rowcount != 1:
        raise JobStateError(job, row.state if (row := find(tx, job)) else "absent", "settled")


def find(tx: Connection, job: str) -> Row[Any] | None:
    """All columns of one job, with the tray and time node of its order."""
    return tx.execute(_WITH_ORDER.where(JOB.c.job_id == job)).one_or_none()


def lock(tx: Connection, job: str) -> Row[Any] | None:
    """The same, and nobody else changes the job until the transaction ends."""
    return tx.execute(_WITH_ORDER.where(JOB.c.job_id == job).with_for_update(of=JOB)).one_or_none()


def unreleased(tx: Connection, machine: str) -> Sequence[Row[Any]]:
    """The jobs of `machine` that it may still hold open, oldest first, with the tray and time node of their orders."""
    return tx.execute(_WITH_ORDER.where(JOB.c.machine == machine, text(UNRELEASED)).order_by(JOB.c.intent_us)).all()


def in_doubt(tx: Connection, machine: str | None = None) -> Sequence[Row[Any]]:
    """The jobs (of `machine`, or all) that wait for two people, oldest first, with tray and time node."""
    of_machine = () if machine is None else (JOB.c.machine == machine,)
    open_doubt = (JOB.c.unfinished, JOB.c.doubt.is_not(null()))
    return tx.execute(_WITH_ORDER.where(*open_doubt, *of_machine).order_by(JOB.c.intent_us)).all()


def _write(
    tx: Connection, step: Statement, lease: Lease, job: str, before: JobState, after: JobState, **facts: object
) -> None:
    written = step.run(tx, {"of_job": job, "before": before.value, **leases.held(lease), **facts})
    if written.rowcount != 1:
        raise _refusal(tx, lease, job, before, after)


def _refusal(
    tx: Connection, lease: Lease, job: str, before: JobState, after: JobState
) -> FenceLostError | JobStateError | UnknownJobError | ApplicationStoppedError:
    """Why a job write matched no row."""
    row = tx.execute(select(JOB.c.state, JOB.c.application_id).where(JOB.c.job_id == job)).one_or_none()
    if row is None:
        return UnknownJobError(job)
    if row.state != before:
        return JobStateError(job, row.state, after)
    if tx.execute(select(leases.holds()), leases.held(lease)).scalar():
        return ApplicationStoppedError(row.application_id)
    return FenceLostError(lease.machine, lease.fence)


def voided(tx: Connection, units: Sequence[str]) -> None:
    """End the life of the jobs whose document or spoiled blank is among `units`: their applications may be remade.

    Called in the transaction that records the void, after it. Raises `NotVoidedError` for a unit that the log does not
    have voided or ended.
    """
    gone = (State.VOID, State.VOID_OFFERED, State.VOID_REFUSED, State.VOID_MISSING)
    known = select(_WHERE.c.unit_id).where(
        _WHERE.c.unit_id.in_(units), _WHERE.c.state.in_([state.value for state in gone])
    )
    recorded = set(tx.execute(known).scalars())
    for unit in units:
        if unit not in recorded:
            raise NotVoidedError(unit)
    piece = or_(JOB.c.document_unit.in_(units), and_(JOB.c.document_unit.is_(null()), JOB.c.blank_unit.in_(units)))
    tx.execute(update(JOB).where(piece, JOB.c.live, JOB.c.unfinished == false()).values(live=false()))


def of_blank(tx: Connection, unit: str) -> Row[Any] | None:
    """The job that a blank was drawn for and is of still: unfinished, or spoiled and not voided; locked.

    A specimen's ends with its outcome: what becomes of the piece changes nothing that is to be made.
    """
    still = or_(JOB.c.live, JOB.c.unfinished)
    return tx.execute(
        _WITH_ORDER.where(JOB.c.blank_unit == unit, still, JOB.c.document_unit.is_(null())).with_for_update(of=JOB)
    ).one_or_none()


def lost(tx: Connection, unit: str) -> None:
    """End the life of the job whose spoiled blank two people reported lost: its application may be remade.

    Called in the transaction that records the loss, after it. Raises `NotVoidedError` for a unit that has not ended.
    """
    if tx.execute(select(_WHERE.c.state).where(_WHERE.c.unit_id == unit)).scalar() != State.ENDED.value:
        raise NotVoidedError(unit)
    spoiled = (JOB.c.blank_unit == unit, JOB.c.document_unit.is_(null()), JOB.c.unfinished == false())
    tx.execute(update(JOB).where(*spoiled, JOB.c.live).values(live=false()))
