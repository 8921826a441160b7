"""What QC needs of its people: to scan, to feed readers, to swipe, to look, and to deface what failed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from stations.trays import TrayScanner


@dataclass(frozen=True, slots=True)
class InspectionCase:
    """One document as the inspector sees it: the piece, and the defects found by reading it back.

    The reviewer's verdict is not shown. `number` is the serial printed on the blank.
    """

    number: str
    inspector: str
    codes: tuple[str, ...]


class QcDesk(TrayScanner, Protocol):
    """Inspectors at work. Every call may be repeated after a crash and then changes nothing more."""

    def insert(self, number: str, reader: str) -> None:
        """Take the piece out of its tray and lay it into the document reader."""
        ...

    def take_back(self, number: str, reader: str, place: str) -> None:
        """Take the piece out of the reader and put it to `place`, also when it is there already."""
        ...

    def swipe(self, number: str, reader: str) -> None:
        """Draw the piece through the swipe reader and put it back where it was."""
        ...

    def inspect(self, case: InspectionCase) -> tuple[str, ...]:
        """Defect codes as the person decides them; empty lets the document pass."""
        ...

    def deface(self, numbers: Sequence[str], first: str, second: str) -> None:
        """Two people punch zone and chip of the pieces."""
        ...
