"""Opening archives: a new folder with a database that answers the log's questions and makes proofs, and only that."""

import os
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from handoff_logs import opened
from handoff_logs.archive import files
from handoff_logs.archive.checking import Checked, Progress, load_and_check
from handoff_logs.archive.errors import ArchiveTakenError, MalformedArchiveError
from handoff_logs.archive.loading import close_for_writing, project
from handoff_logs.archive.manifest import described
from handoff_logs.notes import VerifierKey

READ_ONLY: Final = 0o400


def open_archives(
    folders: Sequence[Path],
    out: Path,
    keys: Sequence[VerifierKey],
    witnesses: Sequence[VerifierKey] = (),
    progress: Progress | None = None,
) -> Checked:
    """Verify archives together and, unless they are broken, open them in a new folder, whole or not at all.

    Returns the verdict; a broken one opened nothing. Raises ArchiveTakenError for a folder that is there,
    MalformedArchiveError, BrokenArchiveError, ArchivesUnlinkedError.
    """
    if out.is_symlink() or (out.exists() and (not out.is_dir() or any(out.iterdir()))):
        raise ArchiveTakenError(str(out))
    found = [described(folder) for folder in folders]
    years = sorted(one.manifest.year for one in found)
    if len(set(years)) < len(years):
        raise MalformedArchiveError("the folders", "two of them are of one year")
    out.parent.mkdir(parents=True, exist_ok=True)
    making = out.with_name(f".{out.name}.part")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(files.FOLDER_MODE)
    try:
        path = making / opened.DATABASE
        with files.new_file(path):
            pass
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            checked = load_and_check(connection, found, keys, witnesses, progress)
            if any(problem.is_breaking for problem in checked.verdict.problems):
                return checked
            project(connection)
            close_for_writing(connection)
            connection.execute("COMMIT")
        path.chmod(READ_ONLY)
        _sync(path)
        _sync(making)
        making.rename(out)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    _sync(out.parent)
    return checked


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
