"""`passline numbers`: the ranges of numbers that permits and parcels take theirs from, and a further one by two."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from cyclopts import App, Parameter

from flows.errors import Exit
from flows.run_folder import RunFolder
from handoff_logs.sheets import write_rows
from stations.people_register.asking import Asking, First, PasswordsFrom, Second

app = App(name="numbers", help="Ranges of numbers for permits and parcels; a further one, by two who sign.")

Directory = Annotated[Path, Parameter("--dir", help="The run's folder.")]
Numbered = Annotated[Literal["hk_macau_permit", "taiwan_permit", "parcel"], Parameter(help="What they number.")]
HERE: Final = Path(".passline")
COLUMNS: Final = ("numbers", "next", "last", "left")


@app.command(name="list")
def list_command(
    *,
    directory: Directory = HERE,
    output: Annotated[Literal["table", "json", "csv"], Parameter(help="How to print it.")] = "table",
) -> int:
    """Print each range: the next number, the last, and how many are left.

    Ends with 1 where permits or parcels have none left, with 0 otherwise.
    """
    from handoff_logs.reading import open_reading
    from stations.numbering import NUMBERED, given

    line = RunFolder(directory).line()
    with open_reading(line.database_url) as reading:
        rows: list[dict[str, Any]] = [
            {"numbers": one.numbered, "next": one.next or "", "last": one.last, "left": one.left}
            for one in given(reading)
        ]
    without = [each for each in NUMBERED if not any(row["left"] for row in rows if row["numbers"] == each)]
    if output == "json":
        told = {"emulated": line.emulated, "ranges": rows, "without": without}
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
    elif output == "csv":
        write_rows(COLUMNS, rows)
    else:
        mark = "EMULATED line: " if line.emulated else ""
        for row in rows:
            following = f"{row['next']} to {row['last']}" if row["left"] else f"spent, up to {row['last']}"
            sys.stdout.write(f"{mark}{row['numbers']:<16} {row['left']:>12,} left: {following}\n")
        for each in without:
            sys.stdout.write(f"{mark}{each:<16} has no number left: passline numbers add {each} FIRST LAST\n")
    return Exit.FINDINGS if without else Exit.FINE


@app.command(name="add")
def add_command(
    numbered: Numbered,
    first_number: Annotated[str, Parameter(help="The range's first number, whole, such as CA0000001.")],
    last_number: Annotated[str, Parameter(help="Its last.")],
    /,
    *,
    first: First = None,
    second: Second = None,
    directory: Directory = HERE,
    passwords_from: PasswordsFrom = None,
) -> int:
    """Give the line a range of numbers; two leads or administrators sign, and the log records it.

    A number that the line was given before, or that is on a document, is refused with its whole range. A range never
    shrinks and never goes. The line may run meanwhile: orders that wait for numbers go on by themselves.
    """
    from flows.two_hands import signed_by_two, workplace_of
    from stations.numbering import SIGNERS, give, span

    # Before anybody is asked to sign.
    asked = span(numbered, first_number, last_number)
    with workplace_of(RunFolder(directory), "mailing") as here:
        by = signed_by_two(here, Asking(passwords_from), (first, second), SIGNERS)
        give(here, by, asked)
    mark = "EMULATED line: " if here.emulated else ""
    sys.stdout.write(
        f"{mark}{asked.size:,} numbers for {numbered}, {asked.first} to {asked.last}; signed by {by.first} and"
        f" {by.second}\n"
    )
    return Exit.FINE
