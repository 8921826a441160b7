"""From a line of a batch to sealed rows: everything costly happens here, before and outside any transaction."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from handoff_logs.records import new_id
from stations.calendar import to_us
from stations.deadlines import DeadlineRule, time_node_us
from stations.intake.batch import ApplicationRecord, Picture
from stations.intake.faces import FaceFinder
from stations.intake.folder import BatchFolder, OversizeImageError
from stations.intake.measures import Measures, measure_photo, measure_signature
from stations.intake.pictures import Outline, PictureError
from stations.intake.rules import Refusal, priority, read_line
from stations.intake.tables import ApplicationState
from stations.personal import PersonalData, image_context

Row = dict[str, Any]
_JPEG = "image/jpeg"


@dataclass(frozen=True, slots=True)
class Prepared:
    """An application ready to be booked: the rows it becomes, and what booking decides by.

    `order_number`: the order's in the log, with the revision from the second on. `review_due_us`: review's time node.
    """

    line: int
    record: ApplicationRecord
    order_number: str
    review_due_us: int
    application: Row
    images: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class SetAsideLine:
    """A line that is not loaded."""

    line: int
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Preparer:
    """Prepares the lines of one batch; with `faces`, the faces on photos are measured too."""

    folder: BatchFolder
    batch_id: str
    personal: PersonalData
    rule: DeadlineRule
    allowances: Mapping[str, Mapping[str, timedelta]]
    emulated: bool
    faces: FaceFinder | None = None

    def prepare(self, line: int, content: bytes | None) -> Prepared | SetAsideLine:
        """Check, measure and seal a line. Raises `BatchRefusedError` if an image changed since the batch was opened."""
        record = read_line(content)
        if isinstance(record, Refusal):
            return SetAsideLine(line, record)
        application_id = new_id()
        images: list[Row] = []
        for role, picture, measure in (
            ("photo", record.photo, partial(measure_photo, faces=self.faces)),
            ("signature", record.signature, measure_signature),
        ):
            if picture is None:
                continue
            try:
                images.append(self._image(application_id, role, picture, measure))
            except PictureError as error:
                return SetAsideLine(line, Refusal(role, f"{role}_{error.reason}", record.number))
        return self._application(line, application_id, record, content or b"", tuple(images))

    def _application(
        self, line: int, application_id: str, record: ApplicationRecord, content: bytes, images: tuple[Row, ...]
    ) -> Prepared:
        approved = record.emergency.approved_at if record.emergency else None
        due = self.rule.deadline(record.service_class, record.accepted_at, approved)
        application: Row = {
            "application_id": application_id,
            "application_key": self.personal.application_key(record.number),
            "revision": record.revision,
            "product": record.product,
            "service_class": record.service_class,
            "delivery": record.delivery,
            "office": record.office,
            "accepted_us": to_us(record.accepted_at),
            "deadline_us": due.due_us,
            "provisional": due.provisional,
            "priority": priority(record),
            "person_key": self.personal.person_key(record.applicant.resident_id),
            "applicant": self.personal.encrypt(content, application_id),
            "state": ApplicationState.WAITING.value,
            "live": True,
            "order_unit": new_id(),
            "batch_id": self.batch_id,
            "emulated": self.emulated,
        }
        number = record.number if record.revision == 1 else f"{record.number}/{record.revision}"
        review_due_us = time_node_us("review", record.service_class, due.due_us, self.rule.calendar, self.allowances)
        return Prepared(line, record, number, review_due_us, application, images)

    def _image(
        self,
        application_id: str,
        role: str,
        picture: Picture,
        measure: Callable[[bytes], tuple[Outline, Measures]],
    ) -> Row:
        try:
            data = self.folder.image(picture.file, picture.sha256)
        except OversizeImageError:
            raise PictureError("too_large") from None
        if data is None:
            raise PictureError("missing")
        outline, measures = measure(data)
        if role == "photo" and outline.media_type != _JPEG:
            raise PictureError("not_jpeg")
        return {
            "application_id": application_id,
            "role": role,
            "media_type": outline.media_type,
            "sha256": picture.sha256,
            "image": self.personal.encrypt(data, image_context(application_id, role)),
            "measures": measures,
        }
