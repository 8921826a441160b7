"""Who asked the log what: an append-only table, written on a connection of its own before anything is answered."""

import time
from collections.abc import Mapping

from handoff_logs.direct import Writing, open_writing
from handoff_logs.errors import HandoffLogError, UnreadableDatabaseError
from handoff_logs.records import Scalar, canonical

LONGEST_PARAMETERS = 16_384
"""Most characters of what was asked; whoever asks for more is refused before."""

_INSERT = """
INSERT INTO audit_lookup (asked_us, reader, question, parameters) VALUES (:asked_us, :reader, :question, :parameters)
"""
GUARDS = {
    "sqlite": (
        "SELECT count(*) AS guards FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'audit_lookup_no_%'",
        3,
    ),
    "postgresql": (
        "SELECT count(*) AS guards FROM pg_trigger WHERE tgenabled = 'A' AND tgname = 'audit_lookup_append_only'"
        " AND tgrelid = to_regclass('audit_lookup')",
        1,
    ),
}
"""How the triggers that keep the table append-only are counted, and how many there are: on SQLite against UPDATE,
DELETE and REPLACE."""


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
    asked = canonical(parameters).decode()
    if len(asked) > LONGEST_PARAMETERS:
        raise LookupNotRecordedError("it is longer than a record may be")
    try:
        with open_writing(url) as writing:
            _require_guards(writing)
            writing.change(_INSERT, asked_us=time.time_ns() // 1000, reader=reader, question=question, parameters=asked)
    except UnreadableDatabaseError as error:
        raise LookupNotRecordedError(error.detail) from error


def _require_guards(writing: Writing) -> None:
    sql, wanted = GUARDS[writing.dialect]
    if writing.rows(sql)[0]["guards"] != wanted:
        raise LookupNotRecordedError("its table is missing or unguarded")
