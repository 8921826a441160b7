"""Question 9: the balance of blanks of each station, and the serials that nobody can account for."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any, TypedDict

from handoff_logs.projections import BLANK_STEP, MARK_US
from handoff_logs.questions.answers import Answer, Period, bounded, of_rows
from handoff_logs.reading import Reading, Row


class BlankBalance(TypedDict):
    """One station's blanks over a period; each blank in exactly one term.

    opening + received = made + handed_on + destroyed + lost + still here, where still here = good + in_machine +
    voided + in_doubt + offered + missing. `voided` is defaced and awaits destruction. `missing`: a count did not find
    it and nobody has settled it. `unaccounted` is what the equation leaves over (0, or records are broken).
    `serials` names what is missing or unaccounted, at most 20.
    """

    station: str
    opening: int
    received: int
    made: int
    handed_on: int
    destroyed: int
    lost: int
    good: int
    in_machine: int
    voided: int
    in_doubt: int
    offered: int
    missing: int
    unaccounted: int
    serials: str
    emulated: bool


LEAVING = ("made", "handed_on", "destroyed", "lost")
HERE = ("good", "in_machine", "voided", "in_doubt", "offered", "missing")
NAMED = 20
"""Serials that are named; `differences` lists the missing ones in full."""

_ENDS = {"transform": "made", "destroy": "destroyed", "settle": "lost"}
# How blanks stood at the last full eight hours before the period is in the sums (`handoff_logs.blank_tally`). A blank
# that moved after that, or of which a record says something that no sum has yet, is told by its steps and taken out of
# the sums. `CROSS JOIN` and `MATERIALIZED`: else SQLite and PostgreSQL go through all units in their order, to have
# them distinct.
_SUMS = """
SELECT station, term, CASE WHEN emulated THEN 1 ELSE 0 END AS emulated, sum(change) AS blanks FROM blank_change
WHERE since_us < :begin_us GROUP BY 1, 2, 3
"""
_UNTALLIED = """
SELECT event_id FROM custody_event
WHERE seq > (SELECT coalesce(max(upto_seq), 0) FROM blank_tally) AND happened_us < :begin_us
"""
_MOVED = f"""
WITH act(event_id) AS MATERIALIZED (
    SELECT event_id FROM custody_event WHERE happened_us >= :begin_us AND happened_us < :to_us
    UNION ALL {_UNTALLIED}
), moved(unit_id) AS MATERIALIZED (
    SELECT DISTINCT unit.unit_id FROM act CROSS JOIN custody_unit AS unit
    WHERE unit.event_id = act.event_id AND unit.kind = 'blank'
)
SELECT {BLANK_STEP}, unit.state, unit.event_id, event.act
FROM moved CROSS JOIN custody_unit AS unit JOIN custody_event AS event ON event.event_id = unit.event_id
WHERE unit.unit_id = moved.unit_id AND event.happened_us < :to_us
ORDER BY unit.unit_id, unit.step
"""  # noqa: S608 own names
_MISSING = """
SELECT unit.unit_id, unit.station
FROM custody_case AS opened JOIN custody_unit AS unit ON unit.event_id = opened.event_id
    AND unit.unit_id = opened.unit_id AND unit.kind = 'blank'
JOIN custody_event AS event ON event.event_id = unit.event_id
WHERE opened.kind = 'missing' AND event.happened_us < :begin_us AND NOT EXISTS (
    SELECT 1 FROM custody_unit AS later JOIN custody_event AS act ON act.event_id = later.event_id
    WHERE later.unit_id = unit.unit_id AND later.step > unit.step AND act.happened_us < :begin_us)
"""
_SERIAL = "SELECT number FROM unit_number WHERE unit_id = :unit_id"


def blanks(
    reading: Reading,
    *,
    station: str | None = None,
    from_us: int | None = None,
    to_us: int | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> Answer[BlankBalance]:
    """Balance the blanks of each station over a period, from the log's rows, and name what is not accounted for.

    Today, unless asked otherwise. Raises BadCursorError.
    """
    period = bounded(from_us, to_us)
    terms: dict[str, dict[str, int]] = {}
    suspects: dict[str, list[str]] = {}
    for place, suspect, counted in _told(reading, period):
        total = terms.setdefault(place, dict.fromkeys(("opening", "received", *LEAVING, *HERE, "emulated"), 0))
        for term, count in counted.items():
            total[term] += count
        if suspect is not None:
            suspects.setdefault(place, []).append(suspect)
    rows = [
        {
            "station": place,
            **total,
            "unaccounted": _left_over(total),
            "serials": _serials(reading, suspects.get(place, ())),
        }
        for place, total in terms.items()
        if station in (None, place) and any(total.values())
    ]
    return of_rows(BlankBalance, rows, ("station",), name="blanks", after=after, limit=limit, period=period)


Counted = tuple[str, str | None, dict[str, int]]
"""Some blanks' terms at a station; and which of them is to be named, if one is."""


def _told(reading: Reading, period: Period) -> Iterator[Counted]:
    """Each blank that moved, and then all others by how they stood, a row for those that stand alike."""
    begin_us = period.from_us // MARK_US * MARK_US
    sums = reading.rows(_SUMS, begin_us=begin_us)
    stood = Counter({(row["station"], row["term"], row["emulated"]): int(row["blanks"]) for row in sums})
    untallied = {row["event_id"] for row in reading.rows(_UNTALLIED, begin_us=begin_us)}
    moved = set()
    for unit_id, rows in groupby(reading.stream(_MOVED, begin_us=begin_us, to_us=period.to_us), itemgetter("unit_id")):
        steps = list(rows)
        moved.add(unit_id)
        in_sums = [step for step in steps if step["happened_us"] < begin_us and step["event_id"] not in untallied]
        if in_sums and _is_here(in_sums[-1]):
            last = in_sums[-1]
            stood[last["station"], last["term"], int(last["emulated"])] -= 1
        for place, counted in _counted(steps, period):
            yield place, unit_id if counted.get("missing") or _left_over(counted) else None, counted
    for (place, term, emulated), count in stood.items():
        yield place, None, {"opening": count, term: count} | ({"emulated": count} if emulated else {})
    if any(count for (_, term, _), count in stood.items() if term == "missing"):
        for row in reading.rows(_MISSING, begin_us=begin_us):
            if row["unit_id"] not in moved:
                yield row["station"], row["unit_id"], {}


def _counted(steps: Iterable[Row], period: Period) -> Iterator[tuple[str, dict[str, int]]]:
    """One blank's terms, by station: what it opened as, how it came and went, and how it stands at the end."""
    terms: dict[str, dict[str, int]] = {}

    def count(place: str, term: str) -> None:
        own = terms.setdefault(place, {})
        own[term] = own.get(term, 0) + 1

    before: dict[str, Any] | None = None
    opened: dict[str, Any] | None = None
    for step in steps:
        if step["happened_us"] < period.from_us:
            opened = step
        else:
            _pass(before, step, count)
        before = step
    if opened is not None and _is_here(opened):
        count(opened["station"], "opening")
    if before is not None and _is_here(before):
        count(before["station"], before["term"])
    if before is not None and before["emulated"]:
        for own in terms.values():
            own["emulated"] = 1
    yield from terms.items()


def _pass(before: Row | None, step: Row, count: Any) -> None:
    came_from = before["station"] if before is not None and _is_here(before) else None
    goes_to = step["station"] if _is_here(step) else None
    if came_from == goes_to:
        return
    if came_from is not None:
        count(came_from, _ENDS.get(step["act"], "handed_on") if step["state"] == "ended" else "handed_on")
    if goes_to is not None:
        count(goes_to, "received")


def _is_here(step: Row) -> bool:
    return step["term"] is not None


def _left_over(terms: dict[str, int]) -> int:
    came = terms.get("opening", 0) + terms.get("received", 0)
    return came - sum(terms.get(term, 0) for term in (*LEAVING, *HERE))


def _serials(reading: Reading, unit_ids: Iterable[str]) -> str:
    units = sorted(unit_ids)
    named = []
    for unit_id in units[:NAMED]:
        number = reading.rows(_SERIAL, unit_id=unit_id)
        named.append(number[0]["number"] if number else unit_id)
    more = f" and {len(units) - NAMED} more" if len(units) > NAMED else ""
    return ", ".join(named) + more
