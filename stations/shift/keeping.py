"""Keeps what stands when a shift ends, in the transaction that ends it."""

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection, insert

from handoff_logs.reading import BY_INDEX, Row
from handoff_logs.statements import Statement
from stations.shift.acts import asking
from stations.shift.stood import recounted, sha256
from stations.shift.tables import ShiftStood
from stations.vault.balance import Period

FIELD: Final = "stood"
"""Of the log's register, with the hash of what was kept."""
_BY_INDEX: Final = tuple(Statement(one) for one in BY_INDEX.split("; "))


def keep(tx: Connection, shift_id: str, period: Period) -> tuple[str, str, str]:
    """Keep what stands at the end of a shift's `period`, before it is passed on; the fact of it for the log."""
    if tx.dialect.name != "sqlite":
        for statement in _BY_INDEX:
            statement.run(tx)
    written = recounted(_Within(tx), period).written()
    tx.execute(insert(ShiftStood).values(shift_id=shift_id, stood=written))
    return shift_id, FIELD, sha256(written)


class _Within:
    """A transaction, answering as a reading does."""

    def __init__(self, tx: Connection) -> None:
        self._ask = asking(tx)

    def rows(self, sql: str, **parameters: str | int | None) -> list[Row]:
        return list(self._ask(sql, **parameters))

    def stream(self, sql: str, **parameters: str | int | None) -> Iterator[Row]:
        return iter(self._ask(sql, **parameters))
