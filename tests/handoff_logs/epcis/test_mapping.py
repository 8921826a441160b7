"""Every act of custody has one meaning in EPCIS, and comes out in the standard's form."""

import hmac
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff_logs.epcis.identifiers import Identifiers, event_uri, named_event
from handoff_logs.epcis.mapping import CustodyRecord, Mapping, corrected_time
from handoff_logs.epcis.meanings import MEANINGS, meaning_of
from handoff_logs.epcis.query import Answers
from handoff_logs.epcis.rules import findings, misshapen
from handoff_logs.epcis.search import Question
from handoff_logs.epcis.vocabulary import ACTIONS, BIZ_STEPS, DISPOSITIONS, EVENT_TYPES
from handoff_logs.moves import LEGAL_MOVES
from handoff_logs.reading import open_reading
from handoff_logs.records import Act, Kind, State

IDENTIFIERS = Identifiers("demo", bytes(range(32)))
MAPPING = Mapping(IDENTIFIERS)

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), min_size=1, max_size=12)
IDS = st.text("0123456789abcdef", min_size=32, max_size=32)
TIMES = st.integers(0, 4_102_444_800_000_000)


UNITS = st.fixed_dictionaries(
    {
        "unit_id": IDS,
        "kind": st.sampled_from(list(Kind)).map(str),
        "state_before": st.sampled_from(["none", *map(str, State)]),
        "state": st.sampled_from(list(State)).map(str),
        "station": WORDS,
        "station_before": st.none() | WORDS,
        "place": WORDS,
        "tray_before": st.none() | WORDS,
        "container": st.none(),
        "condition": st.none() | WORDS,
        "outcome": st.none() | WORDS,
        "number": st.none() | WORDS,
    }
)
ONE_SHAPED = sorted(set(Act) - {Act.TRANSFORM, Act.PACK, Act.UNPACK, Act.CORRECT, Act.REGISTER, Act.SPLIT, Act.MERGE})
EVENTS = st.fixed_dictionaries(
    {
        "event_id": IDS,
        "handoff_id": IDS,
        "act": st.sampled_from(ONE_SHAPED).map(str),
        "from_station": WORDS | st.just("qc") | st.just("vault"),
        "from_place": st.none() | WORDS,
        "to_station": WORDS,
        "to_place": st.none() | WORDS,
        "person": WORDS,
        "second_person": st.none() | WORDS,
        "machine": st.none() | WORDS,
        "shift": WORDS,
        "tray": st.none() | WORDS,
        "priority": st.none() | st.integers(0, 2),
        "count_expected": st.integers(0, 9),
        "count_counted": st.integers(0, 9),
        "happened_us": TIMES,
        "due_us": st.none() | TIMES,
        "written_us": TIMES,
        "reason": st.none() | WORDS,
        "emulated": st.booleans(),
    }
)
CORRECTIONS = st.fixed_dictionaries({"event_id": IDS, "written_us": TIMES})


@st.composite
def records(draw: st.DrawFn) -> CustodyRecord:
    """Any custody record, legal or not, and now and then a correction of one."""
    units = draw(st.lists(UNITS, min_size=1, max_size=4, unique_by=lambda unit: unit["unit_id"]))
    corrections = tuple(draw(st.lists(CORRECTIONS, max_size=2, unique_by=lambda row: row["event_id"])))
    record = CustodyRecord(draw(EVENTS), tuple(units), corrections=corrections)
    if not draw(st.booleans()):
        return record
    field = draw(st.sampled_from(["reason", "condition", "happened_us"]))
    value = str(draw(TIMES)) if field == "happened_us" and draw(st.booleans()) else draw(WORDS)
    facts = {"act": "correct", "corrects": record.event["event_id"], "corrects_field": field, "corrects_value": value}
    return CustodyRecord(draw(EVENTS) | facts, (), corrected=record)


def test_every_legal_move_of_every_kind_has_a_meaning() -> None:
    for act, before, after in LEGAL_MOVES:
        for kind in Kind:
            assert meaning_of(act, "packing", kind, before, after), (act, before, after)
    assert {meaning.act for meaning in MEANINGS} >= set(Act) - {Act.CORRECT, Act.REGISTER}


def test_every_meaning_is_in_the_standards_words() -> None:
    for meaning in MEANINGS:
        assert meaning.type in EVENT_TYPES
        assert meaning.action in ACTIONS or meaning.type == "TransformationEvent"
        assert meaning.biz_step in BIZ_STEPS
        assert meaning.disposition in DISPOSITIONS


def test_the_whole_story_is_in_form_and_keeps_the_rules_between_events(told: list[dict[str, Any]]) -> None:
    assert findings(told) == []
    acts = {event["passline:act"] for event in told}
    assert acts == set(Act) - {Act.CORRECT, Act.REGISTER}
    ids = [event["eventID"] for event in told]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        ("offer", "ObjectEvent OBSERVE inspecting conformant, ObjectEvent OBSERVE departing in_progress"),
        (
            "void",
            "ObjectEvent OBSERVE inspecting non_conformant, ObjectEvent OBSERVE decommissioning inactive,"
            " ObjectEvent ADD commissioning active",
        ),
        ("transform", "TransformationEvent None commissioning active"),
        ("destroy", "ObjectEvent DELETE destroying destroyed"),
        ("unpack", "AggregationEvent DELETE unpacking container_open"),
        ("dispatch", "ObjectEvent OBSERVE consigning in_transit"),
        ("refuse", "ObjectEvent OBSERVE arriving returned, ObjectEvent OBSERVE accepting unavailable"),
    ],
)
def test_an_act_reads_as_the_table_says(act: str, expected: str, told: list[dict[str, Any]]) -> None:
    seen = {
        f"{event['type']} {event.get('action')} {event['bizStep']} {event['disposition']}"
        for event in told
        if event["passline:act"] == act and "passline:corrects" not in event
    }
    assert set(expected.split(", ")) <= seen


def test_both_parties_of_a_handoff_are_told(told: list[dict[str, Any]]) -> None:
    for event in told:
        two_sided = "passline:handoff" in event and event["type"] == "ObjectEvent" and event["bizStep"] != "inspecting"
        assert ("sourceList" in event and "destinationList" in event) or not two_sided
    accepted = next(event for event in told if event["bizStep"] == "consigning" and event["passline:act"] == "accept")
    assert accepted["sourceList"] == [{"type": "possessing_party", "source": "urn:passline:demo:party:packing"}]
    assert accepted["destinationList"] == [
        {"type": "possessing_party", "destination": "urn:passline:demo:party:carrier"}
    ]
    assert accepted["bizLocation"] == {"id": "urn:passline:demo:place:carrier"}


def test_a_unit_on_its_way_is_nowhere(told: list[dict[str, Any]]) -> None:
    assert all("bizLocation" not in event for event in told if event["bizStep"] in ("departing", "picking"))


def test_what_a_count_found_too_many_is_a_difference_of_its_own(told: list[dict[str, Any]], story: Any) -> None:
    stray = IDENTIFIERS.unit("blank", story.units["stray"], None)
    (event,) = [each for each in told if each.get("passline:caseKind") == "surplus" and each["bizStep"] == "accepting"]
    assert (event["epcList"], event["disposition"]) == ([stray], "unavailable")
    assert event["passline:case"]


def test_a_tray_is_loaded_when_units_come_under_it_and_unloaded_when_they_leave(told: list[dict[str, Any]]) -> None:
    trays = [
        (event["action"], event["parentID"].rpartition(":")[2], len(event["childEPCs"]))
        for event in told
        if event["type"] == "AggregationEvent" and ":tray:" in event["parentID"] and "passline:corrects" not in event
    ]
    # The orders ended in T1; one document went from T2 to T3, and out of T3 into its parcel.
    assert Counter(trays) == Counter(
        [
            ("ADD", "B1", 4),
            ("ADD", "T1", 3),
            ("ADD", "T2", 1),
            ("DELETE", "T2", 1),
            ("ADD", "T3", 2),
            ("DELETE", "T3", 1),
        ]
    )


def test_a_corrected_event_declares_its_error_and_the_correction_tells_it_right(
    told: list[dict[str, Any]], story: Any
) -> None:
    events = {event["eventID"]: event for event in told}
    wrong, right = events[event_uri(story.events["refuse"])], events[event_uri(story.events["reason"])]
    assert wrong["errorDeclaration"] == {
        "declarationTime": right["recordTime"],
        "reason": "incorrect_data",
        "correctiveEventIDs": [right["eventID"]],
    }
    assert (wrong["passline:reason"], right["passline:reason"]) == ("damaged", "torn")
    assert (right["passline:corrects"], right["passline:correctedBy"]) == (wrong["eventID"], "qc-1")
    same = ("type", "epcList", "bizStep", "disposition", "sourceList", "eventTime")
    assert [right[name] for name in same] == [wrong[name] for name in same]
    retimed = events[event_uri(story.events["time"])]
    assert retimed["eventTime"] == "2023-11-15T06:13:20.000000+08:00"
    assert len(retimed["errorDeclaration"]["correctiveEventIDs"]) == 1
    (again,) = retimed["errorDeclaration"]["correctiveEventIDs"]
    assert (events[again]["passline:correctionReason"], events[again]["eventTime"]) == ("clock", retimed["eventTime"])


def test_no_number_leaves_and_the_same_number_has_the_same_pseudonym(told: list[dict[str, Any]], story: Any) -> None:
    text = str(told)
    assert not any(f"'{number}'" in text or f":{number}'" in text for number in ("A1", "A2", "A3", "E1", "P1", "P2"))
    epc = IDENTIFIERS.unit("document", story.units["document"], "E1")
    assert epc == Identifiers("demo", bytes(range(32))).unit("document", story.units["document"], "E1")
    assert epc != Identifiers("demo", bytes(32)).unit("document", story.units["document"], "E1")
    assert epc in text
    assert "E1" not in epc


def test_a_pseudonym_is_the_numbers_own_hmac_whatever_the_units_id(story: Any) -> None:
    expected = hmac.new(bytes(range(32)), b"number:document:E1", "sha256").hexdigest()[:32]
    for unit_id in (f"01a2144{'a' * 25}", f"01a2144{'b' * 25}"):
        assert IDENTIFIERS.unit("document", unit_id, "E1") == f"urn:passline:demo:document:01a2144-{expected}"
    unnumbered = {IDENTIFIERS.unit("document", f"01a2144{digit * 25}", None) for digit in "ab"}
    assert len(unnumbered) == 2


@given(record=records(), emulated=st.booleans())
def test_a_correction_is_emulated_if_either_record_was(record: CustodyRecord, emulated: bool) -> None:
    if record.corrected is None:
        return
    record.event["emulated"] = emulated
    expected = emulated or record.corrected.event["emulated"]
    assert {event["passline:emulated"] for event in MAPPING.events(record)} <= {expected}


def test_an_emulated_act_says_so(told: list[dict[str, Any]]) -> None:
    assert all(event["passline:emulated"] is True for event in told)


def test_the_place_in_the_sealed_log_is_told_once_there_is_one(centre: Any, database_url: str, teller: Any) -> None:
    """Until then the log has no such table, and says nothing."""
    void = teller(centre).events["void"]
    centre.sql("INSERT INTO seal_origin VALUES (1, 'passline.demo/0a1b2c3d')")
    centre.sql(
        "INSERT INTO seal_leaf SELECT 1, 7, seq, 'ff' FROM custody_event WHERE event_id = :void",
        void=void,
    )
    with open_reading(database_url) as reading:
        sealed = [event for event in Answers(reading, IDENTIFIERS).stream(Question()) if "passline:seal" in event]
    assert {named_event(event["eventID"]) for event in sealed} == {void}
    assert sealed[0]["passline:seal"] == {"passline:origin": "passline.demo/0a1b2c3d", "passline:leaf": 7}
    assert [misshapen(event) for event in sealed if misshapen(event)] == []


@pytest.mark.parametrize("value", ["", "noon", "-1", "1.5", "٣٣", "9" * 17])
def test_a_correction_that_is_no_time_leaves_the_time_as_it_was(value: str) -> None:
    assert corrected_time(value, 7) == 7


@given(record=records())
def test_whatever_a_record_holds_its_events_are_in_form(record: CustodyRecord) -> None:
    events = MAPPING.events(record)
    assert [misshapen(event) for event in events if misshapen(event)] == []
    assert len({event["eventID"] for event in events}) == len(events)
    assert {named_event(event["eventID"]) for event in events} <= {record.event["event_id"]}


@given(record=records())
def test_the_standards_own_schema_takes_whatever_a_record_holds(record: CustodyRecord, standard: Any) -> None:
    context = {"@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"]}
    for event in MAPPING.events(record):
        assert standard(context | event) == []


@given(word=WORDS, unit_id=IDS)
def test_what_a_uri_names_is_found_back(word: str, unit_id: str) -> None:
    assert IDENTIFIERS.named_tray(IDENTIFIERS.tray(word)) == word
    assert IDENTIFIERS.named_station(IDENTIFIERS.station(word)) == word
    assert IDENTIFIERS.named_station(IDENTIFIERS.place(word, "shelf:book")) == word
    known = IDENTIFIERS.known_as(IDENTIFIERS.unit("order", unit_id, word))
    assert known is not None
    assert (known.kind, known.born) == ("order", unit_id[:7])
    assert named_event(event_uri(unit_id, 3)) == unit_id
