"""Turning a template into an answer: the language, who reads, and what every page says of itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from handoff_logs.pages import moments, themes
from handoff_logs.pages.languages import COOKIE, PARAMETER, Language, chosen, spoken
from handoff_logs.pages.words import Words

HOME: Final = Path(__file__).parent
KEPT_S: Final = 365 * 24 * 3600
"""How long a chosen language or theme is kept."""
AUDIT_PLACES: Final = ("stations", "shifts", "questions", "integrity")
"""The pages of the log, as their addresses name them."""
Choice = TypeVar("Choice", bound=StrEnum)
NAMES: Final = {Language.ENGLISH: "English", Language.CHINESE: "中文"}


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads, as the record of a look-up names them; `token` goes with their forms; what they may open.

    `oversees`: they may ask what others looked up. `only_reads`: they came in by what signs nothing.
    """

    code: str
    token: str
    places: tuple[str, ...] = AUDIT_PLACES
    oversees: bool = False
    only_reads: bool = False

    @property
    def audits(self) -> bool:
        """Whether the log itself is open to them."""
        return set(AUDIT_PLACES) <= set(self.places)


class Renderer:
    """Renders the templates of the pages, and those in further `folders` that build on them."""

    def __init__(self, centre: str, emulated: bool, folders: Sequence[Path] = ()) -> None:
        loaders = [FileSystemLoader(folder) for folder in (HOME / "templates", *folders)]
        self._templates = Environment(
            loader=ChoiceLoader(loaders),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals.update(centre=centre, emulated=emulated, names=NAMES)
        self._templates.filters.update(
            shown=moments.shown, exact=moments.exact, lasting=moments.lasting, address=address, grouped=grouped
        )

    def page(self, request: Request, template: str, status: int = 200, **facts: Any) -> HTMLResponse:
        """Answer with a page. A language or theme that the request chose is kept for the next one."""
        language = spoken(request)
        words = Words(language)
        html = self._templates.get_template(template).render(
            t=words,
            term=words.term,
            language=language,
            switch=_switch(request, PARAMETER, Language),
            theme=themes.worn(request),
            theme_switch=_switch(request, themes.PARAMETER, themes.Theme),
            reader=reader_of(request),
            path=request.url.path,
            zone=moments.zone(),
            **facts,
        )
        response = HTMLResponse(html, status)
        secure = request.url.scheme == "https"
        if chosen(request) is not None:
            response.set_cookie(COOKIE, language, max_age=KEPT_S, httponly=True, samesite="strict", secure=secure)
        if (theme := themes.chosen(request)) is not None:
            kept_at = themes.WORN_AT
            response.set_cookie(
                themes.COOKIE, theme, max_age=KEPT_S, httponly=True, samesite="strict", secure=secure, path=kept_at
            )
        return response

    def problem(self, request: Request, key: str, status: int, **facts: object) -> HTMLResponse:
        """Answer with what went wrong and what to do next: the texts `key` and `key.next`."""
        return self.page(request, "problem.html", status, key=key, facts=facts)


def reader_of(request: Request) -> Reader | None:
    """Return who reads, if anybody signed in."""
    reader = getattr(request.state, "reader", None)
    return reader if isinstance(reader, Reader) else None


def address(path: str, asked: Mapping[str, object]) -> str:
    """Return the address of a page with what it is asked; empty values are left out.

    >>> address("/custody", {"number": "A2/2", "kind": None})
    '/custody?number=A2%2F2'
    """
    given = {name: value for name, value in asked.items() if value not in (None, "")}
    return f"{path}?{urlencode(given)}" if given else path


def grouped(number: int) -> str:
    """Return a number with its thousands apart.

    >>> grouped(1234567)
    '1\\u202f234\\u202f567'
    """
    return f"{number:,}".replace(",", "\u202f")


def _switch(request: Request, parameter: str, choices: type[Choice]) -> dict[Choice, str]:
    """The address of this page with each choice."""
    asked = [(name, value) for name, value in request.query_params.multi_items() if name != parameter]
    return {choice: f"{request.url.path}?{urlencode([*asked, (parameter, choice.value)])}" for choice in choices}
