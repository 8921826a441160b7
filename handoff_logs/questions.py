"""What people ask the log, one named question and one implementation each."""

from typing import Any

from handoff_logs.custody_rules import CUSTODY_RULES
from handoff_logs.reading import Reading, Row
from handoff_logs.roots import damaged_roots

# A number leads to its units; from a parcel down to what was packed in it; then to all that any of them was made of,
# became, was packed in or was remade as.
_DOCUMENT = """
WITH RECURSIVE named(unit_id) AS (
    SELECT unit_id FROM unit_number
    WHERE number = :number OR (number > :number || '/' AND number < :number || '0')
), related(unit_id) AS (
    SELECT unit_id FROM named
    UNION
    SELECT packed.unit_id FROM named
    JOIN custody_unit AS parcel ON parcel.unit_id = named.unit_id AND parcel.step = 1 AND parcel.kind = 'parcel'
    JOIN custody_unit AS packed ON packed.event_id = parcel.event_id AND packed.container = parcel.unit_id
    UNION
    SELECT kin.unit_id FROM related
    JOIN custody_unit AS own ON own.unit_id = related.unit_id
    JOIN custody_event AS event ON event.event_id = own.event_id
        AND event.act IN ('transform', 'void', 'settle', 'pack')
    JOIN custody_unit AS kin ON kin.event_id = own.event_id AND kin.unit_id <> own.unit_id AND (
        event.act = 'transform'
        OR (event.act IN ('void', 'settle') AND event.last_position = 2 AND own.step > 1 AND kin.step = 1)
        OR (event.act = 'pack' AND kin.unit_id = own.container))
)
SELECT event.seq, unit.unit_id, unit.step, unit.kind, unit_number.number, event.act, unit.state, unit.station,
       unit.place, unit.person, event.second_person, event.from_station, event.to_station, event.machine, event.shift,
       event.tray, event.reason, unit.outcome, unit.handoff_id, unit.container, event.event_id, event.happened_us,
       event.due_us, event.written_us, event.emulated
FROM related JOIN custody_unit AS unit ON unit.unit_id = related.unit_id
JOIN custody_event AS event ON event.event_id = unit.event_id
LEFT JOIN unit_number ON unit_number.unit_id = unit.unit_id
ORDER BY event.seq, unit.position
"""
_WAITING = """
SELECT handoff_id, from_station, to_station, person, kind, unit_count, tray, priority, due_us, offered_us, emulated,
       claimed_by, claimed_until_us
FROM open_offer ORDER BY to_station, priority, due_us IS NULL, due_us, offered_us, handoff_id
"""
_TOTALS = """
SELECT station, kind, state, count(*) AS units, min(since_us) AS oldest_us
FROM whereabouts GROUP BY station, kind, state ORDER BY station, kind, state
"""
_SIZE = """
SELECT (SELECT count(*) FROM custody_event) AS events, (SELECT count(*) FROM custody_unit) AS unit_rows,
       (SELECT count(*) FROM custody_event WHERE act = 'accept') AS handoffs,
       (SELECT count(*) FROM custody_unit AS u JOIN custody_event AS e ON e.event_id = u.event_id
        WHERE e.act = 'accept') AS handoff_units,
       (SELECT count(*) FROM custody_case AS c WHERE NOT EXISTS
        (SELECT 1 FROM custody_event AS e WHERE e.case_id = c.case_id)) AS open_cases
"""


def document(reading: Reading, number: str) -> list[Row]:
    """Return the whole custody of what bears a number, a row a step, in the order it was written.

    `number` is a document's, an application's, a blank's or a parcel's. The order, blank, document and parcels that
    belong together come together, with every remake of the application. Empty when the log doesn't know the number.
    """
    rows = reading.rows(_DOCUMENT, number=number)
    applications = {str(row["number"]).partition("/")[0] for row in rows if row["kind"] == "order" and row["number"]}
    for application in applications - {number}:
        rows += reading.rows(_DOCUMENT, number=application)
    unique = {(row["seq"], row["unit_id"]): row for row in rows}
    return [_typed(row) for _, row in sorted(unique.items(), key=lambda item: item[0][0])]


def waiting(reading: Reading) -> list[Row]:
    """Return every open offer in the order its station is to take it; times in microseconds UTC."""
    return [_typed(row) for row in reading.rows(_WAITING)]


def totals(reading: Reading) -> list[Row]:
    """Return how many units of each kind stand in each state at each station, and since when the oldest does."""
    return reading.rows(_TOTALS)


def size(reading: Reading) -> Row:
    """Return the log's own counts: events, unit rows, acceptances, units accepted, open cases."""
    return reading.rows(_SIZE)[0]


def violations(reading: Reading) -> list[dict[str, str]]:
    """Recompute every custody rule from the rows alone and return what breaks one: `rule` and `subject`.

    The subject is a unit's, an event's or a case's id. Nothing here trusts the database's triggers, constraints or
    line tables: they may have been gone when a row was written.
    """
    found = [
        {"rule": rule, "subject": str(row["subject"])}
        for rule, sql in CUSTODY_RULES.items()
        for row in reading.rows(sql)
    ]
    return found + damaged_roots(reading)


def _typed(row: Row) -> dict[str, Any]:
    return row | {"emulated": bool(row["emulated"])}
