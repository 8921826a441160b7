"""The casebook's pages: for its readers alone; a case is written once, of one's own verdict, and is nobody's."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from review_served import review_desk
from served import browser, serving
from small_desk import PASSWORD, Desk
from small_line import Line

from handoff_logs.database import Database
from stations.by import By
from stations.casebook import station
from stations.casebook.rules import CaughtAt
from stations.casebook.station import Told, fresh_id
from stations.intake.generator.defects import Shares
from stations.people_register import passwords
from stations.people_register.credentials import SignedIn
from stations.review.rules import Thresholds


@pytest.fixture
def line_tables() -> bool:
    """The book is in the line's tables."""
    return True


@pytest.fixture
def desk(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A desk with two applications that have something wrong."""
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
    line = Line(database, tmp_path, shares=Shares(intake_defects=0.0, review_defects=1.0))
    made = Desk.of(line)
    made.set_passwords()
    made.accept(2)
    yield made
    line.close()


@pytest.fixture
def address(desk: Desk, database_url: str, tmp_path: Path) -> Iterator[str]:
    with serving(review_desk(tmp_path, database_url, desk.here)) as where:
        yield where


@contextmanager
def opened(address: str, code: str) -> Iterator[Any]:
    """A browser in which somebody has signed in; `token` is what their forms bear."""
    with browser(address) as client:
        token = re.findall(r'name="token" value="([^"]+)"', client.get("/sign-in").text)[0]
        answer = client.post("/sign-in", data={"code": code, "password": PASSWORD, "token": token, "to": ""})
        page = client.get(answer.headers["location"]).text
        client.token = re.findall(r'name="token" value="([^"]+)"', page)[0]  # type: ignore[attr-defined]
        yield client


def decided(client: Any, *reasons: str) -> str:
    """Look at the first application in hand and return it; the verdict's id."""
    lease = client.post("/review/take", data={"token": client.token}).json()["held"][0]
    for path in ("case/{}", "picture/{}/photo", "picture/{}/signature"):
        client.get("/review/" + path.format(lease["lease"]))
    decision = fresh_id()
    facts = {name: str(lease[name]) for name in ("lease", "revision", "round")}
    facts |= {"token": client.token, "decision": decision, "outcome": "return", "reasons": " ".join(reasons)}
    assert client.post("/review/verdict", data=facts).status_code == 200
    return decision


def case_of(client: Any, decision: str, **more: str) -> dict[str, str]:
    usual = {"token": client.token, "case": fresh_id(), "decision": decision, "reason": "photo_ears_hair"}
    return usual | {"region": "left_ear", "words": "hair over it"} | more


def test_the_case_of_a_verdict_is_written_once_and_found_by_everybody_of_the_book(address: str, desk: Desk) -> None:
    with opened(address, "p-0011") as ann, opened(address, "p-0014") as lead:
        decision = decided(ann, "photo_ears_hair", "signature_characters")
        case = case_of(ann, decision)
        assert ann.post("/casebook/write", data=case).json()["news"] is True
        assert ann.post("/casebook/write", data=case).json()["news"] is False
        for client in (ann, lead):
            found = client.get("/casebook?item=photo_ears&since=2020-01-01").text
            assert found.count('class="piece"') == 1 and "hair over it" in found
            assert 'class="piece"' not in client.get("/casebook?item=photo_eyes").text
            assert "hair over it" in client.get(f"/casebook/case/{case['case']}").text
            picture = client.get(f"/casebook/picture/{case['case']}")
            assert picture.headers["content-type"] == "image/png" and len(picture.content) < 3_000
            assert picture.headers["cache-control"] == "no-store"
            assert 'data-count="1"' in client.get("/casebook/today").text
        for path in ("/casebook/case/x", f"/casebook/picture/{fresh_id()}"):
            assert ann.get(path).status_code == 404


def test_what_is_no_case_of_ones_own_verdict_is_refused_in_words_that_repeat_nothing(address: str, desk: Desk) -> None:
    with opened(address, "p-0011") as ann, opened(address, "p-0012") as bob:
        decision = decided(ann, "photo_ears_hair", "signature_characters")
        for wrong, status in (
            ({"words": "call 13812345678"}, 400),
            ({"region": "left_eye"}, 400),
            ({"region": "face"}, 400),
            ({"reason": "photo_eyes"}, 400),
            ({"reason": "x"}, 400),
            ({"case": "1"}, 400),
            ({"decision": fresh_id()}, 404),
            ({"reason": "signature_characters", "region": "", "place": "1", "taken_for": "哓朋"}, 400),
            ({"token": ""}, 403),
        ):
            answer = ann.post("/casebook/write", data=case_of(ann, decision) | wrong)
            assert answer.status_code == status, wrong
            assert answer.json()["said"] and "13812345678" not in answer.text
        assert bob.post("/casebook/write", data=case_of(bob, decision)).status_code == 404
    assert desk.rows("SELECT count(*) FROM casebook_entry") == [(0,)]


def test_cases_like_what_is_suspected_come_beside_it_and_names_are_in_no_address(address: str, desk: Desk) -> None:
    with opened(address, "p-0011") as ann:
        named = Told("signature_characters_look_alike", character="晓", taken_for="哓")
        station.write_of_nothing(desk.here, desk.by["ann"], fresh_id(), CaughtAt.REVIEW, named)
        by: By = desk.by["lead"]
        for reason in ("photo_background_dark", "photo_background", "photo_background_dark", "photo_background_dark"):
            station.write_of_nothing(desk.here, by, fresh_id(), CaughtAt.QC, Told(reason))
        asked = {"token": ann.token, "reasons": "photo_background_dark", "name": "王晓东"}
        page = ann.post("/casebook/similar", data=asked).text
        assert page.count('class="alike"') == 4 and 'data-item="photo_background"' in page and "哓" in page
        assert ann.post("/casebook/similar", data=asked | {"name": "王东", "reasons": ""}).text.strip() == ""
        assert ann.post("/casebook/similar", data=asked | {"token": "x"}).status_code == 403
        assert ann.get("/casebook/similar?name=x").status_code == 405


def test_a_rule_that_no_longer_catches_its_case_is_shown(address: str, desk: Desk) -> None:
    with opened(address, "p-0011") as ann:
        case = case_of(ann, decided(ann, "photo_sharpness"), reason="photo_sharpness", region="")
        assert ann.post("/casebook/write", data=case).status_code == 200
        lead = SignedIn("p-0014", frozenset({"lead"}), desk.by["lead"].sign_in or "")
        station.attach(desk.here, lead, case["case"], "photo_sharpness", Thresholds())
        assert 'role="alert"' in ann.get("/casebook").text
        assert "let through" in ann.get(f"/casebook/case/{case['case']}").text


def test_catch_rates_are_a_leads_and_the_book_is_nobodys_who_has_not_signed_in(address: str, desk: Desk) -> None:
    with opened(address, "p-0011") as ann, opened(address, "p-0014") as lead, browser(address) as nobody:
        decided(ann, "photo_ears")
        page = lead.get("/training").text
        assert "p-0011" in page and "EMULATED" in page and "%" in page
        assert ann.get("/training").status_code == 403
        for path in ("/casebook", "/casebook/today", "/casebook/form", "/casebook/case/x", "/training"):
            assert nobody.get(path).status_code == 303
        assert nobody.post("/casebook/write").status_code == 303
        assert httpx.get(f"{address}/casebook/similar").status_code in (303, 405)
