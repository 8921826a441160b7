"""Keeps the line's own Prefect server alive: one that dies under a live line is started again on the same port.

Nothing that matters depends on it: custody, jobs and machines go on meanwhile, and Prefect's client in the line waits
and tries again.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import structlog

from flows.errors import PrefectServerError
from flows.prefect_server import PrefectServer, restart

log = structlog.get_logger()

LOOK_EVERY_S: Final = 0.5


@contextmanager
def watched(server: PrefectServer) -> Iterator[None]:
    """Restart `server` whenever its process has ended, for as long as the block runs."""
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(server, over), name="prefect-watch", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _watch(server: PrefectServer, over: threading.Event) -> None:
    while not over.wait(LOOK_EVERY_S):
        if server.mark.alive:
            continue
        log.warning("prefect_server_restarted", port=server.port, pid=server.mark.pid)
        try:
            server = restart(server)
        except PrefectServerError as error:
            log.error("prefect_server_not_restarted", port=server.port, error=type(error).__name__)
            over.wait(LOOK_EVERY_S * 10)
