"""Where the tables of patrols and the log differ: asked when the log is verified, of the rows alone.

Texts are compared by whoever shows them, with the hash that the log has: `printf %s "$what" | sha256sum`.
"""

from typing import Final

_FACTS: Final = """
WITH logged AS (
    SELECT said.subject, CASE WHEN said.field LIKE 'answer-%' THEN 'answer' ELSE said.field END || ' ' || said.value
        || ' by ' || event.person AS fact
    FROM custody_register AS said JOIN custody_event AS event ON event.event_id = said.event_id
    WHERE said.register = 'patrol'
), kept AS (
    SELECT round_id AS subject, 'walked ' || patrol || ' ' || walked_us || ' ' || shift || ' ' || answers || ' ' || plan
        || ' by ' || person AS fact FROM patrol_round
    UNION ALL SELECT answer.round_id, 'answer ' || point || ' ' || item || ' ' || answer || ' by ' || person
        FROM patrol_answer AS answer JOIN patrol_round AS walked ON walked.round_id = answer.round_id
    UNION ALL SELECT 'finding-' || finding_id, 'found ' || finding.round_id || ' ' || point || ' ' || item || ' '
        || kind || ' ' || coalesce(machine, '-') || ' ' || coalesce(photo, '-') || ' ' || what_sha256 || ' ' || found_us
        || ' by ' || person
        FROM patrol_finding AS finding JOIN patrol_round AS walked ON walked.round_id = finding.round_id
    UNION ALL SELECT 'finding-' || finding_id, 'step-' || position || ' ' || step || ' ' || at_us || ' '
        || coalesce(what_sha256, '-') || ' by ' || person FROM patrol_step
)
SELECT subject, 'in the table and not in the log: ' || fact AS what
    FROM (SELECT subject, fact FROM kept EXCEPT SELECT subject, fact FROM logged) AS unlogged
UNION ALL SELECT subject, 'in the log and not in the table: ' || fact AS what
    FROM (SELECT subject, fact FROM logged EXCEPT SELECT subject, fact FROM kept) AS unkept
UNION ALL SELECT 'finding-' || finding_id, 'ended without anybody who looked, or open after it' FROM patrol_finding AS f
    WHERE ended <> EXISTS (SELECT 1 FROM patrol_step AS s WHERE s.finding_id = f.finding_id AND s.step = 'checked')
ORDER BY 1, 2
"""

DIFFERENCES: Final = (("patrols and their findings are what the log says", _FACTS),)
"""Each rule with the SQL that finds what breaks it: `subject` (a round's id, or a finding) and `what`."""
