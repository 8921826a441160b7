"""The handoff log's own commands, told where a run folder keeps its database and who asks."""

from pathlib import Path

from flows.line_rules import DIFFERENCES
from flows.run_folder import RunFolder
from flows.who_asks import who_asks
from handoff_logs import cli, terminal
from handoff_logs.opened import url_of


def _database_url(directory: Path) -> str:
    return url_of(directory) or RunFolder(directory).line().database_url


def _centre(directory: Path) -> str:
    return RunFolder(directory).line().centre


cli.resolve_url = _database_url
cli.resolve_centre = _centre
cli.differences = DIFFERENCES
terminal.who_asks = who_asks
app = cli.app
app.command("handoff_logs.snapshot_commands:snapshot_command", name="snapshot", help="Copy what is sealed to Parquet.")
app.command("handoff_logs.snapshot_commands:sql_command", name="sql", help="Ask a snapshot of the sealed log in SQL.")
app.command("flows.seal_command:seal_command", name="seal", help="Seal the log: leaves, signed root, witness.")
app.command("flows.backup_command:backup_command", name="backup", help="Copy the log while the line runs.")
app.command("flows.backup_command:restore_command", name="restore", help="Put a copy back.")
app.command("flows.loss_command:declare_loss_command", name="declare-loss", help="Two people declare a loss.")
app.command("flows.erase_command:erase_command", name="erase", help="Two people erase a person's numbers.")
app.command("handoff_logs.archive_commands:archive", name="archive", help="Put a year's custody away in files.")
app.command("handoff_logs.archive_commands:archives", name="archives", help="List the archives that were recorded.")
app.command("handoff_logs.archive_commands:check_archive", name="check-archive", help="Verify an archive offline.")
app.command("handoff_logs.archive_commands:open_archive", name="open-archive", help="Open archives to ask them.")
app.command(
    "flows.record_archive_command:record_archive_command",
    name="record-archive",
    help="Two people record which files are the archive of a year.",
)
# By its import path: what signs people in takes longer to import than a question takes to answer.
app.command(
    "flows.explain_command:explain_command",
    name="explain",
    help="""Record two people's explanation of a finding of `logs verify`, which closes it once it is sealed.

Two leads or administrators sign in with their own passwords, the first, then the second. What is broken (steps 1, 2,
3 and 6) can't be explained.
""",
)
