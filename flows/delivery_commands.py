"""`passline mailing deliveries`: a carrier's events are loaded, and what they leave open is listed and settled."""

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from cyclopts import Parameter

from flows.errors import Exit
from flows.run_folder import RunFolder
from flows.two_hands import as_two, signed_by_two, workplace_of
from flows.who_asks import recorded
from handoff_logs.sheets import write_rows
from handoff_logs.terminal import Audience
from stations.mailing import deliveries, delivery_load, explaining
from stations.people_register.asking import Asking, First, PasswordsFrom, Second

Directory = Annotated[Path, Parameter("--dir", help="The run's folder.")]
Item = Annotated[str, Parameter(help="The parcel's label or tracking number.")]
HERE: Final = Path(".passline")


def load_command(
    file: Annotated[Path, Parameter(help="The carrier's file, named .csv or .jsonl.")],
    /,
    *,
    reply: Annotated[
        Path | None, Parameter("--reply", help="Where to list what is set aside; else in deliveries/ of the folder.")
    ] = None,
    first: First = None,
    second: Second = None,
    directory: Directory = HERE,
    output: Annotated[Literal["table", "json"], Parameter("--output", help="How to print.")] = "table",
    passwords_from: PasswordsFrom = None,
) -> int:
    """Load a carrier's delivery events; two people sign."""
    folder, asking = RunFolder(directory), Asking(passwords_from)
    lines = deliveries.check(file)
    with workplace_of(folder, delivery_load.STATION) as here:
        by = signed_by_two(here, asking, (first, second), delivery_load.LOADERS)
        answer = reply or folder.path / "deliveries" / f"{_digest(file)}.jsonl"
        with _progress(lines) as progress:
            report = delivery_load.load(as_two(here, by), file, answer, progress=progress)
    if output == "json":
        told = asdict(report) | {"emulated": here.emulated, "reply": str(answer)}
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
    else:
        mark = "EMULATED: " if here.emulated else ""
        sys.stdout.write(
            f"{mark}{lines} lines: {report.delivered} delivered ({report.parcels_delivered} parcels ended), "
            f"{report.returned} coming back, {report.lost} lost ({report.cases_opened} cases opened), "
            f"{report.repeated} loaded before, {report.set_aside} set aside; signed by {by.first} and {by.second}\n"
        )
        if report.set_aside:
            sys.stdout.write(f"{mark}what was set aside, and why: {answer}\n")
    return Exit.FINDINGS if report.set_aside else Exit.FINE


def schema_command() -> int:
    """Print the JSON Schema of one delivery event."""
    sys.stdout.write(json.dumps(deliveries.schema(), indent=2, ensure_ascii=False) + "\n")
    return Exit.FINE


def open_command(
    *,
    directory: Directory = HERE,
    output: Annotated[Literal["table", "json", "csv"], Parameter("--output", help="How to print.")] = "table",
) -> int:
    """List open cases of parcels, what is said to come back, and what came back undecided."""
    emulated = RunFolder(directory).line().emulated
    with recorded(directory, "mailing open", Audience.READERS) as reading:
        rows = [{**row, "emulated": emulated} for row in reading.rows(explaining.OPEN_ITEMS)]
    match output:
        case "json":
            sys.stdout.write(json.dumps(rows, indent=2) + "\n")
        case "csv" if rows:
            write_rows(list(rows[0]), rows)
        case "table":
            _print_open(rows, emulated=emulated)
    return Exit.FINE


def settle_command(
    item: Item,
    /,
    *,
    found: Annotated[
        Literal["lost", "delivered", "with-carrier", "here", "explained"],
        Parameter("--found", help="What two people found out."),
    ],
    first: First = None,
    second: Second = None,
    directory: Directory = HERE,
    passwords_from: PasswordsFrom = None,
) -> int:
    """Close a parcel's open case by what two people found; both sign."""
    folder, asking = RunFolder(directory), Asking(passwords_from)
    what = explaining.Found(found)
    with workplace_of(folder, delivery_load.STATION) as here:
        with here.database.read() as conn:
            explaining.check(conn, item, what)
        by = signed_by_two(here, asking, (first, second), delivery_load.LOADERS)
        settled = explaining.settle(as_two(here, by), item, what)
    mark = "EMULATED: " if here.emulated else ""
    onward = "; it is weighed and offered anew when mailing next works" if what is explaining.Found.HERE else ""
    sys.stdout.write(
        f"{mark}the case of parcel {settled.label} is closed as {found}{onward}; signed by {by.first} and {by.second} "
        f"(record {settled.record})\n"
    )
    return Exit.FINE


@contextmanager
def _progress(lines: int) -> Iterator[Callable[[int], None]]:
    """A bar on standard error while it takes longer than a moment, and only on a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("loading", total=lines)
        yield lambda done: bar.update(task, completed=done)


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()[:16]


def _print_open(rows: list[dict[str, Any]], *, emulated: bool) -> None:
    from rich.table import Table

    from handoff_logs.screen import screen

    console = screen()
    mark = "EMULATED: " if emulated else ""
    if not rows:
        sys.stdout.write(f"{mark}nothing waits\n")
        return
    console.print(f"{mark}what waits, the oldest first", style="bold")
    table = Table("since", "what", "", "label", "tracking number", "note", "is", box=None, header_style="dim")
    for row in rows:
        since = datetime.fromtimestamp(row["since_us"] / 1e6).astimezone()
        words = (row["label"], row["tracking"] or "", row["note"] or "", row["state"])
        table.add_row(f"{since:%Y-%m-%d %H:%M}", row["what"], row["detail"], *words)
    console.print(table)
