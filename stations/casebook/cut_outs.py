"""Pieces of pictures that show what was wrong and not whose it was.

A piece of a photograph is a small share of it, with at most one of eyes and mouth, as coarse as if the whole photograph
were `WHOLE_PX` wide: 24 to 30 pixels then lie between the eyes, a third of what comparing faces takes (ISO/IEC 19794-5
asks for 90). So wherever the head is, nobody can be known by it. Of a signature it is one character's share.
"""

import hashlib
import io
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import numpy as np
from PIL import Image

from stations.casebook.errors import CutOutRefusedError
from stations.intake.measures import INK
from stations.intake.pictures import PictureError, outline
from stations.review.items import Group, ReviewItem

WHOLE_PX: Final = 96
"""How wide the whole photograph is at the scale of its pieces."""
MOST_PX: Final = 64
"""Of each side of a piece; the database holds it too."""
MOST_BYTES: Final = 16_384
MOST_SHARE: Final = 0.15
"""Of a photograph's area."""


class Region(StrEnum):
    """What is cut out; left and right are the picture's."""

    LEFT_EAR = "left_ear"
    RIGHT_EAR = "right_ear"
    LEFT_EYE = "left_eye"
    RIGHT_EYE = "right_eye"
    MOUTH = "mouth"
    CROWN = "crown"
    BACKGROUND = "background"
    CHARACTER = "character"


Share = tuple[float, float, float, float]

SHARES: Final[Mapping[Region, tuple[Share, ...]]] = {
    Region.LEFT_EAR: ((0.08, 0.39, 0.20, 0.23),),
    Region.RIGHT_EAR: ((0.72, 0.39, 0.20, 0.23),),
    Region.LEFT_EYE: ((0.22, 0.37, 0.28, 0.19),),
    Region.RIGHT_EYE: ((0.50, 0.37, 0.28, 0.19),),
    Region.MOUTH: ((0.32, 0.60, 0.36, 0.14),),
    Region.CROWN: ((0.20, 0.06, 0.60, 0.24),),
    # The upper corners, where a background is measured.
    Region.BACKGROUND: ((0.0, 0.0, 0.125, 0.25), (0.875, 0.0, 0.125, 0.25)),
}
"""Left, top, width, height as shares of the photograph: where a picture by the rules has them."""

_EARS, _EYES = (Region.LEFT_EAR, Region.RIGHT_EAR), (Region.LEFT_EYE, Region.RIGHT_EYE)
_OF_PHOTO: Final[Mapping[str, tuple[Region, ...]]] = {
    "photo_ears": _EARS,
    "photo_eyes": _EYES,
    "photo_glasses": _EYES,
    "photo_expression": (Region.MOUTH,),
    "photo_covering": (Region.CROWN, *_EARS),
    "photo_background": (Region.BACKGROUND,),
}


def regions_of(item: ReviewItem) -> tuple[Region, ...]:
    """What can be cut out for an item, the usual one first; nothing where only a whole face would show it."""
    if item.group is Group.SIGNATURE and item.code != "signature_present":
        return (Region.CHARACTER,)
    return _OF_PHOTO.get(item.code, ())


def from_photo(data: bytes, region: Region) -> bytes:
    """A region of a photograph as a PNG of our own. Raises CutOutRefusedError."""
    with _opened(data) as picture:
        coarse = picture.convert("RGB" if region is Region.BACKGROUND else "L")
    high = max(1, round(coarse.height * WHOLE_PX / coarse.width))
    coarse = coarse.resize((WHOLE_PX, high), Image.Resampling.BOX)
    pieces = [
        coarse.crop((round(x * WHOLE_PX), round(y * high), round((x + w) * WHOLE_PX), round((y + h) * high)))
        for x, y, w, h in SHARES[region]
    ]
    piece = Image.new(coarse.mode, (sum(each.width for each in pieces), pieces[0].height))
    left = 0
    for each in pieces:
        piece.paste(each, (left, 0))
        left += each.width
    return _written(piece)


def character_of(data: bytes, place: int, of: int) -> bytes:
    """The `place`-th of `of` characters of a signature, from 1, as a PNG of our own: its share of where the ink is.

    Raises CutOutRefusedError.
    """
    if not 1 <= place <= of:
        raise CutOutRefusedError(f"the name has no character {place}")
    with _opened(data) as picture:
        paper = Image.new("L", picture.size, 255)
        # What is transparent is paper.
        alpha = picture.convert("LA").getchannel("A")
        paper.paste(picture.convert("L"), mask=alpha)
    columns = np.flatnonzero((np.asarray(paper) < INK).any(axis=0))
    if not columns.size:
        raise CutOutRefusedError("the signature has no ink")
    left, wide = float(columns[0]), float(columns[-1] + 1 - columns[0]) / max(of, 2)
    edges = round(left + wide * (place - 1)), round(left + wide * place)
    piece = paper.crop((edges[0], 0, max(edges[1], edges[0] + 1), paper.height))
    piece.thumbnail((MOST_PX, MOST_PX), Image.Resampling.LANCZOS)
    return _written(piece)


def sha256_of(piece: bytes) -> str:
    """The SHA-256 of a piece, by which a page names it."""
    return hashlib.sha256(piece).hexdigest()


def _opened(data: bytes) -> Image.Image:
    """The picture in a file that is exactly one."""
    try:
        outline(data)
        opened = Image.open(io.BytesIO(data), formats=("JPEG", "PNG"))
        opened.load()
    except (PictureError, OSError, ValueError, SyntaxError, EOFError) as error:
        raise CutOutRefusedError("the filed picture can't be read") from error
    return opened


def _written(piece: Image.Image) -> bytes:
    """Only its pixels: what the file said of itself is not copied."""
    if max(piece.size) > MOST_PX:
        piece.thumbnail((MOST_PX, MOST_PX))
    bare = Image.frombytes(piece.mode, piece.size, piece.tobytes())
    written = io.BytesIO()
    bare.save(written, "PNG", optimize=True)
    return written.getvalue()
