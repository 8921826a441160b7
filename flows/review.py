"""Review: every application is passed, returned for recapture or held, and passed ones go on to personalization."""

from prefect import flow

from flows.composition import line_of
from flows.station_run import Served, run_station
from flows.work import TrayWork
from stations.review import station

STATION = "review"


@flow(name="review", flow_run_name="review · {shift}", retries=0, persist_result=False)
async def review(folder: str, shift: str, tray: str | None = None) -> Served:
    """Serve the review station of the line in `folder` until it is done; with `tray`, work that one tray."""
    async with line_of(folder, shift, STATION) as line:
        here, desk = line.workplace(STATION), line.parts.reviewer()
        work = TrayWork(
            line=line,
            station=STATION,
            begin=lambda offer: station.work_tray(here, offer, desk, line.thresholds(), line.nodes()),
            resume=lambda begun: station.resume_tray(here, begun, desk, line.thresholds(), line.nodes()),
        )
        return await run_station(line, work, only=tray)
