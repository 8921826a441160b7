"""What the program says of itself: constant event names with facts beside them, and never a person's data.

Custody is in the database, not here. Only keys on a list get through, and of text only codes: a name, an address or a
sentence has a blank or a character outside ASCII in it and is withheld.
"""

import json
import logging
import re
import sys
from collections.abc import MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

import structlog

from flows.run_folder import RunFolder

_KEYS: Final = (
    "station stations from_station to_station place tray handoff unit units kind case application product batch "
    "shift worker machine serial journal fence job blank attempt state before after outcome reason code documents "
    "count expected counted passed returned held voided missing surplus stopped left priority seconds per_second "
    "host of_host connections time_s status "
    "zone alarm target raised cleared escalated "
    "artifact flow_runs task_runs port pid path signal error version emulated"
)
PERMITTED_KEYS: Final = frozenset(_KEYS.split())
"""Keys that an event may carry. `application` is the line's own random id, never the number on a receipt."""

WITHHELD: Final = "withheld"
LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_OWN_KEYS: Final = frozenset({"event", "level", "at"})
_EVENT: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)+")
_CODE: Final = re.compile(r"[\w./:@+,#%=-]{0,200}", re.ASCII)

Event = MutableMapping[str, Any]


def set_up_log(
    folder: RunFolder, *, level: str = "warning", form: Literal["auto", "terminal", "json"] = "auto"
) -> None:
    """Send passline's events to `folder.program_log` (from info on) and to standard error from `level` on.

    What other libraries log goes to `folder.library_log` alone.
    """
    folder.logs.mkdir(parents=True, exist_ok=True)
    readable = form == "terminal" or (form == "auto" and sys.stderr.isatty())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            _stamp,
            withhold,
            _File(folder.program_log),
            _Screen(LEVELS[level]),
            structlog.dev.ConsoleRenderer(colors=readable) if readable else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(min(LEVELS["info"], LEVELS[level])),
        logger_factory=structlog.PrintLoggerFactory(_StandardError()),  # type: ignore[arg-type]
        cache_logger_on_first_use=False,
    )
    _route_libraries(folder)


def withhold(_logger: object, _method: str, event: Event) -> Event:
    """Replace whatever may not be logged: unknown keys, text that is no code, event names that are no constants.

    >>> withhold(None, "info", {"event": "tray_accepted", "station": "qc", "applicant": "ZHANG/SAN"})
    {'event': 'tray_accepted', 'station': 'qc', 'applicant': 'withheld'}
    """
    if event.pop("exc_info", None):
        # The text of an error may quote what it choked on; its kind can't.
        kind = sys.exc_info()[0]
        event["error"] = kind.__name__ if kind else WITHHELD
    for key, value in event.items():
        if key == "event":
            event[key] = value if _EVENT.fullmatch(str(value)) else WITHHELD
        elif key not in _OWN_KEYS and not (key in PERMITTED_KEYS and _is_code(value)):
            event[key] = WITHHELD
    return event


def _is_code(value: object) -> bool:
    if value is None or isinstance(value, bool | int | float):
        return True
    if isinstance(value, tuple | list):
        return all(map(_is_code, value))
    return _CODE.fullmatch(str(value)) is not None


def _stamp(_logger: object, _method: str, event: Event) -> Event:
    event["at"] = datetime.now(UTC).isoformat(timespec="milliseconds")
    return event


class _File:
    """Keeps every event as one JSON line; one write a line, so that threads and processes don't mix theirs."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, _logger: object, _method: str, event: Event) -> Event:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(event, default=str) + "\n")
        return event


class _Screen:
    """Lets nothing below a level on."""

    def __init__(self, level: int) -> None:
        self._level = level

    def __call__(self, _logger: object, _method: str, event: Event) -> Event:
        if LEVELS.get(event["level"], LEVELS["error"]) < self._level:
            raise structlog.DropEvent
        return event


class _StandardError:
    """Standard error as it is at the moment of writing: the board puts its own in place while it is shown."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


class _LibraryLog(logging.FileHandler):
    """Where a run's libraries log to."""


def _route_libraries(folder: RunFolder) -> None:
    to_file = _LibraryLog(folder.library_log, encoding="utf-8", delay=True)
    to_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    root = logging.getLogger()
    before, root.handlers[:] = root.handlers[:], [to_file]
    for handler in before:
        # The file of the run before. Others' handlers are theirs to close.
        if isinstance(handler, _LibraryLog):
            handler.close()
    root.setLevel(logging.WARNING)
    logging.captureWarnings(True)
