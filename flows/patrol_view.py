"""How patrols are shown on a terminal: which rounds are due, what they ask, what they found."""

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from stations.patrol.listing import COLUMNS, Done, Due, Finding
from stations.patrol.rules import Patrol

ANSWERS: Final = ("point", "item", "answer", "kind", "what", "photo", "hold")
"""Columns of a round's answers; `passline patrol plan NAME --output csv` prints them to be filled in."""
LOOKS: Final = {
    "found": ("○", "bold red"),
    "taken": ("◐", "yellow"),
    "mended": ("◑", "yellow"),
    "returned": ("↩", "bold red"),
    "checked": ("✓", "dim"),
}
CHANGED: Final = "TEXT CHANGED AFTERWARDS"
"""What stands where a text is not the one that the log has the hash of."""


def due_row(one: Due, now_us: int) -> dict[str, Any]:
    """One patrol of the plan as an object."""
    return {
        "patrol": one.patrol.name,
        "every_min": one.patrol.every_min,
        "last_us": one.last_us,
        "last_by": one.last_by,
        "due_us": one.due_us,
        "overdue": one.is_overdue(now_us),
    }


def finding_row(one: Finding) -> dict[str, Any]:
    """One finding as an object."""
    more = {"by": one.last_by or one.found_by, "since_us": one.last_us or one.found_us}
    return {name: more[name] if name in more else getattr(one, name) for name in COLUMNS}


def step_row(done: Done) -> dict[str, Any]:
    """One step of a finding as an object."""
    return {name: getattr(done, name) for name in ("step", "person", "at_us", "what", "sound")}


def print_json(content: Any) -> None:
    """Print as JSON, indented, Chinese as it is."""
    sys.stdout.write(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def print_due(found: Sequence[Due], now_us: int) -> None:
    """Print which rounds are due when."""
    table = _table("patrol", "every", "last", "by", "next")
    for one in found:
        due = "not due now" if one.due_us is None else f"· by {_local(one.due_us)}"
        if one.due_us is not None and one.is_overdue(now_us):
            due = f"[bold red]! OVERDUE since {_local(one.due_us)}[/]"
        last = "-" if one.last_us is None else _local(one.last_us)
        table.add_row(
            one.patrol.name,
            f"{one.patrol.every_min} min",
            last,
            one.last_by or "-",
            due,
        )
    _print(table)


def print_plan(plan: Sequence[Patrol]) -> None:
    """Print where each patrol leads and what it asks there."""
    for patrol in plan:
        sys.stdout.write(f"{patrol.name}, every {patrol.every_min} min: {', '.join(patrol.points)}\n")
        for item in patrol.checklist:
            sys.stdout.write(f"  {item.id:<12} {item.english}\n  {'':<12} {item.chinese}\n")


def answer_rows(patrol: Patrol) -> list[dict[str, Any]]:
    """The answers of a patrol, not yet given."""
    return [{"point": point, "item": item.id} for point, item in patrol.cells]


def print_findings(found: Sequence[Finding]) -> None:
    """Print findings, a line each."""
    table = _table("finding", "state", "where", "kind", "what", "holds", "since", "by")
    for one in found:
        icon, look = LOOKS[one.state]
        what = one.what if one.sound else CHANGED
        table.add_row(
            str(one.finding_id), f"[{look}]{icon} {one.state}[/]", f"{one.point} {one.item}", one.kind, _plain(what),
            one.machine or "-", _local(one.last_us or one.found_us), one.last_by or one.found_by,
        )  # fmt: skip
    _print(table)


def print_finding(one: Finding, steps: Sequence[Done]) -> None:
    """Print a finding with its steps, each text unless it was changed since it was signed."""
    lines = [
        f"finding {one.finding_id}: {one.kind} at {one.point} ({one.item}), {one.state}",
        f"  {one.what if one.sound else CHANGED}",
        f"  found {_local(one.found_us)} by {one.found_by} in shift {one.shift}, patrol {one.patrol}",
    ]
    if one.machine is not None:
        lines.append(f"  {'held' if one.ended else 'HOLDS'} {one.machine}")
    if one.photo is not None:
        lines.append(f"  photograph {one.photo}")
    for done in steps:
        told = "" if done.what is None else f": {done.what if done.sound else CHANGED}"
        lines.append(f"  {done.step} {_local(done.at_us)} by {done.person}{told}")
    sys.stdout.write("\n".join(lines) + "\n")


def _table(*columns: str) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _print(table: Any) -> None:
    from handoff_logs.screen import screen

    screen(markup=True).print(table)


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _local(time_us: int) -> str:
    return f"{datetime.fromtimestamp(time_us / 1_000_000).astimezone():%Y-%m-%d %H:%M}"
