"""What each role may ask of the handoff log, on the pages and at the terminal alike, and who may touch machines."""

from enum import StrEnum
from typing import Final

from stations.people import Role


class Right(StrEnum):
    """What somebody may ask or touch."""

    ASK = "ask"
    """The sixteen questions, proofs, exports."""
    OVERSEE = "oversee"
    """What others asked."""
    TOUCH = "touch"
    """Machines at the terminal: ask them, watch their lines, set faults, put another in the place of one."""


MAY: Final = {
    Right.ASK: frozenset({Role.AUDITOR, Role.LEAD, Role.ADMINISTRATOR}),
    Right.OVERSEE: frozenset({Role.AUDITOR, Role.ADMINISTRATOR}),
    Right.TOUCH: frozenset({Role.ENGINEER, Role.LEAD}),
}
"""Who may. A lead answers for the balance and must be able to ask; whom auditors look at is not for those looked at.

A lead touches machines too: at night no engineer is in the house."""
