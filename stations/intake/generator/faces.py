"""A drawn face: its features as data, and the strokes that put them on a canvas.

Coordinates are pixels of a 354 × 472 picture (33 × 48 mm); the canvas draws at `SCALE` times that, to be reduced.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from PIL import Image, ImageDraw

WIDTH, HEIGHT = 354, 472
SCALE = 2
CENTRE = 177.0

Colour = tuple[int, int, int]
Point = tuple[float, float]

SKINS: Sequence[Colour] = ((241, 208, 181), (234, 196, 166), (226, 186, 152), (214, 172, 138), (245, 215, 192))
HAIRS: Sequence[Colour] = ((28, 24, 24), (38, 32, 30), (48, 38, 33), (22, 22, 28))
GREYS: Sequence[Colour] = ((120, 118, 118), (160, 158, 156), (92, 90, 92), (200, 198, 196))
CLOTHES: Sequence[Colour] = (
    (40, 52, 84),
    (70, 70, 78),
    (112, 40, 48),
    (36, 80, 72),
    (90, 74, 110),
    (24, 26, 30),
    (150, 90, 60),
)
LIPS: Sequence[Colour] = ((190, 112, 104), (178, 98, 96), (200, 118, 112))


@dataclass(frozen=True, slots=True)
class Face:
    """What a face looks like. `hair`: crop, parted, receding, bob, tied or bowl; `years` ages the skin.

    `defects`: what the picture is to be returned for, such as hair over the ears, closed eyes or a hat.
    """

    skin: Colour
    hair_colour: Colour
    hair: str
    lips: Colour
    clothes: Colour
    half_width: float
    chin: float
    jaw: float
    eye_gap: float
    eye_size: float
    brow: float
    nose: float
    mouth: float
    years: int
    glasses: bool = False
    defects: frozenset[str] = field(default_factory=frozenset)


def make_face(rng: random.Random, sex: str, years: int) -> Face:
    """A plausible face of that sex and age, with both ears free."""
    child = years < 12
    old = years >= 58
    if child:
        hair = "bowl" if sex == "M" else rng.choice(("tied", "bowl"))
    elif sex == "M":
        hair = rng.choice(("receding", "crop", "receding")) if old else rng.choice(("crop", "parted", "crop"))
    else:
        hair = rng.choice(("tied", "bob", "tied"))
    return Face(
        skin=rng.choice(SKINS),
        hair_colour=rng.choice(GREYS) if old and rng.random() < 0.75 else rng.choice(HAIRS),
        hair=hair,
        lips=rng.choice(LIPS),
        clothes=rng.choice(CLOTHES),
        half_width=rng.uniform(84, 92) if sex == "F" else rng.uniform(88, 98),
        chin=rng.uniform(340, 350) if child else rng.uniform(352, 366),
        jaw=rng.uniform(1.9, 2.4) if sex == "F" or child else rng.uniform(2.3, 3.2),
        eye_gap=rng.uniform(38, 44),
        eye_size=rng.uniform(17, 20) + (2 if child else 0),
        brow=rng.uniform(2.0, 3.4) + (1.8 if sex == "M" else 0),
        nose=rng.uniform(13, 19),
        mouth=rng.uniform(25, 33),
        years=years,
        glasses=not child and rng.random() < 0.2,
    )


def with_defect(face: Face, code: str) -> Face:
    """The same face as it must not be photographed; codes that concern no face change nothing."""
    glasses = face.glasses or code == "photo_glasses"
    return replace(face, defects=face.defects | {code}, glasses=glasses)


def draw_face(image: Image.Image, face: Face) -> None:
    """Draw head and shoulders onto an RGB canvas of `WIDTH` × `HEIGHT`, times `SCALE`."""
    pen = _Pen(ImageDraw.Draw(image))
    _hair_behind(pen, face)
    _shoulders(pen, face)
    _ears(pen, face)
    _head(pen, face)
    _eyes(pen, face)
    _nose_and_mouth(pen, face)
    _age_lines(pen, face)
    _hair_in_front(pen, face)
    _worn(pen, face)


class _Pen:
    """Draws in picture coordinates on the larger canvas."""

    def __init__(self, draw: ImageDraw.ImageDraw) -> None:
        self._draw = draw

    def shape(self, points: Sequence[Point], colour: Colour) -> None:
        self._draw.polygon([(x * SCALE, y * SCALE) for x, y in points], fill=colour)

    def oval(self, x: float, y: float, half_width: float, half_height: float, colour: Colour) -> None:
        box = (x - half_width, y - half_height, x + half_width, y + half_height)
        self._draw.ellipse([side * SCALE for side in box], fill=colour)

    def ring(self, x: float, y: float, half_width: float, half_height: float, colour: Colour, width: float) -> None:
        box = (x - half_width, y - half_height, x + half_width, y + half_height)
        self._draw.ellipse([side * SCALE for side in box], outline=colour, width=round(width * SCALE))

    def line(self, points: Sequence[Point], colour: Colour, width: float) -> None:
        # Rounded joints cost ten times the line and don't show on lines this thin.
        self._draw.line([(x * SCALE, y * SCALE) for x, y in points], fill=colour, width=max(1, round(width * SCALE)))


def shaded(colour: Colour, by: float) -> Colour:
    """The colour, darker (`by` < 1) or lighter."""
    red, green, blue = (min(255, max(0, round(channel * by))) for channel in colour)
    return red, green, blue


def contour(face: Face, *, grown: float = 0.0, top: float = 70.0) -> list[Point]:
    """The outline of the head, clockwise from the crown; `grown` moves it outwards."""
    cheek = 225.0
    half = face.half_width + grown
    right: list[Point] = []
    for step in range(25):
        angle = math.pi / 2 * step / 24
        right.append((half * math.sin(angle) ** 0.8, cheek - (cheek - top + grown) * math.cos(angle)))
    for step in range(1, 25):
        down = step / 24
        right.append((half * (1 - down**face.jaw) ** 0.62, cheek + (face.chin + grown - cheek) * down))
    return [(CENTRE + x, y) for x, y in right] + [(CENTRE - x, y) for x, y in reversed(right)]


def _hair_behind(pen: _Pen, face: Face) -> None:
    if face.hair == "bob":
        pen.oval(CENTRE, 200, face.half_width + 14, 160, face.hair_colour)
        pen.shape(_box(face.half_width + 10, 190, 372), face.hair_colour)
    elif face.hair == "tied":
        pen.oval(CENTRE, 46, 34, 30, face.hair_colour)


def _shoulders(pen: _Pen, face: Face) -> None:
    neck = shaded(face.skin, 0.86)
    pen.shape(_box(face.half_width * 0.55, 300, 440), neck)
    slope = [(0, 396), (52, 402), (120, 424), (178, 452), (178, 480), (0, 480)]
    pen.shape([(CENTRE + x, y) for x, y in slope] + [(CENTRE - x, y) for x, y in reversed(slope)], face.clothes)
    pen.shape([(CENTRE - 46, 396), (CENTRE + 46, 396), (CENTRE, 446)], neck)
    for side in (-1, 1):
        collar = [(50, 394), (60, 402), (26, 452), (0, 444)]
        pen.shape([(CENTRE + side * x, y) for x, y in collar], shaded(face.clothes, 1.35))


def _ears(pen: _Pen, face: Face) -> None:
    for side in (-1, 1):
        x = CENTRE + side * (face.half_width + 3)
        pen.oval(x, 236, 13, 33, shaded(face.skin, 0.95))
        pen.oval(x + side * 2, 234, 7, 22, shaded(face.skin, 0.82))
        pen.oval(x - side * 1, 244, 6, 14, shaded(face.skin, 0.92))


def _head(pen: _Pen, face: Face) -> None:
    pen.shape(contour(face), shaded(face.skin, 0.93))
    pen.shape(contour(face, grown=-7), face.skin)
    for side in (-1, 1):
        pen.oval(CENTRE + side * face.half_width * 0.56, 278, 20, 15, _blend(face.skin, (224, 140, 128), 0.16))


def _eyes(pen: _Pen, face: Face) -> None:
    dark = shaded(face.hair_colour, 0.9) if sum(face.hair_colour) < 200 else (70, 62, 60)
    for side in (-1, 1):
        x, y, half = CENTRE + side * face.eye_gap, 222.0, face.eye_size
        pen.line(_arc(x, y - 19, half + 5, 8, 200, 340), dark, face.brow)
        pen.line(_arc(x, y + 2, half + 2, 13, 205, 335), shaded(face.skin, 0.8), 1.2)
        if "photo_eyes" in face.defects:
            pen.line(_arc(x, y - 3, half, 9, 20, 160), (52, 40, 38), 2.4)
            continue
        lids = [*_arc(x, y + 1, half, 9.5, 180, 360), *_arc(x, y + 1, half, 6.5, 0, 180)]
        pen.shape(lids, (246, 244, 240))
        pen.oval(x, y - 1, 7.4, 7.6, (58, 38, 28))
        pen.oval(x, y - 1, 3.6, 3.8, (14, 10, 10))
        pen.oval(x + 2.2, y - 3.2, 1.6, 1.6, (255, 255, 255))
        pen.line(_arc(x, y + 1, half, 9.5, 182, 358), (42, 32, 30), 2.4)
        pen.line(_arc(x, y + 1, half, 6.5, 20, 160), shaded(face.skin, 0.78), 1.0)


def _nose_and_mouth(pen: _Pen, face: Face) -> None:
    shade = shaded(face.skin, 0.82)
    pen.line([(CENTRE + 7, 232), (CENTRE + 9, 262), (CENTRE + face.nose, 280)], shaded(face.skin, 0.9), 2.5)
    pen.line(_arc(CENTRE, 280, face.nose, 8, 10, 170), shade, 2.4)
    for side in (-1, 1):
        pen.oval(CENTRE + side * 7.5, 284, 3.6, 2.2, shaded(face.skin, 0.55))
    y, half = 316.0, face.mouth
    if "photo_expression" in face.defects:
        pen.oval(CENTRE, y + 4, half, 17, face.lips)
        pen.oval(CENTRE, y + 4, half - 6, 11, (66, 24, 26))
        pen.shape([(CENTRE - half + 12, y - 4), (CENTRE + half - 12, y - 4), (CENTRE, y + 1)], (240, 238, 232))
        return
    upper = [(-half, y), (-half / 2, y - 6), (-5, y - 8), (0, y - 6), (5, y - 8), (half / 2, y - 6), (half, y)]
    pen.shape([(CENTRE + x, at) for x, at in upper], face.lips)
    pen.shape(_arc(CENTRE, y, half, 11, 0, 180), shaded(face.lips, 1.08))
    pen.line(
        [(CENTRE - half, y), (CENTRE - half / 2, y + 1), (CENTRE, y), (CENTRE + half, y)], shaded(face.lips, 0.62), 1.8
    )


def _age_lines(pen: _Pen, face: Face) -> None:
    if face.years < 45:
        return
    colour = shaded(face.skin, 0.88 if face.years < 62 else 0.82)
    for side in (-1, 1):
        pen.line(_arc(CENTRE + side * 16, 306, 32, 34, 290 if side > 0 else 190, 350 if side > 0 else 250), colour, 1.6)
        pen.line(_arc(CENTRE + side * face.eye_gap, 236, 18, 8, 30, 150), colour, 1.4)
    for row in range(3 if face.years >= 62 else 2):
        pen.line(_arc(CENTRE, 172 - row * 14, 46, 6, 200, 340), colour, 1.3)


def _hair_in_front(pen: _Pen, face: Face) -> None:
    colour, half = face.hair_colour, face.half_width
    hairline = {"crop": 128, "parted": 122, "receding": 98, "bob": 138, "tied": 118, "bowl": 150}[face.hair]
    cap = [point for point in contour(face, grown=9, top=68) if point[1] <= 205]
    right = sorted((p for p in cap if p[0] >= CENTRE), key=lambda p: p[1])
    left = sorted((p for p in cap if p[0] < CENTRE), key=lambda p: -p[1])
    temple = half - (8 if face.hair != "receding" else 2)
    fringe = [(CENTRE + temple, 200), (CENTRE + temple - 8, 160), (CENTRE + half * 0.6, hairline + 8)]
    parting = CENTRE + (28 if face.hair == "parted" else 0)
    fringe += [(parting, hairline - (16 if face.hair in ("parted", "bob") else 0)), (CENTRE - half * 0.6, hairline + 8)]
    fringe += [(CENTRE - temple + 8, 160), (CENTRE - temple, 200)]
    pen.shape([*right, *fringe, *left], colour)
    for offset in (-40, -14, 14, 40):
        strand = [(CENTRE + offset * 1.3, hairline - 2), (CENTRE + offset, 84), (CENTRE + offset * 0.5, 62)]
        pen.line(strand, shaded(colour, 1.5), 1.2)
    if "photo_ears" in face.defects:
        for side in (-1, 1):
            lock = [
                (half * 0.78, 120),
                (half + 16, 150),
                (half + 22, 260),
                (half + 18, 372),
                (half * 0.8, 372),
                (half - 8, 250),
            ]
            pen.shape([(CENTRE + side * x, y) for x, y in lock], colour)
            pen.line([(CENTRE + side * (half + 6), 160), (CENTRE + side * (half + 8), 360)], shaded(colour, 1.5), 1.4)


def _worn(pen: _Pen, face: Face) -> None:
    if face.glasses:
        dark = "photo_glasses" in face.defects
        for side in (-1, 1):
            x = CENTRE + side * face.eye_gap
            if dark:
                pen.oval(x, 224, face.eye_size + 11, 24, (30, 30, 36))
                pen.shape([(x - 14, 236), (x - 4, 206), (x + 2, 206), (x - 8, 238)], (150, 156, 166))
            pen.ring(x, 224, face.eye_size + 11, 24, (52, 46, 46), 2.6)
            pen.line(
                [(x + side * (face.eye_size + 10), 220), (CENTRE + side * face.half_width, 216)], (52, 46, 46), 2.6
            )
        pen.line(_arc(CENTRE, 224, face.eye_gap - face.eye_size - 10, 7, 190, 350), (52, 46, 46), 2.6)
    if "photo_covering" in face.defects:
        crown = [(x, y) for x, y in contour(face, grown=17, top=50) if y <= 150]
        pen.shape(sorted(crown, key=lambda p: math.atan2(p[1] - 150, p[0] - CENTRE)), (150, 30, 40))
        pen.shape([(70, 140), (284, 140), (306, 166), (48, 166)], (126, 22, 32))


def _box(half_width: float, top: float, bottom: float) -> list[Point]:
    return [
        (CENTRE + x, y) for x, y in ((-half_width, top), (half_width, top), (half_width, bottom), (-half_width, bottom))
    ]


def _arc(x: float, y: float, half_width: float, half_height: float, start: int, end: int) -> list[Point]:
    """Points of an ellipse from `start` to `end` degrees, clockwise from three o'clock."""
    angles = (math.radians(start + (end - start) * step / 16) for step in range(17))
    return [(x + half_width * math.cos(angle), y + half_height * math.sin(angle)) for angle in angles]


def _blend(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue
