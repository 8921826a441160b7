"""An archive is what it was, or it is refused: one bit anywhere, what is left out, what a forger makes of it."""

import gzip
import hashlib
import json
import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from forged_archive import leave_out, lines_of, put, read
from two_years import FIRST, SECOND
from verified_log import WITNESS_KEY

from handoff_logs.archive import files, manifest
from handoff_logs.archive.checking import Checked, check, load_and_check
from handoff_logs.archive.errors import BrokenArchiveError, MalformedArchiveError, NoRoomError
from handoff_logs.notes import COSIGNATURE_V1, ED25519, VerifierKey
from handoff_logs.records import canonical

REFUSED = (BrokenArchiveError, MalformedArchiveError)


def rules(checked: Checked) -> set[tuple[int, str]]:
    return {(problem.step, problem.rule) for problem in checked.verdict.problems}


def is_refused(folder: Path, key: VerifierKey) -> bool:
    try:
        return check(folder, [key]).verdict.exit_code != 0
    except REFUSED:
        return True


@pytest.fixture
def folder(on_sqlite: Any, tmp_path: Path) -> Path:
    """An archive to be changed."""
    copied: Path = on_sqlite.copy(SECOND, tmp_path / "archive")
    return copied


def test_one_changed_bit_anywhere_is_found(on_sqlite: Any, folder: Path) -> None:
    """A bit of every third byte of the manifests, which are read, and of some of the files, which are summed first."""
    chosen = random.Random()
    missed = []
    for path in sorted(folder.iterdir()):
        whole = path.read_bytes()
        step = 3 if path.suffix == ".json" else 23
        for place in range(chosen.randrange(step), len(whole), step):
            changed = bytearray(whole)
            changed[place] ^= 1 << chosen.randrange(8)
            path.write_bytes(changed)
            if not is_refused(folder, on_sqlite.key):
                missed.append((path.name, place))
        path.write_bytes(whole)
    assert missed == []
    assert not is_refused(folder, on_sqlite.key)


def test_a_file_that_is_missing_cut_longer_or_a_stranger_s_is_found(on_sqlite: Any, folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        whole = path.read_bytes()
        for changed in (None, b"", whole[:-1], whole + b"\n", whole + whole):
            path.unlink(missing_ok=True)
            if changed is not None:
                path.write_bytes(changed)
            assert is_refused(folder, on_sqlite.key), (path.name, changed and len(changed))
        path.write_bytes(whole)
    (folder / "notes\x1b[2J.txt").write_text("")
    with pytest.raises(BrokenArchiveError, match="no file of an archive") as refused:
        check(folder, [on_sqlite.key])
    assert "\x1b" not in str(refused.value)


def test_every_value_that_a_forger_changes_with_its_sums_is_found(on_sqlite: Any, folder: Path) -> None:
    for name in (
        files.EVENTS,
        files.UNITS,
        files.CASES,
        files.REGISTERS,
        files.ABSENT,
        files.NUMBERS,
        "tree-1.jsonl.gz",
    ):
        rows = read(folder, name)
        for place, row in enumerate(rows):
            # All of some rows, one of each other.
            fields = list(row) if place < 2 else random.sample(list(row), 1)
            for field in fields:
                value = row[field]
                other = (
                    value + 1
                    if type(value) is int
                    else not value
                    if type(value) is bool
                    else f"{value or 'x'}"[::-1] + "0"
                )
                changed = [*rows]
                changed[place] = row | {field: other}
                put(folder, name, lines_of(changed))
                assert is_refused(folder, on_sqlite.key), (name, place, field)
        put(folder, name, lines_of(rows))
    assert not is_refused(folder, on_sqlite.key)


@pytest.mark.parametrize(
    "name", [files.EVENTS, files.UNITS, files.CASES, files.REGISTERS, files.ABSENT, "tree-1.jsonl.gz"]
)
def test_every_row_that_a_forger_leaves_out_doubles_or_moves_is_found(on_sqlite: Any, folder: Path, name: str) -> None:
    lines = lines_of(read(folder, name))
    for place, line in enumerate(lines):
        others = lines[:place] + lines[place + 1 :]
        for changed in (others, [*lines, line], [*lines[:place], line, *lines[place:]]):
            put(folder, name, changed)
            assert is_refused(folder, on_sqlite.key), (name, place, len(changed))
    if name in (files.EVENTS, "tree-1.jsonl.gz"):
        put(folder, name, lines[::-1])
        assert is_refused(folder, on_sqlite.key)


def test_a_number_or_salt_of_another_unit_is_found_and_numbers_taken_out_are_not_missed(
    on_sqlite: Any, folder: Path
) -> None:
    numbers = read(folder, files.NUMBERS)
    put(folder, files.NUMBERS, lines_of([numbers[0] | {"salt": "0" * 32}, *numbers[1:]]))
    assert rules(check(folder, [on_sqlite.key])) == {(3, "a number belongs to its unit")}
    put(folder, files.NUMBERS, lines_of([numbers[0] | {"kind": "parcel"}, *numbers[1:]]))
    assert rules(check(folder, [on_sqlite.key])) == {(7, "a number's kind is its unit's")}
    before = (folder / files.MANIFEST).read_bytes()
    put(folder, files.NUMBERS, lines_of(numbers[1:]))
    checked = check(folder, [on_sqlite.key])
    assert (checked.verdict.exit_code, checked.numbers) == (0, len(numbers) - 1)
    for name in (files.NUMBERS, files.NUMBERS_MANIFEST):
        (folder / name).unlink()
    checked = check(folder, [on_sqlite.key])
    assert (checked.verdict.exit_code, checked.numbers) == (0, 0)
    # What two people recorded is the same with and without them.
    assert (folder / files.MANIFEST).read_bytes() == before


def test_a_unit_whose_step_was_left_out_with_its_record_has_a_gap(on_sqlite: Any, folder: Path) -> None:
    """The leaf of a record becomes a subtree of one: the tree holds, and custody does not."""
    leave_out(folder, "transform")
    for taken_out in (files.NUMBERS, files.NUMBERS_MANIFEST):
        (folder / taken_out).unlink()
    found = check(folder, [on_sqlite.key])
    assert (7, "every step follows the one before") in rules(found)
    assert found.verdict.exit_code == 2


def test_a_checkpoint_of_another_key_or_of_a_stranger_s_witness_is_found(on_sqlite: Any, folder: Path) -> None:
    other = Ed25519PrivateKey.from_private_bytes(b"\x09" * 32).public_key().public_bytes_raw()
    for keys in (
        [],
        [VerifierKey(on_sqlite.key.name, ED25519, other)],
        [VerifierKey("x", ED25519, on_sqlite.key.public)],
    ):
        found = check(folder, keys)
        assert (2, "a checkpoint is signed by the log's key that the auditor knows") in rules(found)
        assert found.verdict.exit_code == 1
    stranger = VerifierKey("witness.example/other", COSIGNATURE_V1, other)
    assert rules(check(folder, [on_sqlite.key], [stranger])) == {(2, "the witness cosigned the checkpoint")}
    false = VerifierKey(WITNESS_KEY.name, COSIGNATURE_V1, other)
    assert (2, "a cosignature is its witness's") in rules(check(folder, [on_sqlite.key], [false]))
    assert check(folder, [on_sqlite.key], [WITNESS_KEY]).verdict.exit_code == 0


def relinked(folder: Path, name: str, target: Path) -> None:
    (folder / name).unlink()
    (folder / name).symlink_to(target)


def hostile(do: Callable[[Path], object]) -> Any:
    return pytest.param(do, id=getattr(do, "__name__", "hostile"))


def link_to_a_copy(folder: Path) -> None:
    elsewhere = folder.with_name("elsewhere")
    shutil.copytree(folder, elsewhere)
    relinked(folder, files.UNITS, elsewhere / files.UNITS)


def link_to_endless_zeros(folder: Path) -> None:
    relinked(folder, files.EVENTS, Path("/dev/zero"))


def manifest_linked(folder: Path) -> None:
    link = folder.with_name("manifest")
    (folder / files.MANIFEST).rename(link)
    (folder / files.MANIFEST).symlink_to(link)


def pipe(folder: Path) -> None:
    (folder / files.CASES).unlink()
    os.mkfifo(folder / files.CASES)


def a_folder_for_a_file(folder: Path) -> None:
    (folder / files.CASES).unlink()
    (folder / files.CASES).mkdir()


def line_without_an_end(folder: Path) -> None:
    put(folder, files.UNITS, [b'{"a":"' + b"x" * 50_000_000], 1)


def rows_without_an_end(folder: Path) -> None:
    put(folder, files.ABSENT, lines_of([read(folder, files.ABSENT)[0]]) * 500_000)


def a_subtree_larger_than_the_log(folder: Path) -> None:
    put(folder, "tree-1.jsonl.gz", [canonical({"hash": "0" * 64, "level": 62})])


def deeply_nested(folder: Path) -> None:
    put(folder, files.UNITS, [b"[" * 30_000], 1)


def a_number_too_long(folder: Path) -> None:
    put(folder, files.UNITS, [b'{"step":' + b"9" * 30_000 + b"}"], 1)


def a_name_with_a_path(folder: Path) -> None:
    whole = json.loads((folder / files.MANIFEST).read_text("utf-8"))
    whole["files"]["../../etc/passwd"] = whole["files"].pop(files.UNITS)
    (folder / files.MANIFEST).write_text(json.dumps(whole, ensure_ascii=False, indent=1) + "\n", "utf-8")


def a_manifest_without_an_end(folder: Path) -> None:
    (folder / files.MANIFEST).write_bytes(b" " * (manifest.MAX_MANIFEST + 1))


def unseen_characters(folder: Path) -> None:
    rows = read(folder, files.UNITS)
    put(folder, files.UNITS, lines_of([rows[0] | {"place": "in\u202e"}, *rows[1:]]))


def half_a_character(folder: Path) -> None:
    line = lines_of(read(folder, files.UNITS))[0]
    put(folder, files.UNITS, [line.replace(b'"place":"in"', b'"place":"\\ud800"')], 1)


def no_gzip(folder: Path) -> None:
    put(folder, files.UNITS, [])
    data = b"plain text"
    (folder / files.UNITS).write_bytes(data)
    whole = json.loads((folder / files.MANIFEST).read_text("utf-8"))
    whole["files"][files.UNITS] = {"rows": 1, "sha256": hashlib.sha256(data).hexdigest()}
    (folder / files.MANIFEST).write_text(json.dumps(whole, ensure_ascii=False, indent=1) + "\n", "utf-8")


@pytest.mark.parametrize(
    "do",
    [
        hostile(one)
        for one in (
            *(link_to_a_copy, link_to_endless_zeros, manifest_linked, pipe, a_folder_for_a_file, line_without_an_end),
            *(rows_without_an_end, a_subtree_larger_than_the_log, deeply_nested, a_number_too_long, a_name_with_a_path),
            *(a_manifest_without_an_end, unseen_characters, half_a_character, no_gzip),
        )
    ],
)
def test_a_hostile_archive_is_refused_in_a_sentence(on_sqlite: Any, folder: Path, do: Callable[[Path], None]) -> None:
    do(folder)
    with pytest.raises(REFUSED) as refused:
        check(folder, [on_sqlite.key])
    said = str(refused.value)
    assert len(said) < 400 and said.isprintable()


def test_a_folder_that_is_none_is_refused(on_sqlite: Any, tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(MalformedArchiveError):
            check(place, [on_sqlite.key])


def test_an_archive_is_of_one_year(on_sqlite: Any, folder: Path) -> None:
    whole = (folder / files.MANIFEST).read_text("utf-8").replace(f'"year": {SECOND}', f'"year": {FIRST}')
    (folder / files.MANIFEST).write_text(whole, "utf-8")
    with pytest.raises(BrokenArchiveError, match=f"not born in {FIRST}"):
        check(folder, [on_sqlite.key])


def test_the_rows_that_are_used_are_those_that_were_summed(
    on_sqlite: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is swapped after it was summed, though for one with the same rows."""
    monkeypatch.setattr(manifest, "_expect_digests", lambda *_: None)
    rows = gzip.decompress((folder / files.UNITS).read_bytes())
    (folder / files.UNITS).write_bytes(gzip.compress(rows, 1, mtime=1))
    with pytest.raises(BrokenArchiveError, match="changed while it was read"):
        check(folder, [on_sqlite.key])


def test_a_disk_that_is_full_is_said_so(on_sqlite: Any, folder: Path) -> None:
    with closing(sqlite3.connect("", isolation_level=None)) as connection:
        connection.execute("PRAGMA max_page_count = 40")
        with pytest.raises(NoRoomError, match="SQLITE_TMPDIR"):
            load_and_check(connection, [manifest.described(folder)], [on_sqlite.key])
