"""The pages of the shifts: for whoever may ask the log, in both languages; the paper is handed out, and recorded."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from enrolled import enrol
from pwdlib.hashers.argon2 import Argon2Hasher
from served import browser, serving
from small_shift import ONE, plan, scanned
from sqlalchemy import text

from flows.app import Served, create_app
from flows.default_line import write_default
from flows.run_folder import RunFolder
from handoff_logs.asking import Asking
from handoff_logs.database import Database
from stations.people import emulated_roster
from stations.people_register import passwords
from stations.people_register.credentials import SignedIn
from stations.personal import PersonalData
from stations.shift import station
from stations.vault import receiving
from stations.vault.receiving import Delivery
from stations.workplace import Workplace

PASSWORD = "a password of everybody"
BOOKS = tuple(f"EA{number:07d}" for number in range(1, 6))


@pytest.fixture
def line_tables() -> bool:
    """Shifts and people are in the line's tables."""
    return True


@pytest.fixture
def people(database: Database, monkeypatch: pytest.MonkeyPatch) -> dict[str, SignedIn]:
    """Who may look, and who may not."""
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
    enrolled = enrol(database, lead="lead", auditor="auditor", keeper="keeper")
    for who in enrolled.values():
        facts = {"code": who.code, "hash": passwords.hashed(PASSWORD)}
        insert = text("INSERT INTO person_password VALUES (:code, :hash, 1)")
        database.write(lambda tx, facts=facts, insert=insert: tx.execute(insert, facts))
    return enrolled


@pytest.fixture
def shifts(database: Database, tmp_path: Path) -> dict[str, str]:
    """A shift that was closed, and one that is open; their ids by name."""
    roster = emulated_roster("early")
    personal = PersonalData.create(tmp_path / "keys")
    vault = Workplace(database, "vault", "early", roster["vault"].codes, True, personal)
    receiving.receive(vault, Delivery("book", BOOKS[0], BOOKS[-1], len(BOOKS), "DN-1"))
    early = station.open_shift(database, plan(), scanned(*BOOKS), ONE)
    receiving.receive(vault, Delivery("book", "EB0000001", "EB0000002", 2, "DN-2"))
    station.close_shift(database, scanned(*BOOKS, "EB0000001", "EB0000002"), ONE)
    late = station.open_shift(database, plan("late"), scanned(*BOOKS, "EB0000001", "EB0000002"), ONE)
    return {"early": str(early.shift_id), "late": str(late.shift_id)}


@pytest.fixture
def address(
    database: Database, database_url: str, people: Any, shifts: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    monkeypatch.setenv("PASSLINE_DATABASE__URL", database_url)
    folder = RunFolder(tmp_path / "line")
    write_default(folder)
    served = Served(folder.path, "demo", True, bytes(32), Asking(database_url, str))
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


def test_a_lead_finds_a_shift_its_report_and_its_paper(
    address: str, people: dict[str, SignedIn], shifts: dict[str, str], database: Database
) -> None:
    """And each of them is recorded as looked up."""
    with opened(address, people["lead"]) as client:
        page = client.get("/shifts").text
        assert page.index(shifts["late"]) < page.index(shifts["early"])
        report = client.get(f"/shifts/{shifts['early']}")
        assert report.status_code == 200 and "EMULATED" in report.text and "e-lead-1" in report.text
        [received] = re.findall(r"<td>books</td><td><a [^>]*>vault</a></td>(.*?)</tr>", report.text, re.DOTALL)[:1]
        assert re.findall(r'class="count">(\d+)', received) == ["5", "2", "0", "0", "0", "0", "0", "7", "0"]
        paper = client.get(f"/shifts/{shifts['early']}/report.pdf")
        assert paper.content.startswith(b"%PDF-1.7") and paper.headers["content-type"] == "application/pdf"
        assert f"shift-early-{shifts['early']}.pdf" in paper.headers["content-disposition"]
    with database.read() as connection:
        asked = connection.execute(text("SELECT question, reader FROM audit_lookup ORDER BY seq")).all()
    code = people["lead"].code
    assert [tuple(row) for row in asked] == [
        ("shift-list", code),
        ("shift-report", code),
        ("export shift-report pdf", code),
    ]


@pytest.mark.parametrize("path", ["/shifts", "/shifts/{early}", "/shifts/{early}/report.pdf"])
def test_who_is_not_signed_in_or_of_another_role_sees_nothing(
    address: str, people: dict[str, SignedIn], shifts: dict[str, str], path: str
) -> None:
    with browser(address) as client:
        answer = client.get(path.format(**shifts))
        assert answer.status_code == 303 and answer.headers["location"].startswith("/sign-in")
    with opened(address, people["keeper"]) as client:
        answer = client.get(path.format(**shifts))
    assert answer.status_code == 403 and "e-lead-1" not in answer.text and b"%PDF" not in answer.content


def test_the_page_of_an_open_shift_is_blind(address: str, people: dict[str, SignedIn], shifts: dict[str, str]) -> None:
    """Rule 3: nothing says how many blanks the next count must find."""
    with opened(address, people["auditor"]) as client:
        page = client.get(f"/shifts/{shifts['late']}").text
        paper = client.get(f"/shifts/{shifts['late']}/report.pdf").content
    assert "the count at its close is blind" in page
    for words in ("Carried over", "carried over", "Still here", "still here", "Counted by two people"):
        assert words not in page
    assert paper.startswith(b"%PDF")


@pytest.mark.parametrize(
    "path",
    ["/shifts/" + "f" * 32, "/shifts/x", "/shifts/..%2F..%2Fline.toml", "/shifts/x/report.pdf", "/shifts?before=x",
     "/shifts?before=" + "9" * 17, "/shifts/" + "f" * 32 + "/report.pdf"],
)  # fmt: skip
def test_what_is_no_shift_is_a_page_that_says_so(address: str, people: dict[str, SignedIn], path: str) -> None:
    with opened(address, people["lead"]) as client:
        answer = client.get(path)
    assert answer.status_code == 404 and "<html" in answer.text


def test_what_stood_long_ago_is_left_to_the_paper_and_the_command(
    address: str, people: dict[str, SignedIn], shifts: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless it was kept with the close; a page keeps nobody waiting, and shows no zeros instead."""
    monkeypatch.setattr("flows.shift_report.LONG_US", -1)
    with opened(address, people["lead"]) as client:
        assert 'aria-labelledby="balance"' in client.get(f"/shifts/{shifts['early']}").text
        monkeypatch.setattr("stations.shift.stood.kept", lambda _reading, _shift_id: None)
        page = client.get(f"/shifts/{shifts['early']}").text
        assert "The shift was closed long ago" in page and 'aria-labelledby="balance"' not in page
        assert "Counted by two people" in page
        assert client.get(f"/shifts/{shifts['early']}/report.pdf").content.startswith(b"%PDF")
        assert "The shift was closed long ago" not in client.get(f"/shifts/{shifts['late']}").text


def test_nothing_of_the_shifts_takes_a_post(address: str, people: dict[str, SignedIn], shifts: dict[str, str]) -> None:
    with opened(address, people["lead"]) as client:
        for path in ("/shifts", f"/shifts/{shifts['early']}", f"/shifts/{shifts['early']}/report.pdf"):
            assert client.post(path).status_code == 405


def test_a_day_of_the_log_is_still_where_its_addresses_led(address: str, people: dict[str, SignedIn]) -> None:
    """Permalinks of before, and the link on the list."""
    with opened(address, people["lead"]) as client:
        answer = client.get("/shifts?day=2026-11-25&lang=zh")
        assert (answer.status_code, answer.headers["location"]) == (303, "/day?day=2026-11-25&lang=zh")
        assert "2026-11-25" in client.get(answer.headers["location"]).text
        assert 'href="/day"' in client.get("/shifts").text
        assert client.get("/day").text.count('href="/day?day=') == 2


def test_earlier_shifts_are_on_further_pages(
    address: str, people: dict[str, SignedIn], shifts: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.shift_pages.ROWS", 1)
    with opened(address, people["lead"]) as client:
        first = client.get("/shifts").text
        assert shifts["late"] in first and shifts["early"] not in first
        [more] = re.findall(r'href="(/shifts\?before=\d+)"', first)
        second = client.get(more).text
    assert shifts["early"] in second and shifts["late"] not in second and "Earlier ones" not in second


def test_the_report_is_told_in_chinese(address: str, people: dict[str, SignedIn], shifts: dict[str, str]) -> None:
    with opened(address, people["lead"]) as client:
        page = client.get(f"/shifts/{shifts['early']}?lang=zh").text
        listed = client.get("/shifts?lang=zh").text
    for word in ("班次 early 的报告", "空白证件平衡", "两人盲点", "保管库", "护照本", "日志尚未封存交班记录"):
        assert word in page
    for english in ("Balance", "Counted", "vault<", "books<", "Review", "Machines", "balanced"):
        assert english not in page
    assert "未交班" in listed and "still open" not in listed
