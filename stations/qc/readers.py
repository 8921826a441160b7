"""The document readers of QC, used side by side: each piece is read by whichever is free, the green channel's first."""

import heapq
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from threading import Condition, Lock
from time import monotonic
from typing import Final

from devices.errors import DeviceError, MachineRefusedError
from devices.roles import DocumentReader, Reading
from stations.errors import StationError
from stations.qc.desk import QcDesk

READ_TIMEOUT_S: Final = 30.0
COMES_BACK_S: Final = 10.0
"""How long a reader that fails is asked again over fresh sessions: somebody switches it on, or plugs it in again."""
ASK_AGAIN_S: Final = 0.25
TRIES: Final = 3
"""At least: one reading may take as long to fail as a reader has to come back, and a second one meet another fault."""


class NoReaderLeftError(StationError):
    """Every reader failed; what was not read stays accepted at QC and is read when one works again."""

    def __init__(self, readers: tuple[str, ...]) -> None:
        super().__init__(readers)
        self.readers = readers

    def __str__(self) -> str:
        return (
            f"readers {', '.join(self.readers)} all failed; repair one and start QC again: the tray goes on from there"
        )


@dataclass(frozen=True, slots=True)
class ReadPiece:
    """What a reader found on the piece with serial `number`."""

    number: str
    reader: str
    reading: Reading


class ReaderPool:
    """Shares readers between trays. A reader that fails is set aside with its error in `failed`."""

    def __init__(self, readers: Mapping[str, DocumentReader], *, comes_back_s: float = COMES_BACK_S) -> None:
        if not readers:
            raise NoReaderLeftError(())
        self._readers, self._comes_back_s = dict(readers), comes_back_s
        self._free = list(readers)
        self._changed = Condition()
        self._waiting: list[tuple[bool, int]] = []
        self._tickets = count()
        self._looking = Lock()
        self.failed: dict[str, DeviceError] = {}

    def read(self, numbers: Sequence[str], desk: QcDesk, place: str, *, first: bool = False) -> list[ReadPiece]:
        """Each piece through a reader and back to `place`; those that go `first` before all others that wait.

        Raises `NoReaderLeftError` when no reader works.
        """
        with ThreadPoolExecutor(len(self._readers), thread_name_prefix="reader") as threads:
            return list(threads.map(lambda number: self._read_one(number, desk, place, first=first), numbers))

    def what_lies(self) -> list[ReadPiece]:
        """What people laid into readers, each piece known by its own serial; nothing while somebody else is looking.

        An empty reader is passed over, and so is one that fails: it is asked again over a fresh session with the next
        look.
        """
        if not self._looking.acquire(blocking=False):
            return []
        try:
            return [piece for name in self._readers if (piece := self._look_into(name)) is not None]
        finally:
            self._looking.release()

    def _look_into(self, name: str) -> ReadPiece | None:
        reader = self._readers[name]
        try:
            reading = reader.read(READ_TIMEOUT_S)
        except MachineRefusedError:
            return None  # nothing lies there
        except DeviceError:
            reader.close()
            with suppress(DeviceError):
                reader.open()
            return None
        return ReadPiece(reading.surface_serial, name, reading)

    def _read_one(self, number: str, desk: QcDesk, place: str, *, first: bool) -> ReadPiece:
        while True:
            name = self._take_free(first=first)
            works = True
            try:
                desk.insert(number, name)
                try:
                    return ReadPiece(number, name, self._ask(self._readers[name]))
                finally:
                    desk.take_back(number, name, place)
            except DeviceError as error:
                works = False
                self._set_aside(name, error)
            finally:
                # Whatever else goes wrong is not the reader's fault: others wait for it.
                if works:
                    with self._changed:
                        self._free.append(name)
                        self._changed.notify_all()

    def _ask(self, reader: DocumentReader) -> Reading:
        """Read, and again over fresh sessions for a while: reading changes nothing, so asking again is safe."""
        lost_s: float | None = None
        tries = 0
        while True:
            tries += 1
            try:
                return reader.read(READ_TIMEOUT_S)
            except DeviceError:
                # From its first failure on: a line that died silently takes longer to be given up than a reader to come
                # back.
                now_s = monotonic()
                lost_s = now_s if lost_s is None else lost_s
                if now_s - lost_s >= self._comes_back_s and tries >= TRIES:
                    raise
            reader.close()
            time.sleep(ASK_AGAIN_S)
            with suppress(DeviceError):
                reader.open()  # where this fails, reading does

    def _take_free(self, *, first: bool) -> str:
        """A reader, once one is free and nobody has waited longer or goes before."""
        with self._changed:
            mine = (not first, next(self._tickets))
            heapq.heappush(self._waiting, mine)
            self._changed.wait_for(lambda: self._none_left or (bool(self._free) and self._waiting[0] == mine))
            self._waiting.remove(mine)
            heapq.heapify(self._waiting)
            # With several free the next in turn need not wait for a piece to come back.
            self._changed.notify_all()
            if self._none_left:
                raise NoReaderLeftError(tuple(self._readers))
            return self._free.pop(0)

    @property
    def _none_left(self) -> bool:
        return len(self.failed) == len(self._readers)

    def _set_aside(self, name: str, error: DeviceError) -> None:
        with self._changed:
            self.failed[name] = error
            self._changed.notify_all()
