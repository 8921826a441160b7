"""What Prefect's own pages show of the line: events for handoffs and machine holds, progress and table artifacts.

Only tray ids, station names and counts go there; Prefect has no users or roles. Prefect being away, or slow, must not
stop a tray: no tray waits for any of this, and what Prefect refuses is noted in the program log and forgotten.
"""

import asyncio
import time
from contextvars import Context
from typing import Any

import httpx
import structlog
from prefect.artifacts import acreate_progress_artifact, acreate_table_artifact, aupdate_progress_artifact
from prefect.events import emit_event
from prefect.exceptions import PrefectException
from prefect.runtime import flow_run

log = structlog.get_logger()

ARTIFACT_EVERY_S = 5.0
"""An artifact is an API call of some ten milliseconds; trays may come faster than that."""
LAST_WORD_S = 5.0
"""How long the end of a run waits for what is still to be shown; Prefect's client alone would try for minutes."""


def report_tray(station: str, tray: str, outcomes: dict[str, int], *, emulated: bool) -> None:
    """Tell Prefect that a tray left the station (or stays, where `left` counts units)."""
    log.info("tray_worked", station=station, tray=tray, **outcomes)
    _emit(
        event="passline.tray.worked",
        resource={"prefect.resource.id": f"passline.tray.{tray}", "passline.station": station},
        payload={"units": outcomes, "emulated": emulated},
    )


def report_hold(machine: str, reason: str, *, emulated: bool) -> None:
    """Tell Prefect that a machine is held; an automation can turn this into an alarm."""
    log.warning("machine_held", machine=machine, reason=reason)
    _emit(
        event="passline.machine.held",
        resource={"prefect.resource.id": f"passline.machine.{machine}"},
        payload={"reason": reason, "emulated": emulated},
    )


def report_log(reason: str, count: int, seconds: float, *, emulated: bool) -> None:
    """Tell Prefect that records wait for their seal (`unsealed`) or seals for a witness (`unwitnessed`) too long."""
    log.warning("log_not_sealed", reason=reason, count=count, seconds=round(seconds))
    _emit(
        event=f"passline.log.{reason}",
        resource={"prefect.resource.id": "passline.log"},
        payload={"count": count, "seconds": round(seconds), "emulated": emulated},
    )


def _emit(event: str, resource: dict[str, str], payload: dict[str, Any]) -> None:
    """Emit an event that names its flow run.

    In a context of its own: from a run's Prefect would look up flow, deployment and queue again and again.
    """
    run = flow_run.id
    related = [{"prefect.resource.id": f"prefect.flow-run.{run}", "prefect.resource.role": "flow-run"}] if run else []
    Context().run(emit_event, event=event, resource=resource, related=related, payload=payload)


class Progress:
    """The progress artifact of one station run, written at most every `ARTIFACT_EVERY_S` seconds."""

    def __init__(self, station: str) -> None:
        self._station = station
        self._artifact: Any = None
        self._next_s = 0.0
        self._writing: asyncio.Task[None] | None = None

    def show(self, worked: int, waiting: int) -> None:
        """Have `worked` units of `worked + waiting` shown as done, without waiting; what comes too fast is left out."""
        if time.monotonic() < self._next_s or (self._writing is not None and not self._writing.done()):
            return
        self._next_s = time.monotonic() + ARTIFACT_EVERY_S
        self._writing = asyncio.ensure_future(self._write(100.0 * worked / max(1, worked + waiting)))

    async def end(self) -> None:
        """Wait a moment for what is being shown, then give it up."""
        if self._writing is not None:
            await asyncio.wait({self._writing}, timeout=LAST_WORD_S)
            self._writing.cancel()

    async def _write(self, percent: float) -> None:
        try:
            if self._artifact is None:
                self._artifact = await acreate_progress_artifact(
                    progress=percent, key=f"progress-{self._station}", description=f"{self._station}: units worked"
                )
            else:
                await aupdate_progress_artifact(self._artifact, progress=percent)
        except (httpx.HTTPError, PrefectException) as error:
            log.warning("artifact_refused", station=self._station, error=type(error).__name__)


async def show_table(key: str, rows: list[dict[str, Any]], description: str) -> None:
    """Keep a table artifact, such as the totals of a run."""
    try:
        async with asyncio.timeout(LAST_WORD_S):
            await acreate_table_artifact(table=rows, key=key, description=description)
    except (httpx.HTTPError, PrefectException, TimeoutError) as error:
        log.warning("artifact_refused", artifact=key, error=type(error).__name__)
