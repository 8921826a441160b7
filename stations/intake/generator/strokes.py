"""Stroke-like handwriting: every character gets its own strokes, always the same, without any font.

A character of `COMPONENTS` is drawn from a radical and a remainder, so that look-alikes such as 晓 and 哓 differ in
exactly the radical; any other character's strokes follow from its code point.
"""

import random
from collections.abc import Mapping, Sequence
from functools import lru_cache

Stroke = tuple[tuple[float, float], ...]

# Each radical in the unit square of its left third: strokes as points, x to the right, y down.
RADICALS: Mapping[str, tuple[Stroke, ...]] = {
    "口": (((0.05, 0.3), (0.05, 0.62)), ((0.05, 0.3), (0.28, 0.3), (0.28, 0.62)), ((0.05, 0.62), (0.28, 0.62))),
    "日": (
        ((0.05, 0.2), (0.05, 0.76)),
        ((0.05, 0.2), (0.28, 0.2), (0.28, 0.76)),
        ((0.05, 0.48), (0.28, 0.48)),
        ((0.05, 0.76), (0.28, 0.76)),
    ),
    "月": (
        ((0.08, 0.14), (0.08, 0.6), (0.02, 0.88)),
        ((0.08, 0.14), (0.3, 0.14), (0.3, 0.86), (0.24, 0.8)),
        ((0.08, 0.36), (0.3, 0.36)),
        ((0.08, 0.58), (0.3, 0.58)),
    ),
    "氵": (((0.1, 0.16), (0.2, 0.26)), ((0.04, 0.4), (0.14, 0.48)), ((0.04, 0.86), (0.22, 0.6))),
    "亻": (((0.24, 0.1), (0.04, 0.46)), ((0.15, 0.32), (0.15, 0.9))),
    "木": (
        ((0.02, 0.34), (0.32, 0.3)),
        ((0.18, 0.1), (0.18, 0.9)),
        ((0.18, 0.34), (0.02, 0.66)),
        ((0.18, 0.4), (0.3, 0.54)),
    ),
    "扌": (((0.03, 0.3), (0.3, 0.26)), ((0.18, 0.08), (0.18, 0.86), (0.1, 0.8)), ((0.02, 0.64), (0.31, 0.5))),
    "十": (((0.02, 0.42), (0.32, 0.4)), ((0.17, 0.12), (0.17, 0.9))),
    "讠": (((0.1, 0.14), (0.2, 0.24)), ((0.03, 0.42), (0.17, 0.4), (0.17, 0.84), (0.3, 0.7))),
}

COMPONENTS: Mapping[str, tuple[str, str]] = {
    "晓": ("日", "尧"),
    "哓": ("口", "尧"),
    "清": ("氵", "青"),
    "晴": ("日", "青"),
    "倩": ("亻", "青"),
    "杨": ("木", "昜"),
    "扬": ("扌", "昜"),
    "明": ("日", "月"),
    "朋": ("月", "月"),
    "博": ("十", "尃"),
    "搏": ("扌", "尃"),
    "洁": ("氵", "吉"),
    "诘": ("讠", "吉"),
}


@lru_cache(maxsize=4_096)
def strokes(character: str) -> tuple[Stroke, ...]:
    """The strokes of a character in the unit square."""
    parts = COMPONENTS.get(character)
    if parts is None:
        return _invented(character, 0.04, 0.96)
    radical, remainder = parts
    return (*RADICALS[radical], *_invented(remainder, 0.4, 0.97))


def _invented(character: str, left: float, right: float) -> tuple[Stroke, ...]:
    """Horizontals, verticals, a sweep to either side and dots, arranged by the code point within the given columns."""
    rng = random.Random(ord(character))
    width = right - left
    found: list[Stroke] = []
    for row in _spread(rng, rng.randrange(2, 5)):
        start, length = rng.uniform(0, 0.25), rng.uniform(0.5, 0.9)
        found.append(((left + width * start, row + 0.03), (left + width * min(1, start + length), row - 0.02)))
    for column in _spread(rng, rng.randrange(1, 3)):
        top, bottom = rng.uniform(0.05, 0.3), rng.uniform(0.6, 0.95)
        end = (left + width * column - 0.07, bottom - 0.06)
        stroke: Stroke = ((left + width * column, top), (left + width * column, bottom))
        found.append((*stroke, end) if rng.random() < 0.4 else stroke)
    if rng.random() < 0.75:
        x, y = left + width * rng.uniform(0.4, 0.6), rng.uniform(0.35, 0.55)
        found.append(((x, y), (x - width * 0.2, y + 0.25), (left, 0.94)))
        found.append(((x, y), (x + width * 0.22, y + 0.26), (right, 0.92)))
    if rng.random() < 0.5:
        x, y = left + width * rng.uniform(0.2, 0.8), rng.uniform(0.08, 0.2)
        found.append(((x, y), (x + 0.06, y + 0.1)))
    return tuple(found)


def _spread(rng: random.Random, count: int) -> Sequence[float]:
    """`count` places between 0.12 and 0.88, evenly apart but for a little."""
    return [0.12 + 0.76 * (place + rng.uniform(0.25, 0.75)) / count for place in range(count)]
