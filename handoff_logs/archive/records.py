"""The sealed records of archives: which files two people put away for a year, so that no other passes for them."""

from typing import Final, NamedTuple

from handoff_logs.archive.manifest import Manifest
from handoff_logs.reading import Reading, Row

REGISTER: Final = "archive"
"""An entry's subject is the year; `FIELDS` say which archive."""
FIELDS: Final = ("manifest", "rows", "checkpoint")
"""SHA-256 of archive.json; all its rows; the newest tree's number and size that it lies under, as `1/42`."""

_RECORDED: Final = (
    "SELECT entry.subject AS year, max(CASE entry.field WHEN 'manifest' THEN entry.value END) AS manifest,"
    " max(CASE entry.field WHEN 'rows' THEN entry.value END) AS row_count,"
    " max(CASE entry.field WHEN 'checkpoint' THEN entry.value END) AS checkpoint,"
    " event.event_id, event.seq, event.person, event.second_person, event.written_us, event.emulated,"
    " leaf.epoch, leaf.leaf_index"
    " FROM custody_register AS entry JOIN custody_event AS event ON event.event_id = entry.event_id"
    " LEFT JOIN seal_leaf AS leaf ON leaf.event_seq = event.seq"
    " WHERE entry.register = 'archive' AND event.act = 'register' AND event.second_person <> event.person"
    " GROUP BY entry.subject, event.event_id, event.seq, event.person, event.second_person, event.written_us,"
    " event.emulated, leaf.epoch, leaf.leaf_index ORDER BY event.seq"
)


class Recorded(NamedTuple):
    """A record of two people that an archive of a year was put away; `leaf` is None until it is sealed."""

    year: int
    manifest: str
    rows: int
    checkpoint: str
    person: str
    second_person: str
    written_us: int
    epoch: int | None
    leaf: int | None
    event_id: str
    emulated: bool


def facts_of(manifest: Manifest) -> dict[str, str]:
    """Return what is recorded of an archive, by field."""
    newest = manifest.newest
    where = f"{newest.epoch}/{newest.checkpoint.size}"
    return dict(zip(FIELDS, (manifest.digest, str(manifest.rows), where), strict=True))


def recorded(reading: Reading) -> list[Recorded]:
    """Return the records of archives, the oldest first; a year's latest is the one that counts."""
    return [_recorded(row) for row in reading.rows(_RECORDED)]


def cuts(reading: Reading) -> dict[int, list[int]]:
    """Return the sizes under which recorded archives lie, by tree."""
    sizes: dict[int, list[int]] = {}
    for one in recorded(reading):
        epoch, _, size = one.checkpoint.partition("/")
        if epoch.isdecimal() and size.isdecimal():
            sizes.setdefault(int(epoch), []).append(int(size))
    return sizes


def _recorded(row: Row) -> Recorded:
    year, rows = str(row["year"]), str(row["row_count"])
    return Recorded(
        int(year) if year.isdecimal() else 0,
        str(row["manifest"]),
        int(rows) if rows.isdecimal() else 0,
        str(row["checkpoint"]),
        row["person"],
        row["second_person"],
        row["written_us"],
        row["epoch"],
        row["leaf_index"],
        row["event_id"],
        bool(row["emulated"]),
    )
