"""The applications of a tray, opened for review: their facts and pictures, a portion at a time."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, func, select

from handoff_logs.records import State
from handoff_logs.tables import Whereabouts
from stations.intake import filed
from stations.intake.filed import FiledImage
from stations.intake.tables import Application, ApplicationState
from stations.review.desk import ReviewCase
from stations.review.rules import Facts, Thresholds, examine
from stations.review.tables import ReviewVerdict
from stations.trays import INPUT
from stations.workplace import Workplace

_where = Whereabouts.__table__  # type: ignore[attr-defined]
_application = Application.__table__  # type: ignore[attr-defined]
_verdict = ReviewVerdict.__table__  # type: ignore[attr-defined]

PORTION = 50
"""Applications opened at once: their pictures are in memory together."""

Order = Row[Any]


_rounds = (
    select(func.coalesce(func.max(_verdict.c.round), 0))
    .where(_verdict.c.application_id == _application.c.application_id)
    .scalar_subquery()
)
_ORDERS = (
    select(
        _where.c.unit_id,
        _application.c.application_id,
        _application.c.revision,
        _application.c.product,
        _application.c.priority,
        _application.c.office,
        _application.c.service_class,
        _application.c.deadline_us,
        _application.c.state,
        _rounds.label("rounds"),
    )
    .join(_application, _application.c.order_unit == _where.c.unit_id)
    .where(
        _where.c.station == bindparam("of_station"),
        _where.c.tray == bindparam("of_tray"),
        _where.c.state == State.HELD,
        _where.c.place == INPUT,
    )
    .order_by(_application.c.deadline_us, _application.c.application_id)
)
_earlier = _application.alias()
_EARLIER = (
    select(_application.c.application_id, func.count())
    .join(
        _earlier,
        and_(
            _earlier.c.person_key == _application.c.person_key,
            _earlier.c.product == _application.c.product,
            _earlier.c.state == ApplicationState.DISPATCHED,
        ),
    )
    .where(_application.c.application_id.in_(bindparam("ids", expanding=True)))
    .group_by(_application.c.application_id)
)


def orders_of_tray(connection: Connection, station: str, tray: str) -> list[Order]:
    """The orders of an accepted tray with their applications, without anything personal, in order of time node.

    `rounds` counts the verdicts there are on this revision.
    """
    return list(connection.execute(_ORDERS, {"of_station": station, "of_tray": tray}))


def open_cases(
    workplace: Workplace, orders: Sequence[Order], reviewers: Sequence[str], thresholds: Thresholds
) -> list[ReviewCase]:
    """One case an order, each assigned to its reviewer, with what the rules suggest."""
    ids = [order.application_id for order in orders]
    opened = open_filed(workplace, ids)
    cases = []
    for order, reviewer in zip(orders, reviewers, strict=True):
        facts, photo, signature = opened[order.application_id]
        cases.append(
            ReviewCase(
                application_id=order.application_id,
                revision=order.revision,
                round=order.rounds + 1,
                reviewer=reviewer,
                findings=examine(facts, thresholds),
                photo=photo.image,
                signature=signature.image if signature else None,
                approval=facts.filed.approval,
            )
        )
    return cases


def open_filed(
    workplace: Workplace, application_ids: Sequence[str]
) -> dict[str, tuple[Facts, FiledImage, FiledImage | None]]:
    """These applications as the rules see them, each with its photo and its signature image, decrypted."""
    with workplace.database.read() as connection:
        applications = filed.by_ids(connection, workplace.personal, application_ids)
        photos = filed.images(connection, workplace.personal, application_ids, "photo")
        signatures = filed.images(connection, workplace.personal, application_ids, "signature")
        earlier = earlier_documents(connection, application_ids)
    opened = {}
    for application_id in application_ids:
        photo, signature = photos[application_id], signatures.get(application_id)
        facts = Facts(
            filed=applications[application_id],
            photo=photo.measures,
            signature=signature.measures if signature else None,
            earlier_documents=earlier.get(application_id, 0),
        )
        opened[application_id] = facts, photo, signature
    return opened


def earlier_documents(connection: Connection, application_ids: Sequence[str]) -> dict[str, int]:
    """How many documents of the same product each applicant was sent before; those with none are left out."""
    return {row[0]: row[1] for row in connection.execute(_EARLIER, {"ids": list(application_ids)})}
