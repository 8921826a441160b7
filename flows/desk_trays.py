"""A station whose people work at their desks: trays are accepted here, and booked once people have done all of them.

The desks and this flow meet in the database alone, and either may be stopped and started again by itself.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from flows.line_state import Line
from flows.work import TrayToWork, claim, units_by_outcome
from handoff_logs import offers
from handoff_logs.offers import OpenOffer
from stations.acceptance import counts
from stations.trays import TrayOutcome, unfinished_trays

LOOK_AGAIN_S: Final = 0.5
"""How often it is looked whether people have done a tray."""
TRAYS_AT_DESKS: Final = 20
"""Trays that lie at the desks at once, and any of the green channel besides: enough for all, and the rest is assigned
by what is most urgent when it is accepted."""


@dataclass
class TraysAtDesks:
    """The trays of a station whose people work at desks.

    `accept` accepts an offered tray, `book` books an accepted one when people have done all of it and returns None
    until then. `counted`: a tray is accepted only when somebody has counted it at a desk.
    """

    line: Line
    station: str
    accept: Callable[[OpenOffer], object]
    book: Callable[[str], TrayOutcome | None]
    counted: bool = True
    abreast: int = TRAYS_AT_DESKS

    def unfinished(self) -> Sequence[TrayToWork]:
        """Trays that were accepted and are not booked."""
        return [TrayToWork(tray) for tray in unfinished_trays(self.line.workplace(self.station))]

    def claim(self, *, green_only: bool, only: str | None) -> TrayToWork | None:
        """Claim the most urgent tray that waits, of those that were counted where they are to be."""
        if not self.counted:
            return claim(self.line, self.station, green_only=green_only, only=only)
        with self.line.database.read() as connection:
            counted = counts.counted(connection, offers.waiting(connection, self.station))
        if not counted:
            return None
        return claim(self.line, self.station, green_only=green_only, only=only, among=counted)

    async def work(self, tray: TrayToWork) -> dict[str, int]:
        """Accept the tray, and book it when it is done; one that isn't when the line stops is left at the desks."""
        offer = tray.offer
        if offer is not None:
            await self.line.blocking(lambda: self.accept(offer))
        while True:
            booked = await self.line.blocking(lambda: self.book(tray.tray))
            if booked is not None:
                return units_by_outcome(booked)
            if self.line.stopping:
                return {"left": 1}
            await asyncio.sleep(LOOK_AGAIN_S)
