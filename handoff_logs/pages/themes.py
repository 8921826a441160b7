"""Dark or light: as the browser prefers, unless it was chosen with the switch, which only the board has."""

from enum import StrEnum
from typing import Final

from starlette.requests import Request

COOKIE: Final = "theme"
PARAMETER: Final = "theme"
"""What the switch adds to a page's address."""
WORN_AT: Final = "/board"
"""Where a chosen theme is kept: a wall screen's choice is none for the pages that people read."""


class Theme(StrEnum):
    """How a page is coloured."""

    AUTO = "auto"
    LIGHT = "light"
    DARK = "dark"


def chosen(request: Request) -> Theme | None:
    """Return the theme that this request's switch chose, if it is one."""
    return _theme(request.query_params.get(PARAMETER, ""))


def worn(request: Request) -> Theme:
    """Return the theme to answer a request in."""
    return chosen(request) or _theme(request.cookies.get(COOKIE, "")) or Theme.AUTO


def _theme(word: str) -> Theme | None:
    return Theme(word) if word in tuple(Theme) else None
