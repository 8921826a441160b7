"""Programs that a test starts again and again, each in a process of its own that is killed or ends.

They are forked from a process that has imported what they import: a start of an interpreter for each would be most of
what they cost. One JSON request a line on standard input, one answer a line on standard output: see `_answer`.
"""

import ast
import faulthandler
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, NoReturn

HUNG_S = 100.0
"""A program that takes longer tells where its threads stand and ends."""


class Forks:
    """The process that they are forked from; one at a time."""

    def __init__(self, said: Path) -> None:
        self._said = said
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # What pytest found, the programs find too.
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OPENBLAS_NUM_THREADS": "1"},
        )

    def run(self, program: Path | str, *arguments: object) -> tuple[int, str]:
        """Run a file, or a program's text; its exit status (negative: the signal that killed it), what it said."""
        text = program.read_text("utf-8") if isinstance(program, Path) else program
        request = {"program": text, "arguments": [str(each) for each in arguments], "said": str(self._said)}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline()), self._said.read_text(errors="replace")

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def _answer(request: dict[str, Any]) -> int:
    """Import what the program imports at its top, then fork and run it; its exit status."""
    tree = ast.parse(request["program"])
    imports = [each for each in tree.body if isinstance(each, ast.Import | ast.ImportFrom)]
    exec(compile(ast.Module(imports, []), "imports", "exec"), {})
    child = os.fork()
    if child == 0:
        _become(compile(tree, "program", "exec"), request)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _become(program: Any, request: dict[str, Any]) -> NoReturn:
    said = os.open(request["said"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(said, sys.stdout.fileno())
    os.dup2(said, sys.stderr.fileno())
    faulthandler.dump_traceback_later(HUNG_S, exit=True)
    sys.argv = ["program", *request["arguments"]]
    status = 1
    try:
        exec(program, {"__name__": "__main__"})
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        raise
    finally:
        threading._shutdown()  # type: ignore[attr-defined]
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    for line in sys.stdin:
        print(_answer(json.loads(line)), flush=True)
