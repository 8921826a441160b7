"""Which events of a carrier are believed: each reason that one is set aside, and the rule that says so. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from stations.mailing.tables import DeliveryKind

CLOCKS_US: Final = 300_000_000
"""By how much a carrier's clock may be ahead of ours."""

REASONS: Final[Mapping[str, str]] = {
    "line": "the line is no JSON object, or has not as many fields as the first line names",
    "encoding": "the line is not UTF-8",
    "too_long": "the line is longer than any event",
    "missing": "the field is missing",
    "unknown_field": "no event has this field",
    "value": "the value is not one that the field may have",
    "moment": "the instant is no date and time with its offset from UTC, such as 2026-12-01T09:30:00+08:00",
    "item": "an event names either a tracking number or a manifest",
    "parcels": "an event of a manifest says of how many parcels, and only such an event does",
    "note": "only what comes back has a return note",
    "event_id_taken": "another event has this id; ask the carrier which of the two holds",
    "unknown_item": "no parcel was ever sent under this number or manifest",
    "never_handed": "the carrier never took it: it did not accept it in any handoff",
    "before_handoff": "the instant is before the carrier took it",
    "future": "the instant has not come yet",
    "ended_delivered": "it is delivered by an earlier event; if that was wrong, ask the carrier for its receipt",
    "ended_lost": "two people settled it as lost; nothing follows",
    "reported_lost": (
        "the carrier reported it lost, and that case is open: two people explain it first "
        "(passline mailing deliveries settle)"
    ),
    "came_back": "it came back and was received; if it was sent again, what follows goes by its new number",
    "earlier": "a later event of the same parcel was loaded before; this one contradicts the order of things",
    "coming_back": "the carrier said that it is coming back; receive it, or let the carrier say that it was lost",
    "count": "the manifest has another number of parcels still out with the carrier",
}
"""Every reason code with the sentence that the reply file gives for it."""


@dataclass(slots=True)
class Sending:
    """One parcel as it was sent on one manifest, and what is known of it. Instants are microseconds UTC.

    `taken_us`: when the carrier accepted it, None if it never did. `ended`: the outcome by which its custody ended.
    `last`, `last_us`: the carrier's latest event of it that was believed.
    """

    parcel_unit: str
    consignment_id: str
    taken_us: int | None
    ended: str | None = None
    came_back: bool = False
    lost_case: bool = False
    last: DeliveryKind | None = None
    last_us: int = 0

    @property
    def is_out(self) -> bool:
        """Whether the carrier took it and still answers for it."""
        return self.taken_us is not None and not self.came_back and self.ended is None


def refusal(sending: Sending, kind: DeliveryKind, at_us: int, now_us: int) -> str | None:
    """Why an event of a parcel is not believed, as a code of REASONS; None if it is.

    >>> refusal(Sending("p", "c", taken_us=None), DeliveryKind.DELIVERED, 5, 9)
    'never_handed'
    >>> refusal(Sending("p", "c", taken_us=7), DeliveryKind.DELIVERED, 5, 9)
    'before_handoff'
    >>> refusal(Sending("p", "c", taken_us=3), DeliveryKind.DELIVERED, 5, 9) is None
    True
    """
    if sending.taken_us is None:
        return "never_handed"
    if at_us < sending.taken_us:
        return "before_handoff"
    if at_us > now_us + CLOCKS_US:
        return "future"
    return _standing(sending, kind, at_us)


def _standing(sending: Sending, kind: DeliveryKind, at_us: int) -> str | None:
    """Why what is known of the parcel leaves no room for the event."""
    # Before its end, which may be of a later sending.
    if sending.came_back:
        return "came_back"
    if sending.ended is not None:
        return "ended_lost" if sending.ended == "lost" else "ended_delivered"
    if sending.lost_case:
        return "reported_lost"
    if at_us < sending.last_us:
        return "earlier"
    # On its way back it can still be lost.
    if sending.last is DeliveryKind.RETURNED and kind is not DeliveryKind.LOST:
        return "coming_back"
    return None
