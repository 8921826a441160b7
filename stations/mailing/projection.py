"""Where the tables of deliveries and returns differ from the log: asked when the log is verified, of the rows alone."""

from typing import Final

FACTS: Final = """
WITH logged AS (
    SELECT said.subject, said.field || ' ' || said.value || ' by ' || event.person || ' and ' || event.second_person
        AS fact
    FROM custody_register AS said JOIN custody_event AS event ON event.event_id = said.event_id
    WHERE said.register = 'delivery' AND said.field IN ('delivered', 'returned', 'lost')
), kept AS (
    SELECT about.parcel_unit AS subject, told.kind || ' ' || told.sha256 || ' by ' || told.loaded_by || ' and '
        || told.loaded_second AS fact
    FROM delivered_parcel AS about JOIN delivery_event AS told ON told.event_id = about.event_id
    UNION ALL SELECT told.event_id, 'of no parcel' FROM delivery_event AS told WHERE NOT EXISTS (
        SELECT 1 FROM delivered_parcel AS about WHERE about.event_id = told.event_id)
)
SELECT subject, 'in the table and not in the log: ' || fact AS what
    FROM (SELECT subject, fact FROM kept EXCEPT SELECT subject, fact FROM logged) AS unlogged
UNION ALL SELECT subject, 'in the log and not in the table: ' || fact AS what
    FROM (SELECT subject, fact FROM logged EXCEPT SELECT subject, fact FROM kept) AS unkept
ORDER BY 1, 2
"""
RECEIVED: Final = """
SELECT back.parcel_unit AS subject, 'received by no record of the log' AS what FROM returned_parcel AS back
WHERE NOT EXISTS (
    SELECT 1 FROM custody_event AS event JOIN custody_unit AS unit ON unit.event_id = event.event_id
    WHERE event.event_id = back.record AND event.act = 'receive' AND unit.unit_id = back.parcel_unit
        AND event.person = back.received_by AND event.second_person = back.received_second)
UNION ALL SELECT here.unit_id, 'waits among what came back, which the table does not say' FROM whereabouts AS here
WHERE here.station = 'mailing' AND here.state = 'held' AND here.kind = 'parcel' AND here.place = 'returned'
    AND NOT EXISTS (SELECT 1 FROM returned_parcel AS back
        WHERE back.parcel_unit = here.unit_id AND back.decision IS NULL)
ORDER BY 1, 2
"""

DIFFERENCES: Final = (
    ("what carriers said is what the log says", FACTS),
    ("what came back is what the log says", RECEIVED),
)
"""Each rule with the SQL that finds what breaks it: `subject` (a parcel, or an event without one) and `what`."""
