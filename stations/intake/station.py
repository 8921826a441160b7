"""Stopping an application, at any time, and ending the stop; every draw, start, offer and dispatch checks for it."""

from sqlalchemy import Connection, insert, select, update

from handoff_logs.errors import SamePersonError
from handoff_logs.records import new_id
from stations.errors import ApplicationStateError, UnknownApplicationError
from stations.intake.states import MOVES
from stations.intake.tables import Application, ApplicationState, ApplicationStop

_applications = Application.__table__  # type: ignore[attr-defined]
_stops = ApplicationStop.__table__  # type: ignore[attr-defined]


def stop(tx: Connection, application_id: str, by: str, reason: str, now_us: int) -> str:
    """Stop an application (withdrawn, alert, mistake) wherever it is; the id of the stop.

    `reason` is a code, `by` a staff code. Its units stay where they are until their station next touches them and puts
    them in quarantine. Raises `UnknownApplicationError`, or `ApplicationStateError` when it is stopped or has ended.
    """
    # Locked: the database lets it stop only by a stop on record, which says where it stands.
    before = _state(tx, application_id, locked=True)
    if ApplicationState.STOPPED not in MOVES[before]:
        raise ApplicationStateError(application_id, before, ApplicationState.STOPPED)
    stop_id = new_id()
    tx.execute(
        insert(_stops).values(
            stop_id=stop_id,
            application_id=application_id,
            reason=reason,
            state_before=before.value,
            stopped_by=by,
            stopped_us=now_us,
        )
    )
    _swap(tx, application_id, before, ApplicationState.STOPPED)
    return stop_id


def release(tx: Connection, application_id: str, by: str, second: str, now_us: int) -> ApplicationState:
    """Two people let a stopped application go on where it was; the state it has again.

    Raises `SamePersonError`, `UnknownApplicationError`, `ApplicationStateError` when it isn't stopped.
    """
    before = ApplicationState(_end(tx, application_id, by, second, now_us, "released"))
    _swap(tx, application_id, ApplicationState.STOPPED, before)
    return before


def close(tx: Connection, application_id: str, by: str, second: str, now_us: int) -> None:
    """Two people end a stopped application for good, after its units were voided; its person may apply anew.

    Raises as `release` does.
    """
    _end(tx, application_id, by, second, now_us, "closed")
    tx.execute(update(_applications).where(_applications.c.application_id == application_id).values(live=False))


def _end(tx: Connection, application_id: str, by: str, second: str, now_us: int, outcome: str) -> str:
    """Close the open stop; the state before it."""
    if by == second:
        raise SamePersonError(outcome, by)
    is_open = (_stops.c.application_id == application_id) & _stops.c.outcome.is_(None)
    state_before = tx.execute(select(_stops.c.state_before).where(is_open)).scalar_one_or_none()
    if state_before is None:
        raise ApplicationStateError(application_id, _state(tx, application_id), outcome)
    tx.execute(update(_stops).where(is_open).values(outcome=outcome, ended_by=by, ended_second=second, ended_us=now_us))
    return str(state_before)


def _state(tx: Connection, application_id: str, *, locked: bool = False) -> ApplicationState:
    query = select(_applications.c.state).where(_applications.c.application_id == application_id)
    state = tx.execute(query.with_for_update() if locked else query).scalar_one_or_none()
    if state is None:
        raise UnknownApplicationError(application_id)
    return ApplicationState(state)


def _swap(tx: Connection, application_id: str, before: ApplicationState, after: ApplicationState) -> None:
    moved = tx.execute(
        update(_applications)
        .where(_applications.c.application_id == application_id, _applications.c.state == before.value)
        .values(state=after.value)
    )
    if moved.rowcount != 1:
        raise ApplicationStateError(application_id, _state(tx, application_id), after)
