"""`devices`: what an engineer asks of machines and does with emulators; data on stdout, messages on stderr."""

import csv
import json
import math
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter
from cyclopts.validators import Number

if TYPE_CHECKING:
    from devices.emulation.control import ControlClient

Directory = Annotated[Path, Parameter(name="--dir", help="The run's folder.")]
Output = Annotated[Literal["table", "json", "csv"], Parameter(name="--output", help="How to print.")]
Port = Annotated[str, Parameter(help="/dev/…, socket://HOST:PORT, rfc2217://HOST:PORT or emulator://NAME.")]
Rows = Sequence[dict[str, Any]]

DEFAULT_DIRECTORY = Path(".passline")
PIPED_WIDTH = 160
"""Characters of a table that no terminal bounds."""
NO_MACHINE = 1
"""Exit status: nobody answered."""

app = App(name="devices", help="Machines and emulators: what is there, who answers, an emulator to try a driver on.")


def no_devices(directory: Path) -> Rows:
    """The devices of a run's folder, where nothing knows of such folders: none."""
    del directory
    return []


list_devices: Callable[[Path], Rows] = no_devices
"""How a folder becomes a list of its devices; the program that owns the configuration puts its own here."""
configured_devices: Callable[[Path], Rows] = no_devices
"""How a folder becomes the `[[devices]]` entries of its line.toml, unchecked; put here by the same program."""


def anybody(directory: Path, act: str, device: str) -> None:
    """Let anybody do anything, where nobody signs in."""
    del directory, act, device


who_touches: Callable[[Path, str, str], None] = anybody
"""Whether whoever is at the terminal may do an act ("probe") with a device or port of the line in a folder, or raises a
refusal; put here by the program that signs people in. It is asked before a port is opened."""


@app.command(name="list")
def list_command(*, directory: Directory = DEFAULT_DIRECTORY, output: Output = "table") -> None:
    """Print the devices of the line: port, serial number, mode, whether it is there, and what it was last doing."""
    _print(list_devices(directory), output)


@app.command
def probe(
    port: Port,
    /,
    *,
    baud: Annotated[
        int | None,
        Parameter(
            help="The one rate to ask at; the usual ones of each machine if left out.",
            validator=Number(gte=300, lte=4_000_000),
        ),
    ] = None,
    unit: Annotated[
        int, Parameter(help="The number of a Modbus machine on its bus.", validator=Number(gte=1, lte=247))
    ] = 1,
    directory: Directory = DEFAULT_DIRECTORY,
    output: Output = "table",
) -> int:
    """Identify what is on a port: by HELLO, then by a harmless question in the protocol of each built-in driver.

    Nothing moves, and a port that somebody uses is left alone. Ends with 1 if nobody answers, with 2 if the port can't
    be opened.
    """
    from devices.identification import find

    who_touches(directory, "probe", port)
    found = find(port, directory / "machines", baud=baud, unit=unit)
    if found is None:
        sys.stderr.write(
            f"passline: nobody on {port} answers in a protocol of a built-in driver; check the cable, the power and the"
            " line's speed (--baud), or try another port. A swipe reader takes no commands, so it can't be identified\n"
        )
        return NO_MACHINE
    _print([found], output)
    return 0


@app.command
def emulate(
    driver: Annotated[str, Parameter(help="Whose machine, such as book-personalizer or mt-sics-scale.")],
    /,
    *,
    name: Annotated[str | None, Parameter(help="What it is called; the driver's name if left out.")] = None,
    serial: Annotated[str | None, Parameter(help="The serial number it says it has.")] = None,
    speed: Annotated[float, Parameter(help="Machine time is divided by this; 0: none.", validator=Number(gte=0))] = 1.0,
    tcp: Annotated[
        int | None,
        Parameter(
            help="Listen on this port of 127.0.0.1 instead of a pty; 0: any.", validator=Number(gte=0, lte=65535)
        ),
    ] = None,
    folder: Annotated[Path | None, Parameter(help="Where its journal stays; a temporary folder if left out.")] = None,
) -> None:
    """Run one emulator alone until Ctrl-C, and say how to connect to it. What it makes is EMULATED."""
    from devices.emulation.emulator import EmulatorSetup
    from devices.emulation.port import PtyPort, TcpPort
    from devices.emulation.serve import Server

    called = name or driver
    with tempfile.TemporaryDirectory(prefix="passline-emulator-") as scratch:
        home = folder or Path(scratch)
        home.mkdir(parents=True, exist_ok=True)
        setup = EmulatorSetup(called, serial or f"EMULATED-{called}", home, home / "world", speed)
        port = PtyPort(home / "port") if tcp is None else TcpPort(tcp)
        server = Server(driver, setup, port, orphan_s=math.inf)
        sys.stderr.write(f"passline: {called} (EMULATED) runs; Ctrl-C ends it. An entry of line.toml for it:\n")
        sys.stdout.write(
            f'[[devices]]\nid = "{called}"\ndriver = "{driver}"\nport = "{port.address}"\n'
            f'serial = "{setup.serial}"\nmode = "emulated"\n'
        )
        sys.stdout.flush()
        server.run()


@app.command
def fault(
    machine: Annotated[str, Parameter(help="The line's name of an emulated device that runs.")],
    name: Annotated[str | None, Parameter(help="What is to go wrong; docs/devices.md has the table.")] = None,
    /,
    *,
    at: Annotated[str | None, Parameter(help="The journal's entry at which power-loss and restart strike.")] = None,
    before: Annotated[bool, Parameter(negative="", help="Before that entry is written, not after.")] = False,
    times: Annotated[
        int | None,
        Parameter(
            help="How often it fires, 0 without end; once, or with --every without end.", validator=Number(gte=0)
        ),
    ] = None,
    every: Annotated[int, Parameter(help="It fires at one in so many occasions.", validator=Number(gte=1))] = 1,
    seed: Annotated[int, Parameter(help="Chooses which of them, and where in a frame.")] = 0,
    listed: Annotated[bool, Parameter(name="--list", negative="", help="Print the faults that are set.")] = False,
    clear: Annotated[bool, Parameter(negative="", help="Take all of them off.")] = False,
    directory: Directory = DEFAULT_DIRECTORY,
    output: Output = "table",
) -> None:
    """Make something go wrong with an EMULATED device, or list and clear what is set on it."""
    with closing(_emulator(machine, directory)) as control:
        if clear:
            count = control.ask("clear-faults")["cleared"]
            sys.stderr.write(f"passline: faults taken off {machine} (EMULATED): {count}\n")
        if name is not None:
            times = times if times is not None else int(every == 1)
            what = {"name": name, "at": (at or "").upper(), "before": before}
            control.ask("fault", fault=what | {"times": times, "every": every, "seed": seed})
            sys.stderr.write(f"passline: {name} is set on {machine} (EMULATED)\n")
        if listed or not (clear or name):
            rows = [{"device": machine, "mode": "EMULATED"} | one for one in control.ask("faults")["faults"]]
            _print(rows, output, nothing="no faults")


def _emulator(machine: str, directory: Path) -> "ControlClient":
    """The control socket of a device of the line; raises NotEmulatedError."""
    from devices.emulation.control import ControlClient
    from devices.errors import NotEmulatedError
    from devices.pidfile import running_pid

    mode = next((row["mode"] for row in list_devices(directory) if row["device"] == machine), None)
    folder = directory / "machines" / machine
    if mode is None:
        raise NotEmulatedError(machine, f"no device of {directory}")
    if mode != "EMULATED":
        raise NotEmulatedError(machine, f"a device in {mode} mode")
    if running_pid(folder) is None:
        raise NotEmulatedError(machine, "not running")
    who_touches(directory, "fault", machine)
    return ControlClient(folder)


def _print(rows: Rows, output: str, nothing: str = "no devices") -> None:
    match output:
        case "json":
            sys.stdout.write(json.dumps(list(rows), indent=2) + "\n")
        case "csv" if rows:
            writer = csv.DictWriter(sys.stdout, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        case "table":
            _print_table(rows, nothing)


def _print_table(rows: Rows, nothing: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="dim", pad_edge=False)
    for column in rows[0] if rows else [nothing]:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH).print(table)
