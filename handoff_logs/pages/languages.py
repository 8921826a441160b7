"""Which language a page is told in: the one chosen with the switch, else the browser's, else English."""

from enum import StrEnum
from typing import Final

from starlette.requests import Request

COOKIE: Final = "language"
PARAMETER: Final = "lang"
"""What the switch adds to a page's address."""


class Language(StrEnum):
    """A language of the pages, as HTML names it."""

    ENGLISH = "en"
    CHINESE = "zh"


def chosen(request: Request) -> Language | None:
    """Return the language that this request's switch chose, if it is one."""
    return _language(request.query_params.get(PARAMETER, ""))


def spoken(request: Request) -> Language:
    """Return the language to answer a request in."""
    return chosen(request) or _language(request.cookies.get(COOKIE, "")) or accepted(request.headers)


def accepted(headers: object) -> Language:
    """Return the language that `Accept-Language` prefers of the two.

    >>> accepted({"accept-language": "fr, zh-CN;q=0.9, en;q=0.8"}), accepted({})
    (<Language.CHINESE: 'zh'>, <Language.ENGLISH: 'en'>)
    """
    header: str = getattr(headers, "get", lambda *_: "")("accept-language", "")
    best, weight = Language.ENGLISH, 0.0
    for part in header.split(",")[:20]:
        tag, _, quality = part.strip().partition(";q=")
        language = _language(tag.partition("-")[0].lower())
        if language is not None and _weight(quality) > weight:
            best, weight = language, _weight(quality)
    return best


def _language(tag: str) -> Language | None:
    return Language(tag) if tag in tuple(Language) else None


def _weight(quality: str) -> float:
    try:
        return float(quality or 1)
    except ValueError:
        return 0.0
