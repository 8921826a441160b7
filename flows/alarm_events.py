"""The steps of alarms as Prefect events, for the log of what ran and for automations: one more target of notices.

Sent and answered for, unlike `emit_event`, which only queues: so what Prefect did not take is told again. The notice's
id is the event's, and Prefect keeps an id once.
"""

from datetime import UTC, datetime
from typing import Final

import httpx
from prefect.client.orchestration import get_client
from prefect.events import Event
from prefect.events.schemas.events import RelatedResource, Resource
from prefect.exceptions import PrefectException

from flows import alarm_text
from flows.alarm_targets import NotToldError
from stations.alarms.outbox import Notice

RESOURCE: Final = "passline.alarm"


def event_of(centre: str, notice: Notice) -> Event:
    """The event that a notice is to Prefect: `passline.alarm.raised` and so on, about `passline.alarm.NUMBER`."""
    machine = {"prefect.resource.id": f"passline.subject.{notice.subject}", "prefect.resource.role": "subject"}
    return Event(
        id=alarm_text.notice_id(centre, notice),
        occurred=datetime.fromtimestamp(notice.at_us / 1e6, UTC),
        event=f"{RESOURCE}.{notice.step}",
        resource=Resource(
            {
                "prefect.resource.id": f"{RESOURCE}.{notice.alarm_id}",
                "prefect.resource.name": f"{notice.kind}: {notice.subject}",
                "passline.centre": centre,
                "passline.kind": notice.kind,
                "passline.severity": alarm_text.severity(notice).value,
            }
        ),
        related=[RelatedResource(machine)],
        payload={
            "title": alarm_text.title(centre, notice),
            "body": alarm_text.body(centre, notice),
            "amount": notice.amount,
            "emulated": notice.emulated,
        },
    )


def tell_prefect(centre: str, notice: Notice) -> None:
    """Have Prefect's server keep the event of a notice. Raises NotToldError."""
    event = event_of(centre, notice)
    try:
        with get_client(sync_client=True) as client:
            client.request("POST", "/events", json=[event.model_dump(mode="json")]).raise_for_status()
    except (httpx.HTTPError, PrefectException, RuntimeError) as error:
        raise NotToldError(f"prefect_{type(error).__name__}") from None
