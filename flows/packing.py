"""Packing: document, order and envelope are scanned and must match; parcels by office, or one a document.

Each is weighed and its label printed where the line has the machines.
"""

import asyncio

from prefect import flow

from flows.composition import line_of
from flows.station_run import Served, run_station
from flows.work import TrayWork
from stations.packing import station

STATION = "packing"


@flow(name="packing", flow_run_name="packing · {shift}", retries=0, persist_result=False)
async def packing(folder: str, shift: str, tray: str | None = None) -> Served:
    """Serve the packing station of the line in `folder` until it is done; with `tray`, work that one tray."""
    async with line_of(folder, shift, STATION) as line:
        here, desk = line.workplace(STATION), line.parts.packer()
        machines = await line.blocking(line.parts.packing_machines)
        # A label printer takes seconds to open: until the first tray comes it has them.
        opening = asyncio.ensure_future(line.blocking(machines.open))
        work = TrayWork(
            line=line,
            station=STATION,
            begin=lambda offer: station.work_tray(here, offer, desk, nodes=line.nodes(), machines=machines),
            resume=lambda begun: station.resume_tray(here, begun, desk, nodes=line.nodes(), machines=machines),
        )
        try:
            return await run_station(line, work, only=tray)
        finally:
            await opening
