"""What a run of an emulated line left behind, and which command comes next."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from flows.facts import evacuation
from flows.status import IN_DOUBT
from handoff_logs.reading import Reading
from stations.climate.listing import OPEN as SUSPENDED
from stations.people import STAFFING

WORK: Final = """
SELECT station, COUNT(*) AS applications FROM (
    SELECT coalesce((SELECT coalesce(parcel.station, document.station) FROM job
               JOIN whereabouts AS document ON document.unit_id = job.document_unit
               LEFT JOIN whereabouts AS parcel ON parcel.unit_id = document.container
               WHERE job.application_id = one.application_id AND job.live AND job.outcome = 'good' LIMIT 1),
           (SELECT ordered.station FROM whereabouts AS ordered WHERE ordered.unit_id = one.order_unit), 'unknown')
           AS station
    FROM application AS one WHERE one.state NOT IN ('returned', 'held', 'stopped', 'dispatched')
) AS found GROUP BY station
"""
"""Applications that have not ended, by where their documents are, or their orders."""
MACHINES: Final = "SELECT machine, reason FROM machine_state WHERE state = 'held' ORDER BY machine"


def left_over(reading: Reading, folder: Path, go_on: str) -> Iterator[tuple[str, str]]:
    """What is left on the line of `folder` and the command for it, in the order in which to do it.

    `go_on` is the command that runs the line again. Nothing where no application is left and nothing is in doubt.
    """
    work = {row["station"]: int(row["applications"]) for row in reading.rows(WORK)}
    doubts = reading.rows(IN_DOUBT)
    if not work and not doubts:
        return
    if evacuation(reading) is not None:
        yield "the line is evacuated", f"passline shift return --dir {folder}"
    jobs = sum(row["what"] == "job" for row in doubts)
    if jobs:
        yield f"in doubt: {_many(jobs, 'job')}", f"passline devices settle --dir {folder}"
    if units := len(doubts) - jobs:
        yield f"in doubt or missing: {_many(units, 'unit')}", f"passline logs differences --dir {folder}"
    for row in reading.rows(SUSPENDED):
        yield f"suspended for its air: {row['zone']}", f"passline climate resume {row['zone']} --dir {folder}"
    for row in reading.rows(MACHINES):
        why = f" ({row['reason']})" if row["reason"] else ""
        yield f"held, put it right: {row['machine']}{why}", go_on
    if work:
        where = ", ".join(f"{work[at]} at {at}" for at in sorted(work, key=_way))
        yield f"{_many(sum(work.values()), 'application')}: {where}", go_on


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _way(station: str) -> tuple[int, str]:
    """A document's way."""
    known = tuple(STAFFING)
    return (known.index(station) if station in known else len(known)), station
