"""Copies of a log: made while it is written to, described by a manifest, judged before they replace a log.

A copy is one file, whole or absent, and beside it `FILE.json` says what it holds by the log's own facts. Times say
nothing: a copy is older than a log that has a larger sealed size, or higher numbers of any key.
"""

import hashlib
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from handoff_logs import postgresql_tools
from handoff_logs.errors import (
    BackupExistsError,
    BackupRefusedError,
    DatabaseInUseError,
    NewerLogError,
    OtherLogError,
    UnreadableDatabaseError,
)
from handoff_logs.log_facts import LogFacts, read_facts
from handoff_logs.reading import open_reading

FORMAT: Final = 1
SQLITE, POSTGRESQL = "sqlite", "postgresql"
CHUNK_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a copy is: of which database (no password), made when (microseconds UTC), with which bytes and facts."""

    database: str
    source: str
    made_us: int
    emulated: bool
    bytes: int
    sha256: str
    facts: LogFacts


def kind_of(url: str) -> str:
    """Say which database a url names: `sqlite` or `postgresql`."""
    return SQLITE if url.startswith("sqlite") else POSTGRESQL


def manifest_of(file: Path) -> Path:
    """Return where the manifest of a copy lies."""
    return file.with_name(f"{file.name}.json")


def back_up(url: str, file: Path, *, emulated: bool) -> Manifest:
    """Copy the log at a database url into a new `file` (mode 0600), while others write it, with its manifest.

    Raises BackupExistsError, UnreadableDatabaseError, PostgresqlToolMissingError, PostgresqlToolFailedError.
    """
    if file.exists():
        raise BackupExistsError(str(file))
    fresh = file.with_name(f".{file.name}.{os.getpid()}.new")
    made_us = time.time_ns() // 1_000
    # Made before anything is written into it: what it holds must never be open to others, not even for a moment.
    os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        facts = _copy_sqlite(url, fresh) if kind_of(url) == SQLITE else _dump(url, fresh)
        _sync(fresh)
        sha256, size = _hashed(fresh)
        manifest = Manifest(kind_of(url), source_of(url), made_us, emulated, size, sha256, facts)
        _write(manifest_of(file), manifest)
        # The manifest first: a copy that is there has one.
        fresh.rename(file)
    finally:
        fresh.unlink(missing_ok=True)
    _sync(file.parent)
    return manifest


def source_of(url: str) -> str:
    """Return what people know a database by, without its password."""
    return str(_path(url)) if kind_of(url) == SQLITE else postgresql_tools.server_name(url)


def read_manifest(file: Path) -> Manifest:
    """Return the manifest of a copy. Raises BackupRefusedError for one that is missing or not as it was written."""
    try:
        content = json.loads(manifest_of(file).read_bytes())
        if content.pop("format") != FORMAT:
            raise BackupRefusedError(str(file), "its manifest is of another version of passline")
        facts = LogFacts(**content.pop("facts"))
        del content["made"]
        return Manifest(facts=facts, **content)
    except FileNotFoundError:
        raise BackupRefusedError(str(file), f"its manifest {manifest_of(file).name} is not beside it") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackupRefusedError(str(file), f"its manifest can't be read ({error})") from error


def judge(present: LogFacts, copy: LogFacts) -> None:
    """Refuse a copy that knows less than the present log. Raises NewerLogError, OtherLogError."""
    if present.epoch == copy.epoch and present.origin and copy.origin and present.origin != copy.origin:
        raise OtherLogError(present.origin, copy.origin)
    ahead = {
        key: (number, copy.numbers.get(key, 0))
        for key, number in present.numbers.items()
        if number > copy.numbers.get(key, 0)
    }
    if ahead or (present.epoch, present.size) > (copy.epoch, copy.size):
        key = next(iter(ahead), None)
        most = (f"{key} ({present.owners.get(key, '')})", *ahead[key]) if key else None
        raise NewerLogError(present.size, copy.size, len(ahead), most)
    if (present.epoch, present.size) == (copy.epoch, copy.size) and present.root != copy.root:
        raise OtherLogError(f"{present.origin} with root {present.root}", f"root {copy.root}")


def present_facts(url: str) -> LogFacts | None:
    """Return the facts of the log that is there; None where there is none, not even an empty one.

    Raises UnreadableDatabaseError for one that is there and can't be read.
    """
    if kind_of(url) == SQLITE and not _path(url).exists():
        return None
    try:
        with open_reading(url) as reading:
            return read_facts(reading)
    except UnreadableDatabaseError as error:
        if has_no_tables(error):
            return None
        raise
    except sqlite3.DatabaseError as error:
        raise UnreadableDatabaseError(f"{_path(url)}: {error}") from error


def has_no_tables(error: UnreadableDatabaseError) -> bool:
    """Say whether a log can't be read because its database holds none."""
    cause = error.__cause__
    return type(cause).__name__ == "UndefinedTable" or "no such table" in str(cause)


def restore(url: str, file: Path, manifest: Manifest) -> Path | None:
    """Put a copy in the place of a database; what it replaces stays beside it under the returned name (SQLite).

    Whole or not at all. Raises BackupRefusedError for a copy that is not what its manifest says, DatabaseInUseError,
    PostgresqlToolMissingError, PostgresqlToolFailedError.
    """
    if manifest.database != kind_of(url):
        raise BackupRefusedError(str(file), f"it is a copy of a {manifest.database} database, not {kind_of(url)}")
    if manifest.database == SQLITE:
        return _put_sqlite(_path(url), file, manifest)
    if _hashed(file) != (manifest.sha256, manifest.bytes):
        raise BackupRefusedError(str(file), "it is not the file that its manifest describes")
    postgresql_tools.undump(url, file)
    _as_described(file, manifest, present_facts(url))
    return None


def _as_described(file: Path, manifest: Manifest, found: LogFacts | None) -> None:
    if found != manifest.facts:
        raise BackupRefusedError(str(file), "what it holds is not what its manifest says")


def _path(url: str) -> Path:
    return Path(url.partition(":")[2].removeprefix("///"))


def _copy_sqlite(url: str, fresh: Path) -> LogFacts:
    path = _path(url)
    if not path.is_file():
        raise UnreadableDatabaseError(f"there is no database {path}")
    with (
        closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(fresh, isolation_level=None)) as copy,
    ):
        try:
            # In one step: it reads one committed state, and whoever writes meanwhile does not wait.
            source.backup(copy)
            # One file: a copy needs no write-ahead log beside it.
            copy.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.Error as error:
            raise UnreadableDatabaseError(f"{path}: {error}") from error
    with open_reading(f"sqlite:///{fresh}") as reading:
        return read_facts(reading)


def _put_sqlite(target: Path, file: Path, manifest: Manifest) -> Path | None:
    fresh = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        with file.open("rb") as source, os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as written:
            shutil.copyfileobj(source, written, CHUNK_BYTES)
            written.flush()
            os.fsync(written.fileno())
        # Of the bytes that were written here, not of those that lie there.
        if _hashed(fresh) != (manifest.sha256, manifest.bytes):
            raise BackupRefusedError(str(file), "it is not the file that its manifest describes")
        _as_described(file, manifest, present_facts(f"sqlite:///{fresh}"))
        aside = _set_aside(target)
        fresh.rename(target)
    finally:
        fresh.unlink(missing_ok=True)
    _sync(target.parent)
    return aside


def _set_aside(target: Path) -> Path | None:
    """Give the present file a second name, nothing of it outside that file. Raises DatabaseInUseError."""
    aside = target.with_name(f"{target.name}.replaced-{time.time_ns() // 1_000}")
    if target.exists():
        try:
            with closing(sqlite3.connect(target, isolation_level=None, timeout=1)) as present:
                # Its write-ahead log must not be taken for the copy's: the last connection brings it in, if alone.
                present.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.OperationalError as error:
            raise DatabaseInUseError(str(target), str(error)) from error
        except sqlite3.DatabaseError:
            pass  # no database any more: its parts are set aside as they are
    for part in ("-wal", "-shm"):
        beside = target.with_name(f"{target.name}{part}")
        if beside.exists():
            beside.rename(aside.with_name(f"{aside.name}{part}"))
    if not target.exists():
        return None
    os.link(target, aside)
    return aside


def _dump(url: str, fresh: Path) -> LogFacts:
    with open_reading(url) as reading:
        (snapshot,) = reading.rows("SELECT pg_export_snapshot() AS id")
        # The manifest and the copy are of one state.
        postgresql_tools.dump(url, fresh, snapshot["id"])
        return read_facts(reading)


def _write(path: Path, manifest: Manifest) -> None:
    content = asdict(manifest)
    facts = content.pop("facts")
    made = datetime.fromtimestamp(manifest.made_us / 1_000_000, UTC).isoformat(timespec="seconds")
    text = json.dumps({"format": FORMAT, "made": made, **content, "facts": facts}, indent=2)
    with _replacing(path) as fresh:
        fresh.write_text(f"{text}\n", encoding="ascii")


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        yield fresh
        _sync(fresh)
        fresh.rename(path)
    finally:
        fresh.unlink(missing_ok=True)


def _hashed(file: Path) -> tuple[str, int]:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest(), os.fstat(content.fileno()).st_size


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
