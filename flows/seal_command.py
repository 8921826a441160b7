"""`passline logs seal`: the sealer as a service of its own, or one round of it."""

import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Annotated

from cyclopts import Parameter

from flows.errors import Exit
from flows.run_folder import RunFolder


def seal_command(
    *,
    once: Annotated[bool, Parameter("--once", negative=(), help="Seal what waits, and end.")] = False,
    directory: Annotated[Path, Parameter("--dir", help="The run's folder.")] = Path(".passline"),
) -> int:
    """Seal the handoff log until Ctrl-C: every record becomes a leaf, the log signs the root, the witness cosigns."""
    from flows.configuration import read_settings
    from flows.program_log import set_up_log
    from flows.sealer import open_loop

    folder = RunFolder(directory)
    settings = read_settings(folder)
    set_up_log(folder, level=settings.logging.level, form=settings.logging.form)
    stop = threading.Event()

    def told(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    with open_loop(folder, settings) as loop:
        if once:
            loop.seal()
            loop.show()
        else:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, told)
            loop.run(stop)
    return Exit.FINE
