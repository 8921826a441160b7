"""Working days of China with public holidays and make-up working days (调休), and arithmetic in working time.

Published years come from `chinesecalendar`; an override file adds later years or corrects days. A year without
published data falls back to Monday–Friday and marks what is computed with it as provisional.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from enum import StrEnum
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import chinese_calendar

from stations.errors import StationError

CHINA = timezone(timedelta(hours=8), "CST")
"""China has had one time, without summer time, since 1991."""

OPENS = time(8)
CLOSES = time(18)
YEARS = range(2004, 2101)
"""Years that an override file may speak of: a slip of the pen is none of them."""
_DAY = timedelta(days=1)
_SATURDAY = 5
_KINDS = {"holiday": False, "workday": True}


class Source(StrEnum):
    """By what it is known whether a day is worked."""

    PUBLISHED = "published"
    OVERRIDE = "override"
    PROVISIONAL = "provisional"
    """By nothing: Monday to Friday is a guess."""


class CalendarFileError(StationError):
    """The override file is not as described in docs/intake.md; no deadline is computed with it."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"calendar file {self.path}: {self.reason}; nothing was changed"


@dataclass(frozen=True, slots=True)
class WorkCalendar:
    """Which days are worked. `days` overrides single days; `complete_years` are years that `days` fully describes."""

    days: Mapping[date, bool] = field(default_factory=dict)
    complete_years: frozenset[int] = frozenset()

    @property
    def facts(self) -> dict[tuple[str, str], str]:
        """What the override file says, as the log's register of the calendar has it: value by (day or year, field)."""
        days = {(day.isoformat(), "day"): "workday" if worked else "holiday" for day, worked in self.days.items()}
        return days | {(str(year), "days"): "complete" for year in self.complete_years}

    @classmethod
    def from_facts(cls, facts: Mapping[tuple[str, str], str]) -> "WorkCalendar":
        """Return the calendar of which the register has these `facts`.

        >>> WorkCalendar.from_facts({("2027-01-01", "day"): "holiday", ("2027", "days"): "complete"}).is_working(
        ...     date(2027, 1, 1)
        ... )
        False
        """
        days = {
            date.fromisoformat(subject): _KINDS[value] for (subject, field), value in facts.items() if field == "day"
        }
        years = (int(subject) for subject, field in facts if field == "days")
        return cls(days, frozenset(years))

    def is_working(self, day: date) -> bool:
        """Whether `day` is worked: as an override says, else as published, else Monday to Friday as a guess."""
        known = self.days.get(day)
        if known is not None:
            return known
        return _published(day) if _is_published(day.year) else day.weekday() < _SATURDAY

    def is_provisional(self, day: date) -> bool:
        """Whether `is_working(day)` is only a guess, because nothing was published for its year."""
        return self.source(day) is Source.PROVISIONAL

    def source(self, day: date) -> Source:
        """By what `is_working(day)` is known."""
        if day in self.days:
            return Source.OVERRIDE
        if _is_published(day.year):
            return Source.PUBLISHED
        return Source.OVERRIDE if day.year in self.complete_years else Source.PROVISIONAL

    def add_days(self, start: date, working_days: int) -> tuple[date, bool]:
        """The `working_days`-th (>= 1) working day after `start`, and whether a guess was needed on the way."""
        day, left, provisional = start, working_days, False
        while left:
            day += _DAY
            provisional = provisional or self.is_provisional(day)
            left -= self.is_working(day)
        return day, provisional

    def back(self, instant: datetime, worked: timedelta) -> datetime:
        """The instant from which `worked` working time (08:00–18:00 of working days) passes until `instant`."""
        moment, left = instant.astimezone(CHINA), worked
        while True:
            opening = datetime.combine(moment.date(), OPENS, CHINA)
            closing = datetime.combine(moment.date(), CLOSES, CHINA)
            moment = min(moment, closing)
            available = max(moment - opening, timedelta()) if self.is_working(moment.date()) else timedelta()
            if available >= left:
                return (moment - left).astimezone(UTC)
            left -= available
            moment = closing - _DAY

    def forward(self, instant: datetime, worked: timedelta) -> datetime:
        """The instant by which `worked` working time has passed since `instant`."""
        moment, left = instant.astimezone(CHINA), worked
        while left:
            opening = datetime.combine(moment.date(), OPENS, CHINA)
            closing = datetime.combine(moment.date(), CLOSES, CHINA)
            moment = max(moment, opening)
            available = max(closing - moment, timedelta()) if self.is_working(moment.date()) else timedelta()
            if available >= left:
                return (moment + left).astimezone(UTC)
            left -= available
            moment = opening + _DAY
        return moment.astimezone(UTC)

    def between(self, start: datetime, end: datetime) -> timedelta:
        """The working time from `start` to `end`; less than nothing where `end` comes first."""
        if end < start:
            return -self.between(end, start)
        begin, finish = start.astimezone(CHINA), end.astimezone(CHINA)
        total, day = timedelta(), begin.date()
        while day <= finish.date():
            if self.is_working(day):
                opening, closing = (datetime.combine(day, hour, CHINA) for hour in (OPENS, CLOSES))
                total += max(min(finish, closing) - max(begin, opening), timedelta())
            day += _DAY
        return total


def published_by() -> str:
    """What the published years come from, with its version: a newer one may know a further year."""
    return f"chinesecalendar {version('chinesecalendar')}"


def closing_us(day: date) -> int:
    """The end of the working day `day`, in microseconds UTC."""
    return to_us(datetime.combine(day, CLOSES, CHINA))


def to_us(instant: datetime) -> int:
    """Exact microseconds since 1970 of a zoned `instant`."""
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def from_us(instant_us: int) -> datetime:
    """The instant, in UTC, of microseconds since 1970."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=instant_us)


def load_calendar(path: Path | None = None) -> WorkCalendar:
    """The published calendar with the overrides of a TOML file.

    `complete_years = [2027]` and a table `[days]` of `"2027-01-01" = "holiday"` or `"workday"`. Raises
    `CalendarFileError` naming the entry that is wrong.
    """
    if path is None:
        return WorkCalendar()
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CalendarFileError(str(path), f"cannot be read: {error}") from error
    # A file cut off or not yet written would take every override back.
    if not content:
        raise CalendarFileError(str(path), "it is empty; an empty table [days] takes every override back")
    unknown = content.keys() - {"complete_years", "days"}
    if unknown:
        raise CalendarFileError(str(path), f"unknown key {min(unknown)!r}; allowed: complete_years, days")
    entries, years = content.get("days", {}), content.get("complete_years", [])
    if not isinstance(entries, dict):
        raise CalendarFileError(str(path), "days must be a table")
    # True is a number to Python, and no year.
    if not isinstance(years, list) or not all(type(year) is int and year in YEARS for year in years):
        raise CalendarFileError(
            str(path), f"complete_years must be a list of years from {YEARS[0]} to {YEARS[-1]}, not {years!r}"
        )
    days = {_day(path, text, kind): kind == "workday" for text, kind in entries.items()}
    for year in sorted(years):
        # No year is without a holiday: such a one was named before its days were written down.
        if not any(day.year == year and not worked for day, worked in days.items()):
            raise CalendarFileError(
                str(path), f"complete_years has {year}, and days names no holiday of it; write down its days first"
            )
    return WorkCalendar(days, frozenset(years))


def _day(path: Path, text: str, kind: Any) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    # `20270101` and `2027-W01-5` are dates to Python too, and one day must not be named twice.
    if (
        day is None
        or day.isoformat() != text
        or day.year not in YEARS
        or not isinstance(kind, str)
        or kind not in _KINDS
    ):
        raise CalendarFileError(
            str(path),
            f'days has {text} = {kind!r}; write "YYYY-MM-DD" = "holiday" or "workday", years {YEARS[0]} to {YEARS[-1]}',
        )
    return day


@cache
def _is_published(year: int) -> bool:
    try:
        chinese_calendar.is_workday(date(year, 1, 1))
        chinese_calendar.is_workday(date(year, 12, 31))
    except NotImplementedError:
        return False
    return True


@cache
def _published(day: date) -> bool:
    return bool(chinese_calendar.is_workday(day))
