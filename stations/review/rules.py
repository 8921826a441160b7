"""What rules suggest about an application: pass, suspect with a reason, or cannot tell. They decide nothing.

Pure and cheap (well under a millisecond a document): every figure was measured once, at intake, and what the database
must be asked was asked for many applications at once.
"""

from collections.abc import Callable, Mapping

from stations.review.checks import application, person, photo, signature
from stations.review.facts import EarlierDocument, Facts, Hold
from stations.review.findings import PASSED, Finding, Suggestion
from stations.review.thresholds import Thresholds

__all__ = [
    "CHECKS",
    "PASSED",
    "Check",
    "EarlierDocument",
    "Facts",
    "Finding",
    "Hold",
    "Suggestion",
    "Thresholds",
    "examine",
]

Check = Callable[[Facts, Thresholds], Finding]

CHECKS: Mapping[str, Check] = {
    "photo_faces": photo.faces,
    "photo_head": photo.head,
    "photo_background": photo.background,
    "photo_exposure": photo.exposure,
    "photo_sharpness": photo.sharpness,
    "photo_format": photo.file_format,
    "photo_age": photo.age,
    "person_pinyin": person.pinyin,
    "person_zone": person.zone,
    "person_sex": person.sex,
    "person_birth": person.birth,
    "person_resident_id": person.number,
    "person_issuing_place": person.issuing_place,
    "person_validity": person.validity,
    "signature_present": signature.present,
    "signature_box": signature.box,
    "signature_ink": signature.ink,
    "application_duplicate": application.duplicate,
    "application_fee": application.fee,
    "application_consent": application.consent,
    "application_class": application.service_class,
    "application_address": application.address,
    "application_hold_list": application.hold_list,
}
"""The automatic checks by code of their item; a test holds them equal to the items marked automatic."""


def examine(facts: Facts, thresholds: Thresholds) -> dict[str, Finding]:
    """Every automatic check on one application, by code of its item; items without one are a person's alone."""
    return {code: check(facts, thresholds) for code, check in CHECKS.items()}
