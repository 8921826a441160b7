"""What Prefect's client has not told its server yet when a line ends: events, states of task runs, run logs.

The client sends them in the background and waits for that when the process ends. A server that is gone by then costs it
seven seconds for each of them, so they are sent before the server is stopped.
"""

import queue
from typing import Any, Final

import structlog
from prefect.events.worker import EventsWorker

log = structlog.get_logger()

PATIENCE_S: Final = 10.0
"""A thousand events take about a second; what a sick server has not taken by then, it never will."""


def send_backlog(patience_s: float = PATIENCE_S) -> int:
    """Send what waits, at the end of a line; returns how much was given up because the server did not take it in time.

    The client accepts nothing after it.
    """
    # All kinds of the client's queues are kept and drained together, whichever class is asked.
    workers = list(EventsWorker._instances.values())  # type: ignore[misc]
    EventsWorker.drain_all(timeout=patience_s)
    lost = sum(_empty(worker._queue) for worker in workers)
    if lost:
        log.warning("prefect_not_told", count=lost)
    return lost


def _empty(waiting: queue.Queue[Any]) -> int:
    """Take everything out of a queue whose reader has been told to stop, but for the word that tells it."""
    dropped = 0
    try:
        while waiting.get_nowait() is not None:
            dropped += 1
    except queue.Empty:
        return dropped
    waiting.put_nowait(None)
    return dropped
