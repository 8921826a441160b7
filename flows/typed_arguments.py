"""What no argument of any command may be: looked at before the command hears of it, and refused by the argument's name.

A refusal repeats what was typed, a log and a file keep it: what moves a cursor, hides itself or is no text stops here.
"""

import math
import re
import typing
import unicodedata
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, Final

from flows.errors import FlowError

LONGEST: Final = 1_000
"""Characters of an argument; no path, code, number or reason is longer."""
LONGEST_QUERY: Final = 50_000
MOST: Final = 2**53
"""Of a whole number, whichever its sign: what JSON and both databases hold."""
YEARS: Final = range(1970, 2200)
QUERIES: Final = frozenset({(("logs", "sql"), "SQL")})
"""Commands and arguments that may be long and have several lines."""
_NO_TEXT: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode's categories of what is no letter, digit, mark or space: controls, hidden marks, bytes that are no UTF-8."""
_WHOLE: Final = re.compile(r"[+-]?\d+", re.ASCII)
_YEAR: Final = re.compile(r"(\d{4})-", re.ASCII)


class ArgumentRefusedError(FlowError):
    """An argument is nothing that any command takes."""

    next_step = "See `--help` after the command."

    def __init__(self, name: str, why: str) -> None:
        super().__init__(name, why)
        self.name, self.why = name, why

    def __str__(self) -> str:
        return f"{self.name} {self.why}; nothing was done."


def check_arguments(_app: object, commands: tuple[str, ...], arguments: Any) -> None:
    """Raise `ArgumentRefusedError` for the first argument that is nothing a command takes.

    Called by cyclopts with what was typed for each `argument`, before it is converted.
    """
    for argument in arguments:
        query = (tuple(commands), argument.name) in QUERIES
        kinds = frozenset(_kinds(argument.hint))
        for token in argument.tokens:
            if why := _unfit(str(token.value), kinds, query=query):
                raise ArgumentRefusedError(str(token.keyword or argument.name), why)


def _unfit(value: str, kinds: frozenset[object], *, query: bool) -> str | None:
    longest = LONGEST_QUERY if query else LONGEST
    if len(value) > longest:
        return f"has {len(value)} characters, where {longest} are the most"
    allowed = "\n\t" if query else ""
    if any(unicodedata.category(one) in _NO_TEXT and one not in allowed for one in value):
        return "has a character that is no text"
    if int in kinds and _WHOLE.fullmatch(value) and not -MOST < int(value) < MOST:
        return "is too large a number"
    if int in kinds and kinds.isdisjoint({float, str}) and _is_a_fraction(value):
        return "is no whole number"
    if float in kinds and _is_no_number(value):
        return "is no number"
    if kinds & {date, datetime} and (found := _YEAR.match(value)) and int(found[1]) not in YEARS:
        return f"is no day from {YEARS[0]} to {YEARS[-1]}"
    return None


def _is_a_fraction(value: str) -> bool:
    """Whether it is a number with a point or an exponent, which would be rounded."""
    try:
        float(value)
    except ValueError:
        return False
    return _WHOLE.fullmatch(value) is None


def _is_no_number(value: str) -> bool:
    """Whether it is one of those that Python calls numbers and nobody can count to."""
    try:
        return not math.isfinite(float(value))
    except ValueError:
        return False  # said with its name by whoever converts it


def _kinds(hint: object) -> Iterator[object]:
    """The plain types within an annotation."""
    inner = typing.get_args(hint)
    if not inner or typing.get_origin(hint) is typing.Literal:
        yield hint
    else:
        for one in inner:
            yield from _kinds(one)
