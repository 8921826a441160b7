"""What mailing needs of its people and of the carrier's: scans, the scale, and a count at the door."""

from collections.abc import Sequence
from typing import Protocol

from stations.trays import TrayScanner


class MailingDesk(TrayScanner, Protocol):
    """Hands and eyes of the mailers: they scan trays, and weigh parcels."""

    def weigh(self, parcel: str) -> int:
        """Grams that the scale shows for the closed parcel with this label."""
        ...

    def lay_on_scale(self, label: str, scale: str) -> None:
        """Lay the closed parcel with this label on the scale of this name, alone."""
        ...


class CarrierDesk(Protocol):
    """The carrier's people at the door. Every call may be repeated after a crash and then changes nothing more."""

    def collect(self, place: str) -> Sequence[str]:
        """Load the parcels standing at `place` and scan them; the labels, with those loaded from there before."""
        ...

    def load(self, labels: Sequence[str], place: str) -> None:
        """Load parcels that a person counted at `place`."""
        ...

    def give_back(self, labels: Sequence[str], place: str) -> None:
        """Unload parcels that were not accepted, back to `place`."""
        ...
