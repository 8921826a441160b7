"""The balance of blanks (domain.md, rule 3), from custody rows alone: each blank once on either side of the equation.

carried over + received = made into documents + handed on + returned + destroyed + lost by case + still here, where
still here = good + unmarked + voided and awaiting destruction + in a machine + in doubt + offered and unanswered.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Final, NamedTuple, Protocol, TypedDict

from handoff_logs.reading import Reading, Row
from handoff_logs.records import Act, Outcome, State, is_outside

CARRIED, RECEIVED = "carried_over", "received"
LEFT: Final = ("made", "handed_on", "returned", "destroyed", "lost")
HERE: Final = ("good", "unmarked", "voided", "in_machine", "in_doubt", "offered")

FIRST_US, LAST_US = -(2**53), 2**53
"""Before and after every time in the log."""
SPECIMEN: Final = "specimen"
"""Why a specimen was voided, as its record has it, whoever made it."""
NO_KIND = "unknown"
"""Of a blank that did not come in over a shelf of the vault."""

_VAULT = "vault"
_SHELF, _STOCK, _PATH = "shelf:", "stock:", ":path"
_STACKS: Final = frozenset({"input", "path", "good", "reject", "hold"})
_ENDS: Final[Mapping[str, str]] = {Act.TRANSFORM: "made", Act.DESTROY: "destroyed"}
_STANDS: Final[Mapping[str, str]] = {
    State.VOID: "voided",
    State.DOUBT: "in_doubt",
    # A count did not find it, and nobody has settled what became of it.
    State.MISSING: "in_doubt",
    State.VOID_MISSING: "in_doubt",
    **dict.fromkeys((State.OFFERED, State.REFUSED, State.VOID_OFFERED, State.VOID_REFUSED), "offered"),
}

_STEPS = """
SELECT unit.unit_id, unit.step, unit.state, unit.station, unit.place, unit.outcome, event.act, event.happened_us,
       event.reason, event.emulated
FROM custody_unit AS unit JOIN custody_event AS event ON event.event_id = unit.event_id
WHERE unit.kind = 'blank' ORDER BY unit.unit_id, unit.step
"""
# The same of the blanks that moved since a time. `CROSS JOIN` and `MATERIALIZED` keep both databases at the indexes.
_MOVED = """
WITH since(event_id) AS MATERIALIZED (
    SELECT event_id FROM custody_event WHERE happened_us >= :from_us
), moved(unit_id) AS MATERIALIZED (
    SELECT DISTINCT unit.unit_id FROM since CROSS JOIN custody_unit AS unit
    WHERE unit.event_id = since.event_id AND unit.kind = 'blank'
)
"""
# Those that came only after the period have no term of it: after a long time they are nearly all that moved.
_MOVED_STEPS = f"""{_MOVED}, counted AS (
    SELECT moved.unit_id FROM moved WHERE EXISTS (
        SELECT 1 FROM custody_unit AS earlier JOIN custody_event AS act ON act.event_id = earlier.event_id
        WHERE earlier.unit_id = moved.unit_id AND act.happened_us < :to_us)
)
SELECT unit.unit_id, unit.step, unit.state, unit.station, unit.place, unit.outcome, event.act, event.happened_us,
       event.reason, event.emulated
FROM counted CROSS JOIN custody_unit AS unit JOIN custody_event AS event ON event.event_id = unit.event_id
WHERE unit.unit_id = counted.unit_id ORDER BY unit.unit_id, unit.step
"""  # noqa: S608 own words
# All others that are here stood so when the time began, and are counted by how they stand; by name where a name is
# wanted. `drawn`: as `_was_drawn` has it. `gone`: the step by which it stands is no row of the log any more.
_STOOD = f"""{_MOVED}, stood AS (
    SELECT coalesce(unit.state, 'gone') AS state, coalesce(unit.station, here.station) AS station,
           coalesce(unit.place, here.place) AS place, coalesce(first.place, '') AS born,
           CASE WHEN unit.state IN ('held', 'void', 'doubt', 'offered', 'refused', 'void_offered', 'void_refused')
               THEN '' ELSE here.unit_id END AS named,
           CASE WHEN unit.state = 'held' AND EXISTS (SELECT 1 FROM custody_unit AS earlier
                   WHERE earlier.unit_id = unit.unit_id AND (earlier.outcome = 'unmarked'
                   OR earlier.place LIKE '%:' || 'path')) THEN 1 ELSE 0 END AS drawn,
           CASE WHEN unit.state = 'void' AND EXISTS (SELECT 1 FROM custody_unit AS earlier
                   JOIN custody_event AS act ON act.event_id = earlier.event_id
                   WHERE earlier.unit_id = unit.unit_id AND earlier.state = 'void' AND act.reason = 'specimen')
               THEN 1 ELSE 0 END AS specimen,
           CASE WHEN event.emulated THEN 1 ELSE 0 END AS emulated
    FROM whereabouts AS here
    LEFT JOIN custody_unit AS unit ON unit.unit_id = here.unit_id AND unit.step = here.step
    LEFT JOIN custody_event AS event ON event.event_id = unit.event_id
    LEFT JOIN custody_unit AS first ON first.unit_id = here.unit_id AND first.step = 1
    WHERE here.station IN ('intake', 'vault', 'review', 'personalization', 'qc', 'packing', 'mailing')
        AND here.state IN ('held', 'offered', 'refused', 'missing', 'packed', 'void', 'void_offered', 'void_refused',
            'void_missing', 'doubt') AND here.kind = 'blank'
        AND NOT EXISTS (SELECT 1 FROM moved WHERE moved.unit_id = here.unit_id)
)
SELECT state, station, place, born, named, drawn, specimen, max(emulated) AS emulated, count(*) AS blanks
FROM stood GROUP BY state, station, place, born, named, drawn, specimen
"""  # noqa: S608 own words
# What a receipt says was counted in, and of what fewer blanks have a first step.
_LACKING = """
SELECT event.event_id, event.from_station AS station, event.to_place AS place, event.happened_us, event.emulated,
       event.last_position - count(unit.unit_id) AS lacking
FROM custody_event AS event
LEFT JOIN custody_unit AS unit ON unit.event_id = event.event_id AND unit.kind = 'blank'
WHERE event.act = 'receive' AND event.to_place LIKE 'shelf:%'
GROUP BY event.event_id, event.from_station, event.to_place, event.happened_us, event.emulated, event.last_position
HAVING event.last_position <> count(unit.unit_id)
"""
_LACKING_SINCE = """
WITH receipt AS MATERIALIZED (
    SELECT event.event_id, event.from_station AS station, event.to_place AS place, event.happened_us, event.emulated,
           event.last_position
    FROM custody_event AS event
    WHERE event.happened_us >= :from_us AND event.act = 'receive' AND event.to_place LIKE 'shelf:%'
), counted AS (
    SELECT receipt.station, receipt.place, receipt.event_id, receipt.happened_us, receipt.emulated,
           receipt.last_position - (SELECT count(*) FROM custody_unit AS unit
                WHERE unit.event_id = receipt.event_id AND unit.kind = 'blank') AS lacking
    FROM receipt
)
SELECT * FROM counted WHERE lacking <> 0
"""
_NUMBER = "SELECT number FROM unit_number WHERE unit_id = :unit_id"
_SLOTS = """
SELECT min(happened_us) AS first_us, max(happened_us) AS last_us FROM custody_event
WHERE shift = :shift AND happened_us >= :from_us AND happened_us < :to_us
GROUP BY happened_us / 600000000 ORDER BY first_us DESC
"""
BREAK_US: Final = 4 * 3600 * 1_000_000
"""A shift in whose name nothing was recorded for so long has ended; what follows is its next time."""


class Rows(Protocol):
    """What answers the questions of a balance: a reading, or a transaction."""

    def rows(self, sql: str, **parameters: str | int | None) -> list[Row]:
        """Return the rows as dictionaries by column name."""
        ...

    def stream(self, sql: str, **parameters: str | int | None) -> Iterator[Row]:
        """Give the rows one by one."""
        ...


class Balance(TypedDict):
    """One row: the blanks of a kind at a station (`machine` empty: the whole of it, its machines included) or machine.

    `difference` counts the blanks that the equation has on one side only: 0, or the log is broken. `serials` names
    those (`unaccounted`) or, where the number was erased, their unit ids; `missing` what a count did not find and
    nobody has settled, which `in_doubt` includes. `specimens`: how many of the `voided` were specimens.
    """

    kind: str
    station: str
    machine: str
    carried_over: int
    received: int
    made: int
    handed_on: int
    returned: int
    destroyed: int
    lost: int
    still_here: int
    good: int
    unmarked: int
    voided: int
    specimens: int
    in_machine: int
    in_doubt: int
    offered: int
    difference: int
    unaccounted: list[str]
    missing: list[str]
    emulated: bool


@dataclass(frozen=True, slots=True)
class Period:
    """Half-open, in microseconds UTC: what is carried over is so at its beginning, what is still here at its end."""

    from_us: int = FIRST_US
    to_us: int = LAST_US

    def bounds(self) -> dict[str, int]:
        """The ends that it has, by name.

        >>> Period(to_us=5).bounds()
        {'to_us': 5}
        """
        ends = {"from_us": self.from_us, "to_us": self.to_us}
        return {name: time_us for name, time_us in ends.items() if FIRST_US < time_us < LAST_US}


class Spot(NamedTuple):
    """Where blanks are balanced: a station, or one of its machines."""

    station: str
    machine: str = ""


class Counted(NamedTuple):
    """One blank at one spot: its term on either side, None where no rule gives it one."""

    spot: Spot
    came: str | None
    became: str | None
    missing: bool
    specimen: bool = False


def balance(
    reading: Reading,
    period: Period = Period(),
    *,
    station: str | None = None,
    machine: str | None = None,
    kind: str | None = None,
) -> list[Balance]:
    """Balance the blanks of every kind, station and machine over `period`, or of those named, from custody rows alone.

    A blank that came and went several times is counted once on either side: where it was when the period began, or
    that it came; and what became of it last.
    """
    tally = _Tally(station, machine, kind)
    for unit_id, steps in groupby(reading.stream(_STEPS), key=itemgetter("unit_id")):
        own = list(steps)
        of_kind = _kind(own[0]["place"]) if own[0]["step"] == 1 else NO_KIND
        for counted in terms(own, period):
            tally.count(of_kind, counted, unit_id, bool(own[-1]["emulated"]))
    for row in reading.rows(_LACKING):
        if row["happened_us"] < period.to_us:
            tally.lack(_kind(row["place"]), row)
    return tally.balances(reading)


def balance_since(reading: Rows, period: Period) -> list[Balance]:
    """As `balance` over a period that has a beginning, reading only what moved since then and what is still here.

    It goes by where each blank stands now (`whereabouts`, which `passline logs verify` compares with the log), and
    names receipts that lack rows only if they are of the period itself.
    """
    tally = _Tally(None, None, None)
    bounds = {"from_us": period.from_us, "to_us": period.to_us}
    for unit_id, steps in groupby(reading.stream(_MOVED_STEPS, **bounds), key=itemgetter("unit_id")):
        own = list(steps)
        of_kind = _kind(own[0]["place"]) if own[0]["step"] == 1 else NO_KIND
        for counted in terms(own, period):
            tally.count(of_kind, counted, unit_id, bool(own[-1]["emulated"]))
    for row in reading.rows(_STOOD, from_us=period.from_us):
        became = _term(row["state"], row["place"], drawn=bool(row["drawn"]))
        missing = row["state"] in (State.MISSING, State.VOID_MISSING)
        for spot in _spots(row["state"], row["station"], row["place"]):
            counted = Counted(spot, CARRIED, became, missing, bool(row["specimen"]))
            tally.count(_kind(row["born"]), counted, row["named"], bool(row["emulated"]), row["blanks"])
    for row in reading.rows(_LACKING_SINCE, from_us=period.from_us):
        if row["happened_us"] < period.to_us:
            tally.lack(_kind(row["place"]), row)
    return tally.balances(reading)


def shift_period(reading: Reading, shift: str, period: Period = Period()) -> Period | None:
    """The last time within `period` that `shift` worked, from its first record to its last; None if it has none."""
    found: Period | None = None
    for slot in reading.rows(_SLOTS, shift=shift, from_us=period.from_us, to_us=period.to_us):
        if found is not None and found.from_us - slot["last_us"] >= BREAK_US:
            break
        found = Period(slot["first_us"], slot["last_us"] + 1 if found is None else found.to_us)
    return found


def terms(steps: Sequence[Row], period: Period) -> Iterator[Counted]:
    """One blank's terms at each spot where it was within the period; `steps` are its own, in their order.

    A step counts once its act happened, and all before it with it.
    """
    opened = closed = -1
    for index, step in enumerate(steps):
        if step["happened_us"] < period.to_us:
            closed = index
            if step["happened_us"] < period.from_us:
                opened = index
    if closed < 0:
        return
    first: dict[Spot, int] = {}
    last: dict[Spot, int] = {}
    for index in range(max(opened, 0), closed + 1):
        for spot in _spots(steps[index]["state"], steps[index]["station"], steps[index]["place"]):
            first.setdefault(spot, index)
            last[spot] = index
    for spot, index in last.items():
        came = CARRIED if first[spot] == opened else RECEIVED if _follows(steps, first[spot]) else None
        here = index == closed
        became = _stands(steps, index) if here else _left(steps, index, spot)
        missing = here and steps[index]["state"] in (State.MISSING, State.VOID_MISSING)
        specimen = here and steps[index]["state"] == State.VOID and any(map(_was_specimen, steps[: index + 1]))
        yield Counted(spot, came, became, missing, specimen)


def _follows(steps: Sequence[Row], index: int) -> bool:
    """Whether a step has the one before it, which is no end, or is a blank's first."""
    if index == 0:
        return bool(steps[0]["step"] == 1)
    before = steps[index - 1]
    return bool(steps[index]["step"] == before["step"] + 1 and before["state"] != State.ENDED)


def _stands(steps: Sequence[Row], index: int) -> str | None:
    """The term of a blank that is still here."""
    step = steps[index]
    held = step["state"] == State.HELD
    return _term(step["state"], step["place"], drawn=held and any(map(_was_drawn, steps[: index + 1])))


def _term(state: str, place: str, *, drawn: bool) -> str | None:
    if state != State.HELD:
        return _STANDS.get(state)
    if _machine(place):
        return "in_machine"
    return "unmarked" if drawn else "good"


def _was_drawn(step: Row) -> bool:
    return bool(step["outcome"] == Outcome.UNMARKED or step["place"].endswith(_PATH))


def _was_specimen(step: Row) -> bool:
    return bool(step["state"] == State.VOID and step["reason"] == SPECIMEN)


def _left(steps: Sequence[Row], index: int, spot: Spot) -> str | None:
    """How a blank left its spot by the step that follows."""
    after = steps[index + 1]
    if not _follows(steps, index + 1):
        return None
    if after["state"] == State.ENDED:
        lost = after["act"] == Act.SETTLE and after["outcome"] == Outcome.LOST
        return "lost" if lost else _ENDS.get(after["act"])
    back = after["place"].startswith(_STOCK) if after["station"] == spot.station else after["station"] == _VAULT
    return "returned" if back and after["state"] == State.HELD else "handed_on"


@lru_cache(maxsize=4096)
def _spots(state: str, station: str, place: str) -> tuple[Spot, ...]:
    if state == State.ENDED or is_outside(station):
        return ()
    machine = _machine(place)
    return (Spot(station), Spot(station, machine)) if machine else (Spot(station),)


@lru_cache(maxsize=4096)
def _machine(place: str) -> str:
    """The machine that a place is a stack of, or an empty string.

    >>> _machine("book-01:reject"), _machine("stock:book"), _machine("bench/book-01")
    ('book-01', '', '')
    """
    machine, _, stack = place.rpartition(":")
    return machine if stack in _STACKS else ""


def _kind(place: str) -> str:
    return place.removeprefix(_SHELF) if place.startswith(_SHELF) else NO_KIND


class _Tally:
    """Adds up the rows that were asked for."""

    def __init__(self, station: str | None, machine: str | None, kind: str | None) -> None:
        self._station, self._machine, self._wanted = station, machine, kind
        self._counts: dict[tuple[str, Spot], dict[str, int]] = {}
        self._unaccounted: dict[tuple[str, Spot], list[str]] = {}
        self._missing: dict[tuple[str, Spot], list[str]] = {}

    def count(self, kind: str, counted: Counted, unit_id: str, emulated: bool, blanks: int = 1) -> None:
        """Count a blank at one spot, or several that stand alike; `unit_id` names it where it is to be named."""
        if not self._is_asked(kind, counted.spot):
            return
        key = kind, counted.spot
        own = self._counts.setdefault(key, {})
        for term in (counted.came, counted.became):
            if term is not None:
                own[term] = own.get(term, 0) + blanks
        if counted.came is None or counted.became is None:
            self._unaccounted.setdefault(key, []).append(unit_id)
        if counted.specimen:
            own["specimens"] = own.get("specimens", 0) + blanks
        if counted.missing:
            self._missing.setdefault(key, []).append(unit_id)
        if emulated:
            own["emulated"] = 1

    def lack(self, kind: str, receipt: Row) -> None:
        """Count blanks that a receipt counted in and that have no rows, or the other way round."""
        spot = Spot(receipt["station"])
        if self._is_asked(kind, spot):
            key, lacking = (kind, spot), abs(receipt["lacking"])
            self._counts.setdefault(key, {})["emulated"] = int(receipt["emulated"])
            self._unaccounted.setdefault(key, []).extend([f"of receipt {receipt['event_id']}"] * lacking)

    def balances(self, reading: Rows) -> list[Balance]:
        """The rows, by kind, station and machine."""
        rows = []
        for key in sorted(self._counts):
            kind, spot = key
            own = self._counts[key]
            unaccounted = self._unaccounted.get(key, [])
            rows.append(
                Balance(
                    kind=kind,
                    station=spot.station,
                    machine=spot.machine,
                    carried_over=own.get(CARRIED, 0),
                    received=own.get(RECEIVED, 0),
                    made=own.get("made", 0),
                    handed_on=own.get("handed_on", 0),
                    returned=own.get("returned", 0),
                    destroyed=own.get("destroyed", 0),
                    lost=own.get("lost", 0),
                    still_here=sum(own.get(term, 0) for term in HERE),
                    good=own.get("good", 0),
                    unmarked=own.get("unmarked", 0),
                    voided=own.get("voided", 0),
                    specimens=own.get("specimens", 0),
                    in_machine=own.get("in_machine", 0),
                    in_doubt=own.get("in_doubt", 0),
                    offered=own.get("offered", 0),
                    difference=len(unaccounted),
                    unaccounted=_named(reading, unaccounted),
                    missing=_named(reading, self._missing.get(key, [])),
                    emulated=bool(own.get("emulated")),
                )
            )
        return rows

    def _is_asked(self, kind: str, spot: Spot) -> bool:
        if self._wanted not in (None, kind) or self._station not in (None, spot.station):
            return False
        return self._machine in (None, spot.machine)


def _named(reading: Rows, unit_ids: Iterable[str]) -> list[str]:
    named = []
    for unit_id in unit_ids:
        number = reading.rows(_NUMBER, unit_id=unit_id)
        named.append(str(number[0]["number"]) if number else unit_id)
    return sorted(named)
