"""Questions 11, 13 and 15: custody that breaks off or overlaps, people who signed twice, and units that were done with.

The database refuses most of this: a row in such an answer says that its guards were gone when the record was written.
"""

from typing import TypedDict

from handoff_logs.custody_rules import CUSTODY_RULES, OPENED_RULES
from handoff_logs.opened import years
from handoff_logs.questions.answers import ACTING, DURING, EVENT_FILTERS, Answer, bounded, by_sql
from handoff_logs.reading import Reading
from handoff_logs.roots import damaged_roots


class Gap(TypedDict):
    """A step that does not follow on the one before it.

    `step missing` and `not the custodian` are gaps in custody, `step twice` and `before its turn` overlaps.
    """

    seq: int
    position: int
    finding: str
    number: str | None
    unit_id: str
    kind: str
    step: int
    act: str
    station_before: str | None
    station: str
    person_before: str | None
    person: str
    machine: str | None
    shift: str
    event_id: str
    happened_before_us: int | None
    happened_us: int
    emulated: bool


class SamePerson(TypedDict):
    """One person where there must be two: `both hands`, `both sides` of a handoff, or `reviewed and inspected`."""

    seq: int
    finding: str
    person: str
    act: str
    station: str | None
    machine: str | None
    shift: str
    number: str | None
    unit_id: str
    handoff_id: str
    event_id: str
    happened_us: int
    emulated: bool


class Afterlife(TypedDict):
    """What should not happen to a unit (any more).

    `after its end`, `after dispatch`, `duplicate serial`, `serial of another blank`, `station skipped`, `station
    repeated`.
    """

    seq: int
    position: int
    finding: str
    number: str | None
    unit_id: str
    kind: str
    act: str
    from_station: str
    to_station: str | None
    person: str
    machine: str | None
    shift: str
    reason: str | None
    event_id: str
    happened_us: int
    emulated: bool


ROUTE = ("intake", "review", "personalization", "qc", "packing", "mailing", "carrier")
"""An application's, its document's and its parcel's way; an accepting office stands for the carrier."""

_UNIT_FILTERS = EVENT_FILTERS | {"kind": "unit.kind = :kind"}
# The number is looked up for what is found alone, here and below. `MATERIALIZED`, because PostgreSQL would go through
# all events in the order of the answer, to leave out those of other times.
_NUMBER = "(SELECT named.number FROM unit_number AS named WHERE named.unit_id = step.unit_id) AS number"
_GAPS = f"""
WITH step AS MATERIALIZED (
    SELECT * FROM (
        SELECT event.seq, unit.position,
               CASE
                   WHEN unit.step < 1 OR (unit.step > 1 AND before.unit_id IS NULL) THEN 'step missing'
                   WHEN EXISTS (SELECT 1 FROM custody_unit AS other WHERE other.unit_id = unit.unit_id
                       AND other.step = unit.step AND other.event_id <> unit.event_id) THEN 'step twice'
                   WHEN before.station <> event.from_station AND (event.act NOT IN ('receive', 'settle', 'unpack')
                       OR (event.act = 'settle' AND before.state = 'doubt')) THEN 'not the custodian'
                   WHEN earlier.happened_us > event.happened_us THEN 'before its turn'
               END AS finding,
               unit.unit_id, unit.kind, unit.step, event.act, before.station AS station_before,
               {ACTING} AS station, before.person AS person_before, event.person, event.machine, event.shift,
               event.event_id, earlier.happened_us AS happened_before_us, event.happened_us, event.emulated
        FROM custody_event AS event JOIN custody_unit AS unit ON unit.event_id = event.event_id
        LEFT JOIN custody_unit AS before ON before.unit_id = unit.unit_id AND before.step = unit.step - 1
        LEFT JOIN custody_event AS earlier ON earlier.event_id = before.event_id
        WHERE {DURING} {{filters}}
    ) AS one WHERE finding IS NOT NULL
)
SELECT step.*, {_NUMBER} FROM step
WHERE (seq, position) > (:after_seq, :after_position)
ORDER BY seq, position LIMIT :page
"""  # noqa: S608 own words

_SIGNED = f"event.person, event.act, {ACTING} AS station, event.machine, event.shift"
_MARKS = "event.handoff_id, event.event_id, event.happened_us, event.emulated"
_SAME_PERSON = f"""
SELECT * FROM (
    SELECT event.seq, 'both hands' AS finding, {_SIGNED}, NULL AS number, '' AS unit_id, {_MARKS}
    FROM custody_event AS event WHERE {DURING} AND event.person = event.second_person {{filters}}
    UNION ALL
    SELECT event.seq, 'both sides', {_SIGNED}, NULL, '', {_MARKS}
    FROM custody_event AS event JOIN custody_event AS offer ON offer.event_id = event.handoff_id
    WHERE {DURING} AND event.act IN ('accept', 'refuse')
        AND (event.person IN (offer.person, offer.second_person)
            OR event.second_person IN (offer.person, offer.second_person)) {{filters}}
    UNION ALL
    SELECT DISTINCT event.seq, 'reviewed and inspected', {_SIGNED}, named.number, unit.unit_id, {_MARKS}
    FROM custody_event AS event JOIN custody_unit AS unit ON unit.event_id = event.event_id
    JOIN custody_unit AS born ON born.unit_id = unit.unit_id AND born.step = 1
    JOIN custody_unit AS ordered ON ordered.event_id = born.event_id AND ordered.kind = 'order'
    JOIN custody_unit AS reviewed ON reviewed.unit_id = ordered.unit_id AND reviewed.station = 'review'
    LEFT JOIN unit_number AS named ON named.unit_id = unit.unit_id
    WHERE {DURING} AND event.act = 'accept' AND event.to_station = 'qc' AND unit.kind = 'document'
        AND reviewed.person = event.person {{filters}}
) AS signed
WHERE (seq, unit_id, finding) > (:after_seq, :after_unit_id, :after_finding)
ORDER BY seq, unit_id, finding LIMIT :page
"""  # noqa: S608

_WAY = " ".join(f"WHEN '{station}' THEN {place}" for place, station in enumerate(ROUTE))
_PLACE = (
    "CASE {side} " + _WAY + " ELSE CASE WHEN substr({side}, 1, 7) = 'office:' THEN " + str(len(ROUTE) - 1) + " END END"
)
_AFTERLIVES = {
    "after its end": """unit.step > 1 AND EXISTS (SELECT 1 FROM custody_unit AS over
        WHERE over.unit_id = unit.unit_id AND over.step < unit.step AND over.state = 'ended')""",
    "after dispatch": "before.state = 'outside' AND event.act NOT IN ('receive', 'settle')",
    "duplicate serial": """unit.step = 1 AND EXISTS (SELECT 1 FROM unit_number AS named
        JOIN unit_number AS other ON other.kind = named.kind AND other.number = named.number
        WHERE named.unit_id = unit.unit_id AND other.unit_id <> named.unit_id)""",
    "serial of another blank": """unit.step = 1 AND unit.kind = 'document' AND EXISTS (SELECT 1
        FROM unit_number AS named JOIN unit_number AS other ON other.kind = 'blank' AND other.number = named.number
        WHERE named.unit_id = unit.unit_id AND NOT EXISTS (SELECT 1 FROM custody_unit AS used
            WHERE used.event_id = event.event_id AND used.unit_id = other.unit_id))""",
    "station skipped": f"""event.act = 'accept' AND unit.kind IN ('order', 'document', 'parcel')
        AND {_PLACE.format(side="event.to_station")} > 1 + {_PLACE.format(side="event.from_station")}""",
    "station repeated": """event.act = 'accept' AND unit.kind IN ('order', 'document', 'parcel')
        AND EXISTS (SELECT 1 FROM custody_unit AS been JOIN custody_event AS visit ON visit.event_id = been.event_id
            WHERE been.unit_id = unit.unit_id AND been.step < unit.step AND been.station = unit.station
            AND visit.act = 'accept')""",
}
"""What must not be true of a step, by finding. A step may show several."""
_SHOWN = tuple(enumerate(_AFTERLIVES))
# One look at each step finds the few that show anything; each finding is then asked of those. The conditions stand in
# the WHERE too, because SQLite stops at the first that decides only there.
_AFTERLIFE = f"""
WITH step AS MATERIALIZED (
    SELECT event.seq, unit.position, unit.unit_id, unit.kind, event.act, event.from_station, event.to_station,
           event.person, event.machine, event.shift, event.reason, event.event_id, event.happened_us,
           event.emulated, {", ".join(f"({_AFTERLIVES[what]}) AS shows_{n}" for n, what in _SHOWN)}
    FROM custody_event AS event JOIN custody_unit AS unit ON unit.event_id = event.event_id
    LEFT JOIN custody_unit AS before ON before.unit_id = unit.unit_id AND before.step = unit.step - 1
    WHERE {DURING} {{filters}} AND ({" OR ".join(f"({sql})" for sql in _AFTERLIVES.values())})
)
SELECT step.*, {_NUMBER} FROM (
    {" UNION ALL ".join(f"SELECT step.*, '{what}' AS finding FROM step WHERE shows_{n}" for n, what in _SHOWN)}
) AS step
WHERE (seq, position, finding) > (:after_seq, :after_position, :after_finding)
ORDER BY seq, position, finding LIMIT :page
"""  # noqa: S608


def gaps(
    reading: Reading,
    *,
    station: str | None = None,
    shift: str | None = None,
    person: str | None = None,
    machine: str | None = None,
    kind: str | None = None,
    from_us: int | None = None,
    to_us: int | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> Answer[Gap]:
    """List steps that leave a gap in a unit's custody or overlap with the step before.

    Today, unless asked otherwise. Raises BadCursorError.
    """
    return by_sql(
        reading, Gap, _GAPS, ("seq", "position"), (-1, -1), name="gaps", after=after, limit=limit,
        period=bounded(from_us, to_us), conditions=_UNIT_FILTERS, station=station, shift=shift, person=person,
        machine=machine, kind=kind,
    )  # fmt: skip


def same_person(
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
) -> Answer[SamePerson]:
    """List acts that one person signed where two must: both hands, both sides, or who reviewed and then inspected.

    Whoever accepts a tray at review or QC is taken to have worked it. Today, unless asked otherwise. Raises
    BadCursorError.
    """
    return by_sql(
        reading, SamePerson, _SAME_PERSON, ("seq", "unit_id", "finding"), (-1, "", ""), name="same-person",
        after=after, limit=limit, period=bounded(from_us, to_us), conditions=EVENT_FILTERS, station=station,
        shift=shift, person=person, machine=machine,
    )  # fmt: skip


def afterlife(
    reading: Reading,
    *,
    station: str | None = None,
    shift: str | None = None,
    person: str | None = None,
    machine: str | None = None,
    kind: str | None = None,
    from_us: int | None = None,
    to_us: int | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> Answer[Afterlife]:
    """List acts on units that were done with, serials used twice, and stations skipped or repeated on the way.

    A unit sent back repeats a station rightly; `reason` says so. Today, unless asked otherwise. Raises BadCursorError.
    """
    return by_sql(
        reading, Afterlife, _AFTERLIFE, ("seq", "position", "finding"), (-1, -1, ""), name="afterlife", after=after,
        limit=limit, period=bounded(from_us, to_us), conditions=_UNIT_FILTERS, station=station, shift=shift,
        person=person, machine=machine, kind=kind,
    )  # fmt: skip


def violations(reading: Reading) -> list[dict[str, str]]:
    """Recompute every custody rule from the rows alone and return what breaks one: `rule` and `subject`.

    The subject is a unit's, an event's or a case's id. Nothing here trusts the database's triggers, constraints or
    line tables: they may have been gone when a row was written.
    """
    found = [
        {"rule": rule, "subject": str(row["subject"])}
        for rule, sql in (OPENED_RULES if years(reading) else CUSTODY_RULES).items()
        for row in reading.rows(sql)
    ]
    return found + damaged_roots(reading)
