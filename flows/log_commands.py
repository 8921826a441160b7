"""The handoff log's own commands, told where a run folder keeps its database."""

from pathlib import Path

from flows.run_folder import RunFolder
from handoff_logs import cli


def _database_url(directory: Path) -> str:
    return RunFolder(directory).line().database_url


def _centre(directory: Path) -> str:
    return RunFolder(directory).line().centre


cli.resolve_url = _database_url
cli.resolve_centre = _centre
app = cli.app
app.command("flows.seal_command:seal_command", name="seal", help="Seal the log: leaves, signed root, witness.")
