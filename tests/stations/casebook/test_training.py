"""Seeded defects: who caught which, on an emulated line alone."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from small_desk import Desk

from stations.casebook.errors import NotEmulatedError, TruthUnreadableError
from stations.casebook.training import CatchRate, catch_rates, truth_of
from stations.emulated_staff import seen_on
from stations.intake.generator.defects import Shares
from stations.review import viewing
from stations.review.tables import Viewed

SEEDED = Shares(hk_macau_permit=0, taiwan_permit=0, emergencies=0, intake_defects=0, review_defects=1.0)


def test_what_a_reviewer_returned_for_its_item_is_caught(line: Any, tmp_path: Path) -> None:
    """Ann returns everything for its ears; what is seeded is what the pictures say."""
    desk = Desk.of(line)
    line.shares = SEEDED
    desk.accept(4)
    marks: dict[str, list[str]] = {}
    for lease in desk.take("ann"):
        roles = (Viewed.PHOTO, Viewed.SIGNATURE)
        found = [viewing.image(desk.here, desk.by["ann"], lease.lease_id, role) for role in roles]
        marks[lease.application_id] = [code for each in found if each for code in seen_on(each.image)]
        desk.decide("ann", lease, *(("pass",) if len(marks) == 2 else ("return", "photo_ears_hair")))
    rates = catch_rates(desk.here, seen_on, {}, 0)
    assert sum(rate.seeded for rate in rates) == sum(map(len, marks.values())) >= 3
    assert {rate.reviewer for rate in rates} == {"p-0011"}
    ears = [rate for rate in rates if rate.item == "photo_ears"]
    assert ears == [CatchRate("photo_ears", "p-0011", 1, 0, 0)] and ears[0].share == 1.0
    assert sum(rate.passed for rate in rates) == len(list(marks.values())[1])
    assert sum(rate.otherwise for rate in rates) >= 1
    desk.book()
    assert catch_rates(desk.here, seen_on, {}, 0) == rates
    with pytest.raises(NotEmulatedError):
        catch_rates(replace(desk.here, emulated=False), seen_on, {}, 0)


def test_the_generators_list_adds_what_no_picture_shows(line: Any, tmp_path: Path) -> None:
    desk = Desk.of(line)
    desk.accept_one(2)
    lease = desk.take("ann", ahead=0)[0]
    number = viewing.facts(desk.here, desk.by["ann"], lease.lease_id).filed.record.number
    desk.decide("ann", lease, "hold", "application_fee_amount")
    file = tmp_path / "truth.jsonl"
    file.write_text(json.dumps({"line": 1, "number": number, "found": "review", "code": "application_fee"}) + "\n")
    assert catch_rates(desk.here, seen_on, truth_of(file), 0) == [CatchRate("application_fee", "p-0011", 1, 0, 0)]
    assert catch_rates(desk.here, seen_on, {}, 0) == []
    file.write_text("[]\n")
    for wrong in (file, tmp_path / "none"):
        with pytest.raises(TruthUnreadableError):
            truth_of(wrong)
