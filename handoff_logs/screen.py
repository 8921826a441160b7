"""A terminal as tables are printed on it: a word that was stored is text there and nothing else.

No markup is read out of it, and what would move the cursor, ring, or turn a line around shows as a mark.
"""

import re
import sys
from collections.abc import Iterable
from typing import Final

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

PIPED_WIDTH: Final = 160
"""Characters of a table that no terminal bounds."""
# Controls but the end of a line; soft hyphens, marks of direction and width, isolates, tags; halves of pairs.
_NO_TEXT: Final = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def as_text(word: str) -> str:
    r"""A word with a mark in place of each character that is none.

    >>> as_text("王 book-01\n"), as_text("\x1b[2J"), as_text("\u202egnp.exe")
    ('王 book-01\n', '�[2J', '�gnp.exe')
    """
    return _NO_TEXT.sub("\N{REPLACEMENT CHARACTER}", word)


class Screen(Console):
    """A console that prints a mark in place of each control character, so that no record moves the cursor."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """See Console."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(as_text(segment.text), segment.style)


def screen(*, markup: bool = False, piped_width: int = PIPED_WIDTH, soft_wrap: bool = False) -> Screen:
    """Standard output; into a file or a pipe a table is as wide as it needs to be, `piped_width` at most."""
    width = None if sys.stdout.isatty() else piped_width
    return Screen(highlight=False, markup=markup, width=width, soft_wrap=soft_wrap)
