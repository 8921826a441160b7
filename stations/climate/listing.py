"""The climate as the command, the board and the page show it, asked of the database in plain SQL.

Nothing here reads a growing table whole: readings are asked by zone and time. Times are microseconds UTC.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from handoff_logs.reading import Reading
from stations.climate.rules import Figure, Range

ZONES: Final = """
SELECT zone, limits, grace_us, holds_us, looked_us, out_since_us, accepted_until_us, emulated
FROM climate_zone ORDER BY zone
"""
SENSORS: Final = """
SELECT sensor, zone, looked_us, temperature_c, humidity_percent, particles_m3, failure, outside, emulated
FROM climate_sensor ORDER BY zone, sensor
"""
MACHINES: Final = "SELECT machine, zone FROM climate_machine ORDER BY machine"
_SUSPENSION: Final = (
    "suspension_id, zone, sensor, figure, value, out_since_us, suspended_us, resumed_us, resumed_by, resumed_second,"
    " reason, accepted_until_us, emulated"
)
OPEN: Final = f"SELECT {_SUSPENSION} FROM climate_suspension WHERE resumed_us IS NULL ORDER BY zone"  # noqa: S608 own names
SUSPENSIONS: Final = f"""
SELECT {_SUSPENSION} FROM climate_suspension
WHERE zone = :zone AND suspended_us < :to_us AND (resumed_us IS NULL OR resumed_us >= :from_us) ORDER BY suspended_us
"""  # noqa: S608 own names
CROSSINGS: Final = """
SELECT zone, sensor, figure, outwards, value, at_us, emulated FROM climate_crossing
WHERE zone = :zone AND at_us >= :from_us AND at_us < :to_us ORDER BY at_us, crossing_id
"""
FIGURES: Final[Mapping[Figure, str]] = {
    Figure.TEMPERATURE: "c", Figure.HUMIDITY: "percent", Figure.PARTICLES: "m3",
}  # fmt: skip
"""The figures that have a value, with the unit that ends their columns' names."""
_SPREADS: Final = ", ".join(f"{f}_min_{u}, {f}_max_{u}, {f}_mean_{u}" for f, u in FIGURES.items())
READINGS: Final = f"""
SELECT zone, sensor, began_us, looks, silent, {_SPREADS}, emulated FROM climate_reading
WHERE zone = :zone AND began_us >= :from_us AND began_us < :to_us ORDER BY began_us, sensor
"""  # noqa: S608 own names
_DRAWN: Final = ", ".join(
    f"min({f}_min_{u}) AS {f}_min, max({f}_max_{u}) AS {f}_max, avg({f}_mean_{u}) AS {f}_mean"
    for f, u in FIGURES.items()
)
PORTIONS: Final = f"""
SELECT sensor, (began_us - :from_us) / :width_us AS portion, sum(looks) AS looks, sum(silent) AS silent, {_DRAWN}
FROM climate_reading WHERE zone = :zone AND began_us >= :from_us AND began_us < :to_us
GROUP BY sensor, portion ORDER BY sensor, portion
"""  # noqa: S608 own names
"""The readings of a period in portions of `width_us`, for a picture that has no room for each minute."""


@dataclass(frozen=True, slots=True)
class ZoneStanding:
    """How a zone stands at `now_us`: its limits, its sensors' and its open suspension's rows, its machines."""

    zone: str
    limits: Mapping[Figure, Range]
    grace_us: int
    looked_us: int | None
    out_since_us: int | None
    accepted_until_us: int | None
    emulated: bool
    watched: bool
    suspension: Mapping[str, Any] | None
    sensors: Sequence[Mapping[str, Any]]
    machines: Sequence[str]

    @property
    def state(self) -> str:
        """`suspended`, `unwatched` (nobody looks: nothing is drawn), `accepted`, `outside` or `within`."""
        if self.suspension is not None:
            return "suspended"
        if not self.watched:
            return "unwatched"
        if self.out_since_us is None:
            return "within"
        return "outside" if self.accepted_until_us is None else "accepted"


def standing(reading: Reading, now_us: int) -> list[ZoneStanding]:
    """Every zone of the line."""
    sensors, machines = reading.rows(SENSORS), reading.rows(MACHINES)
    suspended = {row["zone"]: row for row in reading.rows(OPEN)}
    return [
        ZoneStanding(
            row["zone"],
            {Figure(name): (ends[0], ends[1]) for name, ends in json.loads(row["limits"]).items()},
            row["grace_us"],
            row["looked_us"],
            row["out_since_us"],
            row["accepted_until_us"],
            bool(row["emulated"]),
            row["looked_us"] is not None and now_us - row["looked_us"] <= row["holds_us"],
            suspended.get(row["zone"]),
            [each for each in sensors if each["zone"] == row["zone"]],
            [each["machine"] for each in machines if each["zone"] == row["zone"]],
        )
        for row in reading.rows(ZONES)
    ]
