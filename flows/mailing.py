"""Mailing: labels and weights, then the handoff to the carrier, who accepts with a count."""

from prefect import flow

from flows.composition import line_of
from flows.station_run import Served, run_station
from flows.work import TrayWork
from stations.mailing import carrier, station

STATION = "mailing"
CARRIER = "carrier"


@flow(name="mailing", flow_run_name="mailing · {shift}", retries=0, persist_result=False)
async def mailing(folder: str, shift: str, tray: str | None = None) -> Served:
    """Serve the mailing station of the line in `folder` until it is done; with `tray`, work that one tray."""
    async with line_of(folder, shift, STATION) as line:
        here, desk = line.workplace(STATION), line.parts.mailer()
        work = TrayWork(
            line=line,
            station=STATION,
            begin=lambda offer: station.work_tray(here, offer, desk, line.nodes()),
            resume=lambda begun: station.resume_tray(here, begun, desk, line.nodes()),
            begun_before=lambda: station.unfinished_trays(here),
        )
        return await run_station(line, work, only=tray)


@flow(name="collection", flow_run_name="collection · {shift}", retries=0, persist_result=False)
async def collection(folder: str, shift: str, tray: str | None = None) -> Served:
    """The carrier at the door, who counts and signs for what mailing hands over; emulated drivers only."""
    async with line_of(folder, shift, CARRIER) as line:
        here, desk = line.workplace(CARRIER), line.parts.driver()
        work = TrayWork(
            line=line,
            station=CARRIER,
            begin=lambda offer: carrier.work_tray(here, offer, desk),
        )
        return await run_station(line, work, only=tray)
