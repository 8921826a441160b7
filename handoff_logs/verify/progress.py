"""How far a verification is, on the terminal's error side, once it takes longer than people wait."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from handoff_logs.verify.run import Progress

SHOWN_AFTER_S = 1.0


@contextmanager
def shown() -> Iterator[Progress]:
    """Give what shows pages done, of all, from the first second on; nothing where no terminal is there."""
    started_s = time.monotonic()
    bars: list[Any] = []

    def show(done: int, total: int) -> None:
        if not bars:
            if time.monotonic() - started_s < SHOWN_AFTER_S:
                return
            # A tenth of a second that short runs need not wait for.
            from rich.console import Console
            from rich.progress import Progress as Bar

            bar = Bar(console=Console(stderr=True), transient=True, disable=not Console(stderr=True).is_terminal)
            bar.start()
            bars.extend((bar, bar.add_task("Verifying", total=total)))
        bars[0].update(bars[1], completed=done)

    try:
        yield show
    finally:
        if bars:
            bars[0].stop()
