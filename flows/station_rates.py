"""How fast each station has handed on while the line was last at work, from the handoff log alone.

The board's own rates (`flows.pace`) need somebody who looks on; a command that asks once has only the log.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flows.facts import IN_WORK, STATIONS, WAITING
from handoff_logs.reading import Reading

HOUR_US: Final = 3_600_000_000
WINDOW_US: Final = 4 * HOUR_US
"""Rates are taken over this long up to the line's last handoff: at eight in the morning that is last evening."""
PAUSE_US: Final = HOUR_US // 2
"""A line in which nothing was handed on for longer stood: lunch and night are no time at work."""
STANDS_US: Final = HOUR_US
"""A station that hands nothing on for so long, while the line works and something waits there, stands."""
SHORTEST_US: Final = 1_000_000
"""Below this there is no telling how fast anything was."""

LAST_HANDOFF: Final = """
SELECT happened_us FROM custody_event WHERE act = 'offer' AND happened_us <= :now_us
ORDER BY happened_us DESC LIMIT 1
"""
AT_WORK: Final = """
SELECT COALESCE(SUM(pause_us), 0) AS worked_us FROM (
    SELECT happened_us - LAG(happened_us) OVER (ORDER BY happened_us) AS pause_us FROM custody_event
    WHERE happened_us BETWEEN :from_us AND :to_us AND act IN ('offer', 'accept')
) AS step WHERE pause_us <= :longest_us
"""
ONWARD: Final = """
    (from_station = 'review' AND to_station = 'personalization')
    OR (from_station = 'personalization' AND to_station = 'qc')
    OR (from_station = 'qc' AND to_station = 'packing') OR (from_station = 'packing' AND to_station = 'mailing')
    OR (from_station = 'mailing' AND to_station = 'carrier')
"""
HANDED_ON: Final = f"""
SELECT from_station AS station, SUM(CASE WHEN from_station IN ('packing', 'mailing') THEN (
        SELECT SUM(COALESCE(parcel.documents, 1)) FROM custody_unit AS unit
        LEFT JOIN parcel ON parcel.parcel_unit = unit.unit_id WHERE unit.event_id = custody_event.event_id)
    ELSE count_expected END) AS documents
FROM custody_event
WHERE happened_us BETWEEN :from_us AND :to_us AND act = 'offer' AND ({ONWARD})
GROUP BY from_station
"""  # noqa: S608 -- composed from constants
"""Documents (or the orders for them); a parcel counts as what is in it."""


@dataclass(frozen=True, slots=True)
class StationRates:
    """Documents an hour of each station; a station that is left out handed nothing on, and nobody knows how fast it is.

    0 where it stands: work waits there, the line works, and nothing is handed on. `worked_s`: how long the line was at
    work in the time that the rates are of; `stood_s`: how long ago that ended, 0 where it works now.
    """

    per_hour: Mapping[str, float]
    worked_s: float
    stood_s: float = 0.0


def station_rates(reading: Reading, now_us: int) -> StationRates:
    """Ask the log how fast the stations are."""
    last = reading.rows(LAST_HANDOFF, now_us=now_us)
    if not last:
        return StationRates({}, 0.0)
    to_us = int(last[0]["happened_us"])
    period = {"from_us": to_us - WINDOW_US, "to_us": to_us}
    worked_us = int(reading.rows(AT_WORK, longest_us=PAUSE_US, **period)[0]["worked_us"])
    stood_us = now_us - to_us
    if stood_us <= PAUSE_US:
        worked_us, stood_us = worked_us + stood_us, 0
    if worked_us < SHORTEST_US:
        return StationRates({}, worked_us / 1e6, stood_us / 1e6)
    handed = {row["station"]: int(row["documents"]) for row in reading.rows(HANDED_ON, **period)}
    rates = {station: documents * HOUR_US / worked_us for station, documents in handed.items() if documents}
    if worked_us >= STANDS_US and len(rates) < len(STATIONS):
        rates |= dict.fromkeys(_standing(reading, to_us) - rates.keys(), 0.0)
    return StationRates(rates, worked_us / 1e6, stood_us / 1e6)


def _standing(reading: Reading, to_us: int) -> set[str]:
    """The stations at which something has waited since well before the line's last handoff."""
    rows = [*reading.rows(WAITING), *reading.rows(IN_WORK)]
    return {row["station"] for row in rows if row["oldest_us"] < to_us - STANDS_US} & set(STATIONS)
