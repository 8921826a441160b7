"""What was stored is text wherever it is printed: no terminal and no spreadsheet takes it for anything else."""

import ast
import csv
import io
from pathlib import Path

import pytest
from rich.table import Table

from handoff_logs.screen import Screen, as_text
from handoff_logs.sheets import write_rows

HOSTILE = (
    "\x1b]0;owned\x07",
    "\x1b[2J\x1b[H",
    "\x9b31m",
    "\u202egnp.exe",
    "\u2066x\u2069",
    "[bold]not bold[/]",
    "[/]",
    "[link=https://elsewhere.example]x[/link]",
    "a\rb",
    "\ud83d",
)
ROOT = Path(__file__).parents[2]
OWN_CONSOLES = {
    "flows/deployments.py",  # the program's own words
    "flows/board.py",
    "flows/demo.py",
    "flows/line_cli.py",
    "handoff_logs/verify/progress.py",
    "devices/cli.py",  # of machines alone, whose words the wire lets through only as printable ASCII
    "flows/calendar_commands.py",  # a bar of progress
    "flows/delivery_commands.py",
    "stations/intake/cli.py",
}
OWN_WRITERS = {"handoff_logs/sheets.py", "devices/cli.py"}


@pytest.mark.parametrize("word", HOSTILE)
def test_a_word_in_a_table_moves_no_cursor_and_is_no_markup(word: str) -> None:
    out = io.StringIO()
    table = Table("of", word)
    table.add_row(word, "next")
    Screen(file=out, width=160, force_terminal=True, color_system=None, markup=False).print(table, word)
    shown = out.getvalue().replace("\x1b[1m", "").replace("\x1b[0m", "")
    assert as_text(shown) == shown
    assert "[bold]" in shown or "bold" not in word
    out.getvalue().encode()


@pytest.mark.parametrize(
    "word", ["=cmd|'/C calc'!A0", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＠x", "\r\n=1"]
)
def test_a_word_in_a_csv_file_is_no_formula(word: str) -> None:
    out = io.StringIO()
    write_rows(["word", "number", "none"], [{"word": word, "number": -1, "none": None}], out)
    (cells,) = list(csv.reader(io.StringIO(out.getvalue(), newline="")))[1:]
    assert cells == ["'" + word.replace("\r\n", "\n").replace("\r", "\n"), "-1", ""]


def test_nobody_writes_a_table_or_a_csv_file_beside_these() -> None:
    """A new command prints on `screen()` and writes by `write_rows`; what has its own is named here."""
    consoles, writers = set(), set()
    for package in ("flows", "stations", "devices", "handoff_logs"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                called = node.func if isinstance(node, ast.Call) else None
                if isinstance(called, ast.Name) and called.id == "Console":
                    consoles.add(str(path.relative_to(ROOT)))
                if isinstance(called, ast.Attribute) and ast.unparse(called) in ("csv.writer", "csv.DictWriter"):
                    writers.add(str(path.relative_to(ROOT)))
    assert consoles <= OWN_CONSOLES
    assert writers <= OWN_WRITERS


class Terminal(io.StringIO):
    """Text that a terminal would be given."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("word", HOSTILE)
def test_a_word_in_csv_moves_no_cursor_of_a_terminal_and_stays_whole_in_a_file(word: str) -> None:
    terminal, file = Terminal(), io.StringIO()
    for out in (terminal, file):
        write_rows([word], [{word: word}], out)
    shown = terminal.getvalue()
    assert as_text(shown) == shown
    stored = list(csv.reader(io.StringIO(file.getvalue(), newline="")))
    assert stored == [[word.replace("\r", "\n")]] * 2
