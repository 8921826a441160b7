"""Portraits: a drawn face before a plain background, taken by a camera with noise, as a JPEG of legal size.

What an emulated person would see on the picture is written into it as a JPEG comment; no rule reads it.
"""

import json
import random
from collections.abc import Sequence
from functools import cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter

from stations.intake.generator.faces import HEIGHT, SCALE, WIDTH, Colour, Face, draw_face

SIGHT = "passline-emulated-sight"
DPI = 272
QUALITY = 78
BACKGROUNDS: Sequence[Colour] = ((246, 247, 249), (232, 240, 248), (240, 240, 240), (226, 236, 246))

_GRAINS = 4
_NOISE = 1.2
_FALL_OFF = 8.0
"""Levels by which one side is darker than the other."""
_ILLEGAL_SIZE = (240, 320)


def portrait(rng: random.Random, face: Face, sight: Sequence[str]) -> bytes:
    """The JPEG file of a face; `sight`: the codes of what is wrong with it (also those drawn into `face`)."""
    background = rng.choice(BACKGROUNDS)
    canvas = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE), background)
    if "photo_background" in sight:
        _clutter(canvas, rng)
    draw_face(canvas, face)
    picture = _camera(canvas.reduce(SCALE), rng, background, frozenset(sight))
    file = BytesIO()
    picture.save(file, "JPEG", quality=QUALITY, dpi=(DPI, DPI), comment=f"{SIGHT}:{sight_json(sight)}".encode())
    return file.getvalue()


def sight_json(codes: Sequence[str]) -> str:
    """What emulated staff read from a picture.

    >>> sight_json(["photo_ears"])
    '["photo_ears"]'
    """
    return json.dumps(list(codes))


def _camera(picture: Image.Image, rng: random.Random, background: Colour, sight: frozenset[str]) -> Image.Image:
    """Light from one side, sensor noise, and what a bad photographer does."""
    if "photo_head" in sight:
        picture = picture.rotate(rng.choice((-17, 17)), Image.Resampling.BILINEAR, fillcolor=background)
    if "photo_faces" in sight:
        bystander = picture.crop((60, 40, 294, 400)).resize((94, 144))
        picture.paste(bystander, (4, 60))
    picture = ImageChops.add(picture, _light_and_grain(rng.randrange(_GRAINS)), 1, -128)
    if "photo_exposure" in sight:
        picture = ImageEnhance.Brightness(picture).enhance(0.33)
    if "photo_sharpness" in sight:
        picture = picture.filter(ImageFilter.GaussianBlur(5))
    return picture.resize(_ILLEGAL_SIZE) if "photo_format" in sight else picture


def _clutter(canvas: Image.Image, rng: random.Random) -> None:
    """A bookshelf where a plain background should be."""
    draw = ImageDraw.Draw(canvas)
    for shelf in range(0, HEIGHT, 96):
        at = 0
        while at < WIDTH:
            width, height = rng.randrange(10, 24), rng.randrange(60, 88)
            colour = (rng.randrange(40, 200), rng.randrange(40, 160), rng.randrange(40, 160))
            box = (at, shelf + 90 - height, at + width, shelf + 90)
            draw.rectangle([side * SCALE for side in box], fill=colour)
            at += width
        draw.rectangle([0, (shelf + 90) * SCALE, WIDTH * SCALE, (shelf + 96) * SCALE], fill=(110, 78, 50))


@cache
def _light_and_grain(which: int) -> Image.Image:
    """What light and sensor add to each pixel, on a base of 128: a fall-off to one side or the other, and noise."""
    across = np.linspace(0.0, -_FALL_OFF, WIDTH)
    down = np.linspace(0.0, -_FALL_OFF / 2, HEIGHT)[:, None]
    grain = np.random.default_rng(which).normal(128, _NOISE, (HEIGHT, WIDTH))
    level = grain + down + (across if which % 2 else across[::-1])
    return Image.fromarray(np.repeat(level[:, :, None], 3, axis=2).round().astype(np.uint8), "RGB")
