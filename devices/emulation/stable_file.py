"""A file that a power loss can be tried on: what was written but never synced can be dropped."""

from __future__ import annotations

import os
from pathlib import Path

# Room is written ahead: a sync that changes no size waits for the data alone, not for the file system's own journal.
_ROOM_BYTES = 1 << 16


class StableFile:
    """A file written at its end, followed by zero bytes, that knows how much of it is on stable storage.

    The one who opens it reads it and says by `end_at` where its contents end.
    """

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        # What an earlier process wrote may still be in the page cache only; and the file's name must last as well.
        os.fsync(self._fd)
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
        self.room = os.fstat(self._fd).st_size
        self.size = self._stable = self.room
        self.syncs = 0

    def end_at(self, size: int) -> bool:
        """Say that the contents end at byte `size`; False if there was more than zeros behind it, which is cut off."""
        clean = not any(os.pread(self._fd, self.room - size, size))
        if not clean:
            os.ftruncate(self._fd, size)
            os.fsync(self._fd)
            self.room = size
        self.size = self._stable = size
        return clean

    def append(self, data: bytes) -> None:
        """Write at the end; it survives a killed process, but a power loss only after `sync`."""
        if self.size + len(data) > self.room:
            zeros = bytes(_ROOM_BYTES + len(data))
            os.pwrite(self._fd, zeros, self.room)
            self.room += len(zeros)
        os.pwrite(self._fd, data, self.size)
        self.size += len(data)

    def sync(self) -> None:
        """Return once everything appended is on stable storage."""
        if self._stable < self.size:
            os.fdatasync(self._fd)
            self._stable = self.size
            self.syncs += 1

    def lose_power(self) -> None:
        """Drop what was never synced, as a power loss would."""
        os.ftruncate(self._fd, self._stable)

    def read(self, offset: int, length: int) -> bytes:
        """Read up to `length` bytes from `offset`."""
        return os.pread(self._fd, length, offset)

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)
