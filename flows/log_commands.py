"""The handoff log's own commands, told where a run folder keeps its database."""

from pathlib import Path

from flows.run_folder import RunFolder
from handoff_logs import cli


def _database_url(directory: Path) -> str:
    return RunFolder(directory).line().database_url


cli.resolve_url = _database_url
app = cli.app
app.command("flows.seal_command:seal_command", name="seal", help="Seal the log: leaves, signed root, witness.")
app.command("flows.backup_command:backup_command", name="backup", help="Copy the log while the line runs.")
app.command("flows.backup_command:restore_command", name="restore", help="Put a copy back.")
app.command("flows.loss_command:declare_loss_command", name="declare-loss", help="Two people declare a loss.")
app.command("flows.erase_command:erase_command", name="erase", help="Two people erase a person's numbers.")
