"""The board on a wall screen, in a real browser: all of it seen and read, live, and never old figures shown as live.

PASSLINE_PICTURES names a folder for pictures of it; docs/pictures has some.
"""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from contrast import CONTRAST
from fresh_line import fresh_line
from line_books import Books
from real_browser import PICTURES, listen, picture_of
from served import serving
from sqlalchemy import create_engine

from flows.app import Served, create_app
from handoff_logs import log
from handoff_logs.asking import Asking
from handoff_logs.database import Database
from handoff_logs.log import Stamp
from handoff_logs.records import Birth, Kind, Party, new_id
from stations.alarms.register import acknowledge, clear, raise_alarm
from stations.people import Role
from stations.people_register import displays
from stations.people_register.credentials import Credentials
from stations.people_register.register import enrol, found
from stations.people_register.sign_in import sign_in, sign_in_two
from stations.personalization.tables import MachineState

CODE, PASSWORD = "p-0003", "correct horse three"
KEY = bytes(range(32))
SECOND_US, MINUTE_US, HOUR_US = 1_000_000, 60_000_000, 3_600_000_000
WALL, LAPTOP, PHONE = (1920, 1080), (1366, 768), (390, 844)
PATIENCE_MS = 10_000
ALARMS_MS = 5_100
"""After so long the page of alarms has asked again."""
OLD_MS = 16_000
"""Figures are old after 10 s; then the page may take a moment to say so."""

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")


class Line:
    """A line's pages with a display's token; its tables are filled by hand."""

    def __init__(self, folder: Path, url: str, database: Database) -> None:
        self.folder, self.url, self.database = folder, url, database
        self.engine = create_engine(url)
        self.books = Books(self.engine)
        founders = Credentials("p-0001", "correct horse one"), Credentials("p-0002", "correct horse two")
        found(database, *founders, emulated=True)
        by = sign_in_two(database, *founders, [Role.ADMINISTRATOR])
        enrol(database, by, Credentials(CODE, PASSWORD), [Role.LEAD], emulated=True)
        self.lead = sign_in(database, Credentials(CODE, PASSWORD))
        _, self.token = displays.make(database, KEY, self.lead, "hall-1", emulated=True)

    def app(self) -> Any:
        served = Served(self.folder, "jinan", True, bytes(32), Asking(self.url, str), display_key=KEY)
        return create_app(served, self.database)


@pytest.fixture(scope="module")
def line(
    tmp_path_factory: pytest.TempPathFactory, sqlite_templates: Callable[[bool], Path], signing_keys: Path
) -> Iterator[Line]:
    """A busy day."""
    folder = tmp_path_factory.mktemp("line")
    with fresh_line(folder, sqlite_templates(True), signing_keys) as (url, database):
        made = Line(folder, url, database)
        fill(made)
        yield made
        made.engine.dispose()


def fill(line: Line) -> None:
    books, now_us = line.books, time.time_ns() // 1_000
    opened_us = now_us - 7 * HOUR_US
    books.shift("day", opened_us)
    looks = (("book-01", "execute", None), ("book-02", "execute", None), ("book-03", "held", "feed_jam"),
             ("card-01", "execute", None), ("card-02", "suspended", "no-blanks"), ("card-03", "idle", None),
             ("card-04", "stopped", None))  # fmt: skip
    for place, (machine, state, reason) in enumerate(looks):
        since_us = now_us - (3 + 7 * place) * MINUTE_US
        books.put(MachineState, machine=machine, state=state, reason=reason, since_us=since_us, emulated=True)
    for hour, (made, away) in enumerate(((31, 0), (52, 20), (58, 55), (60, 50), (18, 58), (55, 25), (34, 40))):
        at_us = opened_us + hour * HOUR_US + 30 * MINUTE_US
        books.made("book-01", made // 2, at_us)
        books.made("card-01", made - made // 2, at_us)
        books.taken_away(away, at_us)
        books.packed(made, at_us)
    books.inspected(books.reviewed(290, now_us - HOUR_US)[:280], now_us - HOUR_US)
    books.offer("personalization", 45, offered_us=now_us - 40 * MINUTE_US)
    books.offer("qc", 12, offered_us=now_us - 6 * MINUTE_US)
    books.offer("mailing", 25, offered_us=now_us - 11 * MINUTE_US)
    for station, count in (("review", 18), ("personalization", 31), ("qc", 4), ("packing", 9)):
        for _ in range(count):
            books.unit("order", "held", station, since_us=now_us - 9 * MINUTE_US)
    for service_class, late_us, count in (("emergency", MINUTE_US, 1), ("normal", 3 * HOUR_US, 4)):
        for _ in range(count):
            order = books.unit("order", "held", "review", since_us=now_us - HOUR_US)
            facts = {"order_unit": order, "deadline_us": now_us - late_us, "service_class": service_class}
            books.application("waiting", **facts)
    tell(line.database, now_us)
    alarm = line.database.write(lambda tx: raise_alarm(tx, "machine-held", "book-03", emulated=True)).alarm_id
    line.database.write(lambda tx: acknowledge(tx, alarm, line.lead))
    line.database.write(lambda tx: raise_alarm(tx, "low-stock", "card", amount=40, emulated=True))


def tell(database: Database, now_us: int) -> None:
    """Orders were reviewed and offered on, at a rate that is known then."""
    by = Party("review", "review-1", "day")
    orders = [Birth(new_id(), Kind.ORDER, f"A{number}") for number in range(30)]
    database.write(lambda tx: log.receive(tx, by, None, orders, "in", Stamp(now_us - 25 * MINUTE_US, True)))
    for place in range(3):
        units = [order.unit_id for order in orders[place * 10 : place * 10 + 10]]
        stamp = Stamp(now_us - (24 - 10 * place) * MINUTE_US, True)
        database.write(
            lambda tx, units=units, stamp=stamp: log.offer(
                tx, by, "in", "personalization", units, priority=2, stamp=stamp
            )
        )


@pytest.fixture(scope="module")
def address(line: Line) -> Iterator[str]:
    with serving(line.app()) as served:
        yield served


@pytest.fixture
def said() -> Iterator[list[str]]:
    """What the policy blocked and scripts broke, which fails the test."""
    heard: list[str] = []
    yield heard
    assert heard == []


def wall_screen(chromium: Any, address: str, token: str, said: list[str], **options: Any) -> Any:
    """A display that was started with its token behind the address's #."""
    context = chromium.new_context(**{"viewport": {"width": WALL[0], "height": WALL[1]}, "locale": "en-GB"} | options)
    listen(context, said)
    page = context.new_page()
    page.goto(f"{address}/board/display#{token}")
    page.wait_for_url(f"{address}/board")
    page.wait_for_selector("#chart canvas")
    return page


@pytest.fixture
def page(chromium: Any, address: str, line: Line, said: list[str]) -> Iterator[Any]:
    opened = wall_screen(chromium, address, line.token, said)
    yield opened
    opened.context.close()


def picture(page: Any, name: str, **options: Any) -> None:
    if PICTURES:
        picture_of(page, name, Path(PICTURES), **options)


def shown(page: Any) -> None:
    """Nothing is cut off, and nobody has to scroll."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    assert page.evaluate(CUT_OFF) == []


CUT_OFF = """() => [...document.querySelectorAll(".board section, .parts, .column, .bar, .board table:not(#hours)")]
  .filter((each) => each.scrollHeight > each.clientHeight + 1 || each.scrollWidth > each.clientWidth + 1
    || each.getBoundingClientRect().bottom > innerHeight || each.getBoundingClientRect().right > innerWidth)
  .map((each) => each.tagName + each.className)"""


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_wall_screen_shows_all_in_both_languages_without_scrolling(page: Any, language: str) -> None:
    page.goto(f"{page.url.partition('?')[0]}?lang={language}")
    page.wait_for_selector("#chart canvas")
    assert page.evaluate("document.documentElement.lang") == {"zh": "zh-CN", "en": "en"}[language]
    shown(page)
    read_easily(page, f"board-{language}")
    page.set_viewport_size({"width": LAPTOP[0], "height": LAPTOP[1]})
    page.wait_for_timeout(300)
    shown(page)
    read_easily(page, f"board-{language}", "-laptop")
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    read_easily(page, f"board-{language}", "-phone", full_page=True)


def read_easily(page: Any, name: str, size: str = "", **options: Any) -> None:
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate(CONTRAST) == []
        picture(page, f"{name}-{scheme}{size}", **options)


def test_it_is_read_from_five_metres(page: Any) -> None:
    """On a screen of 55 inches 36 pixels are 23 mm: what is read from five metres without effort; 20 can be read."""
    sizes = (
        "(selector) => [...document.querySelectorAll(selector)].map((e) => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(page.evaluate(sizes, ".stations tbody th, .stations td:not(.rate):not(:last-child)")) >= 36
    assert min(page.evaluate(sizes, ".sum, .clock")) >= 36
    assert min(page.evaluate(sizes, "#live .look, #live .mark, #live .detail, #live h2, #live th, #live li b")) >= 20


def test_nothing_is_told_by_colour_alone(page: Any) -> None:
    for mark in page.locator(".mark, .look").all():
        assert re.search(r"[✓◷⚠■▲△●○◐□!·?]\s*\S.*\S$", mark.inner_text()), mark.inner_text()
    assert page.evaluate("getComputedStyle(document.querySelector('.legend .away')).borderTopStyle") == "dashed"


def test_the_hours_are_drawn_and_can_be_read_out(page: Any) -> None:
    drawn = """() => { const canvas = document.querySelector("#chart canvas");
      const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
      return new Set(Array.from({length: pixels.length / 4}, (_, at) => pixels.slice(4 * at, 4 * at + 3).join())).size;
    }"""
    assert page.evaluate(drawn) > 10
    rows = page.locator("#hours tbody tr")
    assert 8 <= rows.count() <= 9
    assert sum(int(text) for text in page.locator("#hours tbody td:nth-child(2)").all_inner_texts()) == 308
    assert page.locator("#chart").get_attribute("aria-label")


def test_who_chooses_dark_gets_dark_whatever_the_browser_prefers(page: Any) -> None:
    page.emulate_media(color_scheme="light")
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(ground)
    choose(page, "Dark")
    dark = page.evaluate(ground)
    assert dark != light and page.evaluate(CONTRAST) == []
    page.emulate_media(color_scheme="dark")
    choose(page, "Light")
    assert page.evaluate(ground) == light
    choose(page, "Auto")
    assert page.evaluate(ground) == dark


def choose(page: Any, theme: str) -> None:
    with page.expect_navigation(wait_until="load"):
        page.click(f"text={theme}")


def test_nothing_moves_for_whoever_wants_less_motion_and_old_is_still_said(page: Any) -> None:
    page.emulate_media(reduced_motion="reduce")
    name = "(selector) => getComputedStyle(document.querySelector(selector)).animationName"
    assert page.evaluate(name, ".beat") == "none"
    assert page.evaluate(name, ".not-live") == "not-live"
    page.emulate_media(reduced_motion="no-preference")
    assert page.evaluate(name, ".beat") == "beat"


def test_what_changes_is_seen_without_anybody_doing_anything(page: Any, line: Line) -> None:
    row = page.locator(".stations tbody tr", has_text="Packing")
    playwright.expect(row.locator("td").first).to_have_text("0")
    canvas = page.locator("#chart canvas").element_handle()
    line.books.offer("packing", 7, offered_us=time.time_ns() // 1_000)
    playwright.expect(row.locator("td").first).to_have_text("7", timeout=PATIENCE_MS)
    assert canvas.is_visible(), "what did not change is not drawn anew"
    line.database.write(lambda tx: raise_alarm(tx, "climate", "core-1", emulated=True))
    playwright.expect(page.locator(".open-alarms")).to_contain_text("Climate out of its limits", timeout=PATIENCE_MS)
    assert page.locator(".not-live").is_hidden()
    line.database.write(lambda tx: clear(tx, "climate", "core-1"))


def test_more_than_fits_is_counted_and_still_fits(
    chromium: Any, tmp_path: Path, fresh: tuple[str, Database], said: list[str]
) -> None:
    url, database = fresh
    line = Line(tmp_path, url, database)
    now_us = time.time_ns() // 1_000
    for number in range(32):
        state, reason = ("held", "feed_jam_and_a_long_reason") if number % 3 == 0 else ("execute", None)
        facts = {"state": state, "reason": reason, "since_us": now_us - 30 * HOUR_US, "emulated": True}
        line.books.put(MachineState, machine=f"machine-with-a-name-{number:02}", **facts)
    for number in range(20):
        subject = f"a-long-name-of-a-place-{number:02}"
        database.write(lambda tx, subject=subject: raise_alarm(tx, "climate", subject, emulated=True))
    line.books.taken_away(123_456, now_us)
    with serving(line.app()) as address:
        for width, height in (WALL, LAPTOP):
            size = {"width": width, "height": height}
            page = wall_screen(chromium, address, line.token, said, viewport=size)
            picture(page, f"crowded-{width}")
            shown(page)
            assert page.locator(".machines li").count() == 8
            assert page.locator(".machines li .look.bad").count() == 8, "the troubled first"
            assert "24 more machines · ■ held 3 · ● execute 21" in page.locator(".machines .more").inner_text()
            assert "27 more" in page.locator(".open-alarms .more").inner_text()
            page.context.close()
    line.engine.dispose()


def test_a_silent_server_is_seen_and_a_new_one_is_followed(chromium: Any, line: Line, said: list[str]) -> None:
    """One tab as it is; one whose script hangs, for which the style sheet alone speaks; the alarms of somebody."""
    with serving(line.app()) as address:
        page = wall_screen(chromium, address, line.token, said)
        hung = wall_screen(chromium, address, line.token, said)
        hung.evaluate("for (let timer = setTimeout(() => {}); timer > 0; timer--) clearTimeout(timer)")
        alarms = signed_in(chromium, address)
        for tab in (page, hung, alarms):
            assert tab.locator(".not-live").is_hidden()
        clock = page.locator(".clock").inner_text().split()[-1]
    for tab in (page, hung, alarms):
        playwright.expect(tab.locator(".not-live")).to_be_visible(timeout=OLD_MS)
    notice = page.locator(".not-live")
    playwright.expect(notice).to_contain_text(re.compile(r"NOT LIVE: these figures are of \d\d:\d\d:\d\d\. 1\d s"))
    assert notice.inner_text().split("of ")[1][:6] == clock[:6]
    assert page.evaluate("getComputedStyle(document.querySelector('.parts')).opacity") == "0.45"
    assert page.evaluate("getComputedStyle(document.querySelector('.beat')).visibility") == "hidden"
    picture(page, "board-not-live")
    with serving(line.app(), int(address.rpartition(":")[2])):
        playwright.expect(notice).to_be_hidden(timeout=OLD_MS)
        page.wait_for_selector("#chart canvas")
        # Sessions end with their server; a display's token does not.
        playwright.expect(alarms.locator("h1")).to_have_text("Sign in", timeout=OLD_MS)
    said[:] = [each for each in said if "ERR_CONNECTION_REFUSED" not in each]
    for tab in (page, hung, alarms):
        tab.context.close()


def signed_in(chromium: Any, address: str) -> Any:
    context = chromium.new_context(base_url=address, locale="en-GB")
    page = context.new_page()
    page.goto("/sign-in?to=/alarms")
    page.fill("[name=code]", CODE)
    page.fill("[name=password]", PASSWORD)
    page.click("main button")
    page.wait_for_url("**/alarms")
    return page


def test_without_scripts_the_board_is_asked_again_by_the_browser(chromium: Any, address: str, line: Line) -> None:
    context = chromium.new_context(java_script_enabled=False, locale="zh-CN")
    page = context.new_page()
    page.goto(f"{address}/board/display")
    page.fill("[name=token]", line.token)
    page.click("main button")
    assert "质检" in page.locator(".stations").inner_text()
    assert page.locator("meta[http-equiv=refresh]").get_attribute("content") == "8"
    context.close()


def test_a_revoked_display_leaves_the_board(
    chromium: Any, line: Line, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.board_watch.DISPLAYS_S", 0.2)
    made, token = displays.make(line.database, KEY, line.lead, "hall-9", emulated=True)
    with serving(line.app()) as address:
        page = wall_screen(chromium, address, token, said)
        displays.revoke(line.database, line.lead, made.display_id, emulated=True)
        playwright.expect(page.locator("[role=alert]")).to_contain_text("revoked or has run out", timeout=PATIENCE_MS)
        assert page.locator("#live").count() == 0
        page.context.close()


def test_the_alarms_follow_the_register_and_not_under_somebodys_hand(chromium: Any, address: str, line: Line) -> None:
    page = signed_in(chromium, address)
    page.clock.install()
    page.reload()
    page.locator("tbody tr form button").first.focus()
    line.database.write(lambda tx: raise_alarm(tx, "sealing-silent", "log", amount=3, emulated=True))
    with page.expect_response("**/alarms"):
        page.clock.run_for(ALARMS_MS)
    page.wait_for_timeout(500)
    assert "wait for their seal" not in page.locator("main").inner_text(), "a row would have moved under a finger"
    page.locator("h1").click()
    page.evaluate("document.activeElement.blur()")
    page.clock.run_for(ALARMS_MS)
    playwright.expect(page.locator("main")).to_contain_text("Records wait for their seal", timeout=PATIENCE_MS)
    line.database.write(lambda tx: clear(tx, "sealing-silent", "log"))
    page.clock.run_for(ALARMS_MS)
    playwright.expect(page.locator("main")).not_to_contain_text("Records wait for their seal", timeout=PATIENCE_MS)
    page.context.close()
