"""The figures of a case that a rule can be run on, without whose they are: rounded, and of that rule alone.

A rule sees a whole application. What it is run on later is one that nobody filed, sound in all else, with the case's
figures laid over it. Where an item's rule looks at the person (numbers, dates of birth), nothing is kept.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final

from stations import resident_id
from stations.calendar import to_us
from stations.documents import FREE_POST_AGE
from stations.intake.batch import Applicant, ApplicationRecord
from stations.intake.filed import Filed
from stations.intake.tables import ApplicationState
from stations.names import romanise
from stations.review.facts import Facts, Hold
from stations.review.rules import CHECKS, Finding, Suggestion, Thresholds

Figures = dict[str, Any]

PHOTO: Final[Mapping[str, Mapping[str, int | None]]] = {
    "photo_faces": {"faces": 0},
    "photo_head": {"faces": 0, "face_width": 2, "face_middle": 2, "face_roll_deg": 0, "face_turn": 2},
    "photo_background": {"background_brightness": 0, "background_spread": 0, "background_colour": 0},
    "photo_exposure": {"brightness": 0, "bright_share": 2, "dark_share": 2, "side_difference": 0},
    "photo_sharpness": {"sharpness": 1, "contrast": 0},
    "photo_format": {"format": None, "bits": None, "width": None, "height": None},
}
"""What each rule reads of a photograph's measures, and to how many decimals it is kept; None: as it is."""
SIGNATURE: Final[Mapping[str, Mapping[str, int | None]]] = {
    "signature_present": {"ink_share": 3},
    "signature_box": {"touches_edge": None},
    "signature_ink": {"ink_share": 2, "ink_darkness": 0},
}
"""The same of a signature's."""
_ACCEPTED: Final = date(2026, 1, 5)
_ADULT: Final = date(1990, 1, 1)


@dataclass(frozen=True, slots=True)
class _Shape:
    """How a rule's figures are taken from an application, and laid over one."""

    taken: Callable[[Facts], Figures]
    laid: Callable[[Facts, Figures], Facts]


def kept(rule: str, facts: Facts, character: str = "", reading: str = "") -> Figures | None:
    """The figures that `rule` can be run on again; None where there are none that are nobody's.

    `character` and `reading`: of a name, the one that differed and how it was spelled.
    """
    if rule == "person_pinyin":
        return {"character": character, "reading": reading} if character and reading.isascii() and reading else None
    shape = _SHAPES.get(rule)
    return None if shape is None else shape.taken(facts)


def said(rule: str, figures: Figures, limits: Thresholds) -> Finding:
    """What a rule says of a case's figures by these limits."""
    return CHECKS[rule](_SHAPES[rule].laid(_model(), figures), limits)


def catches(rule: str, figures: Figures, limits: Thresholds) -> bool:
    """Whether a rule suspects a case by these limits."""
    return said(rule, figures, limits).suggestion is Suggestion.SUSPECT


def _model() -> Facts:
    """A sound application that nobody filed; its person is made up."""
    record = ApplicationRecord.model_validate(
        {
            "number": "CASEBOOK",
            "revision": 1,
            "product": "passport",
            "service_class": "normal",
            "delivery": "collection",
            "office": "jinan",
            "accepted_at": f"{_ACCEPTED}T10:00:00+08:00",
            "applicant": {
                "surname": "王",
                "given_names": "安",
                "surname_latin": "WANG",
                "given_names_latin": "AN",
                "sex": "F",
                "born_on": _ADULT,
                "birthplace": "山东",
                "birthplace_latin": "SHANDONG",
                "resident_id": resident_id.compose("370102", _ADULT, 2),
                "phone": "00000000000",
            },
            "fee": {"amount_cny": 120, "state": "paid"},
            "photo": {"file": "none", "sha256": "0" * 64},
            "photo_taken_on": _ACCEPTED,
        },
        strict=False,
    )
    filed = Filed(
        application_id="",
        order_unit="",
        revision=1,
        product=record.product,
        service_class=record.service_class,
        delivery=record.delivery,
        office=record.office,
        accepted_us=to_us(record.accepted_at),
        deadline_us=to_us(record.accepted_at),
        priority=0,
        state=ApplicationState.WAITING,
        emulated=True,
        record=record,
    )
    return Facts(filed, {}, {}, hold=Hold.FREE)


def _measures(role: str, figures: Mapping[str, int | None]) -> _Shape:
    def taken(facts: Facts) -> Figures:
        measures = facts.photo if role == "photo" else facts.signature
        if measures is None:
            return {"filed": False}
        return {
            name: measures[name] if decimals is None else _rounded(measures[name], decimals)
            for name, decimals in figures.items()
            if name in measures
        }

    def laid(model: Facts, figures: Figures) -> Facts:
        if role == "photo":
            return replace(model, photo=figures)
        return replace(model, signature=None if figures.get("filed") is False else figures)

    return _Shape(taken, laid)


def _rounded(value: float, decimals: int) -> float | int:
    return round(value, decimals) if decimals else round(value)


def _with_record(model: Facts, **changes: Any) -> Facts:
    record = model.filed.record.model_copy(update=changes)
    own = {name: changes[name] for name in ("product", "service_class", "delivery") if name in changes}
    return replace(model, filed=replace(model.filed, record=record, **own))


def _age_taken(facts: Facts) -> Figures:
    return {"days": (facts.accepted - facts.filed.record.photo_taken_on).days}


def _age_laid(model: Facts, figures: Figures) -> Facts:
    return _with_record(model, photo_taken_on=_ACCEPTED - timedelta(days=figures["days"]))


def _fee_taken(facts: Facts) -> Figures:
    fee = facts.filed.record.fee
    of = {"product": facts.filed.product, "delivery": facts.filed.delivery}
    return {"amount_cny": fee.amount_cny, "state": fee.state, **of, "senior": facts.age >= FREE_POST_AGE}


def _fee_laid(model: Facts, figures: Figures) -> Facts:
    person = model.filed.record.applicant
    born = _ADULT if not figures["senior"] else date(_ACCEPTED.year - FREE_POST_AGE - 1, 1, 1)
    fee = model.filed.record.fee.model_copy(update={name: figures[name] for name in ("amount_cny", "state")})
    return _with_record(
        model,
        fee=fee,
        applicant=person.model_copy(update={"born_on": born}),
        product=figures["product"],
        delivery=figures["delivery"],
    )


def _class_taken(facts: Facts) -> Figures:
    return {"service_class": facts.filed.service_class, "approved": facts.filed.approval is not None}


def _class_laid(model: Facts, figures: Figures) -> Facts:
    # Who approves one is not kept, and of an approved one no rule asks who did.
    plain = "normal" if figures["approved"] and figures["service_class"] == "emergency" else figures["service_class"]
    return _with_record(model, service_class=plain)


def _pinyin_laid(model: Facts, figures: Figures) -> Facts:
    person: Applicant = model.filed.record.applicant
    surname_latin, _ = romanise(person.surname, figures["character"])
    spelled = {"given_names": figures["character"], "given_names_latin": figures["reading"]}
    return _with_record(model, applicant=person.model_copy(update={"surname_latin": surname_latin, **spelled}))


_SHAPES: Final[Mapping[str, _Shape]] = {
    **{rule: _measures("photo", figures) for rule, figures in PHOTO.items()},
    **{rule: _measures("signature", figures) for rule, figures in SIGNATURE.items()},
    "photo_age": _Shape(_age_taken, _age_laid),
    "application_fee": _Shape(_fee_taken, _fee_laid),
    "application_class": _Shape(_class_taken, _class_laid),
    "person_pinyin": _Shape(lambda _: {}, _pinyin_laid),
}

TRIABLE: Final = frozenset(_SHAPES)
"""The rules that can be run on what a case keeps."""
