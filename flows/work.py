"""What a station flow needs of a station: which trays it has begun, which it may take, and how one is worked."""

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from typing import Protocol

from flows.line_state import Line
from handoff_logs import offers
from handoff_logs.offers import OpenOffer
from handoff_logs.records import Kind
from stations.trays import TrayOutcome, unfinished_trays

CLAIM_S = 60.0
"""A claim that was not followed by an acceptance lapses after this time: its worker is dead."""

GREEN_CHANNEL = 0

CHOICES = 20
"""How many of the most urgent offers a worker tries to claim: others may be claiming too."""


@dataclass(frozen=True, slots=True)
class TrayToWork:
    """A tray to be worked: claimed by its offer, or accepted by an earlier run (no offer)."""

    tray: str
    offer: OpenOffer | None = None


class StationWork(Protocol):
    """A station as its flow drives it. Every call but `work` blocks and is made in a thread."""

    @property
    def station(self) -> str:
        """The station's name."""
        ...

    @property
    def abreast(self) -> int:
        """How many ordinary trays are worked at once."""
        ...

    def unfinished(self) -> Sequence[TrayToWork]:
        """Trays that an earlier run accepted and did not hand on."""
        ...

    def claim(self, *, green_only: bool, only: str | None) -> TrayToWork | None:
        """Claim the most urgent tray that waits; None where there is none."""
        ...

    async def work(self, tray: TrayToWork) -> dict[str, int]:
        """Work one tray to its end; returns units by outcome."""
        ...


def claim(
    line: Line,
    station: str,
    *,
    green_only: bool,
    only: str | None,
    kind: Kind | None = None,
    lacking: Callable[[OpenOffer], bool] = lambda _: False,
    among: Container[str] | None = None,
) -> TrayToWork | None:
    """Claim the most urgent offer to `station` (of `kind`), or the one of tray `only`; `among`: only these handoffs.

    With `green_only` the green channel's alone, and those that are `lacking`. None where nothing waits, or another
    worker was quicker.
    """
    with line.database.read() as connection:
        waiting = offers.waiting(connection, station)
    wanted = [
        offer.handoff_id
        for offer in waiting
        if only in (None, offer.tray)
        and kind in (None, offer.kind)
        and offer.handoff_id not in line.begun
        and (among is None or offer.handoff_id in among)
        and (not green_only or offer.priority == GREEN_CHANNEL or lacking(offer))
    ]
    if not wanted:
        return None
    offer = line.database.write(lambda tx: offers.claim(tx, station, line.worker, CLAIM_S, among=wanted[:CHOICES]))
    if offer is None:
        return None
    line.begun.add(offer.handoff_id)
    return TrayToWork(offer.tray or offer.handoff_id, offer)


@dataclass(frozen=True, slots=True)
class TrayWork:
    """A station whose trays are each worked by one blocking call."""

    line: Line
    station: str
    begin: Callable[[OpenOffer], TrayOutcome]
    resume: Callable[[str], TrayOutcome] | None = None
    begun_before: Callable[[], Sequence[str]] | None = None
    abreast: int = 1

    def unfinished(self) -> Sequence[TrayToWork]:
        """See StationWork; nothing where a tray is accepted and ended in one transaction (`resume` is None)."""
        if self.resume is None:
            return []
        before = self.begun_before() if self.begun_before else unfinished_trays(self.line.workplace(self.station))
        return [TrayToWork(tray) for tray in before]

    def claim(self, *, green_only: bool, only: str | None) -> TrayToWork | None:
        """See StationWork."""
        return claim(self.line, self.station, green_only=green_only, only=only)

    async def work(self, tray: TrayToWork) -> dict[str, int]:
        """See StationWork."""
        return units_by_outcome(await self.line.blocking(lambda: self._work(tray)))

    def _work(self, tray: TrayToWork) -> TrayOutcome:
        if tray.offer is not None:
            return self.begin(tray.offer)
        if self.resume is None:
            raise LookupError(tray.tray)
        return self.resume(tray.tray)


def units_by_outcome(outcome: TrayOutcome) -> dict[str, int]:
    """The counts of a tray that are not zero, by name."""
    names = ("units", "passed", "returned", "held", "voided", "stopped", "missing", "surplus")
    return {name: count for name in names if (count := getattr(outcome, name))}
