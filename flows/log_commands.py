"""The handoff log's own commands, told where a run folder keeps its database."""

from pathlib import Path

from flows.run_folder import RunFolder
from handoff_logs import cli
from stations.people_register.projection import DIFFERENCES


def _database_url(directory: Path) -> str:
    return RunFolder(directory).line().database_url


def _centre(directory: Path) -> str:
    return RunFolder(directory).line().centre


cli.resolve_url = _database_url
cli.resolve_centre = _centre
cli.differences = DIFFERENCES
app = cli.app
app.command("flows.seal_command:seal_command", name="seal", help="Seal the log: leaves, signed root, witness.")
# By its import path: what signs people in takes longer to import than a question takes to answer.
app.command(
    "flows.explain_command:explain_command",
    name="explain",
    help="""Record two people's explanation of a finding of `logs verify`, which closes it once it is sealed.

Two leads or administrators sign in with their own passwords, the first, then the second. What is broken (steps 1, 2,
3 and 6) can't be explained.
""",
)
