"""The engineers' commands, told which devices a run folder's line has."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from devices import cli, line_commands
from devices.pidfile import running_pid
from flows.run_folder import RunFolder
from handoff_logs.errors import HandoffLogError
from handoff_logs.reading import open_reading

EMULATOR = "emulator://"
STATES = "SELECT machine, state, reason FROM machine_state"


def devices_of(directory: Path) -> list[dict[str, Any]]:
    """The devices in `line.toml`, whether each is there, and what a personalizer was last said to be doing.

    Raises RunFolderMissingError, ConfigurationUnreadableError; the values are not checked.
    """
    folder = RunFolder(directory)
    entries = entries_of(directory)
    doing = _doing(folder)
    return [
        {
            "device": entry.get("id"),
            "driver": entry.get("driver"),
            "port": entry.get("port"),
            "serial": entry.get("serial"),
            "mode": "EMULATED" if entry.get("mode") == "emulated" else entry.get("mode"),
            "there": _there(folder, str(entry.get("port", ""))),
            "doing": doing.get(str(entry.get("id")), ""),
        }
        for entry in entries
    ]


def entries_of(directory: Path) -> list[dict[str, Any]]:
    """The `[[devices]]` entries of `line.toml`; raises as `devices_of`, and the values are not checked either."""
    configured = RunFolder(directory).configured().get("devices", [])
    return [entry for entry in configured if isinstance(entry, dict)]


def _there(folder: RunFolder, port: str) -> str:
    """Whether somebody could be talked to: an emulator's process, or a device file."""
    if port.startswith(EMULATOR):
        pid = running_pid(folder.machines / port.removeprefix(EMULATOR))
        return "not running" if pid is None else f"process {pid}"
    if port.startswith("/"):
        return "yes" if Path(port).exists() else "no such port"
    return "not looked"


def _doing(folder: RunFolder) -> dict[str, str]:
    try:
        with closing(open_reading(folder.line().database_url)) as reading:
            rows = reading.rows(STATES)
    except (HandoffLogError, sqlite3.Error):
        return {}  # a line that has not been set up yet has no machines at work
    return {row["machine"]: f"{row['state']} ({row['reason']})" if row["reason"] else row["state"] for row in rows}


def _who_touches(directory: Path, act: str, device: str) -> None:
    # Sessions take longer to import than a list takes to print.
    from flows.who_touches import who_touches

    who_touches(directory, act, device)


cli.list_devices = devices_of
cli.configured_devices = entries_of
cli.who_touches = _who_touches
line_commands.add_to(cli.app)
app = cli.app
# By their import paths: what signs people in or checks settings takes longer to import than a list takes to print.
# Their help stands here, or `devices --help` would have to import them.
app.command(
    "flows.oee_command:oee_command",
    name="oee",
    help="""Print the OEE of each machine and shift: seconds by state, availability x effectiveness x quality, pieces.

Time comes from the recorded changes of state, pieces from the booked jobs. Effectiveness is measured against the
device's ideal_cycle_s, or its driver's usual one, divided by speed for an emulator; at speed 0 there is none.
""",
)
app.command(
    "flows.settle_command:settle_command",
    name="settle",
    help="""List the jobs in doubt, or record what two people found of one; the line may be running or not.

The physical act comes first: deface a bad piece, carry an unmarked blank to the stock, then record it; an EMULATED
piece is defaced and carried by emulated hands. Two operators, inspectors or leads sign in with their own
passwords, the first, then the second; the second may be an engineer. Ends with 3 while the job, or any that is
listed, is in doubt.
""",
)
app.command(
    "flows.specimen_command:specimen_command",
    name="specimen",
    help="""Make a specimen: a set-up piece on a real blank with fixed data, defaced and voided at once.

The line stands. An operator and a second hand (operator, inspector, lead or engineer) sign in with their own passwords;
the machine draws a blank and makes the piece by the steps of any job; then both deface zone and chip (real people scan
it once that is done; EMULATED hands do it by themselves) and the log has it as voided, reason specimen. It has no
application and is never a document. Given again after a crash it first ends the specimen that was left. Refused while
the line runs, is evacuated, or the machine is held, suspended, in doubt or without blanks. Ends with 1 if the machine
spoiled it.
""",
)
app.command(
    "flows.swap_command:swap_command",
    name="swap",
    help="""Put another machine, or an emulator, in the place of one, and print what changed in its entry of line.toml.

Every other line of the file stays as it is. Refused for a production line, for a line that runs (stop it first),
for an unknown device, and for an entry that the line would not start with.
""",
)
