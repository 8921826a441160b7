"""How far the log is sealed and witnessed, for those who watch it."""

from dataclasses import dataclass

from sqlalchemy import Connection

from handoff_logs.dialects import clock_us
from handoff_logs.statements import Statement

# What is newer than the newest leaf; what a sealer left out below it is for verification to find.
_UNSEALED = Statement(
    "SELECT count(*), min(written_us) FROM custody_event"
    " WHERE seq > (SELECT coalesce(max(event_seq), 0) FROM seal_leaf)"
)
_SIZE = Statement(
    "SELECT coalesce(max(size), 0) FROM seal_checkpoint WHERE epoch = (SELECT max(epoch) FROM seal_origin)"
)
# Of the newest tree, by the primary key: there is a row for every heartbeat ever.
_COSIGNED = Statement(
    "SELECT max(seen.time_s) FROM"
    " (SELECT epoch, size FROM seal_cosignature ORDER BY epoch DESC, size DESC LIMIT 1) AS newest"
    " JOIN seal_cosignature AS seen ON seen.epoch = newest.epoch AND seen.size = newest.size"
)


@dataclass(frozen=True, slots=True)
class SealedState:
    """Leaves under the newest checkpoint; records after them, with the oldest's age; the last cosignature's age.

    Ages in seconds by the database's clock; None where there is nothing that could have one.
    """

    size: int
    unsealed: int
    unsealed_s: float | None
    cosigned_s: float | None


def sealed_state(tx: Connection) -> SealedState:
    """Look at the newest records and seals."""
    now_us = clock_us(tx)
    unsealed, oldest_us = _UNSEALED.run(tx).fetchone() or (0, None)
    (size,) = _SIZE.run(tx).fetchone() or (0,)
    (cosigned_s,) = _COSIGNED.run(tx).fetchone() or (None,)
    return SealedState(
        size or 0,
        unsealed,
        None if oldest_us is None else (now_us - oldest_us) / 1_000_000,
        None if cosigned_s is None else now_us / 1_000_000 - cosigned_s,
    )
