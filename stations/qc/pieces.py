"""The documents QC answers for, joined to what they were made from."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, and_, func, select

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


def offered_numbers(connection: Connection, handoff_id: str) -> dict[str, str]:
    """Printed serial → unit of the documents in an open offer."""
    query = (
        select(_job.c.blank_serial, _job.c.document_unit)
        .join(_where, _where.c.unit_id == _job.c.document_unit)
        .where(_where.c.handoff_id == handoff_id, _where.c.state == State.OFFERED)
    )
    return {row.blank_serial: row.document_unit for row in connection.execute(query)}


def document_units(connection: Connection, numbers: Iterable[str]) -> dict[str, str]:
    """Printed serial → unit, of any documents that the line ever made."""
    query = select(_job.c.blank_serial, _job.c.document_unit).where(
        _job.c.blank_serial.in_(list(numbers)), _job.c.document_unit.is_not(None)
    )
    return {row.blank_serial: row.document_unit for row in connection.execute(query)}


def pieces_of_tray(connection: Connection, station: str, tray: str) -> list[Piece]:
    """The documents of an accepted tray with job and application, without anything personal, in order of time node."""
    query = (
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
            _where.c.station == station,
            _where.c.tray == tray,
            _where.c.state == State.HELD,
            _where.c.place == INPUT,
        )
        .order_by(_application.c.deadline_us, _where.c.unit_id)
    )
    return list(connection.execute(query))


def passing_verdicts(connection: Connection, application_ids: Sequence[str]) -> dict[str, Verdict]:
    """The last verdict on each application, by application."""
    last = (
        select(_verdict.c.application_id, func.max(_verdict.c.round).label("round"))
        .where(_verdict.c.application_id.in_(application_ids))
        .group_by(_verdict.c.application_id)
        .subquery()
    )
    query = select(
        _verdict.c.application_id,
        _verdict.c.revision,
        _verdict.c.round,
        _verdict.c.reviewer,
        _verdict.c.outcome,
    ).join(last, and_(last.c.application_id == _verdict.c.application_id, last.c.round == _verdict.c.round))
    return {row.application_id: Verdict(*row) for row in connection.execute(query)}


def order_numbers(connection: Connection, order_units: Sequence[str]) -> dict[str, str]:
    """Order unit → its number in the log."""
    query = select(_number.c.unit_id, _number.c.number).where(_number.c.unit_id.in_(order_units))
    return {row.unit_id: row.number for row in connection.execute(query)}
