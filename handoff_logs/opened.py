"""A database that archives of years were opened into: what it holds, and what stands in it for the rest of the log.

It has the log's tables and three more. Whoever asks it something that only other years' rows could answer is told so.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from handoff_logs import merkle
from handoff_logs.errors import NotInArchiveError, OpenedArchiveError
from handoff_logs.reading import Reading
from handoff_logs.tree_store import is_kept

DATABASE: Final = "opened.db"
"""Its name in the folder, by which the folder is known."""

TABLES: Final = (
    "CREATE TABLE opened_year (year INTEGER PRIMARY KEY, manifest TEXT NOT NULL, numbers INTEGER)",
    "CREATE TABLE absent_row (event_id TEXT NOT NULL, position INTEGER NOT NULL, hash TEXT NOT NULL,"
    " PRIMARY KEY (event_id, position)) WITHOUT ROWID",
    "CREATE TABLE absent_subtree (epoch INTEGER NOT NULL, level INTEGER NOT NULL, node_index INTEGER NOT NULL,"
    " hash TEXT NOT NULL, PRIMARY KEY (epoch, level, node_index)) WITHOUT ROWID",
)
"""The years; unit rows of other years in these years' events, by their leaf hash; subtrees without these years' events.

`manifest` is the SHA-256 of the year's archive.json; `numbers` how many numbers came with it, NULL if they were taken
out.
"""

_THERE = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'opened_year'"
_YEARS = "SELECT year FROM opened_year ORDER BY year"
_ABSENT = "SELECT position, hash FROM absent_row WHERE event_id = :event_id ORDER BY position"
_ABSENT_IN = (
    "SELECT event.event_id, gone.position, gone.hash FROM custody_event AS event JOIN absent_row AS gone"
    " ON gone.event_id = event.event_id WHERE event.seq > :after AND event.seq <= :last"
    " ORDER BY event.event_id, gone.position"
)
_SUBTREE = "SELECT hash FROM absent_subtree WHERE epoch = :epoch AND level = :level AND node_index = :node_index"
_NODE = "SELECT hash FROM seal_node WHERE epoch = :epoch AND level = :level AND node_index = :node_index"
_LEAF = "SELECT leaf_hash AS hash FROM seal_leaf WHERE epoch = :epoch AND leaf_index = :node_index"


def url_of(folder: Path) -> str | None:
    """Return the url of the archives that were opened into a folder, None if none were."""
    path = folder / DATABASE
    return f"sqlite:///{path}" if path.is_file() else None


def years(reading: Reading) -> list[int]:
    """Return the years whose archives were opened into a database; none if it is a line's own."""
    if reading.dialect != "sqlite" or not reading.tuples(_THERE):
        return []
    return [int(year) for (year,) in reading.tuples(_YEARS)]


def refuse_opened(reading: Reading) -> None:
    """Raise OpenedArchiveError for what needs the whole log."""
    if opened := years(reading):
        raise OpenedArchiveError(tuple(opened))


def absent_rows(reading: Reading, event_id: str) -> list[tuple[int, bytes]]:
    """Return (position, leaf hash) of the unit rows of an event that are of other years, by position."""
    if not years(reading):
        return []
    return [(position, bytes.fromhex(hash_)) for position, hash_ in reading.tuples(_ABSENT, event_id=event_id)]


def absent_rows_between(reading: Reading, after: int, last: int) -> Mapping[str, Sequence[tuple[int, bytes]]]:
    """Return the absent rows of the events whose `seq` is above `after`, up to `last`, by event id."""
    found: dict[str, list[tuple[int, bytes]]] = defaultdict(list)
    if years(reading):
        for event_id, position, hash_ in reading.tuples(_ABSENT_IN, after=after, last=last):
            found[event_id].append((position, bytes.fromhex(hash_)))
    return found


def absent_count(reading: Reading, event_ids: Iterable[str]) -> int:
    """Return how many unit rows of these events are of other years."""
    return sum(len(absent_rows(reading, event_id)) for event_id in set(event_ids))


def nodes(reading: Reading, epoch: int) -> merkle.Node:
    """Return what answers for the complete subtrees that the years' events need. It raises NotInArchiveError."""

    def kept(sql: str, **place: int) -> bytes | None:
        found = reading.tuples(sql, epoch=epoch, **place)
        return bytes.fromhex(found[0][0]) if found else None

    def node(level: int, index: int) -> bytes:
        found = kept(_SUBTREE, level=level, node_index=index)
        if found is None and is_kept(level):
            found = kept(_NODE, level=level, node_index=index)
        if found is not None:
            return found
        if level == 0:
            leaf = kept(_LEAF, node_index=index)
            if leaf is None:
                raise NotInArchiveError(f"the log's record {index}")
            return leaf
        return merkle.pair(node(level - 1, 2 * index), node(level - 1, 2 * index + 1))

    return node


def told(opened: Sequence[int]) -> str:
    """Return what must be said with every answer from archives of these years."""
    said = ", ".join(map(str, opened))
    return f"From archives: only the units born in {said} are here; rows of other years' units are not told or counted"
