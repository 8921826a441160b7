"""EPCIS events as a document, written event by event."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from handoff_logs.epcis.mapping import EpcisEvent
from handoff_logs.epcis.rules import Finding, misshapen
from handoff_logs.epcis.vocabulary import CONTEXT, SCHEMA_VERSION
from handoff_logs.errors import HandoffLogError

QUERY_NAME = "SimpleEventQuery"
"""The standard's one predefined query on events."""


class Form(StrEnum):
    """An EPCISDocument is what one party sends another, an EPCISQueryDocument what a query is answered with."""

    DOCUMENT = "document"
    QUERY = "query"


class MisshapenEventError(HandoffLogError):
    """An event came out in a form that EPCIS does not know."""

    def __init__(self, event: str, rules: tuple[str, ...]) -> None:
        super().__init__(event, rules)
        self.event, self.rules = event, rules

    def __str__(self) -> str:
        return f"event {self.event} can't be told in EPCIS ({', '.join(self.rules)}); the document is not whole"


def document(form: Form, events: list[EpcisEvent], creation: datetime) -> dict[str, Any]:
    """Return a whole document; `creation` with its zone."""
    head: dict[str, Any] = {
        "@context": CONTEXT,
        "type": "EPCISDocument" if form is Form.DOCUMENT else "EPCISQueryDocument",
        "schemaVersion": SCHEMA_VERSION,
        "creationDate": creation.astimezone(UTC).isoformat(timespec="seconds"),
    }
    if form is Form.DOCUMENT:
        return head | {"epcisBody": {"eventList": events}}
    return head | {"epcisBody": {"queryResults": {"queryName": QUERY_NAME, "resultsBody": {"eventList": events}}}}


def written(form: Form, events: Iterable[EpcisEvent], creation: datetime) -> Iterator[str]:
    """Yield a document as JSON text, an event a line. Raises MisshapenEventError at an event that breaks the form."""
    frame = json.dumps(document(form, [], creation), ensure_ascii=False)
    head, _, tail = frame.partition('"eventList": []')
    yield f'{head}"eventList": [\n'
    separator = ""
    for event in events:
        _refuse(misshapen(event))
        yield separator + json.dumps(event, ensure_ascii=False, separators=(",", ":"))
        separator = ",\n"
    yield f"\n]{tail}\n"


def _refuse(found: list[Finding]) -> None:
    if found:
        raise MisshapenEventError(found[0].subject, tuple(finding.rule for finding in found))
