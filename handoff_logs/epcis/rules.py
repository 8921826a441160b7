"""What an EPCIS document must keep: the standard's form, event by event, and the rules between events, which no schema
can express."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from handoff_logs.epcis.vocabulary import (
    ACTIONS,
    AGGREGATION,
    BIZ_STEPS,
    DISPOSITIONS,
    ERROR_REASONS,
    OBJECT,
    PARTY_TYPES,
    SCHEMA_VERSION,
    TRANSFORMATION,
)

Event = Mapping[str, Any]

_OFFSET = re.compile(r"[+-]((0[0-9]|1[0-3]):[0-5][0-9]|14:00)")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~!$&'()*+,;=:@/?#-]|%[0-9A-Fa-f]{2})+")
_GS1 = re.compile(r"urn:epcglobal:cbv|https?://ns\.gs1\.org/cbv/")
_UNIT = re.compile(r":[0-9a-f]{7}-[0-9a-f]{32}$")
_OWN_FACT = re.compile(r"passline:[a-z][A-Za-z]*")


class Finding(NamedTuple):
    """A rule that is broken, and the event's id or the unit's EPC that breaks it."""

    rule: str
    subject: str


def is_uri(value: object) -> bool:
    """Say whether a value is an absolute URI (RFC 3986, ASCII)."""
    return isinstance(value, str) and _URI.fullmatch(value) is not None and value.count("#") <= 1


def _is_time(value: object) -> bool:
    if not isinstance(value, str) or _TIME.fullmatch(value) is None:
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _is_offset(value: object) -> bool:
    return isinstance(value, str) and _OFFSET.fullmatch(value) is not None


def _among(words: frozenset[str]) -> Callable[[object], bool]:
    def fits(value: object) -> bool:
        # A word of one's own must be a URI, and none in GS1's name.
        return isinstance(value, str) and (value in words or (is_uri(value) and not _GS1.match(value)))

    return fits


def _are_uris(value: object) -> bool:
    return isinstance(value, list) and all(map(is_uri, value)) and len(set(value)) == len(value)


def _is_place(value: object) -> bool:
    return isinstance(value, Mapping) and is_uri(value.get("id"))


def _are_parties(side: str) -> Callable[[object], bool]:
    fits = _among(PARTY_TYPES)
    return lambda value: (
        isinstance(value, list)
        and all(
            isinstance(party, Mapping) and set(party) == {"type", side} and fits(party["type"]) and is_uri(party[side])
            for party in value
        )
    )


def _is_declaration(value: object) -> bool:
    return (
        isinstance(value, Mapping)
        and set(value) <= {"declarationTime", "reason", "correctiveEventIDs"}
        and _is_time(value.get("declarationTime"))
        and ("reason" not in value or _among(ERROR_REASONS)(value["reason"]))
        and _are_uris(value.get("correctiveEventIDs", []))
    )


_EVERY: dict[str, Callable[[object], bool]] = {
    "eventTime": _is_time,
    "recordTime": _is_time,
    "eventTimeZoneOffset": _is_offset,
    "eventID": is_uri,
    "errorDeclaration": _is_declaration,
    "bizStep": _among(BIZ_STEPS),
    "disposition": _among(DISPOSITIONS),
    "readPoint": _is_place,
    "bizLocation": _is_place,
    "sourceList": _are_parties("source"),
    "destinationList": _are_parties("destination"),
}
_ACTION: dict[str, Callable[[object], bool]] = {"action": lambda value: value in ACTIONS}
FIELDS: dict[str, dict[str, Callable[[object], bool]]] = {
    OBJECT: _EVERY | _ACTION | {"epcList": _are_uris},
    AGGREGATION: _EVERY | _ACTION | {"parentID": is_uri, "childEPCs": _are_uris},
    TRANSFORMATION: _EVERY | {"inputEPCList": _are_uris, "outputEPCList": _are_uris},
}
"""Every field that we write, by type of event, with what it may hold."""

_ALWAYS = frozenset(
    {"eventTime", "recordTime", "eventTimeZoneOffset", "eventID", "bizStep", "disposition", "readPoint"}
)
REQUIRED: dict[str, frozenset[str]] = {
    OBJECT: _ALWAYS | {"action", "epcList"},
    AGGREGATION: _ALWAYS | {"action", "parentID", "childEPCs"},
    TRANSFORMATION: _ALWAYS | {"inputEPCList", "outputEPCList"},
}
_FILLED = ("epcList", "childEPCs", "inputEPCList", "outputEPCList")


def misshapen(event: Event) -> list[Finding]:
    """Return what is wrong with one event's form: a type, field, word, time or URI that the standard does not know.

    Stricter than the standard where we are: we always write an id, a step, a disposition and a read point.
    """
    subject = str(event.get("eventID"))
    fields = FIELDS.get(str(event.get("type")))
    if fields is None:
        return [Finding("an event has one of our types", subject)]
    found = [Finding(f"required: {name}", subject) for name in sorted(REQUIRED[event["type"]] - set(event))]
    for name, value in event.items():
        if name in fields:
            if not fields[name](value):
                found.append(Finding(f"well formed: {name}", subject))
            if name in _FILLED and not value:
                found.append(Finding(f"not empty: {name}", subject))
        elif name != "type" and not _OWN_FACT.fullmatch(name):
            found.append(Finding(f"known: {name}", subject))
    return found


def misshapen_document(document: Mapping[str, Any]) -> list[Finding]:
    """Return what is wrong with a document around its events."""
    wrong = []
    if document.get("schemaVersion") != SCHEMA_VERSION or not _is_time(document.get("creationDate")):
        wrong.append("a document has its version and date")
    context = document.get("@context")
    if not isinstance(context, list) or not any(isinstance(each, dict) and "passline" in each for each in context):
        wrong.append("a document declares our namespace")
    if not isinstance(events_of(document), list):
        wrong.append("a document has a list of events")
    return [Finding(rule, str(document.get("type"))) for rule in wrong]


def events_of(document: Mapping[str, Any]) -> Any:
    """Return the events of an EPCISDocument or EPCISQueryDocument, or None where there are none."""
    body = document.get("epcisBody", {})
    if document.get("type") == "EPCISQueryDocument":
        body = body.get("queryResults", {}).get("resultsBody", {})
    return body.get("eventList")


class Ledger:
    """Reads the events of a whole log in order and says which break a rule between events.

    Remembers every unit and every open offer: for checks, not for the export itself.
    """

    def __init__(self) -> None:
        self._born: set[str] = set()
        self._ended: set[str] = set()
        self._inside: dict[str, str] = {}
        self._parcelled: dict[str, str] = {}
        self._offers: dict[str, Event] = {}

    def read(self, event: Event) -> list[Finding]:
        """Take the next event and return what it breaks."""
        subject = event["eventID"]
        broken = [*self._times(event), *self._lives(event), *self._handoff(event)]
        if event["type"] == AGGREGATION:
            broken += self._containers(event)
        if event["type"] == TRANSFORMATION:
            broken += self._conserved(event)
        return [Finding(rule, subject) for rule in dict.fromkeys(broken)]

    def _times(self, event: Event) -> Iterable[str]:
        for name in ("eventTime", "recordTime"):
            if not _is_time(event[name]) or not event[name].endswith(event["eventTimeZoneOffset"]):
                yield "times carry the event's own offset"

    def _lives(self, event: Event) -> Iterable[str]:
        if "passline:corrects" in event or _is_surplus(event):
            return
        act = event["passline:act"]
        newborn = self._newborn(event)
        units = [epc for name in (*_FILLED, "parentID") for epc in _listed(event.get(name)) if not _is_tray(epc)]
        for epc in units:
            if epc in self._ended:
                yield "no event of a unit after its end"
            elif epc not in self._born and epc not in newborn:
                yield "no event of a unit before its birth"
        if newborn & self._born and act != "receive":
            yield "a unit is born once"
        self._born |= newborn
        self._ended.update(epc for epc in units if epc in _ending(event))

    def _newborn(self, event: Event) -> set[str]:
        if event["type"] == TRANSFORMATION:
            return set(event["outputEPCList"])
        if event["passline:act"] == "pack" and event["type"] == AGGREGATION and not _is_tray(event["parentID"]):
            return {event["parentID"]} if event["action"] == "ADD" else set()
        if event["passline:act"] == "receive" or (event.get("action") == "ADD" and event["type"] == OBJECT):
            return set(event.get("epcList", ()))
        return set()

    def _containers(self, event: Event) -> Iterable[str]:
        if "passline:corrects" in event:
            return
        inside = self._inside if _is_tray(event["parentID"]) else self._parcelled
        for epc in event["childEPCs"]:
            if event["action"] == "ADD":
                if inside.get(epc, event["parentID"]) != event["parentID"]:
                    yield "what is in one container is not put into another"
                inside[epc] = event["parentID"]
            elif inside.pop(epc, None) != event["parentID"]:
                yield "ADD comes before DELETE"

    def _conserved(self, event: Event) -> Iterable[str]:
        kinds = sorted(map(_kind, event["inputEPCList"]))
        made = list(map(_kind, event["outputEPCList"]))
        if kinds != ["blank", "order"] or made != ["document"]:
            yield "one order and one blank become one document"

    def _handoff(self, event: Event) -> Iterable[str]:
        act, handoff = event["passline:act"], event.get("passline:handoff")
        if handoff is None or "passline:corrects" in event or "destinationList" not in event:
            return
        if act == "offer":
            known = self._offers.setdefault(handoff, event)
            if known is not event:
                self._offers[handoff] = {**known, "epcList": [*known["epcList"], *event["epcList"]]}
            return
        offer = self._offers.get(handoff)
        if offer is None:
            yield "an answer comes after its offer"
            return
        if datetime.fromisoformat(event["recordTime"]) < datetime.fromisoformat(offer["recordTime"]):
            yield "an answer comes after its offer"
        if any(event.get(side) != offer.get(side) for side in ("sourceList", "destinationList")):
            yield "an answer's parties are its offer's"
        if not _is_surplus(event) and not set(event["epcList"]) <= set(offer["epcList"]):
            yield "an answer is about what was offered"


def findings(events: Iterable[Event]) -> list[Finding]:
    """Return everything that the events of a whole log, in its order, break: their form and the rules between them."""
    ledger, found = Ledger(), []
    for event in events:
        wrong = misshapen(event)
        found += wrong or ledger.read(event)
    return found


def _is_surplus(event: Event) -> bool:
    return event.get("passline:caseKind") in ("surplus", "swapped")


def _is_tray(epc: str) -> bool:
    return _kind(epc) == "tray" and not _UNIT.search(epc)


def _kind(epc: str) -> str:
    return epc.split(":")[3]


def _ending(event: Event) -> set[str]:
    if event["type"] == TRANSFORMATION:
        return set(event["inputEPCList"])
    if event["type"] == AGGREGATION and event["passline:act"] == "unpack" and event["action"] == "DELETE":
        return {event["parentID"]}
    return set(event["epcList"]) if event["type"] == OBJECT and event["action"] == "DELETE" else set()


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [] if value is None else [value]
