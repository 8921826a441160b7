"""`passline packing`: what lies on the hold shelf, and what two of packing sign for it."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from small_desk import PASSWORD
from small_line import Line
from small_packing_desk import PackingDeskLine
from typed_commands import feed

from flows.cli import run
from flows.composition import open_database, prepare
from flows.default_line import write_default
from flows.errors import Exit
from flows.run_folder import RunFolder
from handoff_logs.questions import violations
from handoff_logs.reading import open_reading
from stations.people_register import passwords


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[RunFolder, PackingDeskLine, str]]:
    """A line with one piece on the hold shelf, which was scanned with another's envelope; its serial."""
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
    folder = RunFolder(tmp_path / "line")
    write_default(folder, books=1, cards=1, readers=1, gate=False, tray_size=25, speed=0, seed=1)
    prepare(folder)
    with open_database(folder, folder.line().database_url) as database:
        line = Line(database, folder.path)
        desk = PackingDeskLine.of(line)
        desk.set_passwords()
        pair = desk.pieces(desk.accept_one(6))[:2]
        own, other = desk.codes(pair[0]), desk.codes(pair[1])
        desk.scan("pia", own[0], own[1], other[2])
        desk.book()
        yield folder, desk, own[0]
        line.close()
    with open_reading(folder.line().database_url) as reading:
        assert violations(reading) == []


def passline(*arguments: str, folder: RunFolder, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    capsys.readouterr()
    status = run(["packing", *arguments, "--dir", str(folder.path)])
    written = capsys.readouterr()
    return status, written.out + written.err


def test_the_shelf_is_listed_and_freed_by_two_who_sign(
    shelf: tuple[RunFolder, PackingDeskLine, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As a table, JSON and CSV; and once: what is no way out, or is decided, is refused before anybody is asked."""
    folder, desk, serial = shelf

    def said(*arguments: str) -> tuple[int, str]:
        return passline(*arguments, folder=folder, capsys=capsys)

    assert "document  mismatch (envelope): ends as right, envelope, apart" in said("shelf")[1]
    (row,) = json.loads(said("shelf", "--output", "json")[1])
    (same,) = csv.DictReader(io.StringIO(said("shelf", "--output", "csv")[1]))
    assert (row["number"], same["number"], row["ends_as"]) == (serial, serial, "right, envelope, apart")
    refused: tuple[tuple[str, ...], ...] = (("release", serial, "--as", "opened"), ("release", "EZ1", "--as", "right"))
    for arguments in refused:
        status, told = said(*arguments)
        assert status != Exit.FINE and "passline packing shelf" in told
    who: list[Any] = [desk.by[name].code for name in ("pia", "lead")]
    feed(monkeypatch, [PASSWORD, PASSWORD])
    signed = ("--first", who[0], "--second", who[1], "--passwords-from", "-")
    status, told = said("release", serial, "--as", "right", *signed)
    assert status == Exit.FINE, told
    assert f"EMULATED: {serial} goes on" in told and f"signed by {who[0]} and {who[1]}" in told
    assert desk.rows("SELECT resolution FROM packing_mismatch") == [("right",)]
    assert "nothing lies" in said("shelf")[1]
