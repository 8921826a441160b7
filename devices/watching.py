"""Listen to a machine's line until Ctrl-C: to show what goes over it, or to store it."""

import json
import math
import shutil
import signal
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import Any, Self

from devices.captures import NAMES, CaptureWriter
from devices.errors import CaptureRefusedError
from devices.pidfile import running_pid
from devices.registry import DeviceEntry
from devices.tap import Direction, Listener, Piece
from devices.tracing import Decoded, live_tracing

ARROWS = {Direction.TO_MACHINE: "→", Direction.TO_HOST: "←"}
LABELS = {
    "job_id": "job",
    "blank_serial": "blank",
    "data_sha256": "data",
    "result_sha256": "result",
    "max_payload": "payload",
    "open_jobs": "open jobs",
}
"""What facts are called on a screen, where the field's name is long."""
UNSAID = ("", "NONE")
NO_BREAK = "\N{NO-BREAK SPACE}"
FEWEST_COLUMNS = 72
LOOK_S = 0.5


class _Stop:
    """Ctrl-C as something that a loop looks at, so that it ends after a whole piece."""

    asked = False

    def __enter__(self) -> Self:
        self._before = [(number, signal.signal(number, self._ask)) for number in (signal.SIGINT, signal.SIGTERM)]
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before:
            signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.asked = True


class _Counts:
    """What went by."""

    def __init__(self) -> None:
        self.frames = self.bytes = self.errors = self.dropped = 0

    def add(self, piece: Piece, decoded: list[Decoded]) -> None:
        errors = sum(one.error for one in decoded)
        self.frames += len(decoded) - errors
        self.bytes += len(piece.data)
        self.errors += errors
        self.dropped += piece.dropped

    def __str__(self) -> str:
        return f"{self.frames} frames, {self.bytes} bytes, {self.errors} errors, {self.dropped} pieces dropped"


def watch(entry: DeviceEntry, folder: Path, *, as_json: bool) -> None:
    """Print what goes over the device's line, decoded, a line each; `folder` is the machine's.

    Raises TapTakenError, UnknownDriverError.
    """
    tracing = live_tracing(entry.driver)
    counts = _Counts()
    text = not as_json
    with _listening(folder) as (listener, stop):
        if entry.emulated and running_pid(folder) is None:
            sys.stderr.write(
                f"passline: {entry.id} (EMULATED) is not running; waits until `passline run` starts it, or Ctrl-C\n"
            )
        mode = "EMULATED" if entry.emulated else entry.mode
        if text:
            _say(f"{entry.id}, {entry.driver} on {entry.port}, {mode}: what goes over its line; Ctrl-C ends")
        else:
            _say_json({"device": entry.id, "driver": entry.driver, "port": entry.port, "mode": mode})
        for piece in _heard(listener, stop):
            if piece.dropped:
                # What is missing is the trace's loss, not the line's: nothing after it is called damaged for it.
                tracing = live_tracing(entry.driver)
                _say(f"{'':15} … {piece.dropped} pieces not seen") if text else _say_json({"dropped": piece.dropped})
            decoded = tracing[piece.direction].feed(piece.data)
            counts.add(piece, decoded)
            for one in decoded:
                _say(_line(piece, one)) if text else _say_json(_object(piece, one))
    if not counts.bytes:
        _hint_at_silence(entry)
    if text:
        _say(f"{entry.id}, {mode}: {counts}")
    else:
        _say_json({"frames": counts.frames, "bytes": counts.bytes, "errors": counts.errors, "dropped": counts.dropped})


def store(entry: DeviceEntry, folder: Path, file: Path, *, seconds: float | None, frames: int | None) -> None:
    """Write what goes over the device's line to a new file, until Ctrl-C, for so long, or so many frames.

    Raises CaptureRefusedError unless the device is emulated, CaptureUnreadableError for a file that can't be made,
    TapTakenError, UnknownDriverError.
    """
    if not entry.emulated:
        raise CaptureRefusedError(entry.id, entry.mode)
    counts = _Counts()
    with _listening(folder) as (listener, stop), CaptureWriter(file, entry, _utc(None)) as writer:
        sys.stderr.write(f"passline: storing what goes over the line of {entry.id} (EMULATED); Ctrl-C ends\n")
        for piece in _heard(listener, stop, seconds):
            counts.add(piece, writer.write(piece))
            if frames is not None and counts.frames >= frames:
                break
    sys.stderr.write(f"passline: {entry.id} (EMULATED): {counts}; in {file}\n")
    if not counts.bytes:
        _hint_at_silence(entry)


def _hint_at_silence(entry: DeviceEntry) -> None:
    sys.stderr.write(
        f"passline: nothing went over the line of {entry.id}: a trace hears what `passline run` says to it\n"
    )


@contextmanager
def _listening(folder: Path) -> Iterator[tuple[Listener, _Stop]]:
    """Listens to the line of the machine with this folder, until Ctrl-C asks for an end."""
    listener = Listener(folder)
    try:
        with _Stop() as stop:
            yield listener, stop
    finally:
        listener.close()


def _heard(listener: Listener, stop: _Stop, seconds: float | None = None) -> Iterator[Piece]:
    """What goes by until an end is asked for or the time is over, and what had gone by then."""
    end_s = math.inf if seconds is None else monotonic() + seconds
    while not stop.asked and (left_s := end_s - monotonic()) > 0:
        yield from listener.receive(min(LOOK_S, left_s))
    end_s = monotonic() + LOOK_S
    while monotonic() < end_s and (pieces := listener.receive(0.0)):
        yield from pieces


def _line(piece: Piece, one: Decoded) -> str:
    """One line of the screen, folded under its facts."""
    facts = dict(one.facts)
    number, acked = facts.pop("seq", ""), facts.pop("ack", None)
    numbers = f"{number}/{acked}" if acked is not None else ""
    what = f"! {one.what}" if one.error else one.what
    head = f"{_clock(piece.at_us)} {ARROWS[piece.direction]} {what:12} {numbers:7} "
    told = (_fact(name, value) for name, value in facts.items() if value is not False and value not in UNSAID)
    # A fact stays on one line: only the commas' spaces may become line ends.
    text = head + ", ".join(fact.replace(" ", NO_BREAK) for fact in told)
    columns = max(shutil.get_terminal_size((100, 24)).columns, FEWEST_COLUMNS)
    folded = textwrap.fill(text, columns, subsequent_indent=" " * len(head), break_on_hyphens=False)
    return folded.replace(NO_BREAK, " ").rstrip()


def _fact(name: str, value: str | int | bool) -> str:
    label = LABELS.get(name, name.replace("_", " "))
    return label if value is True else f"{label} {value}"


def _object(piece: Piece, one: Decoded) -> dict[str, Any]:
    return {"at_utc": _utc(piece.at_us), "to": NAMES[piece.direction], **one.as_json()}


def _clock(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1_000_000).astimezone().strftime("%H:%M:%S.%f")


def _utc(at_us: int | None) -> str:
    at = datetime.now(UTC) if at_us is None else datetime.fromtimestamp(at_us / 1_000_000, UTC)
    return at.isoformat(timespec="microseconds")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _say_json(line: dict[str, Any]) -> None:
    _say(json.dumps(line, ensure_ascii=False))
