"""The work pool in which the stations' computers find their runs."""

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists

PROCESS = "process"


def ensure_pool(name: str) -> None:
    """Make a work pool of plain processes unless there is one of that name; its settings stay as they are."""
    with get_client(sync_client=True) as client:
        try:
            client.create_work_pool(WorkPoolCreate(name=name, type=PROCESS))
        except ObjectAlreadyExists:
            return
