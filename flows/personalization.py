"""Personalization: machines pull the accepted orders one by one; a tray goes on when all its orders have ended."""

from prefect import flow

from flows.composition import line_of
from flows.machine_threads import machine_threads
from flows.station_run import Served, run_station

STATION = "personalization"

LOOK_AGAIN_S = 0.1
"""How often a tray looks whether its orders have ended; machines ring nobody, they have enough to do."""


@flow(name="personalization", flow_run_name="personalization · {shift}", retries=0, persist_result=False)
async def personalization(folder: str, shift: str, tray: str | None = None) -> Served:
    """Serve personalization of the line in `folder` until it is done; with `tray`, work that one tray."""
    async with line_of(folder, shift, STATION) as line, machine_threads(line) as machines:
        return await run_station(line, _OrderTrays(line, machines), only=tray)
