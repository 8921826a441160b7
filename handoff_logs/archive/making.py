"""Making an archive of a year from the log's database, over a read-only connection, whole or not at all.

It takes the rows of the units born in the year, and every record that has such a row; of a record's rows of other years
only the leaf hashes. Of the tree it takes the records' leaves, and one hash for each largest subtree that has none.
Memory does not grow with the rows.
"""

# ruff: noqa: S608 (the statements are put together from this package's own words and from integers)

import os
import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice, pairwise
from pathlib import Path
from typing import Final

from handoff_logs import merkle, opened
from handoff_logs.archive import custody, files
from handoff_logs.archive.checking import check
from handoff_logs.archive.errors import (
    ArchiveTakenError,
    BrokenArchiveError,
    BrokenLogError,
    RowsNotSealedError,
    YearRefusedError,
)
from handoff_logs.archive.files import File, Writer
from handoff_logs.archive.manifest import ArchivedTree, Manifest, Numbers, read_manifest
from handoff_logs.archive.records import cuts
from handoff_logs.archive.years import FIRST_YEAR, UnitIds, ids_of
from handoff_logs.notes import VerifierKey
from handoff_logs.proofs.signed_tree import SignedTree
from handoff_logs.reading import Reading, Row
from handoff_logs.records import CASE_FIELDS, EVENT_FIELDS, REGISTER_FIELDS, UNIT_FIELDS, canonical
from handoff_logs.verify.json_rows import json_row

PAGE_EVENTS: Final = 256
"""Records whose rows are read at a time: some have a thousand."""

# The records of the units born in the year: with a row or a case of one, or the erasure of its number; what such a
# record answers, what settled its cases; and what was corrected in any of these.
_OF_YEAR: Final = """
WITH RECURSIVE born(event_id) AS (
    SELECT event_id FROM custody_unit WHERE unit_id >= :first AND unit_id < :end
    UNION SELECT event_id FROM custody_case WHERE unit_id >= :first AND unit_id < :end
    UNION SELECT event_id FROM custody_register WHERE register = 'erasure' AND subject >= :first AND subject < :end
    {registers}
), near(event_id) AS (
    SELECT event_id FROM born
    UNION SELECT event.offer_id FROM born JOIN custody_event AS event ON event.event_id = born.event_id
    WHERE event.offer_id IS NOT NULL
    UNION SELECT settled.event_id FROM born JOIN custody_case AS opened ON opened.event_id = born.event_id
    JOIN custody_event AS settled ON settled.case_id = opened.case_id
), told(event_id) AS (
    SELECT event_id FROM near
    UNION SELECT correction.event_id FROM told
    JOIN custody_event AS correction ON correction.corrects = told.event_id
)
"""
_REGISTERS: Final = "UNION SELECT event_id FROM custody_register WHERE register <> 'erasure'"
_UNCOVERED: Final = (
    _OF_YEAR.format(registers="") + "SELECT count(*) FROM told JOIN custody_event AS event"
    " ON event.event_id = told.event_id LEFT JOIN seal_leaf AS leaf ON leaf.event_seq = event.seq"
    " WHERE leaf.event_seq IS NULL OR leaf.leaf_index >= {covered}"
)
# CROSS JOIN and `+`: from the year's records to their leaves, and sorted, not through the whole tree in its order.
_LEAVES: Final = (
    _OF_YEAR.format(registers=_REGISTERS) + "SELECT leaf.leaf_index, event.event_id FROM told"
    " CROSS JOIN custody_event AS event CROSS JOIN seal_leaf AS leaf"
    " WHERE event.event_id = told.event_id AND leaf.event_seq = event.seq AND leaf.epoch = :epoch"
    " AND leaf.leaf_index < :size ORDER BY +leaf.leaf_index"
)
_EVENTS: Final = (
    "SELECT event.event_id, event.seq, event.signature, event.second_signature, event.emulated, {row} AS line"
    " FROM custody_event AS event WHERE event.event_id {ids}"
)
_COVERED_ROWS: Final = (
    _OF_YEAR.format(registers=_REGISTERS)
    + """
SELECT (SELECT count(*) FROM custody_unit AS unit JOIN custody_event AS event ON event.event_id = unit.event_id
        JOIN seal_leaf AS leaf ON leaf.event_seq = event.seq
        WHERE unit.unit_id >= :first AND unit.unit_id < :end AND leaf.leaf_index < {covered}),
       (SELECT count(*) FROM told JOIN custody_event AS event ON event.event_id = told.event_id
        JOIN seal_leaf AS leaf ON leaf.event_seq = event.seq WHERE leaf.leaf_index < {covered})
"""
)
_UNITS: Final = (
    "SELECT unit.event_id, unit.position, unit.unit_id >= :first AND unit.unit_id < :end AS own, {row} AS line"
    " FROM custody_unit AS unit WHERE unit.event_id {ids} ORDER BY unit.event_id, unit.position"
)
_CASES: Final = (
    "SELECT opened.event_id, {row} AS line FROM custody_case AS opened WHERE opened.event_id {ids}"
    " ORDER BY opened.event_id, opened.case_id"
)
_ENTRIES: Final = (
    "SELECT entry.event_id, {row} AS line FROM custody_register AS entry WHERE entry.event_id {ids}"
    " ORDER BY entry.event_id, entry.position"
)
_NUMBERS: Final = (
    "SELECT kind, number, salt, unit_id FROM unit_number WHERE unit_id >= :first AND unit_id < :end ORDER BY unit_id"
)
_EPOCHS: Final = "SELECT DISTINCT epoch FROM seal_checkpoint ORDER BY epoch"
_IDS: Final = {
    "sqlite": "IN (SELECT value FROM json_each('[\"' || replace(:ids, ',', '\",\"') || '\"]'))",
    "postgresql": "= ANY (string_to_array(:ids, ','))",
}


@dataclass(frozen=True, slots=True)
class Made:
    """An archive that was made: its manifest, how many numbers lie beside it, units still in custody by (kind, state).

    As long as some are, or the time for which records are kept runs, the rows stay in the log too.
    """

    folder: Path
    manifest: Manifest
    numbers: int
    still_here: tuple[custody.StillHere, ...]


def make(reading: Reading, year: int, folder: Path, *, numbers: bool = True, this_year: int | None = None) -> Made:
    """Write the archive of a year that is over into a new folder, checked before it bears its name.

    `numbers`: whether numbers and salts go along. Raises YearRefusedError, RowsNotSealedError, ArchiveTakenError,
    OpenedArchiveError, NotSealedError, and BrokenLogError where what the log has does not verify.
    """
    opened.refuse_opened(reading)
    now = datetime.now(UTC).year if this_year is None else this_year
    if not FIRST_YEAR <= year < now:
        raise YearRefusedError(year, "only a year that is over (UTC) is" if year >= now else "no unit is so old")
    if folder.exists() or folder.is_symlink():
        raise ArchiveTakenError(str(folder))
    ids = ids_of(year)
    trees = _covering(reading)
    _refuse_uncovered(reading, year, ids, trees)
    if not custody.has_units(reading, ids):
        raise YearRefusedError(year, "the log has no unit born in it")
    folder.parent.mkdir(parents=True, exist_ok=True)
    making = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(files.FOLDER_MODE)
    try:
        manifest = _write(reading, year, ids, trees, making)
        named = _write_numbers(reading, ids, making) if numbers else None
        _check(making, [tree.key(size) for tree, size in trees])
        _sync(making)
        making.rename(folder)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    _sync(folder.parent)
    return Made(folder, manifest, named.file.rows if named else 0, custody.still_here(reading, ids))


Covering = Sequence[tuple[SignedTree, int]]


def _covering(reading: Reading) -> Covering:
    """Return each tree with the size to archive under: the newest's newest witnessed checkpoint, if it has a witness.

    A tree that a loss ended is taken to its end. Raises NotSealedError.
    """
    SignedTree(reading)
    trees = [SignedTree(reading, epoch) for (epoch,) in reading.tuples(_EPOCHS)]
    newest = trees[-1]
    return [(tree, tree.newest if tree is not newest else tree.witnessed or tree.newest) for tree in trees]


def _covered(sizes: Mapping[int, int]) -> str:
    """The size of a leaf's tree, in SQL."""
    return f"CASE leaf.epoch {' '.join(f'WHEN {epoch} THEN {size}' for epoch, size in sizes.items())} ELSE 0 END"


def _refuse_uncovered(reading: Reading, year: int, ids: UnitIds, trees: Covering) -> None:
    sql = _UNCOVERED.format(covered=_covered({tree.number: size for tree, size in trees}))
    ((uncovered,),) = reading.tuples(sql, first=ids.first, end=ids.end)
    if uncovered:
        raise RowsNotSealedError(year, uncovered, trees[-1][0].witnessed is not None)


def sound_archive(reading: Reading, folder: Path) -> Manifest:
    """Return the manifest of a folder that verifies, is of this log, and leaves nothing of its year out.

    Raises BrokenArchiveError, MalformedArchiveError, OpenedArchiveError.
    """
    opened.refuse_opened(reading)
    manifest = read_manifest(folder)
    keys = []
    for tree in manifest.trees:
        mine = SignedTree(reading, tree.epoch)
        keys.append(mine.key(tree.checkpoint.size))
        if mine.number != tree.epoch or mine.origin != tree.checkpoint.origin:
            raise BrokenArchiveError(files.MANIFEST, f"its tree {tree.checkpoint.origin} is not this log's")
        if mine.signed(tree.checkpoint.size) != tree.note:
            raise BrokenArchiveError(files.MANIFEST, "its checkpoint is not this log's")
    checked = check(folder, keys)
    if checked.manifests != (manifest,):
        raise BrokenArchiveError(files.MANIFEST, "it was changed while it was read")
    for problem in checked.verdict.problems:
        if problem.is_breaking:
            raise BrokenArchiveError(problem.subject, problem.rule)
    # Its rows are the log's own, each once: so their number says whether all are there.
    ids = ids_of(manifest.year)
    sql = _COVERED_ROWS.format(covered=_covered({tree.epoch: tree.checkpoint.size for tree in manifest.trees}))
    (counted,) = reading.tuples(sql, first=ids.first, end=ids.end)
    for name, rows in zip((files.UNITS, files.EVENTS), counted, strict=True):
        if manifest.files[name].rows != rows:
            raise BrokenArchiveError(name, f"it has {manifest.files[name].rows} rows, and the log {rows}")
    return manifest


def _write(reading: Reading, year: int, ids: UnitIds, trees: Covering, making: Path) -> Manifest:
    written: dict[str, File] = {}
    names = (files.EVENTS, files.UNITS, files.CASES, files.REGISTERS, files.ABSENT)
    emulated = False
    with ExitStack() as stack:
        out = {name: stack.enter_context(Writer(making, name)) for name in names}
        known_cuts = cuts(reading)
        for tree, size in trees:
            with Writer(making, files.tree_file(tree.number)) as leaves:
                gaps = _Gaps(leaves, tree, size, known_cuts.get(tree.number, []))
                own = reading.stream(_LEAVES, first=ids.first, end=ids.end, epoch=tree.number, size=size)
                for page in _pages(own):
                    emulated |= _write_page(reading, ids, page, out, gaps)
                gaps.up_to(size)
            written[files.tree_file(tree.number)] = leaves.finished()
    written |= {name: writer.finished() for name, writer in out.items()}
    with files.new_file(making / files.README) as readme:
        readme.write(files.TEXT.encode())
    written[files.README] = File(files.TEXT.count("\n"), files.digest_of(making / files.README))
    archived = tuple(ArchivedTree(tree.number, tree.signed(size), tree.cosignatures(size)) for tree, size in trees)
    manifest = Manifest(year, emulated, archived, written)
    with files.new_file(making / files.MANIFEST) as file:
        file.write(manifest.encode())
    return manifest


class _Gaps:
    """The tree's file: leaves in order, and between them the fewest subtrees that have none.

    They end at the sizes in `cuts`: under which other archives lie, so that they can be opened together.
    """

    def __init__(self, leaves: Writer, tree: SignedTree, size: int, cuts: Sequence[int]) -> None:
        self._leaves, self._node, self._next = leaves, tree.node, 0
        self._cuts = sorted(cut for cut in set(cuts) if cut < size)

    def up_to(self, index: int) -> None:
        """Write the subtrees up to the leaf `index`."""
        ends = [self._next, *(cut for cut in self._cuts if self._next < cut < index), index]
        for begin, end in pairwise(ends):
            for level, place in merkle.complete_subtrees(begin, end):
                self._leaves.add(canonical({"hash": self._node(level, place).hex(), "level": level}))
        self._next = index

    def leaf(self, index: int, entry: bytes) -> None:
        """Write the leaf `index`, after the subtrees before it."""
        self.up_to(index)
        self._leaves.add(entry)
        self._next = index + 1


def _pages(leaves: Iterator[Row]) -> Iterator[list[Row]]:
    while page := list(islice(leaves, PAGE_EVENTS)):
        yield page


def _write_page(reading: Reading, ids: UnitIds, page: Sequence[Row], out: dict[str, Writer], gaps: _Gaps) -> bool:
    """Write some leaves with their records and all these's rows; whether any was emulated."""
    named = ",".join(leaf["event_id"] for leaf in page)

    def found(sql: str, alias: str, fields: Sequence[str], **bounds: str) -> dict[str, list[Row]]:
        grouped = defaultdict(list)
        row = json_row(reading.dialect, alias, fields)
        for one in reading.rows(sql.format(row=row, ids=_IDS[reading.dialect]), ids=named, **bounds):
            grouped[one["event_id"]].append(one)
        return grouped

    events = found(_EVENTS, "event", EVENT_FIELDS)
    units = found(_UNITS, "unit", UNIT_FIELDS, first=ids.first, end=ids.end)
    cases = found(_CASES, "opened", CASE_FIELDS)
    entries = found(_ENTRIES, "entry", REGISTER_FIELDS)
    for leaf in page:
        event_id = leaf["event_id"]
        (event,) = events[event_id]
        line = event["line"].encode()
        signed = {name: event[name] for name in ("seq", "signature", "second_signature")}
        gaps.leaf(leaf["leaf_index"], canonical({"event_hash": files.sha256(line)} | signed))
        out[files.EVENTS].add(line)
        for unit in units[event_id]:
            row = unit["line"].encode()
            if unit["own"]:
                out[files.UNITS].add(row)
            else:
                absent = {"event_id": event_id, "position": unit["position"], "hash": merkle.leaf_hash(row).hex()}
                out[files.ABSENT].add(canonical(absent))
        for name, rows in ((files.CASES, cases), (files.REGISTERS, entries)):
            for kept in rows[event_id]:
                out[name].add(kept["line"].encode())
    return any(event["emulated"] for (event,) in events.values())


def _write_numbers(reading: Reading, ids: UnitIds, making: Path) -> Numbers:
    with Writer(making, files.NUMBERS) as out:
        for row in reading.stream(_NUMBERS, first=ids.first, end=ids.end):
            out.add(canonical(row))
    numbers = Numbers(out.finished())
    with files.new_file(making / files.NUMBERS_MANIFEST) as file:
        file.write(numbers.encode())
    return numbers


def _check(making: Path, keys: Sequence[VerifierKey]) -> None:
    """Raise BrokenLogError unless what was written verifies: what is put away must not be found bad in ten years."""
    verdict = check(making, keys)
    for problem in verdict.verdict.problems:
        if problem.is_breaking:
            raise BrokenLogError(problem.rule, problem.subject)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
