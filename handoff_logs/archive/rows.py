"""The lines of an archive's files: read strictly, one at a time, each exactly the bytes that the log hashed."""

import gzip
import hashlib
import json
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from io import BufferedReader
from pathlib import Path
from typing import Final

from handoff_logs.archive.errors import BrokenArchiveError, MalformedArchiveError
from handoff_logs.archive.files import ABSENT, CASES, EVENTS, NUMBERS, REGISTERS, UNITS, File, opened_file, refused_at
from handoff_logs.proofs.proof_file import columns, types_of
from handoff_logs.proofs.strict_json import MAX_TEXT, Value, read
from handoff_logs.records import CASE_FIELDS, EVENT_FIELDS, REGISTER_FIELDS, UNIT_FIELDS, Scalar, canonical

ABSENT_FIELDS: Final = ("event_id", "hash", "position")
NUMBER_FIELDS: Final = ("kind", "number", "salt", "unit_id")
LEAF_FIELDS: Final = ("event_hash", "second_signature", "seq", "signature")
SUBTREE_FIELDS: Final = ("hash", "level")
ROWS: Final[Mapping[str, Sequence[str]]] = {
    EVENTS: EVENT_FIELDS,
    UNITS: UNIT_FIELDS,
    CASES: CASE_FIELDS,
    REGISTERS: REGISTER_FIELDS,
    ABSENT: ABSENT_FIELDS,
    NUMBERS: NUMBER_FIELDS,
}
"""The columns of a row in each file; a tree's file has two kinds of lines (`leaf_or_subtree`)."""
MAX_LINE: Final = 64 * 1024
"""A row of all its columns at their longest is shorter."""
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_TYPES: Final = {name: types_of(fields) for name, fields in ROWS.items()} | {
    ABSENT: {"event_id": (str,), "hash": (str,), "position": (int,)},
    NUMBERS: dict.fromkeys(NUMBER_FIELDS, (str,)),
}
_LEAF_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "event_hash": (str,),
    "second_signature": (str, type(None)),
    "seq": (int,),
    "signature": (str,),
}
_SUBTREE_TYPES: Final[dict[str, tuple[type, ...]]] = {"hash": (str,), "level": (int,)}
Row = Mapping[str, Scalar]


def lines(folder: Path, name: str, said: File) -> Iterator[tuple[str, bytes]]:
    """Yield (place, line) of a file that has to be the one that was said, each without its newline.

    Raises MalformedArchiveError for what is no gzip, too long a line, and any other number of lines;
    BrokenArchiveError at the end, if it is another file than the one that was summed.
    """
    count = 0
    with opened_file(folder, name) as opened:
        file = _Summed(opened)
        text = gzip.GzipFile(fileobj=file, mode="rb")  # type: ignore[call-overload]
        while True:
            try:
                line = text.readline(MAX_LINE + 1)
            except (OSError, EOFError, zlib.error) as error:
                raise MalformedArchiveError(name, f"it is no gzip file as it was written ({error})") from None
            if not line:
                break
            count += 1
            place = f"{name} line {count}"
            if count > said.rows:
                raise MalformedArchiveError(place, f"there are more than {said.rows} lines")
            if not line.endswith(b"\n"):
                raise MalformedArchiveError(place, f"it does not end, or has more than {MAX_LINE} bytes")
            yield place, line[:-1]
    if count != said.rows:
        raise MalformedArchiveError(name, f"it has {count} lines instead of {said.rows}")
    if file.hexdigest() != said.sha256:
        raise BrokenArchiveError(name, "it was changed while it was read")


class _Summed:
    """A file that is summed as it is read, so that the rows that are used are those that were summed."""

    def __init__(self, file: BufferedReader) -> None:
        self._file, self._sum = file, hashlib.sha256()

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        self._sum.update(data)
        return data

    def hexdigest(self) -> str:
        return self._sum.hexdigest()


def row_of(name: str, place: str, line: bytes) -> Row:
    """Return the row that a line of a file is: every column, of its type, in canonical JSON. MalformedArchiveError."""
    row = _row(place, line, ROWS[name], _TYPES[name])
    if name == ABSENT and (not _HASH.fullmatch(str(row["hash"])) or int(row["position"] or 0) < 1):
        raise MalformedArchiveError(place, "it is no hash of a row at a position from 1")
    return row


def leaf_or_subtree(place: str, line: bytes) -> Row:
    """Return what a line of a tree's file is: a leaf's entry, or a subtree (`hash`, `level`). MalformedArchiveError."""
    if line.startswith(b'{"hash"'):
        row = _row(place, line, SUBTREE_FIELDS, _SUBTREE_TYPES)
        if not _HASH.fullmatch(str(row["hash"])) or not 0 <= int(row["level"] or 0) < 64:
            raise MalformedArchiveError(place, "it is no subtree")
        return row
    return _row(place, line, LEAF_FIELDS, _LEAF_TYPES)


def _row(place: str, line: bytes, fields: Sequence[str], types: Mapping[str, tuple[type, ...]]) -> Row:
    try:
        row = json.loads(line)
        if (
            line.isascii()
            and b"\\" not in line
            and type(row) is dict
            and row.keys() == types.keys()
            and all(type(value) in types[name] for name, value in row.items())
            and all(len(value) <= MAX_TEXT for value in row.values() if type(value) is str)
            and canonical(row) == line
        ):
            return row
    except (ValueError, TypeError, RecursionError):
        pass
    # The slow way names what is wrong, and lets through what is merely unusual.
    with refused_at(place):
        found = read(line)
        values = found.fields(*fields)
        slow = columns(found, fields) if fields in _RECORDS else {name: _scalar(values[name]) for name in fields}
        for name in fields:
            if type(slow[name]) not in types[name]:
                values[name].refuse("it is of another type")
        try:
            written = canonical(slow)
        except (TypeError, UnicodeEncodeError):
            written = b""
        if written != line:
            found.refuse("it is not written as canonical JSON")
        return slow


_RECORDS: Final = (EVENT_FIELDS, UNIT_FIELDS, CASE_FIELDS, REGISTER_FIELDS)


def _scalar(value: Value) -> Scalar:
    if value.value is None:
        return None
    return value.text() if isinstance(value.value, str) else value.integer()
