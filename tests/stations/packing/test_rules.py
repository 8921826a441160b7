"""What belongs together at packing."""

import pickle

import pytest

from stations.packing.desk import Scans, Slip
from stations.packing.rules import (
    MOST_TOLERANCE_G,
    PIECE_G,
    Grouping,
    MismatchError,
    Tolerance,
    WeightDiffersError,
    check_weight,
    envelope_code,
    expected_weight_g,
    match,
)

SLIP = Slip("EA0000001", "order-1", "post:1")
OTHER = Slip("EA0000002", "order-2", "post:2")
SLIPS = {slip.number: slip for slip in (SLIP, OTHER)}


def test_three_scans_of_one_document_match():
    """Document, order and envelope name each other."""
    assert match(Scans("EA0000001", "order-1", "post:1"), SLIPS) == "EA0000001"


@pytest.mark.parametrize(
    ("scans", "part"),
    [
        (Scans("EA0000009", "order-1", "post:1"), "document"),
        (Scans("EA0000001", "order-2", "post:1"), "order"),
        (Scans("EA0000001", "order-1", "post:2"), "envelope"),
        (Scans("EA0000001", "order-1", ""), "envelope"),
    ],
)
def test_anything_else_stops_with_the_part_that_does_not_belong(scans, part):
    """The classic disaster is refused, typed, and survives pickling."""
    with pytest.raises(MismatchError) as refused:
        match(scans, SLIPS)
    assert refused.value.part == part
    assert pickle.loads(pickle.dumps(refused.value)).scans == scans
    assert scans.document in str(refused.value)


def test_posted_documents_never_share_an_envelope():
    """Only an office's box takes several."""
    assert envelope_code("1", "post", "jinan") != envelope_code("2", "post", "jinan")
    assert envelope_code("1", "collection", "jinan") == envelope_code("2", "collection", "jinan")


def test_a_weight_within_tolerance_is_a_count():
    """However many are inside, one piece too few or too many is seen, and named where all are of one kind."""
    for product, count in (("passport", 1), ("passport", 60), ("taiwan_permit", 1), ("taiwan_permit", 60)):
        products = [product] * count
        expected_g = expected_weight_g(Grouping.OFFICE, products)
        check_weight("P-1", Grouping.OFFICE, products, expected_g + 2)
        for more in (-1, 1):
            with pytest.raises(WeightDiffersError) as refused:
                check_weight("P-1", Grouping.OFFICE, products, expected_g + more * PIECE_G[product])
            assert refused.value.counted == count + more
            assert pickle.loads(pickle.dumps(refused.value)).expected_g == expected_g


@pytest.mark.parametrize("tolerance", [Tolerance(0, 0.0), Tolerance(MOST_TOLERANCE_G, 0.1)], ids=["none", "most"])
def test_whatever_tolerance_a_line_has_a_weight_within_it_is_a_count(tolerance):
    """Neither a document too few nor half of one is ever within it, in the largest boxes too."""
    for products in (["passport"] * 200, ["taiwan_permit"] * 200, ["passport"] * 199 + ["taiwan_permit"], []):
        lightest_g = min((PIECE_G[product] for product in products), default=min(PIECE_G.values()))
        assert 0 <= 2 * tolerance.grams(Grouping.OFFICE, products) < lightest_g


def test_a_lines_own_tolerance_says_what_is_sound():
    check_weight("P-1", Grouping.SINGLE, ["passport"], 54)
    with pytest.raises(WeightDiffersError):
        check_weight("P-1", Grouping.SINGLE, ["passport"], 54, Tolerance(1))


def test_a_difference_of_mixed_documents_is_not_counted():
    """A passport and a permit: what is missing can't be told by weight alone."""
    with pytest.raises(WeightDiffersError) as refused:
        check_weight("P-1", Grouping.OFFICE, ["passport", "taiwan_permit"], 90 + 34)
    assert refused.value.counted is None
    assert "P-1" in str(refused.value)
