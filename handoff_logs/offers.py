"""The line's only queue: what has been offered and not yet answered."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, text

from handoff_logs.dialects import clock_us, listed
from handoff_logs.projections import OPEN_OFFER_COLUMNS, OPEN_OFFERS
from handoff_logs.statements import Statement

MIXED = "mixed"
"""The kind of an offer whose units are of several kinds."""


@dataclass(frozen=True, slots=True)
class OpenOffer:
    """An unanswered offer. Taken by lowest `priority`, then earliest `due_us` (microseconds UTC), then age."""

    handoff_id: str
    from_station: str
    to_station: str
    person: str
    kind: str
    unit_count: int
    tray: str | None
    priority: int
    due_us: int | None
    offered_us: int
    emulated: bool
    claimed_by: str | None
    claimed_until_us: int | None


_COLUMNS = ", ".join(OpenOffer.__dataclass_fields__)
_ORDER = "ORDER BY priority, due_us IS NULL, due_us, offered_us, handoff_id"

_WAITING = Statement(f"SELECT {_COLUMNS} FROM open_offer WHERE to_station = :station {_ORDER}")  # noqa: S608 own names
_BEST = (
    f"SELECT {_COLUMNS} FROM open_offer WHERE to_station = :station"  # noqa: S608 own names
    " AND (claimed_by IS NULL OR claimed_by = :worker OR claimed_until_us < :now_us)"
)
_CLAIM = Statement(
    "UPDATE open_offer SET claimed_by = :worker, claimed_until_us = :until_us WHERE handoff_id = :handoff_id"
)
_RELEASE = Statement("UPDATE open_offer SET claimed_by = NULL, claimed_until_us = NULL WHERE claimed_by = :worker")
_OPEN = Statement(
    "INSERT INTO open_offer (handoff_id, from_station, to_station, person, kind, unit_count, tray, priority, due_us,"
    " offered_us, emulated) VALUES (:event_id, :from_station, :to_station, :person, :kind, :count_expected, :tray,"
    " :priority, :due_us, :happened_us, :emulated)"
)
_CLOSE = Statement("DELETE FROM open_offer WHERE handoff_id = :handoff_id")
_REBUILD = text(f"INSERT INTO open_offer ({', '.join(OPEN_OFFER_COLUMNS)}) {OPEN_OFFERS}")


def waiting(conn: Connection, station: str) -> list[OpenOffer]:
    """Return what has been offered to a station and not answered, in the order it is to be taken."""
    return [_open_offer(row) for row in _WAITING.run(conn, {"station": station}).fetchall()]


def claim(
    tx: Connection,
    station: str,
    worker: str,
    lease_s: float,
    among: Collection[str] | None = None,
) -> OpenOffer | None:
    """Claim the best offer to a station that nobody else holds, until the lease lapses by the database's clock.

    `among`: only these handoffs. A worker's own claim comes back to it with a new lease. None when nothing is left. A
    claim only calls a tray: custody passes by its acceptance.
    """
    now_us = clock_us(tx)
    facts: dict[str, Any] = {"station": station, "worker": worker, "now_us": now_us}
    if among is not None:
        facts["ids"] = listed(among)
    row = _best(among is not None, tx.dialect.name).run(tx, facts).fetchone()
    if row is None:
        return None
    best = _open_offer(row)
    until_us = now_us + int(lease_s * 1_000_000)
    _CLAIM.run(tx, {"worker": worker, "until_us": until_us, "handoff_id": best.handoff_id})
    return replace(best, claimed_by=worker, claimed_until_us=until_us)


@lru_cache
def _best(among: bool, dialect: str) -> Statement:
    query = f"{_BEST} AND handoff_id IN {{ids}}" if among else _BEST
    # On PostgreSQL two workers must not wait for each other's best: each takes the best that is free.
    return Statement(f"{query} {_ORDER} LIMIT 1" + ("" if dialect == "sqlite" else " FOR UPDATE SKIP LOCKED"))


def release_claims(tx: Connection, worker: str) -> int:
    """Give back everything a worker has claimed and not answered. Returns how many offers that were."""
    return _RELEASE.run(tx, {"worker": worker}).rowcount


def open_offer(tx: Connection, event: dict[str, str | int | bool | None], kinds: Collection[str]) -> None:
    """Put a just written offer on the queue."""
    (kind,) = kinds if len(kinds) == 1 else (MIXED,)
    _OPEN.run(tx, event | {"kind": kind})


def close_offer(tx: Connection, handoff_id: str) -> bool:
    """Take an offer off the queue; say whether it was there."""
    return _CLOSE.run(tx, {"handoff_id": handoff_id}).rowcount > 0


def rebuild(tx: Connection) -> None:
    """Write the queue anew from the log alone; claims are forgotten."""
    tx.execute(text("DELETE FROM open_offer"))
    tx.execute(_REBUILD)


def _open_offer(row: tuple[Any, ...]) -> OpenOffer:
    offer = OpenOffer(*row)
    return replace(offer, emulated=bool(offer.emulated))
