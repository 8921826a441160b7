"""The alarms as the board, the command and the page show them, asked of the database in plain SQL."""

from dataclasses import dataclass
from typing import Any, Final

from handoff_logs.reading import Reading
from stations.alarms.rules import KINDS, Kind, Severity

_LISTED: Final = """
SELECT a.alarm_id, a.kind, a.subject, a.amount, a.seen, a.raised_us, a.cleared_us, a.emulated,
       taken.person AS taken_by, taken.at_us AS taken_us,
       (SELECT count(*) FROM alarm_step s WHERE s.alarm_id = a.alarm_id AND s.step = 'returned') AS returned,
       (SELECT count(*) FROM alarm_notice n JOIN alarm_delivery d
            ON d.alarm_id = n.alarm_id AND d.position = n.position
        WHERE n.alarm_id = a.alarm_id AND n.ended IS NULL AND d.sent_us IS NULL AND d.failure IS NOT NULL) AS unsent
FROM alarm a LEFT JOIN alarm_step taken ON taken.alarm_id = a.alarm_id AND taken.step = 'acknowledged'
"""
OPEN: Final = f"{_LISTED} WHERE a.cleared_us IS NULL ORDER BY a.raised_us, a.alarm_id"
ALL: Final = f"{_LISTED} ORDER BY a.cleared_us IS NOT NULL, a.raised_us DESC, a.alarm_id DESC LIMIT :most"
ESCALATED: Final = """
SELECT s.alarm_id, s.role FROM alarm a CROSS JOIN alarm_step s
WHERE a.cleared_us IS NULL AND s.alarm_id = a.alarm_id AND s.step = 'escalated' ORDER BY s.position
"""
"""CROSS JOIN has SQLite begin with the few open alarms."""
EVER_ESCALATED: Final = """
SELECT alarm_id, role FROM alarm_step WHERE step = 'escalated' ORDER BY alarm_id, position
"""
MOST: Final = 500
"""Alarms that a list with the ended ones shows."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One alarm. `kind` is None where these rules no longer know `code`; `told` are the roles it was escalated to.

    `unsent`: tries to tell somebody of it that failed and go on.
    """

    alarm_id: int
    code: str
    kind: Kind | None
    subject: str
    amount: int | None
    seen: int
    returned: int
    raised_us: int
    cleared_us: int | None
    emulated: bool
    taken_by: str | None
    taken_us: int | None
    told: tuple[str, ...]
    unsent: int

    @property
    def severity(self) -> Severity:
        """How bad it is; what nobody knows any more is a warning."""
        return self.kind.severity if self.kind else Severity.WARNING

    @property
    def title(self) -> str:
        """What is the matter, in English; its code where nobody knows any more."""
        return self.kind.title[0] if self.kind else self.code

    @property
    def much(self) -> str:
        """Its amount with what that counts, empty where it has none."""
        return "" if self.amount is None else f"{self.amount} {self.kind.counts[0] if self.kind else ''}".strip()

    @property
    def owner(self) -> str:
        """The role whose it is."""
        return self.kind.owner.value if self.kind else "lead"

    @property
    def state(self) -> str:
        """`open`, `acknowledged` or `cleared`."""
        if self.cleared_us is not None:
            return "cleared"
        return "open" if self.taken_by is None else "acknowledged"


def listed(reading: Reading, *, ended: bool = False) -> list[Listed]:
    """The open alarms, worst and then oldest first; with `ended`, also those that are over, latest first."""
    rows = reading.rows(ALL, most=MOST) if ended else reading.rows(OPEN)
    told: dict[int, list[str]] = {}
    for row in reading.rows(EVER_ESCALATED if ended else ESCALATED):
        told.setdefault(row["alarm_id"], []).append(row["role"])
    found = [_listed(row, tuple(told.get(row["alarm_id"], ()))) for row in rows]
    order = tuple(Severity)
    now = [one for one in found if one.cleared_us is None]
    now.sort(key=lambda one: (order.index(one.severity), one.raised_us, one.alarm_id))
    return [*now, *(one for one in found if one.cleared_us is not None)]


def printable(word: str) -> str:
    r"""A word without what would move a terminal's cursor; the register takes none, whoever holds the database might.

    >>> printable("book-01"), printable("\x1b[2J")
    ('book-01', '�[2J')
    """
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in word)


def _listed(row: dict[str, Any], told: tuple[str, ...]) -> Listed:
    return Listed(
        alarm_id=row["alarm_id"],
        code=printable(row["kind"]),
        kind=KINDS.get(row["kind"]),
        subject=printable(row["subject"]),
        amount=row["amount"],
        seen=row["seen"],
        returned=row["returned"],
        raised_us=row["raised_us"],
        cleared_us=row["cleared_us"],
        emulated=bool(row["emulated"]),
        taken_by=row["taken_by"],
        taken_us=row["taken_us"],
        told=told,
        unsent=row["unsent"],
    )
