"""Off to an issuer of another site and back in a real browser, whose rules for cookies no other client has."""

import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from enrolled import enrol
from openid_provider import CLIENT, SECRET, Provider, provider
from served import serving

from flows.app import Served, create_app
from flows.issuer import Issuer
from flows.issuer_pages import BACK
from flows.settings import OidcSettings
from handoff_logs.asking import Asking
from handoff_logs.database import Database

WANTED = "/questions/lookups?limit=50"


@pytest.fixture(scope="module")
def centre(
    tmp_path_factory: pytest.TempPathFactory, sqlite_templates: Callable[[bool], Path]
) -> Iterator[tuple[str, Provider]]:
    """The pages on one site and the issuer on another: 127.0.0.1 and localhost are two, whatever their ports."""
    folder = tmp_path_factory.mktemp("line")
    url = f"sqlite:///{shutil.copyfile(sqlite_templates(True), folder / 'passline.db')}"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    address = f"http://127.0.0.1:{port}"
    with Database(url) as database, provider(address + BACK, "localhost") as running:
        enrol(database, auditor="auditor")
        asked = OidcSettings(issuer=running.address, client_id=CLIENT, claim="staff", address=address)
        issuer = Issuer(asked, SECRET, address + BACK)
        served = Served(folder, "test", True, bytes(32), Asking(url, str), issuer=issuer)
        with serving(create_app(served, database), port):
            yield address, running


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_a_browser_comes_back_from_another_site_to_the_page_it_wanted(
    centre: tuple[str, Provider], chromium: Any, scripts: bool
) -> None:
    address, running = centre
    running.be(asks=True)
    page = chromium.new_context(java_script_enabled=scripts).new_page()
    page.goto(address + WANTED)
    page.get_by_role("link", name="to read").click()
    page.get_by_role("button", name="It is I").click()
    page.wait_for_url(address + WANTED)
    assert "p-0011" in page.locator(".who").inner_text() and "to read" in page.locator(".who").inner_text()
    page.get_by_role("button", name="Sign out").click()
    page.goto(address + WANTED)
    assert "/sign-in?" in page.url
    # An answer that nobody here went for opens nothing.
    page.goto(address + BACK + "?code=x&state=y")
    assert "not begun in this browser" in page.locator("main").inner_text()
