"""Deployments: the same flows as workers of their own, a process or a computer a station.

`passline serve` keeps one process that runs them when Prefect says so. `passline deploy` registers them with a work
pool, each under the queue of its station, for workers started on the stations' computers.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from flows.configuration import read_settings
from flows.line_run import prefect_ready
from flows.run_folder import RunFolder

if TYPE_CHECKING:
    from prefect.deployments.runner import RunnerDeployment

POOL = "passline"

Folder = Annotated[Path, Parameter("--dir", help="The run's folder.")]


def serve_command(*, directory: Folder = Path(".passline")) -> None:
    """Serve every flow of the line from this process until Ctrl-C; start them from Prefect's pages."""
    folder = RunFolder(directory)
    settings = read_settings(folder)
    with prefect_ready(folder, settings) as ready:
        from prefect import serve

        made = deployments(folder, settings.staff.shift)
        ready()
        serve(*made)


def deploy_command(
    *,
    directory: Folder = Path(".passline"),
    pool: Annotated[str, Parameter(help="The work pool; made if there is none of that name.")] = POOL,
) -> None:
    """Register every flow of the line with a work pool of Prefect, one queue a station.

    Then start `prefect worker start --pool passline --work-queue review` on the review station's computer, and so on.
    """
    from rich.console import Console

    folder = RunFolder(directory)
    settings = read_settings(folder)
    with prefect_ready(folder, settings) as ready:
        from flows.work_pool import ensure_pool

        made = deployments(folder, settings.staff.shift)
        ready()
        ensure_pool(pool)
        for deployment in made:
            deployment.work_pool_name = pool
            deployment.work_queue_name = deployment.name
            deployment.apply()
            Console().print(
                f"{deployment.flow_name}/{deployment.name}  pool {pool}, queue {deployment.work_queue_name}"
            )


def deployments(folder: RunFolder, shift: str) -> "list[RunnerDeployment]":
    """A deployment of every flow, named after its station, for the line in `folder`. Imports Prefect."""
    from prefect.deployments.runner import EntrypointType  # type: ignore[attr-defined]

    from flows.alarms import alarms
    from flows.line import STATION_FLOWS, line
    from flows.prefect_names import line_tags
    from flows.recovery import recovery
    from flows.sealing import sealing

    settings = read_settings(folder)
    parameters = {"folder": str(folder.path), "shift": shift}
    flows: dict[str, Any] = {"line": line, "recovery": recovery, "sealing": sealing, "alarms": alarms, **STATION_FLOWS}
    return [
        flow.to_deployment(
            name=station,
            parameters=parameters,
            tags=line_tags(settings.centre, emulated=settings.emulated),
            entrypoint_type=EntrypointType.MODULE_PATH,
        )
        for station, flow in flows.items()
    ]
