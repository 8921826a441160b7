"""What belongs together at packing, and what a parcel should weigh. Pure."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from stations.errors import StationError
from stations.packing.desk import Scans, Slip


class Grouping(StrEnum):
    """How documents leave: an office's together for collection, or one in an envelope of its own for the post."""

    OFFICE = "office"
    SINGLE = "single"


GROUPING_OF: Mapping[str, Grouping] = {"collection": Grouping.OFFICE, "post": Grouping.SINGLE}
"""By the delivery that the applicant chose."""

PIECE_G: Mapping[str, int] = {"passport": 34, "hk_macau_permit": 6, "taiwan_permit": 6}
PACKAGING_G: Mapping[Grouping, int] = {Grouping.OFFICE: 90, Grouping.SINGLE: 18}
"""Grams of a document and of an empty box or envelope, as weighed for the emulation; a centre weighs its own."""


class MismatchError(StationError):
    """Document, order and envelope do not belong together; the piece is put aside and nothing of it is packed."""

    def __init__(self, part: str, scans: Scans) -> None:
        super().__init__(part, scans)
        self.part, self.scans = part, scans

    def __str__(self) -> str:
        return (
            f"the {self.part} does not match: document {self.scans.document}, order {self.scans.order}, "
            f"envelope {self.scans.envelope}; the piece is on the hold shelf until two people have looked at it"
        )


def envelope_code(application_id: str, delivery: str, office: str) -> str:
    """What is printed on the envelope: the office's box for collection, else a code of the application's own.

    >>> envelope_code("0190", "collection", "jinan"), envelope_code("0190", "post", "jinan")
    ('office:jinan', 'post:0190')
    """
    return f"office:{office}" if GROUPING_OF[delivery] is Grouping.OFFICE else f"post:{application_id}"


def match(scans: Scans, slips: Mapping[str, Slip]) -> str:
    """The serial of the document whose slip and envelope were scanned with it; `slips` are the tray's, by serial.

    Raises `MismatchError` naming the first part that does not belong.
    """
    slip = slips.get(scans.document)
    if slip is None:
        raise MismatchError("document", scans)
    if scans.order != slip.order:
        raise MismatchError("order", scans)
    if scans.envelope != slip.envelope:
        raise MismatchError("envelope", scans)
    return slip.number


def expected_weight_g(grouping: Grouping, products: Sequence[str]) -> int:
    """What a parcel with documents of these products should weigh, in grams.

    >>> expected_weight_g(Grouping.SINGLE, ["passport"])
    52
    """
    return PACKAGING_G[grouping] + sum(PIECE_G[product] for product in products)
