"""Questions 3, 7 and 12: how long units were held, what was handed on late, and times that can't be right."""

from typing import TypedDict

from handoff_logs.questions.answers import (
    ACTING,
    DURING,
    EVENT_FILTERS,
    ODD,
    Answer,
    bounded,
    by_sql,
    now_us,
    of_rows,
    summed,
    whenever,
)
from handoff_logs.reading import Reading, Row

COUNTS = ("handed_on", "late", "still_here", "longest_late_s", "emulated")


class HoldTime(TypedDict):
    """How long a station held units of a kind, from having them to no longer having them; in seconds, rounded down.

    p50 and p95 are nearest-rank percentiles: the time of an actual unit.
    """

    station: str
    kind: str
    units: int
    p50_s: int
    p95_s: int
    longest_s: int
    emulated: bool


class Late(TypedDict):
    """Units that had a time node, by who handed them on: all, late ones, and late ones that are still there now."""

    station: str
    shift: str
    person: str
    handed_on: int
    late: int
    still_here: int
    longest_late_s: int
    emulated: bool


class OddTime(TypedDict):
    """A record whose times can't be as a prompt and honest record has them. `off_s`: happened to written, in seconds.

    `written late`: more than 60 s after the act. `back-dated`: and before the unit's step before it. `future-dated`:
    more than 2 s before the act.
    """

    seq: int
    finding: str
    off_s: int
    act: str
    station: str | None
    person: str
    second_person: str | None
    machine: str | None
    shift: str
    tray: str | None
    event_id: str
    happened_us: int
    written_us: int
    emulated: bool


# A stay ends where a unit passes to another station, ends, goes out or into a parcel; it began with the last step that
# brought the unit to this station.
_HOLD_TIMES = f"""
SELECT station, kind, max(total) AS units, min(CASE WHEN place >= (total + 1) / 2 THEN held_us END) / 1000000 AS p50_s,
       min(CASE WHEN place >= (95 * total + 99) / 100 THEN held_us END) / 1000000 AS p95_s,
       max(held_us) / 1000000 AS longest_s, max(emulated) AS emulated
FROM (
    SELECT station, kind, held_us, emulated, count(*) OVER (PARTITION BY station, kind) AS total,
           row_number() OVER (PARTITION BY station, kind ORDER BY held_us) AS place
    FROM (
        SELECT before.station, unit.kind, CASE WHEN event.emulated THEN 1 ELSE 0 END AS emulated, event.happened_us - (
            SELECT came.happened_us FROM custody_unit AS arrived
            JOIN custody_event AS came ON came.event_id = arrived.event_id
            LEFT JOIN custody_unit AS prior ON prior.unit_id = arrived.unit_id AND prior.step = arrived.step - 1
            WHERE arrived.unit_id = unit.unit_id AND arrived.step < unit.step AND (
                prior.step IS NULL OR prior.station <> arrived.station OR prior.state IN ('outside', 'packed'))
            ORDER BY arrived.step DESC LIMIT 1) AS held_us
        FROM custody_event AS event
        JOIN custody_unit AS unit ON unit.event_id = event.event_id
        JOIN custody_unit AS before ON before.unit_id = unit.unit_id AND before.step = unit.step - 1
        WHERE {DURING} AND before.state NOT IN ('ended', 'outside', 'packed')
            AND (before.station <> unit.station OR unit.state IN ('ended', 'outside', 'packed')) {{filters}}
    ) AS stay
) AS ranked
GROUP BY station, kind
"""  # noqa: S608 own words

# A unit's time node at a station came with the offer that brought it there, or with what the station made of it.
NODE = """
SELECT noded.due_us FROM custody_unit AS earlier JOIN custody_event AS noded ON noded.event_id = earlier.event_id
WHERE earlier.unit_id = {unit}.unit_id AND earlier.step < {unit}.step AND noded.due_us IS NOT NULL
    AND {station} = CASE noded.act WHEN 'offer' THEN noded.to_station ELSE noded.from_station END
ORDER BY earlier.step DESC LIMIT 1
"""
# `MATERIALIZED`, or PostgreSQL looks a time node up wherever it is named.
_HANDED_ON = f"""
WITH going AS MATERIALIZED (
    SELECT event.from_station AS station, event.shift, event.person, event.happened_us,
        CASE WHEN event.emulated THEN 1 ELSE 0 END AS emulated, coalesce(
        ({NODE.format(unit="unit", station="event.from_station")}), (
        SELECT min(({NODE.format(unit="packed", station="event.from_station")})) FROM custody_unit AS born
        JOIN custody_unit AS packed ON packed.event_id = born.event_id AND packed.container = born.unit_id
        WHERE unit.kind = 'parcel' AND born.unit_id = unit.unit_id AND born.step = 1)) AS due_us
    FROM custody_event AS event JOIN custody_unit AS unit ON unit.event_id = event.event_id
    WHERE {DURING} AND event.act IN ('offer', 'dispatch') {{filters}}
)
SELECT station, shift, person, count(*) AS handed_on, sum(CASE WHEN happened_us > due_us THEN 1 ELSE 0 END) AS late,
       max(happened_us - due_us) AS late_us, max(emulated) AS emulated
FROM going
WHERE due_us IS NOT NULL
GROUP BY station, shift, person
"""  # noqa: S608
# Station by station, because that is how the whereabouts are indexed.
_STILL_HERE = """
WITH RECURSIVE place(station) AS (
    SELECT min(station) FROM whereabouts
    UNION ALL
    SELECT (SELECT min(station) FROM whereabouts WHERE whereabouts.station > place.station)
    FROM place WHERE place.station IS NOT NULL
)
SELECT unit.station, event.shift, unit.person, count(*) AS still_here,
       max(:now_us - coalesce(here.due_us, event.due_us)) AS late_us,
       max(CASE WHEN event.emulated THEN 1 ELSE 0 END) AS emulated
FROM place
JOIN whereabouts AS here ON here.station = place.station AND here.state IN ('held', 'doubt')
JOIN custody_unit AS unit ON unit.unit_id = here.unit_id AND unit.step = here.step
JOIN custody_event AS event ON event.event_id = unit.event_id
WHERE coalesce(here.due_us, event.due_us) < :now_us {filters}
GROUP BY unit.station, event.shift, unit.person
"""
_ODD_TIMES = f"""
SELECT event.seq,
       CASE
           WHEN event.happened_us > event.written_us THEN 'future-dated'
           WHEN EXISTS (
               SELECT 1 FROM custody_unit AS unit
               JOIN custody_unit AS before ON before.unit_id = unit.unit_id AND before.step = unit.step - 1
               JOIN custody_event AS earlier ON earlier.event_id = before.event_id
               WHERE unit.event_id = event.event_id AND earlier.happened_us > event.happened_us) THEN 'back-dated'
           ELSE 'written late'
       END AS finding,
       (event.written_us - event.happened_us) / 1000000 AS off_s, event.act, {ACTING} AS station,
       event.person, event.second_person, event.machine, event.shift, event.tray, event.event_id, event.happened_us,
       event.written_us, event.emulated
FROM custody_event AS event
WHERE {ODD} AND event.written_us < :to_us
    AND (event.written_us, event.seq) > (:after_written_us, :after_seq) {{filters}}
ORDER BY event.written_us, event.seq LIMIT :page
"""  # noqa: S608


def hold_times(
    reading: Reading,
    *,
    station: str | None = None,
    person: str | None = None,
    kind: str | None = None,
    from_us: int | None = None,
    to_us: int | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> Answer[HoldTime]:
    """Tell how long stations held units: p50, p95 and the longest, by station and kind, of the stays that ended then.

    A stay ends where the unit passes to another station, ends, goes out or is packed. Today, unless asked otherwise.
    Raises BadCursorError.
    """
    period = bounded(from_us, to_us)
    conditions = {
        "station": "before.station = :station",
        "person": "before.person = :person",
        "kind": "unit.kind = :kind",
    }
    rows = summed(reading, _HOLD_TIMES, period, conditions, station=station, person=person, kind=kind)
    return of_rows(HoldTime, rows, ("station", "kind"), name="hold-times", after=after, limit=limit, period=period)


def late(
    reading: Reading,
    *,
    station: str | None = None,
    shift: str | None = None,
    person: str | None = None,
    kind: str | None = None,
    from_us: int | None = None,
    to_us: int | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> Answer[Late]:
    """Tell what was late against its time node, by station, shift and person: handed on then, or still here now.

    Handed on means offered onward or dispatched. What is still here counts only where the period reaches to now. Units
    without a time node (blanks) are left out. Today, unless asked otherwise. Raises BadCursorError.
    """
    period, asked_us = bounded(from_us, to_us), now_us()
    wanted = {"station": station, "shift": shift, "person": person, "kind": kind}
    going = {
        "station": "event.from_station = :station",
        "shift": "event.shift = :shift",
        "person": "event.person = :person",
        "kind": "unit.kind = :kind",
    }
    rows = summed(reading, _HANDED_ON, period, going, **wanted)
    if asked_us in period:
        here = going | {"station": "unit.station = :station", "person": "unit.person = :person"}
        rows += summed(reading, _STILL_HERE, None, here, now_us=asked_us, **wanted)
    people: dict[tuple[str, str, str], Row] = {}
    for row in rows:
        who = (row["station"], row["shift"], row["person"])
        total = people.setdefault(
            who, dict(zip(("station", "shift", "person"), who, strict=True)) | dict.fromkeys(COUNTS, 0)
        )
        for name in ("handed_on", "late", "still_here"):
            total[name] += row.get(name, 0)
        total["emulated"] = total["emulated"] or row["emulated"]
        total["longest_late_s"] = max(total["longest_late_s"], row["late_us"] // 1_000_000)
    key = ("station", "shift", "person")
    return of_rows(Late, people.values(), key, name="late", after=after, limit=limit, period=period)


def times(
    reading: Reading,
    *,
    station: str | None = None,
    shift: str | None = None,
    person: str | None = None,
    machine: str | None = None,
    from_us: int | None = None,
    to_us: int | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> Answer[OddTime]:
    """List records written late, back-dated or future-dated, in the order they were written.

    `person`: either hand; `from_us`, `to_us`: when it was written. Raises BadCursorError.
    """
    period = whenever(from_us, to_us)
    return by_sql(
        reading, OddTime, _ODD_TIMES, ("written_us", "seq"), (period.from_us, -1), name="times", after=after,
        limit=limit, period=period, conditions=EVENT_FILTERS, station=station, shift=shift, person=person,
        machine=machine,
    )  # fmt: skip
