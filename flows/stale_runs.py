"""After a crash: Prefect still shows the dead line's runs as running, for good, until somebody says otherwise."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
    TaskRunFilter,
    TaskRunFilterState,
    TaskRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.states import Crashed

UNFINISHED: Final = [
    StateType.SCHEDULED,
    StateType.PENDING,
    StateType.RUNNING,
    StateType.PAUSED,
    StateType.CANCELLING,
]
PAGE: Final = 200
"""As many runs as the server lists at once."""
MESSAGE: Final = "the line's process ended without closing this run; a later run continued from the log"


@dataclass(frozen=True, slots=True)
class StaleRuns:
    """How many runs of dead lines were marked Crashed."""

    flow_runs: int
    task_runs: int


def crash_stale_runs(tags: Sequence[str]) -> StaleRuns:
    """Mark every unfinished flow and task run that carries all `tags` as Crashed.

    To be called under the line's own lock, before its first run starts: whatever bears its tags then belongs to a
    dead line. The states are forced, because no process is left that could agree.
    """
    with get_client(sync_client=True) as client:
        flow_runs = list(_unfinished_flow_runs(client, tags))
        task_runs = list(_unfinished_task_runs(client, tags))
        for task_run in task_runs:
            client.set_task_run_state(task_run, Crashed(message=MESSAGE), force=True)
        for flow_run in flow_runs:
            client.set_flow_run_state(flow_run, Crashed(message=MESSAGE), force=True)
    return StaleRuns(len(flow_runs), len(task_runs))


def _unfinished_flow_runs(client: SyncPrefectClient, tags: Sequence[str]) -> Iterator[UUID]:
    wanted = FlowRunFilter(
        tags=FlowRunFilterTags(all_=list(tags)),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=UNFINISHED)),
    )
    offset = 0
    while runs := client.read_flow_runs(flow_run_filter=wanted, limit=PAGE, offset=offset):
        yield from (run.id for run in runs)
        offset += len(runs)


def _unfinished_task_runs(client: SyncPrefectClient, tags: Sequence[str]) -> Iterator[UUID]:
    """Also those of flow runs that have ended: the server may not have heard how their last tasks did."""
    offset = 0
    while runs := client.read_task_runs(
        flow_run_filter=FlowRunFilter(tags=FlowRunFilterTags(all_=list(tags))),
        task_run_filter=TaskRunFilter(state=TaskRunFilterState(type=TaskRunFilterStateType(any_=UNFINISHED))),
        limit=PAGE,
        offset=offset,
    ):
        yield from (run.id for run in runs)
        offset += len(runs)
