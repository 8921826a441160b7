"""`passline demo`: a realistic batch through the whole line, on emulated machines and with emulated staff.

The demo is the product: the same flows, the same database, the same machines' protocol. Only the parts that
`line.toml` calls emulated are emulated.
"""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter, validators

from flows.run_folder import RunFolder

DEFAULT_FOLDER = Path(".passline")


def demo_command(
    *,
    documents: Annotated[
        int, Parameter(help="Applications in the batch.", validator=validators.Number(gte=1, lte=1_000_000))
    ] = 300,
    seed: Annotated[int, Parameter(help="Where all chance starts from.", validator=validators.Number(gte=0))] = 1,
    speed: Annotated[
        float,
        Parameter(help="Machine time is divided by this; 0: none.", validator=validators.Number(gte=0)),
    ] = 60.0,
    directory: Annotated[Path, Parameter("--dir", help="The run's folder.")] = DEFAULT_FOLDER,
    resume: Annotated[Path | None, Parameter(help="Go on with the demo in this folder instead.")] = None,
    books: Annotated[int, Parameter(help="Book personalizers.", validator=validators.Number(gte=1, lte=32))] = 3,
    cards: Annotated[int, Parameter(help="Card personalizers.", validator=validators.Number(gte=1, lte=32))] = 3,
    readers: Annotated[int, Parameter(help="Document readers.", validator=validators.Number(gte=1, lte=8))] = 2,
    tray_size: Annotated[
        int, Parameter(help="Applications a tray.", validator=validators.Number(gte=1, lte=1000))
    ] = 25,
    faults: Annotated[
        Literal["none", "storm"],
        Parameter(help="storm: everything goes wrong that can, by the seed, and is put right."),
    ] = "none",
    output: Annotated[Literal["table", "json"], Parameter(help="How the report is printed.")] = "table",
) -> int:
    """Run a realistic batch through the whole emulated line, with a live board, and report.

    Ends with 0 when every application ended where it may and no rule is broken, with 3 while anything is in doubt,
    with 1 otherwise. An earlier demo in the default folder is moved aside, never deleted.
    """
    from rich.console import Console

    from flows.demo_report import print_json, print_report
    from flows.demo_run import DemoPlan, move_aside, play

    screen = Console(stderr=True)
    folder = RunFolder(resume or directory)
    plan = None
    if resume is None:
        plan = DemoPlan(documents, seed, speed, books, cards, readers, tray_size, faults)
        if directory == DEFAULT_FOLDER:
            move_aside(folder, screen.print)
    count = play(folder, plan, screen)
    go_on = f"passline demo --resume {folder.path}"
    if output == "json":
        print_json(folder, count, go_on)
    else:
        print_report(folder, count, Console(), go_on)
    return count.exit_code
