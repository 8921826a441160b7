"""Patrols as the command, the page and the alarms see them: which rounds are due, what is open; in plain SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from handoff_logs.reading import Reading
from stations.patrol import rules
from stations.patrol.errors import UnknownFindingError
from stations.patrol.rules import Patrol

LAST: Final = """
SELECT walked_us, person, shift FROM patrol_round WHERE patrol = :patrol ORDER BY walked_us DESC LIMIT 1
"""
ON_DUTY: Final = "SELECT opened_us FROM shift WHERE NOT closed"
EVER: Final = "SELECT 1 AS ever FROM shift LIMIT 1"
PLANNED: Final = """
SELECT event.written_us FROM custody_register AS entry JOIN custody_event AS event ON event.event_id = entry.event_id
WHERE entry.register = 'threshold' AND entry.subject = :subject AND entry.field = 'every_min' ORDER BY event.seq DESC
LIMIT 1
"""
"""When the plan became what it is."""
_FOUND: Final = """
SELECT f.finding_id, f.point, f.item, f.kind, f.what, f.what_sha256, f.machine, f.photo, f.found_us, f.ended,
       f.emulated, walked.patrol, walked.person AS found_by, walked.shift, last.step, last.person AS step_by,
       last.at_us AS step_us
FROM patrol_finding AS f JOIN patrol_round AS walked ON walked.round_id = f.round_id
LEFT JOIN patrol_step AS last ON last.finding_id = f.finding_id AND last.position = (
    SELECT max(position) FROM patrol_step AS step WHERE step.finding_id = f.finding_id)
"""
OPEN: Final = f"{_FOUND} WHERE NOT f.ended ORDER BY f.machine IS NULL, f.finding_id"
ALL: Final = f"{_FOUND} ORDER BY f.finding_id DESC LIMIT :most"
ONE: Final = f"{_FOUND} WHERE f.finding_id = :finding"
STEPS: Final = """
SELECT position, step, person, at_us, what, what_sha256 FROM patrol_step WHERE finding_id = :finding ORDER BY position
"""
COLUMNS: Final = (
    *("finding_id", "patrol", "point", "item", "kind", "what", "machine", "photo", "found_us", "found_by", "shift"),
    *("state", "by", "since_us", "ended", "sound", "emulated"),
)
"""Of a finding as a row."""
MOST: Final = 500
"""Findings that a list with the ended ones shows."""


def subject(patrol: str) -> str:
    """What the register of thresholds calls a patrol."""
    return f"patrol:{patrol}"


@dataclass(frozen=True, slots=True)
class Due:
    """One patrol: when it was walked last and by whom, and by when it is due next; microseconds UTC.

    `due_us` is None while nobody is on duty (shifts are used on this line, and none is open), and before a line that
    uses none has run with this plan.
    """

    patrol: Patrol
    last_us: int | None
    last_by: str | None
    due_us: int | None

    def is_overdue(self, now_us: int) -> bool:
        """Whether it should have been walked by now."""
        return self.due_us is not None and now_us > self.due_us


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding and how it stands; `last` is the step done last, None where nobody took it.

    `sound`: whether its text is the one that the log has the hash of.
    """

    finding_id: int
    patrol: str
    point: str
    item: str
    kind: str
    what: str
    machine: str | None
    photo: str | None
    found_us: int
    found_by: str
    shift: str
    ended: bool
    emulated: bool
    last: str | None
    last_by: str | None
    last_us: int | None
    sound: bool

    @property
    def state(self) -> str:
        """`found` or its last step."""
        return self.last or "found"


@dataclass(frozen=True, slots=True)
class Done:
    """One step of a finding."""

    step: str
    person: str
    at_us: int
    what: str | None
    sound: bool


def due(reading: Reading, plan: Sequence[Patrol]) -> list[Due]:
    """When each patrol is due next.

    While a shift is open: so long after its last round or the shift's opening, whichever is later. On a line that
    never opened a shift: after its last round, or after the plan was set.
    """
    opened_us = max((row["opened_us"] for row in reading.rows(ON_DUTY)), default=None)
    uses_shifts = bool(reading.rows(EVER))
    found = []
    for patrol in plan:
        last = next(iter(reading.rows(LAST, patrol=patrol.name)), None)
        begun = [opened_us] if opened_us is not None else []
        if not uses_shifts:
            begun = [row["written_us"] for row in reading.rows(PLANNED, subject=subject(patrol.name))]
        # With shifts and none open nobody is on duty, whenever it was walked last.
        counted = bool(begun) or not uses_shifts
        since_us = max([*begun, *([last["walked_us"]] if last else [])], default=None) if counted else None
        found.append(
            Due(
                patrol,
                last["walked_us"] if last else None,
                last["person"] if last else None,
                None if since_us is None else rules.due_us(patrol, since_us),
            )
        )
    return found


def overdue(reading: Reading, plan: Sequence[Patrol], now_us: int) -> list[str]:
    """The patrols that should have been walked by now."""
    return [one.patrol.name for one in due(reading, plan) if one.is_overdue(now_us)]


def findings(reading: Reading, *, ended: bool = False) -> list[Finding]:
    """The open findings, those that hold a machine first; with `ended` the last of all, latest first."""
    return [_finding(row) for row in (reading.rows(ALL, most=MOST) if ended else reading.rows(OPEN))]


def finding(reading: Reading, number: int) -> tuple[Finding, list[Done]]:
    """One finding with its steps. Raises `UnknownFindingError`."""
    rows = reading.rows(ONE, finding=number)
    if not rows:
        raise UnknownFindingError(number)
    return _finding(rows[0]), [
        Done(row["step"], row["person"], row["at_us"], row["what"], _sound(row))
        for row in reading.rows(STEPS, finding=number)
    ]


def _finding(row: dict[str, Any]) -> Finding:
    own = ("finding_id", "patrol", "point", "item", "kind", "what", "machine", "photo", "found_us", "found_by", "shift")
    return Finding(
        **{name: row[name] for name in own},
        ended=bool(row["ended"]),
        emulated=bool(row["emulated"]),
        last=row["step"],
        last_by=row["step_by"],
        last_us=row["step_us"],
        sound=_sound(row),
    )


def _sound(row: dict[str, Any]) -> bool:
    return row["what"] is None or rules.sha256(row["what"]) == row["what_sha256"]
