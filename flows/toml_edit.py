"""Changing strings of one table in a TOML file in place: every other byte, comments included, stays as it is."""

import copy
import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any, Final

from flows.errors import FlowError
from flows.toml_places import Place, line_numbers

_ASSIGNMENT: Final = re.compile(
    r"""(?P<before>\s*[A-Za-z0-9_-]+\s*=\s*)(?:"(?:[^"\\]|\\.)*"|'[^']*')(?P<after>\s*(?:\#.*)?\s*)""", re.DOTALL
)


class NotEditableError(FlowError):
    """A table is written in a way that isn't changed by a program; the file stays as it is."""

    def __init__(self, table: str) -> None:
        super().__init__(table)
        self.table = table
        self.next_step = f'Write {table} as a table of its own with one `key = "value"` a line, or change it by hand.'

    def __str__(self) -> str:
        return f"{self.table} is written in a way that passline does not change; the file is as it was."


def with_strings(text: str, table: Place, values: Mapping[str, str]) -> str:
    """`text` with strings of `table` set to `values`; a key that isn't there is added behind the table's first line.

    What came out is read again: anything but these values differing raises NotEditableError, as does a table that has
    no header of its own. `text` must be valid TOML.

    >>> with_strings('[[a]]\\nb = "c"  # d\\n', ("a", 0), {"b": "e", "f": "g"})
    '[[a]]\\nf = "g"\\nb = "e"  # d\\n'
    """
    lines = text.splitlines(keepends=True)
    numbers = line_numbers(text)
    named = "".join(f"[{part}]" if isinstance(part, int) else str(part) for part in table)
    if table not in numbers:
        raise NotEditableError(named)
    header = numbers[table] - 1
    ending = "\r\n" if lines[header].endswith("\r\n") else "\n"
    for key, value in values.items():
        if (number := numbers.get((*table, key))) is None:
            lines[header] = f"{lines[header].rstrip()}{ending}{key} = {_quoted(value)}{ending}"
        elif (found := _ASSIGNMENT.fullmatch(lines[number - 1])) is not None:
            lines[number - 1] = f"{found['before']}{_quoted(value)}{found['after']}"
        else:
            raise NotEditableError(named)
    edited = "".join(lines)
    if _read(edited) != _expected(tomllib.loads(text), table, values):
        raise NotEditableError(named)
    return edited


def _quoted(value: str) -> str:
    # JSON's strings are TOML's, but for a character that tomllib then refuses.
    return json.dumps(value, ensure_ascii=False)


def _read(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _expected(content: dict[str, Any], table: Place, values: Mapping[str, str]) -> dict[str, Any]:
    expected = copy.deepcopy(content)
    entry: Any = expected
    for part in table:
        entry = entry[part]
    entry.update(values)
    return expected
