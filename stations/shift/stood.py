"""What stood at the stations when a shift ended, and how its blanks balanced.

Kept with the end (`keeping`): a year later it would take a pass over all that was recorded since. The log has the hash
of what was kept; what hasn't that hash is told anew, from the log.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from handoff_logs.reading import Reading
from stations.shift.report_questions import KEPT, WAITING
from stations.vault.balance import Period, Rows, balance_since


class Standing(NamedTuple):
    """Documents, or orders for them, of a class at a station: to be worked, on hold, and past their time node."""

    station: str
    service_class: str
    waiting: int
    on_hold: int
    overdue: int


@dataclass(frozen=True, slots=True)
class Stood:
    """What stood when a time ended, and the balance of the blanks over it: rows as `stations.vault.balance.Balance`."""

    work: tuple[Standing, ...]
    balance: tuple[Mapping[str, Any], ...]

    def written(self) -> str:
        """As it is kept."""
        return json.dumps({"work": self.work, "balance": self.balance}, separators=(",", ":"))


def recounted(reading: Rows, period: Period) -> Stood:
    """Tell it from the log: the longer ago the period ended, the longer it takes."""
    work = (
        Standing(
            row["station"], row["service_class"], int(row["waiting"]), int(row["on_hold"]), int(row["overdue"] or 0)
        )
        for row in reading.rows(WAITING, to_us=period.to_us)
    )
    return Stood(tuple(sorted(work)), tuple(dict(row) for row in balance_since(reading, period)))


def kept(reading: Reading, shift_id: str) -> Stood | None:
    """What was kept of a shift; None where nothing was, or something else than the log has the hash of."""
    rows = reading.rows(KEPT, shift_id=shift_id)
    if not rows or sha256(rows[0]["stood"]) != rows[0]["sha256"]:
        return None
    said = json.loads(rows[0]["stood"])
    return Stood(tuple(Standing(*each) for each in said["work"]), tuple(said["balance"]))


def sha256(written: str) -> str:
    """The hash of what was kept, in the log's register."""
    return hashlib.sha256(written.encode()).hexdigest()
