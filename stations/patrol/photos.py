"""Photographs of findings: read as a picture and written anew, so that nothing of the file that came is kept.

Where it was taken, by which telephone, whatever hides behind its end: all of it stays outside.
"""

import hashlib
import io
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageOps, UnidentifiedImageError
from sqlalchemy import Connection

from handoff_logs.statements import Statement
from stations.errors import SealBrokenError
from stations.patrol.errors import PhotoRefusedError, PhotoUnknownError
from stations.personal import PersonalData

MOST_BYTES: Final = 12 * 1024 * 1024
"""Of a file as a telephone sends it."""
MOST_PIXELS: Final = {"JPEG": 52_000_000, "PNG": 16_000_000}
"""A JPEG is decoded at the size that is needed; a PNG can't be."""
LONGEST_SIDE: Final = 1_600
"""Pixels of what is kept: enough to see a crack by."""
QUALITIES: Final = (80, 40, 15)
"""Tried in this order until it is no larger than it may be."""
KEPT_BYTES: Final = 1_000_000

_ABOUT: Final = "patrol-photo:"
_KEEP = Statement("INSERT INTO patrol_photo (sha256, sealed) VALUES (:sha256, :sealed)")
_SEALED = Statement("SELECT sealed FROM patrol_photo WHERE sha256 = :sha256")


@dataclass(frozen=True, slots=True)
class Photo:
    """A photograph as it is kept: a JPEG, and the SHA-256 by which it is known."""

    sha256: str
    jpeg: bytes


def photo(data: bytes) -> Photo:
    """The photograph in a file that somebody sent, upright, and as small as it needs to be. Raises `PhotoRefusedError`.

    Before a pixel is decoded the header must say JPEG or PNG, and not too many of them.
    """
    if len(data) > MOST_BYTES:
        raise PhotoRefusedError(f"has more than {MOST_BYTES // 1024 // 1024} MB")
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as opened:
            if opened.width * opened.height > MOST_PIXELS[str(opened.format)]:
                raise PhotoRefusedError("has too many pixels")
            opened.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
            upright = ImageOps.exif_transpose(opened).convert("RGB")
            upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    except (UnidentifiedImageError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PhotoRefusedError("is no JPEG or PNG") from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise PhotoRefusedError("is cut off or broken") from error
    # Only its pixels: what the file said of itself is not copied.
    bare = Image.frombytes("RGB", upright.size, upright.tobytes())
    for quality in QUALITIES:
        written = io.BytesIO()
        bare.save(written, "JPEG", quality=quality)
        if written.tell() <= KEPT_BYTES:
            break
    jpeg = written.getvalue()
    return Photo(hashlib.sha256(jpeg).hexdigest(), jpeg)


def keep(tx: Connection, personal: PersonalData, picture: Photo) -> None:
    """Keep a photograph, sealed; one that is kept already stays as it is."""
    if _SEALED.run(tx, {"sha256": picture.sha256}).fetchone() is None:
        _KEEP.run(tx, {"sha256": picture.sha256, "sealed": personal.encrypt(picture.jpeg, _ABOUT + picture.sha256)})


def kept(conn: Connection, personal: PersonalData, sha256: str) -> bytes:
    """The JPEG of a photograph. Raises `PhotoUnknownError`, and `SealBrokenError` where it is not the one kept."""
    row = _SEALED.run(conn, {"sha256": sha256}).fetchone()
    if row is None:
        raise PhotoUnknownError(sha256)
    jpeg = personal.decrypt(bytes(row[0]), _ABOUT + sha256)
    if hashlib.sha256(jpeg).hexdigest() != sha256:
        raise SealBrokenError(_ABOUT + sha256)
    return jpeg
