"""The rules of the register, as data: what a code looks like, how long a password is, when a code is locked."""

import re
from collections.abc import Sequence
from typing import Final

from stations.people import EMULATED_PREFIX, Role
from stations.people_register.errors import BadCodeError, EmulatedStaffError, SamePersonTwiceError

ADMINISTRATORS: Final = (Role.ADMINISTRATOR,)
"""Who enrols, gives roles and ends: always two of them."""

LEAST_CHARACTERS: Final = 12
MOST_CHARACTERS: Final = 128
"""Of a new password; which ones is everybody's own choice (NIST SP 800-63B, 3.1.1.2)."""

FAILURES: Final = 5
WINDOW_US: Final = 15 * 60 * 1_000_000
LOCK_US: Final = 15 * 60 * 1_000_000
"""After `FAILURES` refused sign-ins within `WINDOW_US`, none of them followed by a good one, a code is locked."""

# Shorter than any password, so that one typed in its place is neither kept nor shown.
_CODE: Final = re.compile(r"[a-z]-[0-9]{4,8}", re.ASCII)


def check_code(code: str) -> str:
    """`code`, if it can be a person's. Raises BadCodeError, EmulatedStaffError.

    >>> check_code("p-0417")
    'p-0417'
    """
    if code.startswith(EMULATED_PREFIX) and len(code) < LEAST_CHARACTERS:
        raise EmulatedStaffError(code)
    if _CODE.fullmatch(code) is None or code.startswith(EMULATED_PREFIX):
        raise BadCodeError
    return code


def check_two(first: str, second: str) -> None:
    """Raise SamePersonTwiceError unless these are the codes of two people; and BadCodeError, EmulatedStaffError."""
    if check_code(first) == check_code(second):
        raise SamePersonTwiceError(first)


def locked_until(failures_us: Sequence[int], now_us: int) -> int | None:
    """Until when a code is locked whose sign-ins failed then, latest first; None if it is not.

    >>> locked_until([5, 4, 3, 2, 1], now_us=6) == 5 + LOCK_US
    True
    >>> locked_until([5, 4, 3, 2], now_us=6), locked_until([5, 4, 3, 2, 1], now_us=5 + LOCK_US)
    (None, None)
    """
    if len(failures_us) < FAILURES or failures_us[0] - failures_us[FAILURES - 1] > WINDOW_US:
        return None
    until_us = failures_us[0] + LOCK_US
    return until_us if now_us < until_us else None
