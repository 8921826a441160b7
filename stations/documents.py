"""The documents that the centre makes: blank, numbering, validity and fee of each."""

import re
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

Blank = Literal["book", "card"]

ADULT_YEARS = 16
"""From this age a passport or permit holds ten years (Passport Law, article 7)."""


@dataclass(frozen=True, slots=True)
class Product:
    """One of the 'three documents'.

    `document_code`: what its machine-readable zone begins with. `number_patterns`: the current numbering first, then
    former ones. `numbered_blanks`: the number is printed on the blank; otherwise it comes from a range.
    """

    name: str
    chinese: str
    blank: Blank
    document_code: str
    number_patterns: tuple[str, ...]
    numbered_blanks: bool
    fee_cny: int
    adult_years: int = 10
    child_years: int = 5

    def number_is_valid(self, number: str) -> bool:
        """Whether `number` is a current or former number of this document.

        >>> PRODUCTS["passport"].number_is_valid("EJ1234567"), PRODUCTS["passport"].number_is_valid("EI1234567")
        (True, False)
        """
        return any(re.fullmatch(pattern, number) for pattern in self.number_patterns)

    def years_valid(self, born: date, issued: date) -> int:
        """Years of validity for a holder `born` on that day and a document `issued` on this."""
        return self.adult_years if age(born, issued) >= ADULT_YEARS else self.child_years

    def expires_on(self, born: date, issued: date) -> date:
        """The last day of validity.

        >>> PRODUCTS["passport"].expires_on(date(1990, 5, 1), date(2026, 11, 23))
        datetime.date(2036, 11, 22)
        """
        return anniversary(issued, self.years_valid(born, issued)) - timedelta(days=1)


# Letters I and O are never used: they read as 1 and 0.
_LETTER = "[A-HJ-NP-Z]"

PRODUCTS: Mapping[str, Product] = {
    product.name: product
    for product in (
        Product("passport", "普通护照", "book", "PO", (rf"E{_LETTER}[0-9]{{7}}", r"[EG][0-9]{8}"), True, 120),
        Product("hk_macau_permit", "往来港澳通行证", "card", "CS", (rf"C{_LETTER}[0-9]{{7}}", r"C[0-9]{8}"), False, 60),
        Product("taiwan_permit", "往来台湾通行证", "card", "CD", (r"L[0-9]{8}",), False, 80),
    )
}

POSTAGE_CITY_CNY = 15
POSTAGE_ELSEWHERE_CNY = 22
FREE_POST_AGE = 65
"""From this age a document is delivered by post free of charge."""


def postages_cny(delivery: str, years: int) -> tuple[int, ...]:
    """What sending a document may cost, the least first, by how it is delivered and the applicant's age at acceptance.

    >>> postages_cny("post", 64), postages_cny("post", 65), postages_cny("collection", 30)
    ((15, 22), (0,), (0,))
    """
    pays = delivery == "post" and years < FREE_POST_AGE
    return (POSTAGE_CITY_CNY, POSTAGE_ELSEWHERE_CNY) if pays else (0,)


def anniversary(day: date, years: int) -> date:
    """The same day `years` later; 29 February becomes 1 March where there is none."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)


def months_later(day: date, months: int) -> date:
    """The same day so many months later, or the last of that month where it is shorter.

    >>> months_later(date(2026, 8, 31), 6)
    datetime.date(2027, 2, 28)
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def age(born: date, on: date) -> int:
    """Completed years of life.

    >>> age(date(2010, 11, 24), date(2026, 11, 23))
    15
    """
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))
