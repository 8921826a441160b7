"""Ranges of numbers that two people give a line: permits' document numbers and carriers' tracking numbers.

Each is recorded in the log's register. The database refuses a number that a line was given before, and lets none go.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from handoff_logs import register
from handoff_logs.log import Stamp
from handoff_logs.reading import Reading
from handoff_logs.register import Register
from handoff_logs.statements import Statement
from handoff_logs.writing import Entry
from stations import s10
from stations.documents import PRODUCTS
from stations.errors import StationError
from stations.mailing import tracking
from stations.people import Role
from stations.people_register.credentials import TwoSigned
from stations.personalization import numbers
from stations.personalization.rules import numbered_from_range
from stations.workplace import Workplace

PARCEL: Final = "parcel"
NUMBERED: Final = (*(product for product in PRODUCTS if numbered_from_range(product)), PARCEL)
"""What takes its numbers from ranges: the products whose blanks bring none along, and parcels."""
SIGNERS: Final = (Role.LEAD, Role.ADMINISTRATOR)
"""Who gives a line numbers: two of these."""
_Refused = Callable[[str], "RangeRefusedError"]
LONGEST: Final = 32
"""Characters of a number."""
_SHAPE: Final = re.compile(r"(?P<prefix>[A-Z0-9-]*?)(?P<serial>[0-9]{1,12})(?P<suffix>[A-Z]*)", re.ASCII)
_DOCUMENT: Final = re.compile(r"(?P<prefix>[A-Z]{1,4})(?P<serial>[0-9]{1,9})", re.ASCII)
_USED = Statement(
    "SELECT min(document_number) FROM job WHERE product = :product AND length(document_number) = :length"
    " AND document_number BETWEEN :first AND :last"
)
RANGES: Final = """
SELECT product AS numbers, prefix, '' AS suffix, digits, next_number AS next, last_number AS last, '' AS form
FROM number_range
UNION ALL
SELECT 'parcel', prefix, suffix, width, next_serial, last_serial, form FROM tracking_range
ORDER BY numbers, prefix, suffix, last
"""


class RangeRefusedError(StationError):
    """Two numbers are no range that the line can be given; nothing was done."""

    def __init__(self, numbered: str, first: str, last: str, reason: str) -> None:
        super().__init__(numbered, first, last, reason)
        self.numbered, self.first, self.last, self.reason = numbered, first, last, reason

    def __str__(self) -> str:
        return (
            f"{self.first} to {self.last} is no range of numbers for a {self.numbered}: {self.reason}; nothing was done"
        )


@dataclass(frozen=True, slots=True)
class Span:
    """A range as it was asked for: `first` and `last` are whole numbers, the others their parts.

    `form` is that of a tracking range, empty for documents.
    """

    numbered: str
    first: str
    last: str
    prefix: str
    suffix: str
    digits: int
    first_serial: int
    last_serial: int
    form: str = ""

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return self.last_serial - self.first_serial + 1


def span(numbered: str, first: str, last: str) -> Span:
    """The range of what is `numbered` from one whole number to another. Raises RangeRefusedError.

    >>> span("taiwan_permit", "L00000001", "L00009999").size
    9999
    """

    def refused(reason: str) -> RangeRefusedError:
        return RangeRefusedError(numbered, first[:LONGEST], last[:LONGEST], reason)

    if numbered not in NUMBERED:
        raise refused(f"only {', '.join(NUMBERED)} take numbers from ranges")
    if max(len(first), len(last)) > LONGEST:
        raise refused(f"a number has {LONGEST} characters at most")
    made = _of_parcels(numbered, first, last, refused) if numbered == PARCEL else _of(numbered, first, last, refused)
    if made.last_serial < made.first_serial:
        raise refused("the last comes before the first")
    return made


def _of(product: str, first: str, last: str, refused: _Refused) -> Span:
    parts = [_DOCUMENT.fullmatch(number) for number in (first, last)]
    if not all(PRODUCTS[product].number_is_valid(number) for number in (first, last)) or None in parts:
        raise refused("they are no numbers of this document")
    (letters, one), (others, two) = (part.groups() for part in parts if part is not None)
    if letters != others or len(one) != len(two):
        raise refused("they differ in more than their last digits")
    return Span(product, first, last, letters, "", len(one), int(one), int(two))


def _of_parcels(numbered: str, first: str, last: str, refused: _Refused) -> Span:
    if s10.valid(first) and s10.valid(last):
        ends = [(number[:2], number[-2:], int(number[2:10])) for number in (first, last)]
        if ends[0][:2] != ends[1][:2]:
            raise refused("they are of two services or countries")
        return Span(numbered, first, last, first[:2], first[-2:], 8, ends[0][2], ends[1][2], "s10")
    if s10.SHAPE.fullmatch(first) or s10.SHAPE.fullmatch(last):
        raise refused("one of them has the form of an S10 number and a wrong check digit")
    parts = [_SHAPE.fullmatch(number) for number in (first, last)]
    if None in parts:
        raise refused("they have capital letters, digits and hyphens alone, and digits at the end or before letters")
    (before, one, after), (prior, two, behind) = (part.groups() for part in parts if part is not None)
    if (before, after, len(one)) != (prior, behind, len(two)):
        raise refused("they differ in more than their digits")
    return Span(numbered, first, last, before, after, len(one), int(one), int(two), "opaque")


def give(workplace: Workplace, by: TwoSigned, asked: Span) -> str:
    """Give the line a range, recorded in the log's register as two signed it; the record's event id.

    Raises RangeRefusedError where a number of it was given before or is on a document already.
    """

    def refused(reason: str) -> RangeRefusedError:
        return RangeRefusedError(asked.numbered, asked.first, asked.last, reason)

    def work(tx: Connection) -> str:
        try:
            _write(tx, asked, emulated=workplace.emulated)
        except IntegrityError as error:
            raise refused("the line was given some of these numbers before") from error
        if asked.numbered != PARCEL:
            of = {"product": asked.numbered, "length": len(asked.first), "first": asked.first, "last": asked.last}
            (used,) = _USED.run(tx, of).fetchone() or (None,)
            if used is not None:
                raise refused(f"{used} is on a document already")
        party = register.administration(by.first, by.first_sign_in)
        stamp = Stamp(workplace.database.clock_us(tx), workplace.emulated, second_sign_in=by.second_sign_in)
        entry = Entry(Register.NUMBERS, asked.numbered, f"{asked.first} {asked.last}", str(asked.size))
        return register.record(tx, party, by.second, [entry], stamp)

    return workplace.database.write(work)


def _write(tx: Connection, asked: Span, *, emulated: bool) -> None:
    if asked.numbered != PARCEL:
        serials = asked.first_serial, asked.last_serial
        numbers.add_range(tx, asked.numbered, asked.prefix, asked.digits, *serials)
        return
    tracking.add_range(
        tx,
        form=asked.form,
        prefix=asked.prefix,
        suffix=asked.suffix,
        first=asked.first_serial,
        last=asked.last_serial,
        emulated=emulated,
        width=asked.digits,
    )


@dataclass(frozen=True, slots=True)
class Given:
    """A range of a line: its `next` number to be given out, None where none is left, and how many are left."""

    numbered: str
    next: str | None
    last: str
    left: int


def given(reading: Reading) -> Iterator[Given]:
    """The ranges of a line, by what they number."""
    for row in reading.rows(RANGES):

        def written(serial: int, row: dict[str, object] = row) -> str:
            if row["form"] == "s10":
                return s10.number(str(row["prefix"]), serial, str(row["suffix"]))
            return f"{row['prefix']}{serial:0{row['digits']}d}{row['suffix']}"

        left = int(row["last"]) - int(row["next"]) + 1
        yield Given(row["numbers"], written(int(row["next"])) if left else None, written(int(row["last"])), left)
