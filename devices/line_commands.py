"""`devices trace`, `capture`, `replay` and `console`: what goes over a machine's line, and questions asked by hand."""

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
from typing import Annotated, Any, Literal, Self

from cyclopts import Group, Parameter
from cyclopts.validators import LimitedChoice, Number

from devices import cli
from devices.cli import DEFAULT_DIRECTORY, Directory
from devices.errors import CaptureRefusedError, UnknownDeviceError
from devices.registry import DeviceEntry
from devices.tap import Direction, Listener, Piece
from devices.tracing import Decoded, live_tracing

Device = Annotated[str, Parameter(help="A device of the line, by its id in line.toml.")]
TraceOutput = Annotated[Literal["text", "json"], Parameter(name="--output", help="How to print.")]
CaptureFile = Annotated[Path, Parameter(help="A file that `capture` wrote.")]

MACHINES = "machines"
PRODUCTION, BAUD = "production", 115_200
"""What an entry means that names no mode or no speed."""
ARROWS = {Direction.TO_MACHINE: "→", Direction.TO_HOST: "←"}
TO = {Direction.TO_MACHINE: "machine", Direction.TO_HOST: "host"}
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
DIFFERENT = 1
"""Exit status: what a capture says and what its bytes come to now differ."""
_until = Group("Until", validator=LimitedChoice())


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


def trace(name: Device, /, *, directory: Directory = DEFAULT_DIRECTORY, output: TraceOutput = "text") -> None:
    """Watch what goes over a machine's line while the line runs, decoded, until Ctrl-C; the port is left alone.

    Payloads and whatever is personal are shown as length and short SHA-256 only. Drivers with a protocol of their own
    are shown by burst: length, SHA-256 and the names of control characters.
    """
    entry = _entry(name, directory)
    tracing = live_tracing(entry.driver)
    counts = _Counts()
    text = output == "text"
    with _listening(entry, directory) as (listener, stop):
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
    if text:
        _say(f"{entry.id}, {mode}: {counts}")
    else:
        _say_json({"frames": counts.frames, "bytes": counts.bytes, "errors": counts.errors, "dropped": counts.dropped})


def capture(
    name: Device,
    file: Annotated[Path, Parameter(help="A new file, for you alone to read.")],
    /,
    *,
    seconds: Annotated[
        float | None, Parameter(group=_until, help="End after so many seconds.", validator=Number(gt=0))
    ] = None,
    frames: Annotated[
        int | None, Parameter(group=_until, help="End after so many frames.", validator=Number(gt=0))
    ] = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """Store a machine's bytes, both ways, with times and what they decode to; until Ctrl-C if nothing else is said.

    Only of an emulated device: a machine's bytes hold what is in people's documents. `replay` decodes them again.
    """
    from devices.captures import CaptureWriter

    entry = _entry(name, directory)
    if not entry.emulated:
        raise CaptureRefusedError(entry.id, entry.mode)
    counts = _Counts()
    with _listening(entry, directory) as (listener, stop), CaptureWriter(file, entry, _utc(None)) as writer:
        sys.stderr.write(f"passline: storing what goes over the line of {entry.id} (EMULATED); Ctrl-C ends\n")
        for piece in _heard(listener, stop, seconds):
            counts.add(piece, writer.write(piece))
            if frames is not None and counts.frames >= frames:
                break
    sys.stderr.write(f"passline: {entry.id} (EMULATED): {counts}; in {file}\n")


def replay(
    file: CaptureFile,
    /,
    *,
    pieces: Annotated[
        int | None, Parameter(help="Decode also in pieces of so many bytes.", validator=Number(gt=0))
    ] = None,
    to: Annotated[
        str | None,
        Parameter(help="Send the host's bytes to the emulated machine on this port instead, and compare its answers."),
    ] = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> int:
    """Decode captured bytes again and compare with what the capture says; exit 1 names the first difference.

    With --to, the host's part is sent to a machine that says it is emulated, which then moves as it did in the capture:
    give it the same blanks. Fences and the journal's id are the machine's own.
    """
    from devices.captures import decoded_count, read_capture
    from devices.captures import replay as decode_again

    captured = read_capture(file)
    if to is not None:
        from devices.resending import resend

        said, difference = resend(captured, to, directory / MACHINES)
        done = f"{said} messages of the machine on {to} (EMULATED)"
    else:
        found = decode_again(captured) or (decode_again(captured, pieces) if pieces else None)
        difference = "" if found is None else str(found)
        ways = f" and in pieces of {pieces} bytes" if pieces else ""
        done = f"{decoded_count(captured.pieces)} frames in {len(captured.pieces)} pieces, as they were cut{ways}"
    if difference:
        _say(f"{captured.device}, EMULATED: {difference}")
        return DIFFERENT
    _say(f"{captured.device}, EMULATED: {done}: as captured")
    return 0


def console(
    port_or_name: Annotated[str, Parameter(help="A device's id in line.toml, or a port such as /dev/ttyUSB0.")],
    /,
    *,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """Ask a machine by hand, at a prompt or from a pipe: questions only, nothing moves and nothing is claimed.

    Personalizers and readers: hello, status JOB, journal [SINCE]. A scale: weigh; a label printer: condition; a swipe
    reader: swipe. A port by itself is taken to speak the personalizers' protocol. One that is in use is refused.
    """
    from devices.console import converse, named_machine, port_machine
    from devices.tracing import speaks_link

    machines = directory / MACHINES
    if "/" in port_or_name:
        machine = port_machine(port_or_name, machines)
    else:
        entry = _entry(port_or_name, directory)
        machine = named_machine(entry, machines, link=speaks_link(entry.driver))
    who = machine.open()
    try:
        sys.stderr.write(f"passline: {machine.name}: {who}. Ask {', '.join(machine.questions)}, help or quit.\n")
        for line in converse(machine, _typed(f"{machine.name}> ")):
            _say(line)
    finally:
        machine.close()


def _typed(prompt: str) -> Iterator[str]:
    """Lines from the terminal, with a prompt, or from a pipe."""
    if not sys.stdin.isatty():
        yield from sys.stdin
        return
    while True:
        try:
            yield input(prompt)
        except EOFError:
            _say("")
            return


def _entry(name: str, directory: Path) -> DeviceEntry:
    """The entry of that name; raises UnknownDeviceError, and whatever the folder's owner raises."""
    entries = {str(entry.get("id")): entry for entry in cli.configured_devices(directory)}
    if name not in entries:
        raise UnknownDeviceError(name, tuple(entries))
    found = entries[name]
    driver, port, serial = (str(found.get(fact, "")) for fact in ("driver", "port", "serial"))
    return DeviceEntry(name, driver, port, serial, str(found.get("mode", PRODUCTION)), int(found.get("baud", BAUD)))


@contextmanager
def _listening(entry: DeviceEntry, directory: Path) -> Iterator[tuple[Listener, _Stop]]:
    """Listens to the device's line, until Ctrl-C asks for an end."""
    listener = Listener(directory / MACHINES / entry.id)
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
    return {"at_utc": _utc(piece.at_us), "to": TO[piece.direction], **one.as_json()}


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
