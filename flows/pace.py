"""How fast each station works and how long the rest will take, from what the board saw a moment ago."""

from collections import deque
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from flows.facts import BoardFacts

WINDOW_US: Final = 30_000_000
"""Rates are taken over this long: long enough to smooth trays, short enough to follow a machine that fell out."""
MINUTE_US: Final = 60_000_000


@dataclass(frozen=True, slots=True)
class Rates:
    """Documents a minute by station (absent until something was seen to move), and the seconds left, if known."""

    per_minute: dict[str, float]
    left_s: float | None


class Pace:
    """Remembers what the board saw over the last `WINDOW_US`."""

    def __init__(self) -> None:
        self._seen: deque[BoardFacts] = deque()

    def look(self, facts: BoardFacts) -> Rates:
        """Take these facts in and say how fast things go; facts come in the order of their time."""
        self._seen.append(facts)
        while len(self._seen) > 2 and self._seen[1].now_us <= facts.now_us - WINDOW_US:
            self._seen.popleft()
        return Rates(self._per_minute(), self._left_s())

    def _per_minute(self) -> dict[str, float]:
        first, last = self._seen[0], self._seen[-1]
        if last.now_us <= first.now_us:
            return {}
        minutes = (last.now_us - first.now_us) / MINUTE_US
        pairs = zip(first.stations, last.stations, strict=True)
        return {
            after.station: (after.done - before.done) / minutes for before, after in pairs if after.done > before.done
        }

    def _left_s(self) -> float | None:
        """The slowest station with work before it decides: everything up to it still has to pass through it."""
        to_pass, longest = 0, None
        for position, station in enumerate(self._seen[-1].stations):
            here = station.waiting + station.in_work
            to_pass += here
            if here and (rate := self._rate_at_work(position)) > 0:
                longest = max(longest or 0.0, 60 * to_pass / rate)
        return longest if to_pass else 0.0

    def _rate_at_work(self, position: int) -> float:
        """Documents a minute while the station had work: one that waits for others is not slow."""
        done, busy_us = 0, 0
        for before, after in pairwise(self._seen):
            then, now = before.stations[position], after.stations[position]
            if then.waiting or then.in_work:
                done += now.done - then.done
                busy_us += after.now_us - before.now_us
        return done * MINUTE_US / busy_us if busy_us else 0.0
