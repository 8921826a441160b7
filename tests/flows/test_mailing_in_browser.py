"""The mailing desk in a real browser: a scanner is a keyboard, a count outlasts its page, a refused file is kept."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from contrast import CONTRAST
from mailing_desk import PASSWORD, MailingDesk, packed_by_hand
from real_browser import ADVISED, contexts, picture_of, sign_in
from served import serving
from small_line import Line

from flows.app import Served
from flows.desk_app import create_desk
from flows.mailing_pages import MailingDesk as Desk
from handoff_logs.asking import Asking
from handoff_logs.database import Database
from stations.kept_machine import KeptMachine
from stations.mailing import own_scale

SCREEN = {"viewport": {"width": 1280, "height": 800}}


@pytest.fixture
def desk(tmp_path: Path, fresh: tuple[str, Database]) -> Iterator[tuple[MailingDesk, str]]:
    """The desk of a line with trays that mailing accepted, and where it is served."""
    url, database = fresh
    line = Line(database, tmp_path)
    packed_by_hand(line, 12)
    made = MailingDesk.of(line)
    made.set_passwords()
    served = Served(tmp_path, "test", True, bytes(32), Asking(url, str))
    app = create_desk(
        served, database, lambda renderer: [Desk(renderer, served.asking, made.here, "test", line.mailer)]
    )
    with serving(app) as address:
        yield made, address
    line.close()


@pytest.fixture
def page_of(chromium: Any, desk: tuple[MailingDesk, str]) -> Iterator[Callable[..., Any]]:
    """Makes pages in which a mailer has signed in; whatever the policy blocks or a script breaks fails the test."""
    with contexts(chromium, desk[1], expected=ADVISED, **SCREEN) as context_of:

        def make(**more: Any) -> Any:
            page = context_of(**more).new_page()
            sign_in(page, "/mailing", desk[0].by["ann"].code, PASSWORD)
            return page

        yield make


def counted(page: Any, count: int) -> None:
    """Wait until so many are counted."""
    page.wait_for_function("count => document.querySelector('[data-tally]').textContent === count", arg=str(count))


def scan(page: Any, text: str) -> None:
    """Type as a scanner does."""
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def focused(page: Any, name: str = "") -> None:
    """Wait until the page has given the focus: to the field of this name, or to anything. It does so after its load."""
    wanted = f"document.activeElement.name === '{name}'" if name else "document.activeElement !== document.body"
    page.wait_for_function(f"() => {wanted}")


def test_parcels_are_weighed_by_keyboard_alone(desk: tuple[MailingDesk, str], page_of: Any, tmp_path: Path) -> None:
    """Label, Enter, weight, Enter: the field has the focus again; the EMULATED scanner is a key."""
    made, _ = desk
    page = page_of()
    waiting = made.unweighed()
    for label, grams in waiting[:3]:
        scan(page, label)
        with page.expect_navigation():
            scan(page, str(grams))
        focused(page, "label")
    (label, grams) = waiting[3]
    scan(page, label)
    with page.expect_navigation():
        scan(page, str(grams - 6))
    assert page.locator(".reason h1").inner_text() == "Weigh it once more"
    picture_of(page, "mailing-reason", tmp_path)
    for _ in ("seen", "weighed again"):
        focused(page)
        with page.expect_navigation():
            page.keyboard.press("Enter")
    for _ in waiting[4:-2]:
        with page.expect_navigation():
            page.keyboard.press("F4")
        focused(page, "grams")
        with page.expect_navigation():
            page.keyboard.press("Enter")
    picture_of(page, "mailing-desk", tmp_path)
    assert len(made.rows("SELECT DISTINCT parcel_unit FROM mailing_weighing")) == len(waiting) - 2


def test_the_drivers_count_outlasts_its_page(desk: tuple[MailingDesk, str], page_of: Any, tmp_path: Path) -> None:
    """Each label once; loaded again it is there still, and after it was stored no more."""
    made, _ = desk
    made.weigh_all()
    made.book()
    labels = made.offered()
    page = page_of()
    page.goto("/mailing/door")
    scan(page, labels[0])
    page.click("[data-anew]")
    counted(page, 0)
    for label in (*labels, labels[0]):
        scan(page, label)
    counted(page, len(labels))
    page.goto("/mailing/manifests")
    picture_of(page, "mailing-manifests", tmp_path)
    page.goto("/mailing/door")
    counted(page, len(labels))
    page.fill("[name=code]", made.by["dan"].code)
    picture_of(page, "mailing-door", tmp_path)
    page.fill("[name=second_password]", "wrong")
    page.click(".act > button")
    assert "refused" in page.locator("#refused").inner_text()
    counted(page, len(labels))
    page.fill("[name=second_password]", PASSWORD)
    page.click(".act > button")
    page.wait_for_url("**/mailing/acts")
    made.run()
    page.wait_for_selector(f"text={len(labels)} parcels are with the carrier")
    page.goto("/mailing/door")
    counted(page, 0)


def test_a_refused_file_is_kept_in_its_form(desk: tuple[MailingDesk, str], page_of: Any, tmp_path: Path) -> None:
    """Only the passwords are typed anew."""
    made, _ = desk
    made.weigh_all()
    made.book()
    made.count(*made.offered())
    page = page_of()
    page.goto("/mailing/deliveries")
    file = tmp_path / "carrier.jsonl"
    file.write_text('{"event_id": "E1", "event": "eaten", "at": "2026-12-01T00:00:00Z"}\nnothing\n', "utf-8")
    page.set_input_files("[name=file]", str(file))
    page.fill("[name=code]", made.by["bob"].code)
    for password in ("wrong", PASSWORD):
        page.fill("[name=password]", password)
        page.fill("[name=second_password]", PASSWORD)
        page.click(".act > button")
        if password == "wrong":
            page.wait_for_selector("#refused .problem")
    page.wait_for_url("**/mailing/acts")
    made.run()
    page.wait_for_selector("text=the line is no event")
    picture_of(page, "mailing-acts", tmp_path)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_legible_in_both_languages(
    desk: tuple[MailingDesk, str], page_of: Any, tmp_path: Path, scheme: str
) -> None:
    """Contrast as WCAG asks, nothing wider than the screen, a name for every field."""
    made, _ = desk
    made.weigh_all()
    made.book()
    labels = made.offered()
    made.count(*labels)
    made.sign("receive", labels=(labels[0], labels[1]))
    made.run()
    page = page_of(color_scheme=scheme, locale="zh-CN" if scheme == "dark" else "en-GB")
    for path in ("", "/count", "/door", "/manifests", "/deliveries", "/returns", "/acts"):
        page.goto(f"/mailing{path}")
        assert page.evaluate(CONTRAST) == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        unnamed = page.evaluate(
            "[...document.querySelectorAll('main :is(input:not([type=hidden]), textarea, select)')]"
            ".filter(each => !each.labels?.length && !each.ariaLabel).length"
        )
        assert unnamed == 0, path
        picture_of(page, f"mailing{path.replace('/', '-')}-{scheme}", tmp_path)


def test_what_the_desks_own_scale_tells_appears_by_itself_and_enter_stores_it(
    desk: tuple[MailingDesk, str], fresh: tuple[str, Database], chromium: Any, tmp_path: Path
) -> None:
    made, served = desk[0], Served(tmp_path, "test", True, bytes(32), Asking(fresh[0], str))
    (label, grams), *_ = made.unweighed()

    def places(renderer: Any) -> list[Any]:
        return [Desk(renderer, served.asking, made.here, "test", made.line.mailer, scale="scale-02")]

    class Shows:
        machine = "scale-02"

        def open(self) -> str:
            return "SC-2"

        def close(self) -> None:
            pass

        def weigh(self, timeout_s: float) -> Decimal:
            return Decimal(grams)

    with (
        serving(create_desk(served, made.database, places)) as address,
        contexts(chromium, address, expected=ADVISED, **SCREEN) as context_of,
    ):
        page = context_of().new_page()
        sign_in(page, "/mailing", made.by["ann"].code, PASSWORD)
        page.keyboard.type(label)
        page.keyboard.press("Enter")
        page.wait_for_selector("#asked[data-waits]")
        own_scale.tell(made.here, KeptMachine(Shows()), None)
        page.wait_for_selector("#asked:not([data-waits])")
        assert page.evaluate(CONTRAST) == []
        picture_of(page, "mailing-scale", tmp_path)
        page.keyboard.press("Enter")
        page.wait_for_url("**/mailing")
    assert made.rows("SELECT count(ask_id) FROM mailing_weighing") == [(1,)]
