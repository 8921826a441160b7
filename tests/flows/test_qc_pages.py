"""The QC desk's pages: for inspectors alone, personal data for who has the piece in hand, a void by two who sign in."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from read_by_hand import means_by_hand
from served import browser, serving
from small_desk import PASSWORD
from small_line import Line
from small_qc import QcDesk

from flows.app import Served
from flows.desk_app import create_desk
from flows.qc_pages import QcDesk as Pages
from handoff_logs.asking import Asking
from handoff_logs.database import Database
from handoff_logs.records import new_id
from stations.people_register import passwords

ANN, BOB, LEAD, REV = "p-0011", "p-0012", "p-0014", "p-0015"
ROUTES = (
    ("GET", "/qc"),
    ("GET", "/qc/overview"),
    ("GET", "/qc/piece/{hold}"),
    ("GET", "/qc/portrait/{hold}"),
    ("GET", "/qc/printed/{hold}"),
    ("POST", "/qc/scan"),
    ("POST", "/qc/emulated"),
    ("POST", "/qc/decide"),
    ("POST", "/qc/undo"),
    ("POST", "/qc/back"),
    ("POST", "/qc/again"),
    ("POST", "/qc/void"),
)
NO_ACTS: tuple[tuple[str, dict[str, str], int], ...] = (
    ("scan", {"serial": "EZ9999999"}, 404),
    ("scan", {"serial": ""}, 404),
    ("scan", {"serial": "'; --"}, 404),
    ("scan", {"serial": "X" * 50}, 404),
    ("decide", {"outcome": "maybe"}, 400),
    ("decide", {"outcome": "fail", "codes": "nothing"}, 400),
    ("decide", {"outcome": "pass", "codes": "zone"}, 400),
    ("decide", {"outcome": "pass", "decision": "1"}, 400),
    ("decide", {"outcome": "pass", "decision": "0" * 32, "hold": "x"}, 404),
    ("undo", {"decision": "0" * 32}, 404),
    ("again", {"hold": "x"}, 404),
    ("again", {"hold": "\x00" * 32}, 404),
    ("undo", {"decision": "\x00"}, 404),
    ("decide", {"outcome": "pass", "decision": "0" * 32, "hold": "\x00"}, 404),
    ("void", {"decision": "\x00", "password": PASSWORD, "second": LEAD, "second_password": PASSWORD}, 404),
    ("void", {"password": "\x00", "second": "\x00", "second_password": "\x00"}, 403),
    ("scan", {"serial": "EA\x00"}, 404),
    ("back", {}, 200),
)
OPEN = {"/sign-in", "/sign-out", "/healthz", "/", "/static"}


@pytest.fixture
def line_tables() -> bool:
    """The desk is in the line's tables."""
    return True


def with_open_chip(piece: Any) -> Any:
    """A piece whose chip's signature was cut short."""
    return replace(piece, chip={**piece.chip, "EF.SOD": piece.chip["EF.SOD"][:-1]})


@pytest.fixture
def desk(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[QcDesk]:
    """A desk with three pieces, the first of which has a bad chip."""
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
    line = Line(database, tmp_path)
    made = QcDesk.of(line, means_by_hand(line))
    made.set_passwords()
    made.made(3, spoil=lambda piece: with_open_chip(piece) if line.machines_made == 1 else piece)
    yield made
    line.close()


def served(desk: QcDesk, url: str, *, emulated: bool = True) -> Any:
    """The application of the QC desk alone."""
    eyes = desk.line.inspector if emulated else None
    what = Served(desk.line.folder, "test", True, bytes(32), Asking(url, str))
    return create_desk(what, desk.database, lambda renderer: [Pages(renderer, desk.here, eyes)])


@pytest.fixture
def app(desk: QcDesk, database_url: str) -> Any:
    return served(desk, database_url)


@pytest.fixture
def address(app: Any) -> Iterator[str]:
    with serving(app) as where:
        yield where


def sign_in(client: httpx.Client, code: str) -> httpx.Response:
    token = re.findall(r'name="token" value="([^"]+)"', client.get("/sign-in").text)[0]
    return client.post("/sign-in", data={"code": code, "password": PASSWORD, "token": token, "to": ""})


@contextmanager
def opened(address: str, code: str = ANN) -> Iterator[Any]:
    """A browser in which somebody has signed in; `token` is what their forms bear."""
    with browser(address) as client:
        assert sign_in(client, code).status_code == 303
        client.token = re.findall(r'data-token="([^"]+)"', client.get("/qc").text)[0]  # type: ignore[attr-defined]
        yield client


def post(client: Any, act: str, **facts: str) -> httpx.Response:
    answer: httpx.Response = client.post(f"/qc/{act}", data={"token": client.token, **facts})
    return answer


def take(client: Any, serial: str) -> str:
    answer = post(client, "scan", serial=serial)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["hold"])


def decide(client: Any, serial: str, *codes: str) -> str:
    """Take and decide; the decision's id."""
    decision = new_id()
    facts = {"decision": decision, "hold": take(client, serial), "codes": " ".join(codes)}
    assert post(client, "decide", outcome="fail" if codes else "pass", **facts).json() == {"news": True}
    return decision


def void(
    client: Any, decision: str, password: str = PASSWORD, second: str = LEAD, second_password: str = PASSWORD
) -> Any:
    return post(client, "void", decision=decision, password=password, second=second, second_password=second_password)


def test_every_route_is_for_inspectors_alone(address: str, app: Any, desk: QcDesk) -> None:
    known = {(method.upper(), path) for path, methods in app.openapi()["paths"].items() for method in methods}
    assert {each for each in known if each[1] not in OPEN and "/count" not in each[1]} == set(ROUTES)
    with browser(address) as nobody:
        for method, path in ROUTES:
            assert nobody.request(method, path.format(hold="0" * 32)).status_code == 303, path
        assert sign_in(nobody, LEAD).status_code == 403


def test_a_production_desk_has_no_emulated_scanner(desk: QcDesk, database_url: str) -> None:
    """Nor anything that shows what an EMULATED piece bears."""
    paths = served(desk, database_url, emulated=False).openapi()["paths"]
    assert not any("emulated" in path or "printed" in path for path in paths)


def test_a_form_without_its_own_token_changes_nothing(address: str, desk: QcDesk) -> None:
    with opened(address) as ann:
        for act in ("scan", "emulated", "decide", "undo", "back", "again", "void"):
            answer = ann.post(f"/qc/{act}", data={"token": "x", "serial": desk.serials()[0]})
            assert answer.status_code == 403 and answer.json()["said"]
    assert desk.rows("SELECT count(*) FROM qc_hold") == [(0,)]


def test_a_piece_is_shown_beside_its_order_to_whoever_has_it_in_hand_and_never_the_reviewer(
    address: str, desk: QcDesk
) -> None:
    reviewers = {row[0] for row in desk.rows("SELECT reviewer FROM review_verdict")}
    with opened(address) as ann, opened(address, BOB) as bob:
        hold = take(ann, desk.serials()[0].lower())
        for what in ("piece", "portrait", "printed"):
            shown = ann.get(f"/qc/{what}/{hold}")
            assert (shown.status_code, shown.headers["cache-control"]) == (200, "no-store")
            assert bob.get(f"/qc/{what}/{hold}").status_code == 404
        page = ann.get(f"/qc/piece/{hold}").text
        assert "signature does not hold" in page and "have it read again, or fail it" in page
        assert not any(reviewer in page + ann.get("/qc/overview").text for reviewer in reviewers)
        assert post(bob, "scan", serial=desk.serials()[0]).json()["said"] == f"It is in the hand of {ANN}."
        assert post(ann, "back").json() == {"news": True}
        assert ann.get(f"/qc/piece/{hold}").status_code == 404
    assert desk.rows("SELECT what, count(*) FROM qc_view GROUP BY what ORDER BY what") == [
        ("facts", 2),
        ("portrait", 1),
        ("printed", 1),
    ]


def test_what_only_a_reader_sees_no_person_passes(address: str, desk: QcDesk) -> None:
    """The page says why, and the piece stays in hand."""
    with opened(address) as ann:
        hold = take(ann, desk.serials()[0])
        answer = post(ann, "decide", decision=new_id(), hold=hold, outcome="pass", codes="")
        assert (answer.status_code, answer.json()["refused"]) == (409, "qc.barred")
        assert "hashes or signature" in answer.json()["said"]
        assert ann.get(f"/qc/piece/{hold}").status_code == 200
        assert post(ann, "again", hold=hold).status_code == 200
        assert post(ann, "scan", serial=desk.serials()[0]).json()["refused"] == "qc.not_read"


def test_a_void_needs_both_passwords_at_that_moment_and_two_people(address: str, desk: QcDesk) -> None:
    """Whatever is wrong, nothing is signed, and the page says whose it was; then it is, once."""
    with opened(address) as ann:
        failed = decide(ann, desk.serials()[0], "chip_signature")
        assert "EA" in ann.get("/qc/overview").text
        for wrong, key in (
            ({"password": "another"}, "qc.first_refused"),
            ({"second_password": "another"}, "qc.second_refused"),
            ({"second": "nobody at all"}, "qc.second_refused"),
            ({"second": "e-qc-1"}, "qc.second_refused"),
            ({"second": ANN}, "qc.same_person"),
            ({"second": REV}, "qc.second_role"),
        ):
            answer = void(ann, failed, **wrong)
            assert (answer.status_code, answer.json()["refused"]) == (403, key), wrong
        assert desk.rows("SELECT count(*) FROM qc_void") == [(0,)]
        assert void(ann, failed).json() == {"news": True}
        assert void(ann, failed).json() == {"news": False}
        assert post(ann, "undo", decision=failed).json()["refused"] == "qc.booked"
    ((first, second, one, other),) = desk.rows("SELECT first, second, first_sign_in, second_sign_in FROM qc_void")
    assert (first, second) == (ANN, LEAD)
    signed = desk.rows(
        "SELECT code, outcome FROM sign_in_attempt WHERE attempt_id IN (:one, :other)", one=one, other=other
    )
    assert sorted(signed) == [(ANN, "accepted"), (LEAD, "accepted")]


def test_decided_undone_and_decided_again_by_hand(address: str, desk: QcDesk) -> None:
    """The overview knows what is in hand and what can be undone, so that a page loaded again goes on."""
    with opened(address) as ann:
        serial = desk.serials()[1]
        decision = decide(ann, serial)
        assert f'data-undo="{decision}"' in ann.get("/qc/overview").text
        assert post(ann, "scan", serial=serial).json()["said"] == "It was decided: passed."
        held = post(ann, "undo", decision=decision).json()
        assert held["serial"] == serial
        assert f'data-hold="{held["hold"]}"' in ann.get("/qc/overview").text
        assert ann.post("/sign-out", data={"token": ann.token}).status_code == 303
    assert desk.rows("SELECT ended_how FROM qc_hold WHERE hold_id = :id", id=held["hold"]) == [("put_back",)]


def test_what_is_no_act_is_refused_whole(address: str, desk: QcDesk) -> None:
    with opened(address) as ann:
        for act, facts, status in NO_ACTS:
            assert post(ann, act, **facts).status_code == status, (act, facts)
        for what in ("piece", "portrait", "printed"):
            assert ann.get(f"/qc/{what}/%00").status_code == 404
    assert desk.rows("SELECT count(*) FROM qc_decision") == [(0,)]


def test_the_emulated_scanner_reads_what_lies_there_until_nothing_does(address: str, desk: QcDesk) -> None:
    """A person can do the whole tray in a browser."""
    with opened(address) as ann:
        seen = []
        while (answer := post(ann, "emulated")).status_code == 200:
            seen.append(answer.json()["serial"])
            decide(ann, seen[-1], *(["chip_signature"] if seen[-1] == desk.serials()[0] else []))
        assert sorted(seen) == desk.serials()
        assert answer.json()["said"]


def test_a_tray_of_which_nothing_was_scanned_is_closed_only_when_it_is_said_to_be_empty(
    address: str, desk: QcDesk
) -> None:
    """The key of the end, pressed too soon, would make all of the tray missing."""
    ended = "SELECT ended_how FROM tray_count"
    with opened(address) as ann:
        assert "No tray waits for your station" in post(ann, "count/begin").text
        desk.hand_on(2, seed=2)
        post(ann, "count/begin")
        [(count,)] = desk.rows("SELECT count_id FROM tray_count")
        refused = post(ann, "count/close", count=count)
        assert refused.status_code == 409 and "The tray is empty" in refused.text
        assert desk.rows(ended) == [(None,)]
        assert post(ann, "count/close", count=count, empty="yes").status_code == 303
        assert post(ann, "count/close", count=count).status_code == 303
    assert desk.rows(ended) == [("counted",)]


def test_a_tray_that_was_counted_is_said_to_come_until_the_line_has_it_and_has_read_it(
    address: str, desk: QcDesk
) -> None:
    """Not that there is none; and the page's script asks again soon while something is about to happen."""

    def coming(client: Any) -> tuple[bool, str]:
        page = client.get("/qc/overview").text
        told = "coming" if "taking it in" in page else "none" if "No tray is here" in page else "there"
        return 'data-coming="0"' not in page, told

    with opened(address) as ann:
        for serial in desk.serials():
            decide(ann, serial, *(["chip_signature"] if serial == desk.serials()[0] else []))
        assert coming(ann) == (False, "there"), "two have to sign first"
        desk.sign(desk.rows("SELECT decision_id FROM qc_decision WHERE outcome = 'fail'")[0][0])
        assert coming(ann)[0], "all of it is decided: the line books it"
        (tray,) = desk.begun()
        desk.void(tray)
        desk.book(tray)
        assert coming(ann) == (False, "none")
        desk.hand_on(2, seed=2)
        assert coming(ann) == (False, "none")
        post(ann, "count/begin")
        [(count,)] = desk.rows("SELECT count_id FROM tray_count")
        assert post(ann, "count/close", count=count, empty="yes").status_code == 303
        assert coming(ann) == (True, "coming")
        desk.count_in()
        assert coming(ann) == (True, "there"), "it is being read"
        for tray in desk.begun():
            desk.read(tray)
        assert coming(ann) == (False, "there")


def test_a_piece_whose_application_was_stopped_is_not_decided_on_the_page(address: str, desk: QcDesk) -> None:
    """Rule 8, with the piece in hand and before it is."""
    _, second, third = desk.serials()
    with opened(address) as ann:
        hold = take(ann, second)
        for serial in (second, third):
            [(application,)] = desk.rows("SELECT application_id FROM job WHERE blank_serial = :serial", serial=serial)
            desk.line.stop(application)
        answer = post(ann, "decide", decision=new_id(), hold=hold, outcome="pass", codes="")
        assert (answer.status_code, "stopped" in answer.json()["said"]) == (409, True)
        post(ann, "back")
        answer = post(ann, "scan", serial=third)
        assert answer.status_code == 409 and answer.json()["said"]
    assert desk.rows("SELECT count(*) FROM qc_decision") == [(0,)]


def test_the_page_of_a_count_does_not_say_how_many_there_must_be(address: str, desk: QcDesk) -> None:
    """Rule 3: nor what they are, until it is over."""
    desk.hand_on(4, seed=2)
    offered = desk.rows(
        "SELECT j.blank_serial, j.document_number FROM whereabouts w JOIN job j ON j.document_unit = w.unit_id"
        " WHERE w.state = 'offered'"
    )
    assert len(offered) > 1
    with opened(address) as ann:
        assert post(ann, "count/begin").status_code == 303
        [(count,)] = desk.rows("SELECT count_id FROM tray_count WHERE ended_us IS NULL")
        page = ann.get("/qc/count").text
        assert count in page
        assert not any(number in page for numbers in offered for number in numbers)
        words = re.sub(r"<[^>]*>|[0-9a-f]{32}", " ", page)
        assert not re.search(rf"\b{len(offered)}\b", words), words
