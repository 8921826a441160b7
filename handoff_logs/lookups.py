"""Who asked the log what: an append-only table, written on a connection of its own before anything is answered."""

import re
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handoff_logs.errors import HandoffLogError, UnsupportedUrlError
from handoff_logs.records import Scalar, canonical

BUSY_TIMEOUT_S = 30
"""How long a look-up waits on SQLite for another writer's commit."""
LONGEST_PARAMETERS = 16_384
"""Most characters of what was asked; whoever asks for more is refused before."""

_INSERT = """
INSERT INTO audit_lookup (asked_us, reader, question, parameters) VALUES (:asked_us, :reader, :question, :parameters)
"""
SQLITE_GUARDS = 3
"""Triggers on the table: against UPDATE, DELETE and REPLACE."""

_COUNT_SQLITE = "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'audit_lookup_no_%'"
_COUNT_POSTGRESQL = (
    "SELECT count(*) FROM pg_trigger WHERE tgenabled = 'A' AND tgname = 'audit_lookup_append_only'"
    " AND tgrelid = to_regclass('audit_lookup')"
)


class LookupNotRecordedError(HandoffLogError):
    """A look-up could not be recorded, so nothing is answered."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    def __str__(self) -> str:
        return (
            f"the look-up could not be recorded ({self.detail}); nothing is answered: run the migrations, or try again"
        )


def record_lookup(url: str, reader: str, question: str, parameters: Mapping[str, Scalar]) -> None:
    """Record durably, in the database at `url`, that `reader` asks `question`; `parameters` hold no personal data.

    Raises LookupNotRecordedError, after which nothing may be answered, and UnsupportedUrlError.
    """
    scheme, _, rest = url.partition(":")
    asked = canonical(parameters).decode()
    if len(asked) > LONGEST_PARAMETERS:
        raise LookupNotRecordedError("it is longer than a record may be")
    facts = {
        "asked_us": time.time_ns() // 1000,
        "reader": reader,
        "question": question,
        "parameters": asked,
    }
    if scheme in ("sqlite", "sqlite+pysqlite"):
        _record_sqlite(Path(rest.removeprefix("///")), facts)
    elif scheme in ("postgresql", "postgresql+psycopg"):
        _record_postgresql(f"postgresql:{rest}", facts)
    else:
        raise UnsupportedUrlError(scheme)


def _record_sqlite(path: Path, facts: Mapping[str, Any]) -> None:
    try:
        connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_S
        )
        try:
            connection.execute("PRAGMA synchronous = FULL")
            (guards,) = connection.execute(_COUNT_SQLITE).fetchone()
            if guards != SQLITE_GUARDS:
                raise LookupNotRecordedError("its table is missing or unguarded")
            connection.execute(_INSERT, facts)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise LookupNotRecordedError(str(error)) from error


def _record_postgresql(url: str, facts: Mapping[str, Any]) -> None:
    import psycopg

    statement: Any = re.sub(r":([a-z_]+)", r"%(\1)s", _INSERT)
    guards: Any = _COUNT_POSTGRESQL
    try:
        with psycopg.connect(url) as connection:
            row = connection.execute(guards).fetchone()
            if row is None or row[0] != 1:
                raise LookupNotRecordedError("its table is missing or unguarded")
            connection.execute(statement, facts)
    except psycopg.Error as error:
        raise LookupNotRecordedError(str(error).splitlines()[0]) from error
