"""A second eye on the printed zone: the inspector draws documents through a swipe reader, where QC has one."""

from contextlib import suppress
from typing import Final
from zlib import crc32

from devices.errors import NoSwipeError
from devices.roles import SwipeReader
from stations.kept_machine import KeptMachine
from stations.qc.desk import QcDesk

SWIPE_TIMEOUT_S: Final = 10.0
QUIET_S: Final = 0.2
"""How long nothing more must come of an earlier swipe before a document is drawn through again."""


class Swipes:
    """A swipe reader that sees a `share` of the documents, from 0 to 1, chosen by their serials alone."""

    def __init__(self, reader: KeptMachine[SwipeReader], share: float = 1.0) -> None:
        self._reader, self._share = reader, share

    def agrees(self, number: str, zone: tuple[str, ...], desk: QcDesk) -> bool | None:
        """Whether the document with serial `number` bears `zone`; None where it is not one to be swiped.

        A difference is believed when it is seen twice. Raises MachineStandsError when the reader does not come back.
        """
        if not self._chosen(number):
            return None
        return self._swipe(number, desk) == zone or self._swipe(number, desk, after_quiet=True) == zone

    def first(self) -> "Swipes":
        """The same reader for documents of the green channel, before all others that wait for it."""
        return Swipes(self._reader.first(), self._share)

    def open(self) -> None:
        """Open the reader before the first document."""
        self._reader.open()

    def close(self) -> None:
        """Close the reader's port."""
        self._reader.close()

    def _chosen(self, number: str) -> bool:
        return crc32(number.encode()) < self._share * 2**32

    def _swipe(self, number: str, desk: QcDesk, *, after_quiet: bool = False) -> tuple[str, ...]:
        def act(reader: SwipeReader) -> tuple[str, ...]:
            if after_quiet:
                with suppress(NoSwipeError):
                    reader.swipe(QUIET_S)
            desk.swipe(number, reader.machine)
            return reader.swipe(SWIPE_TIMEOUT_S, take_earlier=True)

        return self._reader.ask(act)
