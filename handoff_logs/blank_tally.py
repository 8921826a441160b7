"""How many blanks stand where, summed up by eight hours: so that a past time needs no step since.

The records are tallied in their order, some thousand at a time and each once, by the sealer. What each portion says is
how it changes the sums, also those of long ago where a record came late. What is not tallied yet is read by whoever
asks; so the answer is the same without any tally, only slower.
"""

from typing import Final

from sqlalchemy import Connection, text

from handoff_logs.dialects import clock_us
from handoff_logs.projections import BLANK_CHANGE_COLUMNS, BLANK_CHANGES, BLANK_STEP, BLANKS_CHANGED, blank_told
from handoff_logs.reading import BY_INDEX
from handoff_logs.statements import Statement

PORTION: Final = 5_000
"""Records that are tallied at a time: what a question may have to read one by one, and how long a writer waits."""
LAG_US: Final = 300_000_000
"""How old the last of them is. On PostgreSQL a writer has its record's number a moment before it can be seen that it is
writing; a number below those tallied would never be tallied."""

_AFTER = Statement("SELECT coalesce(max(upto_seq), 0) FROM blank_tally")
_UPTO = Statement("SELECT seq, written_us FROM custody_event WHERE seq > :after ORDER BY seq LIMIT 1 OFFSET :most")
_TALLIED = Statement("INSERT INTO blank_tally (after_seq, upto_seq) VALUES (:after, :upto)")
_COLUMNS: Final = ", ".join(("after_seq", *BLANK_CHANGE_COLUMNS))
# Each blank that moved in the portion is told anew, and what was told of it before is taken off.
_CHANGED = Statement(
    f"""
    INSERT INTO blank_change ({_COLUMNS})
    WITH act(event_id) AS MATERIALIZED (
        SELECT event_id FROM custody_event WHERE seq > :after AND seq <= :upto
    ), moved(unit_id) AS MATERIALIZED (
        SELECT DISTINCT unit.unit_id FROM act CROSS JOIN custody_unit AS unit
        WHERE unit.event_id = act.event_id AND unit.kind = 'blank'
    ), step AS MATERIALIZED (
        SELECT {BLANK_STEP}, event.seq
        FROM moved CROSS JOIN custody_unit AS unit JOIN custody_event AS event ON event.event_id = unit.event_id
        WHERE unit.unit_id = moved.unit_id AND event.seq <= :upto
    ), told AS ({blank_told()} UNION ALL {blank_told("-1", "WHERE seq <= :after")})
    SELECT :after, changed.* FROM ({BLANKS_CHANGED}) AS changed
    """  # noqa: S608 own names
)
REBUILD: Final = (
    "DELETE FROM blank_change",
    "DELETE FROM blank_tally",
    "INSERT INTO blank_tally (after_seq, upto_seq) SELECT 0, max(seq) FROM custody_event HAVING max(seq) > 0",
    f"INSERT INTO blank_change ({_COLUMNS}) SELECT 0, changed.* FROM ({BLANK_CHANGES}) AS changed",  # noqa: S608
)
"""What tallies a whole log anew, while nobody writes to it."""


def follow(tx: Connection, settled: int, most: int = PORTION, lag_us: int = LAG_US) -> bool:
    """Tally the next `most` records, if all of them are there; returns whether it did.

    `settled`: the number up to which no writer is at work any more. Two at once tally nothing twice: the second one is
    refused by the table's key.
    """
    ((after,),) = _AFTER.run(tx).fetchall()
    last = _UPTO.run(tx, {"after": after, "most": most - 1}).fetchone()
    if last is None or last[0] > settled or last[1] > clock_us(tx) - lag_us:
        return False
    if tx.dialect.name == "postgresql":
        tx.exec_driver_sql(BY_INDEX)
    portion = {"after": after, "upto": last[0]}
    _TALLIED.run(tx, portion)
    _CHANGED.run(tx, portion)
    return True


def rebuild(tx: Connection) -> None:
    """Tally the whole log anew, while nobody writes to it."""
    for statement in REBUILD:
        tx.execute(text(statement))
