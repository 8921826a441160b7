"""Years as ranges of unit ids: an id (UUIDv7) begins with its milliseconds since 1970, in hex."""

from datetime import UTC, datetime
from typing import Final, NamedTuple

FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 9998
TIME_DIGITS: Final = 12


class UnitIds(NamedTuple):
    """The ids from `first` to before `end`, as text compares them."""

    first: str
    end: str

    def __contains__(self, unit_id: object) -> bool:
        return isinstance(unit_id, str) and self.first <= unit_id < self.end


def ids_of(year: int) -> UnitIds:
    """Return the ids of the units born in a year (UTC), FIRST_YEAR to LAST_YEAR.

    >>> ids_of(2025), "019ad1e8a8007abcabcdabcdabcdabcd" in ids_of(2025)
    (UnitIds(first='01941f297c00', end='019b76daa800'), True)
    """
    return UnitIds(_first_id(year), _first_id(year + 1))


def _first_id(year: int) -> str:
    ms = int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) * 1_000
    return f"{ms:0{TIME_DIGITS}x}"
