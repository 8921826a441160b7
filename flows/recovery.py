"""Recovery: before anything is drawn, every job that was left open is settled against the machines' journals.

What no machine can answer is in doubt and waits for two people; on an emulated line emulated staff look into the
emulated bins and settle it at once.
"""

import structlog
from prefect import task
from prefect.cache_policies import NO_CACHE

from flows.line_state import Line

log = structlog.get_logger()

STATION = "personalization"


@task(retries=0, cache_policy=NO_CACHE, persist_result=False, name="machine", task_run_name="recover · {machine}")
async def recover(line: Line, machine: str) -> str | None:
    """Open, claim and reconcile one machine; why it is held, None where it may draw."""
