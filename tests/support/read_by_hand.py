"""What QC reads with where no reader process is needed: the piece itself, as the emulated world has it."""

from typing import Any

from devices.roles import Reading
from stations.qc.readers import ReaderPool
from stations.qc.reading_back import Means


class ByHand:
    """A document reader whose piece is looked at in the emulated world."""

    machine = "reader-01"

    def __init__(self, line: Any) -> None:
        self._line, self.inside = line, ""

    def open(self) -> None: ...

    def close(self) -> None: ...

    def identify(self) -> None: ...

    def read(self, timeout_s: float) -> Reading:
        piece = self._line.hands.examine(self.inside)
        return Reading(tuple(piece.data.mrz), dict(piece.data.chip), piece.locked, piece.data.serial)


class Layer:
    """Hands that lay pieces into that reader, and do everything else as emulated staff does."""

    def __init__(self, line: Any, reader: ByHand) -> None:
        self._inspector, self._reader = line.inspector, reader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inspector, name)

    def insert(self, number: str, reader: str) -> None:
        self._reader.inside = number

    def take_back(self, number: str, reader: str, place: str) -> None:
        self._reader.inside = ""


def means_by_hand(line: Any) -> Means:
    """The means of a line without reader processes."""
    reader = ByHand(line)
    return Means(Layer(line, reader), ReaderPool({ByHand.machine: reader}), line.trust_anchor)  # type: ignore[arg-type]
