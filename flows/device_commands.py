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


cli.list_devices = devices_of
cli.configured_devices = entries_of
line_commands.add_to(cli.app)
app = cli.app
# By their import paths: what signs people in or checks settings takes longer to import than a list takes to print.
app.command("flows.oee_command:oee_command", name="oee")
app.command("flows.settle_command:settle_command", name="settle")
app.command("flows.swap_command:swap_command", name="swap")
