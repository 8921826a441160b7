"""Signatures: a name in stroke-like handwriting inside its box, as a PNG; wrong ones are wrong to the eye."""

import random
from collections.abc import Sequence
from io import BytesIO

from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

from stations.intake.generator.people import LOOK_ALIKES
from stations.intake.generator.portraits import DPI, SIGHT, sight_json
from stations.intake.generator.strokes import strokes

WIDTH, HEIGHT = 360, 120
SCALE = 2
PAPER, INK, FAINT = 255, 30, 150
_MARGIN = 14


def signature(rng: random.Random, name: str, sight: Sequence[str]) -> bytes:
    """The PNG file of `name` written by hand; `sight`: the codes of what is wrong with it, which is drawn so."""
    text = wrong_by_a_stroke(name) if "signature_characters" in sight else name
    size = min(HEIGHT - 2 * _MARGIN, (WIDTH - 2 * _MARGIN) // len(text)) * rng.uniform(0.88, 1.0)
    left, top = _MARGIN, (HEIGHT - size) / 2
    if "signature_box" in sight:
        left, size = WIDTH // 3, size * 1.5
        top = -size * 0.2
    ink = FAINT if "signature_ink" in sight else INK + rng.randrange(30)
    canvas = Image.new("L", (WIDTH * SCALE, HEIGHT * SCALE), PAPER)
    _write(ImageDraw.Draw(canvas), rng, text, (left, top, size), ink)
    if "signature_upright" in sight:
        canvas = canvas.rotate(180)
    note = PngInfo()
    note.add_text(SIGHT, sight_json(sight))
    file = BytesIO()
    canvas.reduce(SCALE).save(file, "PNG", dpi=(DPI, DPI), pnginfo=note, compress_level=3)
    return file.getvalue()


def wrong_by_a_stroke(name: str) -> str:
    """The name with its first character that has a look-alike replaced by it.

    >>> wrong_by_a_stroke("王晓东")
    '王哓东'
    """
    for character in name:
        if character in LOOK_ALIKES:
            return name.replace(character, LOOK_ALIKES[character], 1)
    return name


def _write(draw: ImageDraw.ImageDraw, rng: random.Random, text: str, box: tuple[float, float, float], ink: int) -> None:
    """Write one character after another with this hand's slant and tremble. `box`: left, top, size of a character."""
    left, top, size = box
    slant, tremble, width = rng.uniform(-0.12, 0.12), rng.uniform(0.006, 0.016), rng.uniform(2.4, 3.6)
    for place, character in enumerate(text):
        rise = rng.uniform(-3, 3)
        for stroke in strokes(character):
            points = [
                (
                    (left + size * (place + 0.04 + 0.9 * (x + rng.gauss(0, tremble) + slant * (0.5 - y)))) * SCALE,
                    (top + rise + size * (y + rng.gauss(0, tremble))) * SCALE,
                )
                for x, y in stroke
            ]
            draw.line(points, fill=ink, width=round(width * SCALE * rng.uniform(0.8, 1.15)), joint="curve")
