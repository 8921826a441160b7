"""Light measures of a photo or signature, taken once at intake and stored: what review rules suggest from.

A JPEG is decoded at a quarter of its size inside the decoder itself; figures are of that picture, 0–255 unless said.
"""

import struct
import zlib
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stations.intake.faces import FaceFinder
from stations.intake.pictures import Outline, PictureError, outline

Measures = dict[str, Any]
Pixels = NDArray[np.float32]

REDUCTION = 4
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
DARK, BRIGHT = 40, 250
INK = 200
"""A pixel of a signature darker than this counts as ink; faint ink counts too, its darkness is measured."""

# What Pillow raises on files that are built to break it (fuzzed in tests/stations/intake/test_pictures.py).
_DECODING_ERRORS = (OSError, ValueError, SyntaxError, EOFError, IndexError, OverflowError, struct.error, zlib.error)


def measure_photo(data: bytes, faces: FaceFinder | None = None) -> tuple[Outline, Measures]:
    """Outline and measures of a photo file; of its faces only where there is a finder of them.

    Measures: format width height bits bytes; brightness, contrast (mean and deviation of the luma), dark_share,
    bright_share (0–1); background_brightness, background_spread, background_colour (of the upper corners: luma mean,
    luma deviation, mean difference between largest and smallest channel); sharpness (mean absolute Laplacian);
    side_difference (between the luma means of the left and the right half of the inner picture). With a finder: faces
    (how many) and, of the largest, face_width, face_height, face_middle (of the box, as shares of the picture's width,
    height and width), face_roll_deg, face_turn (`stations.intake.faces`). Raises `PictureError`.
    """
    found = outline(data)
    pixels = _decode(data, "RGB")
    luma = pixels @ LUMA
    rows, edge = max(1, luma.shape[0] // 4), max(1, luma.shape[1] // 8)
    corners = np.concatenate((pixels[:rows, :edge].reshape(-1, 3), pixels[:rows, -edge:].reshape(-1, 3)))
    corner_luma = corners @ LUMA
    return found, _facts(data, found) | {
        "brightness": _rounded(luma.mean()),
        "contrast": _rounded(luma.std()),
        "dark_share": _rounded((luma < DARK).mean()),
        "bright_share": _rounded((luma > BRIGHT).mean()),
        "background_brightness": _rounded(corner_luma.mean()),
        "background_spread": _rounded(corner_luma.std()),
        "background_colour": _rounded((corners.max(axis=1) - corners.min(axis=1)).mean()),
        "sharpness": _rounded(_laplacian(luma)),
        "side_difference": _rounded(_side_difference(luma)),
        **(_faces(data, faces) if faces is not None else {}),
    }


def measure_signature(data: bytes) -> tuple[Outline, Measures]:
    """Outline and measures of a signature file.

    Measures: format width height bits bytes; ink_share (0–1), ink_darkness (255 = black, of the ink), ink_width,
    ink_height (the ink's extent as a share of the picture's), touches_edge. Raises `PictureError`.
    """
    found = outline(data)
    luma = _decode(data, "L")
    ink = luma < INK
    columns, rows = np.flatnonzero(ink.any(axis=0)), np.flatnonzero(ink.any(axis=1))
    edges = ink[0].any() or ink[-1].any() or ink[:, 0].any() or ink[:, -1].any()
    return found, _facts(data, found) | {
        "ink_share": _rounded(ink.mean()),
        "ink_darkness": _rounded(255 - luma[ink].mean()) if columns.size else 0.0,
        "ink_width": _extent(columns, ink.shape[1]),
        "ink_height": _extent(rows, ink.shape[0]),
        "touches_edge": bool(edges),
    }


def _decode(data: bytes, mode: str) -> Pixels:
    """Decode every row, or raise: `truncated` for a file cut off within its picture data, else `not_image`."""
    return _decoded(data, mode, REDUCTION).astype(np.float32)


def _decoded(data: bytes, mode: str, reduction: int) -> NDArray[np.uint8]:
    try:
        with Image.open(BytesIO(data), formats=("JPEG", "PNG")) as picture:
            picture.draft(mode, (picture.width // reduction, picture.height // reduction))
            return np.asarray(picture.convert(mode), dtype=np.uint8)
    except _DECODING_ERRORS as error:
        raise PictureError("truncated" if "truncated" in str(error) else "not_image") from error


def _faces(data: bytes, finder: FaceFinder) -> Measures:
    picture = _decoded(data, "RGB", 1)
    height, width = picture.shape[:2]
    found = finder.find(picture)
    if not found:
        return {"faces": 0}
    largest = found[0]
    return {
        "faces": len(found),
        "face_width": _rounded(largest.width / width),
        "face_height": _rounded(largest.height / height),
        "face_middle": _rounded((largest.left + largest.width / 2) / width),
        "face_roll_deg": _rounded(largest.roll_deg),
        "face_turn": _rounded(largest.turn),
    }


def _facts(data: bytes, found: Outline) -> Measures:
    return {
        "format": "JPEG" if found.media_type == "image/jpeg" else "PNG",
        "width": found.width,
        "height": found.height,
        "bits": found.bits,
        "bytes": len(data),
    }


def _laplacian(luma: Pixels) -> float:
    if min(luma.shape) < 3:
        return 0.0
    inner = luma[1:-1, 1:-1]
    return float(np.abs(4 * inner - luma[:-2, 1:-1] - luma[2:, 1:-1] - luma[1:-1, :-2] - luma[1:-1, 2:]).mean())


def _side_difference(luma: Pixels) -> float:
    """Over the middle half of each side, where the face is: clothes and background may differ as they like."""
    rows, columns = luma.shape
    inner = luma[rows // 4 : rows * 3 // 4 + 1, columns // 4 : columns * 3 // 4 + 1]
    half = max(1, inner.shape[1] // 2)
    return float(abs(inner[:, :half].mean() - inner[:, -half:].mean()))


def _extent(places: NDArray[np.intp], size: int) -> float:
    return _rounded((places[-1] - places[0] + 1) / size) if places.size else 0.0


def _rounded(value: Any) -> float:
    return round(float(value), 3)
