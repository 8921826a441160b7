"""Where the suspensions and the log differ: asked when the log is verified, of the rows alone."""

from typing import Final

_FACTS: Final = """
WITH logged AS (
    SELECT said.subject, said.field || ' ' || said.value || ' by ' || event.person || ' and '
        || coalesce(event.second_person, 'nobody') AS fact
    FROM custody_register AS said JOIN custody_event AS event ON event.event_id = said.event_id
    WHERE said.register = 'climate'
), kept AS (
    SELECT suspension_id AS subject, 'suspended ' || zone || ' ' || suspended_us || ' ' || out_since_us || ' '
        || sensor || ' ' || figure || ' by passline and nobody' AS fact FROM climate_suspension
    UNION ALL SELECT suspension_id, 'resumed ' || zone || ' ' || resumed_us || ' '
        || coalesce(CAST(accepted_until_us AS VARCHAR), '-') || ' ' || reason || ' by ' || resumed_by || ' and '
        || coalesce(resumed_second, 'nobody') FROM climate_suspension WHERE resumed_us IS NOT NULL
)
SELECT subject, 'in the table and not in the log: ' || fact AS what
    FROM (SELECT subject, fact FROM kept EXCEPT SELECT subject, fact FROM logged) AS unlogged
UNION ALL SELECT subject, 'in the log and not in the table: ' || fact AS what
    FROM (SELECT subject, fact FROM logged EXCEPT SELECT subject, fact FROM kept) AS unkept
ORDER BY 1, 2
"""

DIFFERENCES: Final = (("suspensions for climate are what the log says", _FACTS),)
"""Each rule with the SQL that finds what breaks it: `subject` (a suspension's id) and `what`."""
