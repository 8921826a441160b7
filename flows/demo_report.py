"""The report at the end of a run: one JSON object, or a page for the eye with three commands to look further."""

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from devices.emulation.storm import fired
from flows.left_over import left_over
from flows.reckoning import Reckoning
from flows.run_folder import RunFolder
from handoff_logs.reading import open_reading

OUTCOMES = ("dispatched", "returned_for_recapture", "held", "stopped", "set_aside", "in_doubt")
VIOLATIONS = ("live_duplicates", "custody_violations", "blanks_unaccounted")


def as_json(count: Reckoning, *, emulated: bool) -> dict[str, Any]:
    """The object that others script against; keys are never renamed."""
    facts = asdict(count)
    doubts = facts.pop("doubts")
    del facts["example"]
    parts = {name: part for name in ("log", "shift") if (part := facts.pop(name)) is not None}
    facts = {"emulated": emulated, **facts, "documents_per_second": count.documents_per_second, **parts}
    return {**facts, "doubts": list(doubts)} if doubts else facts


def print_json(folder: RunFolder, count: Reckoning, go_on: str) -> None:
    """Print the count as one JSON object on standard output; `go_on` is the command that runs the line again."""
    facts = as_json(count, emulated=folder.line().emulated)
    if left := left_on(folder, go_on):
        facts["left"] = [{"what": what, "next": command} for what, command in left]
    if faults := fired(folder.machines):
        facts["faults"] = faults
    print(json.dumps(facts))  # noqa: T201


def print_report(folder: RunFolder, count: Reckoning, screen: Console, go_on: str) -> None:
    """Print the count for the eye; `go_on` is the command that runs the line again."""
    mark = Text(" EMULATED ", "black on yellow") if folder.line().emulated else Text("")
    left = left_on(folder, go_on)
    headline = "The line stands, and something is left on it. " if left else "The line is done. "
    if not count.sound:
        headline += "A rule is BROKEN. "
    screen.print(Text.assemble((headline, "bold"), mark))
    screen.print(_outcomes(count))
    screen.print(_rules(count))
    pace = f"{count.line_seconds:.1f} s, {count.documents_per_second} documents/s" if count.line_seconds else "–"
    screen.print(f"{count.handoffs} handoffs of {count.handoff_units} unit steps; line time {pace}.")
    if count.shift is not None:
        screen.print(_shift(count.shift))
    if count.log is not None:
        screen.print(_log(count.log))
    if faults := fired(folder.machines):
        struck = ", ".join(f"{name} {times}" for name, times in faults.items())
        screen.print(f"Faults that struck (EMULATED, as planned): {struck}.")
    for doubt in count.doubts:
        screen.print(
            f"In doubt: job {doubt['job_id']} on {doubt['machine']}, blank {doubt['blank_serial'] or 'unknown'}"
        )
    if left:
        screen.print("\nWhat is left, and what to do next:", style="bold")
        for what, command in left:
            screen.print(f"  {what}:  {command}", highlight=False, soft_wrap=True)
    screen.print("\nLook further:", style="bold")
    for command in look_further(folder, count):
        screen.print(f"  {command}", highlight=False, soft_wrap=True)


def left_on(folder: RunFolder, go_on: str) -> list[tuple[str, str]]:
    """What is left on the line of `folder`, each with the command for it."""
    with closing(open_reading(folder.line().database_url)) as reading:
        return list(left_over(reading, folder.path, go_on))


def look_further(folder: RunFolder, count: Reckoning) -> list[str]:
    """Three commands that show more of this run."""
    return [
        f"passline shift report --dir {folder.path}",
        f"passline logs document {count.example or 'NUMBER'} --dir {folder.path}",
        f"passline logs verify --dir {folder.path}",
    ]


def _outcomes(count: Reckoning) -> Table:
    table = Table("application", "count", title=f"{count.documents} applications", title_justify="left")
    for name in OUTCOMES:
        table.add_row(name.replace("_", " "), str(getattr(count, name)))
    if count.unfinished:
        table.add_row(Text("still on the line", "yellow"), str(count.unfinished))
    table.add_section()
    table.add_row("remade", str(count.remade))
    table.add_row("blanks voided", str(count.blanks_voided))
    return table


def _shift(shift: Mapping[str, Any]) -> Text:
    """Whether the shift is closed, and on what; what stands against it."""
    first, second = shift["signed_by"]
    if shift["closed"] is None:
        why = "; ".join(shift["refused"]) or "the line has not finished"
        return Text.assemble(f"The shift {shift['name']} is ", ("open", "yellow"), f": {why}")
    return Text.assemble(
        f"The shift {shift['name']} is ",
        (f"✓ closed, {shift['closed']}", "green"),
        f": {shift['counted']} blanks counted blind by {first} and {second}, difference {shift['difference']}; "
        f"emergencies: {shift['emergencies']}, rounds of patrol: {shift['rounds']}, "
        f"suspended for the climate: {shift['suspensions']}, shifts handed over: {shift['hand_overs']}.",
    )


def _log(log: Mapping[str, Any]) -> Text:
    """How far the log is sealed and witnessed, and what verifying it from its first record said."""
    marks = {"clean": ("✓ verified", "green"), "findings": (f"! {log['problems']} findings", "yellow")}
    mark = marks.get(log["verdict"], ("✗ BROKEN", "red"))
    seen = f"cosigned by its witness up to {log['cosigned_size']}" if log["cosigned_size"] else "not witnessed"
    return Text.assemble(f"The log {log['origin']}: {log['size']} records sealed, {seen}, ", mark, ".")


def _rules(count: Reckoning) -> Table:
    table = Table(
        "must be 0", "count", "", title="The three counts, from the books and the pieces", title_justify="left"
    )
    for name in VIOLATIONS:
        value = getattr(count, name)
        table.add_row(
            name.replace("_", " "), str(value), Text("✓ kept", "green") if not value else Text("✗ BROKEN", "red")
        )
    return table
