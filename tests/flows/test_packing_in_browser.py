"""The packing desk in a real browser: scanner and keyboard alone, both languages, light and dark; no scan lost."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import real_browser
from contrast import CONTRAST
from packing_served import packing_desk
from real_browser import contexts, picture_of
from served import serving
from small_desk import PASSWORD
from small_line import Line
from small_packing_desk import PackingDeskLine

from handoff_logs.database import Database
from stations.emulated_staff import EmulatedPacker
from stations.packing import desk_booking
from stations.packing.machines import PackingMachines

SCREEN = {"viewport": {"width": 1280, "height": 800}}


class Leaning(EmulatedPacker):
    """A packer whose scale something leans on; it is the scale's driver as well."""

    name = "scale-01"

    def ask(self, _weigh: Any) -> int:
        return 99_999

    def clear_scale(self, scale: str) -> None:
        """There is no machine."""


@dataclass
class ServedDesk:
    """A desk that is served; `tray` lies there."""

    address: str
    desk: PackingDeskLine
    tray: str

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.desk.rows(query)


@pytest.fixture
def served(tmp_path: Path, fresh: tuple[str, Database]) -> Iterator[ServedDesk]:
    """Where the desk of a line with twelve documents in one tray is."""
    url, database = fresh
    line = Line(database, tmp_path)
    desk = PackingDeskLine.of(line)
    desk.set_passwords()
    tray = desk.accept_one(12)
    with serving(packing_desk(tmp_path, url, desk)) as address:
        yield ServedDesk(address, desk, tray)
    line.close()


@pytest.fixture
def context_of(chromium: Any, served: ServedDesk) -> Iterator[Callable[..., Any]]:
    """Makes browsers of a profile each; whatever the policy blocks or a script breaks fails the test."""
    with contexts(chromium, served.address, **SCREEN) as make:
        yield make


def sign_in(page: Any, code: str = "p-0011") -> None:
    real_browser.sign_in(page, "/packing", code, PASSWORD)


def scan(page: Any, *codes: str) -> None:
    """Type as a scanner does: the code and Enter, wherever the focus is."""
    for code in codes:
        page.keyboard.type(code)
        page.keyboard.press("Enter")


def stored(page: Any, pieces: int, served: ServedDesk) -> None:
    """Wait until the server has stored so many."""
    page.wait_for_function("() => document.getElementById('unsent').textContent === '0'")
    assert served.rows("SELECT count(*) FROM packing_match") == [(pieces,)]


def test_a_tray_is_packed_by_scanner_and_keyboard_alone(context_of: Any, served: ServedDesk, tmp_path: Path) -> None:
    """Each match says where the piece goes; a box is closed by a key, and its list and weight are there."""
    page, desk = context_of().new_page(), served.desk
    sign_in(page)
    posted = desk.pieces(served.tray, delivery="post")
    boxed = desk.pieces(served.tray, delivery="collection")
    scan(page, *reversed(desk.codes(posted[0])))
    page.wait_for_selector("#result.good")
    assert page.locator("#result .head").inner_text() == "Into its envelope, for the post"
    for number, piece in enumerate([*posted[1:], *boxed], 2):
        scan(page, *desk.codes(piece))
        stored(page, number, served)
    assert page.locator("#result .head").inner_text().startswith("Into the box: ")
    page.wait_for_function("() => document.querySelector('.trays') === null")
    desk.book()
    desk.sql("UPDATE parcel SET weighed_g = expected_g, scale = 'scale-01'")
    page.wait_for_function("() => document.querySelector('.parcels tbody tr')?.innerText.includes('✓ 1 · 52 g')")
    scan(page, posted[0].order_unit)
    picture_of(page, "packing-desk", tmp_path)
    boxes = page.locator("[data-box]").count()
    for left in range(boxes, 0, -1):
        page.keyboard.press("F8")
        page.keyboard.press("1")
        page.wait_for_function("left => document.querySelectorAll('[data-box]').length === left - 1", arg=left)
    desk.book()
    assert served.rows("SELECT count(*) FROM whereabouts WHERE kind = 'document' AND state = 'packed'") == [(12,)]


def test_what_does_not_belong_stops_the_page_with_a_sound_until_a_key(
    context_of: Any, served: ServedDesk, tmp_path: Path
) -> None:
    """A scanner's Enter acknowledges nothing; what is scanned meanwhile is not taken, and said so."""
    page, desk = context_of().new_page(), served.desk
    sign_in(page)
    first, second, third = desk.pieces(served.tray)[:3]
    scan(page, first.blank_serial, second.order_unit, desk.codes(first)[2])
    page.wait_for_selector("#stop[open]")
    assert page.locator("#stop h2").inner_text() == "STOP: the order slip does not belong"
    assert page.locator("#desk").get_attribute("data-sounded") == "1"
    picture_of(page, "packing-mismatch", tmp_path)
    box = page.locator("#stop").bounding_box()
    assert (box["width"], box["height"]) == (1280, 800)
    page.wait_for_timeout(450)
    scan(page, third.blank_serial)
    assert page.locator("#stop .first").inner_text() != ""
    assert page.locator("#desk").get_attribute("data-sounded") == "2"
    assert page.locator("#stop[open]").count() == 1
    page.keyboard.press("Escape")
    page.wait_for_selector("#stop", state="hidden")
    scan(page, *desk.codes(third))
    page.wait_for_selector("#result.good")
    assert served.rows("SELECT outcome, part FROM packing_match ORDER BY stored_us") == [
        ("mismatch", "order"), ("matched", None),
    ]  # fmt: skip


def test_scans_faster_than_the_network_wait_in_order_and_none_is_lost(context_of: Any, served: ServedDesk) -> None:
    """Offline, across a closed browser; sent once each, in the order in which they were scanned."""
    context, desk = context_of(), served.desk
    page = context.new_page()
    sign_in(page)
    pieces = desk.pieces(served.tray)[:4]
    page.wait_for_load_state("networkidle")
    context.set_offline(True)
    for piece in pieces:
        scan(page, *desk.codes(piece))
    assert page.locator("#unsent").inner_text() == "4"
    page.close()
    context.set_offline(False)
    page = context.new_page()
    page.goto("/packing")
    stored(page, 4, served)
    order = "SELECT document_unit FROM packing_match ORDER BY stored_us"
    assert [row[0] for row in served.rows(order)] == [piece.unit_id for piece in pieces]


def test_a_code_scanned_twice_is_no_second_code_and_a_second_of_a_kind_stops(
    context_of: Any, served: ServedDesk
) -> None:
    page, desk = context_of().new_page(), served.desk
    sign_in(page)
    first, second = desk.pieces(served.tray)[:2]
    document, order, envelope = desk.codes(first)
    scan(page, document, document, order, order, envelope)
    page.wait_for_selector("#result.good")
    scan(page, second.blank_serial, second.order_unit, order)
    page.wait_for_selector("#stop[open]")
    assert "Two of a kind" in page.locator("#stop-more").inner_text()
    assert served.rows("SELECT outcome, reason FROM packing_match ORDER BY stored_us") == [
        ("matched", None), ("mismatch", "two"),
    ]  # fmt: skip


def test_an_emulated_scanner_packs_the_line_by_hand_and_takes_out_what_is_stopped(
    context_of: Any, served: ServedDesk
) -> None:
    page, desk = context_of().new_page(), served.desk
    sign_in(page)
    stopped = desk.pieces(served.tray)[5]
    desk.line.stop(stopped.application_id)
    page.wait_for_selector("#now [data-out]")
    page.keyboard.press("F4")
    page.wait_for_selector("#stop[open]")
    assert page.locator("#stop .serial").inner_text() == stopped.blank_serial
    page.wait_for_timeout(450)
    page.keyboard.press("Escape")
    desk.book()
    page.wait_for_function("() => !document.querySelector('#now [data-out]')")
    for have in range(3):
        page.wait_for_function("n => document.querySelectorAll('.three .have').length === n", arg=have)
        page.keyboard.press("F4")
    page.wait_for_selector("#result.good")
    assert dict(served.rows("SELECT outcome, count(*) FROM packing_match GROUP BY 1")) == {"stopped": 1, "matched": 1}


def test_both_languages_light_and_dark_are_readable_and_named(
    context_of: Any, served: ServedDesk, tmp_path: Path
) -> None:
    desk = served.desk
    desk.match_all("pete", served.tray)
    desk.book()
    for language, scheme in (("en-GB", "light"), ("zh-CN", "dark")):
        page = context_of(locale=language, color_scheme=scheme).new_page()
        sign_in(page)
        page.wait_for_selector(".parcels tbody tr")
        assert page.evaluate(NAMELESS) == []
        assert page.evaluate(CONTRAST) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        picture_of(page, f"packing-{language}-{scheme}", tmp_path)


NAMELESS = """() => [...document.querySelectorAll("main button, main input, main a")]
    .filter(each => each.getClientRects().length)
    .filter(each => !(each.getAttribute("aria-label") || each.innerText || each.labels?.[0]?.innerText))
    .map(each => each.outerHTML.slice(0, 100))"""


def test_a_weight_that_differs_fills_the_page_and_two_free_the_shelf_by_keyboard(
    context_of: Callable[..., Any], served: ServedDesk, tmp_path: Path
) -> None:
    """As a mismatch does; its press undone before that; and the parcel is opened by two."""
    page, desk = context_of().new_page(), served.desk
    sign_in(page)
    first, *posted = desk.pieces(served.tray, delivery="post")
    scan(page, *desk.codes(first))
    stored(page, 1, served)
    page.wait_for_selector("[data-undo]")
    page.keyboard.press("F6")
    page.wait_for_function("() => document.getElementById('says').textContent.includes('undone')")
    assert served.rows("SELECT outcome FROM packing_match ORDER BY stored_us") == [("matched",), ("undone",)]
    for piece in desk.pieces(served.tray):
        if piece.unit_id != first.unit_id:
            desk.match("pia", piece)
    packer: Any = Leaning(desk.line.hands)
    desk_booking.book_tray(desk.here, served.tray, packer, machines=PackingMachines(packer, None))
    page.wait_for_selector("#stop[open]")
    assert "weight" in page.locator("#stop h2").inner_text() and "99999 g" in page.locator("#stop-more").inner_text()
    assert page.evaluate("Number(document.getElementById('desk').dataset.sounded)") >= 1
    for _ in posted:
        page.wait_for_timeout(450)
        page.keyboard.press("Escape")
    page.wait_for_selector("#stop", state="hidden")
    page.locator("[data-release]").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#release[open]")
    assert page.evaluate("document.activeElement.name") == "password"
    scan(page, PASSWORD)
    page.keyboard.type("p-0013")
    page.keyboard.press("Tab")
    scan(page, PASSWORD)
    page.wait_for_function("() => document.getElementById('says').textContent.includes('both signed')")
    assert served.rows("SELECT resolution FROM packing_release") == [("opened",)]
    assert page.evaluate("document.activeElement.name") == "code"
    page.screenshot(path=tmp_path / "shelf.png")
