"""Where the tables of the shift and the log differ: asked when the log is verified, of the rows alone.

`printf %s "$serials" | sha256sum` says whether a count's serials are those that the log has the hash of.
"""

from typing import Final

_FACTS: Final = """
WITH logged AS (
    SELECT said.subject, CASE WHEN said.field LIKE 'place-%' THEN 'place' WHEN said.field LIKE 'passed-%' THEN 'passed'
        ELSE said.field END || ' ' || said.value
        || ' by ' || event.person || ' and ' || coalesce(event.second_person, 'nobody') AS fact
    FROM custody_register AS said JOIN custody_event AS event ON event.event_id = said.event_id
    WHERE said.register = 'shift' AND said.field NOT IN ('digest', 'left', 'stood')
), counted AS (
    SELECT count_id, moment, counted_us, ' by ' || counted_by || ' and ' || counted_second AS hands FROM shift_count
), kept AS (
    SELECT count_id AS subject, 'counted ' || moment || ' ' || counted_us || hands AS fact FROM counted
    UNION ALL SELECT lying.count_id, 'place ' || lying.station || ' ' || lying.place || ' ' || lying.pieces || ' '
        || lying.sha256 || counted.hands FROM shift_counted AS lying JOIN counted ON counted.count_id = lying.count_id
    UNION ALL SELECT counted.count_id, 'differences '
        || (SELECT count(*) FROM shift_difference AS one WHERE one.count_id = counted.count_id) || counted.hands
        FROM counted
    UNION ALL SELECT shift_id, 'opened ' || name || ' ' || opened_us || ' ' || opening_count || ' '
        || coalesce(opening_reason, '-') || counted.hands FROM shift JOIN counted ON counted.count_id = opening_count
    UNION ALL SELECT shift_id, 'closed ' || closed_us || ' ' || closed_how || ' ' || closing_count || ' '
        || coalesce(closing_reason, '-') || counted.hands FROM shift JOIN counted ON counted.count_id = closing_count
    UNION ALL SELECT person.shift_id, 'at-' || person.code || ' ' || person.station || counted.hands
        FROM shift_person AS person JOIN shift ON shift.shift_id = person.shift_id
        JOIN counted ON counted.count_id = shift.opening_count
    UNION ALL SELECT from_shift, 'handed-to ' || to_shift || counted.hands FROM shift_handover
        JOIN shift ON shift.shift_id = from_shift JOIN counted ON counted.count_id = shift.closing_count
    UNION ALL SELECT given.count_id, given.fact || counted.hands FROM (
        SELECT count_id, 'handed-' || station || ' ' || units || ' ' || event_id AS fact FROM shift_handed
        UNION ALL SELECT count_id, 'passed ' || kind || ' ' || subject || ' ' || station FROM shift_passed
        UNION ALL SELECT count_id, 'relieved ' || absent || ' ' || reliever || ' ' || relieved_us || ' ' || reason
            || ' ' || shift_id FROM shift_relief) AS given
        JOIN counted ON counted.count_id = given.count_id
    UNION ALL SELECT 'line', 'evacuated ' || evacuation_id || ' ' || ordered_us || ' ' || reason || ' by ' || ordered_by
        || ' and nobody' FROM evacuation
    UNION ALL SELECT 'line', 'returned ' || evacuation_id || ' ' || returned_us || ' ' || how || ' ' || return_count
        || ' ' || coalesce(forced_reason, '-') || counted.hands FROM evacuation
        JOIN counted ON counted.count_id = return_count
    UNION ALL SELECT evacuation_id, 'settled-return ' || settled_us || ' ' || finding || ' by ' || settled_by
        || ' and ' || settled_second FROM evacuation_settlement
    UNION ALL SELECT shift_id, 'settled-' || moment || ' ' || settled_us || ' ' || finding || ' by ' || settled_by
        || ' and ' || settled_second FROM shift_settlement
)
SELECT subject, 'in the table and not in the log: ' || fact AS what
    FROM (SELECT subject, fact FROM kept EXCEPT SELECT subject, fact FROM logged) AS unlogged
UNION ALL SELECT subject, 'in the log and not in the table: ' || fact AS what
    FROM (SELECT subject, fact FROM logged EXCEPT SELECT subject, fact FROM kept) AS unkept
ORDER BY 1, 2
"""

DIFFERENCES: Final = (("shifts and their counts are what the log says", _FACTS),)
"""Each rule with the SQL that finds what breaks it: `subject` (a shift's or a count's id) and `what`."""
