"""The rules of the climate: what lies outside a zone's limits, and what follows from how long. No clock is read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from devices.roles import Climate
from stations.people import Role

S_US: Final = 1_000_000
ALARM_US: Final = 60 * S_US
"""How long the air is outside before it is an alarm, or its grace if that is shorter: one lost reading is none."""
KEPT_DAYS: Final = 400
"""How long readings and crossings are kept: a year can be compared with the one before. The guards hold it too."""
RESUMERS: Final = (Role.LEAD,)
SECONDS: Final = (Role.LEAD, Role.OPERATOR, Role.ADMINISTRATOR)
"""Who may be the second where work goes on in air outside its limits."""
LONGEST_ACCEPTED_MIN: Final = 720
"""Minutes for which two people may accept such air: a long shift."""

ISO_CLASSES: Final[Mapping[int, int]] = {
    3: 35, 4: 352, 5: 3_520, 6: 35_200, 7: 352_000, 8: 3_520_000, 9: 35_200_000,
}  # fmt: skip
"""Most particles of 0.5 µm and more in a cubic metre, by class: ISO 14644-1:2015, table 1."""


class Figure(StrEnum):
    """What can be outside; a sensor that tells nothing is silent, and so are all that leave a limited figure untold."""

    TEMPERATURE = "temperature"
    HUMIDITY = "humidity"
    PARTICLES = "particles"
    SILENCE = "silence"


UNITS: Final[Mapping[Figure, str]] = {
    Figure.TEMPERATURE: "°C", Figure.HUMIDITY: "%", Figure.PARTICLES: "/m³", Figure.SILENCE: "",
}  # fmt: skip

Range = tuple[float | None, float | None]
"""The lowest and the highest that is within the limits; None where there is none."""


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone of the room: its limits by figure, its sensors and the machines in it; times in seconds."""

    name: str
    limits: Mapping[Figure, Range]
    grace_s: float
    every_s: float
    sensors: tuple[str, ...]
    machines: tuple[str, ...] = ()

    @property
    def grace_us(self) -> int:
        """How long the air may be outside."""
        return round(self.grace_s * S_US)


@dataclass(frozen=True, slots=True)
class Look:
    """What one sensor told when it was asked; without a climate, `failure` is the error's name."""

    sensor: str
    climate: Climate | None
    failure: str | None = None

    @property
    def told(self) -> dict[Figure, float]:
        """The figures that the sensor told, in °C, % and particles in a cubic metre; empty without a climate."""
        if self.climate is None:
            return {}
        figures = {
            Figure.TEMPERATURE: self.climate.temperature_c,
            Figure.HUMIDITY: self.climate.humidity_percent,
            Figure.PARTICLES: self.climate.particles_m3,
        }
        return {figure: float(value) for figure, value in figures.items() if value is not None}


def outside(limits: Mapping[Figure, Range], looks: Sequence[Look]) -> dict[str, dict[Figure, float | None]]:
    """What is outside the limits by each sensor of a zone, with its value; silence has none.

    Silent is a sensor that failed; a limited figure that nobody tells is the silence of all, where none failed.

    >>> from decimal import Decimal
    >>> warm = Look("air-01", Climate(Decimal("26.1"), Decimal("45.0")))
    >>> outside({Figure.TEMPERATURE: (18.0, 26.0), Figure.HUMIDITY: (30.0, 60.0)}, [warm])
    {'air-01': {<Figure.TEMPERATURE: 'temperature'>: 26.1}}
    >>> outside({Figure.PARTICLES: (None, 3520.0)}, [warm])
    {'air-01': {<Figure.SILENCE: 'silence'>: None}}
    >>> outside({Figure.PARTICLES: (None, 3520.0)}, [warm, Look("dust-01", Climate(particles_m3=3521))])
    {'air-01': {}, 'dust-01': {<Figure.PARTICLES: 'particles'>: 3521.0}}
    """
    untold = limits.keys() - {figure for look in looks for figure in look.told}
    nobody_failed = all(look.told for look in looks)
    return {
        look.sensor: _outside(limits, look, silent=not look.told or bool(untold and nobody_failed)) for look in looks
    }


def _outside(limits: Mapping[Figure, Range], look: Look, *, silent: bool) -> dict[Figure, float | None]:
    told = look.told
    found: dict[Figure, float | None] = {Figure.SILENCE: None} if silent else {}
    for figure, (lowest, highest) in limits.items():
        value = told.get(figure)
        if value is not None and ((lowest is not None and value < lowest) or (highest is not None and value > highest)):
            found[figure] = value
    return found


class Step(StrEnum):
    """What a look at a zone brought."""

    WENT_OUT = "went-out"
    CAME_BACK = "came-back"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a zone stands: since when its air is outside, whether it is suspended, until when two accepted the air."""

    out_since_us: int | None = None
    suspended: bool = False
    accepted_until_us: int | None = None

    def alarms(self, now_us: int, grace_us: int) -> bool:
        """Whether it is an alarm now."""
        if self.suspended or self.out_since_us is None:
            return self.suspended
        accepted = self.accepted_until_us is not None and now_us < self.accepted_until_us
        return not accepted and now_us - self.out_since_us >= min(ALARM_US, grace_us)


def follow(before: Standing, out: bool, now_us: int, grace_us: int) -> tuple[Standing, tuple[Step, ...]]:
    """How a zone stands after a look, and what happened; only a person ends a suspension.

    Air that two people accepted is accepted until it is within its limits again, and no longer than they said.

    >>> gone, _ = follow(Standing(), True, 0, 300)
    >>> follow(gone, True, 300, 300)[1], follow(gone, True, 301, 300)[1]
    ((), (<Step.SUSPENDED: 'suspended'>,))
    """
    if not out:
        steps = () if before.out_since_us is None else (Step.CAME_BACK,)
        return Standing(suspended=before.suspended), steps
    # A clock that was set back begins no second grace later than the first.
    since_us = now_us if before.out_since_us is None else min(before.out_since_us, now_us)
    happened = [Step.WENT_OUT] if before.out_since_us is None else []
    accepted = before.accepted_until_us is not None and now_us < before.accepted_until_us
    suspended = before.suspended
    if not suspended and not accepted and now_us - since_us > grace_us:
        suspended = True
        happened.append(Step.SUSPENDED)
    until_us = before.accepted_until_us if accepted else None
    return Standing(since_us, suspended, until_us), tuple(happened)


@dataclass(slots=True)
class Spread:
    """Lowest, highest and sum of what was told of one figure."""

    lowest: float
    highest: float
    total: float
    times: int = 1

    def add(self, value: float) -> None:
        """Take one more value in."""
        self.lowest, self.highest = min(self.lowest, value), max(self.highest, value)
        self.total += value
        self.times += 1

    @property
    def mean(self) -> float:
        """The mean of what was told."""
        return self.total / self.times


@dataclass(slots=True)
class Minute:
    """What one sensor told in one minute, from the first look in it."""

    began_us: int
    looks: int = 0
    silent: int = 0
    spreads: dict[Figure, Spread] = field(default_factory=dict)

    def add(self, look: Look) -> None:
        """Take one more look in."""
        self.looks += 1
        self.silent += not look.told
        for figure, value in look.told.items():
            if (spread := self.spreads.get(figure)) is None:
                self.spreads[figure] = Spread(value, value, value)
            else:
                spread.add(value)


class Minutes:
    """The minutes under way of all sensors of a zone. Lost by a crash, but for the looks' own records."""

    def __init__(self) -> None:
        self._open: dict[str, Minute] = {}

    def add(self, looks: tuple[Look, ...], now_us: int) -> Iterator[tuple[str, Minute]]:
        """Take looks in; the minutes, by sensor, that are over by them."""
        for look in looks:
            minute = self._open.get(look.sensor)
            if minute is not None and minute.began_us // (60 * S_US) != now_us // (60 * S_US):
                yield look.sensor, self._open.pop(look.sensor)
                minute = None
            if minute is None:
                minute = self._open[look.sensor] = Minute(now_us)
            minute.add(look)

    def rest(self) -> Iterator[tuple[str, Minute]]:
        """What is not over yet, when nobody looks any more."""
        while self._open:
            yield self._open.popitem()
