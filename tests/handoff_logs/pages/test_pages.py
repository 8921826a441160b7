"""The auditors' pages show what the log has, as text, and nothing before the look-up is recorded."""

import csv
import io
import json
import re
import time
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from signing_keys import log_key_of

from handoff_logs import log_key
from handoff_logs.pages.routes import EXPORTS
from handoff_logs.proofs.verifying import Verified, verify
from handoff_logs.questions.registry import QUESTIONS
from handoff_logs.reading import open_reading
from handoff_logs.sealing import Sealer

PAGES = ("/custody?number=E1", "/custody/proof?number=E1", "/stations", "/station?name=review", "/shifts", "/integrity")
SUBJECTS = {"number": "E1", "name": "day", "code": "review-1"}


def asked(name: str) -> str:
    """The address of a question with its subject."""
    subject = QUESTIONS[name].subject
    return f"/questions/{name}" + (f"?{subject}={SUBJECTS[subject]}" if subject else "")


def words(html: str) -> str:
    """What a page says, without its marks."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def entries(html: str) -> list[str]:
    """The time line, a text an entry."""
    return [words(part) for part in html.split('<li class="entry')[1:]]


def test_custody_is_a_time_line_with_both_sides_of_each_handoff_together(client: httpx.Client) -> None:
    page = client.get("/custody?number=E1")
    assert page.status_code == 200
    (handoff,) = (entry for entry in entries(page.text) if "accepted" in entry)
    for part in ("review → to QC", "T1", "review-1", "qc-1", "2 of 3 counted", "with 1 other units", "after its due"):
        assert part in handoff, part
    assert len(entries(page.text)) == 6, (
        "receipts of order and blank, making, handing over, packing, the parcel's offer"
    )
    assert "Not answered yet" in entries(page.text)[-1]


def test_the_seal_of_each_record_stands_beside_it(client: httpx.Client, told: Any) -> None:
    first, *_, last = entries(client.get("/custody?number=E1").text)
    ((leaf,),) = told.sql(
        "SELECT leaf_index FROM seal_leaf JOIN custody_event AS event ON event.seq = event_seq"
        " WHERE act = 'receive' ORDER BY event_seq LIMIT 1"
    )
    assert f"leaf {leaf} · checkpoint {told.sealed}" in first
    assert "Witnessed" in first and "test/witness" in first
    assert f"{datetime.fromtimestamp(1_700_000_000, UTC).astimezone():%Y-%m-%d %H:%M:%S}" in first
    assert "Not sealed yet" in last and "leaf" not in last


def test_corrections_and_count_differences_are_told_where_they_belong(client: httpx.Client) -> None:
    (made,) = (entry for entry in entries(client.get("/custody?number=E1").text) if "Corrected later" in entry)
    assert "torn" in made and "mistyped" in made and "made" in made
    missing = words(client.get("/custody?number=A3").text)
    assert "settled missing" in missing and "found at the sender" in missing and "review-1 + review-2" in missing


@pytest.mark.parametrize("number", ["A1", "B1", "E1", "P1"])
def test_what_belongs_together_comes_with_any_of_its_numbers(client: httpx.Client, number: str) -> None:
    together = words(client.get(f"/custody?number={number}").text).partition("act by act")[0]
    assert all(other in together for other in ("A1", "B1", "E1", "P1"))


@pytest.mark.parametrize("typed", ["e1", " E1 ", "e 1", "E-1", "Ｅ1", "EI", "E1/2"])
def test_a_slip_of_typing_is_refused_with_what_was_meant(client: httpx.Client, typed: str) -> None:
    page = client.get("/custody", params={"number": typed})
    if typed.strip() == "E1":
        assert page.status_code == 200
        return
    assert page.status_code == 404
    assert '"/custody?number=E1"' in page.text and "The log does know" in page.text


def test_an_unknown_number_says_what_to_do_and_a_staff_code_where_to_go(client: httpx.Client) -> None:
    page = client.get("/custody?number=Z9")
    assert page.status_code == 404 and "compared exactly" in page.text and "The log does know" not in page.text
    assert "/questions/person?code=p-0417" in client.get("/custody?number=p-0417").text
    assert client.get("/custody?number=").status_code == 400
    assert client.get("/custody", params={"number": "9" * 81}).status_code == 400


@pytest.mark.parametrize(
    "typed",
    ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "' OR 1=1 --", "%' UNION SELECT 1; --", ":number",
     "{{ 7 * 7 }}", "E_", "E%", "E\x001"],
)  # fmt: skip
def test_what_is_typed_is_text_and_never_sql_or_html(client: httpx.Client, typed: str) -> None:
    for address, name in (("/custody", "number"), ("/questions/person", "code"), ("/questions/waiting", "station")):
        page = client.get(address, params={name: typed})
        shown = typed.replace("\x00", "")
        if shown == "E1":
            continue  # without its control character it is a number of the log
        assert page.status_code in (200, 404)
        assert "<script>alert" not in page.text and "<img" not in page.text and "49" not in words(page.text)[:200]
        assert shown in unescape(page.text)
        assert "<tbody>" not in page.text, "nothing is found by it"


def test_every_answer_is_recorded_with_who_asked_what(client: httpx.Client, told: Any) -> None:
    for address in (*PAGES, *map(asked, QUESTIONS), "/questions/waiting/export.csv?station=qc"):
        before = told.sql("SELECT count(*) FROM audit_lookup")[0][0]
        assert client.get(address).status_code == 200, address
        rows = told.sql(f"SELECT reader, question, parameters FROM audit_lookup ORDER BY seq LIMIT 9 OFFSET {before}")
        assert len(rows) == 1 and rows[0][0] == "p-0417", address
    assert (rows[0][1], json.loads(rows[0][2])) == ("export waiting csv", {"station": "qc"})


def test_a_record_of_a_look_up_keeps_no_number_and_nothing_that_may_be_a_person(
    client: httpx.Client, told: Any
) -> None:
    for address, kept in (
        ("/custody?number=E1", {"number": "hidden:h2"}),
        ("/questions/person?code=e-qc-1&station=qc", {"code": "e-qc-1", "station": "qc"}),
        ("/questions/person?code=370226199001011234", {"code": "hidden:h18"}),
        ("/questions/waiting?person=王小明", {"person": "hidden:h3"}),
    ):
        client.get(address)
        ((parameters,),) = told.sql("SELECT parameters FROM audit_lookup ORDER BY seq DESC LIMIT 1")
        assert json.loads(parameters) == kept


def test_pages_that_ask_nothing_record_nothing(client: httpx.Client, told: Any) -> None:
    before = told.sql("SELECT count(*) FROM audit_lookup")
    for address in ("/", "/questions", "/questions/document", "/questions/person", "/nowhere", "/custody?number="):
        client.get(address)
    assert told.sql("SELECT count(*) FROM audit_lookup") == before


def test_without_a_record_there_is_no_answer(centre: Any, database_url: str, own_client: httpx.Client) -> None:
    centre.orders(1, numbers=("A1",))
    client = own_client
    assert client.get("/custody?number=A1").status_code == 200
    unguard = "ALTER TABLE audit_lookup DISABLE TRIGGER audit_lookup_append_only"
    centre.sql("DROP TRIGGER audit_lookup_no_delete" if database_url.startswith("sqlite") else unguard)
    for address in (*PAGES, "/custody?number=A1", "/questions/state", "/questions/state/export.csv"):
        page = client.get(address)
        assert page.status_code == 503, address
        assert "Nothing is answered" in page.text and "review-1" not in page.text


def test_what_was_looked_up_is_a_page_for_those_who_oversee_and_is_recorded_too(
    client: httpx.Client, leads_client: httpx.Client
) -> None:
    client.get("/custody?number=E1")
    page = client.get("/questions/lookups?reader=p-0417")
    assert page.status_code == 200 and "hidden:h2" in unescape(page.text)
    rows = client.get("/questions/lookups/export.json?question=lookups").json()
    assert (rows[0]["reader"], json.loads(rows[0]["parameters"])) == ("p-0417", {"reader": "p-0417"})
    rows = client.get("/questions/lookups/export.json?number=E1").json()
    assert [row["question"] for row in rows[:2]] == ["export lookups json", "custody"]
    assert 'href="/questions/lookups"' in client.get("/integrity").text
    for address in ("/questions/lookups", "/questions/lookups/export.csv"):
        assert leads_client.get(address).status_code == 404
    assert "/questions/lookups" not in leads_client.get("/integrity").text


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_question_has_its_page_and_its_exports(client: httpx.Client, told: Any, name: str) -> None:
    question = QUESTIONS[name]
    for address in (asked(name), asked(name) + ("&" if "?" in asked(name) else "?") + "columns=all"):
        page = client.get(address)
        assert page.status_code == 200 and f">{question.number}<" in page.text
    with open_reading(told.url) as reading:
        subject = (SUBJECTS[question.subject],) if question.subject else ()
        wanted = len(list(question.ask(reading, *subject)))
    assert page.text.count("<tr>") - ("<thead>" in page.text) in (wanted, len(question.columns)), "a row a row"
    query = asked(name).partition("?")[2]
    rows = client.get(f"/questions/{name}/export.json?{query}")
    assert len(rows.json()) == wanted
    assert f'filename="{name}-' in rows.headers["content-disposition"]
    listed = list(csv.reader(io.StringIO(client.get(f"/questions/{name}/export.csv?{query}").text.lstrip("\ufeff"))))
    assert len(listed) == wanted + 1


def test_exports_leave_no_file_behind(client: httpx.Client, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for form in EXPORTS:
        assert client.get(f"/questions/person/export.{form}?code=review-1").content
        # The file goes once it was sent: a moment later than its reader has it.
        ended_s = time.monotonic() + 10
        while left := list(tmp_path.iterdir()):
            assert time.monotonic() < ended_s, left
            time.sleep(0.01)
    assert client.get("/questions/person/export.exe?code=review-1").status_code == 404
    assert client.get("/questions/person/export.csv").status_code == 404


def test_the_address_holds_every_filter_and_leads_from_page_to_page(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handoff_logs.pages.routes.ROWS", 2)
    address, seen = "/questions/person?code=review-1&station=review", 0
    while address:
        page = client.get(address)
        assert 'value="review-1"' in page.text and 'value="review"' in page.text
        seen += page.text.count("<tr>") - 1
        (address,) = re.findall(r'rel="next" href="([^"]+)"', page.text) or [""]
        address = unescape(address)
    whole = client.get("/questions/person/export.json?code=review-1&station=review").json()
    assert seen == len(whole) > 4


def test_empty_filters_are_left_out_of_the_address(client: httpx.Client) -> None:
    page = client.get("/questions/person?code=review-1&station=&from=&to=")
    assert (page.status_code, page.headers["location"]) == (303, "/questions/person?code=review-1")


def test_a_day_as_the_end_of_a_time_includes_that_day(client: httpx.Client) -> None:
    today = datetime.now().astimezone().date()
    count = len(client.get("/questions/person/export.json?code=review-1").json())
    for start, end, wanted in ((0, 0, count), (-3, -1, 0), (-1, 1, count)):
        period = f"from={today + timedelta(days=start)}&to={today + timedelta(days=end)}"
        assert len(client.get(f"/questions/person/export.json?code=review-1&{period}").json()) == wanted


@pytest.mark.parametrize(
    ("path", "status"),
    [("/questions/waiting?from=yesterday", 400), ("/shifts?day=9999-99-99", 400), ("/shifts?day=0001-01-01", 400),
     ("/questions/person?code=review-1&after=nonsense", 400), ("/questions/unknown", 404),
     ("/station?name=nowhere", 404), ("/nowhere", 404), ("/questions/waiting?station=" + "x" * 81, 400)],
)  # fmt: skip
def test_what_can_not_be_answered_is_refused_with_the_next_step(client: httpx.Client, path: str, status: int) -> None:
    page = client.get(path)
    assert page.status_code == status and 'role="alert"' in page.text


def test_a_station_shows_what_it_holds_and_what_waits_on_either_side(client: httpx.Client) -> None:
    sides = words(client.get("/station?name=carrier").text).split("Offered")
    assert "QC parcel 1" in sides[1] and "It has offered nothing" not in sides[1]
    assert "carrier parcel 1" in words(client.get("/station?name=qc").text)
    rows = words(client.get("/stations").text)
    assert "carrier" in rows and "packing" in rows, "stations that hold nothing are there too"


def test_a_day_shows_each_shift_and_machine(client: httpx.Client) -> None:
    page = client.get("/shifts")
    assert re.search(r"day no machine \d+", words(page.text))
    assert "Nothing happened on this day" in client.get("/shifts?day=2001-01-01").text


def test_integrity_counts_what_is_not_sealed_and_names_every_key(client: httpx.Client, told: Any) -> None:
    page = words(client.get("/integrity").text)
    ((unsealed,),) = told.sql("SELECT count(*) FROM custody_event WHERE seq NOT IN (SELECT event_seq FROM seal_leaf)")
    assert f"{unsealed} records not sealed yet" in page and unsealed == 3
    assert "Some records wait" in page and "test/witness" in page and "up to date" in page
    assert "station:review" in page and f"Size {told.sealed}" in page


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_can_be_changed_by_any_method(client: httpx.Client, method: str) -> None:
    for address in ("/", *PAGES, "/questions/state"):
        assert getattr(client, method)(address).status_code == 405


def test_every_page_says_emulated(client: httpx.Client) -> None:
    for address in ("/", *PAGES, "/questions", "/questions/state", "/nowhere"):
        if "proof" in address:
            continue
        page = client.get(address).text
        assert "EMULATED line" in page and "EMULATED</title>" in page, address


def test_the_proof_file_holds_without_the_log(client: httpx.Client, signing_keys: Path) -> None:
    assert "/custody/proof?number=E1" in client.get("/custody?number=E1").text
    answer = client.get("/custody/proof?number=E1")
    assert answer.headers["content-disposition"] == 'attachment; filename="E1.proof.json"'
    held = verify(answer.content, log_key.read(log_key_of(signing_keys)).verifier)
    assert isinstance(held, Verified) and {row["number"] for row in held.steps} == {"A1", "B1", "E1", "P1"}
    assert client.get("/custody/proof?number=Z9").status_code == 404


def test_nothing_is_proved_that_is_not_sealed_or_does_not_hold(
    centre: Any, own_client: httpx.Client, signing_keys: Path, database_url: str
) -> None:
    centre.orders(1, numbers=("A1",))
    page = own_client.get("/custody?number=A1")
    assert "/custody/proof" not in page.text
    assert own_client.get("/custody/proof?number=A1").status_code == 409
    Sealer(centre.database, log_key.read(log_key_of(signing_keys))).seal()
    assert own_client.get("/custody/proof?number=A1").status_code == 200
    if database_url.startswith("sqlite"):
        centre.sql("DROP TRIGGER custody_event_no_update")
    else:
        centre.sql("ALTER TABLE custody_event DISABLE TRIGGER USER")
    centre.sql("UPDATE custody_event SET person = 'review-9' WHERE act = 'receive'")
    page = own_client.get("/custody/proof?number=A1")
    assert page.status_code == 500 and "does not prove this" in page.text and "review-9" not in page.text


def test_integrity_tells_what_was_verified_last_and_whether_the_log_still_says_so(
    centre: Any, own_client: httpx.Client, signing_keys: Path, tmp_path: Path
) -> None:
    def said() -> str:
        return words(own_client.get("/integrity").text).partition("Last clean verification")[2][:160]

    centre.orders(1)
    sealed = Sealer(centre.database, log_key.read(log_key_of(signing_keys))).seal()
    assert sealed is not None and "None has been kept" in said()
    kept = {"epoch": 1, "size": sealed.checkpoint.size, "root": sealed.checkpoint.root.hex()}
    (tmp_path / "verified.json").write_text(json.dumps(kept))
    assert f"Size {sealed.checkpoint.size}" in said() and "up to date" in said()
    (tmp_path / "verified.json").write_text(json.dumps(kept | {"root": "00" * 32}))
    assert "another root" in said()
    (tmp_path / "verified.json").write_text("{")
    assert "can't be read" in said()
