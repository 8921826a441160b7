"""CSV as spreadsheets open it: whatever stands in a cell is text or a number, never a formula.

A file has each text as it was stored. On a terminal a mark stands for each control character, as in tables.
"""

import csv
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, Any, Final

FORMULA: Final = ("=", "+", "-", "@", "\t", "\n", "＝", "＋", "－", "＠")
"""A text that begins so is a formula to a spreadsheet that opens a CSV file; the wide signs to a Chinese one."""


def as_text(value: Any) -> Any:
    """A cell's value, a text that a spreadsheet would take for a formula with an apostrophe before it.

    >>> as_text("=cmd|'/C calc'!A0"), as_text("-"), as_text(-1), as_text("book-01")
    ("'=cmd|'/C calc'!A0", "'-", -1, 'book-01')
    """
    if not isinstance(value, str):
        return value
    # A bare return is not quoted by the csv module, and would begin a row.
    word = value.replace("\r\n", "\n").replace("\r", "\n")
    return f"'{word}" if word.startswith(FORMULA) else word


def _for_eyes(value: Any) -> Any:
    # A third of a command's time, and only a terminal needs it.
    from handoff_logs.screen import as_text as as_shown

    cell = as_text(value)
    return as_shown(cell) if isinstance(cell, str) else cell


class SheetWriter:
    """Writes rows as CSV; a spreadsheet takes none of their texts for a formula, a terminal none for a command."""

    def __init__(self, file: IO[str], *, line_end: str = "\n") -> None:
        self._csv = csv.writer(file, lineterminator=line_end)
        self._cell = _for_eyes if file.isatty() else as_text

    def writerow(self, cells: Iterable[Any]) -> None:
        """Write one row."""
        self._csv.writerow([self._cell(cell) for cell in cells])

    def writerows(self, rows: Iterable[Iterable[Any]]) -> None:
        """Write rows as they come."""
        for row in rows:
            self.writerow(row)


def write_rows(names: Sequence[str], rows: Iterable[Mapping[str, Any]], file: IO[str] | None = None) -> None:
    """Write rows under their names, to standard output or a file; what a row has beside these names is left out."""
    writer = SheetWriter(file or sys.stdout)
    writer.writerow(names)
    writer.writerows([row.get(name, "") for name in names] for row in rows)
