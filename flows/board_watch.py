"""What all who look at the board's page are shown: asked of the database once a period, whoever and however many look.

Nobody who looks costs nothing. While one question is under way whoever comes meanwhile gets the last answer, with its
age: a database that hangs or is gone leaves old figures that are known to be old, and holds one thread.
"""

import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from flows.facts import BoardFacts, board_facts, today_us
from flows.late import LateFacts, late_facts
from flows.throughput import Throughput, throughput
from handoff_logs.asking import Asking
from handoff_logs.errors import UnreadableDatabaseError
from handoff_logs.reading import Reading
from stations.people_register.displays import Display, displays
from stations.shift.stops import OPEN_SHIFT

FACTS_S: Final = 2.0
SLOW_S: Final = 20.0
"""What goes over everything on the line, lateness and hours, is asked less often."""
DISPLAYS_S: Final = 5.0
"""How long a revoked display may still be shown the board."""
OLD_S: Final = 10.0
"""Figures of this age are old, and the page says so. Its style sheet has the same figure."""
SHIFT_LONGEST_US: Final = 16 * 3_600_000_000
"""A shift that is open for longer was forgotten: what is counted is counted from the day on."""

SEALS: Final = """
SELECT unsealed.records AS unsealed, unsealed.oldest_us,
       (SELECT max(size) FROM seal_checkpoint WHERE epoch = tree.epoch) AS size,
       (SELECT max(time_s) FROM seal_cosignature WHERE epoch = tree.epoch AND size =
           (SELECT max(size) FROM seal_cosignature WHERE epoch = tree.epoch)) AS cosigned_s
FROM (SELECT count(*) AS records, min(written_us) AS oldest_us FROM custody_event
      WHERE seq > (SELECT coalesce(max(event_seq), 0) FROM seal_leaf)) AS unsealed,
     (SELECT max(epoch) AS epoch FROM seal_origin) AS tree
"""
"""What waits for its seal and since when, leaves under the newest checkpoint, when a witness last saw it."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What was answered, and how many seconds ago it was asked."""

    value: T
    age_s: float


class Kept(Generic[T]):
    """The last answer to a question, asked anew by the first who wants it when it is older than `period_s`."""

    def __init__(self, ask: Callable[[], T], period_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._ask, self._period_s, self._clock = ask, period_s, clock
        self._asking = threading.Lock()
        self._tried_s: float | None = None
        self._last: tuple[T, float] | None = None

    def answer(self) -> Answer[T]:
        """The last answer; where it can't be asked anew, an older one. Raises UnreadableDatabaseError without any."""
        # Whoever finds nothing yet waits for the first answer.
        if (self._last is None or self._is_due()) and self._asking.acquire(blocking=self._last is None):
            try:
                self._ask_anew()
            finally:
                self._asking.release()
        if self._last is None:
            raise UnreadableDatabaseError("it did not answer a moment ago")
        value, asked_s = self._last
        return Answer(value, self._clock() - asked_s)

    def _ask_anew(self) -> None:
        if not self._is_due():
            return  # somebody else has, while this one waited
        self._tried_s = asked_s = self._clock()
        try:
            self._last = self._ask(), asked_s
        except UnreadableDatabaseError:
            if self._last is None:
                raise

    def _is_due(self) -> bool:
        return self._tried_s is None or self._clock() - self._tried_s >= self._period_s


@dataclass(frozen=True, slots=True)
class Now:
    """The line as it stands: stations, machines, alarms; the open shift, if any; the seals; since when it counts."""

    facts: BoardFacts
    shift: dict[str, Any] | None
    seals: dict[str, Any]
    since_us: int

    @property
    def of_shift(self) -> bool:
        """Whether what was done is counted from the shift's opening, and not from the beginning of the day."""
        return self.shift is not None and self.since_us == self.shift["opened_us"]


@dataclass(frozen=True, slots=True)
class Slow:
    """What goes over everything on the line, as of `now_us`."""

    now_us: int
    late: LateFacts
    throughput: Throughput


class BoardWatch:
    """Looks at the line for the pages; `run` tells one process that serves them from another."""

    def __init__(self, asking: Asking, clock: Callable[[], float] = time.monotonic, *, offer_age_min: int = 30) -> None:
        self._asking, self._offer_age_min = asking, offer_age_min
        self.run = secrets.token_hex(4)
        self._now = Kept(self._look, FACTS_S, clock)
        self._slow = Kept(self._look_over_all, SLOW_S, clock)
        self._displays = Kept(self._look_at_displays, DISPLAYS_S, clock)

    def now(self) -> Answer[Now]:
        """The line as it stands. Raises UnreadableDatabaseError."""
        return self._now.answer()

    def slow(self) -> Answer[Slow]:
        """What is late, and what was done by the hour. Raises UnreadableDatabaseError."""
        return self._slow.answer()

    def displays(self) -> Sequence[Display]:
        """The displays that were ever made. Raises UnreadableDatabaseError."""
        return self._displays.answer().value

    def _look(self) -> Now:
        # A reading is one snapshot, so each look takes its own.
        with self._asking.lend() as reading:
            shift = _open_shift(reading)
            since_us = _since_us(shift)
            (seals,) = reading.rows(SEALS)
            facts = board_facts(reading, offer_age_min=self._offer_age_min, since_us=since_us)
            return Now(facts, shift, seals, since_us)

    def _look_over_all(self) -> Slow:
        with self._asking.lend() as reading:
            now_us = time.time_ns() // 1_000
            since_us = _since_us(_open_shift(reading))
            return Slow(now_us, late_facts(reading, limit=0, now_us=now_us), throughput(reading, since_us, now_us))

    def _look_at_displays(self) -> list[Display]:
        with self._asking.lend() as reading:
            return displays(reading)


def _open_shift(reading: Reading) -> dict[str, Any] | None:
    return next(iter(reading.rows(OPEN_SHIFT)), None)


def _since_us(shift: dict[str, Any] | None) -> int:
    if shift is not None and time.time_ns() // 1_000 - shift["opened_us"] < SHIFT_LONGEST_US:
        return int(shift["opened_us"])
    return today_us()
