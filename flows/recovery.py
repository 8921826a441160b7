"""Recovery: before anything is drawn, every job that was left open is settled against the machines' journals.

What no machine can answer is in doubt and waits for two people; on an emulated line emulated staff look into the
emulated bins and settle it at once.
"""

import asyncio
from typing import Final

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.composition import line_of
from flows.line_state import Line
from flows.machines import STATION
from flows.station_run import Served
from flows.supply import supply
from flows.work_record import report_hold
from stations.personalization.errors import ForeignBlankError
from stations.personalization.recovery import JOURNALS_UNREAD, UNKNOWN_JOBS

PUT_BACK: Final = frozenset({UNKNOWN_JOBS, JOURNALS_UNREAD, ForeignBlankError.__name__})
"""Why machines are held whose database was put back from an older copy."""


@task(retries=0, cache_policy=NO_CACHE, persist_result=False, name="machine", task_run_name="recover · {machine}")
async def recover(line: Line, machine: str) -> str | None:
    """Open, claim and reconcile one machine; why it is held, None where it may draw."""
    held = await line.blocking(lambda: line.machines.open(machine))
    if held is not None:
        report_hold(machine, held, emulated=line.emulated)
    return held


@flow(name="recovery", flow_run_name="recovery · {shift}", retries=0, persist_result=False)
async def recovery(folder: str, shift: str) -> Served:
    """Settle what an earlier run of the line in `folder` left open, then fetch the blanks that are needed.

    Returns the machines that are held, and why.
    """
    async with line_of(folder, shift, STATION) as line:
        machines = list(await line.blocking(lambda: line.machines.each))
        held = await asyncio.gather(*(recover(line, machine) for machine in machines))
        # A database that was put back knows too few of its blanks; while that holds, none are needed.
        if not PUT_BACK.intersection(held):
            await line.blocking(lambda: supply(line))
        return {"station": STATION, **{name: why for name, why in zip(machines, held, strict=True) if why}}
