"""The process of an emulated witness: it ends with whoever started it. Arguments: its folder, the log's public key."""

import os
import signal
import sys
from pathlib import Path

from flows.processes import when_parent_ends
from handoff_logs.witness.cli import serve

if __name__ == "__main__":
    when_parent_ends(lambda: os.kill(os.getpid(), signal.SIGTERM))
    serve(log=[sys.argv[2]], directory=Path(sys.argv[1]), port=0)
