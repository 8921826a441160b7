"""Deadlines by service class, and the time nodes of the stations counted backwards from them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import cached_property

from stations.calendar import CHINA, CLOSES, WorkCalendar, closing_us, from_us, published_by, to_us

STATIONS = ("review", "personalization", "qc", "packing", "mailing")
"""In the order of a document's way; a time node is when a station must have handed a unit on."""

WORKING_DAYS: Mapping[str, int] = {"normal": 7, "expedited": 2}
EMERGENCY_HOURS = 6
"""An emergency is due at the end of the day or this long after its approval, whichever is later."""

# Working time, except for emergencies: those are worked around the clock.
ALLOWANCES: Mapping[str, Mapping[str, timedelta]] = {
    "normal": {
        "review": timedelta(hours=20),
        "personalization": timedelta(hours=20),
        "qc": timedelta(hours=10),
        "packing": timedelta(hours=10),
        "mailing": timedelta(hours=10),
    },
    "expedited": {
        "review": timedelta(hours=5),
        "personalization": timedelta(hours=6),
        "qc": timedelta(hours=3),
        "packing": timedelta(hours=3),
        "mailing": timedelta(hours=3),
    },
    "emergency": {
        "review": timedelta(minutes=30),
        "personalization": timedelta(minutes=45),
        "qc": timedelta(minutes=15),
        "packing": timedelta(minutes=15),
        "mailing": timedelta(hours=1),
    },
}


@dataclass(frozen=True, slots=True)
class Deadline:
    """The legal due date, microseconds UTC; `provisional` when a year without a published calendar was touched."""

    due_us: int
    provisional: bool


@dataclass(frozen=True)
class DeadlineRule:
    """What deadlines are reckoned by: the calendar, and until when an acceptance counts as of its own day.

    `accepts_until`: accepted later, or on a day that is not worked, counts as accepted on the next working day. None:
    every acceptance counts as of its own day.
    """

    calendar: WorkCalendar
    accepts_until: time | None = CLOSES

    @cached_property
    def terms(self) -> str:
        """Everything that a deadline depends on besides its application, as canonical JSON."""
        told = {
            "accepts_until": self.accepts_until.isoformat("minutes") if self.accepts_until else "any",
            "complete_years": sorted(self.calendar.complete_years),
            "days": {day.isoformat(): "workday" if worked else "holiday" for day, worked in self.calendar.days.items()},
            "published": published_by(),
        }
        return json.dumps(told, separators=(",", ":"), sort_keys=True)

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of `terms`, by which a record names them."""
        return hashlib.sha256(self.terms.encode()).hexdigest()

    def deadline(self, service_class: str, accepted: datetime, approved: datetime | None = None) -> Deadline:
        """When a document accepted at `accepted` (zoned) is due.

        Normal and expedited: at the close of the 7th or 2nd working day after the day as of which it was accepted.
        Emergency: the end of the day of its approval (of its acceptance, when none is known), or `EMERGENCY_HOURS`
        after it, whichever is later.
        """
        if service_class == "emergency":
            start = (approved or accepted).astimezone(CHINA)
            midnight = datetime.combine(start.date() + timedelta(days=1), time(), CHINA)
            return Deadline(to_us(max(midnight, start + timedelta(hours=EMERGENCY_HOURS))), False)
        local, guessed = accepted.astimezone(CHINA), False
        first = local.date()
        if self.accepts_until is not None:
            guessed = self.calendar.is_provisional(first)
            if local.time() > self.accepts_until or not self.calendar.is_working(first):
                first, provisional = self.calendar.add_days(first, 1)
                guessed = guessed or provisional
        last, provisional = self.calendar.add_days(first, WORKING_DAYS[service_class])
        return Deadline(closing_us(last), guessed or provisional)


def time_node_us(
    station: str,
    service_class: str,
    deadline_us: int,
    calendar: WorkCalendar,
    allowances: Mapping[str, Mapping[str, timedelta]] = ALLOWANCES,
) -> int:
    """When `station` must have handed on a unit due at `deadline_us`: the deadline less all later allowances."""
    later = STATIONS[STATIONS.index(station) + 1 :]
    needed = sum((allowances[service_class][name] for name in later), timedelta())
    due = from_us(deadline_us)
    return to_us(due - needed if service_class == "emergency" else calendar.back(due, needed))
