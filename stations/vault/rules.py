"""The rules of the vault: serial ranges of blanks, where they lie, and how many a shift needs."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from stations.vault.errors import NotNeededError, SerialRangeError

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


@dataclass(frozen=True, slots=True)
class Reserve:
    """Blanks beyond the orders, for what is spoiled: a share of them, and a few."""

    share: float = 0.05
    few: int = 10

    def beside(self, orders: int) -> int:
        """The reserve beside so many orders; none where there are no orders.

        >>> Reserve().beside(100), Reserve().beside(0)
        (15, 0)
        """
        return ceil(orders * self.share) + self.few if orders else 0


@dataclass(frozen=True, slots=True)
class Need:
    """Blanks of a kind that personalization needs: for `orders`, with a `reserve`; `there` lie there or are issued."""

    kind: str
    orders: int
    reserve: int
    there: int

    @property
    def short(self) -> int:
        """How many may be issued now.

        >>> Need("book", 100, 15, 40).short, Need("book", 0, 0, 40).short
        (75, 0)
        """
        return max(0, self.orders + self.reserve - self.there)


def refuse_surplus(need: Need, asked: int) -> None:
    """Raise `NotNeededError` for more blanks than are needed."""
    if asked > need.short:
        raise NotNeededError(need.kind, asked, need.orders, need.reserve, need.there)
