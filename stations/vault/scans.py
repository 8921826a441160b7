"""Serials from a scanner: a file with one a line, or what emulated eyes see."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stations.errors import StationError

MOST: Final = 10_000
"""Pieces that one act can be about."""


class ScanFileError(StationError):
    """A file that is no list of serials; nothing was recorded."""

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(file, reason)
        self.file, self.reason = file, reason

    def __str__(self) -> str:
        return f"{self.file} {self.reason}; nothing was recorded, give a file with one serial a line"


def read(file: Path) -> list[str]:
    """The serials in a file, one a line; empty lines are no serials. Raises `ScanFileError`."""
    try:
        with file.open("rb") as lines:
            text = lines.read(MOST * 64 + 1)
        serials = [line.strip() for line in text.decode("ascii").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        reason = "is no plain text" if isinstance(error, UnicodeDecodeError) else "can't be read"
        raise ScanFileError(str(file), reason) from error
    if len(serials) > MOST or len(text) > MOST * 64:
        raise ScanFileError(str(file), f"has more than {MOST} serials")
    if long := next((number for number, serial in enumerate(serials, 1) if len(serial) > 40), None):
        raise ScanFileError(str(file), f"has no serial in its {long}. line")
    return serials


@dataclass(frozen=True, slots=True)
class Scanned:
    """A vault desk of people with a scanner: what they scanned is what lies there, and they carry it themselves."""

    serials: Sequence[str]

    def scan(self, place: str) -> Sequence[str]:  # noqa: ARG002 (they scanned the one tray that they were asked about)
        """The serials that were scanned, whatever the place."""
        return self.serials

    def put(self, serials: Sequence[str], place: str) -> None:
        """Nothing: it is their hands that do it."""
