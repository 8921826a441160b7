"""Signing in to the pages through an OpenID issuer, against a provider in a process of its own, honest and not."""

import contextlib
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import structlog
from enrolled import end, enrol
from once_more import once_on_postgresql
from openid_provider import CLIENT, OTHER, SECRET, Provider, provider
from pwdlib.hashers.argon2 import Argon2Hasher
from served import browser, serving
from sqlalchemy import text

from flows.app import Served, create_app
from flows.issuer import Issuer
from flows.issuer_pages import BACK, BEGIN
from flows.patrol_pages import asks_password
from flows.sessions import ATTEMPTS
from flows.settings import OidcSettings
from handoff_logs.asking import Asking
from handoff_logs.database import Database
from stations.people_register import passwords

AUDITOR, OPERATOR, PACKER = "p-0011", "p-0012", "p-0013"
PASSWORD = "a password of everybody"


@pytest.fixture(scope="module")
def port() -> int:
    """A port that the pages of this module are served at, one after another."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def process(port: int) -> Iterator[Provider]:
    with provider(f"http://127.0.0.1:{port}{BACK}") as running:
        yield running


@pytest.fixture
def centre(process: Provider) -> Provider:
    """The provider, honest."""
    process.be()
    return process


@pytest.fixture
def line_tables() -> bool:
    """People are in the line's tables."""
    return True


@pytest.fixture
def people(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """An auditor, an operator and a packer, all with one password."""
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
    enrol(database, auditor="auditor", operator="operator", packer="packer")
    insert = text("INSERT INTO person_password VALUES (:code, :hash, 1)")
    for code in (AUDITOR, OPERATOR, PACKER):
        database.write(lambda tx, code=code: tx.execute(insert, {"code": code, "hash": passwords.hashed(PASSWORD)}))


Pages = Callable[..., httpx.Client]


@pytest.fixture
def serve(
    database: Database, database_url: str, people: None, centre: Provider, port: int, tmp_path: Path
) -> Iterator[Pages]:
    """Serve the pages with what [pages.oidc] says beside the usual; browsers on them."""
    with contextlib.ExitStack() as stack:

        def begin(**settings: Any) -> httpx.Client:
            address = f"http://127.0.0.1:{port}"
            usual = {"issuer": centre.address, "client_id": CLIENT, "claim": "staff", "address": address}
            asked = OidcSettings(**usual | {"secret_file": "unused"} | settings)
            asking = Asking(database_url, lambda word: f"h{len(word)}")
            issuer = Issuer(asked, SECRET, address + BACK)
            served = Served(tmp_path, "test", True, bytes(range(32)), asking, issuer=issuer)
            stack.enter_context(serving(create_app(served, database), port))
            return stack.enter_context(browser(address))

        yield begin


@pytest.fixture
def pages(serve: Pages) -> httpx.Client:
    return serve()


def to_issuer(pages: httpx.Client, to: str = "") -> str:
    """Begin; where the issuer sends the browser back to."""
    away = pages.get(BEGIN, params={"to": to} if to else {})
    assert away.status_code == 303, away.text
    answer = httpx.get(away.headers["location"], trust_env=False)
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


def come(pages: httpx.Client, to: str = "") -> httpx.Response:
    """Sign in through the issuer."""
    return pages.get(to_issuer(pages, to))


def recorded(database: Database) -> list[tuple[str | None, bool, str | None]]:
    with database.read() as conn:
        rows = conn.execute(text("SELECT code, accepted, refusal FROM issuer_sign_in ORDER BY at_us, attempt_id"))
        return [(row.code, bool(row.accepted), row.refusal) for row in rows]


def refused(pages: httpx.Client, answer: httpx.Response, said: str) -> None:
    assert answer.status_code == 403 and said in answer.text, answer.text
    assert 'name="password"' in answer.text
    assert pages.get("/").status_code == 303


def test_whom_the_issuer_proves_and_the_register_has_comes_in_to_read(
    pages: httpx.Client, centre: Provider, database: Database
) -> None:
    form = pages.get("/sign-in").text
    assert f'href="{BEGIN}"' in form and urlsplit(centre.address).netloc in form
    answer = come(pages)
    # A page of our own leads on: with a redirect the browser would still be on its way from another site.
    assert answer.status_code == 200 and 'content="0; url=/"' in answer.text
    page = pages.get("/integrity")
    assert page.status_code == 200 and AUDITOR in page.text and "to read" in page.text
    assert recorded(database) == [(AUDITOR, True, None)]


def test_nothing_that_the_issuer_says_of_a_person_is_kept_but_the_code(
    pages: httpx.Client, centre: Provider, database: Database
) -> None:
    with structlog.testing.capture_logs() as logged:
        come(pages)
        centre.be(claims={"staff": "ZHANG SAN"})
        come(pages)
        centre.be(answered={"error": "ZHANG SAN", "error_description": "ZHANG SAN"})
        come(pages)
    with database.read() as conn:
        rows = str(conn.execute(text("SELECT * FROM issuer_sign_in")).all())
    assert recorded(database) == [(AUDITOR, True, None), (None, False, "codeless"), (None, False, "issuer")]
    assert "ZHANG" not in rows + str(logged) and "7f3a" not in rows + str(logged)


HOUR_AGO = {"iat": 1_000_000_000, "exp": 1_000_000_100}
TOKENS = {
    "for another client": {"claims": {"aud": OTHER}},
    "for another client, by its own word ours": {"claims": {"aud": OTHER, "azp": CLIENT}},
    "for others beside, whose it is not said": {"claims": {"aud": [CLIENT, OTHER]}},
    "for another client beside": {"claims": {"aud": [CLIENT, OTHER], "azp": OTHER}},
    "for nobody": {"without": ["aud"]},
    "of another issuer": {"claims": {"iss": "https://elsewhere.example"}},
    "another nonce": {"claims": {"nonce": "another"}},
    "no nonce": {"without": ["nonce"]},
    "expired": {"claims": HOUR_AGO},
    "never ending": {"without": ["exp"]},
    "alg none": {"alg": "none"},
    "a key not published": {"by": "a stranger"},
    "a key not published under a published name": {"by": "a stranger with our kid"},
    "by the client's secret": {"by": "our secret", "alg": "HS256"},
    "by the published key as if it were a secret": {"by": "our public key", "alg": "HS256"},
    "no token": {"answered": {"access_token": "a", "token_type": "Bearer"}},
    "no JSON object": {"answered": ["a"]},
    "a token that is none": {"answered": {"access_token": "a", "token_type": "Bearer", "id_token": "a.b.c"}},
}


@once_on_postgresql("behaviour", list(TOKENS.values()), list(TOKENS))
def test_a_token_that_is_not_what_was_asked_for_lets_nobody_in(
    pages: httpx.Client, centre: Provider, database: Database, behaviour: dict[str, Any]
) -> None:
    centre.be(**behaviour)
    refused(pages, come(pages), "be trusted")
    assert recorded(database) == [(None, False, "token")]


def test_an_issuers_new_key_is_trusted_and_the_one_it_took_back_no_more(pages: httpx.Client, centre: Provider) -> None:
    assert come(pages).status_code == 200
    centre.be(rotate=True)
    assert come(pages).status_code == 200


@pytest.mark.parametrize("change", [{"state": ""}, {"state": "another"}, None], ids=["empty", "another", "missing"])
def test_an_answer_without_the_state_is_nobodys_and_its_code_is_not_looked_at(
    pages: httpx.Client, centre: Provider, database: Database, change: dict[str, str] | None
) -> None:
    back, told = httpx.URL(to_issuer(pages)), centre.told()
    back = back.copy_remove_param("state") if change is None else back.copy_merge_params(change)
    refused(pages, pages.get(back), "not begun in this browser")
    assert recorded(database) == [(None, False, "unasked")] and centre.told() == told


def test_an_answer_is_good_in_the_browser_that_went_and_nowhere_else(
    pages: httpx.Client, centre: Provider, database: Database
) -> None:
    back, told = to_issuer(pages), centre.told()
    with browser(str(pages.base_url)) as victim:
        refused(victim, victim.get(back), "not begun in this browser")
    assert recorded(database) == [(None, False, "unasked")] and centre.told() == told


def test_an_answer_is_good_once(pages: httpx.Client, database: Database) -> None:
    back = to_issuer(pages)
    kept = dict(pages.cookies)
    assert pages.get(back).status_code == 200
    pages.cookies.clear()
    pages.cookies.update(kept)
    refused(pages, pages.get(back), "not begun in this browser")
    assert recorded(database) == [(AUDITOR, True, None), (None, False, "unasked")]


def with_code(back: str, code: str) -> httpx.URL:
    return httpx.URL(back).copy_merge_params({"code": code})


def test_a_code_that_was_used_is_refused_in_another_sign_in(pages: httpx.Client, database: Database) -> None:
    back = to_issuer(pages)
    code = parse_qs(urlsplit(back).query)["code"][0]
    assert pages.get(back).status_code == 200
    pages.cookies.clear()
    refused(pages, pages.get(with_code(to_issuer(pages), code)), "sign-in refused")
    assert recorded(database)[-1] == (None, False, "issuer")


@pytest.mark.parametrize("client", [OTHER, CLIENT])
def test_a_code_of_another_client_or_another_sign_in_is_refused(
    pages: httpx.Client, centre: Provider, database: Database, port: int, client: str
) -> None:
    stolen = centre.code_for(client, f"http://127.0.0.1:{port}{BACK}", "c" * 43)
    refused(pages, pages.get(with_code(to_issuer(pages), stolen)), "sign-in refused")
    assert recorded(database) == [(None, False, "issuer")]


@pytest.mark.parametrize("behaviour", [{"error": "access_denied"}, {"back": {"iss": "https://elsewhere.example"}}])
def test_what_the_issuer_refuses_or_another_one_answers_lets_nobody_in(
    pages: httpx.Client, centre: Provider, database: Database, behaviour: dict[str, Any]
) -> None:
    told = centre.told()
    centre.be(**behaviour)
    refused(pages, come(pages), "sign-in refused")
    assert recorded(database) == [(None, False, "issuer")] and centre.told() == told


@once_on_postgresql("said", ["e-0011", "ZHANG SAN", "p-1", "p-0011 ", ["p-0011"], 11, None])
def test_an_issuer_that_says_no_staff_code_lets_nobody_in(
    pages: httpx.Client, centre: Provider, database: Database, said: object
) -> None:
    centre.be(claims={"staff": said})
    refused(pages, come(pages), "names no staff code")
    assert recorded(database) == [(None, False, "codeless")]


def test_only_the_register_says_who_comes_in(pages: httpx.Client, centre: Provider, database: Database) -> None:
    centre.be(claims={"staff": "p-9999", "roles": ["auditor"]})
    refused(pages, come(pages), "is nobody")
    centre.be(claims={"staff": PACKER, "roles": ["auditor"]})
    refused(pages, come(pages), "need the role auditor")
    end(database, AUDITOR)
    centre.be()
    refused(pages, come(pages), "is nobody")
    assert recorded(database) == [
        ("p-9999", False, "nobody"), (PACKER, False, "roleless"), (AUDITOR, False, "nobody"),
    ]  # fmt: skip


def test_who_ends_reads_no_more_whatever_the_issuer_says(pages: httpx.Client, database: Database) -> None:
    come(pages)
    assert pages.get("/").status_code == 200
    end(database, AUDITOR)
    assert pages.get("/").status_code == 303


def test_roles_come_from_the_register_alone(pages: httpx.Client, centre: Provider) -> None:
    centre.be(claims={"staff": OPERATOR, "roles": ["auditor"]})
    assert 'content="0; url=/alarms"' in come(pages).text
    assert pages.get("/alarms").status_code == 200 and pages.get("/integrity").status_code == 403


@once_on_postgresql(
    "settings, behaviour, good",
    [
        ({"acr": ("gold",)}, {}, False),
        ({"acr": ("gold", "silver")}, {}, True),
        ({"acr": ("silver",)}, {"without": ["acr"]}, False),
        ({"amr": ("pwd", "otp")}, {}, False),
        ({"amr": ("pwd", "otp")}, {"claims": {"amr": ["otp", "pwd", "mfa"]}}, True),
        ({"amr": ("pwd",)}, {"without": ["amr"]}, False),
        ({}, {"without": ["auth_time"]}, False),
        ({"max_age_s": 60}, {"claims": {"auth_time": 1_000_000_000}}, False),
    ],
)
def test_who_showed_themselves_less_than_the_line_asks_is_refused(
    serve: Pages, centre: Provider, database: Database, settings: Any, behaviour: Any, good: bool
) -> None:
    pages = serve(**settings)
    centre.be(**behaviour)
    answer = come(pages)
    if good:
        assert answer.status_code == 200
    else:
        refused(pages, answer, "did not check you just now")
    assert recorded(database) == [(AUDITOR, True, None) if good else (None, False, "weak")]


def by_password(pages: httpx.Client, code: str = AUDITOR, password: str = PASSWORD) -> httpx.Response:
    token = re.findall(r'name="token" value="([^"]+)"', pages.get("/sign-in").text)[0]
    return pages.post("/sign-in", data={"code": code, "password": password, "token": token, "to": ""})


ELSEWHERE = dict.fromkeys(("authorization_endpoint", "token_endpoint", "jwks_uri"), "http://id.example/x")
FAILING = [
    {"down": True},
    {"published": {"issuer": "https://elsewhere.example"}},
    *({"published": {name: address}} for name, address in ELSEWHERE.items()),
    {"published": {"jwks_uri": None}},
    {"published": {"token_endpoint_auth_methods_supported": ["private_key_jwt"]}},
]


@once_on_postgresql("behaviour", FAILING)
def test_without_the_issuer_people_sign_in_by_password_and_are_told_so(
    pages: httpx.Client, centre: Provider, database: Database, behaviour: dict[str, Any]
) -> None:
    centre.be(**behaviour)
    answer = pages.get(BEGIN)
    assert answer.status_code == 503 and "Code and password work as always" in answer.text
    assert recorded(database) == [(None, False, "down")]
    assert by_password(pages).status_code == 303 and pages.get("/").status_code == 200


def test_an_issuer_that_goes_down_meanwhile_lets_nobody_in(
    pages: httpx.Client, centre: Provider, database: Database
) -> None:
    back = to_issuer(pages)
    centre.be(down=True)
    assert pages.get(back).status_code == 503
    assert recorded(database) == [(None, False, "down")] and pages.get("/").status_code == 303


@once_on_postgresql(
    "to, goes",
    [
        ("/custody?number=A%201", "/custody?number=A%201"), ("https://elsewhere.example", "/"), ("//elsewhere", "/"),
        ("/\\elsewhere", "/"), ("javascript:alert(1)", "/"), ('/"><script>', '/&#34;&gt;&lt;script&gt;'),
    ],
)  # fmt: skip
def test_nobody_is_led_elsewhere(pages: httpx.Client, to: str, goes: str) -> None:
    assert f'content="0; url={goes}"' in come(pages, to).text


def test_a_session_from_before_is_not_the_one_that_is_signed_in(pages: httpx.Client) -> None:
    by_password(pages, OPERATOR)
    before = pages.cookies["passline_session"]
    come(pages)
    assert pages.cookies["passline_session"] != before and AUDITOR in pages.get("/integrity").text
    pages.cookies.clear()
    pages.cookies["passline_session"] = before
    assert pages.get("/alarms").status_code == 303


def test_the_way_there_and_back_opens_nothing(pages: httpx.Client) -> None:
    away = pages.get(BEGIN)
    said = away.headers["set-cookie"]
    assert "httponly" in said.lower() and "samesite=lax" in said.lower() and f"Path={BEGIN}" in said
    assert pages.get("/").status_code == 303
    asked = parse_qs(urlsplit(away.headers["location"]).query)
    assert asked["code_challenge_method"] == ["S256"] and asked["prompt"] == ["login"] and asked["max_age"] == ["300"]
    assert asked["scope"] == ["openid"] and SECRET not in away.headers["location"]


def test_who_signs_out_is_out(pages: httpx.Client) -> None:
    come(pages)
    cookie = pages.cookies["passline_session"]
    token = re.findall(r'name="token" value="([^"]+)"', pages.get("/integrity").text)[0]
    assert pages.post("/sign-out", data={"token": token}).status_code == 303
    pages.cookies.clear()
    pages.cookies["passline_session"] = cookie
    assert pages.get("/").status_code == 303


def test_so_many_sign_ins_come_from_one_address(pages: httpx.Client, database: Database) -> None:
    answers = [pages.get(BACK).status_code for _ in range(ATTEMPTS)]
    assert answers == [403] * ATTEMPTS
    assert pages.get(BACK).status_code == pages.get(BEGIN).status_code == 429
    assert len(recorded(database)) == ATTEMPTS


def test_wrong_passwords_stay_counted_and_lock_nobody_out_of_the_issuer(
    pages: httpx.Client, database: Database
) -> None:
    for _ in range(5):
        by_password(pages, password="a wrong one, whatever")
    assert come(pages).status_code == 200
    pages.cookies.clear()
    answer = by_password(pages)
    assert answer.status_code == 403 and "locked until" in answer.text


def test_who_came_through_the_issuer_signs_nothing(pages: httpx.Client, centre: Provider, database: Database) -> None:
    centre.be(claims={"staff": OPERATOR})
    come(pages)
    token = re.findall(r'name="token" value="([^"]+)"', pages.get("/alarms").text)[0]
    answer = pages.post("/alarms/1/acknowledge", data={"token": token})
    assert answer.status_code == 403 and "sign in with code and password" in answer.text


def test_only_a_step_that_asks_the_password_may_be_done_by_who_came_to_read() -> None:
    asks = [f"/patrol/finding/1/{step}" for step in ("mended", "returned", "checked")]
    ask_none = ["/patrol/finding/1/taken", "/patrol/round/mended", "/alarms/1/acknowledge", "/patrol/finding/1"]
    assert [asks_password(path) for path in asks + ask_none] == [True] * 3 + [False] * 4


def test_no_record_can_name_a_sign_in_through_the_issuer(pages: httpx.Client, database: Database) -> None:
    come(pages)
    with database.read() as conn:
        attempt = conn.execute(text("SELECT attempt_id FROM issuer_sign_in")).scalar_one()
    session = (
        "INSERT INTO terminal_session (session_id, code, sign_in, password_us, begun_us, until_us, computer, account,"
        " terminal, mac, seen_us) VALUES ('s', 'p-0011', :id, 1, 1, 2, 'c', 'a', 't', 'm', 1)"
    )
    posing = "INSERT INTO issuer_sign_in SELECT attempt_id, 'p-0011', 1, 'i', true, NULL FROM sign_in_attempt LIMIT 1"
    for statement in (session, posing):
        with pytest.raises(Exception, match=r"accepted just now|no signature"):
            database.write(lambda tx, statement=statement: tx.execute(text(statement), {"id": attempt}))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE issuer_sign_in SET accepted = true",
        "DELETE FROM issuer_sign_in",
        "INSERT INTO issuer_sign_in VALUES ('x', 'p-9999', 1, 'i', true, NULL)",
        "INSERT INTO issuer_sign_in VALUES ('x', NULL, 1, 'i', true, NULL)",
        "INSERT INTO issuer_sign_in VALUES ('x', 'p-0011', 1, 'i', false, NULL)",
        "INSERT INTO issuer_sign_in VALUES ('x', 'p-0011', 1, 'i', false, 'token')",
    ],
)
def test_the_database_keeps_what_came_through_the_issuer(
    pages: httpx.Client, database: Database, statement: str
) -> None:
    come(pages)
    before = recorded(database)
    with pytest.raises(Exception, match=r"append-only|only who is enrolled|ck_issuer_sign_in_outcome"):
        database.write(lambda tx: tx.execute(text(statement)))
    assert recorded(database) == before
