"""The QC desk in a real browser: a tray by scanner and keyboard alone, a void by two, both languages and themes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from contrast import CONTRAST
from read_by_hand import means_by_hand
from real_browser import LOOK_MS, contexts, picture_of, sign_in
from served import serving
from small_desk import PASSWORD
from small_line import Line
from small_qc import QcDesk

from flows.app import Served
from flows.desk_app import create_desk
from flows.qc_pages import QcDesk as Pages
from handoff_logs.asking import Asking
from handoff_logs.database import Database

SCREEN = {"viewport": {"width": 1280, "height": 800}}


@dataclass
class ServedDesk:
    """A desk that is served."""

    address: str
    desk: QcDesk
    tray: str


def with_other_zone(piece: Any) -> Any:
    """A printed zone with characters changed."""
    return replace(piece, mrz=tuple(line.replace("<", "K", 1) for line in piece.mrz))


@pytest.fixture
def served(tmp_path: Path, fresh: tuple[str, Database]) -> Iterator[ServedDesk]:
    """Where the desk of a line with four pieces is, the first of which bears another zone."""
    url, database = fresh
    line = Line(database, tmp_path)
    desk = QcDesk.of(line, means_by_hand(line))
    desk.set_passwords()
    tray = desk.made(4, spoil=lambda piece: with_other_zone(piece) if line.machines_made == 1 else piece)
    what = Served(tmp_path, "test", True, bytes(32), Asking(url, str))
    with serving(create_desk(what, database, lambda renderer: [Pages(renderer, desk.here, line.inspector)])) as at:
        yield ServedDesk(at, desk, tray)
    line.close()


@pytest.fixture
def page_of(chromium: Any, served: ServedDesk) -> Iterator[Callable[..., Any]]:
    """Makes a page on which an inspector signed in; whatever the policy blocks or a script breaks fails the test."""
    with contexts(chromium, served.address, **SCREEN) as context_of:

        def make(code: str = "p-0011", **more: Any) -> Any:
            page = context_of(**more).new_page()
            sign_in(page, "/qc", code, PASSWORD)
            page.wait_for_selector("#overview table")
            return page

        yield make


def scan(page: Any, serial: str) -> None:
    """What a scanner types."""
    page.keyboard.type(serial)
    page.keyboard.press("Enter")
    laid(page, serial)


def laid(page: Any, serial: str) -> None:
    """Wait until a piece is shown, and a look longer."""
    page.wait_for_selector(f".piece[data-serial={serial}][data-painted]")
    page.wait_for_timeout(LOOK_MS)


def says(page: Any, words: str) -> None:
    page.wait_for_function("words => document.getElementById('says').textContent.includes(words)", arg=words)


def test_a_tray_is_done_by_scanner_and_keyboard_alone(page_of: Callable[..., Any], served: ServedDesk) -> None:
    """A pass by one key, a fail by two, an undo, a void by two who sign in; the run books it."""
    page, desk = page_of(), served.desk
    bad, second, third, fourth = desk.serials()
    scan(page, bad)
    assert page.locator(".zone mark").count() == 4
    assert page.locator(".piece .items fieldset").first.locator("legend").inner_text() == "Zone and serial"
    page.keyboard.press("f")
    page.keyboard.press("Enter")
    page.wait_for_selector("#void[open]")
    assert page.evaluate("document.activeElement.name") == "password"
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.keyboard.type("p-0014")
    page.keyboard.press("Tab")
    page.keyboard.type("not theirs")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('#void .wrong').textContent !== ''")
    assert page.input_value("[name=second]") == "p-0014"
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    says(page, "both signed")
    assert desk.void(served.tray) == 1
    scan(page, second)
    page.keyboard.press("p")
    says(page, f"{second} passed")
    page.keyboard.press("u")
    says(page, f"{second}: undone")
    laid(page, second)
    page.keyboard.press("p")
    says(page, f"{second} passed")
    scan(page, third)
    page.keyboard.press("p")
    page.keyboard.press("p")
    says(page, f"{third} passed")
    page.keyboard.press("F4")
    laid(page, fourth)
    assert page.evaluate("document.activeElement.id") == "serial"
    page.keyboard.press("f")
    page.keyboard.press("z")
    assert page.input_value("#serial") == "", "a key of no defect would have begun a serial, and taken the next key"
    page.keyboard.press("Escape")
    page.keyboard.press("p")
    says(page, f"{fourth} passed")
    outcome = desk.book(served.tray)
    assert outcome is not None and outcome.passed == 3
    assert desk.rows("SELECT count(*) FROM qc_decision WHERE undone_us IS NULL") == [(4,)]


def test_what_a_reader_suspects_is_not_passed_by_one_key(
    page_of: Callable[..., Any], served: ServedDesk, tmp_path: Path
) -> None:
    """A zone that a person reads otherwise may be passed, by the same key again."""
    page, desk = page_of(), served.desk
    scan(page, desk.serials()[0])
    picture_of(page, "qc-desk", tmp_path)
    page.keyboard.press("p")
    says(page, "suspects something")
    assert desk.rows("SELECT count(*) FROM qc_decision") == [(0,)]
    page.keyboard.press("p")
    says(page, "passed")


def test_a_decision_outlasts_a_lost_answer_and_is_one(page_of: Callable[..., Any], served: ServedDesk) -> None:
    """The server stores it, the answer is lost; it is sent again under its id."""
    page, desk = page_of(), served.desk
    scan(page, desk.serials()[1])
    lost = []

    def lose(route: Any) -> None:
        if not lost:
            lost.append(route.fetch().status)
            route.abort()
        else:
            route.continue_()

    page.route("**/qc/decide", lose)
    page.keyboard.press("p")
    says(page, "passed")
    assert lost == [200]
    assert desk.rows("SELECT count(*) FROM qc_decision") == [(1,)]


def test_what_was_in_hand_is_there_again_when_the_page_is_loaded(
    page_of: Callable[..., Any], served: ServedDesk
) -> None:
    page, desk = page_of(), served.desk
    serial = desk.serials()[1]
    scan(page, serial)
    page.reload()
    laid(page, serial)
    page.keyboard.press("b")
    says(page, "laid back")
    page.keyboard.type("EZ0000000")
    page.keyboard.press("Enter")
    page.wait_for_selector("#refused p")
    assert page.input_value("#serial") == "EZ0000000"


def test_keys_are_ones_own_and_what_can_be_none_is_refused_with_its_reason(
    page_of: Callable[..., Any], served: ServedDesk
) -> None:
    """A scanner's capitals and digits are no keys; two acts have no key together; and they outlast the page."""
    page, desk = page_of(), served.desk
    serial = desk.serials()[1]
    page.keyboard.press("k")
    page.wait_for_selector("#keys[open]")
    for key, why in (("P", "a scanner types"), ("5", "a scanner types"), ("f", "can't both be f"), ("", "needs a key")):
        page.fill("#keys [name=pass]", key)
        page.click("#keys [value=keep]")
        assert why in page.locator("#keys .wrong").inner_text(), key
    page.fill("#keys [name=pass]", "j")
    page.fill("#keys [name=print]", "q")
    page.click("#keys [value=keep]")
    page.wait_for_selector("#keys:not([open])", state="attached")
    page.reload()
    assert page.locator(".key.pass kbd").inner_text() == "j"
    scan(page, serial)
    page.keyboard.press("p")
    assert page.input_value("#serial") == "p", "it is nobody's key any more"
    page.fill("#serial", "")
    page.keyboard.press("f")
    page.keyboard.press("q")
    page.wait_for_selector("#void[open]")
    page.keyboard.press("Escape")
    page.keyboard.press("u")
    laid(page, serial)
    page.keyboard.press("j")
    says(page, "passed")
    assert desk.rows("SELECT outcome, codes FROM qc_decision ORDER BY stored_us") == [("fail", "print"), ("pass", "")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_desk_fits_its_screen_and_can_be_read_in_both_languages(
    page_of: Callable[..., Any], served: ServedDesk, scheme: str
) -> None:
    for locale in ("en-GB", "zh-CN"):
        page = page_of(locale=locale, color_scheme=scheme)
        scan(page, served.desk.serials()[0])
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate("document.querySelector('.piece').getBoundingClientRect().bottom <= innerHeight")
        assert page.evaluate(CONTRAST) == []
        assert (
            page.locator("button, input, a").evaluate_all(
                "all => all.filter(e => e.offsetParent && !(e.textContent.trim() || e.labels?.length"
                " || e.getAttribute('aria-label'))).length"
            )
            == 0
        )
        page.keyboard.press("f")
        assert page.locator(".items label:visible").count() == 14
        assert page.evaluate("document.querySelector('.piece').getBoundingClientRect().bottom <= innerHeight")
        page.keyboard.press("Escape")
        page.keyboard.press("b")
        page.wait_for_selector(".piece", state="detached")
