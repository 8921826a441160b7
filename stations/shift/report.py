"""The report of a shift, asked of the database alone: nothing is counted on the way.

Of an open shift it is what was done so far, of a closed one what was done in its time. While a shift is open, its
report tells no count of blanks and not how many are still here: the next count is blind.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from handoff_logs.proofs.errors import BrokenProofError, NotSealedError
from handoff_logs.proofs.signed_tree import SignedTree
from handoff_logs.proofs.spoken_line import SpokenLine
from handoff_logs.proofs.verifying import signed_checkpoint
from handoff_logs.reading import Reading
from stations.shift import report_questions as ask
from stations.shift import stood as stands
from stations.shift.errors import NoShiftYetError, ShiftUnknownError
from stations.shift.stood import Standing, Stood
from stations.shift.stops import CASES, PEOPLE
from stations.vault.balance import Period

PLACES: Final = ("intake", "vault", "review", "personalization", "qc", "packing", "mailing", "carrier")
"""Stations in the order in which they are reported, a document's way."""
CLASSES: Final = ("emergency", "expedited", "normal")
MOVED: Final = ("received", "made", "handed_on", "returned", "destroyed", "lost")
"""What a shift's own count does not find out: how many blanks came, and what became of those that left."""
UNSEALED, BROKEN, OTHER_LOG = "unsealed", "broken", "other-log"
"""Why a report has no line of the log."""
LATEST: Final = "last"
"""In place of an id: the shift that was closed last."""


class Work(NamedTuple):
    """Documents (or orders for them) at a station, by service class.

    `done` in the shift's time; at its end `waiting` to be worked or on their way there, and `on_hold`. `kept`,
    `missed`: handed on before or after the station's time node, `late_s` seconds at the most. `overdue`: of those that
    stood there at the end, the node had passed. None where it was not asked.
    """

    station: str
    service_class: str
    done: int
    waiting: int | None
    on_hold: int | None
    kept: int
    missed: int
    late_s: float
    overdue: int | None


class Verdict(NamedTuple):
    """Applications that review returned or held for a reason; one with two reasons is in two rows."""

    outcome: str
    reason: str
    service_class: str
    applications: int


class Spoil(NamedTuple):
    """Pieces that two people voided: blanks, or documents, where, made by which machine, and why (codes, or empty)."""

    station: str
    machine: str
    kind: str
    reason: str
    pieces: int


class Count(NamedTuple):
    """What two people scanned at a station at one moment, and on how many pieces that differed from the log."""

    moment: str
    station: str
    pieces: int
    differences: int


@dataclass(frozen=True, slots=True)
class Shift:
    """A shift: microseconds UTC, staff codes, reasons as codes or empty; `closed_us` is None while it is open."""

    shift_id: str
    name: str
    opened_us: int
    opening_reason: str
    opened_by: str
    opened_second: str
    closed_us: int | None
    closed_how: str
    closing_reason: str
    closed_by: str
    closed_second: str
    emulated: bool


@dataclass(frozen=True, slots=True)
class Report:
    """What a shift did up to `until_us`: its close, or now.

    `stood`: whether it is known what stood at the end; else `balance` is empty and that of `work` None. `returned`,
    `held`: applications, each once. `balance`: rows as `Balance`, of an open shift only what moved. `cases`: at which
    moments it was forced and nobody has settled that. `line` is the printed checkpoint that covers the close, or so
    far; where there is none, `no_line` says why.
    """

    shift: Shift
    until_us: int
    emulated: bool
    stood: bool
    people: Mapping[str, tuple[str, ...]]
    machines: tuple[str, ...]
    work: tuple[Work, ...]
    returned: int
    held: int
    verdicts: tuple[Verdict, ...]
    spoils: tuple[Spoil, ...]
    balance: tuple[Mapping[str, Any], ...]
    counts: tuple[Count, ...]
    cases: tuple[str, ...]
    line: str | None
    no_line: str | None


def find(reading: Reading, wanted: str | None = None) -> Shift:
    """The shift of this id; `last`: closed last; None: the open one, or where none is, the last.

    Raises `ShiftUnknownError`, `NoShiftYetError`.
    """
    if wanted is None or wanted == LATEST:
        rows = [*(() if wanted else reading.rows(ask.OPEN)), *reading.rows(ask.LAST_CLOSED)]
        if not rows:
            raise NoShiftYetError
        wanted = str(rows[0]["shift_id"])
    found = reading.rows(ask.SHIFT, shift_id=wanted)
    if not found:
        raise ShiftUnknownError(wanted)
    return _shift(found[0])


def listed(reading: Reading, before_us: int, page: int) -> list[Shift]:
    """At most `page` shifts that were opened before a time, the latest first."""
    return [_shift(row) for row in reading.rows(ask.SHIFTS, before_us=before_us, page=page)]


def report(reading: Reading, shift: Shift, now_us: int, *, stood: bool = True) -> Report:
    """Report a shift; `now_us` bounds an open one.

    What stood when a shift ended was kept with it. Of one that ended before that was done, it takes the longer to tell
    the longer ago that was: leave it out with `stood` False.
    """
    until_us = now_us if shift.closed_us is None else shift.closed_us
    period = {"from_us": shift.opened_us, "to_us": until_us}
    verdicts = reading.rows(ask.VERDICTS, **period)
    totals = Counter[str]()
    for row in verdicts:
        totals[row["outcome"]] += int(row["applications"])
    line, why = _line(reading, shift)
    standing = None if shift.closed_us is None else stands.kept(reading, shift.shift_id)
    if standing is None and stood:
        standing = stands.recounted(reading, Period(shift.opened_us, until_us))
    people: dict[str, tuple[str, ...]] = {}
    members = reading.rows(PEOPLE, shift_id=shift.shift_id)
    for row in sorted(members, key=lambda row: (_place(row["station"]), row["code"])):
        people[row["station"]] = (*people.get(row["station"], ()), row["code"])
    return Report(
        shift=shift,
        until_us=until_us,
        emulated=shift.emulated or bool(reading.rows(ask.ANY_EMULATED, **period)),
        stood=standing is not None,
        people=people,
        machines=tuple(row["machine"] for row in reading.rows(ask.MACHINES, shift_id=shift.shift_id)),
        work=_work(reading, period, standing),
        returned=totals["return"],
        held=totals["hold"],
        verdicts=_verdicts(verdicts),
        spoils=tuple(sorted(Spoil(**row) for row in reading.rows(ask.SPOILED, **period))),
        balance=() if standing is None else _balance(standing, shift),
        counts=_counts(reading, shift),
        cases=tuple(row["moment"] for row in reading.rows(CASES) if row["shift_id"] == shift.shift_id),
        line=line,
        no_line=why,
    )


def _shift(row: Mapping[str, Any]) -> Shift:
    return Shift(**{**row, "emulated": bool(row["emulated"])})


def _work(reading: Reading, period: Mapping[str, int], stood: Stood | None) -> tuple[Work, ...]:
    done = _by_class(reading.rows(ask.DONE, **period))
    nodes = _by_class(reading.rows(ask.NODES, **period))
    waiting = {} if stood is None else {(one.station, one.service_class): one for one in stood.work}
    rows = []
    for at in sorted({*done, *nodes, *waiting}, key=_order):
        standing = waiting.get(at, Standing(*at, 0, 0, 0))
        handed = nodes.get(at, {})
        rows.append(
            Work(
                *at,
                done=int(done.get(at, {}).get("documents", 0)),
                waiting=standing.waiting if stood else None,
                on_hold=standing.on_hold if stood else None,
                kept=int(handed.get("kept", 0)),
                missed=int(handed.get("missed", 0)),
                late_s=max(0, int(handed.get("longest_us", 0))) / 1e6,
                overdue=standing.overdue if stood else None,
            )
        )
    return tuple(rows)


def _by_class(rows: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["station"], row["service_class"]): row for row in rows}


def _order(at: tuple[str, str]) -> tuple[int, str, int]:
    station, service_class = at
    return _place(station), station, CLASSES.index(service_class)


def _place(station: str) -> int:
    return PLACES.index(station) if station in PLACES else len(PLACES)


def _verdicts(rows: list[dict[str, Any]]) -> tuple[Verdict, ...]:
    counted = Counter[tuple[str, str, str]]()
    for row in rows:
        for reason in row["reasons"].split():
            counted[row["outcome"], reason, row["service_class"]] += int(row["applications"])
    return tuple(Verdict(*key, applications) for key, applications in sorted(counted.items()))


def _balance(stood: Stood, shift: Shift) -> tuple[Mapping[str, Any], ...]:
    if shift.closed_us is not None:
        return stood.balance
    told = ("kind", "station", "machine", *MOVED, "difference", "unaccounted", "emulated")
    return tuple({name: row[name] for name in told} for row in stood.balance)


def _counts(reading: Reading, shift: Shift) -> tuple[Count, ...]:
    if shift.closed_us is None:
        return ()
    rows = [Count(**{**row, "pieces": int(row["pieces"])}) for row in reading.rows(ask.COUNTS, shift_id=shift.shift_id)]
    return tuple(sorted(rows, key=lambda one: (one.station, one.moment != "opening")))


def _line(reading: Reading, shift: Shift) -> tuple[str | None, str | None]:
    """The line of the newest checkpoint, or of the first that covers the close; or None and why there is none."""
    leaf = None
    if shift.closed_us is not None:
        rows = reading.rows(ask.CLOSING_LEAF, shift_id=shift.shift_id)
        if not rows:
            return None, BROKEN  # the close is in the table and not in the log
        leaf = rows[0]
        if leaf["epoch"] is None:
            return None, UNSEALED
    try:
        tree = SignedTree(reading)
        size = tree.newest
        if leaf is not None:
            if leaf["epoch"] != tree.number:
                return None, OTHER_LOG
            covering = reading.rows(ask.COVERING, **leaf)
            if not covering:
                return None, UNSEALED
            size = int(covering[0]["size"])
        # What two people sign must be what the log's key signed, not what the table says now.
        return str(SpokenLine.of(signed_checkpoint(tree.signed(size), tree.key(size), "checkpoint"))), None
    except NotSealedError:
        return None, UNSEALED
    except BrokenProofError:
        return None, BROKEN
