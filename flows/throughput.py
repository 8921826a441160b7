"""How many documents each station has finished in each hour, asked of the line's tables by their indexes of time."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flows.facts import PIECES_SINCE, STATIONS
from handoff_logs.pages.moments import in_us, local
from handoff_logs.reading import Reading

HOUR_US: Final = 3_600_000_000

HOURLY: Final = f"""
SELECT 'review' AS station, (written_us - :first_us) / {HOUR_US} AS hour, COUNT(*) AS documents
FROM review_verdict WHERE written_us >= :since_us GROUP BY 2
UNION ALL
SELECT 'personalization', (j.result_us - :first_us) / {HOUR_US}, COUNT(*) FROM machine_state m CROSS JOIN job j
WHERE {PIECES_SINCE} AND j.outcome = 'good' GROUP BY 2
UNION ALL
SELECT 'qc', (written_us - :first_us) / {HOUR_US}, COUNT(*) FROM inspection WHERE written_us >= :since_us GROUP BY 2
UNION ALL
SELECT 'packing', (packed_us - :first_us) / {HOUR_US}, SUM(documents) FROM parcel
WHERE packed_us >= :since_us GROUP BY 2
UNION ALL
SELECT 'mailing', (accepted_us - :first_us) / {HOUR_US}, SUM(documents) FROM consignment
WHERE accepted_us >= :since_us GROUP BY 2
"""  # noqa: S608 own words
"""What `facts.DONE` counts, by the hour: verdicts, good pieces, inspections, documents packed, and taken away."""


@dataclass(frozen=True, slots=True)
class Throughput:
    """Documents by station for each hour from `hours[0]` on (microseconds UTC); the last hour is not over."""

    hours: tuple[int, ...]
    documents: Mapping[str, tuple[int, ...]]


def throughput(reading: Reading, since_us: int, now_us: int) -> Throughput:
    """Ask for what was done since then, by the hours of the local clock."""
    first_us = in_us(local(since_us).replace(minute=0, second=0, microsecond=0))
    count = max(0, now_us - first_us) // HOUR_US + 1
    counted = {station: [0] * count for station in STATIONS}
    for row in reading.rows(HOURLY, since_us=since_us, first_us=first_us):
        # What was written after the question was begun, in an hour that had not begun, is the next look's.
        if row["hour"] < count:
            counted[row["station"]][int(row["hour"])] = int(row["documents"])
    hours = tuple(first_us + number * HOUR_US for number in range(count))
    return Throughput(hours, {station: tuple(documents) for station, documents in counted.items()})
