"""`passline devices oee`: how each machine spent a shift, and what of it was work."""

import json
import sys
import time
from typing import Annotated, Any

from cyclopts import Parameter

from devices.cli import DEFAULT_DIRECTORY, Directory, Output
from devices.oee import Group
from flows.durations import duration
from flows.machine_oee import FACTORS, as_row, oee_of_shifts
from flows.run_folder import RunFolder
from handoff_logs.reading import open_reading
from handoff_logs.sheets import write_rows


def oee_command(
    *,
    machine: Annotated[str | None, Parameter(help="Only this machine; all if left out.")] = None,
    shift: Annotated[str | None, Parameter(help="Only shifts of this name; all if left out.")] = None,
    directory: Directory = DEFAULT_DIRECTORY,
    output: Output = "table",
) -> None:
    """Print the OEE of each machine and shift."""
    folder = RunFolder(directory)
    with open_reading(folder.line().database_url) as reading:
        found = oee_of_shifts(reading, folder, machine=machine, shift=shift)
    rows = [as_row(each) for each in found]
    match output:
        case "json":
            sys.stdout.write(json.dumps(rows, indent=2) + "\n")
        case "csv" if rows:
            write_rows(list(rows[0]), (row | {"stoppages": "; ".join(_stoppages(row))} for row in rows))
        case "table" if rows:
            _print_table(rows)
    if not rows:
        sys.stderr.write("passline: no machine has worked a shift yet\n")


def _stoppages(row: dict[str, Any]) -> list[str]:
    return [
        f"{each['state']} {each['reason']} {duration(each['seconds'])}"
        + (f" in {each['times']}" if each["times"] > 1 else "")
        for each in row["stoppages"]
    ]


def _print_table(rows: list[dict[str, Any]]) -> None:
    from rich.table import Table

    from handoff_logs.screen import screen

    # Two tables: all figures side by side are wider than a terminal, and a folded figure can't be read.
    times, worth = (Table(box=None, header_style="dim", pad_edge=False, collapse_padding=True) for _ in range(2))
    for table in (times, worth):
        for name in ("machine", "shift", "mode"):
            table.add_column(name, overflow="fold")
    times.add_column("began")
    for name in ("planned", *Group):
        times.add_column(name, justify="right")
    for name in ("avail.", "effect.", "quality", "OEE", "good", "spoiled", "specim."):
        worth.add_column(name, justify="right")
    worth.add_column("longest stoppages", overflow="fold")
    for row in rows:
        who = (row["machine"], row["shift"], row["mode"])
        began = time.strftime("%m-%d %H:%M", time.localtime(row["began_us"] / 1e6))
        times.add_row(*who, began, *(duration(row[f"{name}_s"]) for name in ("planned", *Group)))
        factors = ("–" if row[name] is None else f"{row[name]:.1%}" for name in FACTORS)
        counts = (str(row[name]) for name in ("good", "spoiled", "specimens"))
        worth.add_row(*who, *factors, *counts, "\n".join(_stoppages(row)))
    console = screen()
    console.print(times)
    console.print()
    console.print(worth)
