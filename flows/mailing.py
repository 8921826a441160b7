"""Mailing: labels and weights, then the handoff to the carrier, who accepts with a count."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from prefect import flow

from flows.composition import line_of
from flows.desk_trays import LOOK_AGAIN_S, TraysAtDesks
from flows.line_state import Line
from flows.settings import Desk
from flows.station_run import Served, run_station
from flows.work import StationWork, TrayToWork, TrayWork
from stations.mailing import acts, carrier, own_scale, station
from stations.mailing.acts import Carrying
from stations.mailing.tables import ActKind

STATION = "mailing"
CARRIER = "carrier"


@flow(name="mailing", flow_run_name="mailing · {shift}", retries=0, persist_result=False)
async def mailing(folder: str, shift: str, tray: str | None = None) -> Served:
    """Serve the mailing station of the line in `folder` until it is done; with `tray`, work that one tray."""
    async with line_of(folder, shift, STATION) as line:
        if not _people(line):
            return await run_station(line, _emulated(line), only=tray)
        served = asyncio.Event()
        weighing = asyncio.ensure_future(_weigh(line, served))
        try:
            return await run_station(line, _at_desks(line), only=tray)
        finally:
            served.set()
            await weighing


async def _weigh(line: Line, served: asyncio.Event) -> None:
    """Tell what the desk's own scale shows, as often as its mailers ask, while the station is served."""
    scale = await line.blocking(line.parts.mailing_scale)
    if scale is None:
        return
    here, hands = line.workplace(STATION), carrying(line).mailer
    lay = None if hands is None else hands.lay_on_scale
    while not served.is_set():
        if not await line.blocking(lambda: own_scale.tell(here, scale, lay)):
            await asyncio.sleep(LOOK_AGAIN_S)


@flow(name="collection", flow_run_name="collection · {shift}", retries=0, persist_result=False)
async def collection(folder: str, shift: str, tray: str | None = None) -> Served:
    """The carrier at the door, who counts and signs for what mailing hands over."""
    async with line_of(folder, shift, CARRIER) as line:
        if _people(line):
            return await run_station(line, DeskActs(line, CARRIER, acts.AT_THE_DOOR), only=tray)
        here, desk = line.workplace(CARRIER), line.parts.driver()
        work = TrayWork(
            line=line,
            station=CARRIER,
            begin=lambda offer: carrier.work_tray(here, offer, desk),
        )
        return await run_station(line, work, only=tray)


def _people(line: Line) -> bool:
    return line.settings.desks.mailing is Desk.PEOPLE


def carrying(line: Line) -> Carrying:
    """Whose hands carry parcels: EMULATED staff's where nobody could touch them."""
    if not line.parts.has_emulated_staff:
        return Carrying()
    return Carrying(line.parts.mailer(), line.parts.driver())


def _emulated(line: Line) -> StationWork:
    here, desk = line.workplace(STATION), line.parts.mailer()
    return TrayWork(
        line=line,
        station=STATION,
        begin=lambda offer: station.work_tray(here, offer, desk, line.nodes(), line.settings.weighing.tolerance),
        resume=lambda begun: station.resume_tray(here, begun, desk, line.nodes(), line.settings.weighing.tolerance),
        begun_before=lambda: station.unfinished_trays(here),
    )


def _at_desks(line: Line) -> StationWork:
    here, hands = line.workplace(STATION), carrying(line).mailer
    offered = TraysAtDesks(
        line=line,
        station=STATION,
        accept=lambda offer: station.accept_counted(here, offer, hands),
        book=lambda tray: station.book_weighed(here, tray, hands, line.nodes(), line.settings.weighing.tolerance),
    )
    return DeskActs(line, STATION, acts.AT_THE_TABLE, offered)


@dataclass
class DeskActs:
    """What people signed at mailing's desk, booked in turn; and beside it the `offered` trays, where there are any.

    An act waits for no tray: those that lie at the desks may take all day.
    """

    line: Line
    station: str
    kinds: Collection[ActKind]
    offered: TraysAtDesks | None = None
    abreast: int = 20
    _begun: set[str] = field(default_factory=set)

    def unfinished(self) -> Sequence[TrayToWork]:
        """Nothing at once: what earlier runs left is found as what comes now is."""
        return []

    def claim(self, *, green_only: bool, only: str | None) -> TrayToWork | None:
        """Take the next act, then a tray that lies here, then the most urgent that was counted."""
        with self.line.database.read() as connection:
            signed = acts.waiting(connection, self.kinds)
        here = [] if self.offered is None else station.unfinished_trays(self.line.workplace(self.station))
        for each in (*signed, *here):
            if each not in self._begun and only in (None, each):
                self._begun.add(each)
                return TrayToWork(each)
        if self.offered is None:
            return None
        found = self.offered.claim(green_only=green_only, only=only)
        if found is not None:
            self._begun.add(found.tray)
        return found

    async def work(self, tray: TrayToWork) -> dict[str, int]:
        """Book the act, or see to the tray."""
        with self.line.database.read() as connection:
            is_act = acts.is_act(connection, tray.tray)
        try:
            if self.offered is not None and not is_act:
                return await self.offered.work(tray)
            here, nodes = self.line.workplace(self.station), self.line.nodes()
            await self.line.blocking(lambda: acts.book(here, tray.tray, nodes, carrying(self.line)))
        finally:
            # A tray may come back: refused at the door, or sent again.
            self._begun.discard(tray.tray)
        return {}
