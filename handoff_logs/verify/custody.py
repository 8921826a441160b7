"""Step 7: what only all rows together can show of custody, and the tables that must say what the log says."""

# ruff: noqa: S608 (the statements are put together from this program's own words, never from input)

from collections.abc import Sequence

from handoff_logs.custody_rules import TABLE_RULES
from handoff_logs.guard_names import (
    PART_GUARD,
    POSTGRESQL_GUARDS,
    POSTGRESQL_TRIGGERS,
    POSTGRESQL_UNGUARDED_PARTS,
    SQLITE_GUARDS,
    SQLITE_TRIGGERS,
)
from handoff_logs.moves import LEGAL_MOVES
from handoff_logs.projections import Difference, Projection
from handoff_logs.reading import Reading
from handoff_logs.verify.problems import Problem

STEP = 7
MOVES_RULE = "the legal moves are the program's"
GUARDS_RULE = "the guards of the tables are there and switched on"
KEYS_RULE = "an owner's next key, and a key's end, are two people's word"
_ALONE = (
    "SELECT DISTINCT event.event_id FROM custody_event AS event JOIN custody_register AS said"
    " ON said.event_id = event.event_id WHERE said.register = 'key' AND event.second_person IS NULL"
    " AND (said.field = 'revoked' OR (said.field = 'owner' AND EXISTS (SELECT 1 FROM custody_register AS other"
    " JOIN custody_event AS before ON before.event_id = other.event_id WHERE other.register = 'key'"
    " AND other.field = 'owner' AND other.value = said.value AND before.seq < event.seq)))"
)


def verify_custody(reading: Reading, differences: Sequence[Difference] = ()) -> list[Problem]:
    """Return the broken rules of whole tables, the moves and guards that differ, and the differences."""
    problems = table_problems(reading)
    moves = [tuple(row) for row in reading.tuples("SELECT act, before, after FROM custody_move")]
    for move in sorted({move for move in moves if moves.count(move) > 1} | set(moves) ^ LEGAL_MOVES):
        problems.append(Problem(STEP, MOVES_RULE, " ".join(move)))
    sqlite = reading.dialect == "sqlite"
    there = {name for (name,) in reading.tuples(SQLITE_TRIGGERS if sqlite else POSTGRESQL_TRIGGERS)}
    problems += [
        Problem(STEP, GUARDS_RULE, name) for name in sorted((SQLITE_GUARDS if sqlite else POSTGRESQL_GUARDS) - there)
    ]
    if not sqlite:
        unguarded = reading.tuples(POSTGRESQL_UNGUARDED_PARTS)
        problems += [Problem(STEP, GUARDS_RULE, f"{PART_GUARD} of {part}") for (part,) in unguarded]
    for rule, sql in differences:
        problems += [Problem(STEP, rule, f"{row['subject']}: {row['what']}") for row in reading.rows(sql)]
    return problems


def table_problems(reading: Reading) -> list[Problem]:
    """Return the broken rules of whole tables."""
    problems = [
        Problem(STEP, rule, str(subject)) for rule, sql in TABLE_RULES.items() for (subject,) in reading.tuples(sql)
    ]
    return problems + [Problem(STEP, KEYS_RULE, str(subject)) for (subject,) in reading.tuples(_ALONE)]


def followed(reading: Reading, projection: Projection) -> list[Problem]:
    """Return the rows in which a table differs from what the log says, either way."""
    sql = (
        f"WITH kept AS MATERIALIZED ({projection.table}), told AS MATERIALIZED ({projection.log})"
        f" SELECT {projection.subject} FROM (SELECT * FROM kept EXCEPT SELECT * FROM told) AS wrong"
        f" UNION SELECT {projection.subject} FROM (SELECT * FROM told EXCEPT SELECT * FROM kept) AS missing"
    )
    return [Problem(STEP, projection.rule, subject) for subject in sorted(str(one) for (one,) in reading.tuples(sql))]
