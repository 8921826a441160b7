"""How often one host may ask."""

from collections import OrderedDict
from typing import Final

PER_SECOND: Final = 20.0
BURST: Final = 40.0
MAX_HOSTS: Final = 1_024
"""Hosts that are counted; the one not heard of for longest is forgotten first."""


class Rates:
    """A bucket of requests for each host, which fills again with time."""

    def __init__(self, per_second: float = PER_SECOND, burst: float = BURST) -> None:
        self._per_second, self._burst = per_second, burst
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allow(self, host: str, now_s: float) -> bool:
        """Whether the host may ask once more at this time of a clock that never goes back; it has then asked."""
        left, before_s = self._left.pop(host, (self._burst, now_s))
        left = min(self._burst, left + (now_s - before_s) * self._per_second)
        allowed = left >= 1
        self._left[host] = (left - 1 if allowed else left, now_s)
        if len(self._left) > MAX_HOSTS:
            self._left.popitem(last=False)
        return allowed
