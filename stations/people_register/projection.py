"""Where the register's tables and the log differ: asked when the log is verified, of the rows alone."""

from typing import Final

_FACTS: Final = """
WITH entry AS (
    SELECT said.register, said.subject, said.field, said.value, event.person, event.second_person,
           row_number() OVER (PARTITION BY said.register, said.subject, said.field
                              ORDER BY event.seq DESC, said.position DESC) AS age
    FROM custody_register AS said JOIN custody_event AS event ON event.event_id = said.event_id
    WHERE said.register IN ('person', 'role', 'badge')
), logged AS (
    SELECT subject, field || ' ' || value || CASE
        WHEN field IN ('founder', 'password') OR subject IN (person, second_person) THEN ''
        ELSE ' by ' || person || ' and ' || coalesce(second_person, 'nobody') END AS fact
    FROM entry WHERE age = 1 AND value IS NOT NULL
), kept AS (
    SELECT code AS subject, 'enrolled ' || enrolled_us
        || coalesce(' by ' || enrolled_by || ' and ' || enrolled_second, '') AS fact FROM person
    UNION ALL SELECT code, 'founder ' || founder FROM person WHERE founder IS NOT NULL
    UNION ALL SELECT code, 'ended ' || ended_us || ' by ' || ended_by || ' and ' || ended_second
        FROM person WHERE ended_us IS NOT NULL
    UNION ALL SELECT code, role || ' ' || given_us
        || coalesce(' by ' || given_by || ' and ' || given_second, '') FROM person_role
    UNION ALL SELECT code, 'password ' || set_us FROM person_password
    UNION ALL SELECT mac, 'issued ' || code || ' ' || issued_us || ' by ' || issued_by || ' and ' || issued_second
        FROM person_badge
    UNION ALL SELECT mac, 'ended ' || ended_how || ' ' || ended_us || ' by ' || ended_by || ' and '
        || coalesce(ended_second, 'nobody') FROM person_badge WHERE ended_us IS NOT NULL
)
SELECT subject, 'in the table and not in the log: ' || fact AS what
    FROM (SELECT subject, fact FROM kept EXCEPT SELECT subject, fact FROM logged) AS unlogged
UNION ALL SELECT subject, 'in the log and not in the table: ' || fact AS what
    FROM (SELECT subject, fact FROM logged EXCEPT SELECT subject, fact FROM kept) AS unkept
ORDER BY 1, 2
"""

# Whoever founds the register has nothing yet to sign in with.
_SIGN_INS: Final = """
WITH signed AS (
    SELECT event_id, person, sign_in, written_us FROM custody_event WHERE sign_in IS NOT NULL
    UNION ALL SELECT event_id, second_person, second_sign_in, written_us FROM custody_event
        WHERE second_sign_in IS NOT NULL
)
SELECT event_id AS subject, 'not by an accepted sign-in of ' || coalesce(person, 'anybody') AS what FROM signed
    WHERE NOT EXISTS (SELECT 1 FROM sign_in_attempt AS attempt WHERE attempt.attempt_id = signed.sign_in
        AND attempt.code = signed.person AND attempt.outcome = 'accepted' AND attempt.at_us <= signed.written_us)
UNION ALL
SELECT DISTINCT event.event_id, 'changed the register of people without a sign-in' FROM custody_event AS event
    JOIN custody_register AS said ON said.event_id = event.event_id AND said.register IN ('person', 'role', 'badge')
    WHERE (event.sign_in IS NULL OR (event.second_person IS NOT NULL AND event.second_sign_in IS NULL))
    AND NOT EXISTS (SELECT 1 FROM custody_register AS founding WHERE founding.event_id = event.event_id
        AND founding.register = 'person' AND founding.field = 'founder')
ORDER BY 1, 2
"""

DIFFERENCES: Final = (
    ("the register of people is what the log says", _FACTS),
    ("whoever signed had signed in", _SIGN_INS),
)
"""Each rule with the SQL that finds what breaks it: `subject` (a code, a badge's MAC, an event's id), `what`."""
