"""`passline logs backup` and `passline logs restore`: a copy of the log while the line runs, and its way back."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from flows.errors import RECOVER, Exit, NothingToCompareError
from flows.run_folder import RunFolder

Directory = Annotated[Path, Parameter("--dir", help="The run's folder.")]


def backup_command(
    *,
    out: Annotated[Path, Parameter("--out", help="The new file; its manifest is written beside it, as FILE.json.")],
    directory: Directory = Path(".passline"),
) -> int:
    """Copy the whole database into a new file while the line runs: one committed state, whole or not at all.

    The keys are not in it. Keep their backup apart from it: together they could forge.
    """
    from handoff_logs.backup import back_up

    line = RunFolder(directory).line()
    manifest = back_up(line.database_url, out, emulated=line.emulated)
    facts = manifest.facts
    sys.stdout.write(
        f"{_mark(line.emulated)}{out}: {facts.rows['custody_event']} records, {facts.size} of them sealed by"
        f" {facts.origin or 'nobody yet'}; SHA-256 {manifest.sha256}\n"
    )
    return Exit.FINE


def restore_command(
    file: Annotated[Path, Parameter(help="A copy that `passline logs backup` made, its manifest beside it.")],
    /,
    *,
    over_nothing: Annotated[
        bool,
        Parameter("--over-nothing", negative=(), help="The database is gone or unreadable: there is nothing to lose."),
    ] = False,
    directory: Directory = Path(".passline"),
) -> int:
    """Put a copy in the place of the line's database; refused while the line or a sealer runs, and over a newer log.

    Ends with 3 when keys or witness know more than the copy: the line is recovering then.
    """
    from flows.locks import line_lock, seal_lock
    from flows.recovering import look, written
    from handoff_logs import backup
    from handoff_logs.errors import UnreadableDatabaseError

    folder = RunFolder(directory)
    line = folder.line()
    folder.log_key.mkdir(mode=0o700, parents=True, exist_ok=True)
    with line_lock(folder), seal_lock(folder):
        manifest = backup.read_manifest(file)
        try:
            present = backup.present_facts(line.database_url)
        except UnreadableDatabaseError as error:
            if not over_nothing:
                raise NothingToCompareError(backup.source_of(line.database_url), str(error)) from error
            present = None
        if present is not None:
            backup.judge(present, manifest.facts)
        elif not over_nothing:
            raise NothingToCompareError(backup.source_of(line.database_url), "there is no log in it")
        aside = backup.restore(line.database_url, file, manifest)
        found = look(folder)
    facts = manifest.facts
    sys.stdout.write(
        f"{_mark(line.emulated)}{facts.rows['custody_event']} records are back, {facts.size} of them sealed by"
        f" {facts.origin or 'nobody yet'}\n"
    )
    if aside is not None:
        sys.stdout.write(f"the database that was there is {aside}\n")
    for sentence in written(found):
        sys.stdout.write(f"{sentence}\n")
    if found.current:
        return Exit.FINE
    sys.stderr.write(f"passline: {RECOVER}\n")
    return Exit.IN_DOUBT


def _mark(emulated: bool) -> str:
    return "EMULATED line: " if emulated else ""
