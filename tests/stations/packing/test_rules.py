"""What belongs together at packing."""

import pickle

import pytest

from stations.packing.desk import Scans, Slip
from stations.packing.rules import MismatchError, envelope_code, match

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
