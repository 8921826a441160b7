"""Where the tables of rolls and the log differ: asked when the log is verified, of the rows alone."""

from typing import Final

from stations.rolls.rules import TOLD

_OF_ROLL: Final = ("kind", "pieces", "note")
"""What the first step of a roll says of the roll."""


def _said(name: str) -> str:
    column = f"roll.{name}" if name in _OF_ROLL else f"step.{name}"
    if name == "emulated":
        column = f"CASE WHEN {column} THEN 1 ELSE 0 END"
    said = f"' {name}=' || {column}"
    return f"CASE WHEN step.step = 1 THEN {said} ELSE '' END" if name in _OF_ROLL else f"coalesce({said}, '')"


# The blank before the first is the one after the field.
FACTS: Final = f"""
WITH logged AS (
    SELECT said.subject, said.field || ' ' || said.value || ' by ' || event.person
        || coalesce(' and ' || event.second_person, '') AS fact
    FROM custody_register AS said JOIN custody_event AS event ON event.event_id = said.event_id
    WHERE said.register = 'roll'
), kept AS (
    SELECT step.number AS subject, 'step-' || step.step || {" || ".join(map(_said, TOLD))} || ' by ' || step.person
        || coalesce(' and ' || step.second_person, '') AS fact
    FROM roll_step AS step JOIN roll ON roll.number = step.number
    UNION ALL SELECT number, 'without a step' FROM roll
        WHERE NOT EXISTS (SELECT 1 FROM roll_step WHERE roll_step.number = roll.number)
)
SELECT subject, 'in the table and not in the log: ' || fact AS what
    FROM (SELECT subject, fact FROM kept EXCEPT SELECT subject, fact FROM logged) AS unlogged
UNION ALL SELECT subject, 'in the log and not in the table: ' || fact AS what
    FROM (SELECT subject, fact FROM logged EXCEPT SELECT subject, fact FROM kept) AS unkept
ORDER BY 1, 2
"""  # noqa: S608 our own names

DIFFERENCES: Final = (("rolls are what the log says", FACTS),)
"""Each rule with the SQL that finds what breaks it: `subject` (a roll's number) and `what`."""
