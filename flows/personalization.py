"""Personalization: machines pull the accepted orders one by one; a tray goes on when all its orders have ended."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from prefect import flow

from devices.errors import DeviceError
from flows.composition import line_of
from flows.line_state import Line
from flows.machine_work import at_work
from flows.machines import STATION
from flows.settings import Desk
from flows.station_run import Served, run_station
from flows.work import TrayToWork, claim, units_by_outcome
from handoff_logs.offers import OpenOffer
from handoff_logs.records import Kind
from stations.personalization import acts, station
from stations.personalization.desk import MachineDesk
from stations.personalization.station import TrayStatus

LOOK_AGAIN_S: Final = 0.1
"""How often it is looked whether the orders of any tray have ended: one question for all trays."""
ORDERS_A_MACHINE: Final = 2
"""So many orders wait for each machine: fewer, and it may stand before the next tray is accepted."""


@flow(name="personalization", flow_run_name="personalization · {shift}", retries=0, persist_result=False)
async def personalization(folder: str, shift: str, tray: str | None = None) -> Served:
    """Serve personalization of the line in `folder` until it is done; with `tray`, work that one tray."""
    async with line_of(folder, shift, STATION) as line:
        await line.blocking(lambda: line.machines.each)
        async with at_work(line):
            return await run_station(line, MachineActs(line, OrderTrays(line)), only=tray)


@dataclass
class OrderTrays:
    """Trays of orders on their way through the machines.

    `abreast` of them at once, and more while machines of some kind run out of orders: a tray is of one product, so any
    number of trays may hold nothing for half of the machines.
    """

    line: Line
    station: str = STATION
    abreast: int = 8
    _accepted: set[str] = field(default_factory=set)
    _ready: set[str] = field(default_factory=set)
    _parted: list[str] = field(default_factory=list)
    _products: dict[str, str] = field(default_factory=dict)
    _asked: frozenset[str] = frozenset()
    _statuses: dict[str, TrayStatus] = field(default_factory=dict)
    _looked: asyncio.Task[bool] | None = None
    _collecting: asyncio.Lock = field(default_factory=asyncio.Lock)

    def unfinished(self) -> Sequence[TrayToWork]:
        """Trays that were accepted and have orders to make or documents to hand on."""
        trays = [status.tray for status in station.tray_status(self.line.workplace(STATION))]
        self._accepted.update(trays)
        return [TrayToWork(tray) for tray in trays]

    def claim(self, *, green_only: bool, only: str | None) -> TrayToWork | None:
        """Claim the most urgent tray that waits; a full station still takes what machines lack.

        What was taken out of a tray in work and into one of its own, for the green channel, comes before all.
        """
        if (parted := self._take_parted()) is not None:
            return TrayToWork(parted)
        lacked = cache(self._lacked)  # asked once, and only where an offer depends on it

        def lacking(offer: OpenOffer) -> bool:
            return self._product(offer) in lacked()

        return claim(self.line, STATION, green_only=green_only, only=only, kind=Kind.ORDER, lacking=lacking)

    def _take_parted(self) -> str | None:
        """A tray that was parted from one in work here and is in nobody's yet."""
        raised = station.parted_trays(self.line.workplace(STATION), tuple(self._accepted))
        for tray in (*raised, *self._parted):
            if tray not in self._accepted:
                self._accepted.add(tray)
                return tray
        return None

    def _lacked(self) -> frozenset[str]:
        """The products of which too few orders wait for the machines that make them."""
        makers = Counter(machine.setup.products for machine in self.line.machines.each.values())
        waiting = station.orders_waiting(self.line.workplace(STATION))
        lacking = [
            products
            for products, machines in makers.items()
            if sum(waiting.get(product, 0) for product in products) < machines * ORDERS_A_MACHINE
        ]
        return frozenset(product for products in lacking for product in products)

    def _product(self, offer: OpenOffer) -> str:
        if offer.handoff_id not in self._products:
            self._products[offer.handoff_id] = station.product_offered(self.line.workplace(STATION), offer)
        return self._products[offer.handoff_id]

    async def work(self, tray: TrayToWork) -> dict[str, int]:
        """Accept the tray, wait until the machines have ended its orders, hand its documents on."""
        offer = tray.offer
        units = 0
        if offer is not None:
            units = await self.line.blocking(lambda: station.accept_tray(self.line.workplace(STATION), offer))
            # Raised between its call and its acceptance.
            self._parted += await self.line.blocking(
                lambda: station.part_green(self.line.workplace(STATION), tray.tray)
            )
        self._accepted.add(tray.tray)
        while not await self._look():
            status = self._statuses.get(tray.tray)
            if status is None and tray.tray in self._asked and tray.tray in self._ready:
                return {"units": units}
            # A look that began before this tray was accepted says nothing of it.
            if status is None and tray.tray in self._asked:
                return {"units": units, "stopped": units}
            if status is not None and status.ready:
                if not self._by_people:
                    return await self._hand_on(tray.tray)
                self._ready.add(tray.tray)  # until people have filled the tray, which books its act
        return {"units": units, "left": self._statuses[tray.tray].orders if tray.tray in self._statuses else 0}

    @property
    def _by_people(self) -> bool:
        return self.line.settings.desks.personalization is Desk.PEOPLE

    async def _hand_on(self, tray: str) -> dict[str, int]:
        here, desk = self.line.workplace(STATION), self.line.parts.operators()
        # Emptying a machine's good stack takes out other trays' documents too: one tray is collected at a time.
        async with self._collecting:
            finish = self.line.blocking(lambda: station.finish_tray(here, desk, tray, self.line.nodes()))
            return units_by_outcome(await finish)

    async def _look(self) -> bool:
        """Look at all trays once for whoever waits; True where waiting longer is of no use."""
        if self._looked is None or self._looked.done():
            self._looked = asyncio.ensure_future(self._look_once())
        return await asyncio.shield(self._looked)

    async def _look_once(self) -> bool:
        await asyncio.sleep(LOOK_AGAIN_S)
        asked = frozenset(self._accepted)
        statuses = await self.line.blocking(lambda: station.tray_status(self.line.workplace(STATION)))
        self._asked, self._statuses = asked, {status.tray: status for status in statuses}
        if self.line.stopping:
            self.line.machines.stop.set()
            return True
        return await self.line.blocking(self.line.machines.stuck)


@dataclass
class MachineActs:
    """What operators signed at the machines, booked in turn; and beside it the trays of orders.

    An act waits for no tray: trays may lie at the machines all day. What was signed before the machines were given to
    EMULATED operators is booked too.
    """

    line: Line
    trays: OrderTrays
    station: str = STATION
    _begun: set[str] = field(default_factory=set)

    @property
    def abreast(self) -> int:
        """So many trays at once; acts besides."""
        return self.trays.abreast

    def unfinished(self) -> Sequence[TrayToWork]:
        """See OrderTrays; what a killed run left to EMULATED hands is done first."""
        hands = self._hands()
        if hands is not None and self.line.settings.desks.personalization is Desk.PEOPLE:
            here = self.line.workplace(STATION)
            for machine, kind in self._kinds().items():
                with suppress(DeviceError):  # done again with the next act on it
                    acts.lay_in(here, hands, machine, kind)
        return self.trays.unfinished()

    def claim(self, *, green_only: bool, only: str | None) -> TrayToWork | None:
        """Take the next act, then the most urgent tray that waits."""
        with self.line.database.read() as connection:
            signed = acts.waiting(connection)
        for each in signed:
            if each not in self._begun and only in (None, each):
                self._begun.add(each)
                return TrayToWork(each)
        return self.trays.claim(green_only=green_only, only=only)

    async def work(self, tray: TrayToWork) -> dict[str, int]:
        """Book the act, or see to the tray."""
        if tray.tray not in self._begun:
            return await self.trays.work(tray)
        here, nodes = self.line.workplace(STATION), self.line.nodes()
        try:
            await self.line.blocking(lambda: acts.book(here, self._kinds(), tray.tray, nodes, self._hands()))
        finally:
            self._begun.discard(tray.tray)
        return {}

    def _kinds(self) -> dict[str, str]:
        return self.line.settings.blank_kinds

    def _hands(self) -> MachineDesk | None:
        """EMULATED hands at machines that nobody could touch."""
        return self.line.parts.operators() if self.line.parts.has_emulated_staff else None
