"""The states of an application: the legal moves as one table, and the compare-and-set that makes them."""

from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import BindParameter, Connection, bindparam, func, select, update

from stations.errors import ApplicationStateError, ApplicationStoppedError, UnknownApplicationError
from stations.intake.tables import Application
from stations.intake.tables import ApplicationState as State

MOVES: Mapping[State, frozenset[State]] = {
    State.WAITING: frozenset({State.PASSED, State.RETURNED, State.HELD, State.STOPPED}),
    # Back to `waiting` with the answer to its question on record, to be reviewed by another.
    State.HELD: frozenset({State.WAITING, State.RETURNED, State.STOPPED}),
    State.PASSED: frozenset({State.IN_PRODUCTION, State.STOPPED}),
    # Back to `passed` when its document was voided and the application is made again.
    State.IN_PRODUCTION: frozenset({State.DISPATCHED, State.PASSED, State.STOPPED}),
    # Out of `stopped` leads only a release by two people, back to where it was (stations.intake.station.release).
    State.STOPPED: frozenset(),
    State.RETURNED: frozenset(),
    State.DISPATCHED: frozenset(),
}

BACK = frozenset({State.IN_PRODUCTION, State.PASSED})
"""Where a dispatched application goes when its document came back; no other act leads out of `dispatched`."""
LIVE = frozenset({State.WAITING, State.HELD, State.PASSED, State.IN_PRODUCTION, State.STOPPED})

# SQLite takes 32,766 variables a statement; a tray is far smaller, so this only bounds the odd giant one.
IDS_A_STATEMENT = 5_000

_table = Application.__table__  # type: ignore[attr-defined]

_IDS: BindParameter[str] = bindparam("ids", expanding=True)
_ADVANCE = (
    update(_table)
    .where(_table.c.application_id.in_(_IDS), _table.c.state == bindparam("before"))
    .values(state=bindparam("after"), live=bindparam("is_live"))
)
_LOCKED_STATES = (
    select(_table.c.application_id, _table.c.state)
    .where(_table.c.application_id.in_(_IDS))
    .order_by(_table.c.application_id)
    .with_for_update(read=True)
)


def advance(tx: Connection, application_ids: Sequence[str], before: State, after: State) -> None:
    """Move applications from `before` to `after`, all or none.

    One compare-and-set UPDATE, so of two racing callers one succeeds. Raises `ValueError` for a move that `MOVES` does
    not have; `ApplicationStoppedError`, `ApplicationStateError` or `UnknownApplicationError` for the first application
    that stands elsewhere: the caller's transaction must then end in a rollback.
    """
    if after not in MOVES[before]:
        raise ValueError(f"an application never goes from {before} to {after}")
    for ids in _portions(application_ids):
        move = {"ids": ids, "before": before.value, "after": after.value, "is_live": after in LIVE}
        moved = tx.execute(_ADVANCE, move)
        if moved.rowcount != len(set(ids)):
            _refuse(tx, ids, after)


def check(tx: Connection, application_ids: Sequence[str], before: State, after: State) -> None:
    """Raise what `advance` would; otherwise they stand in `before` until it, or this transaction ends.

    For what the database takes only while they stand there. `tx` as of `stopped`.
    """
    for ids in _portions(application_ids):
        states = {row.application_id: row.state for row in tx.execute(_LOCKED_STATES, {"ids": ids})}
        _refuse_others(states, ids, before, after)


def come_back(tx: Connection, application_ids: Sequence[str], after: State) -> None:
    """Bring dispatched applications back on the line: their document came back, and two people decided of it.

    `after`: `in_production`, to be sent again, or `passed`, to be made again once that document is void. The database
    refuses it for an application whose parcel does not wait among what came back. Raises as `advance`.
    """
    if after not in BACK:
        raise ValueError(f"an application never comes back as {after}")
    move = {"before": State.DISPATCHED.value, "after": after.value, "is_live": True}
    for ids in _portions(application_ids):
        if tx.execute(_ADVANCE, move | {"ids": ids}).rowcount != len(set(ids)):
            _refuse(tx, ids, after)


def stopped(tx: Connection, application_ids: Sequence[str]) -> frozenset[str]:
    """Those of `application_ids` that are stopped; none of the others can be stopped until this transaction ends.

    `tx` must be a writing transaction: on PostgreSQL the rows are locked against a stop.
    """
    found: set[str] = set()
    for ids in _portions(application_ids):
        rows = tx.execute(_LOCKED_STATES, {"ids": ids})
        found.update(application_id for application_id, state in rows if state == State.STOPPED)
    return frozenset(found)


def refuse_stopped(tx: Connection, application_ids: Sequence[str]) -> None:
    """Raise `ApplicationStoppedError` if any of `application_ids` is stopped: the check of every draw, start, offer."""
    for application_id in sorted(stopped(tx, application_ids)):
        raise ApplicationStoppedError(application_id)


def count_by_state(conn: Connection) -> dict[str, int]:
    """How many applications (all revisions) stand in each state that occurs."""
    rows = conn.execute(select(_table.c.state, func.count()).group_by(_table.c.state))
    return {row[0]: row[1] for row in rows}


def _refuse(tx: Connection, ids: Sequence[str], after: State) -> None:
    rows = tx.execute(select(_table.c.application_id, _table.c.state).where(_table.c.application_id.in_(ids)))
    states = {row.application_id: row.state for row in rows}
    _refuse_others(states, ids, after, after)
    # The rest were moved by this statement, so the one that did not fit stood in `after` already.
    raise ApplicationStateError(ids[0], after.value, after.value)


def _portions(application_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(application_ids), IDS_A_STATEMENT):
        yield application_ids[start : start + IDS_A_STATEMENT]


def _refuse_others(states: Mapping[str, str], ids: Sequence[str], standing: State, after: State) -> None:
    """Raise for the first of `ids` that does not stand in `standing`, and so can't go on to `after`."""
    for application_id in ids:
        state = states.get(application_id)
        if state is None:
            raise UnknownApplicationError(application_id)
        if state == State.STOPPED:
            raise ApplicationStoppedError(application_id)
        if state != standing:
            raise ApplicationStateError(application_id, state, after.value)
