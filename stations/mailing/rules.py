"""What mailing checks: that a parcel weighs what its documents should. Pure."""

from collections.abc import Sequence
from enum import StrEnum


def weight_agrees(expected_g: int, weighed_g: int, tolerance_g: int) -> bool:
    """Whether a weight is what the contents should weigh, by packing's tolerance: nothing missing, nothing added.

    >>> weight_agrees(52, 53, 2), weight_agrees(52, 58, 2), weight_agrees(52, 18, 2)
    (True, False, False)
    """
    return abs(weighed_g - expected_g) <= tolerance_g


class Weight(StrEnum):
    """What a parcel's weights at the desk come to."""

    SOUND = "sound"
    AGAIN = "again"
    """It differs, seen once: something may have leaned on the scale."""
    ASIDE = "aside"
    """It differs, seen twice: it is put aside."""


def judged(expected_g: int, weighed_g: Sequence[int], tolerance_g: int) -> Weight | None:
    """What the weights of a parcel come to, in the order in which they were seen; None before the first.

    >>> judged(52, [53], 2), judged(52, [18], 2), judged(52, [18, 52], 2), judged(52, [18, 18], 2)
    (<Weight.SOUND: 'sound'>, <Weight.AGAIN: 'again'>, <Weight.SOUND: 'sound'>, <Weight.ASIDE: 'aside'>)
    """
    if not weighed_g:
        return None
    if weight_agrees(expected_g, weighed_g[-1], tolerance_g):
        return Weight.SOUND
    return Weight.AGAIN if len(weighed_g) == 1 else Weight.ASIDE
