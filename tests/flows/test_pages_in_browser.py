"""The pages in a real browser: by keyboard alone, in both languages, under their strict policy, and without scripts."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import a_day_of_air
import pytest
from contrast import CONTRAST
from fresh_line import fresh_line
from real_browser import contexts
from served import serving
from small_shift import ONE, plan, scanned

from flows.app import Served, create_app
from flows.default_line import write_default
from flows.run_folder import RunFolder
from handoff_logs import log, register
from handoff_logs.asking import Asking
from handoff_logs.database import Database
from handoff_logs.log import Stamp
from handoff_logs.records import Birth, Kind, Party, new_id
from handoff_logs.writing import Entry
from stations.people import Role
from stations.people_register.credentials import Credentials
from stations.people_register.register import enrol, found
from stations.people_register.rules import ADMINISTRATORS
from stations.people_register.sign_in import sign_in_as, sign_in_two
from stations.shift import station

CODE, PASSWORD = "p-0001", "correct horse one"
SHIFT_ID = "0" * 31 + "5"
PAGES = ("/", "/custody?number=E1", "/custody?number=Z9", "/stations", "/station?name=review", "/shifts",
         f"/shifts/{SHIFT_ID}", "/day", "/questions",
         "/questions/holder?number=E1", "/questions/gaps", "/questions/state", "/questions/lookups",
         "/questions/inside",
         "/integrity", "/alarms", "/alarms?all=1", "/climate", "/climate?hours=6")  # fmt: skip

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")


@pytest.fixture(scope="module")
def address(
    tmp_path_factory: pytest.TempPathFactory, sqlite_templates: Callable[[bool], Path], signing_keys: Path
) -> Iterator[str]:
    """Where the pages of a small line are, with an administrator to sign in as."""
    folder = tmp_path_factory.mktemp("line")
    fresh = fresh_line(folder, sqlite_templates(True), signing_keys)
    with pytest.MonkeyPatch.context() as patch, fresh as (url, database):
        founders = Credentials(CODE, PASSWORD), Credentials("p-0002", "correct horse two")
        found(database, *founders, emulated=True)
        tell(database)
        lead = Credentials("p-0003", "correct horse three")
        enrol(database, sign_in_two(database, *founders, ADMINISTRATORS), lead, [Role.LEAD], emulated=True)
        signed = sign_in_as(database, lead, (Role.LEAD,))
        a_day_of_air.tell(database, signed, minutes=600, suspended_now=True)
        work_a_shift(database, patch)
        write_default(RunFolder(folder))
        with serving(create_app(Served(folder, "test", True, bytes(32), Asking(url, str)), database)) as served:
            yield served


def tell(database: Database) -> None:
    """A document is made and offered on."""
    by, stamp = Party("review", "review-1", "day"), Stamp(1_700_000_000_000_000, True)
    for what, person, at_us in (("entered-1", "p-0101", 10), ("entered-2", "p-0102", 20), ("left-1", "p-0101", 30)):
        entry = Entry(register.Register.GATE, person, what, "face-01 shower-01")
        passed = Stamp(stamp.happened_us + at_us * 60_000_000, True, machine="face-01")
        database.write(lambda tx, e=entry, at=passed: register.record(tx, register.administration(), None, [e], at))
    order, blank = Birth(new_id(), Kind.ORDER, "A1"), Birth(new_id(), Kind.BLANK, "B1")
    document = Birth(new_id(), Kind.DOCUMENT, "E1")
    database.write(lambda tx: log.receive(tx, by, None, [order], "in", stamp))
    database.write(lambda tx: log.receive(tx, by, "review-2", [blank], "shelf", stamp))
    database.write(lambda tx: log.transform(tx, by, order.unit_id, blank.unit_id, document, "good", stamp))
    database.write(lambda tx: log.offer(tx, by, "out", "qc", [document.unit_id], priority=2, stamp=stamp))


def work_a_shift(database: Database, patch: pytest.MonkeyPatch) -> None:
    """A shift was opened by force and closed on the one blank that lies somewhere; something was voided in it."""
    patch.setattr(station, "new_id", lambda: SHIFT_ID)
    lost = Birth(new_id(), Kind.BLANK, "B2")
    vault = Party("vault", "vault-1", "day")
    stamp = Stamp(time.time_ns() // 1_000, True, reason="damaged")
    database.write(lambda tx: log.receive(tx, vault, "vault-2", [lost], "shelf:book", stamp))
    station.open_shift(database, plan(), scanned(), ONE, "flood")
    now = Stamp(time.time_ns() // 1_000, True, reason="damaged")
    database.write(lambda tx: log.void(tx, vault, "vault-2", [lost.unit_id], "voided", now))
    station.close_shift(database, scanned("B2", place="voided"), ONE)


@pytest.fixture
def page(chromium: Any, address: str) -> Iterator[Any]:
    """A tab in an English browser; whatever the policy blocks or a script breaks fails the test."""
    with contexts(chromium, address, expected=r"status of 40[34]") as make:
        yield make().new_page()


def sign_in(page: Any) -> None:
    """By keyboard alone: the form has the focus, Tab leads on, Enter sends."""
    page.goto("/")
    page.wait_for_selector("[name=code]:focus")
    page.keyboard.type(CODE)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("input#number:focus")


def focused(page: Any, what: str) -> Any:
    return page.evaluate(f"document.activeElement.{what}")


def test_a_document_is_found_by_keyboard_alone(page: Any) -> None:
    sign_in(page)
    assert focused(page, "name") == "number", "the search has the focus"
    page.keyboard.type("E1")
    page.keyboard.press("Enter")
    page.wait_for_selector(".timeline")
    assert page.locator(".entry").count() == 4
    assert page.locator("h1").inner_text() == "Custody of E1"


def test_a_slash_goes_to_the_search_and_is_a_slash_within_it(page: Any) -> None:
    sign_in(page)
    page.goto("/stations")
    page.keyboard.press("/")
    assert focused(page, "name") == "number" and focused(page, "value") == ""
    page.keyboard.type("A1/2")
    assert focused(page, "value") == "A1/2"


def test_the_first_tab_skips_to_the_content_and_the_focus_is_seen(page: Any) -> None:
    sign_in(page)
    page.goto("/stations")
    page.keyboard.press("Tab")
    assert focused(page, "className") == "skip"
    playwright.expect(page.locator(".skip")).to_be_in_viewport(ratio=1)
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert page.url.endswith("#content")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


def test_tab_goes_through_a_page_in_the_order_it_is_read(page: Any) -> None:
    sign_in(page)
    page.goto("/questions/document?number=E1")
    seen = []
    for _ in range(60):
        page.keyboard.press("Tab")
        if focused(page, "tagName") == "BODY":
            break
        seen.append(page.evaluate("[...document.querySelectorAll('*')].indexOf(document.activeElement)"))
    assert len(seen) > 20 and seen == sorted(seen)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_stands_in_both_languages_and_is_read_easily(page: Any, language: str) -> None:
    """Contrast of text to its ground is 4.5 to 1 at least, light and dark; no page is wider than the screen.

    Nothing is told by colour alone.
    """
    sign_in(page)
    page.set_viewport_size({"width": 1100, "height": 800})
    for path in PAGES:
        page.goto(f"{path}{'&' if '?' in path else '?'}lang={language}")
        assert page.evaluate("document.documentElement.lang") == {"zh": "zh-CN", "en": "en"}[language]
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert page.evaluate(CONTRAST) == [], path
        for mark in page.locator(".mark").all_inner_texts():
            assert re.search(r"[✓◷⚠■]", mark), path


def test_the_pages_work_without_scripts(chromium: Any, address: str) -> None:
    context = chromium.new_context(base_url=address, java_script_enabled=False, locale="zh-CN")
    tab = context.new_page()
    tab.goto("/custody?number=E1")
    assert tab.locator("h1").inner_text() == "登录"
    tab.fill("[name=code]", CODE)
    tab.fill("[name=password]", PASSWORD)
    tab.click("main button")
    assert tab.locator("h1").inner_text() == "E1 的交接全程"
    tab.click("text=English")
    assert tab.locator("h1").inner_text() == "Custody of E1"
    tab.click("text=Sign out")
    assert "You are signed out." in tab.locator("main").inner_text()
    context.close()


def test_custody_prints_without_what_only_a_screen_needs(page: Any) -> None:
    sign_in(page)
    page.goto("/custody?number=E1")
    page.emulate_media(media="print")
    assert not page.locator("header").is_visible() and page.locator(".timeline").is_visible()
    assert page.locator(".emulated").is_visible() and CODE in page.locator(".print").inner_text()


def test_an_export_is_saved_as_a_file(page: Any) -> None:
    sign_in(page)
    page.goto("/questions/document?number=E1")
    with page.expect_download() as coming:
        page.click("text=CSV")
    assert coming.value.suggested_filename.startswith("document-")
    assert Path(coming.value.path()).read_text("utf-8-sig").startswith("seq,")


def test_a_shifts_report_is_reached_and_its_paper_saved_by_keyboard_alone(page: Any) -> None:
    """From the list, Tab and Enter; the paper comes as a file."""
    sign_in(page)
    page.goto("/shifts")
    page.focus("main table a")
    page.keyboard.press("Enter")
    page.wait_for_selector("#balance")
    assert page.locator("h1").inner_text().startswith("Report of shift early")
    assert "⚠" in page.locator("main").inner_text(), "what was forced is marked, and not by colour alone"
    page.focus("text=PDF, to print and sign")
    with page.expect_download() as coming:
        page.keyboard.press("Enter")
    assert coming.value.suggested_filename == f"shift-early-{SHIFT_ID}.pdf"
    assert Path(coming.value.path()).read_bytes().startswith(b"%PDF-1.7")


def test_registered_people_are_the_only_ones_who_read(page: Any) -> None:
    page.goto("/integrity")
    assert page.locator("h1").inner_text() == "Sign in"
    page.fill("[name=code]", "p-0009")
    page.fill("[name=password]", PASSWORD)
    page.click("main button")
    assert "refused" in page.locator("[role=alert]").inner_text()


def test_what_a_script_breaks_fails_its_test(chromium: Any, address: str) -> None:
    """The ear that all tests in a browser rely on."""
    broken = "data:text/html,<script>throw Error('broken')</script>"
    with pytest.raises(AssertionError, match="broken"), contexts(chromium, address) as make:
        make().new_page().goto(broken)
