"""What a station holds, what a day's shifts and machines did: a few summary rows each."""

from datetime import date
from typing import Final

from handoff_logs.pages.moments import day_us
from handoff_logs.reading import Reading, Row
from handoff_logs.records import ADMINISTRATION

_STATIONS: Final = """
SELECT station, sum(CASE WHEN state = 'ended' THEN 0 ELSE units END) AS units,
       min(CASE WHEN state = 'ended' THEN NULL ELSE oldest_us END) AS oldest_us,
       sum(CASE WHEN state IN ('missing', 'void_missing') THEN units ELSE 0 END) AS missing,
       sum(CASE WHEN state = 'doubt' THEN units ELSE 0 END) AS doubt
FROM (SELECT station, state, count(*) AS units, min(since_us) AS oldest_us FROM whereabouts GROUP BY station, state)
AS held GROUP BY station ORDER BY station
"""
_OFFERS: Final = """
SELECT to_station AS station, count(*) AS offers, sum(unit_count) AS units, min(offered_us) AS oldest_us
FROM open_offer GROUP BY to_station ORDER BY to_station
"""
_HOLDS: Final = """
SELECT kind, state, place, count(*) AS units, min(since_us) AS oldest_us, min(due_us) AS due_us
FROM whereabouts WHERE station = :station GROUP BY kind, state, place ORDER BY kind, state, place
"""
_WAITING: Final = """
SELECT handoff_id, from_station, to_station, person, kind, unit_count, tray, priority, due_us, offered_us, claimed_by
FROM open_offer WHERE {side} = :station ORDER BY offered_us, handoff_id LIMIT 500
"""
# Every station that ever signed a record has a key; offices and suppliers have none, and are known while they hold.
_SIGNING: Final = """
SELECT DISTINCT substr(value, 9) AS station FROM custody_register
WHERE register = 'key' AND field = 'owner' AND substr(value, 1, 8) = 'station:' ORDER BY 1
"""
_HOLDING: Final = "SELECT 1 AS known WHERE EXISTS (SELECT 1 FROM whereabouts WHERE station = :station)"
_SHIFTS: Final = """
SELECT shift, machine, count(*) AS acts, sum(coalesce(last_position, 0)) AS units,
       count(DISTINCT person) AS people, min(happened_us) AS first_us, max(happened_us) AS last_us
FROM custody_event WHERE happened_us >= :from_us AND happened_us < :to_us
GROUP BY shift, machine ORDER BY min(happened_us), shift, machine
"""


def stations(reading: Reading) -> list[Row]:
    """Return each station with what it holds and what it has to take: counts, and since when (microseconds UTC)."""
    nothing = {"units": 0, "oldest_us": None, "missing": 0, "doubt": 0, "offers": 0, "offered": 0, "offered_us": None}
    found = {row["station"]: nothing | row for row in reading.rows(_SIGNING) if row["station"] != ADMINISTRATION}
    for row in reading.rows(_STATIONS):
        found[row["station"]] = nothing | row
    for row in reading.rows(_OFFERS):
        offered = {"offers": row["offers"], "offered": row["units"], "offered_us": row["oldest_us"]}
        found[row["station"]] = nothing | {"station": row["station"]} | found.get(row["station"], {}) | offered
    return [found[name] for name in sorted(found)]


def is_known(reading: Reading, station: str) -> bool:
    """Whether a station signs records, or held a unit last."""
    signing = any(row["station"] == station for row in reading.rows(_SIGNING))
    return signing or bool(reading.rows(_HOLDING, station=station))


def holds(reading: Reading, station: str) -> list[Row]:
    """Return what stands at a station: units by kind, state and place, the oldest, the earliest due time."""
    return reading.rows(_HOLDS, station=station)


def to_take(reading: Reading, station: str) -> list[Row]:
    """Return the open offers to a station, the oldest first."""
    return reading.rows(_WAITING.format(side="to_station"), station=station)


def given(reading: Reading, station: str) -> list[Row]:
    """Return the open offers of a station, the oldest first."""
    return reading.rows(_WAITING.format(side="from_station"), station=station)


def shifts(reading: Reading, day: date) -> list[Row]:
    """Return what each shift did on a local day, in all and on each machine."""
    from_us, to_us = day_us(day)
    return reading.rows(_SHIFTS, from_us=from_us, to_us=to_us)
