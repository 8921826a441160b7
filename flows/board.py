"""The live board: a thread of its own looks into the database and draws what it finds, whatever the line does.

It draws on standard error, which leaves standard output to reports. Where that is no terminal, it says one line
every few seconds.
"""

import threading
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Annotated, Final

from cyclopts import Parameter
from handoff_logs.reading import open_reading
from rich.console import Console, RenderableType
from rich.live import Live

from flows.board_view import draw, one_line
from flows.facts import BoardFacts, board_facts
from flows.pace import Pace, Rates
from flows.run_folder import RunFolder

LOOK_EVERY_S: Final = 0.5
SAY_EVERY_S: Final = 5.0
"""Between lines where there is no terminal."""

Look = Callable[[], tuple[BoardFacts, Rates]]


class Board:
    """Shows the line of `folder` while the block runs; `close` (or the block's end) draws it a last time.

    `since_us` is from when finished work counts; `offer_age_min` is how old an offer may be before it alarms.
    """

    def __init__(
        self, folder: RunFolder, *, console: Console | None = None, since_us: int = 0, offer_age_min: int = 30
    ) -> None:
        line = folder.line()
        self._url, self._emulated = line.database_url, line.emulated
        self._title = f"passline · {line.centre}"
        self._console = console or Console(stderr=True)
        self._since_us, self._offer_age_min = since_us, offer_age_min
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="board", daemon=True)

    def __enter__(self) -> "Board":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Draw once more and stop."""
        self._stop.set()
        self._thread.join()

    def wait(self) -> None:
        """Stay until Ctrl-C."""
        with suppress(KeyboardInterrupt):
            self._stop.wait()

    def _follow(self) -> None:
        with closing(open_reading(self._url)) as reading:
            pace = Pace()

            def look() -> tuple[BoardFacts, Rates]:
                facts = board_facts(reading, since_us=self._since_us, offer_age_min=self._offer_age_min)
                facts = replace(facts, emulated=facts.emulated or self._emulated)
                return facts, pace.look(facts)

            if self._console.is_terminal:
                self._draw(look)
            else:
                self._say(look)

    def _draw(self, look: Look) -> None:
        def picture() -> RenderableType:
            facts, rates = look()
            width, height = self._console.size
            return draw(facts, rates, title=self._title, width=width, height=height)

        with Live(picture(), console=self._console, auto_refresh=False, vertical_overflow="crop") as live:
            while not self._stop.wait(LOOK_EVERY_S):
                live.update(picture(), refresh=True)
            live.update(picture(), refresh=True)

    def _say(self, look: Look) -> None:
        over = False
        while not over:
            over = self._stop.wait(SAY_EVERY_S)
            facts, rates = look()
            self._console.print(one_line(facts, rates, title=self._title), soft_wrap=True, highlight=False)


def board_command(
    *, directory: Annotated[Path, Parameter("--dir", help="The run's folder.")] = Path(".passline")
) -> None:
    """Show the line of a folder until Ctrl-C; it only looks, and may be opened and closed at any time."""
    with Board(RunFolder(directory)) as board:
        board.wait()
