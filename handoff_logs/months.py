"""The months of birth: unit ids begin with their milliseconds, so each month's units are a range of ids.

Months are UTC's, by an id's own first twelve digits, never by the time of what happens to a unit later.
"""

import re
from datetime import UTC, datetime
from typing import NamedTuple

TIME_DIGITS = 12
"""First characters of an id (UUIDv7, RFC 9562): milliseconds since 1970, in hex."""
_TIME = re.compile(rf"[0-9a-f]{{{TIME_DIGITS}}}")


class Month(NamedTuple):
    """A calendar month; `number` is 1 to 12."""

    year: int
    number: int

    @classmethod
    def at(cls, us: int) -> "Month":
        """Return the month that a time (integer microseconds UTC) lies in."""
        moment = datetime.fromtimestamp(us // 1_000_000, UTC)
        return cls(moment.year, moment.month)

    @classmethod
    def of(cls, unit_id: str) -> "Month | None":
        """Return the month that a unit was born in; None for an id without a time of the next thousand years.

        >>> Month.of("019ad1e8a8007abcabcdabcdabcdabcd"), Month.of("x"), Month.of("f" * 32)
        (Month(year=2025, number=11), None, None)
        """
        if not _TIME.match(unit_id):
            return None
        ms = int(unit_id[:TIME_DIGITS], 16)
        return cls.at(ms * 1_000) if ms < Month(3000, 1).first_ms else None

    def plus(self, months: int) -> "Month":
        """Return the month so many after this one.

        >>> Month(2026, 11).plus(2), Month(2026, 11).plus(-11)
        (Month(year=2027, number=1), Month(year=2025, number=12))
        """
        years, rest = divmod(self.year * 12 + self.number - 1 + months, 12)
        return Month(years, rest + 1)

    def until(self, later: "Month") -> int:
        """Return how many months `later` is after this one."""
        return (later.year - self.year) * 12 + later.number - self.number

    @property
    def first_ms(self) -> int:
        """When it begins: integer milliseconds UTC."""
        return int(datetime(self.year, self.number, 1, tzinfo=UTC).timestamp()) * 1_000

    @property
    def first_id(self) -> str:
        """What its ids are not less than, and all ids of earlier months are.

        >>> Month(2026, 11).first_id
        '01a19467e800'
        """
        return f"{self.first_ms:0{TIME_DIGITS}x}"

    def __str__(self) -> str:
        """As people and tables write it.

        >>> str(Month(2026, 3))
        '2026-03'
        """
        return f"{self.year:04}-{self.number:02}"


class Part(NamedTuple):
    """The units of the months `first` to `last`; without `first` all before too, without either those of no month.

    On PostgreSQL each part of the custody units is a table of its own, whose name says what is in it.
    """

    first: Month | None
    last: Month | None

    @classmethod
    def of(cls, month: Month) -> "Part":
        """Return the part of one month."""
        return cls(month, month)

    @classmethod
    def named(cls, table: str) -> "Part | None":
        """Return the part that a table's name says it is; None for a table that is none.

        >>> Part.named("custody_unit_2026_11") == Part.of(Month(2026, 11)), Part.named("custody_event")
        (True, None)
        >>> Part.named("custody_unit_default")
        Part(first=None, last=None)
        >>> for part in (Part(None, Month(2026, 11)), Part(Month(2026, 11), Month(2027, 1))):
        ...     part.table, Part.named(part.table) == part
        ('custody_unit_to_2026_11', True)
        ('custody_unit_2026_11_to_2027_01', True)
        """
        if table == DEFAULT.table:
            return DEFAULT
        found = _PART.fullmatch(table)
        if not found:
            return None
        first, last = (Month(*map(int, word.split("_"))) if word else None for word in found.groups())
        return cls(first, last or first)

    @property
    def table(self) -> str:
        """The name of its table."""
        first, last = (f"_{month.year:04}_{month.number:02}" if month else "" for month in self)
        if self.last is None:
            return f"{PARTED}_default"
        return f"{PARTED}{first}" if self.first == self.last else f"{PARTED}{first}_to{last}"

    @property
    def words(self) -> str:
        """As people read it.

        >>> Part(None, Month(2026, 11)).words, Part.of(Month(2026, 12)).words, DEFAULT.words
        ('until 2026-11', '2026-12', 'the rest')
        >>> Part(Month(2026, 12), Month(2027, 2)).words
        '2026-12 to 2027-02'
        """
        if self.last is None:
            return "the rest"
        if self.first is None:
            return f"until {self.last}"
        return f"{self.first}" if self.first == self.last else f"{self.first} to {self.last}"

    @property
    def bounds(self) -> str:
        """Its ids as PostgreSQL says them of a partition.

        >>> Part.of(Month(2026, 11)).bounds
        "FOR VALUES FROM ('01a19467e800') TO ('01a22ee6b000')"
        >>> Part(None, Month(2026, 11)).bounds, DEFAULT.bounds
        ("FOR VALUES FROM (MINVALUE) TO ('01a22ee6b000')", 'DEFAULT')
        """
        if self.last is None:
            return "DEFAULT"
        lower = f"'{self.first.first_id}'" if self.first else "MINVALUE"
        return f"FOR VALUES FROM ({lower}) TO ('{self.last.plus(1).first_id}')"

    @property
    def check(self) -> str | None:
        """The same as a condition on `unit_id`."""
        if self.last is None:
            return None
        upper = f"unit_id < '{self.last.plus(1).first_id}'"
        return f"unit_id >= '{self.first.first_id}' AND {upper}" if self.first else upper

    def has(self, month: Month) -> bool:
        """Say whether the units of a month are in it.

        >>> Part(None, Month(2026, 11)).has(Month(2026, 10)), DEFAULT.has(Month(2026, 10))
        (True, False)
        """
        return self.last is not None and (self.first or month) <= month <= self.last

    def meets(self, other: "Part") -> bool:
        """Say whether the two have a month in common.

        >>> Part(None, Month(2026, 11)).meets(Part(Month(2026, 1), Month(2026, 12)))
        True
        """
        if self.last is None or other.last is None:
            return False
        return (other.first or self.last) <= self.last and (self.first or other.last) <= other.last

    def lies_in(self, other: "Part") -> bool:
        """Say whether it has no months after those of `other`, nor, but for all before it, any before them.

        >>> Part(None, Month(2026, 11)).lies_in(Part(Month(2026, 1), Month(2026, 12)))
        True
        """
        if self.last is None or other.last is None or self.last > other.last:
            return False
        return (other.first or self.last) <= (self.first or self.last)


PARTED = "custody_unit"
"""The table that is kept in parts."""
DEFAULT = Part(None, None)
"""What takes the units of no other part, so that none is refused for want of one."""
_PART = re.compile(rf"{PARTED}(?:_(\d{{4}}_(?:0[1-9]|1[0-2])))?(?:_to_(\d{{4}}_(?:0[1-9]|1[0-2])))?")
