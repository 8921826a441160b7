"""`passline blanks balance`: what became of every blank, by kind, station and machine, over any period or shift."""

import json
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Annotated, Final, Literal

from cyclopts import Parameter

from flows.errors import Exit, FlowError
from flows.run_folder import RunFolder
from flows.who_asks import recorded
from handoff_logs.cli import moment_us
from handoff_logs.sheets import write_rows
from handoff_logs.terminal import Audience
from stations.vault.balance import FIRST_US, HERE, LAST_US, Balance, Period, balance, shift_period

PIPED_WIDTH: Final = 100
"""Characters of a table that no terminal bounds."""
NAMED: Final = 20
"""Serials that a table names; the other forms name all."""
WORDS: Final = {
    "carried_over": "carried over",
    "received": "+ received",
    "made": "= made into documents",
    "handed_on": "+ handed on",
    "returned": "+ returned",
    "destroyed": "+ destroyed",
    "lost": "+ lost by case",
    "still_here": "+ still here",
    "good": "    good",
    "unmarked": "    unmarked",
    "voided": "    voided, to be destroyed",
    "specimens": "      specimens of them",
    "in_machine": "    in a machine",
    "in_doubt": "    in doubt",
    "offered": "    offered, unanswered",
    "difference": "difference",
}
"""The equation as it is printed, a line a term."""
DETAILS: Final = (*HERE, "specimens")
"""Lines that stand only where some blank is counted."""
LABEL_WIDTH: Final = max(map(len, WORDS.values()))
GAP: Final = 2
"""Characters between two columns."""
GOES_ON: Final = ", further"

Time = Annotated[str | None, Parameter(help="A local time, 2026-11-25 or '2026-11-25 14:30', or a zoned one.")]


class PeriodRefusedError(FlowError):
    """Times that bound no period."""

    next_step = "Give --at, or --from and --to with the earlier first; or leave them out for all until now."

    def __str__(self) -> str:
        return "These times bound no period; nothing was counted."


class ShiftUnknownError(FlowError):
    """A shift in whose name nothing was recorded within the time asked about."""

    def __init__(self, shift: str) -> None:
        super().__init__(shift)
        self.shift = shift
        self.next_step = "Check its name, or ask about another time with --from and --to."

    def __str__(self) -> str:
        return f"No record of a shift {self.shift} is there; nothing was counted."


def balance_command(
    *,
    station: Annotated[str | None, Parameter(help="Only this station.")] = None,
    machine: Annotated[str | None, Parameter(help="Only this machine.")] = None,
    shift: Annotated[
        str | None, Parameter(help="Over the last time this shift worked, or its last within --from and --to.")
    ] = None,
    kind: Annotated[Literal["book", "card"] | None, Parameter(help="Only blanks of this kind.")] = None,
    at: Annotated[Time, Parameter("--at", help="As it stood at this local time; now, if left out.")] = None,
    from_: Annotated[Time, Parameter("--from", help="From this local date or time on.")] = None,
    to: Annotated[Time, Parameter("--to", help="Up to this local time, or to the end of this date.")] = None,
    directory: Annotated[Path, Parameter("--dir", help="The run's folder.")] = Path(".passline"),
    output: Annotated[Literal["table", "json", "csv"], Parameter("--output", help="How to print.")] = "table",
) -> int:
    """Balance the blanks of every kind, station and machine, from the handoff log's rows alone.

    Carried over + received = made into documents + handed on + returned + destroyed + lost by case + still here. Each
    blank is in one term of either side; `difference` counts those that are not. A station's row includes its machines.
    Ends with 1 if there is a difference.
    """
    line = RunFolder(directory).line()
    period = _period(at, from_, to)
    asked = {"station": station, "machine": machine, "shift": shift, "kind": kind}
    with recorded(directory, "blanks balance", Audience.ANYBODY, **asked, **period.bounds()) as reading:
        if shift is not None:
            worked = shift_period(reading, shift, period)
            if worked is None:
                raise ShiftUnknownError(shift)
            period = worked
        rows = balance(reading, period, station=station, machine=machine, kind=kind)
    for row in rows:
        row["emulated"] = row["emulated"] or line.emulated
    match output:
        case "json":
            sys.stdout.write(json.dumps(rows, indent=2) + "\n")
        case "csv":
            _print_csv(rows)
        case "table":
            _print_table(rows, period)
    return Exit.FINDINGS if any(row["difference"] for row in rows) else Exit.FINE


def _period(at: str | None, from_: str | None, to: str | None) -> Period:
    if at is not None and (from_ is not None or to is not None):
        raise PeriodRefusedError
    until_us = LAST_US if at is None and to is None else moment_us(at or to or "", whole_day=at is None)
    period = Period(FIRST_US if from_ is None else moment_us(from_), until_us + (at is not None))
    if period.from_us >= period.to_us:
        raise PeriodRefusedError
    return period


def _print_csv(rows: Sequence[Balance]) -> None:
    lists = ("unaccounted", "missing")
    shown = ({**row, **{name: " ".join(row[name]) for name in lists}} for row in rows)  # type: ignore[literal-required]
    write_rows(list(Balance.__annotations__), shown)


def _print_table(rows: Sequence[Balance], period: Period) -> None:
    from rich.table import Table

    from handoff_logs.screen import screen

    console = screen(piped_width=PIPED_WIDTH)
    mark = "EMULATED: " if any(row["emulated"] for row in rows) else ""
    console.print(f"{mark}blanks{_told(period)}", style="bold")
    if not rows:
        console.print("There were none.")
        return
    for title, panel in _panels(rows, console.width):
        console.print(f"\n{title}", style="bold")
        table = Table(box=None, header_style="dim", pad_edge=False)
        table.add_column("", style="dim", min_width=LABEL_WIDTH)
        for row in panel:
            table.add_column(_name(row), justify="right")
        for name, words in WORDS.items():
            counts = [int(row[name]) for row in panel]  # type: ignore[literal-required]
            style = "bold" if name == "difference" else "dim" if name in DETAILS else None
            if any(counts) or name not in DETAILS:
                shown = (str(count) if count or name not in DETAILS else "" for count in counts)
                table.add_row(words, *shown, style=style)
        console.print(table)
    for row in rows:
        for what in ("unaccounted", "missing"):
            if serials := row[what]:
                more = f" and {len(serials) - NAMED} more" if len(serials) > NAMED else ""
                place = f"{row['kind']} blanks at {row['machine'] or row['station']}"
                console.print(f"{what}, {place}: {', '.join(serials[:NAMED])}{more}")


def _panels(rows: Sequence[Balance], width: int) -> Iterator[tuple[str, list[Balance]]]:
    """A kind's stations side by side, then a station's machines, as many as fit: each equation reads downwards."""
    ordered = sorted(rows, key=lambda row: (row["kind"], bool(row["machine"]), row["station"], row["machine"]))
    for (kind, station), places in groupby(
        ordered, key=lambda row: (row["kind"], row["station"] * bool(row["machine"]))
    ):
        title = f"{kind}, {f'machines of {station}' if station else 'stations'}"
        panel: list[Balance] = []
        taken = LABEL_WIDTH
        for row in places:
            needed = GAP + max(len(_name(row)), *(len(str(value)) for value in row.values() if isinstance(value, int)))
            if panel and taken + needed > width:
                yield title, panel
                title, panel, taken = f"{title.removesuffix(GOES_ON)}{GOES_ON}", [], LABEL_WIDTH
            panel.append(row)
            taken += needed
        yield title, panel


def _name(row: Balance) -> str:
    return row["machine"] or row["station"]


def _told(period: Period) -> str:
    start, end = (
        f"{datetime.fromtimestamp(time_us / 1e6).astimezone():%Y-%m-%d %H:%M:%S}"
        if FIRST_US < time_us < LAST_US
        else ""
        for time_us in (period.from_us, period.to_us)
    )
    return f" from {start}" * bool(start) + (f" to {end}" if end else " until now")
