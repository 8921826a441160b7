"""A process of its own that sets a calendar and reckons deadlines, killed by its own hand at a chosen commit.

Arguments: the folder of the signing keys, the database's url, the calendar's file, the number of the commit boundary
(before and after each commit count one) to die at, 0 for never.
"""

import os
import signal
import sys
from pathlib import Path

from handoff_logs.database import Database
from handoff_logs.keyring import Keyring
from stations.calendar import load_calendar
from stations.deadlines import DeadlineRule
from stations.intake.deadline_changes import reckon, set_calendar


def main(keys: Path, url: str, file: Path, die_at: int) -> None:
    """Set the calendar of `file` and reckon by it, three deadlines a transaction, or die."""
    boundaries = [0]

    def on_commit(_phase: str) -> None:
        boundaries[0] += 1
        if boundaries[0] == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    with Database(url, keyring=Keyring(keys), on_commit=on_commit) as database:
        calendar = load_calendar(file)
        set_calendar(database, calendar, emulated=True)
        reckon(database, DeadlineRule(calendar), emulated=True, batch=3)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
