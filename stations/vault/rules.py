"""The rules of the vault: serial ranges of blanks, where they lie, and the terms of their balance."""

import re
from collections.abc import Iterator

from stations.vault.errors import SerialRangeError

STATION = "vault"
VOIDED = "voided"
MAX_RANGE = 10_000
_SERIAL = re.compile(r"(.*?)(\d+)")


def shelf(kind: str) -> str:
    """The place of the blanks of `kind` ("book" or "card") in the vault."""
    return f"shelf:{kind}"


def serials(first: str, last: str) -> Iterator[str]:
    """Every serial from `first` to `last`: the same prefix, digits of the same length. Raises `SerialRangeError`.

    >>> list(serials("EA0000009", "EA0000011"))
    ['EA0000009', 'EA0000010', 'EA0000011']
    """
    begin, end = _SERIAL.fullmatch(first), _SERIAL.fullmatch(last)
    if begin is None or end is None or begin[1] != end[1] or len(begin[2]) != len(end[2]):
        raise SerialRangeError(first, last)
    count = int(end[2]) - int(begin[2]) + 1
    if not 0 < count <= MAX_RANGE:
        raise SerialRangeError(first, last)
    return (f"{begin[1]}{number:0{len(begin[2])}d}" for number in range(int(begin[2]), int(end[2]) + 1))
