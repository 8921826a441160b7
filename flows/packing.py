"""Packing: document, order and envelope are scanned and must match; parcels by office, or one a document.

Each is weighed and its label printed where the line has the machines. People do it at their desks, or emulated staff.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from prefect import flow

from flows.composition import line_of
from flows.desk_trays import TraysAtDesks
from flows.line_state import Line
from flows.settings import Desk
from flows.station_run import Served, run_station
from flows.work import StationWork, TrayToWork, TrayWork
from handoff_logs.offers import OpenOffer
from stations.acceptance import counts
from stations.packing import desk_booking, shelf, station
from stations.packing.asking import AskingDesk
from stations.packing.desk import PackingDesk
from stations.packing.machines import PackingMachines
from stations.trays import TrayOutcome, unfinished_trays

STATION = "packing"


@flow(name="packing", flow_run_name="packing · {shift}", retries=0, persist_result=False)
async def packing(folder: str, shift: str, tray: str | None = None) -> Served:
    """Serve the packing station of the line in `folder` until it is done; with `tray`, work that one tray."""
    async with line_of(folder, shift, STATION) as line:
        machines = await line.blocking(line.parts.packing_machines)
        # A label printer takes seconds to open: until the first tray comes it has them.
        opening = asyncio.ensure_future(line.blocking(machines.open))
        at_desks = line.settings.desks.packing is Desk.PEOPLE
        work = _at_desks(line, machines) if at_desks else _emulated(line, machines)
        try:
            return await run_station(line, work, only=tray)
        finally:
            await opening


@dataclass
class TraysAndBoxes(TraysAtDesks):
    """The trays at the packing desk and the offices' open boxes, which outlast them.

    What comes back while the line runs, such as a piece that was released, is found too.
    """

    known: set[str] = field(default_factory=set)
    freed: Callable[[], object] = lambda: None
    """Books what two people decided of the hold shelf, so that what goes on is found as a tray of its own."""

    def unfinished(self) -> Sequence[TrayToWork]:
        """See StationWork."""
        here = self.line.workplace(self.station)
        self.freed()
        found = dict.fromkeys([*unfinished_trays(here), *desk_booking.waiting(here)])
        self.known.update(found)
        return [TrayToWork(tray) for tray in found]

    def claim(self, *, green_only: bool, only: str | None) -> TrayToWork | None:
        """See TraysAtDesks; a box, or a tray that came back, before what is offered."""
        self.freed()
        for tray in desk_booking.waiting(self.line.workplace(self.station)):
            if tray not in self.known and only in (None, tray):
                self.known.add(tray)
                return TrayToWork(tray)
        claimed = super().claim(green_only=green_only, only=only)
        if claimed is not None:
            self.known.add(claimed.tray)
        return claimed

    async def work(self, tray: TrayToWork) -> dict[str, int]:
        """See TraysAtDesks; a box that was emptied is found again with its next piece."""
        try:
            return await super().work(tray)
        finally:
            self.known.discard(tray.tray)


def _at_desks(line: Line, machines: PackingMachines) -> StationWork:
    here = line.workplace(STATION)
    desk: PackingDesk
    hands = line.parts.packer() if line.parts.has_emulated_staff else None
    desk = hands or AskingDesk(here, machines.printer is None, lambda: line.stopping)

    def accept(offer: OpenOffer) -> None:
        with line.database.read() as connection:
            counted = counts.counted_tray(connection, offer, hands)
        station.accept_tray(here.acting(counted.by), offer, counted)

    return TraysAndBoxes(
        line=line,
        station=STATION,
        accept=accept,
        book=lambda tray: desk_booking.book(here, tray, desk, line.nodes(), machines),
        freed=lambda: shelf.book(here, hands.put if hands else None),
    )


def _emulated(line: Line, machines: PackingMachines) -> StationWork:
    here, desk = line.workplace(STATION), line.parts.packer()

    def resume(begun: str) -> TrayOutcome:
        return desk_booking.finish(here, begun, desk, line.nodes(), machines)

    def begun_before() -> list[str]:
        # What two people freed from the shelf, and boxes that people left open too.
        shelf.book(here, desk.put if line.parts.has_emulated_staff else None)
        return list(dict.fromkeys([*unfinished_trays(here), *desk_booking.waiting(here)]))

    return TrayWork(
        line=line,
        station=STATION,
        begin=lambda offer: station.work_tray(here, offer, desk, nodes=line.nodes(), machines=machines),
        resume=resume,
        begun_before=begun_before,
    )
