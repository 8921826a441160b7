"""What a witness must never forget: the largest tree of each log that it cosigned, and what it refused as untrue.

One SQLite file. Checking a request and writing its outcome is one transaction that shuts out every other writer, and
is on the disk before the caller goes on.
"""

import base64
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Any, Final, NamedTuple

from handoff_logs.merkle import EMPTY_ROOT, verify_consistency
from handoff_logs.witness.errors import (
    ClockBehindError,
    KeyChangedOtherwiseError,
    StoreBusyError,
    StoreLostError,
)
from handoff_logs.witness.protocol import AddCheckpoint

VERSION: Final = 2
BUSY_TIMEOUT_S: Final = 5.0
CLOCK_TOLERANCE_S: Final = 2
"""A clock set back by this much repeats the last time; further back, nothing is cosigned."""

# REPLACE walks past triggers on UPDATE and DELETE, hence the guards on INSERT.
_SCHEMA: Final = """
CREATE TABLE witness (vkey TEXT NOT NULL);
CREATE TABLE cosigned (
    origin TEXT NOT NULL PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, note BLOB NOT NULL,
    time_s INTEGER NOT NULL
) STRICT;
CREATE TABLE evidence (
    time_s INTEGER NOT NULL, reason TEXT NOT NULL, origin TEXT NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL,
    note BLOB NOT NULL, old_size INTEGER NOT NULL, proof TEXT NOT NULL, cosigned_size INTEGER NOT NULL,
    cosigned_note BLOB NOT NULL
) STRICT;
CREATE TABLE proven (
    time_s INTEGER NOT NULL, origin TEXT NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL,
    PRIMARY KEY (origin, size, root)
) STRICT;
CREATE TRIGGER cosigned_once BEFORE INSERT ON cosigned
WHEN EXISTS (SELECT 1 FROM cosigned WHERE origin = NEW.origin)
BEGIN SELECT RAISE(ABORT, 'a log has one latest checkpoint'); END;
CREATE TRIGGER cosigned_grows BEFORE UPDATE ON cosigned
WHEN NEW.origin <> OLD.origin OR NEW.size < OLD.size OR NEW.time_s < OLD.time_s
    OR (NEW.size = OLD.size AND NEW.root <> OLD.root)
BEGIN SELECT RAISE(ABORT, 'a log only grows'); END;
CREATE TRIGGER cosigned_stays BEFORE DELETE ON cosigned
BEGIN SELECT RAISE(ABORT, 'a witness does not forget'); END;
CREATE TRIGGER evidence_once BEFORE INSERT ON evidence
WHEN EXISTS (SELECT 1 FROM evidence WHERE origin = NEW.origin AND size = NEW.size AND root = NEW.root)
BEGIN SELECT RAISE(IGNORE); END;
CREATE TRIGGER evidence_unchanged BEFORE UPDATE ON evidence
BEGIN SELECT RAISE(ABORT, 'evidence is not changed'); END;
CREATE TRIGGER evidence_stays BEFORE DELETE ON evidence
BEGIN SELECT RAISE(ABORT, 'a witness does not forget'); END;
CREATE INDEX evidence_of ON evidence (origin, size, root);
"""


_SCHEMA_2: Final = """
CREATE TABLE IF NOT EXISTS key_change (
    origin TEXT NOT NULL, size INTEGER NOT NULL, old_key TEXT NOT NULL, new_key TEXT NOT NULL, time_s INTEGER NOT NULL,
    PRIMARY KEY (origin, old_key)
) STRICT;
CREATE TRIGGER IF NOT EXISTS key_change_once BEFORE INSERT ON key_change
WHEN EXISTS (SELECT 1 FROM key_change WHERE origin = NEW.origin AND old_key = NEW.old_key)
BEGIN SELECT RAISE(ABORT, 'a key of a log is followed by one'); END;
CREATE TRIGGER IF NOT EXISTS key_change_unchanged BEFORE UPDATE ON key_change
BEGIN SELECT RAISE(ABORT, 'a log''s key is not changed back'); END;
CREATE TRIGGER IF NOT EXISTS key_change_stays BEFORE DELETE ON key_change
BEGIN SELECT RAISE(ABORT, 'a witness does not forget'); END;
"""
"""Where a log's key changed: `old_key` signs up to `size` leaves, `new_key` what is larger."""


class Verdict(Enum):
    """How a request compares with what was cosigned before."""

    CONTINUES = "continues"
    OTHER_SIZE = "other_size"
    """It starts from another size than the one cosigned last."""
    OTHER_ROOT = "other_root"
    UNPROVEN = "unproven"


class KeyChange(NamedTuple):
    """A log's key changed: the old one, as it is written, signs up to `size` leaves, the new one what is larger."""

    origin: str
    size: int
    old_key: str
    new_key: str


class Cosigned(NamedTuple):
    """The largest checkpoint of a log that was cosigned, and when it last was."""

    size: int
    root: bytes
    note: bytes
    time_s: int


NOTHING: Final = Cosigned(0, EMPTY_ROOT, b"", 0)


class Store:
    """The file of one witness; any number of threads and processes may use it at once."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    def make(cls, path: Path, vkey: str) -> "Store":
        """Write the store of a new witness, which has cosigned nothing."""
        store = cls(path)
        with store._connection("rwc") as connection:
            connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} {_SCHEMA_2} PRAGMA user_version = {VERSION};")
            connection.execute("INSERT INTO witness VALUES (?)", (vkey,))
            connection.execute("COMMIT")
        return store

    @classmethod
    def open(cls, path: Path) -> "Store":
        """Return the store in `path`. Raises StoreLostError if it is not there, is damaged or is no store."""
        if not path.is_file():
            raise StoreLostError(str(path), "is not there")
        store = cls(path)
        try:
            with store._connection() as connection:
                (version,) = connection.execute("PRAGMA user_version").fetchone()
                (sound,) = connection.execute("PRAGMA quick_check(1)").fetchone()
                if (version, sound) == (1, "ok"):
                    connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA_2} PRAGMA user_version = {VERSION}; COMMIT;")
                    version = VERSION
        except sqlite3.DatabaseError as error:
            raise StoreLostError(str(path), f"can't be read ({error})") from error
        if version != VERSION or sound != "ok":
            raise StoreLostError(str(path), f"is damaged ({sound}, version {version})")
        return store

    def vkey(self) -> str:
        """Return the verifier key of the witness whose store this is."""
        (vkey,) = self._rows("SELECT vkey FROM witness")[0].values()
        return str(vkey)

    def cosigned(self) -> list[dict[str, Any]]:
        """Return the largest cosigned checkpoint of each log."""
        return self._rows("SELECT origin, size, root, note, time_s FROM cosigned ORDER BY origin")

    def key_changes(self, origin: str | None = None) -> list[KeyChange]:
        """Return where the key of a log, or of any, changed, as this witness has checked. Raises StoreBusyError."""
        query = "SELECT origin, size, old_key, new_key FROM key_change WHERE origin = ? OR ? ORDER BY origin, size"
        try:
            with self._connection() as connection:
                return [KeyChange(*row) for row in connection.execute(query, (origin, origin is None))]
        except sqlite3.Error as error:
            raise StoreBusyError(str(error)) from error

    def change_key(self, change: KeyChange, now_s: int) -> bool:
        """Remember that a log's key changed; False if it is known already.

        Raises KeyChangedOtherwiseError where another key is known to follow the old one, StoreBusyError.
        """
        with self._transaction() as connection:
            query = "SELECT origin, size, old_key, new_key FROM key_change WHERE origin = ? AND old_key = ?"
            found = connection.execute(query, (change.origin, change.old_key)).fetchone()
            if found is None:
                connection.execute("INSERT INTO key_change VALUES (?, ?, ?, ?, ?)", (*change, now_s))
            elif KeyChange(*found) != change:
                raise KeyChangedOtherwiseError(change.origin, KeyChange(*found).new_key, change.new_key)
            return found is None

    def evidence(self) -> list[dict[str, Any]]:
        """Return what logs signed that does not continue what was cosigned before, oldest first.

        `proven_s` is when a tree that came with a wrong proof first was cosigned with a right one: anybody can send a
        log's own checkpoint with a wrong proof.
        """
        return self._rows(
            "SELECT evidence.*, proven.time_s AS proven_s FROM evidence"
            " LEFT JOIN proven USING (origin, size, root) ORDER BY evidence.rowid"
        )

    def advance(self, request: AddCheckpoint, note: bytes, now_s: int) -> tuple[Verdict, Cosigned]:
        """Remember a signed checkpoint if it continues the log, or keep it as evidence if it contradicts the log.

        `note` is the checkpoint with the log's own signatures. Returns the verdict and what is cosigned from now on:
        on disk when this returns. Raises ClockBehindError and StoreBusyError, and then nothing has changed.
        """
        checkpoint = request.checkpoint
        with self._transaction() as connection:
            found = connection.execute(
                "SELECT size, root, note, time_s FROM cosigned WHERE origin = ?", (checkpoint.origin,)
            ).fetchone()
            known = Cosigned(*found) if found else NOTHING
            verdict = _judge(known, request)
            if verdict is Verdict.CONTINUES:
                if now_s < known.time_s - CLOCK_TOLERANCE_S:
                    raise ClockBehindError(now_s, known.time_s)
                new = Cosigned(checkpoint.size, checkpoint.root, note, max(now_s, known.time_s))
                statement = (
                    "UPDATE cosigned SET size = ?, root = ?, note = ?, time_s = ? WHERE origin = ?"
                    if found
                    else "INSERT INTO cosigned (size, root, note, time_s, origin) VALUES (?, ?, ?, ?, ?)"
                )
                connection.execute(statement, (*new, checkpoint.origin))
                connection.execute(
                    "INSERT OR IGNORE INTO proven SELECT ?, origin, size, root FROM evidence"
                    " WHERE origin = ? AND size = ? AND root = ?",
                    (new.time_s, checkpoint.origin, checkpoint.size, checkpoint.root),
                )
                return verdict, new
            # Equal sizes with two roots contradict each other, whatever size the request starts from.
            contradicts = checkpoint.size == known.size and checkpoint.root != known.root
            if contradicts or verdict is Verdict.UNPROVEN:
                reason = Verdict.OTHER_ROOT if contradicts else verdict
                proof = "\n".join(base64.b64encode(one).decode() for one in request.proof)
                refused = (checkpoint.origin, checkpoint.size, checkpoint.root, note, request.old_size, proof)
                connection.execute(
                    "INSERT INTO evidence VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (now_s, reason.value, *refused, known.size, known.note),
                )
            return verdict, known

    def _rows(self, query: str) -> list[dict[str, Any]]:
        with self._connection() as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query)]

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._connection() as connection:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise StoreBusyError(str(error)) from error

    @contextmanager
    def _connection(self, mode: str = "rw") -> Iterator[sqlite3.Connection]:
        # rw never makes a file: a store that vanished while the witness runs is an error, not an empty store.
        uri = f"{self._path.absolute().as_uri()}?mode={mode}"
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        try:
            # EXTRA: a commit is the journal's removal, which must be on the disk too.
            connection.execute("PRAGMA synchronous = EXTRA")
            yield connection
        finally:
            connection.close()


def _judge(known: Cosigned, request: AddCheckpoint) -> Verdict:
    """The order of the checks is the specification's."""
    checkpoint = request.checkpoint
    if request.old_size != known.size:
        return Verdict.OTHER_SIZE
    if checkpoint.size == known.size and checkpoint.root != known.root:
        return Verdict.OTHER_ROOT
    if not verify_consistency(known.size, checkpoint.size, request.proof, known.root, checkpoint.root):
        return Verdict.UNPROVEN
    return Verdict.CONTINUES
