"""The messages of personalizers and document readers <-> payloads of the link. One code byte, then the fields.

Every request carries a number that its reply repeats (0 in what the machine sends unasked). Every request that can move
a blank or change a job carries the fence of the worker that claimed the machine. docs/protocol.md says who sends what
when.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from typing import Annotated

from devices.errors import MalformedError
from devices.jobs import Cause, Disposition, MachineJobState
from devices.wire import (
    U8,
    U16,
    U32,
    U64,
    Choice,
    Chunk,
    Digest,
    Flag,
    Id,
    Lines,
    Many,
    Nested,
    Text,
    pack_record,
    unpack_record,
)

PROTOCOL_VERSION = 1
UNASKED = 0
CHECK_BYTES = 4
MAX_DATA_BYTES = 1 << 20
MAX_OPEN_JOBS = 8
DATA_OVERHEAD_BYTES = 9
NO_DIGEST = "0" * 64
NO_ID = "0" * 32

StateField = Annotated[MachineJobState, Choice(MachineJobState)]
DispositionField = Annotated[Disposition, Choice(Disposition)]
CauseField = Annotated[Cause, Choice(Cause)]


class RefusalCode(IntEnum):
    """Why a machine refused a request; nothing moved for it. `Refused.detail` where it says so."""

    MALFORMED = 1
    UNSUPPORTED = 2
    NOT_CLAIMED = 3
    STALE_FENCE = 4  # detail: the highest fence the machine knows
    UNKNOWN_JOB = 5
    WRONG_STATE = 6  # state: the job's
    PATH_OCCUPIED = 7
    OUT_OF_BLANKS = 8
    REJECT_BIN_FULL = 9
    TOO_LARGE = 10  # detail: the largest size in bytes
    DATA_DAMAGED = 11
    OTHER_DATA = 12
    OTHER_RESULT = 13
    OTHER_JOURNAL = 14
    HELD = 15  # detail: a `jobs.Cause`
    JOURNAL_FAULT = 16
    TOO_MANY_OPEN_JOBS = 17  # detail: how many may be open
    NO_PIECE = 18


RefusalField = Annotated[RefusalCode, Choice(RefusalCode)]


@dataclass(frozen=True, slots=True)
class Counters:
    """A machine's life counts of blanks: `fed = good + rejected + returned + in_path`, or it must be held."""

    fed: U32
    good: U32
    rejected: U32
    returned: U32
    in_path: U8


@dataclass(frozen=True, slots=True)
class OpenJob:
    """A job the machine knows and the host has not released."""

    job_id: Id
    state: StateField


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One line of a machine's journal: the state a job entered at `position`; `released` marks its RELEASE."""

    position: U64
    time_us: U64
    job_id: Id
    state: StateField
    released: Flag
    step: U8
    blank_serial: Text
    data_sha256: Digest
    disposition: DispositionField
    cause: CauseField


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended; the machine holds it until RELEASE. `blank_serial` is empty where no piece could be read."""

    job_id: Id
    state: StateField
    blank_serial: Text
    disposition: DispositionField
    cause: CauseField

    def digest(self) -> str:
        """The result hash that RELEASE must carry: SHA-256 of the fields as on the line."""
        return sha256(pack_record(self)).hexdigest()


@dataclass(frozen=True, slots=True)
class Message:
    """What every message has: the number of the request it is, answers or belongs to."""

    request: U16


@dataclass(frozen=True, slots=True)
class Hello(Message):
    """Host: the first message of a session; what it speaks and can take."""

    version: U8
    max_payload: U16
    window: U8


@dataclass(frozen=True, slots=True)
class HelloReply(Message):
    """Machine: who it is, what it remembers, and the payload (bytes) and window (frames) from here on."""

    version: U8
    max_payload: U16
    window: U8
    model: Text
    serial: Text
    firmware: Text
    boot_id: Id
    emulated: Flag
    journal_id: Id
    journal_first: U64
    journal_next: U64
    fence: U64
    counters: Annotated[Counters, Nested(Counters)]
    open_jobs: Annotated[tuple[OpenJob, ...], Many(Nested(OpenJob))]


@dataclass(frozen=True, slots=True)
class Fenced(Message):
    """A request that only the worker with the current fence may make."""

    fence: U64


@dataclass(frozen=True, slots=True)
class JobRequest(Fenced):
    """A fenced request about one job."""

    job_id: Id


@dataclass(frozen=True, slots=True)
class JobReply(Message):
    """An answer about one job."""

    job_id: Id


@dataclass(frozen=True, slots=True)
class Claim(Fenced):
    """Host: take the machine and this journal; the fence must exceed every one the machine has stored.

    Naming the journal keeps a late CLAIM from opening a machine that came back with an empty one.
    """

    journal_id: Id


@dataclass(frozen=True, slots=True)
class Claimed(Fenced):
    """Machine: the fence is on stable storage."""


@dataclass(frozen=True, slots=True)
class Feed(JobRequest):
    """Host: draw one blank for this job, read its number and stop."""


@dataclass(frozen=True, slots=True)
class Fed(JobReply):
    """Machine: the blank is drawn and its number journalled."""

    blank_serial: Text


@dataclass(frozen=True, slots=True)
class Prepare(JobRequest):
    """Host: `size` bytes of data with this hash follow in `Data`; no motion."""

    size: U32
    data_sha256: Digest


@dataclass(frozen=True, slots=True)
class Data(Message):
    """Bytes from `offset` on of what the request announced; in order, not answered one by one."""

    offset: U32
    chunk: Chunk


@dataclass(frozen=True, slots=True)
class Prepared(JobReply):
    """Machine: the data are whole, agree with their hash, and PREPARED is journalled."""


@dataclass(frozen=True, slots=True)
class Start(JobRequest):
    """Host: make the job that was prepared."""


@dataclass(frozen=True, slots=True)
class Started(JobReply):
    """Machine: WORKING is journalled and the work begins; `Result` follows unasked."""


@dataclass(frozen=True, slots=True)
class ReturnBlank(JobRequest):
    """Host: eject the unmarked blank to the hold stack and end the job."""


@dataclass(frozen=True, slots=True)
class Void(JobRequest):
    """Host: refuse this job for ever; only for a job that the machine has never begun."""


@dataclass(frozen=True, slots=True)
class Status(JobReply):
    """Host: what do you know of this job?"""


@dataclass(frozen=True, slots=True)
class StatusReply(JobReply):
    """Machine: all it knows of the job, and the reach of the journal that says so."""

    state: StateField
    released: Flag
    blank_serial: Text
    data_sha256: Digest
    disposition: DispositionField
    cause: CauseField
    journal_id: Id
    journal_first: U64
    journal_next: U64


@dataclass(frozen=True, slots=True)
class AskResult(JobReply):
    """Host: the job's result, if it has ended."""


@dataclass(frozen=True, slots=True)
class Result(Message):
    """Machine: how a job ended; unasked when it ends, and as often as asked."""

    outcome: Annotated[Outcome, Nested(Outcome)]


@dataclass(frozen=True, slots=True)
class Release(JobRequest):
    """Host: the result with this hash is booked; the machine may let go of it."""

    result_sha256: Digest


@dataclass(frozen=True, slots=True)
class Released(JobReply):
    """Machine: the release is journalled."""


@dataclass(frozen=True, slots=True)
class Journal(Message):
    """Host: the entries from position `since` on."""

    since: U64


@dataclass(frozen=True, slots=True)
class JournalPage(Message):
    """Machine: as many entries as fit, in order; ask again from the last position + 1 until `journal_next`."""

    journal_id: Id
    journal_first: U64
    journal_next: U64
    entries: Annotated[tuple[JournalEntry, ...], Many(Nested(JournalEntry))]


@dataclass(frozen=True, slots=True)
class Refused(Message):
    """Machine: nothing moved for that request; why, and the job's state where it names one."""

    code: RefusalField
    job_id: Id
    state: StateField
    detail: U64


@dataclass(frozen=True, slots=True)
class ReadPiece(Message):
    """Host to a document reader: read what lies on you, waiting up to `timeout_ms` for it."""

    timeout_ms: U32


@dataclass(frozen=True, slots=True)
class PieceRead(Message):
    """Reader: what it saw; `size` bytes of chip files (`piece.encode_chip`) with this hash follow in `Data`."""

    surface_serial: Text
    mrz: Lines
    locked: Flag
    size: U32
    data_sha256: Digest


CODES: dict[int, type[Message]] = {
    0x01: Hello,
    0x02: Claim,
    0x03: Feed,
    0x04: Prepare,
    0x05: Data,
    0x06: Start,
    0x07: ReturnBlank,
    0x08: Void,
    0x09: Status,
    0x0A: AskResult,
    0x0B: Release,
    0x0C: Journal,
    0x20: ReadPiece,
    0x41: HelloReply,
    0x42: Claimed,
    0x43: Fed,
    0x44: Prepared,
    0x46: Started,
    0x49: StatusReply,
    0x4A: Result,
    0x4B: Released,
    0x4C: JournalPage,
    0x60: PieceRead,
    0x7F: Refused,
}
"""Code byte of every message. A reply has its request's code plus 40; RETURN and VOID are answered by `Result`."""

_CODE_OF = {message: bytes((code,)) for code, message in CODES.items()}


def encode(message: Message) -> bytes:
    """The message as a frame's payload: code, fields and, of all but `Data`, a check."""
    body = _CODE_OF[type(message)] + pack_record(message)
    return body if isinstance(message, Data) else body + _check(body)


def decode(payload: bytes) -> Message:
    """The message in a payload. Raises MalformedError for anything that is not exactly one message."""
    record = CODES.get(payload[0]) if payload else None
    if record is None:
        raise MalformedError("message", "unknown code" if payload else "empty payload", 0)
    body = payload
    if record is not Data:
        body = payload[:-CHECK_BYTES]
        if _check(body) != payload[-CHECK_BYTES:]:
            raise MalformedError("message", "its check does not agree: damaged, although its frame's does", len(body))
    message, end = unpack_record(record, body, 1)
    if end != len(body):
        raise MalformedError("message", f"{len(body) - end} bytes left over", end)
    return message


def _check(body: bytes) -> bytes:
    """What a message ends with: no damage that its frame's CRC-32 misses is missed by this as well."""
    return sha256(body).digest()[:CHECK_BYTES]


def data_messages(request: int, data: bytes, max_payload: int) -> Iterator[Data]:
    """`data` in `Data` messages that fill payloads of `max_payload` bytes."""
    size = max_payload - DATA_OVERHEAD_BYTES
    for offset in range(0, len(data), size):
        yield Data(request, offset, data[offset : offset + size])


class DataCollector:
    """Puts the `Data` of one request together again. Holds at most the announced size, itself at most `limit` bytes."""

    def __init__(self, request: int, size: int, data_sha256: str, limit: int = MAX_DATA_BYTES) -> None:
        """Raises MalformedError when more than `limit` bytes are announced."""
        if size > limit:
            raise MalformedError("data", f"{size} bytes announced, {limit} allowed", 0)
        self.request, self.size, self.data_sha256 = request, size, data_sha256
        self._chunks: list[bytes] = []
        self._held = 0

    @property
    def complete(self) -> bool:
        """Whether all announced bytes have come."""
        return self._held == self.size

    def add(self, data: Data) -> None:
        """Take the next chunk; raises MalformedError for one out of place or too many."""
        if data.request != self.request or data.offset != self._held or self._held + len(data.chunk) > self.size:
            raise MalformedError("data", f"chunk out of place, {self._held} of {self.size} bytes held", data.offset)
        self._chunks.append(data.chunk)
        self._held += len(data.chunk)

    def take(self) -> bytes:
        """The whole data; raises MalformedError when they don't agree with the announced hash."""
        data = b"".join(self._chunks)
        if not self.complete or sha256(data).hexdigest() != self.data_sha256:
            raise MalformedError("data", "bytes do not agree with their hash", self._held)
        return data
