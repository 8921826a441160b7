"""Image files before any decoder sees them: the structure of a JPEG or PNG is walked, dimensions read, tails refused.

Only a file that is exactly one picture from its first byte to its last passes: no other file hidden behind the end (a
polyglot), no dimensions that would fill the memory (a bomb) nor scans that would take the time, no missing end.
"""

import re
from dataclasses import dataclass

MAX_PIXELS = 4_000_000
MAX_SIDE = 5_000
MAX_TEXT_BYTES = 4_096
"""Comments and text chunks longer than this carry something else than a comment."""
MAX_BESIDE_BYTES = 32_768
"""Of a JPEG's comments and its programs' own segments: camera, colours, a small preview. More is another file."""
MOST_SCANS = 40
"""A progressive JPEG has some ten. Each is decoded over the whole picture: thousands, which fit in, take minutes."""

PNG_START = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"\x00\x00\x00\x00IEND\xaeB\x60\x82"
_JPEG_START, _END = b"\xff\xd8", 0xD9
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN = 0xDA
_COMMENT = 0xFE
_BESIDE = frozenset({*range(0xE0, 0xF0), _COMMENT})
# Within a scan FF is followed by 00 or is a mark to begin anew; anything else ends it.
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
# Colour types that a signature or photo may have: greyscale, RGB, palette, with or without alpha.
_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PNG_CHUNKS = frozenset(
    {b"IHDR", b"PLTE", b"tRNS", b"gAMA", b"sRGB", b"cHRM", b"pHYs", b"tIME", b"tEXt", b"IDAT", b"IEND"}
)


class PictureError(Exception):
    """A file is no acceptable picture. `reason` is a code of `stations.intake.rules.REASONS`, without its role."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Outline:
    """What a file's headers say. `bits`: of one pixel."""

    media_type: str
    width: int
    height: int
    bits: int


def outline(data: bytes) -> Outline:
    """The outline of a whole, single JPEG or PNG.

    Raises `PictureError`: `not_image` (neither), `truncated` (no end), `trailing_data` (something behind the end or in
    beside it), `too_large` (more pixels than `MAX_PIXELS`, more scans than `MOST_SCANS`).
    """
    if data.startswith(_JPEG_START):
        found = _jpeg(data)
    elif data.startswith(PNG_START):
        found = _png(data)
    else:
        raise PictureError("not_image")
    if not (0 < found.width <= MAX_SIDE and 0 < found.height <= MAX_SIDE and found.width * found.height <= MAX_PIXELS):
        raise PictureError("too_large")
    return found


def _jpeg(data: bytes) -> Outline:
    """Walk segments and scans to the end, which is the end of the file."""
    at, found, scans, beside = 2, None, 0, 0
    while True:
        if len(data) < at + 2:
            raise PictureError("truncated")
        if data[at] != 0xFF:
            raise PictureError("not_image")
        marker = data[at + 1]
        if marker == _END:
            break
        length = int.from_bytes(data[at + 2 : at + 4])
        if len(data) < at + 4 or len(data) < at + 2 + length:
            raise PictureError("truncated")
        if length < 2:
            raise PictureError("not_image")
        if marker in _BESIDE:
            beside += length
            if beside > MAX_BESIDE_BYTES or (marker == _COMMENT and length > MAX_TEXT_BYTES):
                raise PictureError("trailing_data")
        if marker in _FRAMES:
            frame = data[at + 4 : at + 10]
            if len(frame) < 6 or found is not None:
                raise PictureError("not_image")
            height, width = int.from_bytes(frame[1:3]), int.from_bytes(frame[3:5])
            found = Outline("image/jpeg", width, height, frame[0] * frame[5])
        at += 2 + length
        if marker == _SCAN:
            scans += 1
            if scans > MOST_SCANS:
                raise PictureError("too_large")
            after = _AFTER_SCAN.search(data, at)
            if after is None:
                raise PictureError("truncated")
            at = after.start()
    if found is None or not scans:
        raise PictureError("not_image")
    if at + 2 != len(data):
        raise PictureError("trailing_data")
    return found


def _png(data: bytes) -> Outline:
    at, found = len(PNG_START), _png_header(data[len(PNG_START) + 8 :][:13])
    while True:
        if len(data) < at + 12:
            raise PictureError("truncated")
        length, kind = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        if kind not in _PNG_CHUNKS or (kind == b"tEXt" and length > MAX_TEXT_BYTES):
            raise PictureError("trailing_data")
        if (at == len(PNG_START)) != (kind == b"IHDR"):
            raise PictureError("not_image")
        if kind == b"IEND":
            break
        at += 12 + length
    if data[at:] != _PNG_END:
        raise PictureError("trailing_data" if data[at:].startswith(_PNG_END) else "truncated")
    return found


def _png_header(header: bytes) -> Outline:
    if len(header) < 10 or header[9] not in _PNG_CHANNELS:
        raise PictureError("not_image")
    bits = header[8] * _PNG_CHANNELS[header[9]]
    return Outline("image/png", int.from_bytes(header[:4]), int.from_bytes(header[4:8]), bits)
