"""What packing needs of its people: three scans a document, the filling of parcels, and hands at its machines."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from stations.trays import TrayScanner


@dataclass(frozen=True, slots=True)
class Slip:
    """An order slip and its envelope, printed for a document expected in the tray.

    `number` is the serial printed on the blank, by which the packer finds the piece; `order` and `envelope` are the
    codes on slip and envelope (opaque; no personal data).
    """

    number: str
    order: str
    envelope: str


@dataclass(frozen=True, slots=True)
class Scans:
    """Three codes as the scanner read them, in whatever order."""

    document: str
    order: str
    envelope: str


@dataclass(frozen=True, slots=True)
class Filling:
    """What goes into one parcel: its label, whether that is an office's box, and the serials of the pieces."""

    label: str
    box: bool
    numbers: tuple[str, ...]


class PackingDesk(TrayScanner, Protocol):
    """Packers at work. Everything may be repeated after a crash and then changes nothing more."""

    def match(self, slips: Sequence[Slip], place: str) -> Iterator[Scans]:
        """Take piece after piece from the tray at `place`, with its slip and envelope, and scan all three."""
        ...

    def fill(self, fillings: Sequence[Filling], place: str) -> None:
        """Put the pieces into boxes and envelopes, close and label them, and stack them at `place`."""
        ...

    def lay_on_scale(self, label: str, scale: str) -> None:
        """Lay the closed parcel on the scale, alone."""
        ...

    def clear_scale(self, scale: str) -> None:
        """Take everything off the scale."""
        ...

    def came_out(self, label: str, printer: str) -> bool:
        """Look at the printer, with nothing left to print, and at the parcel: whether its label ever came out."""
        ...
