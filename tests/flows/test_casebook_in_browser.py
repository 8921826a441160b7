"""The casebook at the desk in a real browser: two keys write a case, and none of it is in the way of the next one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import real_browser
from contrast import CONTRAST
from real_browser import LOOK_MS, contexts, picture_of
from review_served import review_desk
from served import serving
from small_desk import PASSWORD, Desk
from small_line import Line

from handoff_logs.database import Database
from stations.casebook import station
from stations.casebook.rules import CaughtAt
from stations.casebook.station import Told, fresh_id
from stations.intake.generator.defects import Shares


@pytest.fixture
def desk(tmp_path: Path, fresh: tuple[str, Database]) -> Iterator[tuple[Desk, str]]:
    """A desk with twelve applications that have something wrong, and where it is served."""
    url, database = fresh
    line = Line(database, tmp_path, shares=Shares(intake_defects=0.0, review_defects=1.0))
    made = Desk.of(line)
    made.set_passwords()
    made.accept(12)
    with serving(review_desk(tmp_path, url, made.here)) as address:
        yield made, address
    line.close()


@pytest.fixture
def page(chromium: Any, desk: tuple[Desk, str]) -> Iterator[Any]:
    """A browser; whatever the policy blocks or a script breaks fails the test."""
    with contexts(chromium, desk[1], viewport={"width": 1366, "height": 768}) as make:
        yield make().new_page()


def sign_in(page: Any) -> None:
    real_browser.sign_in(page, "/review", "p-0011", PASSWORD)
    page.wait_for_selector("article")


def returned(page: Any, desk: Desk, item: str) -> None:
    """Return the application on the desk for an item."""
    before = page.locator("article").get_attribute("data-lease")
    page.wait_for_timeout(LOOK_MS)
    page.keyboard.press("r")
    page.keyboard.press(page.locator(f'.items input[name="{item}"] ~ kbd').inner_text())
    page.wait_for_function("lease => document.querySelector('article')?.dataset.lease !== lease", arg=before)


def test_a_shift_begins_with_its_cases_and_two_keys_write_one(
    page: Any, desk: tuple[Desk, str], tmp_path: Path
) -> None:
    """Those of the day once, dismissed by a key; then `c` and Enter; beside a suspicion what was caught before."""
    made, _ = desk
    for who, reason, more in (
        ("lead", "photo_ears_hair", {"words": "hair over the ear, seen at the lobe"}),
        ("ann", "signature_characters_look_alike", {"character": "晓", "taken_for": "哓", "words": "one stroke more"}),
        ("bob", "photo_background_dark", {}),
    ):
        station.write_of_nothing(made.here, made.by[who], fresh_id(), CaughtAt.REVIEW, Told(reason, **more))
    sign_in(page)
    page.wait_for_selector("#today[open]")
    assert page.locator("#today .alike").count() == 3
    picture_of(page, "casebook-today", tmp_path)
    page.keyboard.press("Enter")
    page.wait_for_selector("#today", state="detached")
    page.keyboard.press("c")
    page.wait_for_function("() => document.getElementById('says').textContent.includes('no return or hold')")

    returned(page, made, "photo_ears")
    page.keyboard.press("c")
    page.wait_for_selector("#writing[open]")
    assert page.locator("#writing .pieces canvas").count() == 2
    picture_of(page, "casebook-write", tmp_path)
    assert page.evaluate(CONTRAST) == []
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.getElementById('says').textContent.includes('in the casebook')")
    assert made.rows("SELECT reason, region FROM casebook_entry WHERE region IS NOT NULL") == [
        ("photo_ears", "left_ear")
    ]

    returned(page, made, "signature_characters")
    page.keyboard.press("c")
    page.wait_for_selector("#writing[open]")
    page.keyboard.press("2")
    page.fill("#writing [name=taken_for]", "哓")
    page.keyboard.press("Enter")
    page.wait_for_selector("#writing", state="hidden")
    for _ in range(40):
        if len(found := made.rows("SELECT shown_character, taken_for, region FROM casebook_entry")) == 5:
            break
        page.wait_for_timeout(50)
    assert [each for each in found if each[2] == "character" and each[1] == "哓" and len(each[0]) == 1]

    page.reload()
    page.wait_for_selector("article")
    page.wait_for_timeout(300)
    assert page.locator("#today").count() == 0
    page.goto("/casebook")
    page.wait_for_function("() => [...document.querySelectorAll('img')].every(image => image.naturalWidth)")
    assert page.locator(".cases li").count() == 5
    assert page.evaluate(CONTRAST) == []
    picture_of(page, "casebook", tmp_path)
    page.click(".cases li:has(img) a")
    page.wait_for_function("() => document.querySelector('.piece')?.naturalWidth")
    picture_of(page, "casebook-case", tmp_path)
    page.goto("/casebook?character=哓&lang=zh")
    assert page.locator(".cases li").count() == 2
    page.wait_for_timeout(200)
    picture_of(page, "casebook-zh", tmp_path)


def test_cases_like_a_suspicion_come_after_it_is_painted(page: Any, desk: tuple[Desk, str], tmp_path: Path) -> None:
    """And what is decided before they come has none."""
    made, _ = desk
    for reason in ("photo_background_dark", "photo_exposure_dark", "photo_sharpness", "photo_format_size", "photo_age"):
        for _ in range(2):
            station.write_of_nothing(made.here, made.by["ann"], fresh_id(), CaughtAt.REVIEW, Told(reason))
    sign_in(page)
    page.wait_for_selector("#today[open]")
    page.keyboard.press("Enter")
    for _ in range(11):
        page.wait_for_timeout(LOOK_MS)
        suspected = page.locator(".told [data-item=photo_background][data-reason]").count()
        if suspected:
            break
        before = page.locator("article").get_attribute("data-lease")
        page.keyboard.press("p")
        page.wait_for_function("lease => document.querySelector('article')?.dataset.lease !== lease", arg=before)
    page.wait_for_selector(".told [data-item=photo_background] .alikes .alike")
    assert page.evaluate(CONTRAST) == []
    picture_of(page, "casebook-beside", tmp_path)
