"""An archive's manifests: archive.json, which two people record, and numbers.json, which may go with the numbers."""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from handoff_logs.archive.errors import BrokenArchiveError, MalformedArchiveError
from handoff_logs.archive.files import (
    ABSENT,
    CASES,
    EVENTS,
    MANIFEST,
    NUMBERS,
    NUMBERS_MANIFEST,
    README,
    REGISTERS,
    TEXT,
    UNITS,
    File,
    opened_file,
    refused_at,
    tree_file,
)
from handoff_logs.archive.years import FIRST_YEAR, LAST_YEAR
from handoff_logs.checkpoints import Checkpoint
from handoff_logs.notes import Note
from handoff_logs.proofs.proof_file import MAX_COSIGNATURES, SeenBy, note_of, seen_by, written_seen
from handoff_logs.proofs.strict_json import Value, read

FORMAT: Final = "passline archive 1"
NUMBERS_FORMAT: Final = "passline archive numbers 1"
MAX_MANIFEST: Final = 4 * 1024 * 1024
MAX_TREES: Final = 64

_HASH: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class ArchivedTree:
    """One of the log's trees: the checkpoint (a note with the log's one signature) that its leaves are archived under.

    Trees are numbered from 1; a declared loss begins the next. One that was never signed has nothing to archive.
    """

    epoch: int
    note: Note
    cosignatures: tuple[SeenBy, ...]

    @property
    def checkpoint(self) -> Checkpoint:
        """What the note says: origin, size and root of the tree."""
        return Checkpoint.parse(self.note.text)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive is. Nothing in it is merely informative: each word is checked against the files."""

    year: int
    emulated: bool
    trees: tuple[ArchivedTree, ...]
    files: Mapping[str, File]

    @property
    def newest(self) -> ArchivedTree:
        """The log's newest tree."""
        return self.trees[-1]

    @property
    def rows(self) -> int:
        """All rows of the files but the numbers, which are not the manifest's."""
        return sum(file.rows for file in self.files.values())

    @property
    def digest(self) -> str:
        """The SHA-256 of archive.json: what two people record."""
        return hashlib.sha256(self.encode()).hexdigest()

    def encode(self) -> bytes:
        """Return the bytes that `read_manifest` reads."""
        trees = [
            {
                "tree": tree.epoch,
                "checkpoint": tree.note.encode().decode(),
                "cosignatures": [written_seen(one) for one in tree.cosignatures],
            }
            for tree in self.trees
        ]
        files = {name: {"rows": file.rows, "sha256": file.sha256} for name, file in sorted(self.files.items())}
        whole = {"format": FORMAT, "year": self.year, "emulated": self.emulated, "trees": trees, "files": files}
        return _encoded(whole)


@dataclass(frozen=True, slots=True)
class Numbers:
    """The file of numbers, whose SHA-256 is kept apart so that it can go and the manifest stays."""

    file: File

    def encode(self) -> bytes:
        """Return the bytes that `read_numbers` reads."""
        return _encoded({"format": NUMBERS_FORMAT, "rows": self.file.rows, "sha256": self.file.sha256})


def read_manifest(folder: Path) -> Manifest:
    """Read archive.json strictly. Raises MalformedArchiveError."""
    data, whole = _json(folder, MANIFEST)
    with refused_at(MANIFEST):
        found = whole.fields("format", "year", "emulated", "trees", "files")
        _of_format(found["format"], FORMAT)
        year = found["year"].integer()
        if not FIRST_YEAR <= year <= LAST_YEAR:
            found["year"].refuse("it is no year")
        trees = tuple(map(_tree, found["trees"].items(MAX_TREES)))
        numbers = [0, *(tree.epoch for tree in trees)]
        if not trees or any(one >= following for one, following in pairwise(numbers)):
            found["trees"].refuse("they are not in the order of their numbers")
        names = (EVENTS, UNITS, CASES, REGISTERS, ABSENT, README, *(tree_file(tree.epoch) for tree in trees))
        files = {name: _file(value) for name, value in found["files"].fields(*names).items()}
        manifest = Manifest(year, found["emulated"].boolean(), trees, files)
    if manifest.encode() != data:
        raise MalformedArchiveError(MANIFEST, "its characters are not as this program writes them")
    return manifest


def read_numbers(folder: Path) -> Numbers | None:
    """Read numbers.json strictly, None where the numbers were taken out. Raises MalformedArchiveError."""
    if not any(os.path.lexists(folder / name) for name in (NUMBERS, NUMBERS_MANIFEST)):
        return None
    data, whole = _json(folder, NUMBERS_MANIFEST)
    with refused_at(NUMBERS_MANIFEST):
        found = whole.fields("format", "rows", "sha256")
        _of_format(found["format"], NUMBERS_FORMAT)
        numbers = Numbers(_file_of(found))
    if numbers.encode() != data:
        raise MalformedArchiveError(NUMBERS_MANIFEST, "its characters are not as this program writes them")
    return numbers


def _expect_digests(folder: Path, manifest: Mapping[str, File], numbers: Numbers | None) -> None:
    """Raise BrokenArchiveError for a file that is not the one its manifest names, and for one that is nobody's."""
    named = {**manifest, **({} if numbers is None else {NUMBERS: numbers.file})}
    for name, file in named.items():
        with opened_file(folder, name) as opened:
            found = hashlib.file_digest(opened, "sha256").hexdigest()
            opened.seek(0)
            lines_found = opened.read(2 * len(TEXT)).count(b"\n") if name == README else file.rows
        if found != file.sha256:
            raise BrokenArchiveError(name, "it is not the file whose SHA-256 was written down")
        # Of the others, when they are read.
        if lines_found != file.rows:
            raise BrokenArchiveError(name, f"it has {lines_found} lines instead of {file.rows}")
    known = {*named, MANIFEST, *([] if numbers is None else [NUMBERS_MANIFEST])}
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name not in known:
                raise BrokenArchiveError(ascii(entry.name[:80]), "it is no file of an archive")


@dataclass(frozen=True, slots=True)
class Folder:
    """An archive as its manifests describe it, none of its files read yet."""

    path: Path
    manifest: Manifest
    numbers: Numbers | None


def described(folder: Path) -> Folder:
    """Read a folder's manifests and hold its files against them. Raises MalformedArchiveError, BrokenArchiveError."""
    manifest, numbers = read_manifest(folder), read_numbers(folder)
    _expect_digests(folder, manifest.files, numbers)
    return Folder(folder, manifest, numbers)


def _encoded(whole: Mapping[str, Any]) -> bytes:
    return (json.dumps(whole, ensure_ascii=False, indent=1) + "\n").encode()


def _json(folder: Path, name: str) -> tuple[bytes, Value]:
    with opened_file(folder, name) as file:
        data = file.read(MAX_MANIFEST + 1)
    if len(data) > MAX_MANIFEST:
        raise MalformedArchiveError(name, f"it has more than {MAX_MANIFEST} bytes")
    with refused_at(name):
        return data, read(data)


def _of_format(value: Value, format_: str) -> None:
    if value.text() != format_:
        value.refuse(f"it is not {format_!r}, which this program reads")


def _tree(value: Value) -> ArchivedTree:
    found = value.fields("tree", "checkpoint", "cosignatures")
    seen = tuple(map(seen_by, found["cosignatures"].items(MAX_COSIGNATURES)))
    return ArchivedTree(found["tree"].integer(), note_of(found["checkpoint"]), seen)


def _file(value: Value) -> File:
    return _file_of(value.fields("rows", "sha256"))


def _file_of(found: Mapping[str, Value]) -> File:
    rows = found["rows"].integer()
    if rows < 0:
        found["rows"].refuse("it is no number of lines")
    return File(rows, found["sha256"].matching(_HASH, "a SHA-256"))
