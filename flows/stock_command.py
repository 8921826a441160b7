"""`passline blanks stock`: whether the blanks last for the days ahead."""

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from flows.errors import Exit
from flows.run_folder import RunFolder
from handoff_logs.sheets import write_rows


def stock_command(
    *,
    days_ahead: Annotated[
        int | None,
        Parameter(
            "--days",
            validator=Number(gte=1, lte=366),
            help="Working days that it must last for; as line.toml says, if left out.",
        ),
    ] = None,
    directory: Annotated[Path, Parameter("--dir", help="The run's folder.")] = Path(".passline"),
    output: Annotated[Literal["table", "json", "csv"], Parameter("--output", help="How to print.")] = "table",
) -> int:
    """Hold the blanks that are left against what the days ahead need; ends with 1 where they do not last."""
    from flows.configuration import read_settings
    from handoff_logs.reading import open_reading
    from stations.vault.forecast import stock

    folder = RunFolder(directory)
    settings = read_settings(folder)
    asked, reserve = settings.stock_asked
    with open_reading(folder.line().database_url) as reading:
        found = stock(
            reading,
            time.time_ns() // 1_000,
            days_ahead=asked if days_ahead is None else days_ahead,
            reserve=reserve if days_ahead is None else settings.vault.kept,
        )
    rows: list[dict[str, Any]] = [
        {**asdict(each), "short": each.short, "low": each.low, "emulated": settings.emulated} for each in found
    ]
    match output:
        case "json":
            sys.stdout.write(json.dumps(rows, indent=2) + "\n")
        case "csv":
            write_rows(list(rows[0]), rows)
        case "table":
            _print_table(rows)
    return Exit.FINDINGS if any(each.low for each in found) else Exit.FINE


def _print_table(rows: list[dict[str, Any]]) -> None:
    from rich.table import Table

    from handoff_logs.screen import screen

    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column("")
    for name in ("in the vault", "usable in all", "orders", "a day", "days", "needed", "days left"):
        table.add_column(name, justify="right")
    table.add_column("")
    for row in rows:
        left = "-" if row["days_left"] is None else f"{row['days_left']:.1f}"
        counts = (row["shelf"], row["usable"], row["orders"], f"{row['a_day']:.0f}", row["days_ahead"], row["needed"])
        told = f"! LOW, {row['short']} short" if row["low"] else "✓ lasts"
        table.add_row(row["kind"], *map(str, counts), left, told, style="bold" if row["low"] else None)
    console = screen()
    console.print(f"{'EMULATED: ' if any(row['emulated'] for row in rows) else ''}blanks in stock", style="bold")
    console.print(table)
