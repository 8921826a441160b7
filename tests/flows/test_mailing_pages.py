"""The mailing desk's pages: each for its roles, each form with its own token; what is refused keeps what was typed."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from mailing_desk import PASSWORD, MailingDesk, packed_by_hand
from pwdlib.hashers.argon2 import Argon2Hasher
from served import browser, serving
from small_line import Line

from flows.app import Served
from flows.desk_app import create_desk
from flows.mailing_pages import MailingDesk as Desk
from handoff_logs.asking import Asking
from handoff_logs.database import Database
from handoff_logs.records import new_id
from stations.kept_machine import KeptMachine
from stations.mailing import own_scale
from stations.people_register import passwords

PAGES = ("", "/count", "/door", "/manifests", "/deliveries", "/returns", "/acts", "/retake")


@pytest.fixture
def line_tables() -> bool:
    """The desk is in the line's tables."""
    return True


@pytest.fixture
def desk(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailingDesk]:
    """A desk with two trays of parcels that mailing accepted."""
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
    line = Line(database, tmp_path)
    packed_by_hand(line, 6)
    made = MailingDesk.of(line)
    made.set_passwords()
    yield made
    line.close()


@pytest.fixture
def address(desk: MailingDesk, database_url: str, tmp_path: Path) -> Iterator[str]:
    served = Served(tmp_path, "test", True, bytes(32), Asking(database_url, str))
    app = create_desk(
        served,
        desk.database,
        lambda renderer: [Desk(renderer, served.asking, desk.here, "test", desk.line.mailer)],
    )
    with serving(app) as where:
        yield where


class Browser:
    """A browser in which somebody has signed in."""

    def __init__(self, client: httpx.Client, token: str) -> None:
        self.client, self.token = client, token

    def get(self, path: str) -> str:
        answer = self.client.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.text

    def post(self, path: str, **facts: Any) -> httpx.Response:
        files = facts.pop("files", None)
        return self.client.post(path, data={"token": self.token, **facts}, files=files)


@contextmanager
def opened(desk: MailingDesk, address: str, who: str = "ann") -> Iterator[Browser]:
    with browser(address) as client:
        token = re.findall(r'name="token" value="([^"]+)"', client.get("/sign-in").text)[0]
        code = desk.by[who].code
        answer = client.post("/sign-in", data={"code": code, "password": PASSWORD, "token": token, "to": ""})
        assert answer.status_code == 303, answer.text
        page = client.get(answer.headers["location"]).text
        yield Browser(client, re.findall(r'name="token" value="([^"]+)"', page)[0])


def hidden(page: str, name: str) -> str:
    return re.findall(rf'name="{name}" value="([^"]+)"', page)[0]


def test_a_tray_is_weighed_and_its_numbers_are_shown(desk: MailingDesk, address: str) -> None:
    with opened(desk, address) as me:
        for label, grams in desk.unweighed():
            answer = me.post(
                "/mailing/weigh", weighing=hidden(me.get("/mailing"), "weighing"), label=label, grams=grams
            )
            assert (answer.status_code, answer.headers["location"]) == (303, "/mailing")
        desk.book()
        page = me.get("/mailing")
        for (tracking,) in desk.rows("SELECT tracking FROM consigned_parcel WHERE tracking IS NOT NULL"):
            assert tracking in page


def test_a_weight_that_differs_fills_the_page(desk: MailingDesk, address: str) -> None:
    label, grams = desk.unweighed()[0]
    with opened(desk, address) as me:
        sent = {"label": label, "grams": f"{grams + 34} g"}
        first = me.post("/mailing/weigh", weighing=hidden(me.get("/mailing"), "weighing"), **sent)
        assert "Weigh it once more" in first.text and f"must weigh {grams} g" in first.text
        second = me.post("/mailing/weigh", weighing=hidden(me.get("/mailing"), "weighing"), **sent)
        assert "hold shelf" in second.text
        third = me.post("/mailing/weigh", weighing=hidden(me.get("/mailing"), "weighing"), **sent)
        assert third.status_code == 409 and f'value="{label}"' in third.text


def test_the_emulated_scanner_reads_what_lies_there(desk: MailingDesk, address: str) -> None:
    with opened(desk, address) as me:
        for _ in desk.unweighed():
            page = me.post("/mailing/emulated").text
            sent = {
                "weighing": hidden(page, "weighing"),
                "label": re.findall(r'name="label"[^>]* value="([^"]+)"', page)[0],
                "grams": re.findall(r'name="grams"[^>]* value="([^"]+)"', page)[0],
            }
            assert me.post("/mailing/weigh", **sent).status_code == 303
        assert "No parcel waits" in me.post("/mailing/emulated").text
        desk.book()
        page = me.post("/mailing/door/emulated").text
        assert all(label in page for label in desk.offered())


def test_the_driver_signs_for_what_they_counted(desk: MailingDesk, address: str) -> None:
    desk.weigh_all()
    desk.book()
    labels = desk.offered()
    with opened(desk, address) as me:
        assert str(len(labels)) not in re.findall(r"data-tally>(\d+)", me.get("/mailing/door"))
        count = {
            "labels": "\n".join(labels),
            "code": desk.by["dan"].code,
            "act": hidden(me.get("/mailing/door"), "act"),
        }
        wrong = me.post("/mailing/door", **count, second_password="not the driver's")
        assert wrong.status_code == 403 and labels[0] in wrong.text and "not the driver" not in wrong.text
        other = me.post("/mailing/door", **count | {"code": desk.by["bob"].code}, second_password=PASSWORD)
        assert other.status_code == 403 and "no role" in other.text
        for _ in range(2):  # a double click
            assert (
                me.post("/mailing/door", **count, second_password=PASSWORD)
                .headers["location"]
                .startswith("/mailing/acts")
            )
        assert "waits for the line" in me.get("/mailing/acts")
        (told,) = desk.run()
        assert told["taken"] == len(labels)
        assert f"{len(labels)} parcels are with the carrier" in me.get("/mailing/acts")


def test_a_driver_without_a_scanner_signs_for_a_number_and_never_sees_ours(desk: MailingDesk, address: str) -> None:
    """A wrong number hands nothing over, and leads to mailing's recount; what is no number is refused."""
    desk.weigh_all()
    desk.book()
    there = desk.rows("SELECT handoff_id, tray, count(*) FROM whereabouts WHERE state = 'offered' AND kind = 'parcel'"
                      " AND station = 'mailing' GROUP BY 1, 2")  # fmt: skip
    (handoff, tray, parcels), *_ = there
    with opened(desk, address) as me:
        page = me.get("/mailing/door")
        assert f'value="{handoff}"' in page and not re.findall(rf"\b{parcels}\b", page.split("numbered")[1])

        def number(said: str, **more: str) -> Any:
            form = page.split("numbered")[1]
            facts = {"act": hidden(form, "act"), "handoff": handoff, "number": said, "code": desk.by["dan"].code}
            return me.post("/mailing/door/number", **facts | {"second_password": PASSWORD} | more)

        for said in ("", "-1", "1.5", "many", "٣", "123456"):
            assert number(said).status_code == 400
        assert number("1", handoff="0" * 32).status_code == 409
        assert number(str(parcels), second_password="not the driver's").status_code == 403
        assert number(str(parcels), code=desk.by["ann"].code).status_code in (403, 409)
        assert desk.rows("SELECT count(*) FROM mailing_act") == [(0,)]
        for _ in range(2):
            assert number(str(parcels + 1)).status_code == 303
        (told,) = desk.run()
        assert (told["taken"], told["differs"]) == (0, (tray,))
        assert "differs" in me.get("/mailing/acts") and f"handoff={handoff}" in me.get("/mailing").replace("&amp;", "&")


def test_a_file_is_loaded_by_two_and_its_bad_lines_are_shown(desk: MailingDesk, address: str) -> None:
    desk.weigh_all()
    desk.book()
    desk.count(*desk.offered())
    two = {"password": PASSWORD, "code": desk.by["bob"].code, "second_password": PASSWORD}
    with opened(desk, address) as me:
        for name, content, status in (("a.txt", b"x", 400), ("a.csv", b"name,address\n", 400)):
            act = hidden(me.get("/mailing/deliveries"), "act")
            answer = me.post("/mailing/deliveries/load", act=act, **two, files={"file": (name, content)})
            assert (answer.status_code, "no file of delivery events" in answer.text) == (status, True)
        act = hidden(me.get("/mailing/deliveries"), "act")
        lines = b'{"event_id": "E1", "event": "delivered", "tracking": "XX1", "at": "2026-12-01T00:00:00Z"}\nnonsense\n'
        sent = {"act": act, **two, "files": {"file": ("carrier.jsonl", lines)}}
        assert me.post("/mailing/deliveries/load", **sent).status_code == 303
        desk.run()
        page = me.get("/mailing/acts")
        assert "2 lines" in page and "2 set aside" in page and "the line is no event" in page
        same = me.post(
            "/mailing/deliveries/load",
            **two | {"code": desk.by["ann"].code},
            act=act,
            files={"file": ("a.csv", b"event_id,event,at\n")},
        )
        assert same.status_code == 409 and "two different people" in same.text


def test_what_came_back_is_received_and_decided_by_two(desk: MailingDesk, address: str) -> None:
    desk.weigh_all()
    desk.book()
    labels = desk.offered()
    desk.count(*labels)
    two = {"password": PASSWORD, "code": desk.by["bob"].code, "second_password": PASSWORD}
    with opened(desk, address, "lead") as me:
        page = me.get("/mailing/returns")
        assert "P-" not in page
        unknown = me.post("/mailing/returns/receive", act=hidden(page, "act"), labels="P-nothing", **two)
        assert unknown.status_code == 400 and "P-nothing" in unknown.text
        sent = {"act": hidden(page, "act"), "labels": labels[0], **two}
        assert me.post("/mailing/returns/receive", **sent).status_code == 303
        desk.run()
        assert "the carrier had not said so" in me.get("/mailing/acts")
        page = me.get("/mailing/returns")
        assert labels[0] in page
        act = re.findall(r'action="/mailing/returns/decide".*?name="act" value="([^"]+)"', page, re.S)[0]
        assert me.post("/mailing/returns/decide", act=act, label=labels[0], what="send_again", **two).status_code == 303
        desk.run()
        assert [label for label, _ in desk.unweighed()] == [labels[0]]


def test_a_case_is_closed_by_two_on_the_page(desk: MailingDesk, address: str) -> None:
    desk.weigh_all()
    desk.book()
    tray = desk.line.waiting("carrier")[0].tray
    lost, *found = desk.line.hands.scan(f"tray:{tray}")
    assert found
    desk.count(*found)
    two = {"password": PASSWORD, "code": desk.by["bob"].code, "second_password": PASSWORD}
    with opened(desk, address) as me:
        page = me.get("/mailing/deliveries")
        assert lost in page
        act = re.findall(r'action="/mailing/deliveries/settle".*?name="act" value="([^"]+)"', page, re.S)[0]
        refused = me.post("/mailing/deliveries/settle", act=act, label=lost, found="delivered", **two)
        assert refused.status_code == 409
        assert me.post("/mailing/deliveries/settle", act=act, label=lost, found="here", **two).status_code == 303
        desk.run()
        assert lost in [label for label, _ in desk.unweighed()]


def test_a_manifest_is_printed_and_its_second_print_says_so(desk: MailingDesk, address: str) -> None:
    desk.weigh_all()
    desk.book()
    ((manifest,), *_) = desk.rows("SELECT consignment_id FROM consignment ORDER BY 1")
    with opened(desk, address) as me:
        assert manifest in me.get("/mailing/manifests")
        first, second = (me.post("/mailing/manifests/print", manifest=manifest, form="pdf") for _ in range(2))
        assert first.content.startswith(b"%PDF-") and first.content != second.content
        table = me.post("/mailing/manifests/print", manifest=manifest, form="csv")
        assert table.headers["content-disposition"].endswith('.csv"') and manifest in table.text
        assert me.post("/mailing/manifests/print", manifest="0" * 32, form="pdf").status_code == 404
    prints = desk.rows("SELECT person, count(*) FROM manifest_print GROUP BY person")
    assert prints == [(desk.by["ann"].code, 3)]


def test_only_mailers_and_leads_come_in(desk: MailingDesk, address: str) -> None:
    with browser(address) as client:
        for page in PAGES:
            assert client.get(f"/mailing{page}").headers["location"].startswith("/sign-in")
        token = re.findall(r'name="token" value="([^"]+)"', client.get("/sign-in").text)[0]
        for who in ("dan", "pam"):
            form = {"code": desk.by[who].code, "password": PASSWORD, "token": token, "to": ""}
            assert client.post("/sign-in", data=form).status_code == 403
    with opened(desk, address, "lead") as me:
        for page in PAGES:
            me.get(f"/mailing{page}")
        assert 'id="weigh"' not in me.get("/mailing")


def test_a_form_without_its_token_changes_nothing(desk: MailingDesk, address: str) -> None:
    label, grams = desk.unweighed()[0]
    with opened(desk, address) as me:
        me.token = "another"
        for path in (
            "weigh",
            "emulated",
            "door",
            "retake",
            "returns/receive",
            "returns/decide",
            "deliveries/load",
            "deliveries/settle",
            "manifests/print",
            "door/emulated",
            "retake/emulated",
            "returns/emulated",
        ):
            assert me.post(f"/mailing/{path}", label=label, grams=grams).status_code == 403, path
    for table in ("mailing_weighing", "mailing_act", "manifest_print"):
        assert desk.rows(f"SELECT count(*) FROM {table}") == [(0,)]


def test_a_form_that_is_too_large_is_refused(desk: MailingDesk, address: str) -> None:
    with opened(desk, address) as me:
        assert me.post("/mailing/weigh", label="x" * 5_000).status_code == 413
        assert me.post("/mailing/door", labels="x " * 80_000).status_code == 413
        assert me.post("/mailing/door", labels="P-é").status_code == 400


def test_no_page_of_the_desk_is_kept_and_both_languages_are_whole(desk: MailingDesk, address: str) -> None:
    with opened(desk, address) as me:
        for page in PAGES:
            answer = me.client.get(f"/mailing{page}", headers={"accept-language": "zh"})
            assert answer.headers["cache-control"] == "no-store"
            assert "Mailing" not in answer.text and "邮寄台" in answer.text


def test_a_desk_with_its_own_scale_asks_for_the_weight_and_a_mailer_confirms_it(
    desk: MailingDesk, database_url: str, tmp_path: Path
) -> None:
    """It shows what the run told, and takes no typed weight while the scale answers."""
    served = Served(tmp_path, "test", True, bytes(32), Asking(database_url, str))

    def places(renderer: Any) -> list[Any]:
        return [Desk(renderer, served.asking, desk.here, "test", desk.line.mailer, scale="scale-02")]

    class Shows:
        machine = "scale-02"

        def open(self) -> str:
            return "SC-2"

        def close(self) -> None:
            pass

        def weigh(self, timeout_s: float) -> Decimal:
            return Decimal(grams)

    (label, grams), *_ = desk.unweighed()
    ask = new_id()
    with serving(create_desk(served, desk.database, places)) as address, opened(desk, address) as ann:
        assert 'action="/mailing/scale"' in ann.get("/mailing")
        typed = ann.post("/mailing/weigh", weighing=new_id(), label=label, grams=str(grams))
        assert (typed.status_code, "only when the scale does not answer" in typed.text) == (409, True)
        for _ in range(2):
            assert ann.post("/mailing/scale", ask=ask, label=label).status_code == 303
        shown = f"/mailing/scale?ask={ask}"
        assert "data-waits" in ann.get(shown)
        assert own_scale.tell(desk.here, KeptMachine(Shows()), None)
        assert f"{grams} g, as scale-02 tells" in ann.get(shown)
        assert ann.client.get("/mailing/scale?ask=1").status_code == 404
        assert ann.post("/mailing/weigh", weighing=new_id(), ask=ask, grams="1").status_code == 303
        assert ann.post("/mailing/scale", ask=new_id(), label="P-0").status_code == 404
    assert desk.rows("SELECT grams, ask_id FROM mailing_weighing") == [(grams, ask)]
