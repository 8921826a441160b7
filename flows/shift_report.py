"""The shift report as a whole: what the database says of a shift and how its machines spent it; as JSON and text."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from devices.oee import Group
from flows.durations import duration
from flows.machine_oee import FACTORS, ShiftOee, as_row, oee_between
from flows.run_folder import RunFolder
from handoff_logs.reading import Reading
from stations.shift.report import MOVED, Report, find, report
from stations.vault.balance import HERE

HERE_TERMS: Final = tuple(term for each in HERE for term in ((each, "specimens") if each == "voided" else (each,)))
"""What is still here, with the specimens beside the voided ones that they are among."""
LONG_US: Final = timedelta(days=7) // timedelta(microseconds=1)
"""After so long it takes seconds to go back to what stood when a shift was closed, where that was not kept with it."""
NO_LINE: Final = {
    "unsealed": "the log has not sealed it yet: passline logs seal --once, then print the report again",
    "broken": "the log's key signed something else than the database says: passline logs verify, and tell the auditors",
    "other-log": "a new log was begun since; its line stands on the report that was printed then",
}
"""Why there is no line of the log, and what to do."""


@dataclass(frozen=True, slots=True)
class ShiftReport:
    """A shift's report with its machines' time; `emulated`: anything of it was, or the line is."""

    centre: str
    emulated: bool
    facts: Report
    machines: tuple[ShiftOee, ...]

    @property
    def is_open(self) -> bool:
        """Whether the shift is still going on."""
        return self.facts.shift.closed_us is None


def shift_report(reading: Reading, folder: RunFolder, wanted: str | None = None, *, stood: bool = True) -> ShiftReport:
    """Report the shift of this id; `last`: closed last; None: the open one, or where none is, the last.

    Raises as `stations.shift.report.find` and `flows.machine_oee.oee_between`.
    """
    facts = report(reading, find(reading, wanted), time.time_ns() // 1_000, stood=stood)
    machines = tuple(oee_between(reading, folder, facts.machines, facts.shift.opened_us, facts.until_us))
    line = folder.line()
    emulated = line.emulated or facts.emulated or any(each.worked.emulated for each in machines)
    return ShiftReport(line.centre, emulated, facts, machines)


def is_long_ago(closed_us: int | None, now_us: int) -> bool:
    """Whether it takes long to tell what stood when a shift was closed and did not keep it; never of an open one."""
    return closed_us is not None and now_us - closed_us > LONG_US


def as_json(found: ShiftReport) -> dict[str, Any]:
    """Everything as one object; keys stay as they are, for those who script against them."""
    facts, shift = found.facts, found.facts.shift
    return {
        "emulated": found.emulated,
        "centre": found.centre,
        "shift_id": shift.shift_id,
        "shift": shift.name,
        "open": found.is_open,
        "opened_us": shift.opened_us,
        "opened_by": [shift.opened_by, shift.opened_second],
        "opening_reason": shift.opening_reason,
        "closed_us": shift.closed_us,
        "closed_by": [] if found.is_open else [shift.closed_by, shift.closed_second],
        "closed_how": shift.closed_how,
        "closing_reason": shift.closing_reason,
        "until_us": facts.until_us,
        "cases": list(facts.cases),
        "people": {station: list(codes) for station, codes in facts.people.items()},
        "stood": facts.stood,
        "work": [one._asdict() for one in facts.work],
        "returned": facts.returned,
        "held": facts.held,
        "verdicts": [one._asdict() for one in facts.verdicts],
        "spoils": [one._asdict() for one in facts.spoils],
        "machines": [as_row(each) for each in found.machines],
        "balance": [dict(row) for row in facts.balance],
        "counts": [one._asdict() for one in facts.counts],
        "line": facts.line,
        "no_line": facts.no_line,
    }


def as_artifact(found: ShiftReport) -> list[dict[str, Any]]:
    """The work of the shift, a row a station and class, for Prefect's pages: counts alone, and nobody's code."""
    return [
        {
            "station": one.station,
            "class": one.service_class,
            "done": one.done,
            "waiting": one.waiting,
            "on hold": one.on_hold,
            "nodes kept": one.kept,
            "nodes missed": one.missed,
            "mode": "EMULATED" if found.emulated else "production",
        }
        for one in found.facts.work
    ]


def told(found: ShiftReport) -> str:
    """What the report is of, in one sentence without anybody's code."""
    facts, shift = found.facts, found.facts.shift
    mark = "EMULATED: " if found.emulated else ""
    ended = "open, so far" if found.is_open else f"closed {moment(facts.until_us)}, {shift.closed_how}"
    spoiled = sum(one.pieces for one in facts.spoils)
    return (
        f"{mark}shift {shift.name} ({shift.shift_id}), opened {moment(shift.opened_us)}, {ended}; "
        f"{facts.returned} returned, {facts.held} held, {spoiled} pieces voided"
    )


def moment(time_us: int) -> str:
    """A local time as the report writes it."""
    return f"{datetime.fromtimestamp(time_us / 1e6).astimezone():%Y-%m-%d %H:%M}"


def print_report(found: ShiftReport) -> None:
    """Print the report at a terminal, section after section, as the page shows it."""
    from handoff_logs.screen import screen

    facts, shift = found.facts, found.facts.shift
    console = screen()
    console.print(told(found), style="bold", soft_wrap=True)
    for word, first, second, reason in (
        ("opened", shift.opened_by, shift.opened_second, shift.opening_reason),
        ("closed", shift.closed_by, shift.closed_second, shift.closing_reason),
    ):
        if first:
            console.print(f"{word} by {first} and {second}" + (f", forced: {reason}" if reason else ""))
    for case in facts.cases:
        console.print(f"case: it was forced at its {case}: passline shift settle {shift.shift_id} --finding …")
    _print_table(console, ("station", "class", "done", "waiting", "on hold", "kept", "missed", "latest", "overdue"), [
        (one.station, one.service_class, one.done, one.waiting, one.on_hold, one.kept, one.missed,
         duration(one.late_s) if one.missed else "", one.overdue) for one in facts.work
    ], "work, and time nodes", words=2)  # fmt: skip
    _print_table(console, ("outcome", "reason", "class", "applications"), facts.verdicts,
                 f"review: {facts.returned} returned, {facts.held} held", words=3)  # fmt: skip
    _print_table(console, ("station", "machine", "piece", "reason", "pieces"), facts.spoils,
                 "pieces voided by two people", words=4)  # fmt: skip
    _print_machines(console, found.machines)
    _print_balance(console, found)
    console.print()
    console.print(f"log  {facts.line or NO_LINE[facts.no_line or 'unsealed']}", soft_wrap=True)


def _print_machines(console: Any, machines: Sequence[ShiftOee]) -> None:
    rows = [as_row(each) for each in machines]
    factors = ("avail.", "effect.", "quality", "OEE")
    _print_table(console, ("machine", *Group, *factors, "good", "spoiled", "specimens", "longest stoppages"), [
        (
            row["machine"],
            *(duration(row[f"{name}_s"]) for name in Group),
            *("–" if row[name] is None else f"{row[name]:.0%}" for name in FACTORS),
            row["good"],
            row["spoiled"],
            row["specimens"],
            "; ".join(stoppages(row)),
        )
        for row in rows
    ], "machines", words=1)  # fmt: skip


def stoppages(row: dict[str, Any]) -> list[str]:
    """A machine's longest stoppages in words, from its row."""
    return [f"{one['state']} {one['reason']} {duration(one['seconds'])}" for one in row["stoppages"]]


def _print_balance(console: Any, found: ShiftReport) -> None:
    facts = found.facts
    if not facts.stood:
        console.print("\nBlanks, and what waited when the shift was closed, are on the report that was printed then.")
        return
    terms = MOVED if found.is_open else ("carried_over", *MOVED, "still_here")
    heading = tuple(name.replace("_", " ") for name in (*terms, "difference"))
    rows = [
        (row["kind"], row["station"], row["machine"], *(row[name] for name in (*terms, "difference")))
        for row in facts.balance
    ]
    _print_table(console, ("blanks", "station", "machine", *heading), rows, "balance of blanks", words=3)
    if not found.is_open:
        _print_table(console, ("counted at", "station", "pieces", "differences"), facts.counts,
                     "counted by two people", words=2)  # fmt: skip


def _print_table(
    console: Any, columns: Sequence[str], rows: Sequence[Sequence[object]], title: str, *, words: int
) -> None:
    """Print a table whose first columns are `words` and the others counts; its title alone where it has no rows."""
    from rich.table import Table

    console.print()
    console.print(title if rows else f"{title}: none", style="bold")
    if not rows:
        return
    table = Table(box=None, header_style="dim", pad_edge=False)
    for number, name in enumerate(columns):
        last = name == "longest stoppages"
        table.add_column(name, justify="left" if number < words or last else "right", overflow="fold")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    console.print(table)
