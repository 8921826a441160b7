"""Resident identity numbers (GB 11643-1999): six digits of region, birth date, sequence, check character."""

from dataclasses import dataclass
from datetime import date
from itertools import starmap
from operator import mul

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECKS = "10X98765432"
LENGTH = 18

# First two digits of every province-level region (GB/T 2260); a region outside is a warning, never a refusal.
PROVINCES = frozenset(
    str(code)
    for codes in (
        range(11, 16),
        range(21, 24),
        range(31, 38),
        range(41, 47),
        range(50, 55),
        range(61, 66),
        (71, 81, 82, 83),
    )
    for code in codes
)


@dataclass(frozen=True, slots=True)
class ResidentId:
    """What a well-formed number says about its holder. `sex` is M or F."""

    number: str
    region: str
    born: date
    sex: str

    @property
    def region_is_doubtful(self) -> bool:
        """Whether the region is of no province known today: codes change, so a person looks."""
        return self.region[:2] not in PROVINCES


def check_character(body: str) -> str:
    """The 18th character for 17 digits.

    >>> check_character("11010519491231002")
    'X'
    """
    return CHECKS[sum(starmap(mul, zip(map(int, body), WEIGHTS, strict=True))) % 11]


def compose(region: str, born: date, sequence: int) -> str:
    """The whole number of the `sequence`-th (0–999; odd = male) person registered in `region` (6 digits) that day."""
    body = f"{region}{born:%Y%m%d}{sequence:03d}"
    return body + check_character(body)


def parse(number: str) -> ResidentId:
    """Read a number. Raises `ValueError` saying which part is wrong: length, digits, birth date or check character.

    >>> parse("11010519491231002X").sex
    'F'
    """
    if len(number) != LENGTH or not number.isascii() or not number[:-1].isdigit():
        raise ValueError("a resident ID number has 17 digits and a check character")
    if check_character(number[:-1]) != number[-1].upper():
        raise ValueError("the check character does not fit the digits")
    try:
        born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        raise ValueError("the birth date in the number is no date") from None
    return ResidentId(number.upper(), number[:6], born, "M" if int(number[16]) % 2 else "F")
