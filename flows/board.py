"""The live board: a thread of its own looks into the database and draws what it finds, whatever the line does.

It draws on standard error, which leaves standard output to reports. Where that is no terminal, it says one line
every few seconds.
"""

import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Annotated, Final

from cyclopts import App, Parameter
from rich.console import Console, RenderableType
from rich.live import Live

from flows.board_view import draw, one_line
from flows.facts import BoardFacts, board_facts
from flows.pace import Pace, Rates
from flows.run_folder import RunFolder
from handoff_logs.errors import UnreadableDatabaseError
from handoff_logs.reading import open_reading

LOOK_EVERY_S: Final = 0.5
SAY_EVERY_S: Final = 5.0
"""Between lines where there is no terminal."""

app = App(
    name="board",
    help="""Watch the line in the terminal until Ctrl-C; on a wall as a page.

It only looks, and may be opened and closed at any time.
""",
)
app.command(
    "flows.display_commands:token_command",
    name="token",
    help="""Make a display: print the token by which a wall screen shows the board, and nothing else.

A lead or administrator signs. The token is printed once and kept nowhere.
""",
)
app.command(
    "flows.display_commands:displays_command",
    name="displays",
    help="List the displays: where each hangs, who made it, until when it shows the board, whether it was revoked.",
)
app.command(
    "flows.display_commands:revoke_command",
    name="revoke",
    help="Revoke a display: within ten seconds it shows the board no more. A lead or administrator signs.",
)


class Board:
    """Shows the line of `folder` while the block runs; `close` (or the block's end) draws it a last time.

    An offer that stays unanswered for `offer_age_min` minutes raises an alarm.
    """

    def __init__(self, folder: RunFolder, *, console: Console | None = None, offer_age_min: int = 30) -> None:
        line = folder.line()
        self._url, self._emulated = line.database_url, line.emulated
        self._title = f"passline · {line.centre}"
        self._console = console or Console(stderr=True)
        self._offer_age_min = offer_age_min
        self._pace = Pace()
        self._seen: tuple[BoardFacts, Rates] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="board", daemon=True)

    def __enter__(self) -> "Board":
        self._look()
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

    def _look(self) -> None:
        """Take a new look; a database that can't be reached just now leaves the last picture standing."""
        try:
            # A reading is one snapshot, so each look takes its own.
            with open_reading(self._url) as reading:
                facts = board_facts(reading, offer_age_min=self._offer_age_min)
        except UnreadableDatabaseError:
            if self._seen is None:
                raise
            return
        facts = replace(facts, emulated=facts.emulated or self._emulated)
        self._seen = facts, self._pace.look(facts)

    def _follow(self) -> None:
        if self._console.is_terminal:
            self._draw()
        else:
            self._say()

    def _picture(self) -> RenderableType:
        if self._seen is None:
            return ""
        facts, rates = self._seen
        width, height = self._console.size
        return draw(facts, rates, title=self._title, width=width, height=height)

    def _draw(self) -> None:
        with Live(self._picture(), console=self._console, auto_refresh=False, vertical_overflow="crop") as live:
            over = False
            while not over:
                over = self._stop.wait(LOOK_EVERY_S)
                self._look()
                live.update(self._picture(), refresh=True)

    def _say(self) -> None:
        over = False
        while not over:
            over = self._stop.wait(SAY_EVERY_S)
            self._look()
            if self._seen is not None:
                self._console.print(one_line(*self._seen, title=self._title), soft_wrap=True, highlight=False)


@app.default
def board_command(
    *, directory: Annotated[Path, Parameter("--dir", help="The run's folder.")] = Path(".passline")
) -> None:
    """Show the line of a folder until Ctrl-C; it only looks, and may be opened and closed at any time."""
    with Board(RunFolder(directory)) as board:
        board.wait()
