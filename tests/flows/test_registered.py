"""What line.toml says is in the log's registers as soon as a line opens, and changes there when it changes here."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from flows.composition import open_line, prepare
from flows.default_line import write_default
from flows.run_folder import RunFolder


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A line that was prepared and never opened."""
    folder = RunFolder(tmp_path / "line")
    write_default(folder, books=1, cards=1, small=0, gate=False)
    prepare(folder)
    return folder


def opened(folder: RunFolder) -> int:
    """Open the line and close it; how many records the log has then."""
    with open_line(folder, shift="day", stations=("review",)):
        pass
    return int(ask(folder, "SELECT count(*) FROM custody_event")[0][0])


def ask(folder: RunFolder, query: str) -> list[Any]:
    """Ask the line's database."""
    with closing(sqlite3.connect(folder.database_file)) as database:
        return database.execute(query).fetchall()


def latest(folder: RunFolder, register: str) -> dict[tuple[str, str], str]:
    """What a register says now."""
    rows = ask(
        folder,
        "SELECT subject, field, value FROM custody_register JOIN custody_event USING (event_id)"
        f" WHERE register = '{register}' ORDER BY seq, position",
    )
    now = {(subject, field): value for subject, field, value in rows}
    return {key: value for key, value in now.items() if value is not None}


def test_a_line_that_opens_records_its_stations_machines_and_thresholds_once(folder: RunFolder) -> None:
    before = int(ask(folder, "SELECT count(*) FROM custody_event")[0][0])
    # And one of its witness's key.
    assert opened(folder) == before + 2
    assert opened(folder) == before + 2
    machines, thresholds = latest(folder, "machine"), latest(folder, "threshold")
    assert machines["book-01", "driver"] == "book-personalizer"
    assert machines["book-01", "port"] == "emulator://book-01"
    assert (machines["book-01", "serial"], machines["book-01", "mode"]) == ("EMU-BOOK-01", "emulated")
    assert {name for name, _ in machines} == {"book-01", "card-01", "reader-01", "air-01"}
    assert (thresholds["line", "tray_size"], thresholds["qc", "swipe_share"]) == ("25", "1")
    assert (thresholds["review", "normal_hours"], thresholds["review", "emergency_hours"]) == ("20", "0.5")
    assert latest(folder, "station")["qc", "role"] == "inspector"
    assert ask(folder, "SELECT person, emulated FROM custody_event ORDER BY seq DESC LIMIT 1") == [("passline", 1)]


def test_a_changed_line_toml_is_one_record_of_what_changed(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the file changed or the environment over it."""
    before = opened(folder)
    text = folder.configuration.read_text("utf-8").replace('serial = "EMU-BOOK-01"', 'serial = "OTHER"')
    folder.configuration.write_text(text, "utf-8")
    monkeypatch.setenv("PASSLINE_TRAY_SIZE", "10")
    assert opened(folder) == before + 1
    changed = ask(
        folder,
        "SELECT register, subject, field, value FROM custody_register WHERE event_id ="
        " (SELECT event_id FROM custody_event ORDER BY seq DESC LIMIT 1) ORDER BY position",
    )
    assert changed == [("machine", "book-01", "serial", "OTHER"), ("threshold", "line", "tray_size", "10")]
