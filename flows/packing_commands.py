"""`passline packing`: what lies on packing's hold shelf, and what two people who sign make of it."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from cyclopts import App, Parameter

from flows.errors import Exit
from flows.run_folder import RunFolder
from handoff_logs.sheets import write_rows
from stations.packing.tables import Resolution
from stations.people_register.asking import Asking, First, PasswordsFrom, Second

if TYPE_CHECKING:
    from stations.packing.shelf import OnShelf

app = App(name="packing", help="Packing's hold shelf: what lies there, and what two people make of it.")

Directory = Annotated[Path, Parameter("--dir", help="The run's folder.")]
HERE: Final = Path(".passline")
STATION: Final = "packing"
COLUMNS: Final = ("number", "kind", "reason", "part", "since_us", "ends_as", "decided", "first", "second")


@app.command(name="shelf")
def shelf_command(
    *,
    directory: Directory = HERE,
    output: Annotated[Literal["table", "json", "csv"], Parameter(help="How to print it.")] = "table",
) -> int:
    """Print what lies on the hold shelf, why, since when, and how each may end. It says nothing of any person."""
    from flows.two_hands import workplace_of
    from stations.packing.shelf import on_shelf

    with workplace_of(RunFolder(directory), STATION) as here, here.database.read() as conn:
        rows = [_row(each) for each in on_shelf(conn, STATION)]
    if output == "json":
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
    elif output == "csv":
        write_rows(COLUMNS, rows)
    elif not rows:
        sys.stdout.write("nothing lies on packing's hold shelf\n")
    else:
        for row in rows:
            why = f"{row['reason']} ({row['part']})" if row["part"] else row["reason"]
            done = f"; decided: {row['decided']}, by {row['first']} and {row['second']}" if row["decided"] else ""
            sys.stdout.write(f"{row['number']:<20} {row['kind']:<9} {why}: ends as {row['ends_as']}{done}\n")
    return Exit.FINE


@app.command(name="release")
def release_command(
    number: Annotated[str, Parameter(help="The piece's serial, or the parcel's label.")],
    /,
    *,
    found: Annotated[
        Resolution,
        Parameter(
            "--as",
            help="right: the piece was put right; envelope: it was found with another envelope; opened: the parcel was"
            " emptied; apart: it goes into quarantine.",
        ),
    ],
    first: First = None,
    second: Second = None,
    directory: Directory = HERE,
    passwords_from: PasswordsFrom = None,
) -> int:
    """Free the hold shelf of a piece or a parcel; two packers or leads sign. All but `apart` is scanned anew."""
    from flows.two_hands import emulated_parts, signed_by_two, workplace_of
    from handoff_logs.records import new_id
    from stations.packing import shelf

    folder, asking = RunFolder(directory), Asking(passwords_from)
    with workplace_of(folder, STATION) as here:
        with here.database.read() as conn:
            shelf.check(conn, STATION, number, found)
        by = signed_by_two(here, asking, (first, second), shelf.DECIDERS)
        shelf.decide(here, by, new_id(), number, found)
        with emulated_parts(folder) as parts:
            shelf.book(here, parts.packer().put if parts is not None else None)
    mark = "EMULATED: " if here.emulated else ""
    goes = (
        "is in quarantine: stop its application" if found is Resolution.APART else "goes on: scan it anew at the desk"
    )
    sys.stdout.write(f"{mark}{number} {goes}; signed by {by.first} and {by.second}\n")
    return Exit.FINE


def _row(each: "OnShelf") -> dict[str, Any]:
    return {
        "number": each.number,
        "kind": each.kind,
        "reason": each.reason,
        "part": each.part or "",
        "since_us": each.since_us,
        "ends_as": ", ".join(each.ways),
        "decided": each.resolution or "",
        "first": each.first or "",
        "second": each.second or "",
    }
