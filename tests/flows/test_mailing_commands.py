"""`passline mailing`: manifests, a carrier's file, what comes back; each act signed by two of mailing.

The line is worked once up to the carrier, and copied for each test.
"""

import csv
import io
import json
import re
import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from sent_parcels import no_sockets, work_to_the_carrier
from small_line import Line
from typed_commands import feed

from flows import manifest_paper
from flows.cli import run
from flows.composition import open_database, prepare
from flows.default_line import write_default
from flows.errors import Exit
from flows.line_rules import DIFFERENCES
from flows.run_folder import RunFolder
from handoff_logs.questions import violations
from handoff_logs.reading import open_reading
from stations.mailing.manifests import Manifest, ManifestLine
from stations.offices import OFFICES
from stations.paper import MANIFEST_FONT_FILE, WIDTH_MM, Words, width_mm
from stations.people import Role
from stations.people_register import passwords, register
from stations.people_register.credentials import Credentials
from stations.people_register.rules import ADMINISTRATORS
from stations.people_register.sign_in import sign_in_two

ONE, TWO = Credentials("p-0001", "a password of one"), Credentials("p-0002", "a password of two")
PEOPLE = {
    Credentials("p-0501", "a password of mailer one"): Role.MAILER,
    Credentials("p-0502", "a password of mailer two"): Role.MAILER,
    Credentials("p-0301", "a password of the lead"): Role.LEAD,
    Credentials("p-0601", "a password of a driver"): Role.DRIVER,
    Credentials("p-0101", "a password of a keeper"): Role.KEEPER,
}
MAILER, SECOND, LEAD, DRIVER, KEEPER = PEOPLE
DOCUMENTS = 16


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A line whose documents the carrier took."""
    folder = RunFolder(tmp_path_factory.mktemp("mailing") / "line")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
        write_default(folder, books=1, cards=1, readers=1, gate=False, tray_size=25, speed=0, seed=1)
        prepare(folder)
        with open_database(folder, folder.line().database_url) as database:
            register.found(database, ONE, TWO, emulated=True)
            by = sign_in_two(database, ONE, TWO, ADMINISTRATORS)
            for person, role in PEOPLE.items():
                register.enrol(database, by, person, [role], emulated=True)
            line = Line(database, folder.path)
            work_to_the_carrier(line, DOCUMENTS)
            line.close()
    return folder.path


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> RunFolder:
    """A copy of that line; whatever is done with it, custody's rules hold, and its tables are what the log says."""
    return RunFolder(shutil.copytree(built, tmp_path / "line", ignore=no_sockets))


@pytest.fixture
def passline(folder: RunFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs `passline …` on the line, two people typing their passwords; its exit status, and what it wrote."""
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))

    def command(*arguments: object, signed: Sequence[Credentials] = ()) -> tuple[int, str]:
        feed(monkeypatch, [person.password for person in signed])
        options = ["--dir", str(folder.path)]
        names = ("--first", "--second") if len(signed) == 2 else ("--by",)
        for name, person in zip(names, signed, strict=False):
            options += [name, person.code]
        if signed:
            options += ["--passwords-from", "-"]
        capsys.readouterr()
        status = run([*map(str, arguments), *options])
        written = capsys.readouterr()
        return status, written.out + written.err

    yield command
    with open_reading(folder.line().database_url) as reading:
        assert violations(reading) == []
        assert [row for _, sql in DIFFERENCES for row in reading.rows(sql)] == []


@pytest.fixture
def ask(folder: RunFolder) -> Callable[..., list[Any]]:
    """Rows of the line's database."""

    def rows(sql: str, **facts: Any) -> list[Any]:
        with open_reading(folder.line().database_url) as reading:
            return reading.rows(sql, **facts)

    return rows


@pytest.fixture
def posted(ask: Callable[..., list[Any]]) -> list[tuple[str, str]]:
    """(tracking number, label) of each posted parcel."""
    rows = ask(
        "SELECT sent.tracking, parcel.label FROM consigned_parcel AS sent JOIN parcel USING (parcel_unit)"
        " WHERE sent.tracking IS NOT NULL ORDER BY 1"
    )
    return [(row["tracking"], row["label"]) for row in rows]


def write(file: Path, *events: dict[str, Any]) -> Path:
    at = datetime.now(UTC).isoformat()
    file.write_text("".join(json.dumps({"at": at} | event) + "\n" for event in events))
    return file


def test_a_carriers_file_is_loaded_by_two_of_mailing(passline, posted, folder, tmp_path) -> None:
    """What is set aside is in the reply; the same file again changes nothing; nothing of anybody's is said."""
    (one, _), (two, _), *_ = posted
    file = write(
        tmp_path / "events.jsonl",
        {"event_id": "C1", "event": "delivered", "tracking": one},
        {"event_id": "C2", "event": "lost", "tracking": two},
        {"event_id": "C3", "event": "delivered", "tracking": "EE1"},
    )
    status, said = passline("mailing", "deliveries", "load", file, signed=(MAILER, SECOND))
    assert status == Exit.FINDINGS
    assert "EMULATED: 3 lines: 1 delivered (1 parcels ended), 0 coming back, 1 lost (1 cases opened)" in said
    (reply,) = (folder.path / "deliveries").iterdir()
    (aside,) = map(json.loads, reply.read_text().splitlines())
    assert (aside["line"], aside["field"], aside["reason"]) == (3, "tracking", "unknown_item")
    assert reply.stat().st_mode & 0o777 == 0o600
    status, said = passline("mailing", "deliveries", "load", file, "--output", "json", signed=(SECOND, LEAD))
    told = json.loads(said)
    assert (told["repeated"], told["delivered"], told["emulated"]) == (2, 0, True)


@pytest.mark.parametrize("signed", [(MAILER, DRIVER), (KEEPER, MAILER), (MAILER, MAILER)])
def test_whoever_is_not_of_mailing_signs_nothing_of_it(passline, posted, ask, tmp_path, signed) -> None:
    """Least of all the carrier's driver; and one person is not two."""
    file = write(tmp_path / "events.jsonl", {"event_id": "C1", "event": "delivered", "tracking": posted[0][0]})
    status, _ = passline("mailing", "deliveries", "load", file, signed=signed)
    assert status == Exit.REFUSED
    assert ask("SELECT count(*) AS events FROM delivery_event") == [{"events": 0}]


def test_a_file_of_another_kind_is_refused_before_anybody_signs(passline, tmp_path) -> None:
    """Nobody types a password for it."""
    (tmp_path / "x.csv").write_text("what,ever\n")
    status, said = passline("mailing", "deliveries", "load", tmp_path / "x.csv")
    assert (status, "does not begin with columns" in said) == (Exit.REFUSED, True)


def test_what_comes_back_goes_all_its_way(passline, posted, ask, tmp_path) -> None:
    """Announced, received, listed, sent again or destroyed and made again, and to the vault for destruction."""
    (one, first), (two, second), (three, _), *_ = posted
    file = write(
        tmp_path / "events.jsonl",
        {"event_id": "C1", "event": "returned", "tracking": one, "note": "R-1"},
        {"event_id": "C2", "event": "returned", "tracking": two, "note": "R-1"},
        {"event_id": "C3", "event": "lost", "tracking": three},
    )
    passline("mailing", "deliveries", "load", file, signed=(MAILER, SECOND))
    status, said = passline("mailing", "deliveries", "open", "--output", "json")
    waiting = json.loads(said.partition("]")[0] + "]")
    assert sorted((row["what"], row["tracking"]) for row in waiting) == [
        ("case", three), ("coming back", one), ("coming back", two)
    ]  # fmt: skip
    scan = tmp_path / "scan.txt"
    scan.write_text(f"{first}\n")
    status, said = passline("mailing", "returns", "receive", scan, "--note", "R-1", signed=(MAILER, SECOND))
    assert (status, f"case: {second} the note says, and is not here" in said) == (Exit.IN_DOUBT, True)
    scan.write_text(f"{first}\n{second}\n")
    status, said = passline("mailing", "returns", "receive", scan, "--note", "R-1", signed=(MAILER, LEAD))
    assert (status, "1 parcels are received" in said, "1 were before" in said) == (Exit.FINE, True, True)
    status, said = passline("mailing", "returns", "send-again", one, signed=(MAILER, SECOND))
    assert (status, first in said) == (Exit.FINE, True)
    status, _ = passline("mailing", "returns", "send-again", one, signed=(MAILER, SECOND))
    assert status == Exit.REFUSED
    status, said = passline("mailing", "returns", "destroy", second, "--remake", signed=(MAILER, SECOND))
    assert (status, "1 documents are voided; made again in 1 trays" in said) == (Exit.FINE, True)
    status, _ = passline("mailing", "deliveries", "settle", three, "--found", "here", signed=(MAILER, SECOND))
    assert status == Exit.REFUSED
    status, _ = passline("mailing", "deliveries", "settle", three, "--found", "lost", signed=(MAILER, SECOND))
    assert status == Exit.FINE
    status, said = passline("mailing", "deliveries", "open")
    assert (status, "nothing waits" in said) == (Exit.FINE, True)
    states = ask("SELECT state, count(*) AS many FROM application GROUP BY state ORDER BY state")
    assert {row["state"]: row["many"] for row in states} == {
        "dispatched": DOCUMENTS - 2, "in_production": 1, "passed": 1
    }  # fmt: skip
    status, said = passline("blanks", "return", "--voided", "--station", "mailing", signed=(MAILER,))
    handoff = re.search(r"accept (\w{32})", said)
    assert handoff is not None
    status, _ = passline("blanks", "accept", handoff[1], "--station", "vault", signed=(KEEPER,))
    assert status == Exit.FINE


def test_every_act_bears_both_peoples_sign_ins(passline, posted, ask, tmp_path) -> None:
    """Who signed is proven, not typed."""
    (one, label), *_ = posted
    file = write(tmp_path / "events.jsonl", {"event_id": "C1", "event": "returned", "tracking": one})
    passline("mailing", "deliveries", "load", file, signed=(MAILER, SECOND))
    (tmp_path / "scan.txt").write_text(f"{label}\n")
    passline("mailing", "returns", "receive", tmp_path / "scan.txt", signed=(MAILER, SECOND))
    passline("mailing", "returns", "destroy", label, signed=(SECOND, LEAD))
    signed = ask(
        "SELECT event.act, event.person, event.second_person, event.sign_in IS NOT NULL AS one,"
        " event.second_sign_in IS NOT NULL AS other FROM custody_event AS event WHERE event.person LIKE 'p-05%'"
        " ORDER BY seq"
    )
    told = [(row["act"], row["person"], row["second_person"], row["one"], row["other"]) for row in signed]
    assert told == [
        ("register", MAILER.code, SECOND.code, 1, 1),
        ("receive", MAILER.code, SECOND.code, 1, 1),
        ("unpack", SECOND.code, None, 1, 0),
        ("void", SECOND.code, LEAD.code, 1, 1),
    ]


def test_the_schema_is_printed(capsys) -> None:
    """For the carrier's programmers."""
    assert run(["mailing", "deliveries", "schema"]) == Exit.FINE
    schema = json.loads(capsys.readouterr().out)
    assert set(schema["required"]) == {"event_id", "event", "at"}


def test_a_manifest_is_a_paper_and_a_table_in_both_languages(passline, ask, tmp_path) -> None:
    """Each parcel with label, number, documents and weight, and the totals; nothing else of anybody."""
    _, said = passline("mailing", "manifests", "--output", "json")
    listed = json.loads(said.partition("\npassline")[0])
    assert sum(row["documents"] for row in listed) == DOCUMENTS
    post = next(row for row in listed if not row["office"])
    pdf, table = tmp_path / "m.pdf", tmp_path / "m.csv"
    for language, total in (("en", "total"), ("zh", "合计")):
        arguments = ("--pdf", pdf, "--csv", table, "--language", language)
        assert passline("mailing", "manifest", post["consignment_id"], *arguments)[0] == Exit.FINE
        rows = list(csv.reader(io.StringIO(table.read_text("utf-8-sig"))))
        assert rows[0] == list(manifest_paper.HEADINGS[language])
        assert len(rows) == post["parcels"] + 2
        assert rows[-1][2:] == [
            total, str(post["parcels"]), "", str(post["documents"]), str(post["weight_g"]), str(post["parcels"])
        ]  # fmt: skip
    assert pdf.read_bytes().startswith(b"%PDF-")
    assert MANIFEST_FONT_FILE.read_bytes() in pdf.read_bytes()
    numbers = [row["number"] for row in ask("SELECT number FROM unit_number WHERE kind IN ('order', 'document')")]
    assert not [number for number in numbers if number in table.read_text("utf-8-sig")]


def test_a_manifest_needs_a_file_and_writes_over_nothing_else(passline, ask, tmp_path) -> None:
    """A slip of the hand must not write over line.toml."""
    manifest = ask("SELECT consignment_id FROM consignment")[0]["consignment_id"]
    other = tmp_path / "line.toml"
    other.write_text("x")
    assert passline("mailing", "manifest", manifest)[0] == Exit.REFUSED
    assert passline("mailing", "manifest", manifest, "--pdf", other)[0] == Exit.REFUSED
    assert other.read_text() == "x"
    assert passline("mailing", "manifest", "0" * 32, "--pdf", tmp_path / "new.pdf")[0] == Exit.REFUSED


@pytest.mark.parametrize("parcels", [0, 1, 41, 42, 43, 400])
def test_a_long_manifest_goes_on_over_the_page(monkeypatch, parcels) -> None:
    """Nothing is cut off or written over the edge, and the total stands on one page with what is signed."""
    pages: list[Any] = []
    monkeypatch.setattr(manifest_paper, "pdf", lambda made, *_: pages.extend(made) or b"")
    lines = tuple(
        ManifestLine(f"P-{number:016x}", f"EE{number:09d}CN" * 2, 100, 99_999, number % 2 == 0)
        for number in range(parcels)
    )
    found = Manifest("m" * 32, None, parcels, 1, 1, "e-mai-1", 1, "e-car-1", 2, True, lines)
    manifest_paper.manifest_paper(found, "demo")
    words = [mark for page in pages for mark in page if isinstance(mark, Words)]
    assert sum(mark.text.startswith("P-0") for mark in words) == parcels
    for page in pages:
        texts = [mark.text for mark in page if isinstance(mark, Words)]
        assert "模拟 EMULATED" in texts
        for mark in page:
            if isinstance(mark, Words):
                assert mark.x_mm + width_mm(mark.text, mark.size_pt, MANIFEST_FONT_FILE) <= WIDTH_MM - 14, mark
                assert mark.y_mm < 290, mark
    assert any("合计 total" in mark.text for mark in pages[-1] if isinstance(mark, Words))


def test_every_office_is_on_paper() -> None:
    """The font has a glyph for whatever is written."""
    for office in (None, *OFFICES):
        line = ManifestLine("P-1", None, 1, 1, None)
        found = Manifest("m", office, 1, 1, 1, "e-mai-1", 1, None, None, False, (line,))
        assert manifest_paper.manifest_paper(found, "demo").startswith(b"%PDF")
        assert manifest_paper.manifest_paper(found, "demo") == manifest_paper.manifest_paper(found, "demo")


def test_what_the_carrier_did_not_find_is_on_the_manifest_as_not_found() -> None:
    """Offered, and not taken: both counts can be read from it."""
    lines = (ManifestLine("P-1", "EE1", 1, 52, True), ManifestLine("P-2", "EE2", 1, 52, False))
    found = Manifest("m", None, 2, 2, 104, "a", 1, "b", 2, False, lines)
    assert found.taken == 1
    assert manifest_paper.manifest_table(found, "en").splitlines()[-2:] == [
        "m,post,2,P-2,EE2,1,52,no",
        "m,post,total,2,,2,104,1",
    ]
