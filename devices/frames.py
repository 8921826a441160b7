"""Bytes <-> frames of the personalizer link: `7E | ctl | seq | ack | payload | CRC-32 | 7E`, pure functions.

Inside a frame the bytes 7E, 7D and 1A are written as 7D and the byte xor 20. A bare 1A (CANCEL) abandons the frame it
stands in. The CRC-32 (zlib's) covers control byte to payload and is sent high byte first.
"""

import zlib
from enum import IntEnum
from typing import NamedTuple

FLAG = b"\x7e"
ESCAPE = b"\x7d"
CANCEL = b"\x1a"
HEADER_BYTES = 3
CRC_BYTES = 4
RETRANSMISSION_BIT = 0x80
# The escape byte itself first, or its own escapes would be escaped again.
ESCAPES = ((ESCAPE, b"\x7d\x5d"), (FLAG, b"\x7d\x5e"), (CANCEL, b"\x7d\x3a"))
ESCAPED = {stuffed[1:]: plain for plain, stuffed in ESCAPES}


class FrameKind(IntEnum):
    """What a frame is for; the low seven bits of the control byte."""

    DATA = 1
    ACK = 2
    NAK = 3
    RESET = 4
    RESET_ACK = 5


KINDS = {int(kind): kind for kind in FrameKind}


class Frame(NamedTuple):
    """One frame. `seq` numbers a DATA frame (0–255); `ack` is the next sequence number its sender expects."""

    kind: FrameKind
    seq: int
    ack: int
    payload: bytes = b""
    retransmission: bool = False


def encode_frame(frame: Frame) -> bytes:
    """The frame's bytes on the line, both flags included.

    >>> encode_frame(Frame(FrameKind.ACK, 0, 0x7E)).hex(" ")
    '7e 02 00 7d 5e 4b 78 51 47 7e'
    """
    control = frame.kind | RETRANSMISSION_BIT if frame.retransmission else frame.kind
    body = bytes((control, frame.seq, frame.ack)) + frame.payload
    body += zlib.crc32(body).to_bytes(CRC_BYTES, "big")
    for plain, stuffed in ESCAPES:
        body = body.replace(plain, stuffed)
    return FLAG + body + FLAG


def decode_frame(stuffed: bytes) -> Frame | None:
    """The frame between two flags, or None when the bytes are damaged or no frame at all."""
    if ESCAPE in stuffed:
        # Split once instead of replacing three pairs: a third of the time for a frame of random bytes.
        begin, *parts = stuffed.split(ESCAPE)
        try:
            stuffed = begin + b"".join([ESCAPED[part[:1]] + part[1:] for part in parts])
        except KeyError:
            return None
    if len(stuffed) < HEADER_BYTES + CRC_BYTES:
        return None
    body = stuffed[:-CRC_BYTES]
    if zlib.crc32(body) != int.from_bytes(stuffed[-CRC_BYTES:], "big"):
        return None
    kind = KINDS.get(body[0] & ~RETRANSMISSION_BIT)
    if kind is None:
        return None
    return Frame(kind, body[1], body[2], body[HEADER_BYTES:], bool(body[0] & RETRANSMISSION_BIT))


class FrameDecoder:
    """Turns a byte stream into frames; damaged ones are counted and dropped, the next flag resynchronises.

    Never raises, and holds at most one frame of `max_payload` bytes in stuffed form, whatever arrives.
    """

    def __init__(self, max_payload: int) -> None:
        self._limit = 2 * (HEADER_BYTES + max_payload + CRC_BYTES)
        self._rest = b""
        self._skipping = False
        self.discarded = 0

    @property
    def held_bytes(self) -> int:
        """Bytes of an unfinished frame held back for the next call."""
        return len(self._rest)

    def feed(self, data: bytes) -> list[Frame]:
        """The whole frames that `data` completes, in order."""
        *segments, rest = (self._rest + data).split(FLAG)
        frames: list[Frame] = []
        for segment in segments:
            sound = self._after_cancel(segment)
            skipped, self._skipping = self._skipping, False
            if not sound or skipped:
                continue
            frame = decode_frame(sound) if len(sound) <= self._limit else None
            if frame is None:
                self.discarded += 1
            else:
                frames.append(frame)
        self._rest = self._after_cancel(rest)
        if len(self._rest) > self._limit:
            self.discarded += not self._skipping
            self._skipping, self._rest = True, b""
        return frames

    def _after_cancel(self, segment: bytes) -> bytes:
        cancel = segment.rfind(CANCEL)
        if cancel >= 0:
            self._skipping = False
        return segment[cancel + 1 :]
