"""What every act on a shift needs: the open shift, one act at a time, and what the guards refuse as one refusal."""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from handoff_logs.database import Database
from handoff_logs.reading import Row
from handoff_logs.statements import Statement
from stations.shift.errors import LineEvacuatedError, ShiftMovedError
from stations.shift.stops import EVACUATED, OPEN_SHIFT, Ask

T = TypeVar("T")
# On PostgreSQL those who would open or close at once wait for each other, so that the second sees what the first did.
_ONE_AT_A_TIME: Final = Statement("SELECT pg_advisory_xact_lock(hashtextextended('passline shift', 0))")


def open_shift_row(conn: Connection) -> Row | None:
    """The row of the shift that is open, as OPEN_SHIFT answers it; None if none is."""
    return next(iter(asking(conn)(OPEN_SHIFT)), None)


def refuse_evacuated(conn: Connection) -> None:
    """Raise `LineEvacuatedError` while an evacuation is under way."""
    if (row := evacuation_row(conn)) is not None:
        raise LineEvacuatedError(row["reason"], row["ordered_us"])


def evacuation_row(conn: Connection) -> Row | None:
    """The evacuation that is under way."""
    return next(iter(asking(conn)(EVACUATED)), None)


def one_at_a_time(tx: Connection) -> None:
    """Wait for whoever else acts on the shift."""
    if tx.dialect.name != "sqlite":
        _ONE_AT_A_TIME.run(tx)


def asking(conn: Connection) -> Ask:
    """A transaction, answering as a reading does."""

    def ask(sql: str, **parameters: str | int | None) -> Sequence[Row]:
        return [dict(row._mapping) for row in conn.execute(text(sql), parameters)]

    return ask


def written(database: Database, work: Callable[[Connection], T]) -> T:
    """What `work` returns; the guards look at jobs, offers and cases again, which others may have changed meanwhile."""
    try:
        return database.write(work)
    except IntegrityError as error:
        raise ShiftMovedError from error
