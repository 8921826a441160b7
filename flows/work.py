"""What a station flow needs of a station: which trays it has begun, which it may take, and how one is worked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from flows.line_state import Line
from handoff_logs import offers
from handoff_logs.offers import OpenOffer
from stations.trays import TrayOutcome, unfinished_trays

CLAIM_S = 60.0
"""A claim that was not followed by an acceptance lapses after this time: its worker is dead."""

GREEN_CHANNEL = 0


@dataclass(frozen=True, slots=True)
class TrayToWork:
    """A tray to be worked: claimed by its offer, or accepted by an earlier run (no offer)."""

    tray: str
    offer: OpenOffer | None = None


class StationWork(Protocol):
    """A station as its flow drives it. Every call but `work` blocks and is made in a thread."""

    station: str
    abreast: int

    def unfinished(self) -> Sequence[TrayToWork]:
        """Trays that an earlier run accepted and did not hand on."""
        ...

    def claim(self, *, green_only: bool, only: str | None) -> TrayToWork | None:
        """Claim the most urgent tray that waits; None where there is none."""
        ...

    async def work(self, tray: TrayToWork) -> dict[str, int]:
        """Work one tray to its end; returns units by outcome."""
        ...


def claim(line: Line, station: str, *, green_only: bool, only: str | None) -> TrayToWork | None:
    """Claim the most urgent offer to `station`, or the one of tray `only`; None where none waits or another was quicker."""
    with line.database.read() as connection:
        waiting = [offer for offer in offers.waiting(connection, station) if only in (None, offer.tray)]
    if not waiting or (green_only and waiting[0].priority != GREEN_CHANNEL):
        return None
    offer = line.database.write(lambda tx: offers.claim(tx, station, line.worker, CLAIM_S))
    return None if offer is None else TrayToWork(offer.tray or offer.handoff_id, offer)


@dataclass(frozen=True, slots=True)
class TrayWork:
    """A station whose trays are each worked by one blocking call."""

    line: Line
    station: str
    begin: Callable[[OpenOffer], TrayOutcome]
    resume: Callable[[str], TrayOutcome]
    abreast: int = 1

    def unfinished(self) -> Sequence[TrayToWork]:
        """See StationWork."""
        return [TrayToWork(tray) for tray in unfinished_trays(self.line.workplace(self.station))]

    def claim(self, *, green_only: bool, only: str | None) -> TrayToWork | None:
        """See StationWork."""
        return claim(self.line, self.station, green_only=green_only, only=only)

    async def work(self, tray: TrayToWork) -> dict[str, int]:
        """See StationWork."""
        offer = tray.offer
        outcome = await self.line.blocking(lambda: self.resume(tray.tray) if offer is None else self.begin(offer))
        return units_by_outcome(outcome)


def units_by_outcome(outcome: TrayOutcome) -> dict[str, int]:
    """The counts of a tray that are not zero, by name."""
    names = ("units", "passed", "returned", "held", "voided", "stopped", "missing", "surplus")
    return {name: count for name in names if (count := getattr(outcome, name))}
