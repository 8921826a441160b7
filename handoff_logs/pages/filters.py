"""What a page's address asks of a question, read strictly: the address holds every filter and nothing else."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from handoff_logs.pages.moments import typed_us
from handoff_logs.questions.registry import Question

LONGEST: Final = 80
"""Characters of anything typed: no word in the log is longer."""
LONGEST_CURSOR: Final = 400
ROWS: Final = 100
"""Rows of a page."""


class TooLongError(ValueError):
    """Something typed is longer than any word in the log."""

    def __init__(self, length: int, most: int) -> None:
        super().__init__(length, most)
        self.length, self.most = length, most


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as an address asks it.

    `typed`: by the address's own names, as typed; `subject` is empty where one is needed and not given; `filters` by
    the question's names, times in microseconds UTC.
    """

    typed: dict[str, str]
    subject: str
    filters: dict[str, Any]
    after: str | None


def asked(question: Question, parameters: Mapping[str, str]) -> Asked:
    """Read what is asked of `question`. Raises TooLongError, BadTimeError."""
    names = [*((question.subject,) if question.subject else ()), *question.filters]
    typed = {plain(name): cleaned(parameters.get(plain(name), "")) for name in names}
    typed = {name: word for name, word in typed.items() if word}
    filters: dict[str, Any] = {}
    for name in question.filters:
        if (word := typed.get(plain(name))) is not None:
            filters[name] = typed_us(word, end=name == "to_us") if name.endswith("_us") else word
    after = cleaned(parameters.get("after", ""), LONGEST_CURSOR) or None
    return Asked(typed, typed.get(question.subject or "", ""), filters, after)


def plain(name: str) -> str:
    """Return a filter's name in addresses: a time's without its unit."""
    return name.removesuffix("_us")


def cleaned(word: str, most: int = LONGEST) -> str:
    """Return what was typed without the blanks around it and without control characters. Raises TooLongError."""
    word = "".join(letter for letter in word if unicodedata.category(letter)[0] != "C").strip()
    if len(word) > most:
        raise TooLongError(len(word), most)
    return word
