"""The review desk: each page for its role alone, each form with its own token, personal data for its holder alone."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from enrolled import end
from pwdlib.hashers.argon2 import Argon2Hasher
from review_served import review_desk
from served import browser, serving
from small_desk import ALIKE, PASSWORD, Desk
from small_line import Line

from handoff_logs.database import Database
from handoff_logs.records import new_id
from stations.characters.alike import alike
from stations.people_register import passwords
from stations.review.items import REASONS
from stations.review.second import SecondLooks
from stations.review.station import book_decided
from stations.trays import unfinished_trays


@pytest.fixture
def line_tables() -> bool:
    """The desk is in the line's tables."""
    return True


@pytest.fixture
def desk(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A desk with three applications."""
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
    line = Line(database, tmp_path, shares=ALIKE)
    made = Desk.of(line)
    made.set_passwords()
    made.accept(3)
    yield made
    line.close()


@pytest.fixture
def app(desk: Desk, database_url: str, tmp_path: Path) -> Any:
    return review_desk(tmp_path, database_url, desk.here)


@pytest.fixture
def address(app: Any) -> Iterator[str]:
    with serving(app) as where:
        yield where


@contextmanager
def opened(address: str, code: str) -> Iterator[httpx.Client]:
    """A browser in which somebody has signed in; `token` is what their forms bear."""
    with browser(address) as client:
        token = re.findall(r'name="token" value="([^"]+)"', client.get("/sign-in").text)[0]
        form = {"code": code, "password": PASSWORD, "token": token, "to": ""}
        answer = client.post("/sign-in", data=form)
        assert answer.status_code == 303
        client.first = answer.headers["location"]  # type: ignore[attr-defined]
        client.token = re.findall(r'name="token" value="([^"]+)"', client.get(answer.headers["location"]).text)[0]  # type: ignore[attr-defined]
        yield client


def take(client: Any) -> list[dict[str, Any]]:
    answer = client.post("/review/take", data={"token": client.token})
    assert answer.status_code == 200
    return list(answer.json()["held"])


def sent(client: Any, lease: dict[str, Any], outcome: str = "pass", reasons: str = "", **more: str) -> dict[str, Any]:
    facts = {"token": client.token, "decision": new_id(), "outcome": outcome, "reasons": reasons}
    return facts | {name: str(lease[name]) for name in ("lease", "revision", "round")} | more


def test_who_was_a_reviewer_comes_in_no_more(address: str, desk: Desk) -> None:
    with opened(address, "p-0011") as ann:
        lease = take(ann)[0]["lease"]
        end(desk.database, "p-0011")
        for method, path in (("GET", "/review"), ("POST", "/review/take"), ("GET", f"/review/case/{lease}")):
            assert ann.request(method, path).status_code == 303, path


def test_a_role_of_neither_page_does_not_come_in(address: str, desk: Desk) -> None:
    with browser(address) as client:
        token = re.findall(r'name="token" value="([^"]+)"', client.get("/sign-in").text)[0]
        answer = client.post("/sign-in", data={"code": "p-0001", "password": PASSWORD, "token": token, "to": ""})
        assert answer.status_code == 403


def test_a_form_without_its_own_token_changes_nothing(address: str, desk: Desk) -> None:
    """Another site's form has none, another session's is not this one's."""
    with opened(address, "p-0011") as ann, opened(address, "p-0012") as bob:
        lease = take(ann)[0]
        verdict = sent(ann, lease)
        for token in ("", "x", bob.token):  # type: ignore[attr-defined]
            for path in ("take", "verdict", "undo"):
                answer = ann.post(f"/review/{path}", data={**verdict, "token": token})
                assert answer.status_code == 403
                assert answer.json()["said"]
        assert desk.rows("SELECT count(*) FROM review_decision") == [(0,)]
        assert ann.post("/review/verdict", data=verdict).json() == {"news": True}
        assert ann.post("/review/verdict", data=verdict).json() == {"news": False}


def test_personal_data_is_for_its_holder_alone_and_never_cached(address: str, desk: Desk) -> None:
    with opened(address, "p-0011") as ann, opened(address, "p-0012") as bob:
        lease = take(ann)[0]
        paths = [f"/review/case/{lease['lease']}", f"/review/picture/{lease['lease']}/photo"]
        for path in paths:
            shown = ann.get(path)
            assert (shown.status_code, shown.headers["cache-control"]) == (200, "no-store")
            assert "script-src 'self'" in shown.headers["content-security-policy"]
            assert bob.get(path).status_code == 404
        assert desk.rows("SELECT what FROM review_view ORDER BY viewed_us") == [("facts",), ("photo",)]
        assert ann.post("/review/verdict", data=sent(ann, lease)).status_code == 200
        for path in paths:
            assert ann.get(path).status_code == 404
        assert ann.get(f"/review/picture/{lease['lease']}/thumb").status_code == 404


def test_whoever_signs_out_gives_up_what_they_hold(address: str, desk: Desk) -> None:
    """Others have it at once."""
    with opened(address, "p-0011") as ann:
        assert len(take(ann)) == 3
        assert ann.post("/sign-out", data={"token": ann.token}).status_code == 303  # type: ignore[attr-defined]
        assert ann.get("/review").status_code == 303
    assert desk.rows("SELECT DISTINCT ended_how FROM review_lease") == [("given_up",)]
    with opened(address, "p-0012") as bob:
        assert len(take(bob)) == 3


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"outcome": "maybe"}, 400),
        ({"outcome": "return"}, 400),
        ({"outcome": "return", "reasons": "nothing"}, 400),
        ({"decision": "1"}, 400),
        ({"lease": "x" * 32}, 404),
        ({"revision": "2"}, 404),
        ({"round": "-1"}, 404),
        ({"reasons": "x" * 5_000}, 413),
    ],
)
def test_what_is_no_verdict_is_refused_whole(address: str, desk: Desk, form: dict[str, str], status: int) -> None:
    with opened(address, "p-0011") as ann:
        answer = ann.post("/review/verdict", data=sent(ann, take(ann)[0]) | form)
        assert answer.status_code == status
    assert desk.rows("SELECT count(*) FROM review_decision") == [(0,)]


def test_what_was_filed_is_shown_as_text(address: str, desk: Desk) -> None:
    """Nothing in it becomes a part of the page."""
    with opened(address, "p-0011") as ann:
        page = ann.get(f"/review/case/{take(ann)[0]['lease']}", headers={"accept-language": "zh"}).text
    assert page.count("<article") == 1 and "<script" not in page and "review." not in re.sub(r"/review/", "", page)


def test_where_no_rule_looked_nothing_is_said_to_look_at_first(address: str, desk: Desk) -> None:
    """Else the same lines stood before every application, and hid what is suspected of one."""
    with opened(address, "p-0011") as ann:
        for lease in take(ann):
            page = ann.get(f"/review/case/{lease['lease']}").text
            assert "Not on the hold list?" in page
            assert "No hold list is kept here" not in page and "Not measured at intake" not in page


def test_beside_the_signature_stands_what_each_character_is_taken_for(address: str, desk: Desk) -> None:
    """The hardest item: 晓 against 哓, one stroke apart and spoken alike. Each differing part is marked."""
    with opened(address, "p-0011") as ann:
        pages = [ann.get(f"/review/case/{lease['lease']}").text for lease in take(ann)]
    for page in pages:
        name = re.search(r'class="printed" lang="zh-CN">([^<]+)<', page)[1]  # type: ignore[index]
        shown = re.findall(r"<li><b>(.)</b>(.*?)</li>", page, re.DOTALL)
        assert [head for head, _ in shown] == [each for each in dict.fromkeys(name) if alike(each)] != []
        for head, those in shown:
            found = re.findall(r"<(?:i|text [^>]+)>(.)</", those)
            assert found == [each.character for each in alike(head)]
            assert those.count("<rect") == sum(each.differs is not None for each in alike(head))


def test_what_it_was_held_for_and_what_was_answered_is_shown_and_not_who_held_it(address: str, desk: Desk) -> None:
    """The answer is another's to judge, without regard to the person."""
    desk.decide_all("bob", "hold", "person_name")
    desk.book()
    with opened(address, "p-0011") as ann:
        assert take(ann) == []
        desk.answer_holds()
        page = ann.get(f"/review/case/{take(ann)[0]['lease']}").text
    before = page[page.index('aria-label="Before"') :]
    assert REASONS["person_name"].english in before and "confirmed as filed" in before
    assert desk.by["bob"].code not in page


def test_it_says_that_it_is_alive_and_nothing_else(address: str) -> None:
    """To anybody: whoever watches over it has no sign-in."""
    answer = httpx.get(f"{address}/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")
    assert httpx.get(f"{address}/").headers["location"] == "/sign-in"


def test_a_second_look_learns_of_the_first_once_its_own_is_stored_and_leads_see_what_it_caught(
    address: str, desk: Desk
) -> None:
    """Its page and its turn are as any other's; the answer to a verdict that differs offers the case."""
    desk.decide_all("ann")
    for tray in unfinished_trays(desk.here):
        assert book_decided(desk.here, tray, seconds=SecondLooks(1.0)) is None
    with opened(address, "p-0012") as bob:
        first, second, _ = take(bob)
        assert set(first) == {"lease", "revision", "round"}
        shown = bob.get(f"/review/case/{first['lease']}").text
        assert desk.by["ann"].code not in shown
        assert bob.post("/review/verdict", data=sent(bob, first)).json() == {"news": True}
        caught = sent(bob, second, "return", "photo_ears")
        for news in (True, False):
            assert bob.post("/review/verdict", data=caught).json() == {"news": news, "differs": True}
    with opened(address, "p-0014") as lead:
        page = lead.get("/rates").text
        assert "second look" in page and "50.0 %" in page
