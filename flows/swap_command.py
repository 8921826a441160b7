"""`passline devices swap`: another machine, or an emulator, in the place of one; one entry of `line.toml` changes."""

import os
import sys
import tempfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from flows.errors import FlowError
from flows.locks import line_lock
from flows.run_folder import RunFolder
from flows.toml_edit import with_strings
from flows.who_touches import who_touches
from handoff_logs.errors import HandoffLogError
from handoff_logs.reading import open_reading

EMULATOR = "emulator://"
OPEN_JOBS = "SELECT COUNT(*) AS jobs FROM job WHERE unfinished AND machine = :machine"


class ProductionSwapError(FlowError):
    """The devices of a production line aren't changed by a command."""

    next_step = "Change its line.toml by hand while the line stands; `passline run` refuses one that is wrong."

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"The line in {self.path} is a production line, whose devices are not swapped; line.toml is as it was."


class UnknownDeviceError(FlowError):
    """The line has no device of this name."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(name, known)
        self.name, self.known = name, known
        self.next_step = f"Its devices are {', '.join(known) or 'none'}."

    def __str__(self) -> str:
        return f"The line has no device {self.name}; line.toml is as it was."


def swap_command(
    name: Annotated[str, Parameter(help="The device's id in line.toml, such as book-01.")],
    /,
    *,
    to: Annotated[str, Parameter("--to", help="/dev/…, socket://HOST:PORT, rfc2217://HOST:PORT or emulator://NAME.")],
    serial: Annotated[
        str | None, Parameter("--serial", help="The other machine's serial number; as before if left out.")
    ] = None,
    driver: Annotated[
        str | None, Parameter("--driver", help="The other machine's driver; as before if left out.")
    ] = None,
    mode: Annotated[
        Literal["emulated", "production"] | None,
        Parameter(
            "--mode",
            help="What answers there; if left out, emulated on emulator://, production in place of such a port.",
        ),
    ] = None,
    directory: Annotated[Path, Parameter("--dir", help="The run's folder.")] = Path(".passline"),
) -> None:
    """Put another machine, or an emulator, in the place of one."""
    folder = RunFolder(directory)
    content = folder.configured()
    if not folder.line().emulated or content.get("mode") == "production":
        raise ProductionSwapError(folder.path)
    who_touches(directory, "swap", name)
    with line_lock(folder):
        content = folder.configured()
        position, before = _entry(content, name)
        wanted = {"port": to, "serial": serial, "driver": driver, "mode": mode or _mode(before, to)}
        changes = {key: value for key, value in wanted.items() if value is not None and value != before.get(key)}
        if changes:
            _write(folder, with_strings(_text(folder), ("devices", position), changes))
    _print(folder, name, before, changes)


def _entry(content: Mapping[str, Any], name: str) -> tuple[int, Mapping[str, Any]]:
    entries = content.get("devices", [])
    for position, entry in enumerate(entries):
        if entry.get("id") == name:
            return position, entry
    raise UnknownDeviceError(name, tuple(str(entry.get("id")) for entry in entries))


def _mode(before: Mapping[str, Any], to: str) -> str | None:
    """What the new port says of the mode; None where it says nothing."""
    if to.startswith(EMULATOR):
        return "emulated"
    return "production" if str(before.get("port", "")).startswith(EMULATOR) else None


def _text(folder: RunFolder) -> str:
    with folder.configuration.open(encoding="utf-8", newline="") as file:
        return file.read()


def _write(folder: RunFolder, text: str) -> None:
    """Put `text` in the place of line.toml in one step, if the line would start with it. Raises SettingsError."""
    from flows.configuration import SettingsError, read_settings

    read_settings(folder)
    target = folder.configuration.resolve()
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".swap-") as scratch:
        tried = RunFolder(Path(scratch))
        written = tried.configuration
        with written.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        written.chmod(target.stat().st_mode & 0o7777)
        try:
            read_settings(tried)
        except SettingsError as error:
            refused = SettingsError(str(folder.configuration), error.faults)
            refused.next_step = (
                f"{folder.configuration} is as it was; name another port, serial number, driver or mode."
            )
            raise refused from None
        written.replace(target)
    directory = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _print(folder: RunFolder, name: str, before: Mapping[str, Any], changes: Mapping[str, str]) -> None:
    mark = " (EMULATED line)"
    if not changes:
        sys.stdout.write(f"{name} is so already in {folder.configuration}{mark}; nothing changed.\n")
        return
    sys.stdout.write(f"{name} in {folder.configuration}{mark}:\n")
    for key, value in changes.items():
        sys.stdout.write(f"  {key:<6} {before.get(key, '(not set)')} -> {value}\n")
    if jobs := _open_jobs(folder, name):
        sys.stderr.write(
            f"passline: {jobs} open jobs belong to the machine that {name} was; what the new one can't answer for will "
            "be in doubt and wait for two people.\n"
        )


def _open_jobs(folder: RunFolder, name: str) -> int:
    try:
        with closing(open_reading(folder.line().database_url)) as reading:
            (row,) = reading.rows(OPEN_JOBS, machine=name)
    except HandoffLogError:
        return 0  # a line that has not been set up yet has no jobs
    return int(row["jobs"])
