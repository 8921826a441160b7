"""A process of its own that acts on a shift and is killed at every boundary, until an act ends alive.

Arguments: the folder of the signing keys, the database's url, the act, how far the boundaries are apart; see
`killed_everywhere`.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import small_shift
from killed_everywhere import sweep

from handoff_logs.database import Database
from stations.shift import evacuating, handing_over, relieving

TELLS = {
    "open": "SELECT name FROM shift WHERE NOT closed",
    "closed": "SELECT count(*) FROM shift WHERE closed",
    "counts": "SELECT count(*) FROM shift_count",
    "acts": "SELECT count(*) FROM custody_event WHERE reason IN ('shift-hand-over', 'relief')",
    "evacuated": "SELECT (SELECT count(*) FROM evacuation WHERE NOT over), (SELECT count(*) FROM alarm"
    " WHERE cleared_us IS NULL), (SELECT field FROM custody_register AS said JOIN custody_event AS event"
    " ON event.event_id = said.event_id WHERE subject = 'line' ORDER BY event.seq DESC LIMIT 1)",
    "reliefs": "SELECT count(*) FROM shift_relief",
    "people": "SELECT count(DISTINCT person) FROM whereabouts WHERE state = 'held'",
    "entries": "SELECT count(*) FROM custody_register WHERE register = 'shift'",
}


def _hand_over(database: Database) -> None:
    handing_over.hand_over(database, small_shift.plan("late"), small_shift.scanned(*small_shift.BOOKS), small_shift.ONE)


def _relieve(database: Database) -> None:
    taking = relieving.Taking("e-vlt-1", "e-lead-3", "ill")
    relieving.relieve(database, taking, small_shift.scanned(*small_shift.BOOKS), small_shift.ONE)


def _evacuate(database: Database) -> None:
    evacuating.evacuate(database, "fire", "e-lead-1", None, emulated=True)


def _come_back(database: Database) -> None:
    evacuating.come_back(database, small_shift.scanned(*small_shift.BOOKS), small_shift.ONE)


ACTS: dict[str, Callable[[Database], None]] = {
    "hand-over": _hand_over,
    "relieve": _relieve,
    "evacuate": _evacuate,
    "return": _come_back,
}


def rows(found: Any) -> list[list[Any]]:
    """All that was found."""
    return [list(row) for row in found]


if __name__ == "__main__":
    keys, url, act, stride = sys.argv[1:]
    raise SystemExit(sweep(url, Path(keys), ACTS[act], TELLS, int(stride), rows))
