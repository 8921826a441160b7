"""What was filed, opened again: applications and images with their personal fields, read in bulk by order or id."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from stations.intake.batch import ApplicationRecord
from stations.intake.prepare import image_context
from stations.intake.tables import Application, ApplicationImage, ApplicationState
from stations.personal import PersonalData

IDS_A_STATEMENT = 5_000

_applications = Application.__table__  # type: ignore[attr-defined]
_images = ApplicationImage.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Filed:
    """One application on file. Times are microseconds UTC; `record` is the line that was sent."""

    application_id: str
    order_unit: str
    revision: int
    product: str
    service_class: str
    delivery: str
    office: str
    accepted_us: int
    deadline_us: int
    priority: int
    state: ApplicationState
    emulated: bool
    record: ApplicationRecord


@dataclass(frozen=True, slots=True)
class FiledImage:
    """One image on file and what was measured on it (`stations.intake.measures`)."""

    application_id: str
    role: str
    media_type: str
    sha256: str
    image: bytes
    measures: dict[str, Any]


def by_orders(conn: Connection, personal: PersonalData, order_units: Sequence[str]) -> dict[str, Filed]:
    """The applications of these orders, by order unit; orders without one are left out."""
    return {filed.order_unit: filed for filed in _filed(conn, personal, "order_unit", order_units)}


def by_ids(conn: Connection, personal: PersonalData, application_ids: Sequence[str]) -> dict[str, Filed]:
    """These applications, by id; unknown ids are left out."""
    return {filed.application_id: filed for filed in _filed(conn, personal, "application_id", application_ids)}


def images(
    conn: Connection, personal: PersonalData, application_ids: Sequence[str], role: str
) -> dict[str, FiledImage]:
    """The `role` (photo or signature) images of these applications, by application id; missing ones are left out."""
    found: dict[str, FiledImage] = {}
    for start in range(0, len(application_ids), IDS_A_STATEMENT):
        ids = application_ids[start : start + IDS_A_STATEMENT]
        rows = conn.execute(select(_images).where(_images.c.application_id.in_(ids), _images.c.role == role))
        for row in rows:
            image = personal.decrypt(row.image, image_context(row.application_id, role))
            found[row.application_id] = FiledImage(
                row.application_id, role, row.media_type, row.sha256, image, row.measures
            )
    return found


def _filed(conn: Connection, personal: PersonalData, column: str, ids: Sequence[str]) -> list[Filed]:
    found: list[Filed] = []
    for start in range(0, len(ids), IDS_A_STATEMENT):
        where = _applications.c[column].in_(ids[start : start + IDS_A_STATEMENT])
        found.extend(_open(row, personal) for row in conn.execute(select(_applications).where(where)))
    return found


def _open(row: Row[Any], personal: PersonalData) -> Filed:
    return Filed(
        application_id=row.application_id,
        order_unit=row.order_unit,
        revision=row.revision,
        product=row.product,
        service_class=row.service_class,
        delivery=row.delivery,
        office=row.office,
        accepted_us=row.accepted_us,
        deadline_us=row.deadline_us,
        priority=row.priority,
        state=ApplicationState(row.state),
        emulated=row.emulated,
        record=ApplicationRecord.model_validate_json(personal.decrypt(row.applicant, row.application_id)),
    )
