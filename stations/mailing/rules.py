"""What mailing checks: that a parcel weighs what its documents should. Pure."""

TOLERANCE_G = 2
TOLERANCE_SHARE = 0.02


def weight_agrees(expected_g: int, weighed_g: int) -> bool:
    """Whether a weight is what the contents should weigh: nothing missing, nothing added.

    The lightest document weighs 6 g, so what is allowed stays below that up to a box of 300 g; heavier boxes are
    counted by the carrier too.

    >>> weight_agrees(52, 53), weight_agrees(52, 58), weight_agrees(52, 18)
    (True, False, False)
    """
    return abs(weighed_g - expected_g) <= max(TOLERANCE_G, int(expected_g * TOLERANCE_SHARE))
