"""A shift as its people work it, by the commands alone: opened on a count, worked, handed over, closed with balance 0.

On SQLite and PostgreSQL, each command in a process of its own. What the shift leaves behind is then looked through for
rule 6: neither the log's tables nor any log, trace, capture or Prefect database names an applicant.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from passline_process import Passline, kill_all

from flows.errors import Exit
from flows.run_folder import RunFolder
from handoff_logs.questions import violations
from handoff_logs.reading import open_reading

pytestmark = [pytest.mark.line, pytest.mark.timeout(240)]

DOCUMENTS = 4
SPOILS = {"PASSLINE_EMULATION__SPOIL_RATE": "0.5"}
NAMING = ("surname", "given", "resident", "phone", "address", "birth", "name")
"""What the fields of an applicant that name one have in their names."""
SHORTEST = 4
"""A shorter word (a sex, a code of one letter) stands anywhere by chance."""
CUSTODY = ("custody_event", "custody_unit", "custody_case", "custody_register", "audit_lookup")


@dataclass(frozen=True)
class Shift:
    """A line on which a shift was opened, handed over and closed; what each command ended with and printed."""

    folder: Path
    batch: Path
    ended: dict[str, int]
    printed: dict[str, str]

    def do(self, name: str, *arguments: str, **environment: str) -> None:
        """Run a command to its end."""
        command = Passline(self.folder, *arguments, "--dir", str(self.folder), environment=environment)
        self.ended[name], self.printed[name] = command.wait(), command.printed + command.said

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Rows of a question to the line's database."""
        with closing(open_reading(RunFolder(self.folder).line().database_url)) as reading:
            return reading.rows(query)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shift(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shift]:
    """The whole shift, once a database."""
    home = tmp_path_factory.mktemp(f"shift-{request.param}")
    made = Shift(home / "line", home / "batch", {}, {})
    size = ("--books", "1", "--cards", "1", "--readers", "1", "--speed", "0", "--tray-size", "3")
    made.do("new", "new", *size)
    if request.param == "postgresql":
        put_on_postgresql(RunFolder(made.folder), request.getfixturevalue("postgresql_server"))
    sound = ("--intake-defects", "0", "--review-defects", "0")
    generated = Passline(made.folder, "intake", "generate", str(made.batch), "--documents", str(DOCUMENTS), *sound)
    assert generated.wait() == Exit.FINE, generated.said
    made.do("open", "shift", "open", "early", "--emulated")
    made.do("load", "intake", "load", str(made.batch))
    made.do("run", "run", "--output", "json", **SPOILS)
    made.do("hand-over", "shift", "hand-over", "late", "--emulated")
    made.do("close", "shift", "close", "--emulated")
    made.do("balance", "blanks", "balance", "--output", "json")
    yield made
    kill_all(made.folder)


def put_on_postgresql(folder: RunFolder, server: str) -> None:
    """Give the line a database of its own on the server."""
    name = f"shift_{uuid4().hex}"
    with psycopg.connect(server.format(database="postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    url = server.format(database=name).replace("postgresql://", "postgresql+psycopg://", 1)
    text = folder.configuration.read_text("utf-8")
    folder.configuration.write_text(text.replace("[database]", f'[database]\nurl = "{url}"', 1), "utf-8")


def test_every_command_from_the_opening_to_the_closing_ends_well(shift: Shift) -> None:
    """The hand-over and the close are on counts that balance: nothing was forced."""
    assert set(shift.ended.values()) == {Exit.FINE}, shift.printed
    endings = shift.rows("SELECT name, closed, closed_how, opening_reason FROM shift ORDER BY opened_us")
    assert [(row["name"], bool(row["closed"]), row["opening_reason"]) for row in endings] == [
        ("early", True, None),
        ("late", True, None),
    ]
    assert {row["closed_how"] for row in endings} <= {"balanced", "handed-over"}
    assert shift.rows("SELECT * FROM shift_difference") == []


def test_every_document_went_to_its_end_and_a_spoilt_one_was_made_again(shift: Shift) -> None:
    report = json.loads(shift.printed["run"].splitlines()[next(_json_line(shift.printed["run"]))])
    assert (report["documents"], report["dispatched"]) == (DOCUMENTS, DOCUMENTS)
    assert report["remade"] == report["blanks_voided"] > 0
    assert (report["live_duplicates"], report["custody_violations"], report["blanks_unaccounted"]) == (0, 0, 0)
    with closing(open_reading(RunFolder(shift.folder).line().database_url)) as reading:
        assert violations(reading) == []


def _json_line(printed: str) -> Iterator[int]:
    return (number for number, line in enumerate(printed.splitlines()) if line.startswith("{"))


def test_blanks_balance_to_nothing_at_every_station_and_machine(shift: Shift) -> None:
    """Rule 3, as the keepers are told it."""
    rows = json.loads(shift.printed["balance"])
    assert {row["station"] for row in rows} == {"vault", "personalization"}
    assert {(row["difference"], *row["unaccounted"], *row["missing"]) for row in rows} == {(0,)}
    assert sum(row["made"] for row in rows if not row["machine"]) >= DOCUMENTS
    assert all(row["emulated"] for row in rows)


def test_a_closed_shifts_log_is_whole_and_says_emulated_everywhere(shift: Shift) -> None:
    """Rules 2 and 9 over every record: one custodian a unit, and no record that passes for a real one."""
    assert shift.rows("SELECT unit_id FROM whereabouts GROUP BY unit_id HAVING count(*) <> 1") == []
    assert shift.rows("SELECT DISTINCT emulated FROM custody_event WHERE NOT emulated") == []
    for name in ("open", "hand-over", "close"):
        assert "EMULATED" in shift.printed[name], name


def named(batch: Path) -> set[str]:
    """Every word of the batch that names a person or an application."""
    found = set()
    for line in (batch / "applications.jsonl").read_text("utf-8").splitlines():
        record = json.loads(line)
        found.add(record["number"])
        found |= {word for name, word in _leaves(record["applicant"]) if any(part in name for part in NAMING)}
    return {word for word in found if len(word) >= SHORTEST}


def _leaves(record: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in record.items():
        if isinstance(value, dict):
            yield from _leaves(value)
        elif isinstance(value, str):
            yield name, value


@pytest.fixture
def naming(shift: Shift) -> Callable[[bytes], list[str]]:
    """Finds who is named in some bytes."""
    words = named(shift.batch)
    assert len(words) > 2 * DOCUMENTS
    return lambda content: [word for word in words if word.encode() in content]


def test_no_handoff_record_names_an_applicant(shift: Shift, naming: Callable[[bytes], list[str]]) -> None:
    """Rule 6, straight from the database."""
    for table in CUSTODY:
        rows = shift.rows(f"SELECT * FROM {table}")
        assert naming(json.dumps(rows, ensure_ascii=False, default=str).encode()) == [], table


def test_no_log_trace_capture_or_prefect_database_names_an_applicant(
    shift: Shift, naming: Callable[[bytes], list[str]]
) -> None:
    """Rule 6 in every file that the run left: flow parameters, run names and artifacts are in Prefect's database."""
    url = RunFolder(shift.folder).line().database_url
    own = {Path(url.removeprefix("sqlite:///")).name, "world", "keys", "replies"}
    looked = []
    for file in sorted(path for path in shift.folder.rglob("*") if path.is_file()):
        part = file.relative_to(shift.folder).parts[0]
        if part in own or part.startswith("passline.db"):
            continue  # the line's own database holds applications, sealed; `world` is paper, a reply names its number
        assert naming(file.read_bytes()) == [], file
        looked.append(part)
    assert "logs" in looked
    assert any("prefect" in str(path) for path in shift.folder.rglob("*.db"))
