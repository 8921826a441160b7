"""Watching the sealer: what is recorded must be sealed within seconds, and witnessed within a few heartbeats."""

import asyncio
import contextlib
from typing import Final

from prefect import flow

from flows.alarm_findings import silences
from flows.composition import line_of
from flows.line_state import Line
from flows.station_run import Served
from flows.work_record import report_log
from handoff_logs.sealed_state import sealed_state

NAME: Final = "sealing"
LOOK_EVERY_S: Final = 2.0


@flow(name=NAME, flow_run_name="sealing · {shift}", retries=0, persist_result=False)
async def sealing(folder: str, shift: str) -> Served:
    """Watch the seals of the line in `folder` while it runs in this process; otherwise look once.

    An alarm is an event that names how many records are not sealed and for how long, or since when no witness has
    spoken. A sealer that refused to go on stops the line: nothing is recorded that can't be sealed.
    """
    async with line_of(folder, shift, NAME) as line:
        while True:
            size = await line.blocking(lambda: _look(line))
            if line.ended is None or line.ended.is_set():
                return {"station": NAME, "units": size}
            if refusal := line.sealer_refusal():
                line.stop(f"the sealer stopped: {refusal}")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(line.ended.wait(), LOOK_EVERY_S)


def _look(line: Line) -> int:
    with line.database.read() as tx:
        state = sealed_state(tx)
    for silence in silences(state, line.settings.log):
        report_log(silence.reason, silence.count, silence.seconds, emulated=line.emulated)
    return state.size
