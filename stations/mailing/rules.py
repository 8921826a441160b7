"""What mailing checks: that a parcel weighs what its documents should. Pure."""

from collections.abc import Sequence
from enum import StrEnum

from stations.packing.rules import TOLERANCE_G, TOLERANCE_SHARE


def weight_agrees(expected_g: int, weighed_g: int) -> bool:
    """Whether a weight is what the contents should weigh: nothing missing, nothing added. By packing's tolerance.

    The lightest document weighs 6 g, so what is allowed stays below that up to a box of 300 g; heavier boxes are
    counted by the carrier too.

    >>> weight_agrees(52, 53), weight_agrees(52, 58), weight_agrees(52, 18)
    (True, False, False)
    """
    return abs(weighed_g - expected_g) <= max(TOLERANCE_G, int(expected_g * TOLERANCE_SHARE))


class Weight(StrEnum):
    """What a parcel's weights at the desk come to."""

    SOUND = "sound"
    AGAIN = "again"
    """It differs, seen once: something may have leaned on the scale."""
    ASIDE = "aside"
    """It differs, seen twice: it is put aside."""


def judged(expected_g: int, weighed_g: Sequence[int]) -> Weight | None:
    """What the weights of a parcel come to, in the order in which they were seen; None before the first.

    >>> judged(52, [53]), judged(52, [18]), judged(52, [18, 52]), judged(52, [18, 18])
    (<Weight.SOUND: 'sound'>, <Weight.AGAIN: 'again'>, <Weight.SOUND: 'sound'>, <Weight.ASIDE: 'aside'>)
    """
    if not weighed_g:
        return None
    if weight_agrees(expected_g, weighed_g[-1]):
        return Weight.SOUND
    return Weight.AGAIN if len(weighed_g) == 1 else Weight.ASIDE
