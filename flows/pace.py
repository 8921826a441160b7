"""How fast each station works and how long the rest will take, from what the board saw a moment ago."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from flows.facts import BoardFacts

WINDOW_US: Final = 30_000_000
"""Rates are taken over this long: long enough to smooth trays, short enough to follow a machine that fell out."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Documents a minute by station (absent until something was seen to move), and the seconds left, if known."""

    per_minute: dict[str, float]
    left_s: float | None


class Pace:
    """Remembers what was done over the last `WINDOW_US`."""

    def __init__(self) -> None:
        self._seen: deque[tuple[int, dict[str, int]]] = deque()

    def look(self, facts: BoardFacts) -> Rates:
        """Take these facts in and say how fast things go; facts come in the order of their time."""
        done = {station.station: station.done for station in facts.stations}
        self._seen.append((facts.now_us, done))
        while len(self._seen) > 2 and self._seen[1][0] <= facts.now_us - WINDOW_US:
            self._seen.popleft()
        first_us, first = self._seen[0]
        minutes = (facts.now_us - first_us) / 60e6
        if minutes <= 0:
            return Rates({}, None)
        rates = {name: (count - first.get(name, count)) / minutes for name, count in done.items()}
        return Rates({name: rate for name, rate in rates.items() if rate > 0}, _left_s(facts, rates))


def _left_s(facts: BoardFacts, rates: dict[str, float]) -> float | None:
    """The slowest station decides: everything at and before it still has to pass through it."""
    before, longest = 0, None
    for station in facts.stations:
        before += station.waiting + station.in_work
        rate = rates.get(station.station, 0.0)
        if before and rate > 0:
            longest = max(longest or 0.0, 60 * before / rate)
    return longest if before else 0.0
