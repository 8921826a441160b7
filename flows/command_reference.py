"""Writes docs/commands.md from the commands themselves: `python -m flows.command_reference`."""

import sys
from pathlib import Path
from typing import Final

from flows.cli import build
from flows.errors import Exit

PAGE: Final = Path(__file__).parents[1] / "docs" / "commands.md"
"""In a checkout; an installed passline has no docs beside it."""

HEAD: Final = """\
# Commands

Written by `python -m flows.command_reference` from the commands themselves; a test holds the two equal.

Every command takes `--dir`, the folder of a run, and answers `--help`. Data goes to standard output, everything else
to standard error. An error is one sentence and the next step; `PASSLINE_DEBUG=1` adds where it happened.

| exit status | meaning |
| --- | --- |
{statuses}

"""
MEANINGS: Final = {
    Exit.FINE: "fine",
    Exit.FINDINGS: "the command worked and found something wrong",
    Exit.REFUSED: "input, configuration or usage was refused; nothing was changed",
    Exit.IN_DOUBT: "something is in doubt and waits for two people",
    Exit.UNEXPECTED: "a fault in passline itself",
    Exit.INTERRUPTED: "interrupted",
}


def reference() -> str:
    """The whole page as Markdown."""
    statuses = "\n".join(f"| {status.value} | {MEANINGS[status]} |" for status in Exit)
    # cyclopts takes a sub-application's usage from the running program's name.
    running, sys.argv = sys.argv, ["passline"]
    try:
        body = build().generate_docs(output_format="markdown", recursive=True, heading_level=2)
    finally:
        sys.argv = running
    return HEAD.format(statuses=statuses) + body.strip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(reference(), "utf-8")
    sys.stderr.write(f"wrote {PAGE}\n")
