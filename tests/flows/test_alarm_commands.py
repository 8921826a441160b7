"""`passline alarms`: listed for people and programs, taken by whoever signs in and may."""

import csv
import io
import json
from pathlib import Path

import pytest
from enrolled import enrol
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import text
from typed_commands import feed, piped

from flows.cli import run
from flows.composition import open_database, prepare
from flows.default_line import write_default
from flows.errors import Exit
from flows.run_folder import RunFolder
from stations.alarms.register import clear, raise_alarm
from stations.people_register import passwords
from stations.people_register.credentials import SignedIn

PASSWORD = "a password of everybody"


class Line:
    """A line whose database a test writes alarms into."""

    def __init__(self, path: Path) -> None:
        self.folder = RunFolder(path)
        write_default(self.folder)
        prepare(self.folder)
        with self.opened() as database:
            self.people: dict[str, SignedIn] = enrol(database, operator="operator", keeper="keeper", lead="lead")
            for who in self.people.values():
                facts = {"code": who.code, "hash": passwords.hashed(PASSWORD)}
                insert = text("INSERT INTO person_password VALUES (:code, :hash, 1)")
                database.write(lambda tx, facts=facts, insert=insert: tx.execute(insert, facts))

    def opened(self):  # type: ignore[no-untyped-def]
        return open_database(self.folder, self.folder.line().database_url)

    def raised(self, kind: str = "machine-held", subject: str = "book-01", amount: int | None = None) -> int:
        with self.opened() as database:
            return int(database.write(lambda tx: raise_alarm(tx, kind, subject, emulated=True, amount=amount)).alarm_id)

    def cleared(self, kind: str = "machine-held", subject: str = "book-01") -> None:
        with self.opened() as database:
            database.write(lambda tx: clear(tx, kind, subject))

    def alarms(self, *arguments: str) -> int:
        return run(["alarms", *arguments, "--dir", str(self.folder.path)])


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Line:
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
    return Line(tmp_path / "line")


def test_no_alarm_is_fine(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    assert line.alarms("list") == Exit.FINE
    out = capsys.readouterr().out
    assert "no alarm is open" in out and "EMULATED" in out


def test_open_alarms_are_findings_the_worst_first(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    line.raised("late-risk", "qc", 12)
    line.raised()
    assert line.alarms("list") == Exit.FINDINGS
    first, second = [row for row in capsys.readouterr().out.splitlines() if "urgent" in row or "warning" in row]
    assert "Machine held" in first and "book-01" in first and "operator" in first and "○ open" in first
    assert "12 units" in second and "qc" in second and "lead" in second


def test_programs_read_json_and_csv(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    line.raised("late-risk", "qc", 12)
    assert line.alarms("list", "--output", "json") == Exit.FINDINGS
    told = json.loads(capsys.readouterr().out)
    (row,) = told["alarms"]
    assert told["emulated"] is True
    assert (row["kind"], row["subject"], row["amount"], row["state"], row["owner"]) == (
        "late-risk",
        "qc",
        12,
        "open",
        "lead",
    )
    line.alarms("list", "--output", "csv")
    (as_csv,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert as_csv["kind"] == "late-risk" and list(as_csv) == list(row)


def test_what_is_over_is_listed_when_asked_for(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    line.raised()
    line.cleared()
    assert line.alarms("list") == Exit.FINE and "book-01" not in capsys.readouterr().out
    assert line.alarms("list", "--all") == Exit.FINE and "✓ cleared" in capsys.readouterr().out


def test_a_person_who_may_takes_an_alarm_and_the_next_is_told_so(
    line: Line, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    alarm, who = str(line.raised()), line.people["operator"].code
    feed(monkeypatch, [PASSWORD])
    assert line.alarms("acknowledge", alarm, "--by", who, "--passwords-from", "-") == Exit.FINE
    assert f"EMULATED line: alarm {alarm} is {who}'s to see to." in capsys.readouterr().out
    feed(monkeypatch, [])
    lead = line.people["lead"].code
    assert line.alarms("acknowledge", alarm, "--by", lead, "--passwords-from", "-") == Exit.REFUSED
    assert f"{who} acknowledged alarm {alarm}" in capsys.readouterr().err, "before any password is asked for"
    line.alarms("list")
    assert f"acknowledged, by {who}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("role", "password", "says"),
    [("keeper", PASSWORD, "is not operator or lead"), ("operator", "wrong password", "is refused")],
)
def test_whoever_may_not_or_is_not_believed_takes_nothing(
    line: Line,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    role: str,
    password: str,
    says: str,
) -> None:
    alarm, code = str(line.raised()), line.people[role].code
    feed(monkeypatch, [password])
    assert line.alarms("acknowledge", alarm, "--by", code, "--passwords-from", "-") == Exit.REFUSED
    assert says in capsys.readouterr().err
    assert line.alarms("list") == Exit.FINDINGS and "○ open" in capsys.readouterr().out


def test_an_alarm_that_is_none_or_over_is_refused_before_a_password_is_asked_for(
    line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    assert line.alarms("acknowledge", "99", "--by", "p-0011", "--passwords-from", "-") == Exit.REFUSED
    alarm = line.raised()
    line.cleared()
    assert line.alarms("acknowledge", str(alarm), "--by", "p-0011", "--passwords-from", "-") == Exit.REFUSED
    err = capsys.readouterr().err
    assert "there is no alarm 99" in err and "over since" in err


def test_the_command_as_it_is_typed(line: Line) -> None:
    """In a process of its own, on the line's folder."""
    line.raised()
    listed = piped("alarms", "list", folder=line.folder.path)
    assert listed.returncode == Exit.FINDINGS and "Machine held" in listed.stdout and listed.stderr == ""
    unknown = piped("alarms", "list", folder=line.folder.path / "elsewhere")
    assert unknown.returncode == Exit.REFUSED and "There is no line" in unknown.stderr
