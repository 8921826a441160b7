"""A count that a machine's controller keeps on stable storage, so that it never goes back under one memory's name."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

from devices.emulation.stable_file import StableFile

LAST = (1 << 32) - 1
_RECORD = struct.Struct(">II")  # memory, count
_CRC = struct.Struct(">I")
_SIZE = _RECORD.size + _CRC.size


class KeptCount:
    """`memory` names what counts; a memory that is new, damaged or full begins another, at 0."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = StableFile(path)
        self.memory = self.count = 0
        size = 0
        while (record := self._sound(self._file.read(size, _SIZE))) is not None:
            self.memory, self.count = record
            size += _SIZE
        # What is cut off may have been a later count: the memory that it belonged to is not gone on with.
        if not self._file.end_at(size) or not self.memory:
            self._begin()

    def _begin(self) -> None:
        before = self.memory
        while self.memory in (0, before):
            self.memory = int.from_bytes(os.urandom(4))
        self.count = 0
        self._keep()

    def advance(self) -> int:
        """Count one more; returns the count once it is on stable storage."""
        if self.count == LAST:
            self._begin()
        self.count += 1
        self._keep()
        return self.count

    def _keep(self) -> None:
        record = _RECORD.pack(self.memory, self.count)
        self._file.append(record + _CRC.pack(zlib.crc32(record)))
        self._file.sync()

    @staticmethod
    def _sound(record: bytes) -> tuple[int, int] | None:
        if len(record) < _SIZE or _CRC.pack(zlib.crc32(record[: _RECORD.size])) != record[_RECORD.size :]:
            return None
        memory, count = _RECORD.unpack_from(record)
        return (memory, count) if memory else None

    def lose_power(self) -> None:
        """Drop what is not on stable storage; the process must end right after."""
        self._file.lose_power()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
