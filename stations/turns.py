"""Turns at a machine that several trays need: one at a time, in the order of asking, the green channel before all."""

import heapq
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from threading import Condition, get_ident


class Turns:
    """A lock that is handed to whoever asked first, and to those before them who go `first`; a thread may nest it.

    An ordinary lock may be taken again at once by the thread that lets go of it, so that a tray of a hundred keeps
    everybody else waiting to its end.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._waiting: list[tuple[bool, int]] = []
        self._tickets = count()
        self._owner: int | None = None
        self._depth = 0

    @contextmanager
    def taken(self, *, first: bool = False) -> Iterator[None]:
        """Hold the turn while the block runs."""
        self._take(first=first)
        try:
            yield
        finally:
            self._let_go()

    def _take(self, *, first: bool) -> None:
        me = get_ident()
        with self._changed:
            if self._owner != me:
                mine = (not first, next(self._tickets))
                heapq.heappush(self._waiting, mine)
                self._changed.wait_for(lambda: self._owner is None and self._waiting[0] == mine)
                heapq.heappop(self._waiting)
                self._owner = me
            self._depth += 1

    def _let_go(self) -> None:
        with self._changed:
            self._depth -= 1
            if not self._depth:
                self._owner = None
                self._changed.notify_all()
