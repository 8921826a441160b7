"""A round on a telephone in a real browser: large targets, both languages, light and dark, by keyboard alone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import real_browser
from contrast import CONTRAST
from enrolled import enrol
from patrol_line import HOLDABLE, PLAN, picture
from real_browser import PICTURES, contexts
from served import serving
from sqlalchemy import text

from flows.app import Served, create_app
from flows.patrol_forms import Rounds
from handoff_logs.asking import Asking
from handoff_logs.database import Database
from stations.people_register import passwords
from stations.personal import PersonalData

PASSWORD = "a password of everybody"
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}
LEAST_PX = 44
"""What a finger hits (WCAG 2.5.5)."""


@pytest.fixture
def walked_line(tmp_path: Path, fresh: tuple[str, Database]) -> Iterator[tuple[str, Database]]:
    """Where the pages of a line are that an operator and a lead walk."""
    url, database = fresh
    for who in enrol(database, operator="operator", lead="lead").values():
        facts = {"code": who.code, "hash": passwords.hashed(PASSWORD)}
        insert = text("INSERT INTO person_password VALUES (:code, :hash, 1)")
        database.write(lambda tx, facts=facts, insert=insert: tx.execute(insert, facts))
    rounds = Rounds((PLAN,), HOLDABLE, PersonalData.create(tmp_path / "keys"), "day", lambda: None)
    served = Served(tmp_path, "test", True, bytes(32), Asking(url, str), rounds=rounds)
    with serving(create_app(served, database)) as address:
        yield address, database


@pytest.fixture
def phone(chromium: Any, walked_line: tuple[str, Database]) -> Iterator[Any]:
    """An English telephone; whatever the policy blocks or a script breaks fails the test."""
    with contexts(chromium, walked_line[0], **PHONE) as make:
        yield make().new_page()


def sign_in(page: Any, code: str = "p-0011", to: str = "/patrol") -> None:
    real_browser.sign_in(page, to, code, PASSWORD)


def picture_of(page: Any, name: str, tmp_path: Path) -> None:
    """A screenshot: of the whole page, unless it is for the docs."""
    page.evaluate("scrollTo(0, 0)")
    real_browser.picture_of(page, name, tmp_path, full_page=PICTURES is None)


def answer_all(page: Any) -> None:
    # What is not there yet would be passed over.
    page.wait_for_url("**/patrol/round/**")
    for radio in page.locator("input[value=ok]").all():
        radio.check()


def count(database: Database, table: str) -> int:
    with database.read() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def test_a_round_is_walked_on_a_telephone(
    phone: Any, chromium: Any, walked_line: tuple[str, Database], tmp_path: Path
) -> None:
    sign_in(phone)
    phone.get_by_role("link", name="Walk the round machines").click()
    answer_all(phone)
    cover = phone.locator("fieldset").first
    assert not cover.locator(".found").is_visible()
    cover.get_by_text("Problem").click()
    cover.get_by_label("What is wrong").fill("the cover has a crack")
    photo = cover.get_by_label("Photograph")
    assert (photo.get_attribute("capture"), photo.get_attribute("accept")) == ("environment", "image/jpeg,image/png")
    photo.set_input_files({"name": "IMG_1.jpg", "mimeType": "image/jpeg", "buffer": picture()})
    cover.get_by_text("Hold book-01").click()
    picture_of(phone, "patrol-round", tmp_path)
    phone.get_by_role("button", name="Sign and record").dblclick()
    phone.wait_for_url("**/patrol?walked=machines")
    assert "recorded and signed" in phone.locator("[role=status]").inner_text()
    picture_of(phone, "patrol", tmp_path)
    assert (count(walked_line[1], "patrol_round"), count(walked_line[1], "patrol_photo")) == (1, 1)
    phone.get_by_role("link", name="Finding 1").click()
    phone.wait_for_url("**/patrol/finding/1")
    phone.wait_for_load_state("load")
    assert phone.locator("img.photo").evaluate("image => image.complete && image.naturalWidth") == 1_600
    phone.get_by_role("button", name="I see to it").click()
    phone.get_by_label("What was done").fill("a new cover")
    phone.get_by_label("Your password").fill(PASSWORD)
    phone.get_by_role("button", name="It is mended").click()
    phone.get_by_text("Somebody else looks at it").wait_for()
    lead = chromium.new_context(base_url=walked_line[0], locale="zh-CN", **PHONE).new_page()
    sign_in(lead, "p-0012", "/patrol/finding/1")
    picture_of(lead, "patrol-finding", tmp_path)
    lead.get_by_label("请输入口令签署").first.fill(PASSWORD)
    lead.get_by_role("button", name="我已复查").click()
    lead.get_by_text("book-01 曾停用").wait_for()
    lead.context.close()


def test_a_round_is_walked_by_keyboard_alone(phone: Any, walked_line: tuple[str, Database]) -> None:
    """Tab goes from item to item, the arrows choose, Enter sends."""
    sign_in(phone, to="/patrol/round/machines")
    cells = sum(1 for _ in PLAN.cells)
    phone.locator("input[value=ok]").first.focus()
    for _ in range(cells):
        phone.keyboard.press("Space")
        assert phone.evaluate("document.activeElement.checked && document.activeElement.value === 'ok'")
        phone.keyboard.press("Tab")
    assert phone.evaluate("document.activeElement.tagName") == "BUTTON"
    phone.keyboard.press("Enter")
    phone.wait_for_url("**/patrol?walked=machines")
    assert count(walked_line[1], "patrol_answer") == cells


def test_what_was_answered_is_there_again_after_the_page_was_left(
    phone: Any, walked_line: tuple[str, Database]
) -> None:
    """Under the same id: a round that was recorded while the answer was lost is not recorded twice."""
    sign_in(phone, to="/patrol/round/machines")
    answer_all(phone)
    phone.locator("fieldset").nth(1).get_by_text("Problem").click()
    phone.locator("fieldset").nth(1).get_by_label("What is wrong").fill("port 7 is dark")
    round_id = phone.locator("[name=round]").input_value()
    phone.reload()
    assert phone.locator("fieldset").nth(1).get_by_label("What is wrong").input_value() == "port 7 is dark"
    assert phone.locator("input[value=ok]:checked").count() == sum(1 for _ in PLAN.cells) - 1
    assert phone.locator("[name=round]").input_value() == round_id
    phone.get_by_role("button", name="Sign and record").click()
    phone.wait_for_url("**/patrol?walked=machines")
    phone.goto("/patrol/round/machines")
    assert phone.locator("input:checked").count() == 0
    assert phone.locator("[name=round]").input_value() != round_id


def test_an_item_that_is_not_in_order_needs_words_before_it_is_sent(phone: Any) -> None:
    sign_in(phone, to="/patrol/round/machines")
    answer_all(phone)
    phone.locator("fieldset").first.get_by_text("Problem").click()
    phone.get_by_role("button", name="Sign and record").click()
    assert phone.evaluate("document.activeElement.name") == "what/book-01/covers"
    assert phone.url.endswith("/patrol/round/machines")


def test_everything_is_read_and_touched_easily_on_a_telephone(phone: Any) -> None:
    """No wider than the screen, targets of 44 pixels at least, contrast of 4.5 to 1 at least, in both languages."""
    sign_in(phone)
    phone.goto("/patrol/round/machines")
    answer_all(phone)
    phone.locator("fieldset").first.get_by_text("Problem").click()
    phone.locator("fieldset").first.get_by_label("What is wrong").fill("the cover has a crack")
    phone.get_by_role("button", name="Sign and record").click()
    for language in ("zh", "en"):
        for path in ("/patrol", "/patrol/round/machines", "/patrol/finding/1"):
            phone.goto(f"{path}?lang={language}")
            if "round" in path:
                phone.locator("fieldset input[value=bad]").first.check()
            assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
            small = phone.evaluate(SMALL, LEAST_PX)
            assert small == [], (path, small)
            for scheme in ("light", "dark"):
                phone.emulate_media(color_scheme=scheme)
                assert phone.evaluate(CONTRAST) == [], path


SMALL = """least => [...document.querySelectorAll(
    "main a.go, main button, main .choice label, main .hold, main .found input:not([type=checkbox]), main select")]
    .filter(each => each.getClientRects().length)
    .filter(each => each.getBoundingClientRect().height < least || each.getBoundingClientRect().width < least)
    .map(each => each.outerHTML.slice(0, 100))"""
