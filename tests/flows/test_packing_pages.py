"""The packing desk's pages: for packers alone, each form with its own token, what is no scan refused whole."""

import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from enrolled import end
from packing_served import packing_desk
from pwdlib.hashers.argon2 import Argon2Hasher
from served import browser, serving
from small_desk import PASSWORD
from small_line import Line
from small_packing_desk import PackingDeskLine

from handoff_logs.database import Database
from handoff_logs.records import new_id
from stations.emulated_staff import EmulatedPacker
from stations.packing import desk_booking
from stations.packing.asking import AskingDesk
from stations.packing.desk import Filling
from stations.packing.errors import LeftAtDeskError
from stations.people_register import passwords

OPEN = {"/sign-in", "/sign-out", "/healthz", "/", "/static"}
POSTS = ("match", "undo", "close", "answer", "release", "emulated")


@pytest.fixture
def line_tables() -> bool:
    """The desk is in the line's tables."""
    return True


@pytest.fixture
def desk(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PackingDeskLine]:
    """A desk with eight documents in one tray."""
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
    line = Line(database, tmp_path)
    made = PackingDeskLine.of(line)
    made.set_passwords()
    made.tray = made.accept_one(8)  # type: ignore[attr-defined]
    yield made
    line.close()


@pytest.fixture
def app(desk: PackingDeskLine, database_url: str, tmp_path: Path) -> Any:
    return packing_desk(tmp_path, database_url, desk)


@pytest.fixture
def address(app: Any) -> Iterator[str]:
    with serving(app) as where:
        yield where


@contextmanager
def opened(address: str, code: str) -> Iterator[Any]:
    """A browser in which somebody has signed in; `token` is what their forms bear."""
    with browser(address) as client:
        token = re.findall(r'name="token" value="([^"]+)"', client.get("/sign-in").text)[0]
        answer = client.post("/sign-in", data={"code": code, "password": PASSWORD, "token": token, "to": ""})
        assert answer.status_code == 303
        client.token = re.findall(r'data-token="([^"]+)"', client.get("/packing").text)[0]  # type: ignore[attr-defined]
        yield client


def sent(client: Any, *codes: str, **more: str) -> httpx.Response:
    facts = {"token": client.token, "match": new_id(), "codes": "\n".join(codes)} | more
    return client.post("/packing/match", data=facts)


def packed(desk: PackingDeskLine) -> list[tuple[Any, ...]]:
    """Match all, close all boxes, book: the labels with grouping and tray."""
    desk.match_all("pete", desk.tray)  # type: ignore[attr-defined]
    desk.book()
    desk.close_boxes("pete")
    desk.book()
    return desk.rows("SELECT label, grouping, tray FROM parcel ORDER BY grouping")


def test_every_route_is_for_packers_alone(address: str, app: Any, desk: PackingDeskLine) -> None:
    """Nobody, another role, and who was a packer: turned away."""
    routes = [(verb.upper(), path) for path, verbs in app.openapi()["paths"].items() for verb in verbs]
    own = [(method, path) for method, path in routes if path not in OPEN]
    assert len(own) == 19 and all(path.startswith("/packing") for _, path in own)
    with browser(address) as nobody:
        for method, path in own:
            assert nobody.request(method, path.format(label="P-1", tray="1")).status_code == 303, path
        token = re.findall(r'name="token" value="([^"]+)"', nobody.get("/sign-in").text)[0]
        lead = {"code": "p-0013", "password": PASSWORD, "token": token, "to": ""}
        assert nobody.post("/sign-in", data=lead).status_code == 403
    with opened(address, "p-0011") as pia:
        end(desk.database, "p-0011")
        for method, path in own:
            assert pia.request(method, path.format(label="P-1", tray="1")).status_code == 303, path


def test_a_form_without_its_own_token_changes_nothing(address: str, desk: PackingDeskLine) -> None:
    piece = desk.pieces(desk.tray, delivery="collection")[0]  # type: ignore[attr-defined]
    with opened(address, "p-0011") as pia, opened(address, "p-0012") as pete:
        for token in ("", "x", pete.token):
            for path in POSTS:
                answer = pia.post(f"/packing/{path}", data={"token": token, "match": new_id(), "codes": "a"})
                assert answer.status_code == 403 and answer.json()["said"]
        assert desk.rows("SELECT count(*) FROM packing_match") == [(0,)]
        one = new_id()
        answer = sent(pia, *desk.codes(piece), match=one)
        assert (answer.status_code, answer.json()["outcome"], answer.json()["news"]) == (200, "matched", True)
        assert answer.headers["cache-control"] == "no-store"
        assert sent(pia, *desk.codes(piece), match=one).json()["news"] is False
        assert sent(pete, *desk.codes(piece), match=one).status_code == 409
        again = sent(pete, *desk.codes(piece)).json()
        assert again["outcome"] == "mismatch" and again["then"]


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"match": "1"}, 400),
        ({"codes": ""}, 400),
        ({"codes": "office:jinan"}, 400),
        ({"codes": "0" * 32 + "\noffice:jinan"}, 400),
        ({"codes": "\n".join(["x" * 500] * 3)}, 200),
        ({"codes": "x" * 9_000}, 413),
    ],
)
def test_what_is_no_match_of_a_piece_decides_none(
    address: str, desk: PackingDeskLine, form: dict[str, str], status: int
) -> None:
    with opened(address, "p-0011") as pia:
        assert sent(pia, "a", **form).status_code == status
        assert pia.post("/packing/close", data={"token": pia.token, "box": "0" * 32}).status_code == 404
        assert pia.post("/packing/answer", data={"token": pia.token, "ask": "0", "answer": "yes"}).status_code == 404
        assert pia.post("/packing/answer", data={"token": pia.token, "ask": "0", "answer": "?"}).status_code == 404
    assert desk.rows("SELECT count(*) FROM packing_match WHERE document_unit IS NOT NULL") == [(0,)]


def test_lists_and_labels_name_pieces_and_nobody(address: str, desk: PackingDeskLine, tmp_path: Path) -> None:
    """A box's documents, a tray's parcels with postage; the label what a printer would print."""
    parcels = packed(desk)
    box = next(label for label, grouping, _ in parcels if grouping == "office")
    post, tray = next((label, tray) for label, grouping, tray in parcels if grouping == "single")
    names = [row[0] for row in desk.rows("SELECT number FROM unit_number WHERE kind = 'order'")]
    with opened(address, "p-0011") as pia:
        table = list(csv.reader(io.StringIO(pia.get(f"/packing/box/{box}.csv").text.removeprefix("\ufeff"))))
        inside = desk.rows(
            "SELECT j.blank_serial FROM whereabouts w JOIN parcel p ON p.parcel_unit = w.container"
            " JOIN job j ON j.document_unit = w.unit_id WHERE p.label = :label ORDER BY 1", label=box,
        )  # fmt: skip
        assert [row[3] for row in table[1:]] == [row[0] for row in inside]
        chinese = {"accept-language": "zh"}
        table = list(csv.reader(io.StringIO(pia.get(f"/packing/tray/{tray}.csv", headers=chinese).text)))
        singles = sum(grouping == "single" for _, grouping, _ in parcels)
        assert len(table) == 1 + singles and table[0][-1] == "邮资（元）"
        assert {int(row[-1]) for row in table[1:]} <= {0, 15, 22}
        for path in (f"box/{box}.pdf", f"tray/{tray}.pdf"):
            answer = pia.get(f"/packing/{path}")
            assert answer.headers["content-type"] == "application/pdf" and answer.content.startswith(b"%PDF-1.7")
            assert answer.headers["cache-control"] == "no-store"
            (tmp_path / path.replace("/", "-")).write_bytes(answer.content)
        assert not any(name.encode() in answer.content for name in names)
        assert pia.get(f"/packing/box/{post}.pdf").status_code == 404
        assert pia.get("/packing/tray/none.pdf").status_code == 404
        # Both went on to mailing: their labels are not printed again.
        assert pia.get(f"/packing/label/{post}.pdf").status_code == 404


def test_a_lost_packers_tray_is_anothers_when_they_sign_out(address: str, desk: PackingDeskLine) -> None:
    with opened(address, "p-0011") as pia:
        assert pia.post("/sign-out", data={"token": pia.token}).status_code == 303
        assert pia.get("/packing").status_code == 303


def test_what_the_run_asks_is_shown_and_answered_and_the_label_printed_at_the_desk(
    address: str, desk: PackingDeskLine
) -> None:
    """While the parcel is packing's; whoever answers is kept."""

    class Late(EmulatedPacker):
        def fill(self, fillings: Any, place: str) -> None:
            raise InterruptedError

    desk.match_all("pete", desk.tray)  # type: ignore[attr-defined]
    with pytest.raises(InterruptedError):
        desk_booking.book_tray(desk.here, desk.tray, Late(desk.line.hands))  # type: ignore[attr-defined]
    ((label,), *_) = desk.rows("SELECT label FROM parcel WHERE grouping = 'single'")
    with pytest.raises(LeftAtDeskError):
        AskingDesk(desk.here, True, lambda: True).fill([Filling(label, False, ())], "")
    ((ask,),) = desk.rows("SELECT ask_id FROM packing_ask")
    with opened(address, "p-0011") as pia:
        assert label in pia.get("/packing/now").text and ask in pia.get("/packing").text
        paper = pia.get(f"/packing/label/{label}.pdf")
        assert paper.status_code == 200 and b"/MediaBox [0 0 283.46 425.20]" in paper.content
        facts = {"token": pia.token, "ask": ask}
        assert pia.post("/packing/answer", data={**facts, "answer": "no"}).status_code == 409
        assert pia.post("/packing/answer", data={**facts, "answer": "yes"}).json() == {"news": True}
        assert ask not in pia.get("/packing/now").text
    assert desk.rows("SELECT answered_by FROM packing_ask") == [("p-0011",)]


def test_a_wrong_press_is_undone_at_the_desk(address: str, desk: PackingDeskLine) -> None:
    """By whoever pressed it, as their last match; until the line has taken the piece out it can't be scanned."""
    piece = desk.pieces(desk.tray, delivery="collection")[0]  # type: ignore[attr-defined]
    with opened(address, "p-0011") as pia, opened(address, "p-0012") as pete:
        match = new_id()
        sent(pia, *desk.codes(piece), match=match)
        assert f'data-undo="{match}"' in pia.get("/packing/now").text
        assert "data-undo" not in pete.get("/packing/now").text
        one = {"match": match, "undo": new_id()}
        assert pete.post("/packing/undo", data={"token": pete.token, **one}).status_code == 409
        for _ in range(2):
            answer = pia.post("/packing/undo", data={"token": pia.token, **one})
            assert answer.status_code == 200 and piece.blank_serial in answer.json()["said"]
        assert sent(pia, *desk.codes(piece)).status_code == 409
        desk.book()
        assert sent(pia, *desk.codes(piece)).json()["outcome"] == "matched"


def test_the_hold_shelf_is_freed_by_two_who_sign_in_at_that_moment(address: str, desk: PackingDeskLine) -> None:
    """What does not lie there asks nobody for a password; a wrong one, the same person or a stranger sign nothing."""
    pair = desk.pieces(desk.tray)[:2]  # type: ignore[attr-defined]
    own, other = desk.codes(pair[0]), desk.codes(pair[1])
    with opened(address, "p-0011") as pia:
        sent(pia, own[0], own[1], other[2])
        desk.book()
        assert f'data-release="{own[0]}" data-resolution="envelope"' in pia.get("/packing/now").text
        facts = {"token": pia.token, "release": new_id(), "number": own[0], "resolution": "envelope"}
        hands = {"password": PASSWORD, "second": "p-0013", "second_password": PASSWORD}
        for more, status in (
            ({"number": "EZ0000000"}, 404),
            ({"resolution": "void"}, 404),
            ({"resolution": "opened"}, 404),
            ({"password": "wrong"}, 403),
            ({"second_password": "wrong"}, 403),
            ({"second": "p-0011"}, 403),
            ({"release": "x"}, 400),
        ):
            assert pia.post("/packing/release", data=facts | hands | more).status_code == status, more
        assert desk.rows("SELECT count(*) FROM packing_release") == [(0,)]
        assert pia.post("/packing/release", data=facts | hands).json() == {"news": True}
        assert "p-0011 and p-0013 decided" in pia.get("/packing/now").text
        assert pia.post("/packing/release", data=facts | hands | {"release": new_id()}).status_code == 409
