"""One worker a machine: a lease by the database's clock, with a fence that rises at every taking.

A worker that lost its lease may still be talking to its machine; the machine refuses its fence, and `holds` in every
job write refuses it here.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, insert, literal, select, update
from sqlalchemy.sql.elements import ColumnElement

from stations.personalization.errors import FenceLostError, LeaseHeldError
from stations.personalization.tables import MachineLease

_LEASE = MachineLease.__table__  # type: ignore[attr-defined]
_S = 1_000_000


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to move one machine, as long as no higher fence was given out."""

    machine: str
    worker: str
    fence: int


def take(tx: Connection, now_us: int, machine: str, worker: str, lease_s: float, above: int) -> Lease:
    """Take `machine` for `lease_s` with a fence higher than every one before it and than `above` (the machine's own).

    `now_us` is the database's clock in this transaction. The same worker may take its machine again. Raises
    `LeaseHeldError` while another worker's lease lasts, and when another one took it in the same moment.
    """
    until_us = now_us + round(lease_s * _S)
    seen = tx.execute(select(_LEASE).where(_LEASE.c.machine == machine)).one_or_none()
    if seen is None:
        fence = above + 1
        first = {"worker": worker, "fence": fence, "until_us": until_us, "renewed_us": now_us}
        tx.execute(insert(_LEASE).values(machine=machine, **first))
        return Lease(machine, worker, fence)
    if seen.worker != worker and seen.until_us > now_us:
        raise LeaseHeldError(machine, seen.worker, seen.until_us)
    fence = max(seen.fence, above) + 1
    taken = tx.execute(
        update(_LEASE)
        .where(_LEASE.c.machine == machine, _LEASE.c.fence == seen.fence)
        .values(worker=worker, fence=fence, until_us=until_us, renewed_us=now_us)
    )
    if taken.rowcount != 1:
        raise LeaseHeldError(machine, seen.worker, seen.until_us)
    return Lease(machine, worker, fence)


def renew(tx: Connection, now_us: int, lease: Lease, lease_s: float) -> None:
    """Keep `lease` for another `lease_s`. Raises `FenceLostError` if another worker has taken the machine."""
    kept = tx.execute(
        update(_LEASE)
        .where(_LEASE.c.machine == lease.machine, _LEASE.c.fence == lease.fence, _LEASE.c.worker == lease.worker)
        .values(until_us=now_us + round(lease_s * _S), renewed_us=now_us)
    )
    if kept.rowcount != 1:
        raise FenceLostError(lease.machine, lease.fence)


def give_back(tx: Connection, lease: Lease) -> None:
    """End `lease` now, so that another worker need not wait for it; its fence stays spent."""
    tx.execute(
        update(_LEASE).where(_LEASE.c.machine == lease.machine, _LEASE.c.fence == lease.fence).values(until_us=0)
    )


def last_heard(tx: Connection, now_us: int, machine: str, worker: str) -> int | None:
    """When whoever held `machine` last was heard of; None if it may be at work still, or never was.

    `now_us` is the database's clock. An earlier process of `worker` is gone whatever its lease says.
    """
    seen = tx.execute(select(_LEASE).where(_LEASE.c.machine == machine)).one_or_none()
    if seen is None or (seen.worker != worker and seen.until_us > now_us):
        return None
    renewed_us: int | None = seen.renewed_us
    return renewed_us


def holds() -> ColumnElement[bool]:
    """The condition that the lease in the parameters `held_machine`, `held_fence` is the current one.

    On PostgreSQL it locks the lease row against a taking until the write commits; SQLite has one writer.
    """
    return (
        select(literal(1))
        .where(_LEASE.c.machine == bindparam("held_machine"), _LEASE.c.fence == bindparam("held_fence"))
        .with_for_update(read=True)
        .exists()
    )


def held(lease: Lease) -> dict[str, str | int]:
    """The parameters of `holds` for `lease`."""
    return {"held_machine": lease.machine, "held_fence": lease.fence}
