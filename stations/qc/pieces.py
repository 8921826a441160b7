"""The documents QC answers for, joined to what they were made from."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, select

from handoff_logs.records import State
from handoff_logs.tables import UnitNumber, Whereabouts
from stations.intake.tables import Application
from stations.personalization.tables import Job
from stations.review.tables import ReviewVerdict
from stations.trays import INPUT

_where = Whereabouts.__table__  # type: ignore[attr-defined]
_application = Application.__table__  # type: ignore[attr-defined]
_job = Job.__table__  # type: ignore[attr-defined]
_verdict = ReviewVerdict.__table__  # type: ignore[attr-defined]
_number = UnitNumber.__table__  # type: ignore[attr-defined]

Piece = Row[Any]


class Verdict(NamedTuple):
    """The verdict that let an application pass; an inspection refers to it by all of these."""

    application_id: str
    revision: int
    round: int
    reviewer: str
    outcome: str


_OFFERED = (
    select(_job.c.blank_serial, _job.c.document_unit)
    .join(_where, _where.c.unit_id == _job.c.document_unit)
    .where(_where.c.handoff_id == bindparam("of_handoff"), _where.c.state == State.OFFERED)
)
_PIECES = (
    select(
        _where.c.unit_id,
        _job.c.blank_serial,
        _job.c.document_number,
        _job.c.fed_us,
        _application.c.application_id,
        _application.c.revision,
        _application.c.product,
        _application.c.priority,
        _application.c.office,
        _application.c.delivery,
        _application.c.service_class,
        _application.c.deadline_us,
        _application.c.order_unit,
        _application.c.state,
    )
    .join(_job, _job.c.document_unit == _where.c.unit_id)
    .join(_application, _application.c.application_id == _job.c.application_id)
    .where(
        _where.c.station == bindparam("of_station"),
        _where.c.tray == bindparam("of_tray"),
        _where.c.state == State.HELD,
        _where.c.place == bindparam("of_place"),
    )
    .order_by(_application.c.deadline_us, _where.c.unit_id)
)
# Of several verdicts on an application the last round's comes last.
_VERDICTS = (
    select(
        _verdict.c.application_id,
        _verdict.c.revision,
        _verdict.c.round,
        _verdict.c.reviewer,
        _verdict.c.outcome,
    )
    .where(_verdict.c.application_id.in_(bindparam("ids", expanding=True)))
    .order_by(_verdict.c.round)
)


def offered_numbers(connection: Connection, handoff_id: str) -> dict[str, str]:
    """Printed serial → unit of the documents in an open offer."""
    return {row[0]: row[1] for row in connection.execute(_OFFERED, {"of_handoff": handoff_id})}


def document_units(connection: Connection, numbers: Iterable[str]) -> dict[str, str]:
    """Printed serial → unit, of any documents that the line ever made."""
    query = select(_job.c.blank_serial, _job.c.document_unit).where(
        _job.c.blank_serial.in_(list(numbers)), _job.c.document_unit.is_not(None)
    )
    return {row.blank_serial: row.document_unit for row in connection.execute(query)}


def pieces_of_tray(connection: Connection, station: str, tray: str, place: str = INPUT) -> list[Piece]:
    """The documents of an accepted tray with job and application, without anything personal, in order of time node."""
    return list(connection.execute(_PIECES, {"of_station": station, "of_tray": tray, "of_place": place}))


def passing_verdicts(connection: Connection, application_ids: Sequence[str]) -> dict[str, Verdict]:
    """The last verdict on each application, by application."""
    rows = connection.execute(_VERDICTS, {"ids": list(application_ids)})
    return {row[0]: Verdict(*row) for row in rows}


def order_numbers(connection: Connection, order_units: Sequence[str]) -> dict[str, str]:
    """Order unit → its number in the log."""
    query = select(_number.c.unit_id, _number.c.number).where(_number.c.unit_id.in_(order_units))
    return {row.unit_id: row.number for row in connection.execute(query)}
