"""Every route of the desks and the pages, tried by every role, by nobody, with forms of others and ids of others.

Who may is stated in tests/support/desk_surface.py; a route that is not stated there fails.
"""

import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from desk_surface import ANYBODY, COOKIE_KEY, DESK, PAGES, Stated, address, cookie, routes
from enrolled import enrol
from patrol_line import HOLDABLE, PLAN
from pwdlib.hashers.argon2 import Argon2Hasher
from review_served import review_desk
from served import browser, serving
from small_desk import ALIKE, sign_in
from small_line import Line
from sqlalchemy import text

from flows.app import Served, create_app
from flows.hardening import HEADERS
from flows.patrol_forms import Rounds
from flows.sessions import Sessions
from handoff_logs.asking import Asking
from handoff_logs.database import Database
from handoff_logs.records import new_id
from stations.people import Role
from stations.people_register import passwords
from stations.people_register.credentials import SignedIn
from stations.review import station

PASSWORD = "a password of everybody"


@pytest.fixture
def database_url(tmp_path: Path, sqlite_templates: Callable[[bool], Path]) -> str:
    """On SQLite alone: who may come in is decided before any database is asked for more than a role."""
    return f"sqlite:///{shutil.copyfile(sqlite_templates(True), tmp_path / 'passline.db')}"


@dataclass
class Front:
    """An application before which people of every role stand, two of them reviewers."""

    app: Any
    at: str
    stated: Stated
    sessions: Sessions
    people: dict[str, SignedIn]
    database: Database
    file: Path
    opened: ExitStack

    def visitor(self, name: str | None = None) -> "Visitor":
        """A browser in which somebody is signed in; None: nobody is."""
        client = self.opened.enter_context(browser(self.at))
        if name is None:
            return Visitor(client, "", "")
        by = sign_in(self.database, self.people[name])
        secret = self.sessions.begin(by.code, by.sign_in)
        session = self.sessions.find(secret)
        assert session is not None
        client.cookies.set(self.cookie_name, cookie({"id": secret}), domain="127.0.0.1")
        return Visitor(client, session.token, secret)

    @property
    def cookie_name(self) -> str:
        return "passline_desk" if self.stated is DESK else "passline_session"

    def content(self) -> list[str]:
        """All that the database has."""
        with closing(sqlite3.connect(self.file)) as read:
            return list(read.iterdump())


@dataclass
class Visitor:
    """A browser; `token` is what its forms bear, `secret` its session's."""

    client: httpx.Client
    token: str
    secret: str

    def send(self, method: str, where: str, headers: Any = None, **form: str) -> Any:
        data = {"token": self.token, **form} if method == "POST" else None
        return self.client.request(method, where, data=data, headers=headers)


@pytest.fixture
def line(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    """A line with three applications at the review desk."""
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
    made = Line(database, tmp_path, shares=ALIKE)
    made.file(3)
    for offer in made.waiting("review"):
        station.accept_tray(made.at("review"), offer)
    yield made
    made.close()


@pytest.fixture(params=["desk", "pages"])
def front(request: pytest.FixtureRequest, line: Line, database_url: str, tmp_path: Path) -> Iterator[Front]:
    """Each application, one after another."""
    yield from before(request.param, line, database_url, tmp_path)


@pytest.fixture
def desk(line: Line, database_url: str, tmp_path: Path) -> Iterator[Front]:
    """The desks alone."""
    yield from before("desk", line, database_url, tmp_path)


def before(which: str, line: Line, url: str, folder: Path) -> Iterator[Front]:
    named = {role.value: role.value for role in Role if role is not Role.ADMINISTRATOR}
    people = enrol(line.database, **named, another="reviewer")
    kept = passwords.hashed(PASSWORD)
    insert = text("INSERT INTO person_password VALUES (:code, :hash, 1)")
    facts = [{"code": who.code, "hash": kept} for who in people.values()]
    line.database.write(lambda tx: tx.execute(insert, facts))
    here, sessions = line.at("review"), Sessions()
    assert here.personal is not None
    rounds = Rounds((PLAN,), HOLDABLE, here.personal, "day", lambda: None)
    served = Served(folder, "test", True, COOKIE_KEY, Asking(url, str), rounds=rounds)
    desk = review_desk(folder, url, here, sessions=sessions, cookie_key=COOKIE_KEY)
    app = desk if which == "desk" else create_app(served, line.database, sessions)
    stated = DESK if which == "desk" else PAGES
    with serving(app) as at, ExitStack() as opened:
        yield Front(app, at, stated, sessions, people, line.database, folder / "passline.db", opened)


def turned_away(answer: Any) -> bool:
    """Whether nobody was let in: sent to sign in, or told that this is for other roles."""
    sent = answer.status_code == 303 and answer.headers["location"].startswith("/sign-in")
    return sent or (answer.status_code == 403 and "This page is for other roles" in answer.text)


def test_every_route_says_for_whom_it_is(front: Front) -> None:
    """One that is new, and not stated, is found here."""
    assert routes(front.app) == set(front.stated)


def test_each_route_is_for_its_roles_and_for_nobody_else(front: Front) -> None:
    """Whoever is not signed in is sent to do so, whoever has another role is told; nothing is done for either."""
    visitors = {role: front.visitor(role.value) for role in Role}
    nobody = front.visitor()
    kept = [front.content()]
    for (method, path), roles in front.stated.items():
        if roles is ANYBODY:
            continue
        where = address(path)
        assert nobody.send(method, where).headers["location"].startswith("/sign-in"), path
        for role in set(Role) - roles:
            assert turned_away(visitors[role].send(method, where)), (role, method, path)
    kept.append(front.content())
    assert kept[0] == kept[1]
    for (method, path), roles in front.stated.items():
        for role in roles:
            assert not turned_away(visitors[role].send(method, address(path))), (role, method, path)


def test_a_form_without_its_own_token_or_from_elsewhere_changes_nothing(front: Front) -> None:
    """No token, another's, any; and with the right one a form that another site sent, or another port of this one."""
    elsewhere = (
        {"origin": "https://elsewhere.example"},
        {"origin": "http://127.0.0.1:1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "origin": "null"},
    )
    posts = [(path, roles) for (method, path), roles in front.stated.items() if method == "POST"]
    assert len(posts) > 4
    for path, roles in posts:
        visitor = front.visitor(next((role.value for role in sorted(roles)), "lead"))
        other = front.visitor("lead")
        before_it = front.content()
        for token in ("", "x", "é", other.token):
            answer = visitor.send("POST", address(path), token=token, code="p-0001", password=PASSWORD)
            assert answer.status_code in (403, 404), (path, token)
        for headers in elsewhere:
            answer = visitor.send("POST", address(path), headers)
            assert (answer.status_code, "another site" in answer.text) == (403, True), (path, headers)
        assert front.content() == before_it, path
        assert front.sessions.find(visitor.secret) is not None


def test_a_form_of_these_pages_is_one_whatever_a_browser_says_of_it(desk: Front) -> None:
    """Under our own policy browsers send `Origin: null` with a form; one that tells nothing has its token."""
    for headers in ({"origin": "null"}, {"sec-fetch-site": "same-origin"}, {"origin": desk.at}, {}):
        assert desk.visitor("reviewer").send("POST", "/review/take", headers).status_code == 200


def test_every_answer_has_the_headers_and_none_may_be_kept(front: Front) -> None:
    """Also what goes wrong; no cookie is for scripts or other sites."""
    visitor, nobody = front.visitor("lead"), front.visitor()
    answers = [
        who.send(method, address(path))
        for method, path in front.stated
        if path != "/sign-out"
        for who in (visitor, nobody)
    ]
    answers += [
        visitor.send(method, where) for method in ("PUT", "DELETE", "OPTIONS", "HEAD", "TRACE") for where in ("/", "/x")
    ]
    answers.append(visitor.client.post("/sign-in", content=b"x" * 5_000))
    answers.append(visitor.client.post("/sign-in", content=b"--", headers={"content-type": "multipart/form-data"}))
    answers.append(visitor.client.post("/sign-in", files={"code": ("x", b"x")}))
    answers.append(visitor.send("POST", "/sign-in", {"origin": "https://elsewhere.example"}))
    answers.append(nobody.send("GET", "/?lang=zh&theme=dark"))
    answers.append(visitor.send("POST", "/sign-out"))
    assert {answer.status_code for answer in answers} >= {200, 303, 403, 404, 405, 413}
    for answer in answers:
        found = {name: answer.headers.get(name) for name in HEADERS}
        assert found == HEADERS, answer.request.url
        assert "unsafe" not in answer.headers["content-security-policy"]
        for set_cookie in answer.headers.get_list("set-cookie"):
            if "expires=Thu, 01 Jan 1970" in set_cookie:
                continue
            assert re.search("httponly", set_cookie, re.I) and re.search("samesite=strict", set_cookie, re.I), (
                set_cookie
            )
        if answer.headers.get("content-type", "").startswith("text/html"):
            inline = r"<style|\sstyle=|\son[a-z]+=|javascript:|<script(?![^>]*src=)|https?://"
            assert not re.search(inline, answer.text), answer.request.url


def test_signing_in_begins_a_session_of_another_name(front: Front) -> None:
    """A cookie that somebody put into the browser before is nobody's afterwards, and was nobody's by itself."""
    planted = front.sessions.begin(front.people["lead"].code, None)
    browser = front.visitor()
    browser.client.cookies.set(front.cookie_name, cookie({"id": planted, "token": "t"}), domain="127.0.0.1")
    form = {"code": front.people["lead"].code, "password": PASSWORD, "token": "t"}
    answer = browser.client.post("/sign-in", data=form)
    assert answer.status_code == 303
    assert front.sessions.find(planted) is None
    fresh = answer.headers["set-cookie"]
    assert cookie({"id": planted, "token": "t"}).partition(".")[0] not in fresh
    assert len(front.sessions._sessions) == 1


def test_signing_out_ends_the_session_for_whoever_kept_its_cookie(front: Front) -> None:
    """And no other of the same person."""
    (method, path), roles = next(item for item in front.stated.items() if item[1] is not ANYBODY)
    name = next(iter(roles)).value
    here, kept, other = front.visitor(name), front.visitor(), front.visitor(name)
    kept.client.cookies.set(front.cookie_name, cookie({"id": here.secret}), domain="127.0.0.1")
    assert not turned_away(kept.send(method, path))
    here.send("POST", "/sign-out")
    assert turned_away(here.send(method, path)) and turned_away(kept.send(method, path))
    assert not turned_away(other.send(method, path))


def test_a_session_of_one_application_opens_nothing_of_another(desk: Front, line: Line, database_url: str) -> None:
    """They have the same key, and a browser sends a cookie to every port of a computer."""
    served = Served(desk.file.parent, "test", True, COOKIE_KEY, Asking(database_url, str))
    lead = desk.visitor("lead")
    with serving(create_app(served, line.database)) as at, browser(at) as pages:
        for name in ("passline_desk", "passline_session"):
            pages.cookies.set(name, cookie({"id": lead.secret}), domain="127.0.0.1")
        assert turned_away(pages.get("/stations"))


def test_the_id_of_anothers_lease_or_verdict_opens_and_changes_nothing(desk: Front) -> None:
    """Neither while it is theirs nor afterwards; nor does it say whether there is one."""
    ann, bob = desk.visitor("reviewer"), desk.visitor("another")
    (lease, *_), unknown = ann.send("POST", "/review/take").json()["held"], new_id()
    facts = {name: str(lease[name]) for name in ("lease", "revision", "round")}
    verdict = {**facts, "outcome": "pass", "reasons": "", "decision": new_id()}
    views = ["/review/case/{}", "/review/picture/{}/photo", "/review/picture/{}/signature"]

    def refused() -> None:
        for view in views:
            theirs, nobodys = bob.send("GET", view.format(lease["lease"])), bob.send("GET", view.format(unknown))
            assert (theirs.status_code, theirs.text) == (404, nobodys.text.replace(unknown, lease["lease"])), view
        theirs = bob.send("POST", "/review/verdict", **{**verdict, "decision": new_id()})
        nobodys = bob.send("POST", "/review/verdict", **{**verdict, "decision": new_id(), "lease": unknown})
        assert (theirs.status_code, theirs.json()) == (404, nobodys.json())
        undone = bob.send("POST", "/review/undo", decision=verdict["decision"])
        assert (undone.status_code, undone.json()["refused"]) == (404, "review.unknown")

    before_it = desk.content()
    refused()
    assert desk.content() == before_it
    assert ann.send("POST", "/review/verdict", **verdict).json() == {"news": True}
    before_it = desk.content()
    refused()
    same = bob.send("POST", "/review/verdict", **verdict)
    assert same.status_code in (404, 409)
    assert desk.content() == before_it
