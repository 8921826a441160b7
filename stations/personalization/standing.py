"""How the machines stand, for those who work at them: what each does, and what waits for a hand, most urgent first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row

from handoff_logs.statements import Statement
from stations.climate import bar
from stations.personalization import activity, acts, blanks, jobs, production, rules, specimens, station
from stations.personalization.tables import Activity, ActKind

LOW: Final = 3
"""So few blanks left in a machine: it is loaded before what can wait."""
ANSWERED_BY_HAND: Final = frozenset({production.LOOK, production.NOT_LAID_IN, production.BIN_FULL})
"""Why a machine stands that is tried again when somebody says that it is put right."""
NOT_BY_HAND: Final = frozenset(
    {"in-doubt", "patrol-finding", "unknown-jobs", "journals-unread", "counters-broken", "counters-disagree"}
)
"""Why a machine is held that nobody puts right by a word."""
_URGENCY = Statement(
    "SELECT min(priority), min(due_us) FROM whereabouts WHERE tray = :tray AND station = 'personalization'"
)


@dataclass(frozen=True, slots=True)
class Hand:
    """One thing that waits for a hand; the smaller `urgency`, the sooner. `subject`: a machine or a job."""

    urgency: int
    kind: ActKind
    subject: str
    waits: bool = True


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine as its operators see it; `blanks` by the log. `making`: the product of the job at work, if any."""

    machine: str
    takes: str
    state: Activity
    reason: str | None
    blanks: int
    making: str | None
    hands: tuple[Hand, ...]

    @property
    def urgency(self) -> int:
        """That of what waits most urgently."""
        return min((each.urgency for each in self.hands if each.waits), default=99)


@dataclass(frozen=True, slots=True)
class Finished:
    """A tray whose orders have all ended: its documents wait to be counted. `inside`: machines that still hold some."""

    tray: str
    product: str
    priority: int
    due_us: int | None
    inside: tuple[str, ...]


def machines(conn: Connection, kinds: acts.Kinds, finished: Sequence[Finished]) -> list[Machine]:
    """All machines of the line, those first at which a hand is wanted most."""
    shown = activity.all_shown(conn)
    awaited = {machine for tray in finished for machine in tray.inside}
    stock = {takes: blanks.held(conn, rules.blank_stock(takes)) for takes in set(kinds.values())}
    found = [
        _machine(conn, name, takes, shown.get(name, (Activity.STOPPED, None)), (stock[takes] > 0, name in awaited))
        for name, takes in kinds.items()
    ]
    return sorted(found, key=lambda each: (each.urgency, each.machine))


def finished(conn: Connection, trays: Sequence[str]) -> list[Finished]:
    """The trays that may be filled, most urgent first; how many documents they have is not told."""
    found = []
    for tray in trays:
        made = station.documents(conn, tray)
        row = _URGENCY.run(conn, {"tray": tray}).fetchone() or (None, None)
        inside = {each.machine for each in made if each.place == rules.good_stack(each.machine)}
        product = made[0].product if made else ""
        priority = 0 if row[0] is None else int(row[0])
        found.append(Finished(tray, product, priority, row[1], tuple(sorted(inside))))
    return sorted(found, key=lambda each: (each.priority, each.due_us or 0, each.tray))


def doubt(conn: Connection, job_id: str) -> Row[Any] | None:
    """A job in doubt with all that is known of it; None where it is none."""
    job = jobs.find(conn, job_id)
    return job if job is not None and job.unfinished and job.doubt is not None else None


def _machine(conn: Connection, name: str, takes: str, now: activity.Shown, there: tuple[bool, bool]) -> Machine:
    state, reason = now
    stocked, awaited = there
    inside = blanks.held(conn, rules.input_stack(name))
    open_jobs = [row for row in jobs.unreleased(conn, name) if row.unfinished]
    hands = [Hand(0, ActKind.SETTLE, row.job_id) for row in open_jobs if row.doubt is not None]
    stands = state is Activity.HELD or reason in ANSWERED_BY_HAND
    if stands and not hands and reason not in NOT_BY_HAND:
        hands.append(Hand(1, ActKind.RIGHT, name))
    rejects = bool(blanks.held(conn, rules.reject_bin(name)) or specimens.left(conn, name))
    # A blank that the machine spoiled before it read it is in the input stack by the log: it may lie in any bin.
    pressing = reason in (production.BIN_FULL, production.NOT_LAID_IN)
    hands.append(Hand(2 if pressing else 6, ActKind.DEFACE, name, rejects or pressing))
    if stocked:
        hands.append(Hand(2 if inside == 0 else 5 if inside < LOW else 9, ActKind.LOAD, name, inside < LOW))
    if station.in_good_stack(conn, name):
        hands.append(Hand(4 if awaited else 8, ActKind.COLLECT, name))
    if blanks.held(conn, rules.hold_stack(name)):
        hands.append(Hand(7, ActKind.RESTOCK, name))
    making = next((row.product for row in open_jobs if row.doubt is None), None) if state is Activity.EXECUTE else None
    ordered = tuple(sorted(hands, key=lambda each: (each.urgency, each.subject)))
    return Machine(name, takes, state, reason, inside, making, ordered)


WHY: Final[Mapping[str, str]] = {
    production.NO_BLANKS: "no_blanks",
    production.NOT_LAID_IN: "not_laid_in",
    production.BIN_FULL: "bin_full",
    production.LOOK: "look_inside",
    "in-doubt": "in_doubt",
    "counters-disagree": "counters",
    "counters-broken": "counters",
    "unknown-jobs": "journal",
    "journals-unread": "journal",
    "patrol-finding": "finding",
    bar.SUSPENDED: "air",
    bar.UNWATCHED: "air",
    "ForeignBlankError": "foreign",
}
"""Why a machine stands, as the desk's texts know it; of any other reason the machine does not answer as it should."""
