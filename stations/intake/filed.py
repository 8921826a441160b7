"""What was filed, opened again: applications and images with their personal fields, read in bulk by id."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, bindparam, select

from stations.calendar import CHINA, from_us, to_us
from stations.documents import age
from stations.intake.batch import ApplicationRecord
from stations.intake.tables import Application, ApplicationImage, ApplicationState, GreenChannel
from stations.personal import PersonalData, image_context

IDS_A_STATEMENT = 5_000

_applications = Application.__table__  # type: ignore[attr-defined]
_green = GreenChannel.__table__  # type: ignore[attr-defined]
_images = ApplicationImage.__table__  # type: ignore[attr-defined]

_IDS: BindParameter[str] = bindparam("ids", expanding=True)
_BY_ID = (
    select(_applications, _green.c.approver, _green.c.reason, _green.c.raised_us)
    .outerjoin(_green, _green.c.application_id == _applications.c.application_id)
    .where(_applications.c.application_id.in_(_IDS))
)
_IMAGES = select(_images).where(_images.c.application_id.in_(_IDS), _images.c.role == bindparam("of_role"))


@dataclass(frozen=True, slots=True)
class Approval:
    """Who let an application into the green channel (a staff code), why (a code), and when (microseconds UTC)."""

    approver: str
    reason: str
    approved_us: int


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
    raised: Approval | None = None

    @property
    def accepted(self) -> date:
        """The day of acceptance, in China."""
        return from_us(self.accepted_us).astimezone(CHINA).date()

    @property
    def age(self) -> int:
        """The applicant's age that day."""
        return age(self.record.applicant.born_on, self.accepted)

    @property
    def approval(self) -> Approval | None:
        """Who let it into the green channel: a lead who raised it, or whoever its office named; None for the others."""
        filed = self.record.emergency
        if self.raised is not None or filed is None:
            return self.raised
        return Approval(filed.approver, filed.reason, to_us(filed.approved_at))


@dataclass(frozen=True, slots=True)
class FiledImage:
    """One image on file and what was measured on it (`stations.intake.measures`)."""

    application_id: str
    role: str
    media_type: str
    sha256: str
    image: bytes
    measures: dict[str, Any]


def by_ids(conn: Connection, personal: PersonalData, application_ids: Sequence[str]) -> dict[str, Filed]:
    """These applications, by id; unknown ids are left out."""
    found: dict[str, Filed] = {}
    for start in range(0, len(application_ids), IDS_A_STATEMENT):
        ids = application_ids[start : start + IDS_A_STATEMENT]
        found |= {row.application_id: _open(row, personal) for row in conn.execute(_BY_ID, {"ids": ids})}
    return found


def images(
    conn: Connection, personal: PersonalData, application_ids: Sequence[str], role: str
) -> dict[str, FiledImage]:
    """The `role` (photo or signature) images of these applications, by application id; missing ones are left out."""
    found: dict[str, FiledImage] = {}
    for start in range(0, len(application_ids), IDS_A_STATEMENT):
        ids = application_ids[start : start + IDS_A_STATEMENT]
        for row in conn.execute(_IMAGES, {"ids": ids, "of_role": role}):
            image = personal.decrypt(row.image, image_context(row.application_id, role))
            found[row.application_id] = FiledImage(
                row.application_id, role, row.media_type, row.sha256, image, row.measures
            )
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
        raised=None if row.raised_us is None else Approval(row.approver, row.reason, row.raised_us),
    )
