"""Each rule is broken once, and found; what the standard's schema would refuse, our own rules refuse too."""

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from handoff_logs.epcis.documents import Form, MisshapenEventError, document, written
from handoff_logs.epcis.rules import findings, misshapen, misshapen_document
from handoff_logs.epcis.vocabulary import BIZ_STEPS, CONTEXT, DISPOSITIONS

Events = list[dict[str, Any]]
EVENT: dict[str, Any] = {
    "type": "ObjectEvent",
    "action": "OBSERVE",
    "eventID": "urn:uuid:01a2144a-ae2e-72e4-a9fe-6a33bdf04c32",
    "eventTime": "2026-11-25T20:00:00.000000+08:00",
    "recordTime": "2026-11-25T20:00:00.000001+08:00",
    "eventTimeZoneOffset": "+08:00",
    "epcList": ["urn:passline:demo:document:01a2144-82244cd3cddf39ca51b9e0c1878db648"],
    "bizStep": "accepting",
    "disposition": "in_progress",
    "readPoint": {"id": "urn:passline:demo:place:qc:input"},
    "sourceList": [{"type": "possessing_party", "source": "urn:passline:demo:party:vault"}],
    "passline:act": "accept",
}
LACKING = {"eventTime", "eventTimeZoneOffset", "action", "epcList"}
"""What the standard requires of it; the rest is our own demand."""

BROKEN: list[dict[str, Any]] = [
    {"type": "ObjectEvnt"},
    {"type": "QuantityEvent"},
    {"action": "OBSERVED"},
    {"bizStep": "acceptin"},
    {"bizStep": "urn:epcglobal:cbv:bizstep:accepting"},
    {"disposition": "in-progress"},
    {"eventTime": "2026-11-25 20:00"},
    {"eventTime": "2026-13-25T20:00:00+08:00"},
    {"eventTimeZoneOffset": "+8"},
    {"eventTimeZoneOffset": "+14:30"},
    {"eventID": "01a2144a"},
    {"epcList": ["no uri"]},
    {"epcList": ["urn:a:b", "urn:a:b"]},
    {"epcList": ["urn:passline:晓"]},
    {"epcList": "urn:a:b"},
    {"readPoint": "urn:passline:demo:place:qc"},
    {"readPoint": {}},
    {"bizLocation": {"id": "in a drawer"}},
    {"sourceList": [{"type": "possessing_part", "source": "urn:a:b"}]},
    {"sourceList": [{"type": "possessing_party"}]},
    {"sourceList": [{"type": "possessing_party", "source": "urn:a:b", "person": "x"}]},
    {"destinationList": [{"type": "possessing_party", "source": "urn:a:b"}]},
    {"errorDeclaration": {"reason": "incorrect_data"}},
    {"errorDeclaration": {"declarationTime": "2026-11-25T20:00:00Z", "reason": "oops"}},
    {"errorDeclaration": {"declarationTime": "2026-11-25T20:00:00Z", "by": "me"}},
    {"tray": "T1"},
    {"parentID": "urn:a:b"},
]


def test_a_sound_event_breaks_nothing() -> None:
    assert misshapen(EVENT) == []


@pytest.mark.parametrize("broken", BROKEN, ids=str)
def test_an_event_out_of_form_is_found(broken: dict[str, Any]) -> None:
    assert misshapen(EVENT | broken) != []


@pytest.mark.parametrize("name", sorted(set(EVENT) - {"sourceList", "passline:act"}))
def test_an_event_without_a_required_field_is_found(name: str) -> None:
    assert misshapen({key: value for key, value in EVENT.items() if key != name}) != []


@pytest.mark.parametrize("broken", BROKEN, ids=str)
def test_the_standards_own_schema_refuses_the_same(broken: dict[str, Any], standard: Any) -> None:
    assert standard({"@context": CONTEXT, **EVENT}) == []
    assert standard({"@context": CONTEXT, **EVENT, **broken}) != []


@pytest.mark.parametrize("name", sorted(LACKING))
def test_the_standards_own_schema_requires_the_same(name: str, standard: Any) -> None:
    assert standard({"@context": CONTEXT, **{key: value for key, value in EVENT.items() if key != name}}) != []


def test_our_words_are_the_standards_words(standard: Any) -> None:
    for word in BIZ_STEPS:
        assert standard({"@context": CONTEXT, **EVENT, "bizStep": word}) == [], word
    for word in DISPOSITIONS:
        assert standard({"@context": CONTEXT, **EVENT, "disposition": word}) == [], word


def test_a_misspelt_step_passes_a_schema_whose_formats_are_not_checked(
    standard: Any, standard_without_formats: Any
) -> None:
    misspelt = {"@context": CONTEXT, **EVENT, "bizStep": "acceptin"}
    assert standard(misspelt) != []
    assert standard_without_formats(misspelt) == []


def find(events: Events, **facts: Any) -> int:
    """The first event with these facts, and no correction."""
    return next(
        index
        for index, event in enumerate(events)
        if "passline:corrects" not in event
        and all(event.get(name.replace("__", ":")) == value for name, value in facts.items())
    )


def answer_first(events: Events) -> None:
    at = find(events, passline__act="accept", bizStep="accepting")
    events.insert(0, events.pop(at))


def answer_recorded_first(events: Events) -> None:
    events[find(events, passline__act="accept")]["recordTime"] = "2020-01-01T00:00:00.000000+08:00"


def answer_of_another(events: Events) -> None:
    events[find(events, passline__act="accept")]["destinationList"][0]["destination"] = "urn:passline:demo:party:pocket"


def answer_about_more(events: Events) -> None:
    at = find(events, passline__act="accept", passline__caseKind=None)
    events[at]["epcList"].append("urn:passline:demo:blank:01a2144-82244cd3cddf39ca51b9e0c1878db648")


def moved_before_birth(events: Events) -> None:
    events.insert(0, copy.deepcopy(events[find(events, passline__act="move")]))


def moved_after_end(events: Events) -> None:
    event = copy.deepcopy(events[find(events, passline__act="move")])
    event["epcList"] = events[find(events, passline__act="destroy")]["epcList"]
    events.append(event)


def born_twice(events: Events) -> None:
    events.append(copy.deepcopy(events[find(events, type="TransformationEvent")]))


def opened_before_packed(events: Events) -> None:
    del events[find(events, action="ADD", passline__act="split")]


def packed_twice(events: Events) -> None:
    event = copy.deepcopy(events[find(events, action="ADD", passline__act="merge")])
    event["parentID"] = "urn:passline:demo:tray:T9"
    events.insert(find(events, action="ADD", passline__act="merge") + 1, event)


def made_of_two_blanks(events: Events) -> None:
    event = events[find(events, type="TransformationEvent")]
    event["inputEPCList"] = [epc.replace(":order:", ":blank:") for epc in event["inputEPCList"]]


def time_of_elsewhere(events: Events) -> None:
    events[0]["eventTimeZoneOffset"] = "+09:00"


RULES: dict[str, list[Callable[[Events], None]]] = {
    "an answer comes after its offer": [answer_first, answer_recorded_first],
    "an answer's parties are its offer's": [answer_of_another],
    "an answer is about what was offered": [answer_about_more],
    "no event of a unit before its birth": [moved_before_birth],
    "no event of a unit after its end": [moved_after_end],
    "a unit is born once": [born_twice],
    "ADD comes before DELETE": [opened_before_packed],
    "what is in one container is not put into another": [packed_twice],
    "one order and one blank become one document": [made_of_two_blanks],
    "times carry the event's own offset": [time_of_elsewhere],
}


def test_each_rule_between_events_is_found_broken(told: Events) -> None:
    for rule, breakers in RULES.items():
        for breaks in breakers:
            events = copy.deepcopy(told)
            breaks(events)
            assert rule in {finding.rule for finding in findings(events)}, breaks.__name__


@pytest.mark.parametrize("form", list(Form))
def test_a_document_is_written_as_it_is_built(form: Form) -> None:
    creation = datetime(2026, 11, 25, 12, tzinfo=UTC)
    for count in (0, 1, 2):
        events = [EVENT] * count
        whole = json.loads("".join(written(form, events, creation)))
        assert whole == document(form, events, creation)
        assert misshapen_document(whole) == []
    assert {finding.rule for finding in misshapen_document({"type": "EPCISDocument"})} == {
        "a document has its version and date",
        "a document declares our namespace",
        "a document has a list of events",
    }


@pytest.mark.parametrize("form", list(Form))
def test_the_standards_own_schema_takes_a_whole_document(form: Form, told: Events, standard: Any) -> None:
    assert standard(document(form, told, datetime.now(UTC))) == []
    spoilt = [*told, {**told[-1], "bizStep": "acceptin"}]
    assert standard(document(form, spoilt, datetime.now(UTC))) != []


def test_an_event_out_of_form_is_never_written() -> None:
    with pytest.raises(MisshapenEventError, match="well formed: bizStep"):
        "".join(written(Form.DOCUMENT, [EVENT, EVENT | {"bizStep": "acceptin"}], datetime.now(UTC)))
