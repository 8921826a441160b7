"""Times as people read and type them: local, with the zone."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY: Final = re.compile(r"\d{4}-?\d\d-?\d\d", re.ASCII)
_WITHIN: Final = (1900, 9000)
"""Years that a typed time may have: outside, a time zone may have no answer."""


class BadTimeError(ValueError):
    """What was typed is no time."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


def local(time_us: int) -> datetime:
    """Return a time in microseconds UTC in the local zone, exactly."""
    return (_EPOCH + timedelta(microseconds=time_us)).astimezone()


def shown(time_us: int | None) -> str:
    """Return a time to the second for eyes, empty for none."""
    return "" if time_us is None else f"{local(time_us):%Y-%m-%d %H:%M:%S}"


def exact(time_us: int) -> str:
    """Return a time with its offset from UTC, to the microsecond.

    >>> exact(0).endswith(local(0).isoformat()[-6:])
    True
    """
    return local(time_us).isoformat(" ", "microseconds")


def zone() -> str:
    """Return the local zone's name and offset now."""
    now = datetime.now().astimezone()
    return f"{now:%Z} (UTC{now:%z})"


def typed_us(word: str, *, end: bool = False) -> int:
    """Return a typed local date or time in microseconds UTC; the end of a date where `end`. Raises BadTimeError."""
    try:
        moment = datetime.fromisoformat(word)
        if not _WITHIN[0] <= moment.year <= _WITHIN[1]:
            raise ValueError(word)
        if end and _DAY.fullmatch(word):
            moment += timedelta(days=1)
        return in_us(moment.astimezone())
    except (ValueError, OverflowError) as error:
        raise BadTimeError(word) from error


def day(word: str) -> date:
    """Return a typed date; today for an empty one. Raises BadTimeError."""
    if not word:
        return datetime.now().astimezone().date()
    return local(typed_us(word)).date()


def day_us(of: date) -> tuple[int, int]:
    """Return when a local day begins and ends, in microseconds UTC."""
    start, end = (datetime(each.year, each.month, each.day).astimezone() for each in (of, of + timedelta(days=1)))
    return in_us(start), in_us(end)


def in_us(moment: datetime) -> int:
    """Return a zoned moment in microseconds UTC, exactly."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def lasting(seconds: float) -> str:
    """Return a length of time in its two largest units.

    >>> lasting(0.4), lasting(59), lasting(3_700), lasting(90_061)
    ('0 s', '59 s', '1 h 1 min', '1 d 1 h')
    """
    whole = int(seconds)
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    parts = []
    for name, size in units:
        count, whole = divmod(whole, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "0 s"
