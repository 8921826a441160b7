"""Nothing is answered at the terminal before the log has recorded who asked what; and what was asked can be asked."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cyclopts import App
from signing_keys import log_key_of
from sqlalchemy import text

from handoff_logs import cli, log_key, terminal
from handoff_logs.cli import app
from handoff_logs.lookups import record_lookup
from handoff_logs.pseudonyms import hidden, hidden_sql, pseudonym_key
from handoff_logs.questions import ASKED, LOOKUPS, lookups
from handoff_logs.reading import open_reading
from handoff_logs.records import Birth, Kind, new_id
from handoff_logs.sealing import Sealer
from handoff_logs.snapshot_commands import snapshot_command, sql_command
from handoff_logs.terminal import Asker, Audience

SNAPSHOTS = App()
SNAPSHOTS.command(snapshot_command, name="snapshot")
SNAPSHOTS.command(sql_command, name="sql")
"""As `passline` has them beside the others."""
SUBJECTS = {"number": "E1", "name": "day", "code": "review-1"}
Rows = list[tuple[str, str, dict[str, Any]]]


@pytest.fixture
def folder(centre: Any, database_url: str, tmp_path: Path, signing_keys: Path, monkeypatch: Any) -> Path:
    """A run's folder on a sealed log, whose asker is p-0417 in a session."""
    (order,) = centre.orders(1, numbers=["A1"])
    document = Birth(new_id(), Kind.DOCUMENT, "E1")
    centre.transform("review", order, *centre.blanks(1), document)
    Sealer(centre.database, log_key.read(log_key_of(signing_keys))).seal()
    (tmp_path / "line.toml").write_text(f'database = "{database_url}"\ncentre = "jinan"\n')
    # Another test may have loaded `passline` in this process, which puts its own here.
    monkeypatch.setattr(cli, "resolve_url", cli.database_url)
    monkeypatch.setattr(cli, "differences", ())
    monkeypatch.setattr(cli, "resolve_centre", cli.centre_name)
    monkeypatch.setattr(terminal, "who_asks", lambda directory, audience: Asker("p-0417", "5e55104"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def recorded(centre: Any) -> Callable[[], Rows]:
    """All look-ups: who, what, with what."""
    query = text("SELECT reader, question, parameters FROM audit_lookup ORDER BY seq")

    def rows() -> Rows:
        found = centre.do(lambda tx: tx.execute(query).all())
        return [(row[0], row[1], json.loads(row[2])) for row in found]

    return rows


def passline(*arguments: object, folder: Path) -> int:
    """Run a command within this process; its exit status."""
    which = SNAPSHOTS if arguments[0] in ("snapshot", "sql") else app
    try:
        which([*map(str, arguments), "--dir", str(folder)], result_action="return_value")
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def commands() -> list[tuple[str, ...]]:
    """Every question as a command."""
    every = [*ASKED.values(), LOOKUPS]
    return [(each.name, *([SUBJECTS[each.subject]] if each.subject else [])) for each in every]


def test_every_question_is_recorded_with_who_and_what(folder: Path, recorded: Callable[[], Rows]) -> None:
    for command in commands():
        passline(*command, folder=folder)
    asked = recorded()
    assert [question for _, question, _ in asked] == [name for name, *_ in commands()]
    assert {(reader, parameters["session"]) for reader, _, parameters in asked} == {("p-0417", "5e55104")}
    key = pseudonym_key(folder / "keys")
    by_name = {question: parameters for _, question, parameters in asked}
    assert by_name["document"]["number"] == f"hidden:{hidden(key, 'E1')}"
    assert (by_name["shift"]["name"], by_name["person"]["code"]) == ("day", "review-1")
    passline("waiting", "--station", "qc", folder=folder)
    passline("late", "--from", "2026-11-25", "--person", "李晓", folder=folder)
    assert recorded()[-2][2]["station"] == "qc"
    assert recorded()[-1][2]["person"].startswith("hidden:") and isinstance(recorded()[-1][2]["from_us"], int)


def test_what_leaves_is_recorded_as_an_export(folder: Path, recorded: Callable[[], Rows]) -> None:
    for arguments in (
        ("document", "E1", "--output", "json"),
        ("document", "E1", "--out", "e1.csv"),
        ("check", "--output", "csv"),
        ("prove", "E1"),
        ("epcis", "--out", "e1.json", "--number", "E1"),
    ):
        assert passline(*arguments, folder=folder) == 0, arguments
    assert [question for _, question, _ in recorded()] == [
        "export document json",
        "export document csv",
        "export check csv",
        "proof",
        "epcis export",
    ]
    assert "E1" not in json.dumps(recorded())
    numbers = {parameters["number"] for _, _, parameters in recorded() if "number" in parameters}
    assert len(numbers) == 1, "the same number is found by the same pseudonym"


def test_what_the_log_does_not_know_is_recorded_too(
    folder: Path, recorded: Callable[[], Rows], capsys: pytest.CaptureFixture[str]
) -> None:
    assert passline("document", "E9", folder=folder) == 2
    assert "does not know" in capsys.readouterr().err
    assert [question for _, question, _ in recorded()] == ["document"]


def test_without_its_record_nothing_is_answered(
    folder: Path, centre: Any, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    unguard = "ALTER TABLE audit_lookup DISABLE TRIGGER audit_lookup_append_only"
    centre.sql("DROP TRIGGER audit_lookup_no_delete" if database_url.startswith("sqlite") else unguard)
    others = [("check",), ("prove", "E1"), ("snapshot",), ("epcis", "--out", "-"), ("epcis", "--out", "e.json")]
    for command in [*commands(), *others]:
        assert passline(*command, folder=folder) == 2, command
        shown = capsys.readouterr()
        assert shown.out == "" and "nothing is answered" in shown.err, command
    assert not {path.name for path in folder.iterdir()} & {"E1.proof.json", "snapshots", "e.json", "e.json.part"}


def test_whether_the_log_holds_is_answered_and_recorded_and_also_where_that_can_not_be(
    folder: Path, centre: Any, database_url: str, recorded: Callable[[], Rows], capsys: pytest.CaptureFixture[str]
) -> None:
    """An enemy who takes the guards away must not keep anybody from finding that out."""
    passline("line", folder=folder)
    line = capsys.readouterr().out.strip()
    assert passline("check-line", line, folder=folder) == 0
    assert passline("verify", folder=folder) in (0, 2)
    assert [question for _, question, _ in recorded()] == ["line", "check-line", "verify"]
    unguard = "ALTER TABLE audit_lookup DISABLE TRIGGER audit_lookup_append_only"
    centre.sql("DROP TRIGGER audit_lookup_no_delete" if database_url.startswith("sqlite") else unguard)
    capsys.readouterr()
    assert passline("check-line", line, folder=folder) == 0
    assert "could not be recorded" in capsys.readouterr().err
    assert passline("verify", folder=folder) == 2
    assert "audit_lookup" in re.sub(r"\s", "", capsys.readouterr().out)


def test_a_refused_asker_is_answered_nothing_and_leaves_no_record(
    folder: Path, recorded: Callable[[], Rows], monkeypatch: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    class NotYouError(Exception):
        """A refusal of whoever signs people in."""

    asked = []

    def refuse(directory: Path, audience: Audience) -> Asker:
        asked.append(audience)
        raise NotYouError

    monkeypatch.setattr(terminal, "who_asks", refuse)
    for command in [*commands(), ("check",), ("prove", "E1"), ("snapshot",), ("epcis", "--out", "-")]:
        with pytest.raises(NotYouError):
            passline(*command, folder=folder)
    assert asked == [Audience.READERS] * 17 + [Audience.OVERSEERS] + [Audience.READERS] * 4
    assert (recorded(), capsys.readouterr().out) == ([], "")


def test_sql_is_recorded_without_what_is_quoted_in_it_and_of_an_own_copy_not(
    folder: Path, recorded: Callable[[], Rows], tmp_path_factory: pytest.TempPathFactory
) -> None:
    pytest.importorskip("duckdb")
    assert passline("snapshot", folder=folder) == 0
    asked = "SELECT count(*) FROM unit WHERE number_hash = 'E1' AND step > 0"
    assert passline("sql", asked, folder=folder) == 0
    assert passline("sql", asked, "--snapshot", next((folder / "snapshots").iterdir()), folder=folder) == 0
    copy = tmp_path_factory.mktemp("own") / "copy"
    next((folder / "snapshots").iterdir()).rename(copy)
    assert passline("sql", asked, "--snapshot", copy, "--output", "json", folder=folder) == 0
    key = pseudonym_key(folder / "keys")
    kept = f"SELECT count(*) FROM unit WHERE number_hash = 'hidden:{hidden(key, 'E1')}' AND step > 0"
    assert [(question, parameters.get("sql")) for _, question, parameters in recorded()] == [
        ("export snapshot", None), ("sql", kept), ("sql", kept)]  # fmt: skip


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 'EJ0000020'",
        'SELECT "EJ0000020" FROM unit',
        "SELECT 'it''s EJ0000020'",
        "SELECT $$EJ0000020$$, $x$EJ0000020$x$",
        "SELECT EJ0000020 -- EJ0000020\n/* EJ0000020 */",
        "SELECT 20000020",
        "SELECT 'EJ0000020",
        "SELECT 王晓 FROM 王晓",
    ],
)
def test_of_sql_no_number_and_no_name_is_kept(sql: str) -> None:
    kept = hidden_sql(sql, lambda word: f"h{len(word)}")
    assert kept.startswith("SELECT ") and kept.isascii()
    assert "0000020" not in kept


def test_look_ups_are_listed_newest_first_by_reader_question_and_time(database_url: str) -> None:
    for number in range(5):
        record_lookup(database_url, f"p-000{number % 2}", "document" if number < 3 else "late", {"number": number})
    with open_reading(database_url) as reading:
        every = list(lookups(reading))
        assert [json.loads(row["parameters"])["number"] for row in every] == [4, 3, 2, 1, 0]
        assert [row["seq"] for row in lookups(reading, reader="p-0001")] == [every[1]["seq"], every[3]["seq"]]
        assert [row["seq"] for row in lookups(reading, question="late", reader="p-0000")] == [every[0]["seq"]]
        assert len(list(lookups(reading, from_us=every[1]["asked_us"]))) == 2
        assert len(list(lookups(reading, to_us=every[1]["asked_us"]))) == 3


def test_who_looked_a_number_up_is_found_and_the_number_is_nowhere(
    folder: Path, recorded: Callable[[], Rows], capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in (("document", "E1"), ("document", "A1"), ("prove", "E1"), ("waiting",)):
        assert passline(*arguments, folder=folder) == 0
    capsys.readouterr()
    for number, wanted in (
        ("E1", ["lookups", "proof", "document"]),
        ("A1", ["lookups", "document"]),
        ("%", ["lookups"]),
    ):
        assert passline("lookups", "--number", number, "--output", "jsonl", folder=folder) == 0
        found = [json.loads(line)["question"] for line in capsys.readouterr().out.splitlines()]
        assert [name.removeprefix("export ").removesuffix(" jsonl") for name in found] == wanted
    assert "E1" not in json.dumps(recorded())


def test_pages_of_look_ups_follow_each_other(database_url: str) -> None:
    for number in range(5):
        record_lookup(database_url, "p-0001", "late", {"number": number})
    with open_reading(database_url) as reading:
        first = lookups(reading, limit=2)
        rows = list(first)
        rows += list(lookups(reading, after=first.cursor))
        assert rows == list(lookups(reading)) and len(rows) == 5
