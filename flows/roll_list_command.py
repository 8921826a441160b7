"""`passline rolls list`: every roll, where it is, and what was used of it against the documents made."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

from cyclopts import Parameter

from flows.errors import Exit
from flows.run_folder import RunFolder
from flows.who_asks import recorded
from handoff_logs.sheets import write_rows
from handoff_logs.terminal import Audience
from stations.rolls.balance import RollRow, rolls

PIPED_WIDTH: Final = 100
"""Characters of a table that no terminal bounds."""


def list_command(
    *,
    all_: Annotated[bool, Parameter("--all", negative=(), help="Also those that were destroyed or lost.")] = False,
    directory: Annotated[Path, Parameter("--dir", help="The run's folder.")] = Path(".passline"),
    output: Annotated[Literal["table", "json", "csv"], Parameter("--output", help="How to print.")] = "table",
) -> int:
    """List the rolls; ends with 1 where machine, books, counts and log do not agree."""
    line = RunFolder(directory).line()
    with recorded(directory, "rolls list", Audience.ANYBODY) as reading:
        # What does not agree is never left out.
        rows = [row for row in rolls(reading) if all_ or row["place"] or row["findings"]]
    for row in rows:
        row["emulated"] = row["emulated"] or line.emulated
    match output:
        case "json":
            sys.stdout.write(json.dumps(rows, indent=2) + "\n")
        case "csv":
            write_rows(list(RollRow.__annotations__), ({**row, "findings": "; ".join(row["findings"])} for row in rows))
        case "table":
            _print_table(rows, emulated=line.emulated)
    return Exit.FINDINGS if any(row["findings"] for row in rows) else Exit.FINE


def _print_table(rows: Sequence[RollRow], *, emulated: bool) -> None:
    from rich.table import Table

    from handoff_logs.screen import screen

    console = screen(piped_width=PIPED_WIDTH)
    console.print(f"{'EMULATED: ' if emulated else ''}rolls of laminate", style="bold")
    if not rows:
        console.print("There are none.")
        return
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("roll", "for", "at", "answers"):
        table.add_column(name)
    for name in ("pieces", "made", "spoiled", "counted", "left"):
        table.add_column(name, justify="right")
    table.add_column("")
    for row in rows:
        counts = (row["pieces"], row["made"], row["spoiled"])
        # What a machine counted is read when the roll is taken off.
        counted = "" if row["state"] == "mounted" and not row["used"] else str(row["used"])
        left = "" if row["left"] is None else str(row["left"])
        mark = "! differs" if row["findings"] else "✓"
        where = (row["number"], row["kind"], row["place"] or row["state"], row["answers"])
        table.add_row(*where, *map(str, counts), counted, left, mark, style="bold" if row["findings"] else None)
    console.print(table)
    for row in rows:
        for finding in row["findings"]:
            console.print(f"{row['number']}: {finding}")
