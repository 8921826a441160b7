"""What rules suggest about an application: pass, suspect with a reason, or cannot tell. They decide nothing.

Pure and cheap (well under a millisecond a document): every figure was measured once, at intake. Each check has the id
of its review item.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from stations import names, resident_id
from stations.calendar import CHINA, from_us
from stations.documents import age
from stations.intake.filed import Filed
from stations.names import Agreement
from stations.offices import OFFICES


class Suggestion(StrEnum):
    """What a rule can say."""

    PASS = "pass"  # noqa: S105 the word, not a secret
    SUSPECT = "suspect"
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule says about one item; `reason` is a code of what looks wrong, only when it suspects something."""

    suggestion: Suggestion
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """An application as rules see it.

    `photo` and `signature` are the measures of `stations.intake.measures`; `signature` is None when none was filed.
    `earlier_documents` counts this person's dispatched documents of the product.
    """

    filed: Filed
    photo: Mapping[str, Any]
    signature: Mapping[str, Any] | None
    earlier_documents: int = 0

    @property
    def accepted(self) -> date:
        """The day of acceptance, in China."""
        return from_us(self.filed.accepted_us).astimezone(CHINA).date()

    @property
    def age(self) -> int:
        """The applicant's age that day."""
        return age(self.filed.record.applicant.born_on, self.accepted)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Limits of the measures; configuration, for the sources disagree and cameras differ. Luma is 0–255."""

    photo_width_px: tuple[int, int] = (354, 480)
    photo_height_px: tuple[int, int] = (472, 640)
    photo_age_months: int = 6
    brightness: tuple[float, float] = (70.0, 235.0)
    dark_share: float = 0.5
    bright_share: float = 0.6
    background_brightness: float = 160.0
    background_spread: float = 25.0
    background_colour: float = 70.0
    sharpness: float = 1.5
    ink_share: tuple[float, float] = (0.002, 0.5)
    ink_darkness: float = 150.0
    signs_from_age: int = 16
    adult_age: int = 18


PASSED = Finding(Suggestion.PASS)
UNSURE = Finding(Suggestion.CANNOT_TELL)
Check = Callable[[Facts, Thresholds], Finding]


def examine(facts: Facts, thresholds: Thresholds) -> dict[str, Finding]:
    """Every automatic check on one application, by reason code of its item; items without one are a person's alone."""
    return {code: check(facts, thresholds) for code, check in CHECKS.items()}


def _suspect_if(wrong: bool, reason: str) -> Finding:
    return Finding(Suggestion.SUSPECT, reason) if wrong else PASSED


def _outside(value: float, limits: tuple[float, float]) -> bool:
    return not limits[0] <= value <= limits[1]


def _background(facts: Facts, limits: Thresholds) -> Finding:
    photo = facts.photo
    if photo["background_brightness"] < limits.background_brightness:
        return Finding(Suggestion.SUSPECT, "dark")
    uneven = photo["background_spread"] > limits.background_spread
    return _suspect_if(uneven or photo["background_colour"] > limits.background_colour, "not_plain")


def _exposure(facts: Facts, limits: Thresholds) -> Finding:
    photo = facts.photo
    burnt = photo["bright_share"] > limits.bright_share or photo["brightness"] > limits.brightness[1]
    sunken = photo["dark_share"] > limits.dark_share or photo["brightness"] < limits.brightness[0]
    return _suspect_if(burnt or sunken, "overexposed" if burnt else "underexposed")


def _sharpness(facts: Facts, limits: Thresholds) -> Finding:
    return _suspect_if(facts.photo["sharpness"] < limits.sharpness, "blurred")


def _format(facts: Facts, limits: Thresholds) -> Finding:
    photo = facts.photo
    if photo["format"] != "JPEG" or photo["bits"] != 24:
        return Finding(Suggestion.SUSPECT, "not_24_bit_jpeg")
    wrong = _outside(photo["width"], limits.photo_width_px) or _outside(photo["height"], limits.photo_height_px)
    return _suspect_if(wrong, "size")


def _photo_age(facts: Facts, limits: Thresholds) -> Finding:
    taken, accepted = facts.filed.record.photo_taken_on, facts.accepted
    if taken > accepted:
        return Finding(Suggestion.SUSPECT, "in_the_future")
    months = (accepted.year - taken.year) * 12 + accepted.month - taken.month - (accepted.day < taken.day)
    return _suspect_if(months >= limits.photo_age_months, "too_old")


def _pinyin(facts: Facts, _: Thresholds) -> Finding:
    person = facts.filed.record.applicant
    agrees = names.agreement(person.surname, person.given_names, person.surname_latin, person.given_names_latin)
    if agrees is Agreement.OTHER_READING:
        return UNSURE
    return _suspect_if(agrees is Agreement.DIFFERENT, "no_such_reading")


def _sex(facts: Facts, _: Thresholds) -> Finding:
    applicant = facts.filed.record.applicant
    return _suspect_if(resident_id.parse(applicant.resident_id).sex != applicant.sex, "differs")


def _birth(facts: Facts, _: Thresholds) -> Finding:
    applicant = facts.filed.record.applicant
    return _suspect_if(resident_id.parse(applicant.resident_id).born != applicant.born_on, "differs")


def _resident_id(facts: Facts, _: Thresholds) -> Finding:
    # Its check digit held at intake. Region codes change: a doubtful one is no ground for a return, so a person looks.
    doubtful = resident_id.parse(facts.filed.record.applicant.resident_id).region_is_doubtful
    return UNSURE if doubtful else PASSED


def _issuing_place(facts: Facts, _: Thresholds) -> Finding:
    return _suspect_if(facts.filed.office not in OFFICES, "unknown_office")


def _validity(facts: Facts, _: Thresholds) -> Finding:
    return _suspect_if(facts.filed.record.applicant.born_on > facts.accepted, "born_after_acceptance")


def _signature_present(facts: Facts, limits: Thresholds) -> Finding:
    if facts.signature is None:
        return _suspect_if(facts.age >= limits.signs_from_age, "missing")
    return _suspect_if(facts.signature["ink_share"] < limits.ink_share[0], "empty")


def _signature_box(facts: Facts, _: Thresholds) -> Finding:
    return _suspect_if(facts.signature is not None and facts.signature["touches_edge"], "touches_edge")


def _signature_ink(facts: Facts, limits: Thresholds) -> Finding:
    if facts.signature is None or facts.signature["ink_share"] < limits.ink_share[0]:
        return UNSURE
    if facts.signature["ink_darkness"] < limits.ink_darkness:
        return Finding(Suggestion.SUSPECT, "faint")
    return _suspect_if(facts.signature["ink_share"] > limits.ink_share[1], "blotted")


def _duplicate(facts: Facts, _: Thresholds) -> Finding:
    # Two live applications of one person and product can't be on file: the database refuses the second. Whether an
    # earlier document has run out or was lost, a person finds out.
    return UNSURE if facts.earlier_documents else PASSED


def _fee(facts: Facts, _: Thresholds) -> Finding:
    state = facts.filed.record.fee.state
    return UNSURE if state == "waived" else _suspect_if(state == "due", "not_paid")


def _consent(facts: Facts, limits: Thresholds) -> Finding:
    if facts.age >= limits.adult_age:
        return PASSED
    consent = facts.filed.record.consent
    if consent is None:
        return Finding(Suggestion.SUSPECT, "missing")
    return _suspect_if(not consent.signed_on <= facts.accepted <= consent.expires_on, "not_in_force")


def _service_class(facts: Facts, _: Thresholds) -> Finding:
    service_class = facts.filed.service_class
    if service_class == "expedited":
        return UNSURE
    return _suspect_if(service_class == "emergency" and facts.filed.approval is None, "no_approver")


def _address(facts: Facts, _: Thresholds) -> Finding:
    return _suspect_if(facts.filed.delivery == "post" and facts.filed.record.address is None, "missing")


CHECKS: Mapping[str, Check] = {
    "photo_background": _background,
    "photo_exposure": _exposure,
    "photo_sharpness": _sharpness,
    "photo_format": _format,
    "photo_age": _photo_age,
    "person_pinyin": _pinyin,
    "person_sex": _sex,
    "person_birth": _birth,
    "person_resident_id": _resident_id,
    "person_issuing_place": _issuing_place,
    "person_validity": _validity,
    "signature_present": _signature_present,
    "signature_box": _signature_box,
    "signature_ink": _signature_ink,
    "application_duplicate": _duplicate,
    "application_fee": _fee,
    "application_consent": _consent,
    "application_class": _service_class,
    "application_address": _address,
}
"""The automatic checks by reason code of their item; a test holds them equal to the items marked automatic."""
