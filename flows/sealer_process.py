"""The process of the line's sealer: it alone reads the log's key. Arguments: the file for its mark, the run's folder.

It seals until it is told to stop or whoever started it is gone, and once more then.
"""

import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from flows.configuration import read_settings
from flows.errors import Exit
from flows.processes import ProcessMark, when_parent_ends
from flows.program_log import set_up_log
from flows.run_folder import RunFolder
from flows.sealer import open_loop
from handoff_logs.errors import HandoffLogError


def main(mark_file: Path, directory: Path, witness_url: str | None) -> int:
    """Keep this process's mark and seal the log of a run's folder; how it ended, as an exit status."""
    stop = threading.Event()

    def told(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, told)
    mark = ProcessMark.of(os.getpid())
    if mark is not None:
        mark.write(mark_file)
    when_parent_ends(stop.set)
    folder = RunFolder(directory)
    settings = read_settings(folder)
    set_up_log(folder, level=settings.logging.level, form="json")
    try:
        with open_loop(folder, settings, witness_url) as loop:
            loop.run(stop)
    except HandoffLogError as error:
        sys.stderr.write(f"passline: {error}\n")
        return Exit.FINDINGS
    return Exit.FINE


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else None))
