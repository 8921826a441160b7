"""What belongs together at packing, and what a parcel should weigh. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from stations.errors import StationError
from stations.packing.desk import Scans, Slip


class Grouping(StrEnum):
    """How documents leave: an office's together for collection, or one in an envelope of its own for the post."""

    OFFICE = "office"
    SINGLE = "single"


GROUPING_OF: Mapping[str, Grouping] = {"collection": Grouping.OFFICE, "post": Grouping.SINGLE}
"""By the delivery that the applicant chose."""

PARCEL_PREFIX = "P-"
"""What a parcel's number begins with."""

PIECE_G: Mapping[str, int] = {"passport": 34, "hk_macau_permit": 6, "taiwan_permit": 6}
PACKAGING_G: Mapping[Grouping, int] = {Grouping.OFFICE: 90, Grouping.SINGLE: 18}
"""Grams of a document and of an empty box or envelope, as weighed for the emulation; a centre weighs its own."""

MOST_TOLERANCE_G: Final = (min(PIECE_G.values()) - 1) // 2
"""Less than half the lightest document: within it a weight is a count of any of them."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What a sound parcel may differ by: grams, or a share of its weight where that is more; never half a piece."""

    least_g: int = 2
    share: float = 0.02

    def grams(self, grouping: Grouping, products: Sequence[str]) -> int:
        """Grams that a parcel with documents of these products may differ by.

        >>> Tolerance().grams(Grouping.SINGLE, ["passport"]), Tolerance().grams(Grouping.OFFICE, ["passport"] * 100)
        (2, 16)
        >>> Tolerance(0, 0.1).grams(Grouping.OFFICE, ["taiwan_permit"] * 90)
        2
        """
        share_g = int(expected_weight_g(grouping, products) * self.share)
        half_a_piece_g = min(((PIECE_G[product] - 1) // 2 for product in products), default=MOST_TOLERANCE_G)
        return min(max(self.least_g, share_g), half_a_piece_g)


USUAL: Final = Tolerance()
"""Where line.toml says nothing else."""


class Part(StrEnum):
    """What is scanned of a piece, in the order in which a difference is told."""

    DOCUMENT = "document"
    ORDER = "order"
    ENVELOPE = "envelope"


ORDER_FORM: Final = "[0-9a-f]{32}"
ENVELOPE_FORM: Final = "(office|post):.+"
"""What the codes of orders and envelopes look like, whole; any other code is a document's."""


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


class WeightDiffersError(StationError):
    """A closed parcel does not weigh what its documents must; it is put aside and nothing of it goes on.

    `counted` is how many documents its weight says are inside, None where they are of several kinds.
    """

    def __init__(self, label: str, documents: int, expected_g: int, weighed_g: int, counted: int | None) -> None:
        super().__init__(label, documents, expected_g, weighed_g, counted)
        self.label, self.documents, self.counted = label, documents, counted
        self.expected_g, self.weighed_g = expected_g, weighed_g

    def __str__(self) -> str:
        count = "" if self.counted is None else f" (by weight {self.counted})"
        return (
            f"parcel {self.label} weighs {self.weighed_g} g and must weigh {self.expected_g} g with {self.documents} "
            f"documents{count}; it is on the hold shelf until two people have opened it"
        )


def envelope_code(application_id: str, delivery: str, office: str) -> str:
    """What is printed on the envelope: the office's box for collection, else a code of the application's own.

    >>> envelope_code("0190", "collection", "jinan"), envelope_code("0190", "post", "jinan")
    ('office:jinan', 'post:0190')
    """
    return f"office:{office}" if GROUPING_OF[delivery] is Grouping.OFFICE else f"post:{application_id}"


def part_of(code: str) -> Part:
    """Which of the three a scanned code is, by its form.

    >>> part_of("EA1234567").value, part_of("0" * 32).value, part_of("office:jinan").value
    ('document', 'order', 'envelope')
    """
    if re.fullmatch(ORDER_FORM, code):
        return Part.ORDER
    return Part.ENVELOPE if re.fullmatch(ENVELOPE_FORM, code, re.DOTALL) else Part.DOCUMENT


def odd_part(scans: Scans, own: Slip | None, orders_envelope: str | None) -> Part | None:
    """Which of the three does not belong with the other two; None where they belong together.

    `own` is the slip of the scanned document, `orders_envelope` the envelope that goes with the scanned order; None
    where nobody knows them.
    """
    if own is None:
        return Part.DOCUMENT
    if scans.order == own.order:
        return None if scans.envelope == own.envelope else Part.ENVELOPE
    # Another's order in that other's envelope: it is the document that lies wrong.
    others = scans.envelope != own.envelope and scans.envelope == orders_envelope
    return Part.DOCUMENT if others else Part.ORDER


def match(scans: Scans, slips: Mapping[str, Slip]) -> str:
    """The serial of the document whose slip and envelope were scanned with it; `slips` are the tray's, by serial.

    Raises `MismatchError` naming the part that does not belong.
    """
    own = slips.get(scans.document)
    envelopes = (slip.envelope for slip in slips.values() if slip.order == scans.order)
    odd = odd_part(scans, own, next(envelopes, None))
    if odd is not None or own is None:
        raise MismatchError(odd or Part.DOCUMENT, scans)
    return own.number


def expected_weight_g(grouping: Grouping, products: Sequence[str]) -> int:
    """What a parcel with documents of these products should weigh, in grams.

    >>> expected_weight_g(Grouping.SINGLE, ["passport"])
    52
    """
    return PACKAGING_G[grouping] + sum(PIECE_G[product] for product in products)


def count_by_weight(grouping: Grouping, products: Sequence[str], weighed_g: int) -> int | None:
    """How many documents a parcel's weight says are inside; None where they are of several kinds.

    >>> count_by_weight(Grouping.OFFICE, ["passport"] * 3, 90 + 2 * 34)
    2
    """
    kinds_g = {PIECE_G[product] for product in products}
    if len(kinds_g) > 1:
        return None
    return max(0, round((weighed_g - PACKAGING_G[grouping]) / kinds_g.pop()))


def check_weight(
    label: str, grouping: Grouping, products: Sequence[str], weighed_g: int, tolerance: Tolerance = USUAL
) -> None:
    """Raise WeightDiffersError unless a parcel weighs what its documents and packaging must."""
    expected_g = expected_weight_g(grouping, products)
    if abs(weighed_g - expected_g) > tolerance.grams(grouping, products):
        counted = count_by_weight(grouping, products, weighed_g)
        raise WeightDiffersError(label, len(products), expected_g, weighed_g, counted)


def barcode(label: str) -> str:
    """A parcel's number as its label's barcode has it: capitals and digits, 16 at most.

    >>> barcode("P-0123456789abcdef")
    '0123456789ABCDEF'
    """
    return label.removeprefix(PARCEL_PREFIX).upper()
