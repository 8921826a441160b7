"""The pages of patrols: a round sent by a telephone is whole, one however often it is sent, and nobody else's."""

import hashlib
import http.client
import io
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from enrolled import enrol
from patrol_line import HOLDABLE, PLAN, picture
from PIL import Image
from pwdlib.hashers.argon2 import Argon2Hasher
from served import browser, serving
from sqlalchemy import text

from flows.app import Served, create_app
from flows.hardening import LONGEST_FORM
from flows.patrol_forms import MOST_FORM_BYTES, Rounds, field
from flows.sessions import ATTEMPTS
from handoff_logs.asking import Asking
from handoff_logs.database import Database
from stations.patrol import rules
from stations.people_register import passwords
from stations.people_register.credentials import SignedIn
from stations.personal import PersonalData

PASSWORD = "a password of everybody"
CRACK = "<b>the cover</b> has a crack"
ROUND = "/patrol/round/machines"


@pytest.fixture
def line_tables() -> bool:
    """Patrols and people are in the line's tables."""
    return True


@pytest.fixture
def people(database: Database, monkeypatch: pytest.MonkeyPatch) -> dict[str, SignedIn]:
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
    enrolled = enrol(database, operator="operator", keeper="keeper", lead="lead", auditor="auditor")
    for who in enrolled.values():
        facts = {"code": who.code, "hash": passwords.hashed(PASSWORD)}
        insert = text("INSERT INTO person_password VALUES (:code, :hash, 1)")
        database.write(lambda tx, facts=facts, insert=insert: tx.execute(insert, facts))
    return enrolled


@pytest.fixture
def sealed() -> list[None]:
    """What the pages asked to be sealed."""
    return []


@pytest.fixture
def address(database: Database, database_url: str, people: Any, tmp_path: Path, sealed: list[None]) -> Iterator[str]:
    personal = PersonalData.create(tmp_path / "keys")
    rounds = Rounds((PLAN,), HOLDABLE, personal, "day", lambda: sealed.append(None))
    served = Served(tmp_path, "test", True, bytes(32), Asking(database_url, str), rounds=rounds)
    with serving(create_app(served, database)) as where:
        yield where


@contextmanager
def opened(address: str, who: SignedIn) -> Iterator[httpx.Client]:
    """A browser in which somebody has signed in."""
    with browser(address) as client:
        token = hidden(client.get("/sign-in"), "token")
        form = {"code": who.code, "password": PASSWORD, "token": token, "to": ""}
        assert client.post("/sign-in", data=form).status_code == 303
        yield client


def hidden(page: httpx.Response, name: str) -> str:
    return re.findall(rf'name="{name}" value="([^"]+)"', page.text)[0]


def answered(client: httpx.Client, **more: str) -> dict[str, str]:
    """The form of a round on which all is in order."""
    page = client.get(ROUND)
    form = {"token": hidden(page, "token"), "round": hidden(page, "round")}
    return form | {field("answer", point, item.id): "ok" for point, item in PLAN.cells} | more


def bad(point: str = "book-01", item: str = "covers", what: str = CRACK, **more: str) -> dict[str, str]:
    said = {"answer": "bad", "what": what, "kind": "device", **more}
    return {field(part, point, item): value for part, value in said.items()}


def rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    with database.read() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def test_a_round_is_walked_and_its_finding_followed_to_its_end(
    address: str, people: dict[str, SignedIn], database: Database, sealed: list[None]
) -> None:
    with opened(address, people["operator"]) as walker, opened(address, people["lead"]) as lead:
        form = answered(walker) | bad(hold="yes")
        photo = {field("photo", "book-01", "covers"): ("../../x.jpg", picture(), "image/jpeg")}
        answer = walker.post(ROUND, data=form, files=photo)
        assert (answer.status_code, answer.headers["location"]) == (303, "/patrol?walked=machines")
        page = walker.get("/patrol?walked=machines").text
        assert "recorded and signed" in page and "holds book-01" in page
        assert "&lt;b&gt;the cover&lt;/b&gt;" in page and CRACK not in page
        [(number, sha256, machine)] = rows(database, "SELECT finding_id, photo, machine FROM patrol_finding")
        assert machine == "book-01"
        shown = walker.get(f"/patrol/photo/{sha256}")
        assert shown.headers["content-type"] == "image/jpeg"
        assert hashlib.sha256(shown.content).hexdigest() == sha256
        assert max(Image.open(io.BytesIO(shown.content)).size) == 1_600
        token = hidden(walker.get("/patrol"), "token")
        own = f"/patrol/finding/{number}"
        assert walker.post(f"{own}/taken", data={"token": token}).status_code == 303
        mended = {"token": token, "what": "a new cover", "password": PASSWORD}
        assert walker.post(f"{own}/mended", data=mended).status_code == 303
        page = walker.get(own).text
        assert "Somebody else looks at it" in page and "/checked" not in page
        assert walker.post(f"{own}/checked", data={"token": token, "password": PASSWORD}).status_code == 409
        other = hidden(lead.get(own), "token")
        assert lead.post(f"{own}/checked", data={"token": other, "password": PASSWORD}).status_code == 303
        assert "book-01 was held" in lead.get(own).text
    assert rows(database, "SELECT count(*) FROM patrol_finding WHERE NOT ended") == [(0,)]
    assert rows(database, "SELECT step, person FROM patrol_step ORDER BY position") == [
        ("taken", people["operator"].code),
        ("mended", people["operator"].code),
        ("checked", people["lead"].code),
    ]
    assert len(sealed) == 4


def test_two_clicks_are_one_round(address: str, people: dict[str, SignedIn], database: Database) -> None:
    with opened(address, people["operator"]) as client:
        form, together = answered(client) | bad(), threading.Barrier(3)
        cookies = dict(client.cookies)

        def click() -> tuple[int, str]:
            with browser(address) as one:
                one.cookies.update(cookies)
                together.wait()
                answer = one.post(ROUND, data=form)
                return answer.status_code, answer.headers.get("location", answer.text)

        with ThreadPoolExecutor(3) as threads:
            answers = [each.result() for each in [threads.submit(click) for _ in range(3)]]
    assert answers == [(303, "/patrol?walked=machines")] * 3
    assert rows(database, "SELECT count(*) FROM patrol_round") == [(1,)]
    assert rows(database, "SELECT count(*) FROM patrol_finding") == [(1,)]


@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        ({field("answer", "book-01", "covers"): ""}, 400, "1 items are not answered, book-01 covers is the first"),
        (bad(what=" "), 400, "say what is wrong"),
        (bad(what="x" * 501), 400, "say what is wrong"),
        (bad("place:server-room", hold="yes"), 400, "place:server-room can&#39;t be held"),
        ({"token": "wrong"}, 403, "came from elsewhere"),
        ({"round": "../../etc/passwd"}, 403, "came from elsewhere"),
    ],
)
def test_a_refused_round_says_why_keeps_what_was_typed_and_records_nothing(
    address: str, people: dict[str, SignedIn], database: Database, change: dict[str, str], status: int, says: str
) -> None:
    with opened(address, people["operator"]) as client:
        form = answered(client) | bad(item="network", what="port 7 is dark") | change
        answer = client.post(ROUND, data=form)
    assert answer.status_code == status and says in answer.text
    assert 'value="port 7 is dark"' in answer.text
    assert rows(database, "SELECT count(*) FROM patrol_round") == [(0,)]


def test_a_round_under_an_id_that_is_taken_is_sent_again_under_its_own(
    address: str, people: dict[str, SignedIn], database: Database
) -> None:
    with opened(address, people["operator"]) as client:
        form = answered(client)
        assert client.post(ROUND, data=form).status_code == 303
        answer = client.post(ROUND, data=form | bad())
        assert answer.status_code == 409 and hidden(answer, "round") != form["round"]
        again = form | bad() | {"round": hidden(answer, "round")}
        assert client.post(ROUND, data=again).status_code == 303
    assert rows(database, "SELECT count(*) FROM patrol_round") == [(2,)]


def announced(address: str, size: int) -> int:
    """The status of a form that says how large it is, and is not sent."""
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=20)
    connection.putrequest("POST", ROUND)
    connection.putheader("content-length", str(size))
    connection.endheaders()
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.parametrize("sent", [b"no picture", picture()[:-400] + b"<script>", b""])
def test_what_is_no_photograph_is_refused_and_an_empty_one_is_none(
    address: str, people: dict[str, SignedIn], database: Database, sent: bytes
) -> None:
    with opened(address, people["operator"]) as client:
        files = {field("photo", "book-01", "covers"): ("x.jpg", sent, "image/jpeg")}
        answer = client.post(ROUND, data=answered(client) | bad(), files=files)
    assert answer.status_code == (400 if sent else 303)
    assert rows(database, "SELECT count(*) FROM patrol_photo") == [(0,)]
    assert rows(database, "SELECT count(*) FROM patrol_round") == [(0 if sent else 1,)]


def test_a_round_may_be_large_and_no_other_form_may(address: str, people: dict[str, SignedIn]) -> None:
    """And who is not signed in is sent away before anything of it is read."""
    with opened(address, people["operator"]) as client:
        assert announced(address, MOST_FORM_BYTES + 1) == 413
        step = {"token": "t", "what": "x" * LONGEST_FORM}
        assert client.post("/patrol/finding/1/mended", data=step).status_code == 413
        many = {f"answer/book-01/{number}": "ok" for number in range(1_000)}
        files = {"photo/x/y": ("x.jpg", b"x", "image/jpeg")}
        assert client.post(ROUND, data=many, files=files).status_code == 400
    with browser(address) as client:
        answer = client.post(ROUND, data={"token": "t"}, files=files)
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?to=%2Fpatrol%2Fround%2Fmachines")


def test_nobody_sends_rounds_without_end(address: str, people: dict[str, SignedIn], database: Database) -> None:
    """By person: another is not held up."""
    with opened(address, people["operator"]) as client, opened(address, people["lead"]) as other:
        wrong = {"token": "wrong"}
        assert {client.post(ROUND, data=wrong).status_code for _ in range(ATTEMPTS)} == {403}
        answer = client.post(ROUND, data=answered(client))
        assert answer.status_code == 429 and "Too many rounds" in answer.text
        assert other.post(ROUND, data=answered(other)).status_code == 303
    assert rows(database, "SELECT count(*) FROM patrol_round") == [(1,)]


@pytest.mark.parametrize(
    ("role", "sees", "walks"), [("keeper", False, False), ("auditor", False, False), ("administrator", True, False)]
)
def test_each_role_sees_and_does_what_is_its_own(
    address: str, people: dict[str, SignedIn], database: Database, role: str, sees: bool, walks: bool
) -> None:
    with opened(address, people["operator"]) as walker, opened(address, people[role]) as client:
        assert ('href="/patrol"' in client.get("/alarms").text) is sees
        assert client.get("/patrol").status_code == (200 if sees else 403)
        form = answered(walker)
        mine = form | {"token": hidden(client.get("/alarms"), "token")}
        answer = client.post(ROUND, data=mine)
        assert answer.status_code == 403 and walks is False
        assert client.get(f"/patrol/photo/{'0' * 64}").status_code == (404 if sees else 403)
    assert rows(database, "SELECT count(*) FROM patrol_round") == [(0,)]


def test_a_wrong_password_mends_nothing_and_locks_the_code_after_five(
    address: str, people: dict[str, SignedIn], database: Database
) -> None:
    with opened(address, people["operator"]) as client:
        client.post(ROUND, data=answered(client) | bad())
        [(number,)] = rows(database, "SELECT finding_id FROM patrol_finding")
        token = hidden(client.get("/patrol"), "token")
        client.post(f"/patrol/finding/{number}/taken", data={"token": token})
        form = {"token": token, "what": "a new cover", "password": "a guess of somebody"}
        answers = [client.post(f"/patrol/finding/{number}/mended", data=form) for _ in range(6)]
    assert {answer.status_code for answer in answers} == {403}
    assert "password is refused" in answers[0].text and "code is locked" in answers[-1].text
    assert "a guess of somebody" not in "".join(answer.text for answer in answers)
    assert rows(database, "SELECT step FROM patrol_step") == [("taken",)]


@pytest.mark.parametrize(
    "path",
    [
        "/patrol/round/nights",
        "/patrol/finding/7",
        "/patrol/finding/x",
        "/patrol/finding/-1",
        "/patrol/photo/..%2f..%2fx",
    ],
)
def test_what_is_not_there_is_not_found(address: str, people: dict[str, SignedIn], path: str) -> None:
    with opened(address, people["lead"]) as client:
        assert client.get(path).status_code == 404


def test_the_pages_are_in_both_languages(address: str, people: dict[str, SignedIn]) -> None:
    with opened(address, people["lead"]) as client:
        page = client.get(f"{ROUND}?lang=zh").text
        assert "罩盖已关好" in page and "异常" in page and "Covers are closed" not in page
        assert rules.ANYTHING_ELSE.chinese in page
        page = client.get(f"{ROUND}?lang=en").text
        assert "Covers are closed" in page and "Problem" in page


def test_without_rounds_there_is_no_page_of_them(
    database: Database, database_url: str, people: dict[str, SignedIn], tmp_path: Path
) -> None:
    """As where the log was rolled back: auditors read it, and nothing is recorded."""
    with (
        serving(create_app(Served(tmp_path, "test", True, bytes(32), Asking(database_url, str)), database)) as address,
        opened(address, people["lead"]) as client,
    ):
        assert client.get("/patrol").status_code == 404 and "/patrol" not in client.get("/alarms").text


def test_a_patrols_texts_are_shown_as_changed_where_they_are(
    address: str, people: dict[str, SignedIn], database: Database, database_url: str
) -> None:
    with opened(address, people["operator"]) as client:
        client.post(ROUND, data=answered(client) | bad())
        on = "" if database_url.startswith("sqlite") else " ON patrol_finding"
        database.write(lambda tx: tx.execute(text(f"DROP TRIGGER patrol_finding_ends{on}")))
        database.write(lambda tx: tx.execute(text("UPDATE patrol_finding SET what = 'nothing'")))
        assert "changed after it was recorded" in client.get("/patrol").text
