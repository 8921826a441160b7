"""SATO's SBPL in the mode 'Status 4': a label as bytes and back, and the answers to it.

Sources: SATO's programming references for GL4xxe, CL4NX and E series (chapters on bidirectional communication). A
job's number (ESC ID, 01 to 99) and name (ESC WK) come back in the status while the job is the printer's current one;
most models answer spaces once it is finished, so a status without them proves nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256

from devices.errors import MalformedError
from devices.roles import ParcelLabel, PrinterCondition

STX, ETX, ENQ, ACK, NAK, ESC = 0x02, 0x03, 0x05, 0x06, 0x15, 0x1B
STATUS_REQUEST = bytes((ENQ,))
BEGIN, END = b"\x1bA", b"\x1bZ"
STATUS_BYTES = 27
EMULATED = "EMULATED"
IDLE = "A"
_NAME_CHARACTERS = 16
_TAG_CHARACTERS = 8

# Status bytes by what the host does about them. Each group of five: fine, ribbon near end, buffer near full, both,
# stopped by the host. Waiting for data is the only one in which nothing is left to print.
_CONDITIONS = (
    dict.fromkeys("01234EKQW", PrinterCondition.PAUSED)
    | dict.fromkeys("ABCD", PrinterCondition.READY)
    | dict.fromkeys("GHIJMNOPSTUV", PrinterCondition.BUSY)
    | {
        "a": PrinterCondition.BUFFER_FULL,
        "b": PrinterCondition.COVER_OPEN,
        "c": PrinterCondition.PAPER_OUT,
        "d": PrinterCondition.RIBBON_OUT,
    }
)


class Receipt(IntEnum):
    """The one byte that answers a label: taken, or an error exists."""

    TAKEN = ACK
    REFUSED = NAK


@dataclass(frozen=True, slots=True)
class JobName:
    """What a job is called on the line: a number of two digits, and 8 characters that hardly collide."""

    number: str
    tag: str

    @classmethod
    def of(cls, job_id: str) -> JobName:
        """The name of a job of the line; the same id always has the same."""
        digest = sha256(job_id.encode()).hexdigest()
        return cls(f"{int(digest, 16) % 99 + 1:02}", "J" + digest[: _TAG_CHARACTERS - 1])


@dataclass(frozen=True, slots=True)
class Status:
    """One answer to ENQ: the current job's number, the status byte, labels remaining, and the job's name."""

    number: str
    code: str
    remaining: int
    name: str

    @property
    def condition(self) -> PrinterCondition:
        """Whether the printer can take a label; codes that no manual lists count as faults."""
        condition = _CONDITIONS.get(self.code, PrinterCondition.FAULTY)
        return PrinterCondition.BUSY if condition is PrinterCondition.READY and self.remaining else condition

    @property
    def emulated(self) -> bool:
        """Whether the printer says that it is an emulated one."""
        return self.name.startswith(EMULATED)

    def tells_of(self, job: JobName) -> bool:
        """Whether this job is the printer's current one; printers pad names with zeros or spaces, on either side."""
        return self.number == job.number and job.tag in self.name

    def encode(self) -> bytes:
        """The 27 bytes of the answer."""
        text = f"{self.number:2}{self.code}{self.remaining:06}{self.name:{_NAME_CHARACTERS}}"
        return bytes((STX,)) + text.encode("ascii") + bytes((ETX,))

    @classmethod
    def decode(cls, frame: bytes) -> Status:
        """Read back what `encode` wrote; raises MalformedError."""
        if len(frame) != STATUS_BYTES or frame[0] != STX or frame[-1] != ETX:
            raise MalformedError("SBPL status", "not 27 bytes from STX to ETX", 0)
        text = frame[1:-1].decode("latin-1")
        found = re.fullmatch(r"([0-9]{2}|  )([!-~])([0-9]{6})([ -~]{16})", text)
        if found is None:
            raise MalformedError("SBPL status", "number, code, count or name", 1)
        number, code, remaining, name = found.groups()
        return cls(number, code, int(remaining), name)


def split(received: bytes) -> tuple[list[Receipt | Status], bytes]:
    """Find the answers in what a printer sent, and the rest that may become one; what is neither is passed over."""
    answers: list[Receipt | Status] = []
    at = 0
    while at < len(received):
        if received[at] == STX:
            if len(received) - at < STATUS_BYTES:
                break
            try:
                answers.append(Status.decode(received[at : at + STATUS_BYTES]))
            except MalformedError:
                at += 1
            else:
                at += STATUS_BYTES
        else:
            if received[at] in (ACK, NAK):
                answers.append(Receipt(received[at]))
            at += 1
    return answers, received[at:]


def render(label: ParcelLabel, job: JobName, *, emulated: bool) -> bytes:
    """A label of 100 x 60 mm at 8 dots/mm, one copy; no text of a ParcelLabel can hold a command."""
    commands = [f"ID{job.number}", f"WK{job.tag}"]
    commands += ["H0040", "V0030", "L0102", f"XM{label.parcel}"]
    commands += ["H0040", "V0100", "L0202", f"XM{label.destination}"]
    commands += ["H0040", "V0180", f"BG03120>H{label.tracking}"]
    commands += ["H0040", "V0310", "L0102", f"XM{label.tracking}"]
    if emulated:
        commands += ["H0040", "V0370", "L0303", f"XM{EMULATED}"]
    return BEGIN + "".join(f"\x1b{command}" for command in (*commands, "Q1")).encode("ascii") + END


@dataclass(frozen=True, slots=True)
class Printed:
    """What a label's bytes say: the job, the texts in the order they were sent, and the barcodes."""

    number: str
    name: str
    texts: tuple[str, ...]
    barcodes: tuple[str, ...]


def decode(job: bytes) -> Printed:
    """Read a label from ESC A to ESC Z, both left out or not; commands that say nothing of its contents are skipped."""
    found: dict[str, list[str]] = {"ID": [], "WK": [], "XM": [], "BG": []}
    for command in job.decode("latin-1").split("\x1b"):
        found.get(command[:2], []).append(command[2:])
    barcodes = tuple(text[5:].removeprefix(">H") for text in found["BG"])
    return Printed("".join(found["ID"][-1:]), "".join(found["WK"][-1:]), tuple(found["XM"]), barcodes)
