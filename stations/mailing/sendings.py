"""What the line knows of parcels that it sent: each sending, whether it is still out, and its open cases."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import BindParameter, Connection, bindparam, select

from handoff_logs.dialects import listed
from handoff_logs.records import State
from handoff_logs.statements import Statement
from handoff_logs.tables import Whereabouts
from stations.mailing.delivery_rules import Sending
from stations.mailing.tables import ConsignedParcel, DeliveredParcel, DeliveryEvent, DeliveryKind, ReturnedParcel
from stations.packing.tables import Parcel

# On PostgreSQL those who record what a carrier says, or what comes back, wait for each other.
_ONE_AT_A_TIME: Final = Statement("SELECT pg_advisory_xact_lock(hashtextextended('passline deliveries', 0))")

_where = Whereabouts.__table__  # type: ignore[attr-defined]
_sent = ConsignedParcel.__table__  # type: ignore[attr-defined]
_event = DeliveryEvent.__table__  # type: ignore[attr-defined]
_about = DeliveredParcel.__table__  # type: ignore[attr-defined]
_back = ReturnedParcel.__table__  # type: ignore[attr-defined]
_parcel = Parcel.__table__  # type: ignore[attr-defined]

_NAMES: BindParameter[str] = bindparam("names", expanding=True)
_SENDINGS = (
    select(
        _sent.c.parcel_unit,
        _sent.c.consignment_id,
        _sent.c.tracking,
        _sent.c.taken_us,
        _where.c.state,
        _back.c.record.is_not(None).label("came_back"),
    )
    .join(_where, _where.c.unit_id == _sent.c.parcel_unit)
    .outerjoin(_back, (_back.c.parcel_unit == _sent.c.parcel_unit) & (_back.c.consignment_id == _sent.c.consignment_id))
    .order_by(_sent.c.parcel_unit)
)
_BY_TRACKING = _SENDINGS.where(_sent.c.tracking.in_(_NAMES))
_BY_MANIFEST = _SENDINGS.where(_sent.c.consignment_id.in_(_NAMES))
_BY_PARCEL = _SENDINGS.where(_sent.c.parcel_unit.in_(_NAMES))
_SAID = (
    select(_about.c.parcel_unit, _about.c.consignment_id, _event.c.kind, _event.c.at_us)
    .join(_event, _event.c.event_id == _about.c.event_id)
    .where(_about.c.parcel_unit.in_(_NAMES))
    .order_by(_event.c.at_us, _event.c.loaded_us)
)
_LABELLED = select(_parcel.c.parcel_unit, _parcel.c.label).where(_parcel.c.label == bindparam("item"))
_NUMBERED = (
    select(_parcel.c.parcel_unit, _parcel.c.label)
    .join(_sent, _sent.c.parcel_unit == _parcel.c.parcel_unit)
    .where(_sent.c.tracking == bindparam("item"))
)
_CASES = Statement(
    "SELECT opened.unit_id, opened.case_id, opened.kind FROM custody_case AS opened WHERE opened.unit_id IN {ids}"
    " AND NOT EXISTS (SELECT 1 FROM custody_event AS settled WHERE settled.case_id = opened.case_id)"
    " ORDER BY opened.opened_us, opened.case_id"
)
_OUTCOMES = Statement(
    "SELECT unit.unit_id, unit.outcome FROM custody_unit AS unit JOIN whereabouts AS here"
    " ON here.unit_id = unit.unit_id AND here.step = unit.step WHERE unit.unit_id IN {ids} AND here.state = 'ended'"
)


def one_at_a_time(tx: Connection) -> None:
    """Let nobody else record what a carrier says, or what comes back, until this transaction ends."""
    if tx.dialect.name != "sqlite":
        _ONE_AT_A_TIME.run(tx)


def by_tracking(conn: Connection, numbers: Sequence[str]) -> dict[str, Sending]:
    """Tracking number → the sending that it is of, as far as they are known."""
    rows = conn.execute(_BY_TRACKING, {"names": list(numbers)}).all()
    made = _sendings(conn, rows)
    return {row.tracking: made[row.parcel_unit, row.consignment_id] for row in rows}


def by_manifest(conn: Connection, manifests: Sequence[str]) -> dict[str, list[Sending]]:
    """Manifest → the sendings on it that have no tracking number of their own, as far as they are known."""
    rows = [row for row in conn.execute(_BY_MANIFEST, {"names": list(manifests)}) if row.tracking is None]
    made = _sendings(conn, rows)
    found: dict[str, list[Sending]] = {}
    for row in rows:
        found.setdefault(row.consignment_id, []).append(made[row.parcel_unit, row.consignment_id])
    return found


def latest(conn: Connection, parcels: Sequence[str]) -> dict[str, Sending]:
    """Parcel → its latest sending, of those that were sent."""
    rows = sorted(
        conn.execute(_BY_PARCEL, {"names": list(parcels)}).all(),
        key=lambda row: (row.taken_us is not None, row.taken_us or 0),
    )
    made = _sendings(conn, rows)
    return {row.parcel_unit: made[row.parcel_unit, row.consignment_id] for row in rows}


def parcel_named(conn: Connection, item: str) -> tuple[str, str] | None:
    """The parcel with that label or that was sent under that tracking number: its unit and its label."""
    row = conn.execute(_LABELLED, {"item": item}).first() or conn.execute(_NUMBERED, {"item": item}).first()
    return None if row is None else (row.parcel_unit, row.label)


def open_cases(conn: Connection, units: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    """Unit → its open cases, the oldest first: (id, kind)."""
    found: dict[str, list[tuple[str, str]]] = {}
    for unit, case_id, kind in _CASES.run(conn, {"ids": listed(units)}).fetchall():
        found.setdefault(unit, []).append((case_id, kind))
    return found


def _sendings(conn: Connection, rows: Sequence[Any]) -> Mapping[tuple[str, str], Sending]:
    units = list({row.parcel_unit for row in rows})
    cases = open_cases(conn, units)
    ended = dict(map(tuple, _OUTCOMES.run(conn, {"ids": listed(units)}).fetchall()))
    made = {
        (row.parcel_unit, row.consignment_id): Sending(
            row.parcel_unit,
            row.consignment_id,
            row.taken_us,
            (ended.get(row.parcel_unit) or "opened") if row.state == State.ENDED else None,
            bool(row.came_back),
            any(kind == "missing" for _, kind in cases.get(row.parcel_unit, ())),
        )
        for row in rows
    }
    for said in conn.execute(_SAID, {"names": units}):
        sending = made.get((said.parcel_unit, said.consignment_id))
        if sending is not None:
            sending.last, sending.last_us = DeliveryKind(said.kind), said.at_us
    return made
