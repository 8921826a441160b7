"""`devices trace`, `capture`, `replay` and `console`: what goes over a machine's line, and questions asked by hand."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Group, Parameter
from cyclopts.validators import LimitedChoice, Number

from devices import cli
from devices.cli import DEFAULT_DIRECTORY, Directory
from devices.errors import UnknownDeviceError

if TYPE_CHECKING:
    from devices.registry import DeviceEntry

Device = Annotated[str, Parameter(help="A device of the line, by its id in line.toml.")]
TraceOutput = Annotated[Literal["text", "json"], Parameter(name="--output", help="How to print.")]
CaptureFile = Annotated[Path, Parameter(help="A file that `capture` wrote.")]

MACHINES = "machines"
PRODUCTION, BAUD = "production", 115_200
"""What an entry means that names no mode or no speed."""
DIFFERENT = 1
"""Exit status: what a capture says and what its bytes come to now differ."""
_until = Group("Until", validator=LimitedChoice())
_how = Group("How", validator=LimitedChoice())


def trace(name: Device, /, *, directory: Directory = DEFAULT_DIRECTORY, output: TraceOutput = "text") -> None:
    """Watch what goes over a machine's line while the line runs, decoded, until Ctrl-C; the port is left alone.

    Payloads and whatever is personal are shown as length and short SHA-256 only. Drivers with a protocol of their own
    are shown by burst: length, SHA-256 and the names of control characters.
    """
    from devices.watching import watch

    entry = _entry(name, directory)
    cli.who_touches(directory, "trace", entry.id)
    watch(entry, directory / MACHINES / entry.id, as_json=output == "json")


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
    from devices.watching import store

    entry = _entry(name, directory)
    cli.who_touches(directory, "capture", entry.id)
    store(entry, directory / MACHINES / entry.id, file, seconds=seconds, frames=frames)


def replay(
    file: CaptureFile,
    /,
    *,
    pieces: Annotated[
        int | None, Parameter(group=_how, help="Decode also in pieces of so many bytes.", validator=Number(gt=0))
    ] = None,
    to: Annotated[
        str | None,
        Parameter(group=_how, help="Send the host's bytes to the emulated machine on this port instead, and compare."),
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

        cli.who_touches(directory, "replay", to)
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
    cli.who_touches(directory, "console", port_or_name)
    who = machine.open()
    try:
        sys.stderr.write(f"passline: {machine.name}: {who}. Ask {', '.join(machine.questions)}, help or quit.\n")
        for line in converse(machine, _typed(f"{machine.name}> ")):
            _say(line)
    finally:
        machine.close()


def add_to(app: App) -> None:
    """Give `app` the commands `trace`, `capture`, `replay` and `console`."""
    for command in (trace, capture, replay, console):
        app.command(command)


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


def _entry(name: str, directory: Path) -> "DeviceEntry":
    """The entry of that name; raises UnknownDeviceError, and whatever the folder's owner raises."""
    from devices.registry import DeviceEntry

    entries = {str(entry.get("id")): entry for entry in cli.configured_devices(directory)}
    if name not in entries:
        raise UnknownDeviceError(name, tuple(entries))
    found = entries[name]
    driver, port, serial = (str(found.get(fact, "")) for fact in ("driver", "port", "serial"))
    return DeviceEntry(name, driver, port, serial, str(found.get("mode", PRODUCTION)), int(found.get("baud", BAUD)))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
