"""A line that is evacuated: custody stands still between stations until two people have counted what is there.

The register of shifts says so: the latest entry of the subject `line` is `evacuated`. Whatever moves custody between
stations looks there in its own transaction; what a machine finishes is still booked.
"""

from typing import Final

from sqlalchemy import Connection

from handoff_logs.errors import LineFrozenError
from handoff_logs.records import Act
from handoff_logs.statements import Statement
from handoff_logs.tables import TWO_SIDED

SUBJECT: Final = "line"
EVACUATED: Final = "evacuated"
RETURNED: Final = "returned"

_FROZEN_ACTS: Final = frozenset({*TWO_SIDED.replace("'", "").split(", "), Act.DISPATCH})
_LATEST: Final = Statement(
    "SELECT entry.field FROM custody_register AS entry JOIN custody_event AS event"
    " ON event.event_id = entry.event_id WHERE entry.register = 'shift' AND entry.subject = 'line'"
    " AND entry.field IN ('evacuated', 'returned') ORDER BY event.seq DESC LIMIT 1"
)
# On PostgreSQL those who move custody pass side by side; who evacuates waits for them, and lets nobody pass.
_PASS: Final = Statement("SELECT pg_advisory_xact_lock_shared(hashtextextended('passline evacuation', 0))")
_STOP: Final = Statement("SELECT pg_advisory_xact_lock(hashtextextended('passline evacuation', 0))")


def pass_by(tx: Connection) -> bool:
    """Say whether the line is frozen; it stays as said until this transaction ends."""
    if tx.dialect.name != "sqlite":
        _PASS.run(tx)
    row = _LATEST.run(tx).fetchone()
    return row is not None and row[0] == EVACUATED


def hold_all(tx: Connection) -> None:
    """Wait for whoever moves custody now, and let nobody begin until this transaction ends."""
    if tx.dialect.name != "sqlite":
        _STOP.run(tx)


def refuse_frozen(tx: Connection, act: str, *, by_two: bool) -> None:
    """Raise LineFrozenError for what moves custody between stations while the line is evacuated.

    `by_two`: what two people receive comes from outside.
    """
    if (act in _FROZEN_ACTS or (act == Act.RECEIVE and by_two)) and pass_by(tx):
        raise LineFrozenError(act)
