"""The review desk in a real browser: keyboard alone, both languages, light and dark; no verdict lost or doubled."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
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
from stations.intake.generator.defects import Shares
from stations.review import leases

SCREEN = {"viewport": {"width": 1366, "height": 768}}


@dataclass
class ServedDesk:
    """A desk that is served."""

    address: str
    desk: Desk

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.desk.rows(query)


@pytest.fixture
def served(tmp_path: Path, fresh: tuple[str, Database]) -> Iterator[ServedDesk]:
    """Where the desk of a line with sixteen applications is, half of them with something wrong."""
    url, database = fresh
    line = Line(database, tmp_path, shares=Shares(intake_defects=0.0, review_defects=0.5))
    desk = Desk.of(line)
    desk.set_passwords()
    desk.accept(16)
    with serving(review_desk(tmp_path, url, desk.here)) as address:
        yield ServedDesk(address, desk)
    line.close()


@pytest.fixture
def context_of(chromium: Any, served: ServedDesk) -> Iterator[Callable[..., Any]]:
    """Makes browsers of a profile each; whatever the policy blocks or a script breaks fails the test."""
    with contexts(chromium, served.address, **SCREEN) as make:
        yield make


def sign_in(page: Any, code: str = "p-0011") -> None:
    real_browser.sign_in(page, "/review", code, PASSWORD)
    page.wait_for_selector("article")


def on_desk(page: Any) -> str:
    """The lease that is shown."""
    return str(page.locator("article").get_attribute("data-lease"))


def press(page: Any, *keys: str) -> str:
    """Press keys after a look, and wait until another application is shown; the lease that was decided."""
    before = on_desk(page)
    page.wait_for_timeout(LOOK_MS)
    for key in keys:
        page.keyboard.press(key)
    page.wait_for_function("lease => document.querySelector('article')?.dataset.lease !== lease", arg=before)
    return before


def stored(page: Any) -> None:
    """Wait until nothing is unsent."""
    page.wait_for_function("() => document.getElementById('unsent').textContent === '0'")


def test_applications_are_decided_by_keyboard_alone(context_of: Any, served: ServedDesk, tmp_path: Path) -> None:
    page = context_of().new_page()
    sign_in(page)
    page.wait_for_function("() => [...document.querySelectorAll('article img')].every(image => image.naturalWidth)")
    assert page.evaluate(BESIDE) == 0  # what each character is taken for stands in rows under the name
    picture_of(page, "review-desk", tmp_path)
    passed = press(page, "p")
    page.wait_for_timeout(LOOK_MS)
    page.keyboard.press("r")
    picture_of(page, "review-return", tmp_path)
    key = page.locator("article [name=photo_ears]").evaluate(
        "each => each.parentElement.querySelector('kbd').textContent"
    )
    returned = on_desk(page)
    page.keyboard.press(key)
    page.wait_for_function("lease => document.querySelector('article')?.dataset.lease !== lease", arg=returned)
    page.wait_for_timeout(LOOK_MS)
    page.locator("article [name=person_name]").focus()
    page.keyboard.press("Space")
    held = press(page, "h", "Enter")
    stored(page)
    found = {row[0]: row[1:] for row in served.rows("SELECT lease_id, outcome, reasons FROM review_decision")}
    assert found == {passed: ("pass", ""), returned: ("return", "photo_ears"), held: ("hold", "person_name")}


def test_a_verdict_is_undone_and_decided_again(context_of: Any, served: ServedDesk) -> None:
    page = context_of().new_page()
    sign_in(page)
    press(page, "p")
    stored(page)
    press(page, "u")
    page.wait_for_selector("article")
    assert served.rows("SELECT count(*) FROM review_decision WHERE undone_us IS NOT NULL") == [(1,)]
    again = "SELECT application_id, count(*) FROM review_lease GROUP BY 1 HAVING count(*) = 2"
    [(application, _)] = served.rows(again)
    shown = served.rows(f"SELECT application_id FROM review_lease WHERE lease_id = '{on_desk(page)}'")
    assert shown == [(application,)]
    page.reload()
    page.wait_for_selector("article")
    press(page, "p")
    stored(page)
    assert served.rows("SELECT count(*) FROM review_decision WHERE undone_us IS NULL") == [(1,)]


def test_verdicts_outlast_a_lost_connection_and_a_closed_browser(context_of: Any, served: ServedDesk) -> None:
    """They are counted, sent again under the same id, and stored once."""
    context = context_of()
    page = context.new_page()
    sign_in(page)
    page.wait_for_timeout(1_000)
    context.set_offline(True)
    decided = [press(page, "p") for _ in range(3)]
    assert page.locator("#unsent").inner_text() == "3"
    assert served.rows("SELECT count(*) FROM review_decision") == [(0,)]
    page.close()
    context.set_offline(False)
    page = context.new_page()
    page.goto("/review")
    stored(page)
    assert [row[0] for row in served.rows("SELECT lease_id FROM review_decision ORDER BY stored_us")] == decided
    page.wait_for_selector("article")


def test_a_late_verdict_is_refused_and_shown(context_of: Any, served: ServedDesk) -> None:
    """With who decided instead; the next one is there."""
    page = context_of().new_page()
    sign_in(page)
    desk = served.desk
    (application,) = [
        row[0] for row in served.rows(f"SELECT application_id FROM review_lease WHERE lease_id = '{on_desk(page)}'")
    ]
    desk.database.write(lambda tx: leases.withdraw(tx, [application]))
    (taken,) = desk.take("bob", ahead=0)
    assert taken.application_id == application
    desk.decide("bob", taken, "return", "photo_ears")
    press(page, "p")
    page.wait_for_selector("#refused p")
    assert desk.by["bob"].code in page.locator("#refused").inner_text()
    assert "return" in page.locator("#refused").inner_text()


def test_a_key_pressed_twice_or_held_down_is_one_verdict(context_of: Any, served: ServedDesk) -> None:
    page = context_of().new_page()
    sign_in(page)
    page.wait_for_timeout(LOOK_MS)
    page.keyboard.down("p")
    for _ in range(5):
        page.keyboard.down("p")
    page.keyboard.up("p")
    page.keyboard.press("p")
    page.wait_for_timeout(300)
    stored(page)
    assert served.rows("SELECT count(*) FROM review_decision") == [(1,)]


def test_keys_are_shown_and_can_be_others(context_of: Any, served: ServedDesk) -> None:
    page = context_of().new_page()
    sign_in(page)
    assert page.locator(".key.pass kbd").inner_text() == "p"
    page.keyboard.press("k")
    page.fill("#keys [name=pass]", "r")
    page.click("#keys [value=keep]")
    assert page.locator(".wrong").inner_text()
    page.fill("#keys [name=pass]", "j")
    page.click("#keys [value=keep]")
    page.reload()
    page.wait_for_selector("article")
    assert page.locator(".key.pass kbd").inner_text() == "j"
    press(page, "j")
    stored(page)
    assert served.rows("SELECT outcome FROM review_decision") == [("pass",)]


def test_nothing_of_an_application_is_kept_by_the_browser(context_of: Any, served: ServedDesk) -> None:
    """Neither in its stores nor, as every answer says, in its cache; what is not on the desk is not in the page."""
    page = context_of().new_page()
    answers: list[Any] = []
    page.on("response", lambda answer: answers.append(answer))
    sign_in(page)
    page.wait_for_timeout(1_000)
    press(page, "p")
    stored(page)
    assert page.locator("article").count() == 1
    assert page.evaluate("Object.keys(localStorage).length + sessionStorage.length") == 0
    shown = [each for each in answers if "/review/" in each.url]
    assert len(shown) > 20
    assert {each.headers["cache-control"] for each in shown} == {"no-store"}
    seen = "SELECT lease_id, what, count(*) FROM review_view GROUP BY 1, 2 HAVING count(*) > 1"
    assert served.rows(seen) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_is_read_easily_and_has_a_name(
    context_of: Any, served: ServedDesk, scheme: str, tmp_path: Path
) -> None:
    """Contrast of 4.5 to 1 at least, no wider than the screen, every picture and control named, in both languages."""
    page = context_of(color_scheme=scheme).new_page()
    sign_in(page)
    for language in ("zh", "en"):
        page.goto(f"/review?lang={language}")
        page.wait_for_selector("article")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate(CONTRAST) == []
        assert page.evaluate(NAMELESS) == []
        page.wait_for_timeout(300)
        picture_of(page, f"review-desk-{language}-{scheme}", tmp_path)


def test_a_lead_sees_how_reviewers_work(context_of: Any, served: ServedDesk, tmp_path: Path) -> None:
    served.desk.decide("ann", served.desk.take("ann")[0], "hold", "person_name")
    page = context_of(locale="zh-CN").new_page()
    page.goto("/rates")
    page.fill("[name=code]", "p-0014")
    page.fill("[name=password]", PASSWORD)
    page.click("main button")
    page.wait_for_url("**/rates")
    assert page.locator("tbody tr").inner_text().split()[:2] == ["p-0011", "9"]
    picture_of(page, "review-rates-zh", tmp_path)
    page.set_viewport_size({"width": 1280, "height": 800})
    page.click("text=English")
    page.wait_for_selector("html[lang=en]")
    picture_of(page, "review-rates", tmp_path)


def test_an_answer_from_before_a_verdict_lays_nothing_on_the_desk_again(context_of: Any, served: ServedDesk) -> None:
    """What is in hand is asked for while verdicts are given: what such an answer does not know yet stays decided."""
    page = context_of().new_page()
    page.add_init_script(SHOWN_ONE_AFTER_ANOTHER)
    sign_in(page)

    def late(route: Any) -> None:
        answer = route.fetch()
        page.wait_for_timeout(700)
        route.fulfill(response=answer)

    page.route("**/review/take", late)
    for _ in range(4):
        press(page, "p")
    stored(page)
    page.wait_for_timeout(1_500)
    page.unroute("**/review/take")
    shown = page.evaluate("window.shown")
    assert len(shown) == len(set(shown)) == 5
    assert served.rows("SELECT count(*) FROM review_decision") == [(4,)]


def test_the_next_applications_are_painted_without_asking_the_server(context_of: Any, served: ServedDesk) -> None:
    """Those ahead wait in the browser with their pictures; docs/speed.md says how long the next takes to be painted."""
    context = context_of()
    page = context.new_page()
    sign_in(page)
    page.wait_for_timeout(1_500)
    context.set_offline(True)
    for _ in range(leases.AHEAD):
        press(page, "p")
        assert page.locator("article .photo").evaluate("photo => photo.naturalWidth") > 0
    took = page.evaluate("performance.getEntriesByName('verdict-to-painted').map(each => each.duration)")
    assert len(took) == leases.AHEAD
    context.set_offline(False)
    stored(page)


BESIDE = """() => [...document.querySelectorAll(".like")].filter(each => each.getBoundingClientRect().right
    > document.querySelector(".taken-for").getBoundingClientRect().right).length"""
NAMELESS = """() => [...document.querySelectorAll("main img, main canvas, main button, main input")]
    .filter(each => each.getClientRects().length)
    .filter(each => !(each.alt || each.getAttribute("aria-label") || each.innerText || each.labels?.[0]?.innerText))
    .map(each => each.outerHTML.slice(0, 100))"""
SHOWN_ONE_AFTER_ANOTHER = """window.shown = []; new MutationObserver(() => {
  const lease = document.querySelector("article")?.dataset.lease;
  if (lease && window.shown.at(-1) !== lease) window.shown.push(lease);
}).observe(document, { childList: true, subtree: true })"""
