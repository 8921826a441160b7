"""How much a machine remembers of its jobs, and so what may be concluded after a crash."""

from enum import StrEnum


class Level(StrEnum):
    """What a machine can say of a job whose host, line or power failed; see decision 0007.

    A: it journals job ids before it moves, so recovery is automatic. B: it counts the blanks that it drew, for good,
    and the intent records the count: no difference proves that nothing was drawn, one means that people inspect, more
    that blanks were drawn twice. C: it has sensors only, so any doubt ends with people who count.

    B and C can't check a fence: they are safe only on a port that no other program can open.
    """

    A = "A"
    B = "B"
    C = "C"
