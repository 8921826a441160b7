"""What each role may ask of the handoff log, on the pages and at the terminal alike."""

from enum import StrEnum
from typing import Final

from stations.people import Role


class Right(StrEnum):
    """What somebody may ask."""

    ASK = "ask"
    """The sixteen questions, proofs, exports."""
    OVERSEE = "oversee"
    """What others asked."""


MAY: Final = {
    Right.ASK: frozenset({Role.AUDITOR, Role.LEAD, Role.ADMINISTRATOR}),
    Right.OVERSEE: frozenset({Role.AUDITOR, Role.ADMINISTRATOR}),
}
"""Who may. A lead answers for the balance and must be able to ask; whom auditors look at is not for those looked at."""
