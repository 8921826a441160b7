"""The page of the climate: the air of each zone drawn by the server alone, on both databases, in both languages."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import a_day_of_air
import httpx
import pytest
from enrolled import enrol
from pwdlib.hashers.argon2 import Argon2Hasher
from served import browser, serving
from sqlalchemy import text

from flows.app import Served, create_app
from handoff_logs.asking import Asking
from handoff_logs.database import Database
from stations.people_register import passwords
from stations.people_register.credentials import SignedIn

PASSWORD = "a password of everybody"


@pytest.fixture
def line_tables() -> bool:
    """The climate and people are in the line's tables."""
    return True


@pytest.fixture
def people(database: Database, monkeypatch: pytest.MonkeyPatch) -> dict[str, SignedIn]:
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
    enrolled = enrol(database, operator="operator", lead="lead", reviewer="reviewer")
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


@contextmanager
def opened(address: str, who: SignedIn) -> Iterator[httpx.Client]:
    """A browser in which somebody has signed in."""
    with browser(address) as client:
        token = re.findall(r'name="token" value="([^"]+)"', client.get("/sign-in").text)[0]
        form = {"code": who.code, "password": PASSWORD, "token": token, "to": ""}
        assert client.post("/sign-in", data=form).status_code == 303
        yield client


def charts(page: str) -> list[ElementTree.Element]:
    """The pictures: whatever else a page is, they are well-formed."""
    found = re.findall(r'<svg viewBox="0 0 1000 .*?</svg>', page, re.DOTALL)
    return [ElementTree.fromstring(each) for each in found]


def classes(chart: ElementTree.Element) -> list[str]:
    return [each.get("class", "") for each in chart]


def test_limits_readings_excursions_and_suspensions_are_drawn(
    database: Database, people: dict[str, SignedIn], address: str
) -> None:
    a_day_of_air.tell(database, people["lead"], minutes=1100)
    with opened(address, people["operator"]) as client:
        page = client.get("/climate").text
    assert "EMULATED" in page
    temperature, humidity, particles = charts(page)
    assert classes(temperature).count("limit") == 2 * 2, "a line and a label each"
    assert classes(particles).count("limit") == 2
    assert {"trace trace0", "trace trace1", "band trace0"} <= set(classes(temperature))
    assert "outside" in classes(temperature) and "suspended" in classes(humidity)
    assert re.search(r"core</span>.*within its limits", page)
    assert "cooling-repaired" in page and people["lead"].code in page
    assert "style=" not in page and "<script>" not in page


def test_a_suspended_zone_says_so_and_what_to_do(database: Database, people: dict[str, SignedIn], address: str) -> None:
    a_day_of_air.tell(database, people["lead"], minutes=600, suspended_now=True)
    with opened(address, people["lead"]) as client:
        english = client.get("/climate?hours=6").text
        chinese = client.get("/climate?hours=168&lang=zh").text
    assert "passline climate resume core" in english
    assert "Suspended: its machines draw nothing since" in english and "book-01 card-01" in english
    assert "已暂停：设备停止投料，自" in chinese and "<h1>环境监测</h1>" in chinese
    assert len(charts(chinese)) == 3


def test_a_line_without_zones_has_a_page(people: dict[str, SignedIn], address: str) -> None:
    with opened(address, people["operator"]) as client:
        page = client.get("/climate?hours=-1%27").text
    assert "No zone is watched" in page
    assert 'aria-current="true">last 24 hours' in page


def test_only_who_may_see_alarms_sees_the_climate(people: dict[str, SignedIn], address: str) -> None:
    with browser(address) as client:
        assert client.get("/climate").headers["location"] == "/sign-in?to=%2Fclimate"
    with browser(address) as client:
        token = re.findall(r'name="token" value="([^"]+)"', client.get("/sign-in").text)[0]
        form = {"code": people["reviewer"].code, "password": PASSWORD, "token": token, "to": ""}
        assert client.post("/sign-in", data=form).status_code == 403
