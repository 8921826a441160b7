"""A question on the log, and where in the log its answer may be: parameters → SQL, in pages by keyset."""

# ruff: noqa: S608 (the statements are put together from this module's own words; every value is bound)

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from string import ascii_lowercase
from typing import NamedTuple

from handoff_logs.epcis.identifiers import Identifiers, named_event
from handoff_logs.epcis.mapping import TIME_DIGITS
from handoff_logs.epcis.meanings import MEANINGS
from handoff_logs.reading import Reading, Row

EVENTS_A_READING = 200
"""Custody events read at a time."""
EVENTS_A_SEARCH = 5_000
"""Custody events that one statement looks through."""

Value = str | int | None


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. None and empty stand for 'any'; times are microseconds UTC, `ge` included and `lt` not.

    `order`: `eventTime` or `recordTime`. `station` and `shift` are the line's own words, `event_ids` custody events;
    all others are what EPCIS calls them, as the events show them.
    """

    ge_event_us: int | None = None
    lt_event_us: int | None = None
    ge_record_us: int | None = None
    lt_record_us: int | None = None
    types: frozenset[str] = frozenset()
    actions: frozenset[str] = frozenset()
    biz_steps: frozenset[str] = frozenset()
    dispositions: frozenset[str] = frozenset()
    read_points: frozenset[str] = frozenset()
    biz_locations: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    destinations: frozenset[str] = frozenset()
    epcs: frozenset[str] = frozenset()
    any_epcs: frozenset[str] = frozenset()
    event_uris: frozenset[str] = frozenset()
    event_ids: frozenset[str] | None = None
    station: str | None = None
    shift: str | None = None
    order: str = "eventTime"
    descending: bool = False


class Place(NamedTuple):
    """Where an answer goes on: after this custody event, or within it, after the first `told` of its EPCIS events."""

    time_us: int
    seq: int
    told: int | None = None


# A correction tells what it names, so it is sought and ordered as that: by the root of its chain, and its time.
_CORRECTION = f"""
correction(event_id, root_id, time_us) AS (
    SELECT event.event_id, root.event_id, CASE
        WHEN event.corrects_field = 'happened_us' AND event.corrects_value <> ''
            AND length(event.corrects_value) <= {TIME_DIGITS}
            AND ltrim(event.corrects_value, '0123456789') = ''
        THEN CAST(event.corrects_value AS BIGINT) ELSE root.happened_us END
    FROM custody_event AS event JOIN custody_event AS root ON root.event_id = event.corrects
    WHERE event.corrects IS NOT NULL AND root.corrects IS NULL
    UNION ALL
    SELECT event.event_id, correction.root_id, correction.time_us
    FROM correction JOIN custody_event AS event ON event.corrects = correction.event_id
)
"""
_PAGE = """
WITH RECURSIVE {correction} SELECT seq, event_id, time_us FROM (
    SELECT * FROM (
        SELECT subject.seq AS seq, subject.event_id AS event_id, {own.key} AS time_us FROM custody_event AS subject
        WHERE subject.act NOT IN ('correct', 'register') AND {own_conditions}
        ORDER BY time_us {direction}, seq {direction} LIMIT :most) AS acts
    UNION ALL
    SELECT * FROM (
        SELECT event.seq AS seq, event.event_id AS event_id, {their.key} AS time_us FROM correction
        JOIN custody_event AS event ON event.event_id = correction.event_id
        JOIN custody_event AS subject ON subject.event_id = correction.root_id
        WHERE subject.act <> 'register' AND {their_conditions}
        ORDER BY time_us {direction}, seq {direction} LIMIT :most) AS corrections
) AS found ORDER BY time_us {direction}, seq {direction} LIMIT :most
"""
_SEARCHED = """
SELECT {own.key} AS time_us, seq FROM custody_event AS subject WHERE {conditions}
ORDER BY {own.key} {direction}, seq {direction} LIMIT 1 OFFSET :skipped
"""
_NUMBERED = """
SELECT unit_id, number FROM unit_number WHERE unit_id >= :low AND unit_id < :high AND kind = :kind
"""
_UNNUMBERED = """
SELECT unit.unit_id, NULL AS number FROM custody_unit AS unit
WHERE unit.unit_id >= :low AND unit.unit_id < :high AND unit.step = 1 AND unit.kind = :kind
AND NOT EXISTS (SELECT 1 FROM unit_number WHERE unit_number.unit_id = unit.unit_id)
"""


class _Columns(NamedTuple):
    """How the two halves of a page call the same things."""

    event_time: str
    record_time: str
    seq: str
    event_id: str
    key: str


def _columns(order: str, event_time: str, table: str) -> _Columns:
    record_time = f"{table}.written_us"
    key = event_time if order == "eventTime" else record_time
    return _Columns(event_time, record_time, f"{table}.seq", f"{table}.event_id", key)


class Search:
    """One question as SQL: a superset of what answers, in its order."""

    def __init__(self, reading: Reading, identifiers: Identifiers, question: Question) -> None:
        self._reading, self._ids, self._question = reading, identifiers, question
        self._own = _columns(question.order, "subject.happened_us", "subject")
        self._their = _columns(question.order, "correction.time_us", "event")
        self._direction = "DESC" if question.descending else "ASC"
        self._bound: dict[str, Value] = {}
        self._wide = True
        self._about = self._subjects()

    def bound(self, place: Place | None) -> Place | None:
        """Return where a search from `place` is to end, or None when it may go to the end of the log."""
        if not self._wide:
            return None
        parameters: dict[str, Value] = {"skipped": EVENTS_A_SEARCH}
        conditions = " AND ".join(["1 = 1", *self._range(self._own, parameters, place, None)])
        sql = _SEARCHED.format(own=self._own, conditions=conditions, direction=self._direction)
        rows = self._reading.rows(sql, **parameters)
        return Place(rows[0]["time_us"], rows[0]["seq"]) if rows else None

    def page(self, place: Place | None, bound: Place | None) -> list[Row]:
        """Return the next `seq`, `event_id` and `time_us`, `EVENTS_A_READING` at most."""
        parameters: dict[str, Value] = {**self._bound, "most": EVENTS_A_READING}
        halves = {}
        for name, columns in (("own_conditions", self._own), ("their_conditions", self._their)):
            range_ = self._range(columns, parameters, place, bound)
            halves[name] = " AND ".join(["1 = 1", *range_, *(each.format(c=columns) for each in self._about)])
        sql = _PAGE.format(
            correction=_CORRECTION, own=self._own, their=self._their, direction=self._direction, **halves
        )
        return self._reading.rows(sql, **parameters)

    def _range(
        self, columns: _Columns, parameters: dict[str, Value], place: Place | None, bound: Place | None
    ) -> Iterator[str]:
        asked = self._question
        for name, column, sign in (
            ("ge_event_us", columns.event_time, ">="),
            ("lt_event_us", columns.event_time, "<"),
            ("ge_record_us", columns.record_time, ">="),
            ("lt_record_us", columns.record_time, "<"),
        ):
            if (value := getattr(asked, name)) is not None:
                parameters[name] = value
                yield f"{column} {sign} :{name}"
        ahead, behind = ("<", ">") if asked.descending else (">", "<")
        if place is not None:
            parameters |= {"place_us": place.time_us, "place_seq": place.seq}
            within = "" if place.told is None else "="
            yield f"({columns.key}, {columns.seq}) {ahead}{within} (:place_us, :place_seq)"
        if bound is not None:
            parameters |= {"bound_us": bound.time_us, "bound_seq": bound.seq}
            yield f"({columns.key}, {columns.seq}) {behind}= (:bound_us, :bound_seq)"

    def _subjects(self) -> list[str]:
        """Conditions on what the events are about; `{c}` stands for the columns of either half."""
        asked = self._question
        conditions = [*self._acts(), *self._parties()]
        if asked.station is not None:
            self._bound["station"] = asked.station
            conditions.append("(subject.from_station = :station OR subject.to_station = :station)")
        if asked.shift is not None:
            self._bound["shift"] = asked.shift
            conditions.append("subject.shift = :shift")
        for epcs in (asked.epcs, asked.any_epcs):
            if epcs:
                conditions.append(self._epcs(epcs))
                self._wide = False
        if asked.event_uris:
            named = filter(None, map(named_event, asked.event_uris))
            conditions.append(f"{{c.event_id}} IN ({self._names(named)})")
            self._wide = False
        if asked.event_ids is not None:
            conditions.append(f"subject.event_id IN ({self._names(asked.event_ids)})")
            self._wide = False
        return conditions

    def _acts(self) -> Iterator[str]:
        asked = self._question
        fitting = [
            meaning
            for meaning in MEANINGS
            if (not asked.types or meaning.type in asked.types)
            and (not asked.actions or meaning.action in asked.actions)
            and (not asked.biz_steps or meaning.biz_step in asked.biz_steps)
            and (not asked.dispositions or meaning.disposition in asked.dispositions)
        ]
        if len(fitting) == len(MEANINGS):
            return
        either = [f"subject.act IN ({self._names({meaning.act.value for meaning in fitting if meaning.act})})"]
        if any(meaning.subject == "tray" for meaning in fitting):
            either.append("subject.tray IS NOT NULL OR subject.act = 'pack'")
        if any(meaning.subject == "case" for meaning in fitting):
            either.append("subject.act IN ('accept', 'refuse', 'take_back')")
        yield f"({' OR '.join(either)})"

    def _parties(self) -> Iterator[str]:
        asked = self._question
        if asked.sources:
            yield f"(subject.from_station IN ({self._stations(asked.sources)}) OR subject.act = 'receive')"
        if asked.destinations:
            names = self._stations(asked.destinations)
            yield f"(subject.to_station IN ({names}) OR subject.from_station IN ({names}) AND subject.act = 'receive')"
        if asked.read_points:
            yield (
                "CASE WHEN subject.act IN ('accept', 'refuse') THEN subject.to_station ELSE subject.from_station END"
                f" IN ({self._stations(asked.read_points)})"
            )
        if asked.biz_locations:
            yield (
                "EXISTS (SELECT 1 FROM custody_unit AS located WHERE located.event_id = subject.event_id"
                f" AND located.station IN ({self._stations(asked.biz_locations)}))"
            )

    def _stations(self, uris: Iterable[str]) -> str:
        return self._names(filter(None, map(self._ids.named_station, uris)))

    def _epcs(self, uris: Iterable[str]) -> str:
        units = self._names(unit_id for uri in uris for unit_id in units_known_as(self._reading, self._ids, uri))
        trays = self._names(filter(None, map(self._ids.named_tray, uris)))
        # A unit leaves its tray by an act that need not name that tray.
        return f"""(
            subject.event_id IN (SELECT event_id FROM custody_unit WHERE unit_id IN ({units}))
            OR subject.event_id IN (SELECT event_id FROM custody_case WHERE unit_id IN ({units}))
            OR subject.case_id IN (SELECT case_id FROM custody_case WHERE unit_id IN ({units}))
            OR subject.event_id IN (
                SELECT later.event_id FROM custody_event AS loaded
                JOIN custody_unit AS inside ON inside.event_id = loaded.event_id
                JOIN custody_unit AS later ON later.unit_id = inside.unit_id WHERE loaded.tray IN ({trays})))"""

    def _names(self, values: Iterable[Value]) -> str:
        return bind(self._bound, values)


def units_known_as(reading: Reading, identifiers: Identifiers, uri: str) -> list[str]:
    """Return the ids of the units that an EPC URI names: one, or none."""
    known = identifiers.known_as(uri)
    if known is None:
        return []
    low, high = known.born, f"{int(known.born, 16) + 1:0{len(known.born)}x}"
    for sql in (_NUMBERED, _UNNUMBERED):
        for row in reading.rows(sql, low=low, high=high, kind=known.kind):
            if identifiers.unit(known.kind, row["unit_id"], row["number"]) == uri:
                return [str(row["unit_id"])]
    return []


def bind(bound: dict[str, Value], values: Iterable[Value]) -> str:
    """Add values to the parameters and return their marks; `NULL`, which nothing equals, for none."""
    marks = []
    for value in values:
        name = f"v_{_letters(len(bound))}"
        bound[name] = value
        marks.append(f":{name}")
    return ", ".join(marks) or "NULL"


def _letters(number: int) -> str:
    """Spell a number in letters, all that a parameter's name may have."""
    return "".join(ascii_lowercase[int(digit)] for digit in str(number))
