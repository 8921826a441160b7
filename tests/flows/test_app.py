"""The doors of the pages: who comes in, for how long, and that no way leads in or writes but the four forms."""

import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from pwdlib.hashers.argon2 import Argon2Hasher
from served import browser, serving
from sqlalchemy import text
from starlette.routing import Mount

from flows.app import Served, create_app
from flows.cookie_key import CookieKeyRefusedError, cookie_key
from flows.hardening import HEADERS
from flows.sessions import ATTEMPTS, IDLE_S, LONGEST_S, WINDOW_S, Attempts, Sessions
from handoff_logs.asking import Asking
from handoff_logs.database import Database
from stations.people_register import badges, passwords
from stations.people_register.credentials import Credentials, TwoSigned
from stations.people_register.sign_in import sign_in as enter

ADMINISTRATOR, AUDITOR, OPERATOR, SECOND, LEAD = "p-0001", "p-0417", "p-0418", "p-0002", "p-0419"
PACKER = "p-0420"
BADGE_KEY = bytes(range(32, 64))
PASSWORD = "a password of everybody"
PROTECTED = ("/", "/custody?number=E1", "/stations", "/shifts", "/day", "/questions", "/questions/state", "/integrity")


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def line_tables() -> bool:
    """People are in the line's tables."""
    return True


@pytest.fixture
def people(database: Database, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A register with two administrators, an auditor, an operator and a lead; ends one of them."""
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
    kept = passwords.hashed(PASSWORD)

    def sql(statement: str, **facts: object) -> None:
        database.write(lambda tx: tx.execute(text(statement), facts))

    for founder, code in enumerate((ADMINISTRATOR, SECOND), start=1):
        sql("INSERT INTO person (code, founder, enrolled_us) VALUES (:code, :founder, 1)", code=code, founder=founder)
        sql("INSERT INTO person_role VALUES (:code, 'administrator', NULL, NULL, 1)", code=code)
    by = {"first": ADMINISTRATOR, "second": SECOND}
    for code, role in ((AUDITOR, "auditor"), (OPERATOR, "operator"), (LEAD, "lead"), (PACKER, "packer")):
        enrol = (
            "INSERT INTO person (code, enrolled_by, enrolled_second, enrolled_us) VALUES (:code, :first, :second, 1)"
        )
        sql(enrol, code=code, **by)
        sql("INSERT INTO person_role VALUES (:code, :role, :first, :second, 1)", code=code, role=role, **by)
    for code in (ADMINISTRATOR, SECOND, AUDITOR, OPERATOR, LEAD, PACKER):
        sql("INSERT INTO person_password VALUES (:code, :hash, 1)", code=code, hash=kept)

    def end(code: str) -> None:
        leave = "UPDATE person SET ended_us = 2, ended_by = :first, ended_second = :second WHERE code = :code"
        sql(leave, code=code, **by)

    return end


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def app(database: Database, database_url: str, people: Any, clock: Clock, tmp_path: Path) -> Any:
    asking = Asking(database_url, lambda word: f"h{len(word)}")
    served = Served(tmp_path, "test", True, bytes(range(32)), asking, display_key=BADGE_KEY)
    return create_app(served, database, Sessions(clock))


@pytest.fixture
def pages(app: Any) -> Iterator[httpx.Client]:
    """A browser on the pages, signed out."""
    with serving(app) as address, browser(address) as opened:
        yield opened


def token_of(page: httpx.Response) -> str:
    return re.findall(r'name="token" value="([^"]+)"', page.text)[0]


def sign_in(pages: httpx.Client, code: str, password: str = PASSWORD, **facts: str) -> httpx.Response:
    form = {"code": code, "password": password, "token": token_of(pages.get("/sign-in")), "to": "", **facts}
    return pages.post("/sign-in", data=form)


def test_who_is_not_signed_in_is_sent_to_sign_in_and_back(pages: httpx.Client) -> None:
    for path in PROTECTED:
        pages.cookies.clear()
        answer = pages.get(path)
        assert answer.status_code == 303 and answer.headers["location"].startswith("/sign-in") and not answer.content
        form = unescape(pages.get(answer.headers["location"]).text)
        wanted = "" if path == "/" else path
        assert f'name="to" value="{wanted}"' in form
        assert sign_in(pages, AUDITOR, to=wanted).headers["location"] == path
        assert pages.get(path).status_code in (200, 404)


@pytest.mark.parametrize(("code", "oversees"), [(AUDITOR, True), (ADMINISTRATOR, True), (LEAD, False)])
def test_auditors_administrators_and_leads_may_read_and_leads_not_what_others_looked_up(
    pages: httpx.Client, code: str, oversees: bool
) -> None:
    assert sign_in(pages, code).status_code == 303
    assert pages.get("/questions/lookups").status_code == (200 if oversees else 404)
    page = pages.get("/integrity")
    assert page.status_code == 200 and code in page.text


def test_any_other_role_is_refused(pages: httpx.Client) -> None:
    answer = sign_in(pages, PACKER)
    assert answer.status_code == 403 and "need the role auditor" in answer.text
    assert pages.get("/").status_code == 303


def test_a_badge_is_taken_in_the_codes_field_and_a_refused_one_told_as_a_code_is(
    pages: httpx.Client, database: Database
) -> None:
    by = TwoSigned(ADMINISTRATOR, SECOND, *(enter(database, Credentials(code, PASSWORD)).sign_in
                                            for code in (ADMINISTRATOR, SECOND)))  # fmt: skip
    number = badges.issue(database, BADGE_KEY, by, AUDITOR, emulated=True)
    refused = sign_in(pages, AUDITOR, "a wrong password")
    for typed, password in ((number, "a wrong password"), ("1" * 20, PASSWORD)):
        answer = sign_in(pages, typed, password)
        assert answer.status_code == 403 and typed not in answer.text and AUDITOR not in answer.text
        assert problem_of(answer) == problem_of(refused)
    assert sign_in(pages, f" {number} ").status_code == 303
    assert AUDITOR in pages.get("/integrity").text
    assert [each["badge"] for each in tried(database)] == [False, True, False, True]


def problem_of(answer: httpx.Response) -> str:
    """What a page says is the matter."""
    return re.findall(r'<div class="problem".*?</div>', answer.text, re.DOTALL)[0]


def tried(database: Database) -> list[dict[str, bool]]:
    """The auditor's attempts and unknown badges, in order."""
    statement = """
    SELECT attempt.at_us, badge.attempt_id IS NOT NULL AS badge FROM sign_in_attempt AS attempt
    LEFT JOIN badge_sign_in AS badge ON badge.attempt_id = attempt.attempt_id
    WHERE attempt.code = :code AND attempt.outcome <> 'begun'
    UNION ALL SELECT at_us, refusal = 'ended' FROM badge_sign_in WHERE refusal IS NOT NULL ORDER BY 1
    """
    with database.read() as conn:
        return [{"badge": bool(row.badge)} for row in conn.execute(text(statement), {"code": AUDITOR})]


def test_who_takes_alarms_sees_those_and_nothing_of_the_log(pages: httpx.Client) -> None:
    assert sign_in(pages, OPERATOR).headers["location"] == "/alarms"
    page = pages.get("/alarms")
    assert page.status_code == 200 and OPERATOR in page.text
    assert 'href="/integrity"' not in page.text and 'action="/custody"' not in page.text
    for path in PROTECTED:
        answer = pages.get(path)
        assert answer.status_code == 403 and "for other roles" in answer.text, path


def test_a_refusal_is_the_same_whether_the_code_is_anybodys_or_not(pages: httpx.Client) -> None:
    def refusal(code: str, password: str) -> str:
        answer = sign_in(pages, code, password)
        assert answer.status_code == 403 and code not in answer.text and password not in answer.text
        return re.sub(r'value="[^"]*"', "", answer.text)

    tries = [(AUDITOR, "wrong password"), ("p-9999", PASSWORD), ("no code", PASSWORD), ("e-qc-1", PASSWORD)]
    assert len({refusal(*each) for each in tries}) == 1


def test_five_refusals_lock_a_code_also_for_the_right_password(pages: httpx.Client) -> None:
    for _ in range(5):
        sign_in(pages, AUDITOR, "wrong password")
    assert "locked until" in sign_in(pages, AUDITOR).text
    for _ in range(5):
        sign_in(pages, "p-9999", "wrong password")
    assert "locked until" in sign_in(pages, "p-9999").text, "a code that is nobody's is locked alike"
    assert sign_in(pages, ADMINISTRATOR).status_code == 303


def test_one_address_may_try_only_so_often(pages: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.sessions.ATTEMPTS", 3)
    for number in range(3):
        assert sign_in(pages, f"p-9{number:03}").status_code == 403
    assert sign_in(pages, AUDITOR).status_code == 429


def test_a_whole_shift_signs_in_from_one_address(pages: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who proves who they are takes nothing from the others; what was guessed before stays counted."""
    monkeypatch.setattr("flows.sessions.ATTEMPTS", 3)
    for _ in range(2):
        assert sign_in(pages, "p-9999", "a guess").status_code == 403
    for _ in range(4):
        assert sign_in(pages, AUDITOR).status_code == 303
        pages.cookies.clear()
    assert sign_in(pages, "p-9999", "a guess").status_code == 403
    assert sign_in(pages, AUDITOR).status_code == 429


def test_attempts_of_an_address_are_forgotten_after_a_while(clock: Clock) -> None:
    attempts = Attempts(clock)
    assert [attempts.may("a") for _ in range(ATTEMPTS + 1)] == [True] * ATTEMPTS + [False]
    assert attempts.may("b")
    clock.now_s += WINDOW_S + 1
    assert attempts.may("a")


def test_a_form_from_elsewhere_signs_nobody_in(pages: httpx.Client) -> None:
    for token in ("", "wrong", "é"):
        answer = sign_in(pages, AUDITOR, token=token)
        assert answer.status_code == 403 and "came from elsewhere" in answer.text
    assert pages.get("/").status_code == 303


def test_a_form_from_elsewhere_signs_nobody_out(pages: httpx.Client) -> None:
    sign_in(pages, AUDITOR)
    assert pages.post("/sign-out", data={"token": "wrong"}).status_code == 403
    assert pages.get("/").status_code == 200


def test_signing_out_ends_the_session_for_whoever_kept_its_cookie(pages: httpx.Client) -> None:
    sign_in(pages, AUDITOR)
    kept = dict(pages.cookies)
    answer = pages.post("/sign-out", data={"token": token_of(pages.get("/"))})
    assert answer.headers["location"] == "/sign-in?why=out"
    pages.cookies.update(kept)
    assert pages.get("/").status_code == 303


def test_a_session_ends_when_nobody_reads_and_after_a_shift(pages: httpx.Client, clock: Clock) -> None:
    sign_in(pages, AUDITOR)
    clock.now_s += IDLE_S - 1
    assert pages.get("/").status_code == 200
    clock.now_s += IDLE_S + 1
    answer = pages.get("/stations")
    assert answer.status_code == 303 and "why=ended" in answer.headers["location"]
    sign_in(pages, AUDITOR)
    for _ in range(LONGEST_S // IDLE_S):
        clock.now_s += IDLE_S
        assert pages.get("/").status_code == 200
    clock.now_s += 1
    assert pages.get("/").status_code == 303


def test_whoever_has_ended_is_out_at_the_next_page(pages: httpx.Client, people: Any) -> None:
    sign_in(pages, AUDITOR)
    assert pages.get("/").status_code == 200
    people(AUDITOR)
    assert pages.get("/").status_code == 303


def test_a_forged_cookie_opens_nothing(pages: httpx.Client) -> None:
    sign_in(pages, AUDITOR)
    (cookie,) = (each for each in pages.cookies.jar if each.name == "passline_session")
    assert cookie.value is not None
    pages.cookies.clear()
    pages.cookies.set("passline_session", cookie.value[:-2] + "xx")
    assert pages.get("/").status_code == 303


def test_the_cookie_is_kept_from_scripts_and_other_sites(pages: httpx.Client) -> None:
    cookie = sign_in(pages, AUDITOR).headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie and "secure" not in cookie


def test_over_https_the_cookie_goes_nowhere_else(database: Database, database_url: str, people: Any) -> None:
    served = Served(Path(), "test", True, bytes(32), Asking(database_url, str), https=True)
    with serving(create_app(served, database)) as address, browser(address) as opened:
        assert "secure" in opened.get("/sign-in").headers["set-cookie"].lower()


def test_nobody_is_sent_elsewhere_after_signing_in(pages: httpx.Client) -> None:
    for to in ("//elsewhere.example", "https://elsewhere.example", "/\\elsewhere.example", "/\r\nx", "x"):
        assert sign_in(pages, AUDITOR, to=to).headers["location"] == "/"


def test_every_answer_carries_the_headers(pages: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def check(answer: httpx.Response, status: int) -> None:
        assert answer.status_code == status
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
        assert "unsafe" not in answer.headers["content-security-policy"]

    check(pages.get("/"), 303)
    check(pages.get("/sign-in"), 200)
    check(pages.get("/static/pages.css"), 200)
    check(pages.get("/static/../app.py"), 404)
    check(pages.get("/nowhere"), 404)
    check(pages.put("/"), 405)
    check(sign_in(pages, AUDITOR), 303)
    check(pages.get("/stations"), 200)
    check(pages.get("/questions/waiting?from=x"), 400)
    check(pages.post("/sign-in", content=b"x" * 5_000), 413)
    check(pages.post("/sign-in", content=iter([b"x"])), 413)
    monkeypatch.setattr("handoff_logs.pages.routes.integrity", lambda _: 1 / 0)
    check(pages.get("/integrity"), 500)


def test_no_page_has_a_style_or_script_of_its_own(pages: httpx.Client) -> None:
    sign_in(pages, AUDITOR)
    for path in (
        *PROTECTED,
        "/alarms",
        "/alarms?all=1",
        "/board",
        "/board/display",
        "/questions/document?number=E1",
        "/nowhere",
    ):
        page = pages.get(path).text
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|<script(?![^>]*src=)|https?://", page), path


def test_only_signing_in_and_out_taking_an_alarm_and_a_display_take_a_form(app: Any, pages: httpx.Client) -> None:
    ways = {(method, path) for path, methods in app.openapi()["paths"].items() for method in methods}
    taking = ("post", "/alarms/{alarm}/acknowledge")
    display = ("post", "/board/display")
    assert {way for way in ways if way[0] != "get"} == {("post", "/sign-in"), ("post", "/sign-out"), taking, display}
    assert len(ways) > 10
    assert pages.post("/alarms/1/acknowledge").status_code == 303
    open_to_all = {("get", "/sign-in"), ("post", "/sign-in"), ("post", "/sign-out"), ("get", "/board/display")}
    for _, path in ways - open_to_all - {taking, display}:
        answer = pages.get(path.format(name="person", form="csv", shift="f" * 32), params={"code": AUDITOR})
        assert answer.status_code == 303 and answer.headers["location"].startswith("/sign-in"), path
    assert [route.path for route in app.routes if isinstance(route, Mount)] == ["/static"]


def test_a_line_without_people_says_how_to_enrol_them(database: Database, database_url: str, tmp_path: Path) -> None:
    served = Served(tmp_path, "test", True, bytes(32), Asking(database_url, str))
    with serving(create_app(served, database)) as address, browser(address) as opened:
        page = opened.get("/sign-in").text
    assert f"passline people found p-0001 p-0002 --dir {tmp_path}" in page and "--role auditor" in page


def test_the_key_of_the_cookies_is_its_owners_alone(tmp_path: Path) -> None:
    key = cookie_key(tmp_path)
    assert cookie_key(tmp_path) == key and len(key) == 32
    (path,) = tmp_path.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    with pytest.raises(CookieKeyRefusedError, match="open to others"):
        cookie_key(tmp_path)


def test_a_refused_sign_in_is_an_event_without_what_was_typed(pages: httpx.Client) -> None:
    form = token_of(pages.get("/sign-in"))
    with structlog.testing.capture_logs() as events:
        pages.post("/sign-in", data={"code": "typed here", "password": "and here", "token": form})
    assert [(each["event"], each["host"]) for each in events] == [("sign_in_refused", "127.0.0.1")]
    assert "here" not in str(events)
