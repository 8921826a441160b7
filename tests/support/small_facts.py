"""Facts for review's rules: a sound application, and changes to it."""

import random
from dataclasses import replace
from datetime import date
from typing import Any

from stations.calendar import to_us
from stations.intake.batch import ApplicationRecord
from stations.intake.faces import FaceFinder
from stations.intake.filed import Filed
from stations.intake.generator.faces import make_face, with_defect
from stations.intake.generator.portraits import portrait
from stations.intake.measures import measure_photo
from stations.intake.tables import ApplicationState
from stations.resident_id import compose
from stations.review.rules import Facts, Hold, Suggestion, Thresholds, examine

ACCEPTED = date(2026, 11, 20)
PICTURE = {"file": "1.jpg", "sha256": "0" * 64}
RECORD: dict[str, Any] = {
    "number": "370120261120001",
    "revision": 1,
    "product": "passport",
    "service_class": "normal",
    "delivery": "collection",
    "office": "jinan",
    "accepted_at": "2026-11-20T10:00:00+08:00",
    "applicant": {
        "surname": "王",
        "given_names": "晓明",
        "surname_latin": "WANG",
        "given_names_latin": "XIAOMING",
        "sex": "F",
        "born_on": "1990-01-02",
        "birthplace": "山东",
        "birthplace_latin": "SHANDONG",
        "resident_id": compose("370102", date(1990, 1, 2), 2),
        "phone": "13800000000",
    },
    "fee": {"amount_cny": 120, "state": "paid"},
    "photo_taken_on": "2026-10-01",
}
PHOTO = {
    "format": "JPEG",
    "width": 354,
    "height": 472,
    "bits": 24,
    "bytes": 20_000,
    "brightness": 180.0,
    "contrast": 60.0,
    "dark_share": 0.05,
    "bright_share": 0.0,
    "background_brightness": 236.0,
    "background_spread": 3.5,
    "background_colour": 8.0,
    "sharpness": 12.0,
    "side_difference": 2.0,
}
FACE = {
    "faces": 1,
    "face_width": 0.5,
    "face_height": 0.55,
    "face_middle": 0.5,
    "face_roll_deg": 0.0,
    "face_turn": 0.0,
}
SIGNATURE = {"ink_share": 0.06, "ink_darkness": 210.0, "touches_edge": False}


def facts_of(record: dict[str, Any], **facts: Any) -> Facts:
    """The facts of a record as its office sent it; its pictures are sound, and it is alone on file."""
    whole = {"photo": PICTURE, "signature": PICTURE, **record}
    read = ApplicationRecord.model_validate(whole, strict=False)
    filed = Filed(
        application_id="0" * 32,
        order_unit="1" * 32,
        revision=read.revision,
        product=read.product,
        service_class=read.service_class,
        delivery=read.delivery,
        office=read.office,
        accepted_us=to_us(read.accepted_at),
        deadline_us=to_us(read.accepted_at),
        priority=2,
        state=ApplicationState.WAITING,
        emulated=True,
        record=read,
    )
    usual: dict[str, Any] = {"photo": PHOTO, "signature": SIGNATURE, "hold": Hold.FREE}
    return Facts(filed=filed, **(usual | facts))


def sound(**changes: Any) -> Facts:
    """A sound application; `applicant__sex="M"` changes a field below, None removes one."""
    record = {key: dict(value) if isinstance(value, dict) else value for key, value in RECORD.items()}
    for name, value in changes.items():
        *above, field = name.split("__")
        place = record
        for part in above:
            place = place[part]
        place[field] = value
        if value is None:
            del place[field]
    return facts_of(record)


def with_photo(measures: dict[str, Any]) -> Facts:
    """A sound application with these measures of its photo."""
    return replace(sound(), photo=PHOTO | measures)


def with_signature(measures: dict[str, Any] | None) -> Facts:
    """A sound application with these measures of its signature, or with none."""
    return replace(sound(), signature=None if measures is None else SIGNATURE | measures)


def suspected_of(facts: Facts, limits: Thresholds | None = None) -> dict[str, str | None]:
    """The reason of each item that a rule suspects."""
    found = examine(facts, limits or Thresholds())
    return {code: each.reason for code, each in found.items() if each.suggestion is Suggestion.SUSPECT}


def drawn(seed: int, defect: str, faces: FaceFinder | None = None) -> dict[str, Any]:
    """The measures of a drawn portrait, with a defect or without."""
    rng = random.Random(seed)
    face = make_face(rng, "MF"[seed % 2], 5 + seed * 7 % 80)
    face = with_defect(face, defect) if defect else face
    return measure_photo(portrait(rng, face, [defect] if defect else []), faces)[1]
