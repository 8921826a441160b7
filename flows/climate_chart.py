"""One figure of a zone over time as a picture: pure geometry, from kept readings to what the page's SVG is made of.

The picture is drawn by the server alone: no script, no style, no colour stands in it, only classes of the stylesheet.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from handoff_logs.pages import moments
from stations.climate.rules import UNITS, Figure, Range

WIDTH: Final = 1000
HEIGHT: Final = 190
LEFT, RIGHT, TOP, BOTTOM = 84, 14, 18, 26
PORTIONS: Final = 480
"""Points of a line at most."""
LEAST_PORTION_US: Final = 60_000_000
GAP_PORTIONS: Final = 3
"""A line breaks where so many portions have no reading: nobody looked."""
STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)
MOST_TICKS: Final = 5
HOUR_US: Final = 3_600_000_000
TICK_HOURS: Final = (1, 2, 3, 4, 6, 12, 24)
MOST_HOURS: Final = 12
"""Labels along the time."""


class Point(NamedTuple):
    """What a sensor told of a figure around a moment: lowest, highest, mean."""

    at_us: int
    lowest: float
    highest: float
    mean: float


class Span(NamedTuple):
    """A stretch of time on the picture."""

    x: float
    width: float


class Tick(NamedTuple):
    """A line across the picture with what it says."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Trace:
    """One sensor's line, in pieces, each with the band from lowest to highest behind it; `look` is its class."""

    sensor: str
    look: str
    lines: tuple[str, ...]
    bands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything that the template draws, in units of the picture."""

    figure: Figure
    unit: str
    values: tuple[Tick, ...]
    times: tuple[Tick, ...]
    limits: tuple[Tick, ...]
    outside: tuple[Span, ...]
    suspended: tuple[Span, ...]
    traces: tuple[Trace, ...]

    width, height, left, right, top, bottom = WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM


def said(value: float) -> str:
    """A value for eyes, its thousands apart.

    >>> said(26.0), said(45.25), said(3_520_000)
    ('26', '45.25', '3\\u202f520\\u202f000')
    """
    return f"{value:,.10g}".replace(",", "\u202f")


def portion_us(from_us: int, to_us: int) -> int:
    """How long a portion of a period is, so that a line has few enough points."""
    return max(LEAST_PORTION_US, -(-(to_us - from_us) // PORTIONS))


def chart(
    figure: Figure,
    limits: Range,
    traces: Mapping[str, Sequence[Point]],
    spans: tuple[Sequence[tuple[int, int]], Sequence[tuple[int, int]]],
    period: tuple[int, int],
) -> Chart:
    """Draw a figure over a period (microseconds UTC); `spans` are the times outside and those suspended."""
    from_us, to_us = period
    low, high = _ends(limits, traces)
    scale = _Scale(from_us, to_us, low, high)
    width_us = portion_us(from_us, to_us)
    outside, suspended = (tuple(scale.spans(each)) for each in spans)
    return Chart(
        figure=figure,
        unit=UNITS[figure],
        values=tuple(Tick(scale.y(value), said(value)) for value in _round_values(low, high)),
        times=tuple(scale.times()),
        limits=tuple(Tick(scale.y(end), said(end)) for end in limits if end is not None),
        outside=outside,
        suspended=suspended,
        traces=tuple(
            Trace(sensor, f"trace{number % 3}", *scale.trace(points, width_us))
            for number, (sensor, points) in enumerate(sorted(traces.items()))
        ),
    )


def points_of(rows: Sequence[Mapping[str, Any]], figure: Figure, from_us: int, width_us: int) -> dict[str, list[Point]]:
    """The points of each sensor, from rows of portions."""
    found: dict[str, list[Point]] = {}
    for row in rows:
        if row[f"{figure}_mean"] is not None:
            middle_us = from_us + int(row["portion"]) * width_us + width_us // 2
            spread = (float(row[f"{figure}_{name}"]) for name in ("min", "max", "mean"))
            found.setdefault(row["sensor"], []).append(Point(middle_us, *spread))
    return found


def times_outside(
    crossings: Sequence[Mapping[str, Any]], figure: Figure, still: bool, period: tuple[int, int]
) -> list[tuple[int, int]]:
    """From when until when any sensor's figure, or its silence, was outside; `still`: it is now.

    >>> row = lambda at, out: {"sensor": "air-01", "figure": "temperature", "outwards": out, "at_us": at}
    >>> times_outside([row(3, False), row(5, True)], Figure.TEMPERATURE, True, (0, 9))
    [(0, 3), (5, 9)]
    """
    from_us, to_us = period
    rows = [row for row in crossings if row["figure"] in (figure, Figure.SILENCE)]
    if not rows:
        return [(from_us, to_us)] if still else []
    seen: set[tuple[str, str]] = set()
    out: set[tuple[str, str]] = set()
    for row in rows:
        key = row["sensor"], row["figure"]
        # What comes back first was outside before the period began.
        if key not in seen and not row["outwards"]:
            out.add(key)
        seen.add(key)
    found: list[tuple[int, int]] = []
    since_us = from_us
    for row in rows:
        was = bool(out)
        (out.add if row["outwards"] else out.discard)((row["sensor"], row["figure"]))
        if out and not was:
            since_us = row["at_us"]
        elif was and not out:
            found.append((since_us, row["at_us"]))
    return [*found, (since_us, to_us)] if out else found


class _Scale:
    """From times and values to places on the picture."""

    def __init__(self, from_us: int, to_us: int, low: float, high: float) -> None:
        self._from_us, self._to_us, self._low, self._high = from_us, to_us, low, high

    def x(self, at_us: int) -> float:
        share = (min(max(at_us, self._from_us), self._to_us) - self._from_us) / (self._to_us - self._from_us)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        share = (value - self._low) / (self._high - self._low)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)

    def spans(self, times: Sequence[tuple[int, int]]) -> Iterator[Span]:
        for began_us, ended_us in times:
            left, right = self.x(began_us), self.x(ended_us)
            yield Span(left, max(1.5, round(right - left, 1)))

    def times(self) -> Iterator[Tick]:
        hours = (self._to_us - self._from_us) / HOUR_US
        step = next((each for each in TICK_HOURS if hours / each <= MOST_HOURS), TICK_HOURS[-1])
        first = moments.local(self._from_us).replace(minute=0, second=0, microsecond=0)
        at_us = moments.in_us(first)
        while at_us <= self._to_us:
            at = moments.local(at_us)
            if at_us >= self._from_us and at.hour % step == 0:
                yield Tick(self.x(at_us), _said(at))
            at_us += HOUR_US

    def trace(self, points: Sequence[Point], width_us: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        pieces: list[list[Point]] = []
        for point in points:
            if not pieces or point.at_us - pieces[-1][-1].at_us > GAP_PORTIONS * width_us:
                pieces.append([])
            pieces[-1].append(point)
        lines = tuple(self._places((point.at_us, point.mean) for point in piece) for piece in pieces)
        bands = tuple(
            self._places(
                [
                    *((point.at_us, point.highest) for point in piece),
                    *((point.at_us, point.lowest) for point in reversed(piece)),
                ]
            )
            for piece in pieces
        )
        return lines, bands

    def _places(self, places: Any) -> str:
        said = [f"{self.x(at_us):g},{self.y(value):g}" for at_us, value in places]
        # A single place is a dot: a line needs two.
        return " ".join(said if len(said) > 1 else said * 2)


def _said(at: datetime) -> str:
    return f"{at:%m-%d}" if at.hour == 0 else f"{at:%H:%M}"


def _ends(limits: Range, traces: Mapping[str, Sequence[Point]]) -> tuple[float, float]:
    """The lowest and the highest value of the picture, with some room beyond what is on it."""
    shown = [end for end in limits if end is not None]
    shown += [value for points in traces.values() for point in points for value in (point.lowest, point.highest)]
    low, high = min(shown, default=0.0), max(shown, default=1.0)
    room = (high - low) * 0.12 or max(abs(high) * 0.1, 1.0)
    return low - room, high + room


def _round_values(low: float, high: float) -> Iterator[float]:
    """Round values from `low` to `high`, few enough to be read.

    >>> list(_round_values(17.0, 27.0))
    [18.0, 20.0, 22.0, 24.0, 26.0]
    """
    size = 10.0 ** math.floor(math.log10((high - low) / MOST_TICKS))
    step = next(size * each for each in STEPS if (high - low) / (size * each) <= MOST_TICKS)
    value = math.ceil(low / step) * step
    while value <= high:
        yield round(value, 6)
        value += step
