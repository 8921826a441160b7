"""Zebra's ZPL II: a label as bytes and back, and the answers to `~HS` and `~HI`.

Source: Zebra's ZPL programming guide. Nothing in an answer names a job, and `~HS` is not answered at all while media
or ribbon are out, the head is open or too hot, or the rewinder is full.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256

from devices.errors import MalformedError
from devices.roles import ParcelLabel, PrinterCondition

STATUS_REQUEST, IDENTITY_REQUEST = b"~HS", b"~HI"
BEGIN, END = b"^XA", b"^XZ"
EMULATED = "EMULATED"
_LONGEST_ANSWER = 256
_STATUS = (
    rb"\x02\d{3},([01]),([01]),\d{4},(\d{3}),([01]),[01],([01]),\d{3},([01]),([01]),([01])\x03\r\n"
    rb"\x02\d{3},\d,([01]),([01]),[01],\w,\w,([01]),(\d{8}),\d,\d{3}\x03\r\n"
    rb"\x02\w{4},\d\x03\r\n"
)
_IDENTITY = rb"\x02([!-+\--~][ -+\--~]*),([ -+\--~]+),\d+,\d+KB[ -~]*\x03\r\n"
_ANSWER = re.compile(b"(?P<status>" + _STATUS + b")|" + _IDENTITY)
_HEX = re.compile(r"_([0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class Status:
    """One answer to `~HS`, in what matters here: why it can't print, and how much it has yet to print."""

    paper_out: bool = False
    paused: bool = False
    formats: int = 0
    buffer_full: bool = False
    partial: bool = False
    faulty: bool = False
    head_up: bool = False
    ribbon_out: bool = False
    label_waiting: bool = False
    remaining: int = 0

    @property
    def holds_labels(self) -> bool:
        """Whether anything is left to print, or to take off."""
        return bool(self.formats or self.remaining or self.partial or self.label_waiting)

    @property
    def condition(self) -> PrinterCondition:
        """Whether the printer can take a label."""
        causes = (
            (self.head_up, PrinterCondition.COVER_OPEN),
            (self.paper_out, PrinterCondition.PAPER_OUT),
            (self.ribbon_out, PrinterCondition.RIBBON_OUT),
            (self.faulty, PrinterCondition.FAULTY),
            (self.buffer_full, PrinterCondition.BUFFER_FULL),
            (self.paused, PrinterCondition.PAUSED),
            (self.holds_labels, PrinterCondition.BUSY),
        )
        return next((condition for is_so, condition in causes if is_so), PrinterCondition.READY)

    def encode(self) -> bytes:
        """The three strings of the answer."""
        first = f"030,{self.paper_out:d},{self.paused:d},0480,{self.formats:03},{self.buffer_full:d},0,"
        first += f"{self.partial:d},000,{self.faulty:d},0,0"
        second = f"001,0,{self.head_up:d},{self.ribbon_out:d},1,2,6,{self.label_waiting:d},{self.remaining:08},1,000"
        return string(first) + string(second) + string("1234,0")

    @classmethod
    def decode(cls, strings: bytes) -> Status:
        """Read back what `encode` wrote; raises MalformedError."""
        found = re.fullmatch(_STATUS, strings)
        if found is None:
            raise MalformedError("ZPL host status", "not the three strings of the manual", 0)
        paper_out, paused, formats, buffer_full, partial, *rest = map(int, found.groups())
        *faults, head_up, ribbon_out, label_waiting, remaining = rest
        return cls(
            paper_out=bool(paper_out),
            paused=bool(paused),
            formats=formats,
            buffer_full=bool(buffer_full),
            partial=bool(partial),
            faulty=any(faults),
            head_up=bool(head_up),
            ribbon_out=bool(ribbon_out),
            label_waiting=bool(label_waiting),
            remaining=remaining,
        )


@dataclass(frozen=True, slots=True)
class Identity:
    """The answer to `~HI`, in what matters here."""

    model: str
    version: str

    @property
    def emulated(self) -> bool:
        """Whether the printer says that it is an emulated one."""
        return self.model.startswith(EMULATED)

    def encode(self) -> bytes:
        """The string of the answer, for 8 dots/mm and 8 MB."""
        return string(f"{self.model},{self.version},8,8192KB,X")


def string(text: str) -> bytes:
    """One string of an answer: STX, text, ETX, CR, LF."""
    return b"\x02" + text.encode("ascii") + b"\x03\r\n"


def split(received: bytes) -> tuple[list[Status | Identity], bytes]:
    """Find the answers in what a printer sent, and the rest that may become one; what is neither is passed over."""
    answers: list[Status | Identity] = []
    end = 0
    for found in _ANSWER.finditer(received):
        if found["status"]:
            answers.append(Status.decode(found["status"]))
        else:
            model, version = found.groups()[-2:]
            answers.append(Identity(model.decode("ascii"), version.decode("ascii")))
        end = found.end()
    return answers, received[end:][-_LONGEST_ANSWER:]


def tag(job_id: str) -> str:
    """What a job is called in the comment of its label; the printer does not tell it back."""
    return "J" + sha256(job_id.encode()).hexdigest()[:7]


def escape(text: str) -> str:
    """Write field data so that nothing in it is a command, for a field that begins with ^FH.

    >>> escape("A^B~C_D")
    'A_5EB_7EC_5FD'
    """
    return "".join(f"_{ord(character):02X}" if character in "^~_" else character for character in text)


def render(label: ParcelLabel, job_id: str, *, emulated: bool) -> bytes:
    """A label of 100 x 60 mm at 8 dots/mm, one copy."""
    fields = [
        f"^FX {tag(job_id)}^FS",
        f"^FO40,30^A0N,48,24^FH^FD{escape(label.parcel)}^FS",
        f"^FO40,100^A0N,48,48^FH^FD{escape(label.destination)}^FS",
        f"^FO40,180^BY3^BCN,120,N,N,N^FH^FD{escape(label.tracking)}^FS",
        f"^FO40,310^A0N,48,24^FH^FD{escape(label.tracking)}^FS",
    ]
    if emulated:
        fields.append(f"^FO40,370^A0N,72,72^FH^FD{EMULATED}^FS")
    return BEGIN + "".join(("^PW800^LL480", *fields, "^PQ1")).encode("ascii") + END


@dataclass(frozen=True, slots=True)
class Printed:
    """What a label's bytes say: the comment, the texts in the order they were sent, and the barcodes."""

    comment: str
    texts: tuple[str, ...]
    barcodes: tuple[str, ...]


def decode(label: bytes) -> Printed:
    """Read a label from ^XA to ^XZ, both left out or not; commands that say nothing of its contents are skipped."""
    comment = ""
    texts: list[str] = []
    barcodes: list[str] = []
    for field in label.decode("latin-1").split("^FS"):
        commands = field.split("^")
        data = [command[2:] for command in commands if command.startswith("FD")]
        if "FH" in commands:
            data = [_HEX.sub(lambda found: chr(int(found[1], 16)), text) for text in data]
        coded = any(command.startswith("BC") for command in commands)
        (barcodes if coded else texts).extend(data)
        comment = next((command[2:].strip() for command in commands if command.startswith("FX")), comment)
    return Printed(comment, tuple(texts), tuple(barcodes))
