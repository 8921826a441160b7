"""A rule says of a case's figures what it said of the application, and they are nobody's."""

import json
from typing import Any

import pytest
from small_facts import sound, with_photo, with_signature

from stations.casebook.figures import TRIABLE, catches, kept, said
from stations.casebook.tables import LONGEST_FIGURES
from stations.review.facts import Facts
from stations.review.findings import Suggestion
from stations.review.rules import CHECKS, Thresholds

BAD: dict[str, Facts] = {
    "photo_faces": with_photo({"faces": 2}),
    "photo_head": with_photo(
        {"faces": 1, "face_width": 0.5, "face_middle": 0.5, "face_roll_deg": 14.0, "face_turn": 0.0}
    ),
    "photo_background": with_photo({"background_brightness": 90.123}),
    "photo_exposure": with_photo({"brightness": 40.444}),
    "photo_sharpness": with_photo({"sharpness": 2.345, "contrast": 60.7}),
    "photo_format": with_photo({"width": 100, "height": 140}),
    "photo_age": sound(photo_taken_on="2025-10-01"),
    "signature_present": with_signature(None),
    "signature_box": with_signature({"touches_edge": True}),
    "signature_ink": with_signature({"ink_darkness": 90.5}),
    "application_fee": sound(fee__amount_cny=60),
    "application_class": sound(service_class="emergency"),
    "person_pinyin": sound(applicant__given_names="乐", applicant__given_names_latin="LA"),
}


def test_every_rule_that_can_be_run_on_a_case_has_an_example_here() -> None:
    assert set(BAD) == TRIABLE <= set(CHECKS)


@pytest.mark.parametrize("rule", sorted(BAD))
def test_a_rule_says_of_the_figures_what_it_said_of_the_application(rule: str) -> None:
    facts = BAD[rule]
    figures: Any = kept(rule, facts, "乐", "LA")
    again = json.loads(json.dumps(figures, ensure_ascii=False))
    assert len(json.dumps(figures, ensure_ascii=False)) <= LONGEST_FIGURES
    finding = CHECKS[rule](facts, Thresholds())
    assert finding.suggestion is Suggestion.SUSPECT
    assert said(rule, again, Thresholds()).reason == finding.reason
    assert catches(rule, again, Thresholds())


@pytest.mark.parametrize("rule", sorted(TRIABLE - {"person_pinyin"}))
def test_a_rule_has_nothing_against_the_figures_of_a_sound_application(rule: str) -> None:
    """So that what is caught is caught for the case's own figures."""
    figures = kept(rule, sound())
    assert figures is not None and not catches(rule, figures, Thresholds())


def test_figures_are_of_their_rule_alone_and_rounded() -> None:
    """All of a photograph's, and to the last digit, would lead to it."""
    assert kept("photo_background", with_photo({"background_brightness": 90.123})) == {
        "background_brightness": 90,
        "background_spread": 4,
        "background_colour": 8,
    }
    for rule in ("person_resident_id", "person_birth", "application_consent", "photo_ears"):
        assert kept(rule, sound()) is None


def test_limits_decide() -> None:
    figures = kept("photo_background", with_photo({"background_brightness": 150.0}))
    assert figures and catches("photo_background", figures, Thresholds())
    assert not catches("photo_background", figures, Thresholds(background_brightness=120.0))
