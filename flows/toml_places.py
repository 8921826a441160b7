"""On which line of a TOML file a key stands: `tomllib` does not keep it, and an error message needs it."""

import re
from collections.abc import Mapping
from typing import Final

Place = tuple[str | int, ...]
"""A path into the document: keys, and positions in arrays of tables."""

_HEADER: Final = re.compile(r"^\s*(?P<open>\[{1,2})\s*(?P<keys>[^\[\]]+?)\s*\]{1,2}\s*(?:#.*)?$")
_KEY: Final = re.compile(
    r"""^\s*(?P<keys>(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"))*)\s*="""
)


def line_numbers(text: str) -> Mapping[Place, int]:
    """Line number, from 1, of every table header and key.

    Keys inside multi-line strings or inline tables are not looked for; `line_of` then answers with what encloses them.

    >>> line_numbers("a = 1\\n[[b]]\\nc = 2\\n[[b]]\\n")
    {('a',): 1, ('b', 0): 2, ('b', 0, 'c'): 3, ('b', 1): 4}
    """
    found: dict[Place, int] = {}
    counts: dict[Place, int] = {}
    table: Place = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = _split(header["keys"])
            if header["open"] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            found.setdefault((*table, *_split(key["keys"])), number)
    return found


def line_of(found: Mapping[Place, int], place: Place) -> int | None:
    """The line of `place`, or of the nearest thing that encloses it; None when only the whole file does."""
    while place:
        if place in found:
            return found[place]
        place = place[:-1]
    return None


def _split(keys: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in keys.split("."))
