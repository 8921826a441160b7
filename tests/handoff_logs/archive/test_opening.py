"""Opened archives answer and prove as the line's own log does; what lies in other years is said, never guessed."""

import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from signing_keys import log_key_of
from two_years import FIRST, LATER, SECOND, born, fill_two_years
from verified_log import WITNESS_KEY, by, cosign_newest, stamp

from handoff_logs import log, log_key, opened, questions, register
from handoff_logs.archive.errors import (
    ArchivesUnlinkedError,
    ArchiveTakenError,
    BrokenArchiveError,
    MalformedArchiveError,
)
from handoff_logs.archive.making import make
from handoff_logs.archive.opening import open_archives
from handoff_logs.archive.records import cuts, facts_of
from handoff_logs.errors import NotInArchiveError, OpenedArchiveError, UnitElsewhereError
from handoff_logs.keyring import Keyring, person_owner
from handoff_logs.proofs import making as proofs
from handoff_logs.proofs.errors import BrokenProofError, UnknownNumberError
from handoff_logs.proofs.verifying import verify
from handoff_logs.questions.answers import FIRST_US, LAST_US
from handoff_logs.questions.registry import QUESTIONS
from handoff_logs.reading import Reading, open_reading
from handoff_logs.records import Kind
from handoff_logs.sealing import Sealer
from handoff_logs.snapshot import take
from handoff_logs.verify.run import verify as verified

EVER = {"from_us": FIRST_US, "to_us": LAST_US}


def reading_of(folder: Path) -> Reading:
    url = opened.url_of(folder)
    assert url is not None
    return open_reading(url)


@pytest.fixture
def open_years(two_years: Any, tmp_path: Path) -> Callable[..., Path]:
    """Opens the archives of years in a new folder."""

    def open_(*years: int) -> Path:
        out = tmp_path / "-".join(map(str, years))
        checked = open_archives([two_years.archived(year) for year in years], out, [two_years.key], [WITNESS_KEY])
        assert checked.verdict.problems == ()
        return out

    return open_


def answers(reading: Reading, numbers: tuple[str, ...]) -> dict[str, list[Any]]:
    """What all sixteen questions say, with nothing left out."""
    subjects = {"number": numbers, "name": ("day",), "code": ("review-1", "qc-1", "vault-2")}
    told: dict[str, list[Any]] = {}
    for name, question in QUESTIONS.items():
        filters = {key: value for key, value in EVER.items() if key in question.filters}
        asked = subjects[question.subject] if question.subject else (None,)
        for subject in asked:
            rows = question.ask(reading, *(() if subject is None else (subject,)), **filters)
            # What a moment decides, and the schema's name.
            told[f"{name} {subject}"] = [
                {key: value for key, value in row.items() if key not in ("age_s", "schema", "claimed_by")}
                for row in rows
            ]
    return told


def test_all_years_together_answer_every_question_as_the_log_does(
    two_years: Any, open_years: Callable[..., Path]
) -> None:
    out = open_years(FIRST, SECOND, LATER)
    numbers = ("A1", "A2", "A3", "B1", "E1", "E2", "P1", "F1")
    with open_reading(two_years.url) as line, reading_of(out) as archives:
        assert answers(archives, numbers) == answers(line, numbers)
        assert questions.violations(archives) == []
        assert opened.absent_count(archives, [row["event_id"] for row in questions.document(line, "A1")]) == 0


def test_proofs_are_byte_by_byte_those_of_the_log(two_years: Any, open_years: Callable[..., Path]) -> None:
    out = open_years(SECOND, FIRST)
    with open_reading(two_years.url) as line, reading_of(out) as archives:
        for number in ("A1", "A2", "A3", "B1", "P1", "E2"):
            proof = proofs.prove(archives, number).encode()
            assert proof == proofs.prove(line, number).encode()
            assert verify(proof, two_years.key, [WITNESS_KEY])


def test_a_year_alone_proves_its_own_units_and_says_how_much_it_lacks(
    two_years: Any, open_years: Callable[..., Path]
) -> None:
    out = open_years(FIRST)
    with open_reading(two_years.url) as line, reading_of(out) as archives:
        assert opened.years(archives) == [FIRST]
        assert questions.violations(archives) == []
        for number in ("A1", "A2", "A3", "E2"):
            made = proofs.prove(archives, number)
            told = verify(made.encode(), two_years.key, [WITNESS_KEY])
            ours = {row["unit_id"] for row in questions.document(archives, number)}
            steps = [(row["unit_id"], row["step"], row["state"]) for row in told.steps if row["kind"] != "case"]
            assert steps == [
                (row["unit_id"], row["step"], row["state"])
                for row in questions.document(line, number)
                if row["unit_id"] in ours
            ]
            assert opened.absent_count(archives, [str(one.event["event_id"]) for one in made.events]) > 0
        for number in ("B1", "P1"):
            with pytest.raises(UnknownNumberError):
                proofs.prove(archives, number)
        held = {row["kind"]: row["state"] for row in questions.holder(archives, "A1")}
        assert held == {"order": "ended"}


def test_who_held_what_was_packed_in_another_year_s_parcel_is_not_guessed(
    two_years: Any, open_years: Callable[..., Path]
) -> None:
    with reading_of(open_years(FIRST)) as archives, pytest.raises(UnitElsewhereError, match="not guessed") as refused:
        list(questions.holder(archives, "E1"))
    assert refused.value.container == two_years.units["P1"]
    with reading_of(open_years(FIRST, SECOND)) as archives:
        assert [row["station"] for row in questions.holder(archives, "E1", kind="document")] == ["carrier"]


def test_what_needs_the_whole_log_is_refused(two_years: Any, open_years: Callable[..., Path], tmp_path: Path) -> None:
    out = open_years(SECOND)
    url = opened.url_of(out)
    assert url is not None
    with pytest.raises(OpenedArchiveError, match="check-archive"):
        verified(url)
    with reading_of(out) as archives:
        for refused in (lambda: make(archives, SECOND, tmp_path / "x"), lambda: take(archives, tmp_path / "x")):
            with pytest.raises(OpenedArchiveError):
                refused()
        newest = proofs.signed_checkpoint_of(archives)
        assert proofs.leaves_at(archives, newest.size) == newest
        with pytest.raises((NotInArchiveError, BrokenProofError)):
            proofs.leaves_at(archives, 15)


def test_it_can_only_be_read(two_years: Any, open_years: Callable[..., Path]) -> None:
    out = open_years(FIRST)
    path = out / opened.DATABASE
    assert stat.S_IMODE(path.stat().st_mode) == 0o400
    assert stat.S_IMODE(out.stat().st_mode) == 0o700
    path.chmod(0o600)
    connection = sqlite3.connect(path)
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    assert len(tables) == 19
    for table in tables:
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        changes = [f"INSERT INTO {table} DEFAULT VALUES", f"REPLACE INTO {table} ({columns[0]}) VALUES (1)"]
        if connection.execute(f"SELECT 1 FROM {table}").fetchone():
            changes += [f"UPDATE {table} SET {columns[0]} = {columns[0]}", f"DELETE FROM {table}"]
        for change in changes:
            with pytest.raises(sqlite3.IntegrityError, match="only read"):
                connection.execute(change)
    connection.close()


def test_nothing_is_opened_over_what_is_there_or_from_what_is_broken(
    two_years: Any, open_years: Callable[..., Path], tmp_path: Path
) -> None:
    first = two_years.archived(FIRST)
    out = open_years(FIRST)
    line = tmp_path / "line"
    line.mkdir()
    (line / "line.toml").write_text("")
    for taken in (out, line, line / "line.toml"):
        with pytest.raises(ArchiveTakenError):
            open_archives([first], taken, [two_years.key])
    before = sorted(path.name for path in tmp_path.iterdir())
    assert open_archives([first], tmp_path / "new", []).verdict.exit_code == 1
    with pytest.raises(MalformedArchiveError, match="of one year"):
        open_archives([first, first], tmp_path / "new", [two_years.key])
    copied = two_years.copy(FIRST, tmp_path / "copied")
    (copied / "units.jsonl.gz").write_bytes(b"")
    with pytest.raises(BrokenArchiveError):
        open_archives([copied], tmp_path / "new", [two_years.key])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*before, "copied"])


def test_archives_under_different_checkpoints_are_opened_together_once_the_first_is_recorded(
    database: Any, database_url: str, keyring: Keyring, signing_keys: Path, tmp_path: Path
) -> None:
    """The later one then ends its subtrees where the earlier one's checkpoint ends: both show one log."""
    Keyring.create(keyring._folder, [person_owner("vault-2")]).close()
    keyring.reload()
    key = log_key.read(log_key_of(signing_keys))
    fill_two_years(database, keyring, key, more=5)
    sealer = Sealer(database, key)

    def made(year: int, name: str) -> Any:
        with open_reading(database_url) as reading:
            return make(reading, year, tmp_path / name)

    def go_on(entries: list[Any]) -> None:
        for _ in range(6):
            births = [born(LATER, Kind.ORDER)]
            database.write(lambda tx, births=births: log.receive(tx, by("review"), None, births, "in", stamp()))
        database.write(lambda tx: register.record(tx, register.administration("p-1"), "p-2", entries, stamp()))
        sealer.seal()
        cosign_newest(sealer)

    first = made(FIRST, "first")
    unrelated = register.Register.THRESHOLD
    go_on([register.Entry(unrelated, "lost", "units", str(number)) for number in range(4)])
    unlinked = made(SECOND, "unlinked")
    size = first.manifest.newest.checkpoint.size
    with pytest.raises(ArchivesUnlinkedError) as refused:
        open_archives([first.folder, unlinked.folder], tmp_path / "new", [key.verifier])
    assert (refused.value.year, refused.value.other, refused.value.size) == (SECOND, FIRST, size)
    facts = facts_of(first.manifest)
    go_on([register.Entry(register.Register.ARCHIVE, str(FIRST), field, value) for field, value in facts.items()])
    with open_reading(database_url) as reading:
        assert cuts(reading) == {1: [size]}
    second = made(SECOND, "second")
    assert second.manifest.newest.checkpoint.size > size
    out = tmp_path / "new"
    checked = open_archives([second.folder, first.folder], out, [key.verifier], [WITNESS_KEY])
    assert checked.verdict.problems == ()
    assert [(one.year, one.manifest) for one in checked.recorded] == [(FIRST, first.manifest.digest)]
    with reading_of(out) as archives, open_reading(database_url) as line:
        for number in ("A1", "A2", "A3", "B1", "P1"):
            proof = proofs.prove(archives, number).encode()
            assert proof == proofs.prove(line, number).encode()
            verify(proof, key.verifier, [WITNESS_KEY])
        assert proofs.leaves_at(archives, size) == first.manifest.newest.checkpoint
