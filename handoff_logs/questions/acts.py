"""Questions 8, 10 and 14: what a shift did on a machine, what a person did, and what was corrected."""

from typing import TypedDict

from handoff_logs.questions.answers import (
    ACTING,
    EVENT_FILTERS,
    Answer,
    bounded,
    by_sql,
    whenever,
)
from handoff_logs.reading import Reading


class Act(TypedDict):
    """One act of one station. `unit_rows`: units it moved."""

    seq: int
    act: str
    station: str | None
    from_station: str
    to_station: str | None
    person: str
    second_person: str | None
    machine: str | None
    shift: str
    tray: str | None
    unit_rows: int
    count_expected: int
    count_counted: int
    reason: str | None
    handoff_id: str
    event_id: str
    happened_us: int
    due_us: int | None
    written_us: int
    emulated: bool


class Correction(TypedDict):
    """A record put right by a further one: what it said, what it is to say, who says so and why."""

    seq: int
    field: str
    original: str | None
    replacement: str
    reason: str | None
    person: str
    second_person: str | None
    station: str
    shift: str
    corrected_act: str
    corrected_person: str
    corrects: str
    event_id: str
    happened_us: int
    written_us: int
    emulated: bool


_ACT = f"""
SELECT event.seq, event.act, {ACTING} AS station, event.from_station, event.to_station, event.person,
       event.second_person, event.machine, event.shift, event.tray, coalesce(event.last_position, 0) AS unit_rows,
       event.count_expected, event.count_counted, event.reason, event.handoff_id, event.event_id, event.happened_us,
       event.due_us, event.written_us, event.emulated
FROM custody_event AS event
WHERE (event.happened_us, event.seq) > (:after_happened_us, :after_seq)
    AND event.happened_us < :to_us {{filters}}
"""  # noqa: S608 own words
_PAGE = " ORDER BY happened_us, seq LIMIT :page"
_SHIFT = f"{_ACT} AND event.shift = :code {_PAGE}"
_PERSON = f"""
SELECT * FROM (
    SELECT * FROM ({_ACT} AND event.person = :code {_PAGE}) AS first_hand
    UNION ALL
    SELECT * FROM ({_ACT} AND event.second_person = :code {_PAGE}) AS second_hand
) AS act {_PAGE}
"""  # noqa: S608
# `+`: by the index of the few corrections, not through the whole log in its order.
_CORRECTIONS = """
SELECT event.seq, event.corrects_field AS field,
       CASE event.corrects_field
           WHEN 'reason' THEN wrong.reason
           WHEN 'happened_us' THEN CAST(wrong.happened_us AS VARCHAR(40))
           WHEN 'condition' THEN (SELECT min(unit.condition) FROM custody_unit AS unit
               WHERE unit.event_id = wrong.event_id)
       END AS original,
       event.corrects_value AS replacement, event.reason, event.person, event.second_person,
       event.from_station AS station, event.shift, wrong.act AS corrected_act, wrong.person AS corrected_person,
       event.corrects, event.event_id, event.happened_us, event.written_us, event.emulated
FROM custody_event AS event JOIN custody_event AS wrong ON wrong.event_id = event.corrects
WHERE event.corrects IS NOT NULL AND +event.seq > :after_seq
    AND +event.happened_us >= :from_us AND +event.happened_us < :to_us {filters}
ORDER BY +event.seq LIMIT :page
"""


def shift(
    reading: Reading,
    name: str,
    /,
    *,
    machine: str | None = None,
    station: str | None = None,
    person: str | None = None,
    kind: str | None = None,
    from_us: int | None = None,
    to_us: int | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> Answer[Act]:
    """List what a shift did, on a machine or everywhere, in the order it happened.

    Without a machine: today, unless asked otherwise. `person`: either hand. Raises BadCursorError.
    """
    period = (whenever if machine else bounded)(from_us, to_us)
    return by_sql(
        reading, Act, _SHIFT, ("happened_us", "seq"), (period.from_us, -1), name="shift", after=after, limit=limit,
        period=period, conditions=EVENT_FILTERS, machine=machine,
        station=station, person=person, kind=kind, code=name,
    )  # fmt: skip


def person(
    reading: Reading,
    code: str,
    /,
    *,
    station: str | None = None,
    shift: str | None = None,
    machine: str | None = None,
    kind: str | None = None,
    from_us: int | None = None,
    to_us: int | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> Answer[Act]:
    """List everything a person (staff code) did, as either hand, in the order it happened. Raises BadCursorError."""
    period = whenever(from_us, to_us)
    return by_sql(
        reading, Act, _PERSON, ("happened_us", "seq"), (period.from_us, -1), name="person", after=after, limit=limit,
        period=period, conditions=EVENT_FILTERS, station=station, shift=shift, machine=machine,
        kind=kind, code=code,
    )  # fmt: skip


def corrections(
    reading: Reading,
    *,
    station: str | None = None,
    shift: str | None = None,
    person: str | None = None,
    from_us: int | None = None,
    to_us: int | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> Answer[Correction]:
    """List corrections in the log's order: the original, its replacement, who and why.

    `person`: who corrected; times of happening are in microseconds UTC. Raises BadCursorError.
    """
    return by_sql(
        reading, Correction, _CORRECTIONS, ("seq",), (-1,), name="corrections", after=after, limit=limit,
        period=whenever(from_us, to_us), conditions=EVENT_FILTERS, station=station, shift=shift, person=person,
    )  # fmt: skip
