"""An archive of a year is exactly what the log has of its units, sealed, and appears whole or not at all."""

import gzip
import json
import stat
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from signing_keys import log_key_of
from two_years import FIRST, LATER, SECOND, born, fill_two_years
from verified_log import by, cosign_newest, stamp

from handoff_logs import erasing, log, log_key
from handoff_logs.archive import custody, files, making
from handoff_logs.archive.checking import check
from handoff_logs.archive.errors import ArchiveTakenError, BrokenLogError, RowsNotSealedError, YearRefusedError
from handoff_logs.archive.making import make
from handoff_logs.archive.years import ids_of
from handoff_logs.keyring import Keyring, person_owner
from handoff_logs.notes import VerifierKey
from handoff_logs.proofs.errors import NotSealedError
from handoff_logs.reading import open_reading
from handoff_logs.records import CASE_FIELDS, EVENT_FIELDS, REGISTER_FIELDS, UNIT_FIELDS, Kind, canonical
from handoff_logs.sealing import Sealer


def rows(folder: Path, name: str) -> list[dict[str, Any]]:
    """A file's rows, read by nothing of this program."""
    with gzip.open(folder / name, "rt", encoding="utf-8") as text:
        return [json.loads(line) for line in text]


@pytest.mark.parametrize("year", [FIRST, SECOND, LATER])
def test_an_archive_verifies_and_holds_every_row_of_its_year_s_units_and_no_other(two_years: Any, year: int) -> None:
    folder = two_years.archived(year)
    checked = check(folder, [two_years.key])
    assert (checked.verdict.problems, checked.verdict.exit_code) == ((), 0)
    assert [one.witness for one in checked.witnessed] == ["witness.example/test"]
    units = rows(folder, files.UNITS)
    with open_reading(two_years.url) as reading:
        ids = ids_of(year)
        kept = reading.rows(
            f"SELECT {', '.join(UNIT_FIELDS)} FROM custody_unit WHERE unit_id >= :first AND unit_id < :end",
            first=ids.first,
            end=ids.end,
        )
        ours = {row["event_id"] for row in kept}
        events = {row["event_id"]: row for row in rows(folder, files.EVENTS)}
        known = {
            row["event_id"]: row | {"emulated": bool(row["emulated"])}
            for row in reading.rows(f"SELECT {', '.join(EVENT_FIELDS)} FROM custody_event")
        }
        others = reading.rows("SELECT event_id, position, unit_id FROM custody_unit")
        for name, table, fields in (
            (files.CASES, "custody_case", CASE_FIELDS),
            (files.REGISTERS, "custody_register", REGISTER_FIELDS),
        ):
            stored = reading.rows(f"SELECT {', '.join(fields)} FROM {table}")
            told = {canonical(row) for row in rows(folder, name)}
            assert told == {canonical(row) for row in stored if row["event_id"] in events}
    by_place = lambda row: (row["unit_id"], row["step"])  # noqa: E731
    assert sorted(units, key=by_place) == sorted(kept, key=by_place)
    assert ours <= events.keys()
    assert all(known[event_id] == event for event_id, event in events.items())
    absent = {(row["event_id"], row["position"]) for row in rows(folder, files.ABSENT)}
    assert absent == {
        (row["event_id"], row["position"]) for row in others if row["event_id"] in events and row["unit_id"] not in ids
    }


def test_what_a_record_of_the_year_leans_on_is_there_too(two_years: Any) -> None:
    """The offer that was answered, the settlement of a case, and a correction, though they have no row of the year."""
    acts = defaultdict(list)
    for event in rows(two_years.archived(FIRST), files.EVENTS):
        acts[event["act"]].append(event)
    assert len(acts["settle"]) == 2
    assert acts["correct"][0]["corrects"] in {event["event_id"] for event in acts["accept"]}
    assert {event["offer_id"] for event in acts["accept"]} <= {event["event_id"] for event in acts["offer"]}


def test_only_its_owner_may_read_it(on_sqlite: Any) -> None:
    folder = on_sqlite.archived(FIRST)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_no_number_lies_in_what_is_kept_for_ever(on_sqlite: Any, tmp_path: Path) -> None:
    folder = on_sqlite.archived(FIRST)
    numbers = {row["number"] for row in rows(folder, files.NUMBERS)}
    assert numbers == {"A1", "A2", "A3", "E1", "E2"}
    with open_reading(on_sqlite.url) as reading:
        without = make(reading, FIRST, tmp_path / "without", numbers=False)
    assert without.numbers == 0
    assert without.manifest == on_sqlite.made(FIRST).manifest
    assert not {path.name for path in without.folder.iterdir()} & {files.NUMBERS, files.NUMBERS_MANIFEST}
    assert check(without.folder, [on_sqlite.key]).verdict.problems == ()


def test_what_is_still_in_custody_is_told_and_what_follows_a_parcel_outside_is_not(two_years: Any) -> None:
    assert two_years.made(FIRST).still_here == ()
    assert two_years.made(SECOND).still_here == (("blank", "held", 1), ("order", "held", 3))
    with open_reading(two_years.url) as reading:
        last_us = custody.last_written_us(reading, ids_of(FIRST))
        newest = reading.rows("SELECT max(written_us) AS newest FROM custody_event")[0]["newest"]
        assert last_us is not None and last_us < newest
        assert custody.last_written_us(reading, ids_of(2001)) is None


@pytest.mark.parametrize("year", [1969, 2026, 2027, 2020])
def test_a_year_that_is_not_over_or_has_no_unit_is_refused(on_sqlite: Any, tmp_path: Path, year: int) -> None:
    with open_reading(on_sqlite.url) as reading, pytest.raises(YearRefusedError, match="nothing was written"):
        make(reading, year, tmp_path / "out", this_year=2026)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_is_not_written_into(on_sqlite: Any, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in (".", "link"):
        with open_reading(on_sqlite.url) as reading, pytest.raises(ArchiveTakenError):
            make(reading, FIRST, tmp_path / name)


def test_nothing_is_left_where_making_fails(on_sqlite: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(making, "_write_numbers", fail)
    with open_reading(on_sqlite.url) as reading, pytest.raises(OSError, match="no space"):
        make(reading, FIRST, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def growing(
    database: Any, database_url: str, keyring: Keyring, signing_keys: Path
) -> tuple[Any, str, Sealer, VerifierKey]:
    """A log of two years of a test's own, its sealer and its key."""
    Keyring.create(keyring._folder, [person_owner("vault-2")]).close()
    keyring.reload()
    key = log_key.read(log_key_of(signing_keys))
    fill_two_years(database, keyring, key, more=2)
    return database, database_url, Sealer(database, key), key.verifier


def test_what_is_not_sealed_or_not_witnessed_keeps_its_year_from_being_archived(
    growing: tuple[Any, str, Sealer, VerifierKey], tmp_path: Path
) -> None:
    database, url, sealer, key = growing
    late = born(SECOND, Kind.ORDER, "late")

    def archived(year: int, name: str) -> making.Made:
        with open_reading(url) as reading:
            return make(reading, year, tmp_path / name)

    database.write(lambda tx: log.receive(tx, by("review"), None, [late], "in", stamp()))
    for lacking in ("1 records .* not sealed and witnessed", "1 records .* not sealed and witnessed"):
        with pytest.raises(RowsNotSealedError, match=lacking):
            archived(SECOND, "out")
        sealer.seal()
    before = archived(FIRST, "first").manifest.newest.checkpoint.size
    cosign_newest(sealer)
    made = archived(SECOND, "out")
    assert made.manifest.newest.checkpoint.size == before + 1
    assert check(made.folder, [key]).verdict.problems == ()


def test_an_erased_number_is_in_no_archive_and_its_units_are(
    growing: tuple[Any, str, Sealer, VerifierKey], tmp_path: Path
) -> None:
    database, url, sealer, key = growing
    database.write(lambda tx: erasing.erase(tx, "A2", "p-0001", "p-0002", None, stamp(reason="retention")))
    with open_reading(url) as reading, pytest.raises(RowsNotSealedError):
        make(reading, FIRST, tmp_path / "out")
    sealer.seal()
    cosign_newest(sealer)
    with open_reading(url) as reading:
        made = make(reading, FIRST, tmp_path / "out")
    checked = check(made.folder, [key])
    # The order, its blank, and the document of the other year.
    assert (checked.verdict.problems, checked.units, checked.numbers) == ((), 6, 4)
    assert {row["number"] for row in rows(made.folder, files.NUMBERS)} == {"A1", "A3", "E1"}
    erased = [row for row in rows(made.folder, files.REGISTERS) if row["register"] == "erasure"]
    assert len(erased) == 3


def test_a_log_that_was_tampered_with_is_not_put_away(
    growing: tuple[Any, str, Sealer, VerifierKey], tmp_path: Path
) -> None:
    database, url, _, _ = growing
    sqlite = url.startswith("sqlite")

    def tamper(tx: Any) -> None:
        drop = "DROP TRIGGER custody_unit_no_update" if sqlite else "ALTER TABLE custody_unit DISABLE TRIGGER ALL"
        tx.exec_driver_sql(drop)
        tx.exec_driver_sql("UPDATE custody_unit SET place = 'pocket' WHERE outcome = 'lost'")

    database.write(tamper)
    with open_reading(url) as reading, pytest.raises(BrokenLogError, match="logs verify"):
        make(reading, FIRST, tmp_path / "out")
    assert not list(tmp_path.glob("*out*"))


def test_a_log_without_a_checkpoint_is_not_archived(centre: Any, database_url: str, tmp_path: Path) -> None:
    with open_reading(database_url) as reading, pytest.raises(NotSealedError):
        make(reading, FIRST, tmp_path / "out")


def test_pages_make_no_difference(on_sqlite: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same files, byte by byte, whether records are read by one or by hundreds."""
    monkeypatch.setattr(making, "PAGE_EVENTS", 1)
    with open_reading(on_sqlite.url) as reading:
        again = make(reading, SECOND, tmp_path / "again")
    assert again.manifest == on_sqlite.made(SECOND).manifest
