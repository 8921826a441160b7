"""The operators' desk before a real machine: what is refused keeps what was typed, what is signed is an act."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from operators_desk import KINDS, PASSWORD, OperatorsDesk
from pwdlib.hashers.argon2 import Argon2Hasher
from served import browser, serving

from flows.app import Served
from flows.desk_app import create_desk
from flows.machine_pages import MachinesDesk
from handoff_logs.asking import Asking
from stations.people_register import passwords


@pytest.fixture
def desk(shop: Any, monkeypatch: pytest.MonkeyPatch) -> OperatorsDesk:
    """The desk beside one machine, with blanks in the stock."""
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
    shop.stock("book")
    shop.start("book-01")
    made = OperatorsDesk.of(shop)
    made.set_passwords()
    return made


@pytest.fixture
def me(desk: OperatorsDesk, database_url: str, tmp_path: Path) -> Iterator[httpx.Client]:
    """A browser in which an operator has signed in."""
    served = Served(tmp_path, "test", True, bytes(32), Asking(database_url, str))
    app = create_desk(
        served,
        desk.database,
        lambda renderer: [MachinesDesk(renderer, served.asking, desk.here, KINDS, desk.shop.desk)],
    )
    with serving(app) as address, browser(address) as client:
        token = hidden(client.get("/sign-in").text, "token")
        form = {"code": desk.by["ann"].code, "password": PASSWORD, "token": token, "to": ""}
        assert client.post("/sign-in", data=form).headers["location"] == "/machines"
        yield client


def hidden(page: str, name: str) -> str:
    return str(re.findall(rf'name="{name}" value="([^"]+)"', page)[0])


def scanned(page: str) -> str:
    return str(re.findall(r"<textarea[^>]*>([^<]*)</textarea>", page)[0])


def form(page: str, **more: str) -> dict[str, str]:
    return {name: hidden(page, name) for name in ("token", "act", "kind", "subject")} | more


def test_a_machine_is_loaded_by_two_at_the_desk(desk: OperatorsDesk, me: httpx.Client) -> None:
    """By F4 and two passwords; a wrong one, or the same person twice, stores nothing and keeps what was scanned."""
    assert "Load blanks" in me.get("/machines").text
    page = me.get("/machines/act?kind=load&subject=book-01").text
    read = me.post("/machines/emulated", data=form(page)).text
    labels, bob = scanned(read), desk.by["bob"].code
    assert len(labels.split()) == 10
    sent = form(read, labels=labels, password=PASSWORD, code=bob, second_password="no")
    wrong = me.post("/machines/act", data=sent)
    assert wrong.status_code == 403 and labels.split()[0] in wrong.text and bob in wrong.text
    alone = me.post("/machines/act", data=sent | {"code": desk.by["ann"].code, "second_password": PASSWORD})
    assert alone.status_code == 409 and "another person" in alone.text
    stray = me.post("/machines/act", data=sent | {"labels": labels + "\nEZ9999999", "second_password": PASSWORD})
    assert stray.status_code == 409 and "EZ9999999" in stray.text
    assert desk.rows("SELECT count(*) FROM machine_act") == [(0,)]
    for _ in range(2):
        answer = me.post("/machines/act", data=sent | {"second_password": PASSWORD})
        assert (answer.status_code, answer.headers["location"]) == (303, "/machines?done=load.book-01")
    assert desk.run() == [{"pieces": 10}]
    assert "lay them in now" in me.get("/machines").text
    assert "lay them in now" in me.get("/machines/acts").text
    assert desk.shop.line.hands.scan("book-01:input") == sorted(labels.split())


def test_a_tray_is_counted_at_the_desk_and_never_by_a_figure(desk: OperatorsDesk, me: httpx.Client) -> None:
    """Emptied, counted, offered; a count that differs is asked for again without saying by how much."""
    desk.shop.accept_orders(8)
    [(passports,)] = desk.rows("SELECT count(*) FROM application WHERE product = 'passport'")
    desk.load("book-01", passports)
    with desk.working("book-01"):
        desk.until("SELECT count(*) FROM job WHERE outcome = 'good'", [(passports,)])
    tray, *_ = desk.ready()
    page = me.get(f"/machines/act?kind=fill&subject={tray}").text
    assert "First empty the good stack of book-01" in page
    differs = me.post("/machines/act", data=form(page, labels=desk.documents(tray)[0]))
    assert differs.status_code == 409 and "does not agree" in differs.text and 'value="as-is"' in differs.text
    assert str(len(desk.documents(tray))) not in re.findall(r"data-tally>(\d+)", page)
    taken = me.post("/machines/emulated", data=form(me.get("/machines/act?kind=collect&subject=book-01").text)).text
    assert me.post("/machines/act", data=form(taken, labels=scanned(taken))).status_code == 303
    desk.run()
    read = me.post("/machines/emulated", data=form(page)).text
    assert sorted(scanned(read).split()) == sorted(desk.documents(tray))
    assert me.post("/machines/act", data=form(read, labels=scanned(read))).status_code == 303
    [told] = desk.run()
    assert (told["pieces"], told["missing"]) == (len(scanned(read).split()), 0)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_machine_that_stands_says_why_and_what_to_do(desk: OperatorsDesk, me: httpx.Client, language: str) -> None:
    desk.shop.accept_orders(4)
    with desk.working("book-01"):
        desk.until_shown("book-01", "suspended", "no-blanks")
        said = me.get(f"/machines?lang={language}").text
    assert {"en": "It has no blanks. Load it", "zh": "缺空白证件。请装入"}[language] in said
    assert me.get("/machines/act?kind=load&subject=book-99").status_code == 404
    assert me.get("/machines/act?kind=steal&subject=book-01").status_code == 404
