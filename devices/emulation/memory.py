"""What an emulated machine remembers: one append-only journal file, on stable storage before anything moves.

A record is `kind | length | body | CRC-32`: a job's entry (a whole snapshot, so the last one of a job says
everything), a fence, a hold, or the journal's identity. A torn or damaged journal is cut back to its last sound
record, gets a new identity and holds the machine until a person resumes it: what was cut may have been an act.
"""

from __future__ import annotations

import os
import struct
import time
import zlib
from array import array
from collections.abc import Iterator
from dataclasses import replace
from enum import IntEnum
from pathlib import Path
from typing import Any

from devices.emulation.faults import FENCE, RELEASED, FaultName, Faults
from devices.emulation.stable_file import StableFile
from devices.errors import DeviceError
from devices.jobs import JOB_ID_BYTES, Cause, Disposition, MachineJobState, advance_machine
from devices.messages import NO_DIGEST, JournalEntry
from devices.wire import pack_record, unpack_record

_HEAD = struct.Struct(">BH")
_CRC = struct.Struct(">I")
_FENCE = struct.Struct(">Q")
_IDENTITY = struct.Struct(f">{JOB_ID_BYTES}sQ")


class _Kind(IntEnum):
    ENTRY = 1
    FENCE = 2
    HOLD = 3
    IDENTITY = 4


class JournalDamagedError(DeviceError):
    """A record that was sound when the journal was opened can't be read back."""

    def __init__(self, position: int) -> None:
        super().__init__(position)
        self.position = position

    def __str__(self) -> str:
        return (
            f"journal entry {self.position} can't be read back; the machine stops, restart it to cut the journal there"
        )


class ControllerStopsError(DeviceError):
    """A fault that was set stops the controller at an entry of its journal; its process ends."""

    def __init__(self, fault: str, entry: str, before: bool) -> None:
        super().__init__(fault, entry, before)
        self.fault, self.entry, self.before = fault, entry, before

    def __str__(self) -> str:
        when = "before" if self.before else "after"
        return f"{self.fault} {when} the entry {self.entry} was written (EMULATED, as set); switch it on again"


class JournalFullError(DeviceError):
    """There was no room for an entry: nothing moved, the process ends."""

    def __init__(self, entry: str, reason: str) -> None:
        super().__init__(entry, reason)
        self.entry, self.reason = entry, reason

    def __str__(self) -> str:
        return (
            f"the entry {self.entry} was not written ({self.reason}); nothing moved, make room and switch it on again"
        )


_STOPPING = (FaultName.POWER_LOSS, FaultName.RESTART, FaultName.TORN_JOURNAL, FaultName.LOST_JOURNAL)
_CLOCK_JUMP_US = -86_400_000_000


class Journal:
    """The machine's durable memory: identity, fence, hold, and every job it ever heard of.

    Only unreleased jobs are held in memory; released ones are read back from the file, so that their ids stay
    answered or refused for ever at some 200 bytes of memory each. Nothing is on stable storage before `sync`.
    """

    def __init__(self, path: Path, faults: Faults | None = None) -> None:
        """Appending raises JournalFullError, and ControllerStopsError where one of `faults` says so."""
        self._faults = faults or Faults()
        self._path = path
        self._clock_us = 0
        self._file = StableFile(path)
        self._offsets = array("Q")
        self._closed: dict[bytes, int] = {}
        self.open_jobs: dict[str, JournalEntry] = {}
        self.journal_id = ""
        self.first = 1
        self.fence = 0
        self.held = False
        self.damaged = False
        self._load()

    @property
    def next(self) -> int:
        """Position that the next entry will get; the first of all is 1."""
        return len(self._offsets) + 1

    @property
    def syncs(self) -> int:
        """How often stable storage was waited for."""
        return self._file.syncs

    def _load(self) -> None:
        offset = 0
        while (record := self._record_at(offset)) is not None:
            kind, body = record
            self._take(kind, body, offset)
            offset += _HEAD.size + len(body) + _CRC.size
        self.damaged = not self._file.end_at(offset)
        if self.damaged:
            self._append(_Kind.HOLD, b"\x01")
            self.held = True
        if self.damaged or not self.journal_id:
            # A cut journal is another journal: absence from it proves nothing about what was cut.
            identity, self.first = os.urandom(JOB_ID_BYTES), self.next
            self._append(_Kind.IDENTITY, _IDENTITY.pack(identity, self.first))
            self.journal_id = identity.hex()
        self.sync()

    def _record_at(self, offset: int) -> tuple[_Kind, bytes] | None:
        head = self._file.read(offset, _HEAD.size)
        if len(head) < _HEAD.size or head[0] not in _Kind.__members__.values():
            return None
        kind, length = _HEAD.unpack(head)
        rest = self._file.read(offset + _HEAD.size, length + _CRC.size)
        if len(rest) < length + _CRC.size or _CRC.pack(zlib.crc32(head + rest[:length])) != rest[length:]:
            return None
        return _Kind(kind), rest[:length]

    def _take(self, kind: _Kind, body: bytes, offset: int) -> None:
        match kind:
            case _Kind.ENTRY:
                self._remember(unpack_record(JournalEntry, body)[0], offset)
            case _Kind.FENCE:
                (self.fence,) = _FENCE.unpack(body)
            case _Kind.HOLD:
                self.held = body == b"\x01"
            case _Kind.IDENTITY:
                identity, self.first = _IDENTITY.unpack(body)
                self.journal_id = identity.hex()

    def _remember(self, entry: JournalEntry, offset: int) -> None:
        self._offsets.append(offset)
        if entry.released:
            self.open_jobs.pop(entry.job_id, None)
            self._closed[bytes.fromhex(entry.job_id)] = entry.position
        else:
            self.open_jobs[entry.job_id] = entry

    def _append(self, kind: _Kind, body: bytes) -> None:
        record = _HEAD.pack(kind, len(body)) + body
        try:
            self._file.append(record + _CRC.pack(zlib.crc32(record)))
        except OSError as error:
            raise JournalFullError(kind.name, str(error)) from error

    def job(self, job_id: str) -> JournalEntry | None:
        """The last entry of a job; None if the machine never heard of it."""
        entry = self.open_jobs.get(job_id)
        if entry is None:
            position = self._closed.get(bytes.fromhex(job_id))
            entry = None if position is None else self._entry(position)
        return entry

    def enter(self, job_id: str, state: MachineJobState, **facts: Any) -> JournalEntry:
        """Append that a job entered `state`, with the facts of JournalEntry that change; `sync` before anything moves.

        Raises IllegalMoveError, and then appends nothing.
        """
        last = self.job(job_id)
        advance_machine(job_id, MachineJobState.ABSENT if last is None else last.state, state)
        return self._append_entry(last or _unheard_of(job_id), state=state, **facts)

    def doubt(self, job: JournalEntry, **facts: Any) -> None:
        """Append that nothing is known of a job any more: what was cut off a damaged journal may have been about it."""
        self._append_entry(job, state=MachineJobState.UNKNOWN, **facts)

    def release(self, job: JournalEntry) -> None:
        """Append that the host has booked the job's result."""
        self._append_entry(job, released=True)

    def _append_entry(self, last: JournalEntry, **facts: Any) -> JournalEntry:
        entry = replace(last, position=self.next, time_us=time.time_ns() // 1000 + self._clock_us, **facts)
        offset = self._file.size
        self._append_at(RELEASED if entry.released else entry.state.name, _Kind.ENTRY, pack_record(entry))
        self._remember(entry, offset)
        return entry

    def _append_at(self, boundary: str, kind: _Kind, body: bytes) -> None:
        self._meet(boundary, body, before=True)
        self._append(kind, body)
        self._meet(boundary, body, before=False)

    def _meet(self, boundary: str, body: bytes, *, before: bool) -> None:
        """What faults do at an entry."""
        if self._faults.strike(FaultName.CLOCK_JUMP, boundary, before=before):
            self._clock_us += _CLOCK_JUMP_US
        if self._faults.strike(FaultName.FULL_DISK, boundary, before=before):
            raise JournalFullError(boundary, "no space left, as set, EMULATED")
        for name in _STOPPING:
            if self._faults.strike(name, boundary, before=before):
                self._stop(name, body)
                raise ControllerStopsError(name, boundary, before)

    def _stop(self, name: FaultName, body: bytes) -> None:
        if name is FaultName.POWER_LOSS:
            self.lose_power()
        elif name is FaultName.TORN_JOURNAL:
            # Half a record: what was being written when the storage failed.
            self._file.append((_HEAD.pack(_Kind.ENTRY, len(body)) + body)[: _HEAD.size + len(body) // 2])
        elif name is FaultName.LOST_JOURNAL:
            self._path.unlink()

    def raise_fence(self, fence: int) -> None:
        """Store the highest fence; returns when it is on stable storage."""
        self._append_at(FENCE, _Kind.FENCE, _FENCE.pack(fence))
        self.sync()
        self.fence = fence

    def resume(self) -> None:
        """A person has looked into the machine: end the hold, durably."""
        self._append(_Kind.HOLD, b"\x00")
        self.sync()
        self.held = False

    def entries(self, since: int) -> Iterator[JournalEntry]:
        """Yield this journal's entries from position `since` on."""
        for position in range(max(since, self.first), self.next):
            yield self._entry(position)

    def _entry(self, position: int) -> JournalEntry:
        record = self._record_at(self._offsets[position - 1])
        if record is None:
            raise JournalDamagedError(position)
        return unpack_record(JournalEntry, record[1])[0]

    def sync(self) -> None:
        """Return once everything appended is on stable storage."""
        self._file.sync()

    def lose_power(self) -> None:
        """Drop what is not on stable storage; the process must end right after."""
        self._file.lose_power()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _unheard_of(job_id: str) -> JournalEntry:
    return JournalEntry(
        position=0,
        time_us=0,
        job_id=job_id,
        state=MachineJobState.ABSENT,
        released=False,
        step=0,
        blank_serial="",
        data_sha256=NO_DIGEST,
        disposition=Disposition.NONE,
        cause=Cause.NONE,
    )
