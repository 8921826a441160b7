"""The answer to a question on the log: what was found, read, told in EPCIS and compared, in pages or as a stream."""

# ruff: noqa: S608 (the statements are put together from this module's own words; every value is bound)

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from handoff_logs.epcis import mapping, search
from handoff_logs.epcis.identifiers import Identifiers
from handoff_logs.epcis.mapping import CustodyRecord, EpcisEvent
from handoff_logs.epcis.search import Place, Question, Search, Value, bind
from handoff_logs.reading import Reading, Row

EVENTS_A_PAGE = 100_000
"""Custody events that are looked through for one page, which may then be short."""
ROWS_A_READING = 20_000
"""Unit rows read at a time, but for one event that has more."""


class Page(NamedTuple):
    """Events that answer, and where the next page begins; None at the end."""

    events: list[EpcisEvent]
    next: Place | None


# The tray that a unit last came under, unless it went into a parcel since.
_TRAY_BEFORE = """
CASE WHEN event.tray IS NULL AND event.act <> 'pack' THEN NULL ELSE (
    SELECT CASE WHEN past.state <> 'packed' THEN earlier.tray END
    FROM custody_unit AS past JOIN custody_event AS earlier ON earlier.event_id = past.event_id
    WHERE past.unit_id = unit.unit_id AND past.step < unit.step
        AND (earlier.tray IS NOT NULL OR past.state = 'packed')
    ORDER BY past.step DESC LIMIT 1) END
"""
_UNITS = f"""
SELECT unit.event_id, unit.unit_id, unit.kind, unit.state, unit.station, unit.place, unit.container, unit.condition,
       unit.outcome, unit_number.number, coalesce(before.state, 'none') AS state_before,
       before.station AS station_before, {_TRAY_BEFORE} AS tray_before
FROM custody_unit AS unit JOIN custody_event AS event ON event.event_id = unit.event_id
LEFT JOIN custody_unit AS before ON before.unit_id = unit.unit_id AND before.step = unit.prev_step
LEFT JOIN unit_number ON unit_number.unit_id = unit.unit_id
WHERE unit.event_id IN ({{ids}}) ORDER BY unit.event_id, unit.position
"""
# The cases that an event opened, and the one it closed; a unit's first step knows its kind.
_CASES = """
SELECT found.event_id, found.case_id, found.unit_id, found.kind, unit.kind AS unit_kind, unit_number.number FROM (
    SELECT event_id, case_id, unit_id, kind FROM custody_case WHERE event_id IN ({ids})
    UNION ALL
    SELECT event.event_id, closed.case_id, closed.unit_id, closed.kind
    FROM custody_event AS event JOIN custody_case AS closed ON closed.case_id = event.case_id
    WHERE event.event_id IN ({ids})) AS found
JOIN custody_unit AS unit ON unit.unit_id = found.unit_id AND unit.step = 1
LEFT JOIN unit_number ON unit_number.unit_id = found.unit_id ORDER BY found.case_id
"""
_EVENTS = "SELECT * FROM custody_event WHERE event_id IN ({ids})"
_CORRECTIONS = """
SELECT corrects, event_id, written_us FROM custody_event WHERE corrects IS NOT NULL AND corrects IN ({ids}) ORDER BY seq
"""
_SEALS = """
SELECT leaf.event_seq, seal_origin.origin, leaf.leaf_index
FROM seal_leaf AS leaf JOIN seal_origin ON seal_origin.epoch = leaf.epoch WHERE leaf.event_seq IN ({ids})
"""


class _Read(NamedTuple):
    """What was read of some events, by their ids; the seals by their `seq`."""

    events: Mapping[str, Row]
    units: dict[str, list[Row]]
    cases: dict[str, list[Row]]
    corrections: dict[str, list[Row]]
    seals: dict[int, tuple[str, int]]

    def record(self, event_id: str) -> CustodyRecord:
        event = self.events[event_id]
        return CustodyRecord(
            event,
            tuple(self.units.get(event_id, ())),
            tuple(self.cases.get(event_id, ())),
            self.record(event["corrects"]) if event["corrects"] else None,
            tuple(self.corrections.get(event_id, ())),
            self.seals.get(event["seq"]),
        )


class Answers:
    """Answers questions over one reading, told with one centre's identifiers."""

    def __init__(self, reading: Reading, identifiers: Identifiers) -> None:
        self._reading, self._ids = reading, identifiers
        self._told = mapping.Mapping(identifiers)

    def page(self, question: Question, most: int, start: Place | None = None, effort: int = EVENTS_A_PAGE) -> Page:
        """Return at most `most` events from `start` on.

        A page may be short, even empty, and still have a next: for one, no more than about `effort` custody events
        are looked through.
        """
        events: list[EpcisEvent] = []
        place, searched = start, 0
        for reached in self._walk(question, start):
            if isinstance(reached, Place):
                place, searched = reached, searched + search.EVENTS_A_SEARCH
                if searched >= effort or len(events) == most:
                    return Page(events, place)
                continue
            event, after = reached
            if len(events) == most:
                return Page(events, place)
            events.append(event)
            place = after
        return Page(events, None)

    def stream(self, question: Question) -> Iterator[EpcisEvent]:
        """Yield every event that answers; memory does not grow with their number."""
        for reached in self._walk(question, None):
            if not isinstance(reached, Place):
                yield reached[0]

    def _walk(self, question: Question, start: Place | None) -> Iterator[Place | tuple[EpcisEvent, Place]]:
        """Yield what answers with the place after it, and a bare place wherever one search ended."""
        found_by = Search(self._reading, self._ids, question)
        place = start
        while True:
            bound = found_by.bound(place)
            while found := found_by.page(place, bound):
                for row, record in self._records(found):
                    yield from self._told_from(question, row, record, place)
                place = Place(found[-1]["time_us"], found[-1]["seq"])
                if len(found) < search.EVENTS_A_READING:
                    break
            if bound is None:
                return
            place = bound
            yield bound

    def _told_from(
        self, question: Question, row: Row, record: CustodyRecord, place: Place | None
    ) -> Iterator[tuple[EpcisEvent, Place]]:
        told = place.told or 0 if place is not None and place.seq == row["seq"] else 0
        for number, event in enumerate(self._told.events(record), start=1):
            if number > told and answers(question, event):
                yield event, Place(row["time_us"], row["seq"], number)

    def _records(self, found: Sequence[Row]) -> Iterator[tuple[Row, CustodyRecord]]:
        """Read what was found, as many at a time as their unit rows allow."""
        events = self._chain([row["event_id"] for row in found])
        chosen: list[Row] = []
        rows = 0
        for row in found:
            own = _root(events, row["event_id"])["last_position"] or 0
            if chosen and rows + own > ROWS_A_READING:
                yield from self._assembled(chosen, events)
                chosen, rows = [], 0
            chosen.append(row)
            rows += own
        yield from self._assembled(chosen, events)

    def _chain(self, event_ids: Sequence[str]) -> dict[str, Row]:
        """The events by id, with those they correct, and those these correct."""
        known: dict[str, Row] = {}
        wanted = set(event_ids)
        while wanted:
            known |= {row["event_id"]: row for row in self._listed(_EVENTS, wanted)}
            wanted = {row["corrects"] for row in known.values() if row["corrects"]} - set(known)
        return known

    def _assembled(self, found: Sequence[Row], events: Mapping[str, Row]) -> Iterator[tuple[Row, CustodyRecord]]:
        roots = {_root(events, row["event_id"])["event_id"] for row in found}
        read = _Read(
            events,
            self._grouped(_UNITS, roots),
            self._grouped(_CASES, roots),
            self._grouped(_CORRECTIONS, {row["event_id"] for row in found}, by="corrects"),
            self._seals(found),
        )
        for row in found:
            yield row, read.record(row["event_id"])

    def _grouped(self, sql: str, ids: Iterable[str], by: str = "event_id") -> dict[str, list[Row]]:
        groups: dict[str, list[Row]] = {}
        for row in self._listed(sql, ids):
            groups.setdefault(row[by], []).append(row)
        return groups

    def _listed(self, sql: str, ids: Iterable[str]) -> list[Row]:
        bound: dict[str, Value] = {}
        names = bind(bound, sorted(ids))
        return self._reading.rows(sql.format(ids=names), **bound)

    def _seals(self, found: Sequence[Row]) -> dict[int, tuple[str, int]]:
        bound: dict[str, Value] = {}
        names = bind(bound, [row["seq"] for row in found])
        rows = self._reading.rows(_SEALS.format(ids=names), **bound)
        return {row["event_seq"]: (row["origin"], row["leaf_index"]) for row in rows}


def answers(question: Question, event: EpcisEvent) -> bool:
    """Say whether an event answers a question; its times, its station and its shift are the database's to compare."""
    children = [*event.get("epcList", ()), *event.get("childEPCs", ())]
    return (
        (not question.types or event["type"] in question.types)
        and (not question.actions or event.get("action") in question.actions)
        and (not question.biz_steps or event["bizStep"] in question.biz_steps)
        and (not question.dispositions or event["disposition"] in question.dispositions)
        and (not question.read_points or event["readPoint"]["id"] in question.read_points)
        and (not question.biz_locations or event.get("bizLocation", {}).get("id") in question.biz_locations)
        and (not question.sources or _has_party(event, "source", question.sources))
        and (not question.destinations or _has_party(event, "destination", question.destinations))
        and (not question.epcs or not question.epcs.isdisjoint(children))
        and (not question.any_epcs or not question.any_epcs.isdisjoint([*children, *_others(event)]))
        and (not question.event_uris or event["eventID"] in question.event_uris)
    )


def _has_party(event: EpcisEvent, side: str, wanted: frozenset[str]) -> bool:
    return any(party[side] in wanted for party in event.get(f"{side}List", ()))


def _others(event: EpcisEvent) -> Iterable[str]:
    parent = (event["parentID"],) if "parentID" in event else ()
    return (*parent, *event.get("inputEPCList", ()), *event.get("outputEPCList", ()))


def _root(events: Mapping[str, Row], event_id: str) -> Row:
    event = events[event_id]
    return _root(events, event["corrects"]) if event["corrects"] else event
