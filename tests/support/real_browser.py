"""Chromium for tests of pages: whatever a page's policy blocks, or a script of it breaks, fails the test.

PASSLINE_CHROMIUM names another Chromium; PASSLINE_PICTURES a folder in which screenshots are kept, as the docs show
them.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = os.environ.get("PASSLINE_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PICTURES = os.environ.get("PASSLINE_PICTURES")
LOOK_MS = 450
"""A little more than the desks take a second press for the same."""
SAID = r"status of 4\d\d|net::ERR_|signal timed out"
"""What a browser says of a page that is as it should be: something was refused, or the server is away."""
ADVISED = SAID + r"|Autofocus processing|\[DOM\] (Password|Multiple) forms"
"""And of one in which two people sign: nobody's password is to be kept in a browser of a station."""


@contextmanager
def launched() -> Iterator[Any]:
    """Chromium with a fresh profile; skips the test where it, or playwright, is not installed."""
    if not Path(CHROMIUM).exists():
        pytest.skip(f"no Chromium at {CHROMIUM}; install it, or name it in PASSLINE_CHROMIUM")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        yield opened
        opened.close()


def listen(context: Any, said: list[str]) -> None:
    """Note what is said of all pages of a context."""
    context.on("console", lambda message: said.append(message.text))
    context.on("weberror", lambda error: said.append(str(error.error)))


def unexpected(said: Sequence[str], expected: str = SAID) -> list[str]:
    """What should not have been said; `expected`: what may be, a regular expression."""
    return [each for each in said if not re.search(expected, each)]


@contextmanager
def contexts(chromium: Any, address: str, *, expected: str = SAID, **usual: Any) -> Iterator[Callable[..., Any]]:
    """Makes browsers of a profile each, English ones, each with what is usual unless it is told otherwise."""
    opened: list[Any] = []
    said: list[str] = []

    def make(**more: Any) -> Any:
        context = chromium.new_context(base_url=address, **{"locale": "en-GB", **usual, **more})
        opened.append(context)
        listen(context, said)
        return context

    yield make
    for context in opened:
        context.close()
    heard = unexpected(said, expected)
    assert not heard, heard


def sign_in(page: Any, path: str, code: str, password: str) -> None:
    """Ask for a page, and sign in on the way to it."""
    page.goto(path)
    page.fill("[name=code]", code)
    page.fill("[name=password]", password)
    page.click("main button")
    page.wait_for_url(f"**{path}")


def picture_of(page: Any, name: str, folder: Path, **options: Any) -> None:
    """A screenshot, kept where PASSLINE_PICTURES says, else in `folder`."""
    page.screenshot(path=Path(PICTURES or folder) / f"{name}.png", **options)
