"""The board's page: who sees it and how, what it says in both languages, and what a display can't do."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from enrolled import enrol
from line_books import Books
from pwdlib.hashers.argon2 import Argon2Hasher
from served import browser, serving
from sqlalchemy import create_engine, text

from flows.app import LIVE, Served, create_app
from flows.board_page import _seal, _witness
from flows.board_watch import Kept, Now
from flows.facts import BoardFacts
from flows.sessions import IDLE_S, Sessions
from handoff_logs.asking import Asking
from handoff_logs.database import Database
from handoff_logs.errors import UnreadableDatabaseError
from stations.alarms.register import raise_alarm
from stations.people_register import displays, passwords
from stations.people_register.credentials import SignedIn
from stations.personalization.tables import MachineState

PASSWORD = "a password of everybody"
KEY = bytes(range(32))
MINUTE_US = 60_000_000


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def line_tables() -> bool:
    """The board shows the line's tables."""
    return True


@pytest.fixture
def books(database_url: str) -> Iterator[Books]:
    engine = create_engine(database_url)
    yield Books(engine)
    engine.dispose()


@pytest.fixture
def people(database: Database, monkeypatch: pytest.MonkeyPatch) -> dict[str, SignedIn]:
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
    enrolled = enrol(database, lead="lead", operator="operator", auditor="auditor", packer="packer")
    for who in enrolled.values():
        facts = {"code": who.code, "hash": passwords.hashed(PASSWORD)}
        insert = text("INSERT INTO person_password VALUES (:code, :hash, 1)")
        database.write(lambda tx, facts=facts, insert=insert: tx.execute(insert, facts))
    return enrolled


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests don't wait for a period to go by; that there is one is tested on its own."""
    monkeypatch.setattr(Kept, "_is_due", lambda _: True)


@pytest.fixture
def address(
    database: Database, database_url: str, people: Any, books: Books, clock: Clock, tmp_path: Path
) -> Iterator[str]:
    served = Served(tmp_path, "test", True, bytes(32), Asking(database_url, str), display_key=KEY)
    with serving(create_app(served, database, Sessions(clock))) as where:
        yield where


@pytest.fixture
def display(database: Database, people: dict[str, SignedIn]) -> tuple[str, str]:
    """A display's id and token."""
    made, token = displays.make(database, KEY, people["lead"], "hall-1", emulated=True)
    return made.display_id, token


def signed_in(client: httpx.Client, who: SignedIn) -> httpx.Response:
    token = re.findall(r'name="token" value="([^"]+)"', client.get("/sign-in").text)[0]
    return client.post("/sign-in", data={"code": who.code, "password": PASSWORD, "token": token, "to": "/board"})


@contextmanager
def wall_screen(address: str, token: str) -> Iterator[httpx.Client]:
    with browser(address) as client:
        answer = client.post("/board/display", data={"token": token})
        assert (answer.status_code, answer.headers["location"]) == (303, "/board")
        yield client


def test_nobody_sees_the_board_who_is_neither_signed_in_nor_a_display(address: str, people: Any) -> None:
    with browser(address) as client:
        answer = client.get("/board")
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?to=%2Fboard")
        assert signed_in(client, people["packer"]).status_code == 403
        client.cookies.set("passline_display", "0000abcd." + "x" * 43, path="/board")
        answer = client.get("/board")
        assert (answer.status_code, answer.headers["location"]) == (303, "/board/display?why=ended")


@pytest.mark.parametrize("role", ["lead", "operator", "auditor", "administrator"])
def test_whoever_may_see_the_alarms_sees_the_board(address: str, people: Any, role: str) -> None:
    with browser(address) as client:
        assert signed_in(client, people[role]).headers["location"] == "/board"
        page = client.get("/board").text
        assert people[role].code in page and 'href="/board"' in page and 'aria-current="page">Board' in page


def test_a_display_sees_the_board_and_nothing_else(address: str, display: tuple[str, str]) -> None:
    with wall_screen(address, display[1]) as client:
        page = client.get("/board")
        assert page.status_code == 200 and "Sign out" not in page.text and "<nav" not in page.text
        for path in ("/", "/alarms", "/stations", "/integrity", "/questions/state", "/custody?number=E1"):
            assert client.get(path).headers["location"].startswith("/sign-in"), path
        assert client.post("/board").status_code == 405
        assert client.post("/alarms/1/acknowledge", data={"token": "x"}).status_code == 303


def test_a_displays_cookie_goes_to_the_board_alone_and_to_no_script(address: str, display: tuple[str, str]) -> None:
    with browser(address) as client:
        cookie = client.post("/board/display", data={"token": display[1]}).headers["set-cookie"].lower()
    for part in ("path=/board", "httponly", "samesite=strict", "max-age=31"):
        assert part in cookie


def test_a_revoked_display_shows_nothing_any_more(
    address: str, display: tuple[str, str], database: Database, people: dict[str, SignedIn]
) -> None:
    with wall_screen(address, display[1]) as client:
        displays.revoke(database, people["lead"], display[0], emulated=True)
        answer = client.get("/board", headers={LIVE: "1"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/board/display?why=ended")
        assert "revoked or has run out" in client.get(answer.headers["location"]).text
        assert client.post("/board/display", data={"token": display[1]}).status_code == 403


def test_a_wrong_token_is_an_event_without_what_was_typed_and_may_be_tried_only_so_often(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.sessions.ATTEMPTS", 2)
    with browser(address) as client, structlog.testing.capture_logs() as events:
        for status in (403, 403, 429):
            answer = client.post("/board/display", data={"token": "typed here"})
            assert answer.status_code == status and "typed here" not in answer.text
    assert [(each["event"], each["host"]) for each in events] == [("display_refused", "127.0.0.1")] * 2
    assert "typed" not in str(events)


def test_a_page_that_refreshes_itself_keeps_nobody_signed_in(
    address: str, people: dict[str, SignedIn], clock: Clock
) -> None:
    with browser(address) as client:
        signed_in(client, people["lead"])
        for path in ("/board", "/alarms"):
            clock.now_s += IDLE_S / 2
            assert client.get(path, headers={LIVE: "1"}).status_code == 200
        clock.now_s += 1
        assert client.get("/board", headers={LIVE: "1"}).status_code == 303


def test_the_board_says_what_the_line_does(
    address: str, display: tuple[str, str], books: Books, database: Database
) -> None:
    now_us = time.time_ns() // 1_000
    books.shift("day", now_us - 90 * MINUTE_US)
    books.put(MachineState, machine="book-01", state="held", reason="jam", since_us=now_us, emulated=True)
    books.put(MachineState, machine="card-01", state="suspended", reason="no-blanks", since_us=now_us, emulated=True)
    books.offer("qc", 12, offered_us=now_us - 5 * MINUTE_US)
    books.made("book-01", 7, now_us - MINUTE_US)
    books.taken_away(31, now_us - MINUTE_US)
    order = "0" * 31 + "1"
    books.unit("order", "held", "review", unit=order, since_us=now_us)
    late = {"order_unit": order, "deadline_us": now_us - 1, "service_class": "emergency", "priority": 0}
    books.application("waiting", **late)
    database.write(lambda tx: raise_alarm(tx, "machine-held", "book-01", emulated=True))
    with wall_screen(address, display[1]) as client:
        page = re.sub(r"<[^>]+>|\s+", " ", client.get("/board").text)
        chinese = client.get("/board?lang=zh").text
    page = re.sub(r" +", " ", page)
    for said in (
        "✓ Shift day", "by e-lead-1", "since the shift began", "QC 12 0 0", "5 min", "Mailing 0 0 31",
        "1 ■ overdue emergency 1 · expedited 0 · normal 0",
        "0 ▲ late", "? △ will be late no station", "book-01", "■ held", "◐ suspended no blanks · 0 s",
        "▲ urgent Machine held book-01", "○ open operator", "EMULATED", "7 31",
    ):  # fmt: skip
        assert said.lower() in page.lower(), said
    for said in ("班次 day", "质检", "■</span> 停机", "缺空白证件", "设备停机", "绿色通道", "模拟", "已寄出", "操作员"):
        assert said in chinese, said


SECOND_US, NOW_US = 1_000_000, 1_790_000_000_000_000


@pytest.mark.parametrize(
    ("unsealed", "age_s", "size", "look"),
    [(0, 0, 7, "good"), (0, 0, None, "end"), (3, 4, 7, "good"), (3, 6, 7, "wait"), (3, 16, 7, "bad")],
)
def test_the_sealers_heart_beat_is_judged_by_the_oldest_record_without_a_seal(
    unsealed: int, age_s: int, size: int | None, look: str
) -> None:
    seals = {"unsealed": unsealed, "oldest_us": NOW_US - age_s * SECOND_US, "size": size, "cosigned_s": None}
    now = Now(BoardFacts(NOW_US, True), None, seals, 0)
    assert _seal(now).look == look and _witness(now, 90.0) is None


@pytest.mark.parametrize(("age_s", "silent_s", "look"), [(80, 90.0, "good"), (100, 90.0, "bad"), (100, None, "good")])
def test_a_witness_that_is_silent_is_seen(age_s: int, silent_s: float | None, look: str) -> None:
    cosigned = {"unsealed": 0, "oldest_us": None, "size": 7, "cosigned_s": NOW_US // SECOND_US - age_s}
    witness = _witness(Now(BoardFacts(NOW_US, True), None, cosigned, 0), silent_s)
    assert witness is not None and witness.look == look


def test_no_number_of_a_document_a_blank_or_an_application_is_on_the_board(
    address: str, display: tuple[str, str], books: Books
) -> None:
    books.put(MachineState, machine="book-01", state="execute", since_us=1, emulated=True)
    books.job("book-01", "FED", "PREPARED", "STARTING")
    with books.engine.begin() as tx:
        (serial, number, application), *_ = tx.execute(
            text("SELECT blank_serial, document_number, application_id FROM job")
        ).all()
    with wall_screen(address, display[1]) as client:
        page = client.get("/board").text
    assert "book-01" in page
    assert not [each for each in (serial, number, application) if each in page]


def test_figures_that_can_not_be_asked_anew_are_not_shown_as_live(
    address: str, display: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with wall_screen(address, display[1]) as client:
        assert 'class="is-old"' not in client.get("/board").text

        def gone(_self: object) -> Any:
            raise UnreadableDatabaseError("gone")

        monkeypatch.setattr(Asking, "lend", gone)
        monkeypatch.setattr("flows.board_watch.OLD_S", 0.0)
        monkeypatch.setattr("flows.board_page.OLD_S", 0.0)
        page = client.get("/board").text
        assert 'class="is-old"' in page and "NOT LIVE" in page


def test_a_board_that_never_had_figures_says_so_and_asks_again_by_itself(
    address: str, people: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_self: object) -> Any:
        raise UnreadableDatabaseError("gone")

    with browser(address) as client:
        signed_in(client, people["lead"])
        monkeypatch.setattr(Asking, "lend", gone)
        answer = client.get("/board")
    assert answer.status_code == 503 and "be read now" in answer.text and answer.headers["refresh"] == "8"


def test_a_hostile_subject_is_text(address: str, display: tuple[str, str], books: Books) -> None:
    books.put(MachineState, machine="<img src=x>", state="held", reason="<script>1", since_us=1, emulated=True)
    with wall_screen(address, display[1]) as client:
        page = client.get("/board").text
    assert "<img" not in page and "<script>1" not in page and "&lt;img src=x&gt;" in page


def test_a_chosen_theme_is_kept_for_the_board_alone(address: str, display: tuple[str, str]) -> None:
    with wall_screen(address, display[1]) as client:
        assert "data-theme" not in client.get("/board").text
        answer = client.get("/board?theme=dark")
        assert 'data-theme="dark"' in answer.text and "Path=/board" in answer.headers["set-cookie"]
        assert 'data-theme="dark"' in client.get("/board").text and "data-theme" not in client.get("/sign-in").text
        assert 'data-theme="light"' in client.get("/board?theme=light").text
        assert "data-theme" not in client.get("/board?theme=auto").text
        assert "data-theme" not in client.get("/board?theme=<x>").text


def test_the_alarms_refresh_themselves(address: str, people: dict[str, SignedIn], database: Database) -> None:
    with browser(address) as client:
        signed_in(client, people["lead"])
        page = client.get("/alarms?all=1").text
        assert 'data-live="/alarms?all=1"' in page and 'src="/static/live.js"' in page


def test_what_is_served_of_others_is_what_its_note_says() -> None:
    from hashlib import sha256

    from handoff_logs.pages.rendering import HOME

    folder = HOME / "static" / "uplot"
    note = dict(re.findall(r"\| (\S+) \| `([0-9a-f]{64})` \|", (folder / "README.md").read_text("utf-8")))
    files = {each.name: sha256(each.read_bytes()).hexdigest() for each in folder.iterdir() if each.name != "README.md"}
    assert note == files and "LICENSE" in files
