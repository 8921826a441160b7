"""What the line's deadlines and time nodes are reckoned by, as the log's registers say it is in force.

Read without the machinery that writes, so that commands which only ask answer at once. What no register says yet is as
usual.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Final

from handoff_logs.reading import Reading
from stations.calendar import CLOSES, WorkCalendar
from stations.deadlines import ALLOWANCES, DeadlineRule

LINE: Final = "line"
"""The subject of what is set for the whole line."""
ANY: Final = "any"
"""In place of a closing time: every acceptance counts as of its own day."""

REGISTERED: Final = """
SELECT entry.register, entry.subject, entry.field, entry.value
FROM custody_register AS entry JOIN custody_event AS event ON event.event_id = entry.event_id
WHERE entry.register IN ('calendar', 'threshold', 'machine')
ORDER BY event.seq, entry.position
"""
LAST_RECKONING: Final = "SELECT digest, finished_us FROM deadline_reckoning ORDER BY position DESC LIMIT 1"
ON_THE_LINE: Final = "SELECT COUNT(*) AS applications FROM application WHERE live"

Facts = Mapping[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class Terms:
    """The rule of deadlines, the allowances of time nodes (service class to station), each machine's driver.

    `reckoned`: whether every deadline on the line is what the rule says; not so where a reckoning was cut off, or the
    calendar changed and no line was opened since.
    """

    rule: DeadlineRule
    allowances: Mapping[str, Mapping[str, timedelta]]
    drivers: Mapping[str, str]
    reckoned: bool


def terms(reading: Reading) -> Terms:
    """Ask the database what is in force."""
    said = _registers(reading)
    thresholds = said["threshold"]
    rule = DeadlineRule(WorkCalendar.from_facts(said["calendar"]), _accepts_until(thresholds))
    last = reading.rows(LAST_RECKONING)
    up_to_date = bool(last) and last[0]["digest"] == rule.digest and last[0]["finished_us"] is not None
    return Terms(
        rule=rule,
        allowances=_allowances(thresholds),
        drivers={machine: value for (machine, field), value in said["machine"].items() if field == "driver"},
        reckoned=up_to_date or reading.rows(ON_THE_LINE)[0]["applications"] == 0,
    )


def _registers(reading: Reading) -> Mapping[str, Facts]:
    said: dict[str, dict[tuple[str, str], str]] = defaultdict(dict)
    for row in reading.rows(REGISTERED):
        facts, key = said[row["register"]], (row["subject"], row["field"])
        if row["value"] is None:
            facts.pop(key, None)
        else:
            facts[key] = row["value"]
    return said


def _accepts_until(thresholds: Facts) -> time | None:
    said = thresholds.get((LINE, "accepts_until"))
    if said is None:
        return CLOSES
    return None if said == ANY else time.fromisoformat(said)


def _allowances(thresholds: Facts) -> Mapping[str, Mapping[str, timedelta]]:
    return {
        service_class: {
            station: timedelta(hours=float(hours))
            if (hours := thresholds.get((station, f"{service_class}_hours")))
            else span
            for station, span in usual.items()
        }
        for service_class, usual in ALLOWANCES.items()
    }
