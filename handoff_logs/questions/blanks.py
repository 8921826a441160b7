"""Question 9: the balance of blanks of each station, and the serials that nobody can account for."""

from collections.abc import Iterable, Iterator
from itertools import chain, groupby
from operator import itemgetter
from typing import Any, TypedDict

from handoff_logs.questions.answers import Answer, Period, bounded, of_rows
from handoff_logs.reading import Reading, Row
from handoff_logs.records import is_outside


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
_STANDS = {
    "void": "voided",
    "doubt": "in_doubt",
    "missing": "missing",
    "void_missing": "missing",
    **dict.fromkeys(("offered", "refused", "void_offered", "void_refused"), "offered"),
}

# A blank that moved since the period began is told by its steps. All others that were here then still stand where they
# stood, by their last step, and are counted, the missing ones by their ids; station by station, because that is how the
# whereabouts are indexed. `CROSS JOIN` and `MATERIALIZED`: else SQLite and PostgreSQL go through all units in their
# order, to have them distinct or sorted.
_STEPS = """
WITH since(event_id) AS MATERIALIZED (
    SELECT event_id FROM custody_event WHERE happened_us >= :from_us
), moved(unit_id) AS MATERIALIZED (
    SELECT DISTINCT unit.unit_id FROM since CROSS JOIN custody_unit AS unit
    WHERE unit.event_id = since.event_id AND unit.kind = 'blank'
)
SELECT unit.unit_id, unit.step, unit.state, unit.station, unit.place, event.act, event.machine, event.happened_us,
       event.emulated
FROM moved CROSS JOIN custody_unit AS unit JOIN custody_event AS event ON event.event_id = unit.event_id
WHERE unit.unit_id = moved.unit_id AND event.happened_us < :to_us
ORDER BY unit.unit_id, unit.step
"""
_STOOD = """
WITH RECURSIVE place(station) AS (
    SELECT min(station) FROM whereabouts
    UNION ALL
    SELECT (SELECT min(station) FROM whereabouts WHERE whereabouts.station > place.station)
    FROM place WHERE place.station IS NOT NULL
)
SELECT unit.station, unit.state, unit.place, event.machine, CASE WHEN event.emulated THEN 1 ELSE 0 END AS emulated,
       CASE WHEN unit.state IN ('missing', 'void_missing') THEN unit.unit_id END AS missing, count(*) AS blanks
FROM place JOIN whereabouts AS here ON here.station = place.station AND here.kind = 'blank'
    AND here.state IN ('held', 'offered', 'refused', 'missing', 'packed', 'void', 'void_offered', 'void_refused',
        'void_missing', 'doubt')
JOIN custody_unit AS unit ON unit.unit_id = here.unit_id AND unit.step = here.step
JOIN custody_event AS event ON event.event_id = unit.event_id
WHERE NOT EXISTS (SELECT 1 FROM custody_unit AS own JOIN custody_event AS act ON act.event_id = own.event_id
    WHERE own.unit_id = here.unit_id AND act.happened_us >= :from_us)
GROUP BY unit.station, unit.state, unit.place, event.machine, 5, 6
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
    for place, suspect, counted in chain(_stood(reading, period), _moved(reading, period)):
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


def _stood(reading: Reading, period: Period) -> Iterator[Counted]:
    """All blanks that did not move since the period began, a row for those that stand alike."""
    for row in reading.rows(_STOOD, from_us=period.from_us):
        if _is_here(row):
            emulated = {"emulated": 1} if row["emulated"] else {}
            yield row["station"], row["missing"], {"opening": row["blanks"], _stands(row): row["blanks"]} | emulated


def _moved(reading: Reading, period: Period) -> Iterator[Counted]:
    """Each blank that moved since then."""
    steps = reading.stream(_STEPS, from_us=period.from_us, to_us=period.to_us)
    for unit_id, own in groupby(steps, key=itemgetter("unit_id")):
        for place, counted in _counted(own, period):
            yield place, unit_id if counted.get("missing") or _left_over(counted) else None, counted


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
        count(before["station"], _stands(before))
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
    return step["state"] != "ended" and not is_outside(step["station"])


def _stands(step: Row) -> str:
    """The term of a blank that is still here; a machine's places are written `<machine>:<stack>`."""
    in_machine = step["machine"] is not None and step["place"].startswith(f"{step['machine']}:")
    return _STANDS.get(step["state"], "in_machine" if in_machine else "good")


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
