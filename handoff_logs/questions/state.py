"""Question 16: the log's own state; and its totals, counted."""

from typing import TypedDict

from handoff_logs.questions.answers import ODD, Answer, of_rows
from handoff_logs.reading import Reading, Row


class State(TypedDict):
    """How far the log reaches and what is open in it. Nothing here reads the whole log: `size` counts."""

    last_seq: int
    first_written_us: int | None
    last_written_us: int | None
    last_act: str | None
    last_station: str | None
    open_offers: int
    oldest_offer_us: int | None
    open_cases: int
    corrections: int
    odd_times: int
    origin: str | None
    sealed: int
    unsealed: int
    oldest_unsealed_us: int | None
    witnessed: int
    witnessed_at_us: int | None
    schema: str
    emulated: bool


LAST_SEALED = "(SELECT coalesce(max(event_seq), 0) FROM seal_leaf)"
"""What is newer than the newest leaf is unsealed; what a sealer left out below it is for verification to find."""

_STATE = f"""
SELECT coalesce(last.seq, 0) AS last_seq, first.written_us AS first_written_us, last.written_us AS last_written_us,
       last.act AS last_act, last.from_station AS last_station, (SELECT count(*) FROM open_offer) AS open_offers,
       (SELECT min(offered_us) FROM open_offer) AS oldest_offer_us,
       (SELECT count(*) FROM custody_case WHERE NOT EXISTS (
           SELECT 1 FROM custody_event WHERE custody_event.case_id = custody_case.case_id)) AS open_cases,
       (SELECT count(*) FROM custody_event WHERE corrects IS NOT NULL) AS corrections,
       (SELECT count(*) FROM custody_event AS event WHERE {ODD}) AS odd_times,
       (SELECT origin FROM seal_origin ORDER BY epoch DESC LIMIT 1) AS origin,
       (SELECT coalesce(max(size), 0) FROM seal_checkpoint WHERE epoch = (SELECT max(epoch) FROM seal_origin))
           AS sealed,
       (SELECT count(*) FROM custody_event WHERE seq > {LAST_SEALED}) AS unsealed,
       (SELECT min(written_us) FROM custody_event WHERE seq > {LAST_SEALED}) AS oldest_unsealed_us,
       (SELECT coalesce(max(size), 0) FROM seal_cosignature WHERE epoch = (SELECT max(epoch) FROM seal_origin))
           AS witnessed,
       (SELECT max(time_s) * 1000000 FROM seal_cosignature) AS witnessed_at_us,
       head.version_num AS schema, coalesce(last.emulated, false) AS emulated
FROM alembic_version_custody AS head
LEFT JOIN custody_event AS last ON last.seq = (SELECT max(seq) FROM custody_event)
LEFT JOIN custody_event AS first ON first.seq = (SELECT min(seq) FROM custody_event)
"""  # noqa: S608 own words
_TOTALS = """
SELECT station, kind, state, count(*) AS units, min(since_us) AS oldest_us
FROM whereabouts GROUP BY station, kind, state ORDER BY station, kind, state
"""
_SIZE = """
SELECT (SELECT count(*) FROM custody_event) AS events, (SELECT count(*) FROM custody_unit) AS unit_rows,
       (SELECT count(*) FROM custody_event WHERE act = 'accept') AS handoffs,
       (SELECT count(*) FROM custody_unit AS u JOIN custody_event AS e ON e.event_id = u.event_id
        WHERE e.act = 'accept') AS handoff_units,
       (SELECT count(*) FROM custody_case AS c WHERE NOT EXISTS
        (SELECT 1 FROM custody_event AS e WHERE e.case_id = c.case_id)) AS open_cases
"""


def state(reading: Reading, *, after: str | None = None, limit: int | None = None) -> Answer[State]:
    """Tell in one row how far the log reaches and what is open in it, without reading it all. Raises BadCursorError."""
    return of_rows(State, reading.rows(_STATE), ("last_seq",), name="state", after=after, limit=limit)


def totals(reading: Reading) -> list[Row]:
    """Return how many units of each kind stand in each state at each station, and since when the oldest does."""
    return reading.rows(_TOTALS)


def size(reading: Reading) -> Row:
    """Return the log's own counts: events, unit rows, acceptances, units accepted, open cases."""
    return reading.rows(_SIZE)[0]
