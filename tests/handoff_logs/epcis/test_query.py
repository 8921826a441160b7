"""A question is answered with exactly the events that fit, in order, whole over any number of pages."""

import gc
from dataclasses import replace
from typing import Any

import pytest

from handoff_logs.epcis import query, search
from handoff_logs.epcis.identifiers import Identifiers, event_uri
from handoff_logs.epcis.mapping import CustodyRecord
from handoff_logs.epcis.query import Answers
from handoff_logs.epcis.query import answers as fits
from handoff_logs.epcis.search import Question, units_known_as
from handoff_logs.reading import Reading

IDENTIFIERS = Identifiers("demo", bytes(range(32)))
PLACE = "urn:passline:demo:place:"
PARTY = "urn:passline:demo:party:"

Events = list[dict[str, Any]]

QUESTIONS = [
    Question(types=frozenset({"AggregationEvent"})),
    Question(types=frozenset({"TransformationEvent"})),
    Question(actions=frozenset({"DELETE"})),
    Question(biz_steps=frozenset({"accepting", "inspecting"})),
    Question(dispositions=frozenset({"unavailable"})),
    Question(dispositions=frozenset({"completeness_verified"})),
    Question(read_points=frozenset({f"{PLACE}qc:in", f"{PLACE}packing:shelf"})),
    Question(biz_locations=frozenset({f"{PLACE}review:rack"})),
    Question(sources=frozenset({f"{PARTY}vault", f"{PARTY}qc"})),
    Question(destinations=frozenset({f"{PARTY}qc", f"{PARTY}review"})),
    Question(biz_steps=frozenset({"departing"}), sources=frozenset({f"{PARTY}nowhere"})),
    Question(types=frozenset({"ObjectEvent"}), actions=frozenset({"ADD"}), dispositions=frozenset({"active"})),
]


def whole(answers: Answers, question: Question, most: int) -> Events:
    events: Events = []
    place = None
    while True:
        page = answers.page(question, most, place)
        assert len(page.events) <= most
        events += page.events
        if page.next is None:
            return events
        place = page.next


def test_what_the_database_finds_is_what_fits(answers: Answers, told: Events) -> None:
    for question in QUESTIONS:
        assert list(answers.stream(question)) == [event for event in told if fits(question, event)], question


def test_pages_of_any_size_make_the_whole_in_any_order(answers: Answers, told: Events) -> None:
    ids = [event["eventID"] for event in told]
    for question in (Question(), Question(order="recordTime"), Question(descending=True)):
        expected = sorted(told, key=lambda event: event[question.order], reverse=question.descending)
        for most in (1, 7, 1000):
            found = whole(answers, question, most)
            assert [event[question.order] for event in found] == [event[question.order] for event in expected]
            assert sorted(event["eventID"] for event in found) == sorted(ids)


def test_a_search_that_is_cut_short_goes_on_where_it_ended(
    answers: Answers, told: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "EVENTS_A_SEARCH", 5)
    monkeypatch.setattr(search, "EVENTS_A_READING", 2)
    monkeypatch.setattr(query, "ROWS_A_READING", 3)
    for question in (Question(), Question(descending=True), Question(dispositions=frozenset({"destroyed"}))):
        found = whole(answers, question, 4)
        assert {event["eventID"] for event in found} == {event["eventID"] for event in told if fits(question, event)}
        place, pages = None, 0
        while place is not None or pages == 0:
            page = answers.page(question, 1000, place, effort=5)
            place, pages = page.next, pages + 1
            assert pages < 100
        assert pages > 3


def test_no_more_than_a_reading_is_in_memory_at_a_time(answers: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "EVENTS_A_READING", 4)
    gc.collect()
    gc.freeze()  # what was there before is not gone through at every event
    gc.disable()  # what only a collection would free, grows with a long export
    try:
        alive = [sum(isinstance(each, CustodyRecord) for each in gc.get_objects()) for _ in answers.stream(Question())]
    finally:
        gc.enable()
    assert 0 < max(alive) <= 4


def test_times_are_compared_to_the_microsecond_and_a_corrected_time_counts(
    answers: Answers, told: Events, story: Any, reading: Reading
) -> None:
    (row,) = reading.rows("SELECT * FROM custody_event WHERE event_id = :id", id=story.events["void"])
    for name, low, high in (
        ("happened_us", "ge_event_us", "lt_event_us"),
        ("written_us", "ge_record_us", "lt_record_us"),
    ):
        exact = Question(**{low: row[name], high: row[name] + 1})
        assert event_uri(story.events["void"]) in {event["eventID"] for event in answers.stream(exact)}
        assert list(answers.stream(Question(**{low: row[name], high: row[name]}))) == []
    retimed = [event["eventID"] for event in answers.stream(Question(lt_event_us=1_700_000_000_000_001))]
    assert event_uri(story.events["time"]) in retimed
    assert len(retimed) == 2
    assert list(answers.stream(Question(ge_event_us=1_700_000_000_000_001, lt_event_us=1_700_000_000_000_002))) == []


def test_a_unit_is_found_by_its_pseudonym(answers: Answers, told: Events, story: Any, reading: Reading) -> None:
    for kind, name, number in (("document", "document", "E1"), ("blank", "stray", None), ("document", "second", None)):
        epc = IDENTIFIERS.unit(kind, story.units[name], number)
        assert units_known_as(reading, IDENTIFIERS, epc) == [story.units[name]]
        for question in (Question(epcs=frozenset({epc})), Question(any_epcs=frozenset({epc}))):
            expected = [event for event in told if fits(question, event)]
            assert list(answers.stream(question)) == expected
            assert len(expected) > 5
    other = Identifiers("demo", bytes(32)).unit("document", story.units["document"], "E1")
    assert list(answers.stream(Question(epcs=frozenset({other})))) == []


def test_a_tray_and_a_parcel_are_found_as_containers(answers: Answers, told: Events, story: Any) -> None:
    for epc in (IDENTIFIERS.tray("T3"), IDENTIFIERS.unit("parcel", story.units["parcel"], "P1")):
        question = Question(any_epcs=frozenset({epc}))
        expected = [event for event in told if fits(question, event)]
        assert list(answers.stream(question)) == expected
        assert {event.get("action") for event in expected} >= {"ADD", "DELETE"}


def test_an_event_is_found_by_its_id_and_a_part_of_it_by_its_own(answers: Answers, told: Events) -> None:
    for event in told:
        question = Question(event_uris=frozenset({event["eventID"]}))
        assert list(answers.stream(question)) == [event]


def test_a_station_and_a_shift_are_the_lines_own(answers: Answers) -> None:
    stations = {event["readPoint"]["id"].split(":")[4] for event in answers.stream(Question(station="packing"))}
    assert stations == {"packing", "qc", "carrier"}
    assert list(answers.stream(Question(shift="night"))) == []
    assert list(answers.stream(replace(Question(), shift="day"))) == list(answers.stream(Question()))
