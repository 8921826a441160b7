"""Generated batches: the same bytes from the same seed, people who could exist, defects as stated."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from stdnum.cn import ric

from stations.documents import PRODUCTS
from stations.intake.generator.applications import applications
from stations.intake.generator.defects import INTAKE_DEFECTS, REVIEW_DEFECTS, Found, Shares, seeded
from stations.intake.generator.generate import BatchFolderTakenError, generate
from stations.intake.generator.people import LOOK_ALIKES
from stations.intake.generator.places import CITY_WEIGHTS, COUNTIES
from stations.intake.generator.signatures import wrong_by_a_stroke
from stations.intake.generator.strokes import strokes
from stations.intake.rules import REASONS
from stations.names import Agreement, agreement
from stations.offices import OFFICES
from stations.review.items import ITEMS

DAY = date(2026, 11, 20)
GOOD = Shares(intake_defects=0, review_defects=0)


@pytest.fixture(scope="module")
def people() -> list[Any]:
    """Records of 600 applications without defects, and the persons behind them."""
    return list(applications(600, 11, DAY, GOOD))


def digests(path: Path) -> dict[str, str]:
    return {str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest() for file in path.rglob("*.*")}


def test_the_same_seed_makes_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        generate(tmp_path / name, 8, seed, day=DAY)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert digests(tmp_path / "a") != digests(tmp_path / "c")


def test_a_batch_is_never_generated_over_another(tmp_path: Path) -> None:
    generate(tmp_path / "a", 1, 1, day=DAY)
    with pytest.raises(BatchFolderTakenError):
        generate(tmp_path / "a", 1, 1, day=DAY)


def test_resident_numbers_satisfy_the_oracle_and_lie_in_the_16_cities(people: list[Any]) -> None:
    for one in people:
        # Not `ric.validate`: it also wants the county's code to be as old as the person, but people get new numbers.
        assert ric.calc_check_digit(one.person.resident_id) == one.person.resident_id[-1]
        assert ric.get_birth_date(one.person.resident_id) == one.person.born
        assert OFFICES[one.person.home.city].region == one.person.resident_id[:4]
    assert {one.record["office"] for one in people} == set(OFFICES) == set(CITY_WEIGHTS) == set(COUNTIES)
    assert len({one.person.resident_id for one in people}) == len(people)


def test_names_are_romanised_as_expected(people: list[Any]) -> None:
    for one in people:
        person = one.person
        found = agreement(person.surname, person.given_names, person.surname_latin, person.given_names_latin)
        assert found is Agreement.EXPECTED


def test_minors_have_consent_seniors_free_post_emergencies_an_approver(people: list[Any]) -> None:
    kinds: Counter[str] = Counter()
    for one in people:
        record, years = one.record, one.person.years(DAY)
        assert ("consent" in record) == (years < 16)
        assert ("emergency" in record) == (record["service_class"] == "emergency")
        assert ("address" in record) == (record["delivery"] == "post")
        if years >= 65:
            assert record["fee"]["amount_cny"] == PRODUCTS[record["product"]].fee_cny
            assert record["delivery"] == "post"
        kinds[record["product"]] += 1
        kinds["minor"] += years < 16
        kinds["senior"] += years >= 65
    assert 0.4 < kinds["passport"] / len(people) < 0.6
    assert 0.05 < kinds["minor"] / len(people) < 0.16
    assert 0.02 < kinds["senior"] / len(people) < 0.09


def test_shares_of_defects_hold_exactly() -> None:
    given = Counter(defect.found if defect else None for defect in islice(seeded(Shares()), 10_000))
    assert (given[Found.INTAKE], given[Found.REVIEW]) == (200, 400)


def test_every_seeded_code_is_one_that_intake_or_review_knows() -> None:
    assert {defect.code for defect in INTAKE_DEFECTS} <= set(REASONS)
    assert {defect.code for defect in REVIEW_DEFECTS} <= set(ITEMS)


def test_shares_outside_0_to_1_are_refused() -> None:
    for wrong in ({"minors": 1.5}, {"post": -0.1}, {"hk_macau_permit": 0.7, "taiwan_permit": 0.7}):
        with pytest.raises(ValueError):
            Shares(**wrong)


def test_a_wrong_signature_differs_by_its_radical_only() -> None:
    assert wrong_by_a_stroke("王晓东") == "王哓东"
    for right, wrong in LOOK_ALIKES.items():
        assert strokes(right) != strokes(wrong)
    shared = set(strokes("晓")) & set(strokes("哓"))
    assert len(shared) == len(strokes("哓")) - 3


def test_the_truth_lies_outside_the_batch_and_states_every_defect(tmp_path: Path) -> None:
    truth = tmp_path / "truth.jsonl"
    made = generate(tmp_path / "a", 50, 3, day=DAY, shares=Shares(intake_defects=0.2, review_defects=0.4), truth=truth)
    stated = Counter(json.loads(line)["code"] for line in truth.read_text().splitlines())
    assert stated == Counter(made.intake_defects) + Counter(made.review_defects)
    assert sum(stated.values()) == 30
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["applications.jsonl", "images", "manifest.json"]


def test_review_defects_do_not_hinder_intake(intake: Any, make_batch: Callable[..., Any]) -> None:
    report = intake.load(make_batch(30, shares=Shares(intake_defects=0, review_defects=1)))
    assert (report.loaded, report.set_aside) == (30, 0)
