"""`passline run`: start the line of a folder on what waits."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from flows.run_folder import RunFolder


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
    Ends with 0 when nothing is left and no rule is broken, with 3 while anything is in doubt, with 1 otherwise.
    """
    from rich.console import Console

    from flows.demo_report import print_json, print_report
    from flows.demo_run import count
    from flows.line_run import run_line
    from flows.locks import line_lock

    screen = Console(stderr=True)
    folder = RunFolder(directory)
    folder.configured()
    with line_lock(folder):
        end = run_line(folder, shift=shift, screen=screen)
    if end.stop_reason is not None:
        screen.print(f"Stopped: {end.stop_reason}. Go on with: passline run --dir {folder.path}")
    reckoning = count(folder, since_us=end.released_us)
    if output == "json":
        print_json(folder, reckoning)
    else:
        print_report(folder, reckoning, Console())
    return reckoning.exit_code
