"""Where the suspensions, the machines' zones and the log differ: asked when the log is verified, of the rows alone."""

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

# A machine that stood in no zone would draw in whatever air.
_STANDS: Final = """
WITH logged AS (
    SELECT said.value AS subject, said.subject AS zone
    FROM custody_register AS said JOIN custody_event AS event ON event.event_id = said.event_id
    WHERE said.register = 'threshold' AND said.subject LIKE 'climate/%' AND said.field LIKE 'machine-%'
        AND said.value IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM custody_register AS later JOIN custody_event AS after ON after.event_id = later.event_id
            WHERE later.register = said.register AND later.subject = said.subject AND later.field = said.field
                AND after.seq > event.seq)
), kept AS (
    SELECT machine AS subject, 'climate/' || zone AS zone FROM climate_machine
)
SELECT subject, 'stands in the table and not in the log in ' || zone AS what
    FROM (SELECT subject, zone FROM kept EXCEPT SELECT subject, zone FROM logged) AS unlogged
UNION ALL SELECT subject, 'stands in the log and not in the table in ' || zone AS what
    FROM (SELECT subject, zone FROM logged EXCEPT SELECT subject, zone FROM kept) AS unkept
ORDER BY 1, 2
"""

DIFFERENCES: Final = (
    ("suspensions for climate are what the log says", _FACTS),
    ("machines stand in the zones that the log says", _STANDS),
)
"""Each rule with the SQL that finds what breaks it: `subject` (a suspension's id, or a machine) and `what`."""
