"""Which process escalates alarms and tells of them: one at a time, by a lease on the database's clock.

Two at once would break nothing, for each role is told of an alarm once and each try is counted before it is made: the
lease only keeps the targets from being told twice.
"""

from typing import Final

from sqlalchemy import Connection

from handoff_logs.dialects import clock_us
from handoff_logs.statements import Statement

_BEGIN: Final = Statement(
    "INSERT INTO alarm_watch (number, watcher, until_us) VALUES (1, :watcher, 0) ON CONFLICT (number) DO NOTHING"
)
_HOLD: Final = Statement(
    "UPDATE alarm_watch SET watcher = :watcher, until_us = :until_us"
    " WHERE number = 1 AND (watcher = :watcher OR until_us <= :now_us) RETURNING number"
)
_LET_GO: Final = Statement("UPDATE alarm_watch SET until_us = 0 WHERE number = 1 AND watcher = :watcher")


def hold(tx: Connection, watcher: str, lease_us: int) -> bool:
    """Take the watch for `lease_us`, or keep it; False while another watcher's lease lasts."""
    now_us = clock_us(tx)
    _BEGIN.run(tx, {"watcher": watcher})
    asked = {"watcher": watcher, "now_us": now_us, "until_us": now_us + lease_us}
    return _HOLD.run(tx, asked).fetchone() is not None


def let_go(tx: Connection, watcher: str) -> None:
    """End a watcher's lease now, so that the next need not wait for it; another's stays."""
    _LET_GO.run(tx, {"watcher": watcher})
