"""The applications of a tray, opened for review: their facts and pictures, a portion at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, func, or_, select

from handoff_logs.records import State
from handoff_logs.statements import Statement
from handoff_logs.tables import Whereabouts
from stations.calendar import CHINA, from_us
from stations.intake import filed
from stations.intake.filed import FiledImage
from stations.intake.tables import Application, ApplicationState
from stations.review import history, hold_list
from stations.review.desk import ReviewCase
from stations.review.rules import EarlierDocument, Facts, Thresholds, examine
from stations.review.tables import ReviewVerdict
from stations.statements import Among, listed
from stations.trays import INPUT
from stations.workplace import Workplace

_where = Whereabouts.__table__  # type: ignore[attr-defined]
_application = Application.__table__  # type: ignore[attr-defined]
_verdict = ReviewVerdict.__table__  # type: ignore[attr-defined]

PORTION = 50
"""Applications opened at once: their pictures are in memory together."""

Order = Row[Any]


@dataclass(frozen=True, slots=True)
class Others:
    """What else of an application's type its person has: documents that were sent, and how many live applications."""

    documents: tuple[EarlierDocument, ...] = ()
    live: int = 0


NOTHING_ELSE = Others()


_rounds = (
    select(func.coalesce(func.max(_verdict.c.round), 0))
    .where(_verdict.c.application_id == _application.c.application_id)
    .scalar_subquery()
)
_ORDERS = (
    select(
        _where.c.unit_id,
        _application.c.application_id,
        _application.c.application_key,
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
_other = _application.alias("other")
_OTHERS = Statement(
    select(
        _application.c.application_id,
        _other.c.accepted_us,
        _other.c.live,
    )
    .join(
        _other,
        and_(
            _other.c.person_key == _application.c.person_key,
            _other.c.product == _application.c.product,
            _other.c.application_id != _application.c.application_id,
        ),
    )
    .where(
        Among(_application.c.application_id, "ids"), or_(_other.c.live, _other.c.state == ApplicationState.DISPATCHED)
    )
    .order_by(_application.c.application_id, _other.c.accepted_us)
)
"""What else of the same type each person has: live applications, and documents that were sent."""


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
    opened = open_filed(workplace, ids, thresholds)
    with workplace.database.read() as connection:
        earlier = history.rounds(connection, ids)
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
                history=earlier.get(order.application_id, ()),
            )
        )
    return cases


def open_filed(
    workplace: Workplace, application_ids: Sequence[str], thresholds: Thresholds
) -> dict[str, tuple[Facts, FiledImage, FiledImage | None]]:
    """These applications as the rules see them, each with its photo and its signature image, decrypted."""
    with workplace.database.read() as connection:
        applications = filed.by_ids(connection, workplace.personal, application_ids)
        photos = filed.images(connection, workplace.personal, application_ids, "photo")
        signatures = filed.images(connection, workplace.personal, application_ids, "signature")
        others = others_of(connection, application_ids)
        applicants = [applications[each].record.applicant for each in application_ids]
        keys = [workplace.personal.person_key(applicant.resident_id) for applicant in applicants]
        holds = hold_list.holds(connection, thresholds.hold_lists, keys)
    opened = {}
    for application_id, hold in zip(application_ids, holds, strict=True):
        photo, signature = photos[application_id], signatures.get(application_id)
        other = others.get(application_id, NOTHING_ELSE)
        facts = Facts(
            filed=applications[application_id],
            photo=photo.measures,
            signature=signature.measures if signature else None,
            earlier_documents=other.documents,
            other_live=other.live,
            hold=hold,
        )
        opened[application_id] = facts, photo, signature
    return opened


def others_of(connection: Connection, application_ids: Sequence[str]) -> dict[str, Others]:
    """What else of the same type each application's person has; those with nothing are left out.

    An earlier document counts from the day that its application was accepted, which is printed as its day of issue.
    """
    found: dict[str, Others] = {}
    for row in _OTHERS.run(connection, {"ids": listed(application_ids)}).fetchall():
        application_id, accepted_us, live = row
        before = found.get(application_id, NOTHING_ELSE)
        if live:
            found[application_id] = replace(before, live=before.live + 1)
        else:
            sent = EarlierDocument(from_us(accepted_us).astimezone(CHINA).date())
            found[application_id] = replace(before, documents=(*before.documents, sent))
    return found
