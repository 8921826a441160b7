"""What somebody may have meant by a number that the log does not know: the usual slips, each looked up exactly."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from handoff_logs.reading import Reading

KINDS: Final = "('order', 'blank', 'document', 'tray', 'parcel')"
"""Named, because numbers are indexed within a kind."""
_KNOWN: Final = f"SELECT number FROM unit_number WHERE kind IN {KINDS} AND number = :number LIMIT 1"  # noqa: S608
_STAFF: Final = re.compile(r"[a-z]-[a-z0-9-]{1,20}", re.ASCII)
_READ_AS_DIGITS: Final = str.maketrans("OoIl", "0011")


def meant(reading: Reading, number: str) -> list[str]:
    """Return the numbers in the log that differ from `number` by a slip of typing."""
    slips = dict.fromkeys(slip for slip in _slips(number) if slip and slip != number)
    return [slip for slip in slips if reading.rows(_KNOWN, number=slip)]


def is_staff_code(word: str) -> bool:
    """Whether a word looks like a person's code.

    >>> is_staff_code("p-0417"), is_staff_code("EJ0000015")
    (True, False)
    """
    return _STAFF.fullmatch(word) is not None


def _slips(number: str) -> Iterator[str]:
    """Blanks and hyphens inside, small or wide letters, letters for digits, a remake's ending."""
    number = unicodedata.normalize("NFKC", number)
    yield number
    joined = re.sub(r"[\s\-–—_.]", "", number)
    for word in (number, joined):
        yield word.upper()
        letters = re.match(r"[A-Za-z]{0,2}", word)
        prefix = letters.group() if letters else ""
        yield prefix.upper() + word[len(prefix) :].translate(_READ_AS_DIGITS)
        yield word.upper().translate(_READ_AS_DIGITS)
    yield joined
    yield number.partition("/")[0]
