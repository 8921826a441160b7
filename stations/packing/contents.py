"""What is in the parcels of a tray, asked by every station that handles parcels."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from handoff_logs.records import State
from handoff_logs.tables import Whereabouts
from stations.intake.tables import Application
from stations.packing.tables import Parcel
from stations.personalization.tables import Job
from stations.trays import INPUT

_where = Whereabouts.__table__  # type: ignore[attr-defined]
_application = Application.__table__  # type: ignore[attr-defined]
_job = Job.__table__  # type: ignore[attr-defined]
_parcel = Parcel.__table__  # type: ignore[attr-defined]

Contained = Row[Any]

_inside = _where.alias()
_HELD_PARCELS = (
    _where.c.station == bindparam("of_station"),
    _where.c.tray == bindparam("of_tray"),
    _where.c.state == State.HELD,
    _where.c.place == INPUT,
)
_PARCELS = (
    select(
        _where.c.unit_id,
        _parcel.c.label,
        _parcel.c.grouping,
        _parcel.c.office,
        _parcel.c.documents,
        _parcel.c.expected_g,
    )
    .join(_parcel, _parcel.c.parcel_unit == _where.c.unit_id)
    .where(*_HELD_PARCELS)
    .order_by(_where.c.unit_id)
)
_CONTAINED = (
    select(
        _inside.c.unit_id,
        _inside.c.container,
        _job.c.blank_serial,
        _application.c.application_id,
        _application.c.product,
        _application.c.priority,
        _application.c.service_class,
        _application.c.deadline_us,
    )
    .select_from(_where)
    .join(_inside, _inside.c.container == _where.c.unit_id)
    .join(_job, _job.c.document_unit == _inside.c.unit_id)
    .join(_application, _application.c.application_id == _job.c.application_id)
    .order_by(_inside.c.unit_id)
)
_PACKED = _CONTAINED.where(*_HELD_PARCELS)
_OFFERED = _CONTAINED.where(_where.c.handoff_id == bindparam("of_handoff"))
_OFFERED_LABELS = (
    select(_parcel.c.label, _parcel.c.parcel_unit)
    .join(_where, _where.c.unit_id == _parcel.c.parcel_unit)
    .where(_where.c.handoff_id == bindparam("of_handoff"))
)


def parcels_of_tray(connection: Connection, station: str, tray: str) -> list[Row[Any]]:
    """The parcels of a tray that a station has accepted or made and not handed on."""
    return list(connection.execute(_PARCELS, {"of_station": station, "of_tray": tray}))


def packed_documents(connection: Connection, station: str, tray: str) -> list[Contained]:
    """The documents in those parcels, with job and application."""
    return list(connection.execute(_PACKED, {"of_station": station, "of_tray": tray}))


def offered_documents(connection: Connection, handoff_id: str) -> list[Contained]:
    """The documents in the parcels of an open or refused offer."""
    return list(connection.execute(_OFFERED, {"of_handoff": handoff_id}))


def offered_labels(connection: Connection, handoff_id: str) -> dict[str, str]:
    """Label → unit of the parcels in an open or refused offer."""
    return {row[0]: row[1] for row in connection.execute(_OFFERED_LABELS, {"of_handoff": handoff_id})}


def parcel_units(connection: Connection, labels: Sequence[str]) -> dict[str, str]:
    """Label → unit, of any parcels that the line ever packed."""
    if not labels:
        return {}
    query = select(_parcel.c.label, _parcel.c.parcel_unit).where(_parcel.c.label.in_(labels))
    return {row.label: row.parcel_unit for row in connection.execute(query)}
