"""`passline shift report`: for the eye, for scripts and on paper, of an emulated line's shift; what Prefect shows."""

import base64
import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from devices.packml import MachineState
from flows.cli import run
from flows.composition import open_line, prepare
from flows.default_line import write_default
from flows.errors import Exit
from flows.machine_oee import ShiftOee
from flows.machine_time import Period, Worked
from flows.prefect_password import prefect_password
from flows.prefect_server import prefect_server
from flows.run_folder import RunFolder
from flows.shift_paper import shift_paper
from flows.shift_report import NO_LINE, as_artifact, print_report, shift_report, told
from handoff_logs import offers
from handoff_logs.reading import open_reading
from stations.emulated_staff import EmulatedReviewer
from stations.intake import load
from stations.intake.generator.defects import Shares
from stations.intake.generator.generate import generate
from stations.paper import REPORT_FONT_FILE, WIDTH_MM, Words, width_mm
from stations.review import station as review
from stations.vault import receiving
from stations.vault.receiving import Delivery

BOOKS = [f"EA{number:07d}" for number in range(1, 6)]
DOCUMENTS = 12
Command = Callable[..., int]


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A line in whose closed shift `early` some applications were reviewed; another shift is open since."""
    folder = RunFolder(tmp_path_factory.mktemp("report") / "line")
    write_default(folder, books=1, cards=1, readers=1, tray_size=4, gate=False, speed=0, seed=1)
    prepare(folder)
    with open_line(folder, shift="day", stations=("intake", "review")) as line:
        line.parts.hands().deliver(BOOKS, "shelf:book")
        receiving.receive(line.workplace("vault"), Delivery("book", BOOKS[0], BOOKS[-1], 5, "DN-1"))
        batch = folder.path / "batch"
        generate(
            batch, DOCUMENTS, 3, day=date.today(), shares=Shares(intake_defects=0.0, review_defects=0.5, expedited=0.3)
        )
        load.load(line.workplace("intake"), batch, folder.path / "replies", tray_size=4)
    assert run(["shift", "open", "early", "--emulated", "--dir", str(folder.path)]) == Exit.FINE
    with open_line(folder, shift="early", stations=("review",)) as line:
        with line.database.read() as conn:
            waiting = offers.waiting(conn, "review")
        for offer in waiting[:-1]:
            review.work_tray(line.workplace("review"), offer, EmulatedReviewer())
    assert run(["shift", "close", "--emulated", "--dir", str(folder.path)]) == Exit.FINE
    assert run(["shift", "open", "late", "--emulated", "--dir", str(folder.path)]) == Exit.FINE
    return folder


@pytest.fixture
def passline(closed: RunFolder, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `passline shift …` on that line; what it wrote is in `capsys`."""

    def command(*arguments: str) -> int:
        capsys.readouterr()
        return run(["shift", *arguments, "--dir", str(closed.path)])

    return command


@pytest.fixture
def report(closed: RunFolder) -> Any:
    with closing(open_reading(closed.line().database_url)) as reading:
        return shift_report(reading, closed, "last")


def rows(folder: RunFolder, query: str) -> list[tuple[Any, ...]]:
    with closing(open_reading(folder.line().database_url)) as reading:
        return reading.tuples(query)


def test_a_report_is_printed_for_the_eye_and_for_scripts(
    closed: RunFolder, passline: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert passline("report", "last", "--output", "json") == Exit.FINE
    said = json.loads(capsys.readouterr().out)
    assert (said["shift"], said["open"], said["closed_how"], said["emulated"]) == ("early", False, "balanced", True)
    [(verdicts, returned)] = rows(
        closed, "SELECT count(*), sum(CASE WHEN outcome = 'return' THEN 1 ELSE 0 END) FROM review_verdict"
    )
    assert sum(row["done"] for row in said["work"]) == verdicts > 0
    assert said["returned"] == returned > 0
    assert sum(row["waiting"] for row in said["work"] if row["station"] == "review") == DOCUMENTS - verdicts
    assert passline("report", "last") == Exit.FINE
    shown = capsys.readouterr().out
    assert shown.startswith("EMULATED: shift early") and said["line"] in shown and "balance of blanks" in shown


def test_the_line_of_the_report_is_one_that_the_log_still_contains(
    closed: RunFolder, report: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """What two people sign can be asked for ever."""
    assert run(["logs", "check-line", *report.facts.line.split(), "--dir", str(closed.path)]) == Exit.FINE
    assert "still contains" in capsys.readouterr().out


def test_the_report_of_the_open_shift_is_blind(passline: Command, capsys: pytest.CaptureFixture[str]) -> None:
    """In no form does it say how many blanks there must be."""
    for output in ("table", "json"):
        assert passline("report", "--output", output) == Exit.FINE
        said = capsys.readouterr().out
        assert "late" in said
        for word in ("carried", "still", "counted", "good\n"):
            assert word not in said.replace("unaccounted", ""), word
        assert not any(serial in said for serial in BOOKS)


def test_shifts_are_listed_the_latest_first(passline: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert passline("list", "--output", "json") == Exit.FINE
    assert [(row["shift"], row["closed_how"]) for row in json.loads(capsys.readouterr().out)] == [
        ("late", "open"),
        ("early", "balanced"),
    ]
    assert passline("list", "--most", "1") == Exit.FINE
    assert re.fullmatch(r"EMULATED [0-9a-f]{32}  late .* open\n", capsys.readouterr().out)


def test_an_unknown_shift_is_refused(passline: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert passline("report", "f" * 32) == Exit.REFUSED
    assert "passline shift list" in capsys.readouterr().err


def test_who_asks_for_a_report_is_recorded(closed: RunFolder, passline: Command) -> None:
    asked = "SELECT count(*) FROM audit_lookup WHERE question = 'shift-report'"
    [(before,)] = rows(closed, asked)
    assert passline("report", "last") == Exit.FINE
    assert rows(closed, asked) == [(before + 1,)]


def test_the_paper_is_the_same_again_and_the_accounts_alone(passline: Command, tmp_path: Path) -> None:
    """Of a closed shift, whenever it is printed; it names staff codes."""
    first, second = tmp_path / "a.pdf", tmp_path / "b.pdf"
    assert passline("report", "last", "--pdf", str(first)) == Exit.FINE
    assert passline("report", "last", "--pdf", str(second)) == Exit.FINE
    assert first.read_bytes() == second.read_bytes()
    assert first.stat().st_mode & 0o077 == 0
    assert passline("report", "last", "--pdf", str(first)) == Exit.FINE


def test_a_paper_is_written_over_nothing_but_a_paper(
    closed: RunFolder, passline: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = closed.configuration.read_bytes()
    assert passline("report", "last", "--pdf", str(closed.configuration)) == Exit.REFUSED
    assert "is no PDF" in capsys.readouterr().err
    assert closed.configuration.read_bytes() == kept


def words_of(paper: bytes) -> list[str]:
    """What the paper says, by the map from glyphs to characters that it carries."""
    pairs = re.findall(rb"<([0-9A-F]{4})> <([0-9A-F]{4})>", paper)
    characters = {int(glyph, 16): chr(int(code, 16)) for glyph, code in pairs}
    lines = re.findall(rb"<([0-9A-F]+)> Tj", paper)
    return ["".join(characters[int(line[at : at + 4], 16)] for at in range(0, len(line), 4)) for line in lines]


def test_the_paper_has_both_languages_the_line_and_two_fields_to_sign(report: Any) -> None:
    paper = shift_paper(report)
    said = words_of(paper)
    assert REPORT_FONT_FILE.read_bytes() in paper
    for words in ("班次报告  Shift report", "模拟 EMULATED", "工作与时间节点  Work and time nodes", report.facts.line):
        assert words in said
    signed = [line.partition("：")[0] for line in said if "signature, code, date" in line]
    assert signed == ["班长 Shift lead", "第二人 Second person"]
    pages = paper.count(b"/Type /Page /Parent")
    assert sum("page 1 of" in line for line in said) == 1 and said.count("模拟 EMULATED") == pages
    assert {one.service_class for one in report.facts.work} <= {word for line in said for word in line.split()}


def with_specimens(report: Any) -> Any:
    """The report of a shift whose machine made 17 specimens, 16 of which lie voided."""
    shift = report.facts.shift
    worked = Worked("book-01", (Period(MachineState.EXECUTE, None, 0, 60_000_000, shift.name, True),), 60_000_000)
    machines = (ShiftOee(worked, good=3, spoiled=1, specimens=17, ideal_cycle_s=None, figures=None),)
    balance = [{**row, "still_here": 21, "voided": 20, "specimens": 16} for row in report.facts.balance[:1]]
    return replace(report, machines=machines, facts=replace(report.facts, balance=balance))


def test_specimens_stand_on_the_paper_beside_what_their_machine_made_and_among_the_voided(report: Any) -> None:
    said = words_of(shift_paper(with_specimens(report)))
    for heading, english, before, pieces in (("样证", "specimens", None, "17"), ("其中样证", "specimens", "20", "16")):
        assert heading in said and english in said
        assert pieces in said and (before is None or said[said.index(pieces) - 1] == before)
    assert "17" not in words_of(shift_paper(report))


def test_specimens_are_printed_for_the_eye(report: Any, capsys: pytest.CaptureFixture[str]) -> None:
    print_report(with_specimens(report))
    printed = capsys.readouterr().out
    heading = next(line for line in printed.splitlines() if "specimens" in line)
    row = next(line for line in printed.splitlines() if line.startswith("book-01"))
    assert "spoiled" in heading and "17" in row


def test_nothing_of_a_paper_stands_beyond_its_edge(report: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long words are written smaller, never cut."""
    drawn: list[Words] = []

    def seen(pages: Any, *_: object) -> bytes:
        drawn.extend(mark for page in pages for mark in page if isinstance(mark, Words))
        return b""

    monkeypatch.setattr("flows.shift_paper.pdf", seen)
    shift_paper(with_specimens(report))
    assert len(drawn) > 100
    for mark in drawn:
        assert mark.x_mm + width_mm(mark.text, mark.size_pt, REPORT_FONT_FILE) <= WIDTH_MM - 14, mark
        assert 10 < mark.y_mm < 290


def test_every_reason_without_a_line_has_its_words(report: Any) -> None:
    """And the artifact names nobody."""
    assert set(NO_LINE) == {"unsealed", "broken", "other-log"}
    kept = json.dumps(as_artifact(report)) + told(report)
    people = {code for codes in report.facts.people.values() for code in codes} | {report.facts.shift.opened_by}
    assert people and not any(code in kept for code in people)
    assert "EMULATED" in kept


SHOWS_WHAT_WAS_MISSED = """
import asyncio, sys
from pathlib import Path
from flows.prefect_client import enter_client
from flows.run_folder import RunFolder
enter_client(RunFolder(Path(sys.argv[1])), sys.argv[2])
from flows.shift_artifact import keep_last
asyncio.run(keep_last(RunFolder(Path(sys.argv[1]))))
"""


def artifacts(folder: RunFolder, api_url: str, shift_id: str) -> list[dict[str, Any]]:
    """The artifacts of a shift that Prefect has."""
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Basic {base64.b64encode(prefect_password(folder).encode()).decode()}",
    }
    asked = {"artifacts": {"key": {"any_": [f"shift-report-{shift_id}"]}}}
    request = urllib.request.Request(f"{api_url}/artifacts/filter", json.dumps(asked).encode(), headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        found: list[dict[str, Any]] = json.loads(answer.read())
    return found


@pytest.mark.line
def test_prefect_has_the_table_of_a_closed_shift_once_whenever_its_server_runs(
    closed: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    """Closed without a server, the line that is next run shows it; closed beside one, it is there at once."""
    directory = ["--dir", str(closed.path)]
    early = rows(closed, "SELECT shift_id FROM shift WHERE name = 'early'")[0][0]
    with prefect_server(closed) as server:
        server.wait_until_ready()
        for _ in range(2):
            command = [sys.executable, "-c", SHOWS_WHAT_WAS_MISSED, str(closed.path), server.api_url]
            subprocess.run(command, check=True, timeout=100)
        [kept] = artifacts(closed, server.api_url, early)
        table = json.loads(kept["data"])
        assert kept["type"] == "table" and {row["station"] for row in table} >= {"review"}
        assert "EMULATED: shift early" in kept["description"]
        assert run(["shift", "close", "--emulated", *directory]) == Exit.FINE
        assert "Prefect's pages have the shift's table" in capsys.readouterr().err
        late = rows(closed, "SELECT shift_id FROM shift WHERE name = 'late'")[0][0]
        assert len(artifacts(closed, server.api_url, late)) == 1
    assert run(["shift", "open", "night", "--emulated", *directory]) == Exit.FINE
    capsys.readouterr()
    assert run(["shift", "close", "--emulated", *directory]) == Exit.FINE
    said = capsys.readouterr()
    assert "No Prefect server runs now" in said.err and "shift night is closed, balanced" in said.out
    assert re.search(r"next, for both to sign: passline shift report [0-9a-f]{32} --pdf shift-night.pdf", said.out)
