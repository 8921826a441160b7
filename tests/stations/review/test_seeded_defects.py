"""What the generator seeds is found by the rule of its item, or shown where a person sees it; nothing else is."""

import json
from datetime import date
from typing import Any

import pytest
from small_facts import drawn, facts_of, suspected_of, with_photo

from stations.emulated_staff import EmulatedReviewer
from stations.intake.faces import FaceFinder, open_face_finder
from stations.intake.generator.applications import applications
from stations.intake.generator.defects import REVIEW_DEFECTS, Defect, Found, Shares
from stations.intake.generator.generate import generate
from stations.intake.load import load
from stations.review import station as review
from stations.review.checks import photo
from stations.review.desk import ReviewCase
from stations.review.items import ITEM_OF, ITEMS
from stations.review.rules import Finding, Suggestion, Thresholds
from stations.review.words import SHOWN

DAY = date(2026, 9, 1)
DEFECTS = {defect.code: defect for defect in REVIEW_DEFECTS}
ALL = Shares(intake_defects=0.0, review_defects=1.0)
SOUND = Shares(intake_defects=0.0, review_defects=0.0)


class Keeping(EmulatedReviewer):
    """Decides like any other, and keeps the cases."""

    def __init__(self) -> None:
        self.cases: list[ReviewCase] = []

    def decide(self, case):
        """Keep it first."""
        self.cases.append(case)
        return super().decide(case)


def findings(
    line: Any, documents: int, shares: Shares, seed: int = 4
) -> list[tuple[Defect | None, dict[str, Finding]]]:
    """What the rules say of a batch that was really loaded, with the defect of each application."""
    folder, truth = line.folder / "seeded", line.folder / "truth.jsonl"
    generate(folder, documents, seed, day=DAY, shares=shares, truth=truth)
    stated = {one["number"]: DEFECTS[one["code"]] for one in map(json.loads, truth.read_text().splitlines())}
    load(line.at("intake"), folder, line.folder / "replies", tray_size=200)
    desk = Keeping()
    for offer in line.waiting("review"):
        review.work_tray(line.at("review"), offer, desk)
    asked = "SELECT a.application_id, n.number FROM application a JOIN unit_number n ON n.unit_id = a.order_unit"
    numbers = {row[0]: row[1] for row in line.facts(asked)}
    return [(stated.get(numbers[case.application_id]), dict(case.findings)) for case in desk.cases]


def suspected(found: dict[str, Finding]) -> dict[str, str | None]:
    return {code: each.reason for code, each in found.items() if each.suggestion is Suggestion.SUSPECT}


def test_every_seeded_defect_is_found_by_its_rule_or_shown_to_a_person(line):
    """Every kind three times."""
    found = findings(line, 3 * len(REVIEW_DEFECTS), ALL)
    assert {defect.code for defect, _ in found if defect} == set(DEFECTS)
    for defect, each in found:
        assert defect is not None
        said, reason = suspected(each), defect.found_by(faces=False)
        assert said.pop(defect.code, "") == reason, defect.code
        assert set(said) <= set(defect.also), defect.code
        if not reason:
            assert SHOWN[ITEMS[defect.code].shows].chinese


def test_rules_suspect_nothing_of_a_sound_application(line):
    """All ages and classes; what rules can't tell is left to a person."""
    found = findings(line, 80, SOUND)
    assert len(found) == 80
    assert [suspected(each) for _, each in found if suspected(each)] == []


def test_the_mapping_names_reasons_of_the_defects_own_item():
    """Data beside the generator's defects; a code of no item would be found nowhere."""
    for defect in REVIEW_DEFECTS:
        assert defect.found is Found.REVIEW
        assert set(defect.also) <= set(ITEMS)
        for faces in (False, True):
            reason = defect.found_by(faces=faces)
            assert not reason or ITEM_OF[reason].code == defect.code
        assert ITEMS[defect.code].automatic or not defect.found_by(faces=True)


def test_sound_records_of_many_days_are_suspected_for_nothing_they_say():
    """A thousand records, without their pictures: the checks on person and application."""
    # The pictures' checks are held by the two tests above: drawing a thousand takes half a minute.
    for day in (date(2026, 1, 31), date(2026, 2, 28), date(2028, 2, 29), date(2026, 12, 31)):
        for filed in applications(250, day.toordinal(), day, SOUND):
            assert suspected_of(facts_of(filed.record)) == {}, filed.record


@pytest.fixture(scope="module")
def finder() -> FaceFinder:
    """The extra's finder."""
    opened = open_face_finder()
    if opened is None:
        pytest.skip("the extra passline[faces] is not installed")
    return opened


@pytest.mark.parametrize("defect", [each for each in REVIEW_DEFECTS if each.with_faces], ids=lambda each: each.code)
def test_where_the_extra_is_installed_faces_are_counted_and_a_tilted_head_is_seen(finder: FaceFinder, defect: Defect):
    """Measured by the real finder on drawn faces; sound ones are suspected in at most one of forty."""
    check = {"photo_head": photo.head, "photo_faces": photo.faces}[defect.code]
    bad = [check(with_photo(drawn(seed, defect.code, finder)), Thresholds()).reason for seed in range(12)]
    assert bad == [defect.with_faces] * 12
    good = [check(with_photo(drawn(seed, "", finder)), Thresholds()).suggestion for seed in range(40)]
    assert good.count(Suggestion.PASS) >= 39
