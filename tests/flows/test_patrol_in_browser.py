"""A round on a telephone in a real browser: large targets, both languages, light and dark, by keyboard alone."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from contrast import CONTRAST
from enrolled import enrol
from patrol_line import HOLDABLE, PLAN, picture
from pwdlib.hashers.argon2 import Argon2Hasher
from served import serving
from signing_keys import open_signed
from sqlalchemy import text

import stations.migrations
from flows.app import Served, create_app
from flows.patrol_forms import Rounds
from handoff_logs.asking import Asking
from handoff_logs.database import Database
from stations.people_register import passwords
from stations.personal import PersonalData

CHROMIUM = os.environ.get("PASSLINE_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PASSWORD = "a password of everybody"
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}
LEAST_PX = 44
"""What a finger hits (WCAG 2.5.5)."""

pytestmark = pytest.mark.skipif(
    not Path(CHROMIUM).exists(),
    reason=f"no Chromium at {CHROMIUM}; install it, or name it in PASSLINE_CHROMIUM",
)
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")


@pytest.fixture
def walked_line(tmp_path: Path, sqlite_template: Path, signing_keys: Path) -> Iterator[tuple[str, Database]]:
    """Where the pages of a line are that an operator and a lead walk."""
    url = f"sqlite:///{shutil.copyfile(sqlite_template, tmp_path / 'passline.db')}"
    stations.migrations.upgrade(url)
    with pytest.MonkeyPatch.context() as patch, open_signed(url, signing_keys, tmp_path / "signing") as database:
        patch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
        for who in enrol(database, operator="operator", lead="lead").values():
            facts = {"code": who.code, "hash": passwords.hashed(PASSWORD)}
            insert = text("INSERT INTO person_password VALUES (:code, :hash, 1)")
            database.write(lambda tx, facts=facts, insert=insert: tx.execute(insert, facts))
        rounds = Rounds((PLAN,), HOLDABLE, PersonalData.create(tmp_path / "keys"), "day", lambda: None)
        served = Served(tmp_path, "test", True, bytes(32), Asking(url, str), rounds=rounds)
        with serving(create_app(served, database)) as address:
            yield address, database


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium with a fresh profile."""
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        yield opened
        opened.close()


@pytest.fixture
def phone(browser: Any, walked_line: tuple[str, Database]) -> Iterator[Any]:
    """An English telephone; whatever the policy blocks or a script breaks fails the test."""
    context = browser.new_context(base_url=walked_line[0], locale="en-GB", **PHONE)
    tab, said = context.new_page(), []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    yield tab
    context.close()
    assert [each for each in said if not re.search(r"status of 4\d\d", each)] == []


def sign_in(page: Any, code: str = "p-0011", to: str = "/patrol") -> None:
    page.goto(to)
    page.fill("[name=code]", code)
    page.fill("[name=password]", PASSWORD)
    page.click("main button")
    page.wait_for_url(f"**{to}")


def picture_of(page: Any, name: str, tmp_path: Path) -> None:
    """A screenshot; kept in the folder that PASSLINE_PICTURES names, as the docs show it."""
    page.evaluate("scrollTo(0, 0)")
    folder = Path(os.environ.get("PASSLINE_PICTURES", tmp_path))
    page.screenshot(path=folder / f"{name}.png", full_page=os.environ.get("PASSLINE_PICTURES") is None)


def answer_all(page: Any) -> None:
    # What is not there yet would be passed over.
    page.wait_for_url("**/patrol/round/**")
    for radio in page.locator("input[value=ok]").all():
        radio.check()


def count(database: Database, table: str) -> int:
    with database.read() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def test_a_round_is_walked_on_a_telephone(
    phone: Any, browser: Any, walked_line: tuple[str, Database], tmp_path: Path
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
    lead = browser.new_context(base_url=walked_line[0], locale="zh-CN", **PHONE).new_page()
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
