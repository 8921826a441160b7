"""The page of alarms: in both languages, taken by whoever may with a form of their own session; nothing in it runs."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from enrolled import end, enrol
from pwdlib.hashers.argon2 import Argon2Hasher
from served import browser, serving
from sqlalchemy import text

from flows.app import Served, create_app
from handoff_logs.asking import Asking
from handoff_logs.database import Database
from stations.alarms.register import clear, raise_alarm
from stations.people_register import passwords
from stations.people_register.credentials import SignedIn

PASSWORD = "a password of everybody"


@pytest.fixture
def line_tables() -> bool:
    """Alarms and people are in the line's tables."""
    return True


@pytest.fixture
def people(database: Database, monkeypatch: pytest.MonkeyPatch) -> dict[str, SignedIn]:
    """Who may take what."""
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
    enrolled = enrol(database, operator="operator", keeper="keeper", lead="lead", auditor="auditor")
    for who in enrolled.values():
        facts = {"code": who.code, "hash": passwords.hashed(PASSWORD)}
        insert = text("INSERT INTO person_password VALUES (:code, :hash, 1)")
        database.write(lambda tx, facts=facts, insert=insert: tx.execute(insert, facts))
    return enrolled


@pytest.fixture
def address(database: Database, database_url: str, people: Any, tmp_path: Path) -> Iterator[str]:
    served = Served(tmp_path, "test", True, bytes(32), Asking(database_url, str))
    with serving(create_app(served, database)) as where:
        yield where


@pytest.fixture
def held(database: Database) -> int:
    """A machine is held."""
    return database.write(lambda tx: raise_alarm(tx, "machine-held", "book-01", emulated=True)).alarm_id


def token_of(page: httpx.Response) -> str:
    return re.findall(r'name="token" value="([^"]+)"', page.text)[0]


@contextmanager
def opened(address: str, who: SignedIn) -> Iterator[httpx.Client]:
    """A browser in which somebody has signed in."""
    with browser(address) as client:
        form = {"code": who.code, "password": PASSWORD, "token": token_of(client.get("/sign-in")), "to": ""}
        assert client.post("/sign-in", data=form).status_code == 303
        yield client


def take(client: httpx.Client, alarm: object) -> httpx.Response:
    return client.post(f"/alarms/{alarm}/acknowledge", data={"token": token_of(client.get("/alarms"))})


def taken(database: Database) -> list[tuple[Any, ...]]:
    with database.read() as connection:
        query = "SELECT alarm_id, person FROM alarm_step WHERE step = 'acknowledged' ORDER BY alarm_id"
        return [tuple(row) for row in connection.execute(text(query))]


def test_an_alarm_is_taken_by_whoever_it_is_of(
    address: str, held: int, people: dict[str, SignedIn], database: Database
) -> None:
    with opened(address, people["operator"]) as client:
        page = client.get("/alarms").text
        assert "Machine held" in page and "book-01" in page and "urgent" in page and "EMULATED" in page
        assert f"Take alarm {held}" in page
        answer = take(client, held)
        assert (answer.status_code, answer.headers["location"]) == (303, "/alarms")
        page = client.get("/alarms").text
        assert people["operator"].code in page and f"Take alarm {held}" not in page
    assert taken(database) == [(held, people["operator"].code)]
    with database.read() as connection:
        query = "SELECT a.code FROM alarm_step s JOIN sign_in_attempt a ON a.attempt_id = s.sign_in"
        assert connection.execute(text(query)).scalars().all() == [people["operator"].code]


def test_the_second_who_takes_it_is_told_who_was_first(
    address: str, held: int, people: dict[str, SignedIn], database: Database
) -> None:
    with opened(address, people["operator"]) as first, opened(address, people["lead"]) as second:
        token = token_of(second.get("/alarms"))
        take(first, held)
        answer = second.post(f"/alarms/{held}/acknowledge", data={"token": token})
    assert answer.status_code == 409 and f"{people['operator'].code} took alarm {held}" in answer.text
    assert taken(database) == [(held, people["operator"].code)]


@pytest.mark.parametrize("role", ["keeper", "auditor", "administrator"])
def test_others_see_it_and_can_not_take_it(
    address: str, held: int, people: dict[str, SignedIn], database: Database, role: str
) -> None:
    with opened(address, people[role]) as client:
        page = client.get("/alarms")
        assert "Machine held" in page.text and "/acknowledge" not in page.text
        answer = take(client, held)
    assert answer.status_code == 403 and "another role" in answer.text
    assert taken(database) == []


@pytest.mark.parametrize("token", ["", "wrong", "é"])
def test_a_form_from_elsewhere_takes_nothing(
    address: str, held: int, people: dict[str, SignedIn], database: Database, token: str
) -> None:
    with opened(address, people["operator"]) as client:
        answer = client.post(f"/alarms/{held}/acknowledge", data={"token": token})
    assert answer.status_code == 403 and "came from elsewhere" in answer.text
    assert taken(database) == []


def test_whoever_has_ended_takes_nothing_in_a_session_that_is_still_open(
    address: str, held: int, people: dict[str, SignedIn], database: Database
) -> None:
    with opened(address, people["operator"]) as client:
        token = token_of(client.get("/alarms"))
        end(database, people["operator"].code)
        assert client.post(f"/alarms/{held}/acknowledge", data={"token": token}).status_code == 303
    assert taken(database) == []


@pytest.mark.parametrize(("alarm", "status"), [("999", 404), ("x", 404), ("-1", 404), ("9" * 19, 404), ("٣", 404)])
def test_an_alarm_that_is_none_is_a_page_that_says_so(
    address: str, people: dict[str, SignedIn], alarm: str, status: int
) -> None:
    with opened(address, people["operator"]) as client:
        answer = take(client, alarm)
    assert answer.status_code == status and "<html" in answer.text


def test_what_is_over_is_shown_when_asked_for_and_can_not_be_taken(
    address: str, held: int, people: dict[str, SignedIn], database: Database
) -> None:
    database.write(lambda tx: clear(tx, "machine-held", "book-01"))
    with opened(address, people["lead"]) as client:
        assert "No alarm is open" in client.get("/alarms").text
        assert "book-01" in client.get("/alarms?all=1").text
        answer = take(client, held)
    assert answer.status_code == 409 and "over since" in answer.text


def test_a_hostile_subject_is_text(address: str, people: dict[str, SignedIn], database: Database) -> None:
    """The register refuses it; this one came from whoever holds the database."""
    for alarm, (kind, subject) in enumerate(
        (("<b>kind", "<script>alert(1)</script>"), ("climate", "'\"><img src=x>")), 1
    ):
        insert = (
            "INSERT INTO alarm (alarm_id, kind, subject, seen, raised_us, emulated)"
            " VALUES (:alarm, :kind, :subject, 1, 1, true)"
        )
        facts = {"alarm": alarm, "kind": kind, "subject": subject}
        database.write(lambda tx, insert=insert, facts=facts: tx.execute(text(insert), facts))
    with opened(address, people["lead"]) as client:
        page = client.get("/alarms").text
    assert "<script>alert" not in page and "<img" not in page and "<b>kind" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page and "&lt;b&gt;kind" in page


def test_the_page_is_told_in_chinese(address: str, held: int, people: dict[str, SignedIn]) -> None:
    with opened(address, people["operator"]) as client:
        page = client.get("/alarms?lang=zh").text
    for word in ("警报", "设备停机", "紧急", "未确认", "操作员", "我来处理"):
        assert word in page
    for english in ("Machine held", "urgent", "I see to it", "Look again", "operator"):
        assert english not in page
