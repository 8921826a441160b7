"""Who runs what in a folder: the whole line in one process, or each station in one of its own.

Leases and claims bear the folder's name, so that the next process takes them back at once; these locks see to it that
there is one at a time. The kernel lets go of them when a process ends, however it ends.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Final

from flows.errors import GateRunsAlreadyError, LineRunsAlreadyError, SealerRunsAlreadyError
from flows.run_folder import RunFolder

GATE_AGAIN_S: Final = 0.1
WHOLE_LINE = "line.lock"


@contextmanager
def line_lock(folder: RunFolder) -> Iterator[None]:
    """Hold the whole line of `folder`. Raises LineRunsAlreadyError while it, or one of its stations, runs."""
    with _held(folder, WHOLE_LINE, fcntl.LOCK_EX):
        yield


@contextmanager
def station_lock(folder: RunFolder, station: str) -> Iterator[None]:
    """Hold one station of `folder`, beside other stations. Raises LineRunsAlreadyError while it or the line runs."""
    with _held(folder, WHOLE_LINE, fcntl.LOCK_SH), _held(folder, f"{station}.lock", fcntl.LOCK_EX):
        yield


@contextmanager
def settle_lock(folder: RunFolder) -> Iterator[None]:
    """Wait for those who settle a job of `folder` to be done with it: two pairs of hands never act on one piece."""
    with (folder.path / "settle.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def gate_lock(folder: RunFolder, *, patience_s: float = 0.0) -> Iterator[None]:
    """Work the gate of `folder` alone. Raises GateRunsAlreadyError if another process does for longer than that."""
    give_up_s = monotonic() + patience_s
    with (folder.path / "gate.lock").open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if monotonic() >= give_up_s:
                    raise GateRunsAlreadyError(folder.path) from None
            sleep(GATE_AGAIN_S)
        yield


@contextmanager
def seal_lock(folder: RunFolder) -> Iterator[None]:
    """Seal the log of `folder` alone. Raises SealerRunsAlreadyError while another process does."""
    with (folder.log_key / "seal.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SealerRunsAlreadyError(folder.path) from None
        yield


@contextmanager
def _held(folder: RunFolder, name: str, mode: int) -> Iterator[None]:
    with (folder.path / name).open("a") as file:
        try:
            fcntl.flock(file, mode | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LineRunsAlreadyError(folder.path) from None
        yield
