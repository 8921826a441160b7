"""Where the tables of the gate and the log differ: asked when the log is verified, of the rows alone."""

from typing import Final

_FACTS: Final = """
WITH logged AS (
    SELECT said.subject, said.value || ' at ' || event.happened_us || ' ' || coalesce(event.reason, '-') || ' by '
        || event.person || ' and ' || coalesce(event.second_person, 'nobody') AS fact
    FROM custody_register AS said JOIN custody_event AS event ON event.event_id = said.event_id
    WHERE said.register = 'gate'
), passed AS (
    SELECT number, coalesce(person, 'nobody') AS subject,
        ' ' || number || ' ' || coalesce(reader, '-') || ' ' || coalesce(shower, '-') AS what FROM gate_passage
), kept AS (
    SELECT passed.subject, ended.outcome || passed.what || ' at ' || ended.ended_us || ' '
        || coalesce(ended.reason, '-') || ' by ' || coalesce(ended.settled_by, 'passline') || ' and '
        || coalesce(ended.settled_second, 'nobody') AS fact
        FROM gate_ending AS ended JOIN passed ON passed.number = ended.number
    UNION ALL SELECT passed.subject, 'unknown' || passed.what || ' at ' || step.at_us || ' ' || step.reason
        || ' by passline and nobody'
        FROM gate_step AS step JOIN passed ON passed.number = step.number
        WHERE step.step = 'unknown' AND step.reason <> 'found-by-two'
    UNION ALL SELECT code, 'admitted ' || shift_id || ' until ' || until_us || ' at ' || admitted_us || ' - by '
        || admitted_by || ' and nobody' FROM gate_admission
)
SELECT subject, 'in the table and not in the log: ' || fact AS what
    FROM (SELECT subject, fact FROM kept EXCEPT SELECT subject, fact FROM logged) AS unlogged
UNION ALL SELECT subject, 'in the log and not in the table: ' || fact AS what
    FROM (SELECT subject, fact FROM logged EXCEPT SELECT subject, fact FROM kept) AS unkept
ORDER BY 1, 2
"""

DIFFERENCES: Final = (("the gate's passages and admissions are what the log says", _FACTS),)
"""Each rule with the SQL that finds what breaks it: `subject` (a staff code) and `what`."""
