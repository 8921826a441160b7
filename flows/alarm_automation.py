"""The automation by which Prefect itself sends alarms on, through a notification block that is kept there.

A second way beside the line's own targets, for a centre that already keeps its channels in Prefect; only where
line.toml names the block. One automation a centre, made or changed at the line's start, and removed when no block is
named any more.
"""

from typing import Final

from prefect.automations import AutomationCore, EventTrigger, Posture, SendNotification
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.exceptions import ObjectNotFound

from flows.alarm_events import RESOURCE
from flows.errors import FlowError
from stations.alarms.rules import TOLD

BODY: Final = "{{ event.payload.body }}"
SUBJECT: Final = "{{ event.payload.title }}"


class BlockMissingError(FlowError):
    """Prefect has no notification block of the name in line.toml."""

    next_step = "Make it on Prefect's pages (Blocks), name another, or leave alarms.prefect_block out."

    def __init__(self, block: str) -> None:
        super().__init__(block)
        self.block = block

    def __str__(self) -> str:
        return f"Prefect has no block {self.block} to send alarms through; nothing was started."


def follow_automation(centre: str, block: str | None) -> None:
    """Make Prefect send the alarms of `centre` through `block` (`TYPE/NAME`), or not at all. Raises BlockMissingError.

    Repeating it changes nothing.
    """
    name = f"passline alarms · {centre}"
    with get_client(sync_client=True) as client:
        there = client.read_automations_by_name(name)
        wanted = None if block is None else _automation(client, name, centre, block)
        if wanted is not None and there:
            client.update_automation(there[0].id, wanted)
        elif wanted is not None:
            client.create_automation(wanted)
        for left in there[1:] if wanted is not None else there:
            client.delete_automation(left.id)


def _automation(client: SyncPrefectClient, name: str, centre: str, block: str) -> AutomationCore:
    kind, _, of_name = block.partition("/")
    try:
        document = client.read_block_document_by_name(of_name, kind, include_secrets=False)
    except ObjectNotFound as error:
        raise BlockMissingError(block) from error
    assert document.id is not None  # noqa: S101 Prefect gave it one when it was saved
    return AutomationCore(
        name=name,
        description="Sends each step of an alarm on. passline writes this anew at every start; change line.toml.",
        trigger=EventTrigger(
            expect={f"{RESOURCE}.{step}" for step in TOLD},
            match={"prefect.resource.id": f"{RESOURCE}.*", "passline.centre": centre},
            for_each={"prefect.resource.id"},
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[SendNotification(block_document_id=document.id, subject=SUBJECT, body=BODY)],
    )
