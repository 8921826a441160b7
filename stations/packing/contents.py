"""What is in the parcels of a tray, asked by every station that handles parcels."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

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


def parcels_of_tray(connection: Connection, station: str, tray: str) -> list[Row[Any]]:
    """The parcels of a tray that a station has accepted or made and not handed on."""
    query = (
        select(
            _where.c.unit_id,
            _parcel.c.label,
            _parcel.c.grouping,
            _parcel.c.office,
            _parcel.c.documents,
            _parcel.c.expected_g,
        )
        .join(_parcel, _parcel.c.parcel_unit == _where.c.unit_id)
        .where(
            _where.c.station == station,
            _where.c.tray == tray,
            _where.c.state == State.HELD,
            _where.c.place == INPUT,
        )
        .order_by(_where.c.unit_id)
    )
    return list(connection.execute(query))


def packed_documents(connection: Connection, station: str, tray: str) -> list[Contained]:
    """The documents in those parcels, with job and application."""
    parcel = _where.alias()
    return list(
        connection.execute(
            _contained(parcel).where(
                parcel.c.station == station,
                parcel.c.tray == tray,
                parcel.c.state == State.HELD,
                parcel.c.place == INPUT,
            )
        )
    )


def offered_documents(connection: Connection, handoff_id: str) -> list[Contained]:
    """The documents in the parcels of an open or refused offer."""
    parcel = _where.alias()
    return list(connection.execute(_contained(parcel).where(parcel.c.handoff_id == handoff_id)))


def offered_labels(connection: Connection, handoff_id: str) -> dict[str, str]:
    """Label → unit of the parcels in an open or refused offer."""
    query = (
        select(_parcel.c.label, _parcel.c.parcel_unit)
        .join(_where, _where.c.unit_id == _parcel.c.parcel_unit)
        .where(_where.c.handoff_id == handoff_id)
    )
    return {row.label: row.parcel_unit for row in connection.execute(query)}


def parcel_units(connection: Connection, labels: Sequence[str]) -> dict[str, str]:
    """Label → unit, of any parcels that the line ever packed."""
    query = select(_parcel.c.label, _parcel.c.parcel_unit).where(_parcel.c.label.in_(labels))
    return {row.label: row.parcel_unit for row in connection.execute(query)}


def _contained(parcel: Any) -> Any:
    document = _where.alias()
    return (
        select(
            document.c.unit_id,
            document.c.container,
            _job.c.blank_serial,
            _application.c.application_id,
            _application.c.product,
            _application.c.priority,
            _application.c.service_class,
            _application.c.deadline_us,
        )
        .select_from(parcel)
        .join(document, document.c.container == parcel.c.unit_id)
        .join(_job, _job.c.document_unit == document.c.unit_id)
        .join(_application, _application.c.application_id == _job.c.application_id)
        .order_by(document.c.unit_id)
    )
