"""An archive's files by name, opened and written safely.

Every name is one of this module's own: nothing that a manifest says is used as a path.
"""

import gzip
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BufferedReader, BufferedWriter
from pathlib import Path
from typing import Final

from handoff_logs.archive.errors import MalformedArchiveError
from handoff_logs.proofs.errors import MalformedProofError

MANIFEST: Final = "archive.json"
NUMBERS_MANIFEST: Final = "numbers.json"
EVENTS, UNITS, CASES, REGISTERS = "events.jsonl.gz", "units.jsonl.gz", "cases.jsonl.gz", "registers.jsonl.gz"
ABSENT, NUMBERS, README = "absent.jsonl.gz", "numbers.jsonl.gz", "README.txt"
FOLDER_MODE, FILE_MODE = 0o700, 0o600
"""Numbers and people's codes are in them."""
TEXT: Final = """\
A year of a handoff log, put away by passline. It can be read without passline:

archive.json       what is here: the year, the log's signed checkpoints, rows and SHA-256 of every file below
events.jsonl.gz    the records, in the log's order: a JSON object a line, gzip (RFC 1952)
units.jsonl.gz     the steps of the units born in that year (UTC, by their ids)
cases.jsonl.gz     count differences of these records
registers.jsonl.gz entries of registers: keys, people, stations ...
absent.jsonl.gz    leaf hashes of the rows of other years' units in these records
tree-N.jsonl.gz    the log's tree N: its leaves here, and the hash of each subtree without one
numbers.jsonl.gz   numbers and salts, and numbers.json their SHA-256; may be taken out to erase them

A line is the canonical JSON (RFC 8785) that was hashed. The hash of a record is the SHA-256 of its line in
events.jsonl.gz; its leaf in the tree is SHA-256(00 || its line in tree-N.jsonl.gz); its units_root is the RFC 6962
tree over SHA-256(00 || line) of its rows: units and absent rows by position, cases by id, entries by position.
A line {"hash","level"} in a tree stands for the next 2^level leaves. The tree's root is the checkpoint's.
docs/archive.md of passline says the rest: passline logs check-archive FOLDER --key log.pub
"""
"""What README.txt says."""


def tree_file(epoch: int) -> str:
    """Return the name of a tree's file."""
    return f"tree-{epoch}.jsonl.gz"


@dataclass(frozen=True, slots=True)
class File:
    """A file's lines and the SHA-256 of its bytes."""

    rows: int
    sha256: str


class Writer:
    """Writes the lines of one new file of an archive, in gzip."""

    def __init__(self, folder: Path, name: str) -> None:
        self._path, self._rows, self._stack = folder / name, 0, ExitStack()
        raw = self._stack.enter_context(new_file(self._path))
        # No name and no time within: the same lines make the same file.
        self._text = self._stack.enter_context(gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0))

    def add(self, line: bytes) -> None:
        """Write one line, given without its newline."""
        self._text.write(line + b"\n")
        self._rows += 1

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def finished(self) -> File:
        """Return what was written, once it is closed."""
        return File(self._rows, digest_of(self._path))


@contextmanager
def new_file(path: Path) -> Iterator[BufferedWriter]:
    """Open a new file that its owner alone can read; it is on disk when the block ends."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def sha256(line: bytes) -> str:
    """Return the SHA-256 of a line in hex: a record's hash, of its line."""
    return hashlib.sha256(line).hexdigest()


def digest_of(path: Path) -> str:
    """Return a file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def opened_file(folder: Path, name: str) -> Iterator[BufferedReader]:
    """Open a file that lies in the folder itself: no link to elsewhere, no pipe, no device.

    Raises MalformedArchiveError for those, and for one that can't be opened.
    """
    try:
        file = os.fdopen(os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    except OSError as error:
        raise MalformedArchiveError(name, f"it can't be opened ({error.strerror})") from None
    with file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise MalformedArchiveError(name, "it is no file")
        yield file


@contextmanager
def refused_at(name: str) -> Iterator[None]:
    """Say of what JSON has wrong in which file it is: a MalformedProofError becomes a MalformedArchiveError."""
    try:
        yield
    except MalformedProofError as error:
        raise MalformedArchiveError(f"{name}, {error.place}", error.fault) from None
