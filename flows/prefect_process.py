"""The process of the line's own Prefect server: it writes down who it is, then serves.

It does so itself, because a line that is killed right after starting it can't: a server that nobody knows of would run
for ever. Arguments: the file for its mark, then uvicorn's own.
"""

import os
import runpy
import sys
from pathlib import Path

from flows.collector import collect_seldom
from flows.processes import ProcessMark


def main() -> None:
    """Keep this process's mark and become uvicorn."""
    collect_seldom()
    mark = ProcessMark.of(os.getpid())
    if mark is not None:
        mark.write(Path(sys.argv.pop(1)))
    runpy.run_module("uvicorn", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
