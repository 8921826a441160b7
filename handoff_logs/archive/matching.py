"""Is a folder the archive that two people recorded for its year? Told from the log that has their record."""

from pathlib import Path
from typing import NamedTuple

from handoff_logs.archive.errors import BrokenArchiveError
from handoff_logs.archive.manifest import described
from handoff_logs.archive.records import recorded
from handoff_logs.reading import Reading


class Match(NamedTuple):
    """Whether a folder is the recorded archive of its year, and that in words."""

    folder: str
    is_recorded: bool
    said: str


def match(reading: Reading, folder: Path) -> Match:
    """Hold a folder's files against its manifest, and that against the log's sealed records of archives.

    What the files say is `checking`'s to verify. Raises MalformedArchiveError.
    """
    try:
        manifest = described(folder).manifest
    except BrokenArchiveError as error:
        return Match(str(folder), False, str(error))
    records = [one for one in recorded(reading) if one.year == manifest.year]
    found = next((one for one in reversed(records) if one.manifest == manifest.digest), None)
    latest = f"; the one on record is {records[-1].manifest}" if records else ""
    if found is None:
        said = f"nobody recorded an archive of {manifest.year} with the SHA-256 {manifest.digest}{latest}"
        return Match(str(folder), False, said)
    by = f"{found.person} and {found.second_person}"
    if found.leaf is None:
        return Match(str(folder), False, f"recorded by {by}, and that is not sealed yet")
    if found is not records[-1]:
        return Match(str(folder), False, f"recorded by {by}, and replaced since{latest}")
    said = f"the archive of {found.year} that {by} recorded (leaf {found.leaf})"
    return Match(str(folder), True, said)
