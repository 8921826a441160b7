"""Review: every application is passed, returned for recapture or held, and passed ones go on to personalization."""

from prefect import flow

from flows.composition import line_of
from flows.desk_trays import TraysAtDesks
from flows.line_state import Line
from flows.settings import Desk
from flows.station_run import Served, run_station
from flows.work import StationWork, TrayWork
from stations.review import station

STATION = "review"


@flow(name="review", flow_run_name="review · {shift}", retries=0, persist_result=False)
async def review(folder: str, shift: str, tray: str | None = None) -> Served:
    """Serve the review station of the line in `folder` until it is done; with `tray`, work that one tray."""
    async with line_of(folder, shift, STATION) as line:
        at_desks = line.settings.desks.review is Desk.PEOPLE
        return await run_station(line, _at_desks(line) if at_desks else _emulated(line), only=tray)


def _at_desks(line: Line) -> StationWork:
    here = line.workplace(STATION)
    return TraysAtDesks(
        line=line,
        station=STATION,
        accept=lambda offer: station.accept_tray(here, offer),
        book=lambda tray: station.book_decided(here, tray, line.nodes()),
        # Orders are data: there is nothing to count.
        counted=False,
    )


def _emulated(line: Line) -> StationWork:
    here, desk = line.workplace(STATION), line.parts.reviewer()
    return TrayWork(
        line=line,
        station=STATION,
        begin=lambda offer: station.work_tray(here, offer, desk, line.thresholds(), line.nodes()),
        resume=lambda begun: station.resume_tray(here, begun, desk, line.thresholds(), line.nodes()),
    )
