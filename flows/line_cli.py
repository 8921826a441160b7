"""`passline new` and `passline run`: make the line of a folder, start it on what waits."""

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from flows.run_folder import RunFolder

Machines = Annotated[int, Parameter(validator=Number(gte=1, lte=32))]


def new_command(
    *,
    directory: Annotated[Path, Parameter("--dir", help="The run's folder.")] = Path(".passline"),
    centre: Annotated[str, Parameter(help="Goes into every job's identity: never changed later.")] = "demo",
    books: Annotated[Machines, Parameter(help="Book personalizers.")] = 3,
    cards: Annotated[Machines, Parameter(help="Card personalizers.")] = 3,
    readers: Annotated[Machines, Parameter(help="Document readers.")] = 2,
    tray_size: Annotated[int, Parameter(help="Applications a tray.", validator=Number(gte=1, lte=1000))] = 25,
    speed: Annotated[float, Parameter(help="Machine time is divided by this; 0: none.", validator=Number(gte=0))] = 1.0,
    staff: Annotated[
        Literal["emulated", "desks"], Parameter(help="desks: real people, at every desk; the machines stay emulated.")
    ] = "emulated",
) -> None:
    """Write the `line.toml` of a new line, all machines emulated, and print its path; never over one that is there.

    Real machines are named there, one entry each, before the line is run.
    """
    from flows.configuration import read_settings
    from flows.default_line import write_default
    from flows.settings import StaffKind

    folder = RunFolder(directory)
    written = write_default(
        folder,
        centre=centre,
        books=books,
        cards=cards,
        readers=readers,
        tray_size=tray_size,
        speed=speed,
        staff=StaffKind(staff),
    )
    try:
        read_settings(folder)
    except BaseException:
        written.unlink()
        raise
    sys.stdout.write(f"{written}\n")
    if staff == "desks":
        following = f"`passline people found P-CODE P-CODE --dir {directory}`: the two administrators, before all else"
    else:
        following = f"`passline intake load BATCH --dir {directory}`, then `passline run --dir {directory}`"
    sys.stderr.write(f"passline: Next: {following}.\n")


def run_command(
    *,
    directory: Annotated[Path, Parameter("--dir", help="The run's folder.")] = Path(".passline"),
    shift: Annotated[
        str | None, Parameter(help="The shift that the runs are named by; default from line.toml.")
    ] = None,
    output: Annotated[Literal["table", "json"], Parameter(help="How the report is printed.")] = "table",
) -> int:
    """Run the line on what waits: recovery, then all stations, until nothing is left.

    Ctrl-C stops it: documents in machines are finished, trays in work stay accepted and are continued by the next run.
    Ends with 0 when nothing is left and no rule is broken, with 3 while anything is in doubt, with 1 otherwise. A
    production line is not recounted: it says where everything is, and ends as `passline status` does.
    """
    from rich.console import Console

    from flows.demo_report import print_json, print_report
    from flows.demo_run import count
    from flows.line_run import run_line
    from flows.locks import line_lock
    from flows.status import status_command
    from stations.shift.rules import check_name

    screen = Console(stderr=True)
    folder = RunFolder(directory)
    folder.configured()
    if shift is not None:
        check_name(shift)
    with line_lock(folder):
        end = run_line(folder, shift=shift, screen=screen)
    if end.stop_reason is not None:
        screen.print(f"Stopped: {end.stop_reason}. Go on with: passline run --dir {folder.path}")
    if not folder.line().emulated:
        # Years of records, and no emulated world to hold them against: `passline logs verify` recounts them.
        return status_command(directory=folder.path, output=output)
    reckoning = count(folder, since_us=end.released_us)
    go_on = f"passline run --dir {folder.path}"
    if output == "json":
        print_json(folder, reckoning, go_on)
    else:
        print_report(folder, reckoning, Console(), go_on)
    return reckoning.exit_code
