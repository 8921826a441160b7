"""Verifying archives offline: their rows in a database of their own, by the same steps as the whole log.

The database is one that SQLite keeps to itself and that is gone when it is closed, or the new one of `opening`.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from handoff_logs import cosignatures
from handoff_logs.archive import files
from handoff_logs.archive.errors import NoRoomError
from handoff_logs.archive.loading import Loader, prepare
from handoff_logs.archive.manifest import ArchivedTree, Folder, Manifest, described
from handoff_logs.archive.records import Recorded, recorded
from handoff_logs.errors import ForgedNoteError, MalformedNoteError
from handoff_logs.notes import COSIGNATURE_V1, Note, Signature, VerifierKey
from handoff_logs.reading import Reading, reading_over
from handoff_logs.verify import completeness
from handoff_logs.verify.bounds import Bounds, Tree
from handoff_logs.verify.consistency import Sealed
from handoff_logs.verify.custody import table_problems
from handoff_logs.verify.explanations import explained
from handoff_logs.verify.keys import LOG_OWNER, Keys, Place, registered_keys
from handoff_logs.verify.problems import Limits, Problem
from handoff_logs.verify.recomputation import event_pages, number_pages, verify_events, verify_numbers
from handoff_logs.verify.run import Verdict

_BEFORE_ALL: Final = -(2**62)
_STRAYS: Final = (
    "SELECT DISTINCT gone.event_id FROM absent_row AS gone LEFT JOIN custody_event AS event"
    " ON event.event_id = gone.event_id WHERE event.event_id IS NULL"
)
_TABLES: Final = ("custody_event", "custody_unit", "custody_case", "custody_register", "seal_leaf", "unit_number")

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Seen:
    """A cosignature that holds: whose, and when by its clock (seconds since 1970)."""

    witness: str
    time_s: int


@dataclass(frozen=True, slots=True)
class Checked:
    """What archives are and what is wrong with them.

    `witnessed`: who cosigned the newest checkpoint; `units` and `numbers`: how many there are, of how many the number
    is; `recorded`: the archives that two people had recorded under that checkpoint.
    """

    manifests: tuple[Manifest, ...]
    verdict: Verdict
    witnessed: tuple[Seen, ...]
    units: int
    numbers: int
    recorded: tuple[Recorded, ...]


def check(
    folder: Path,
    keys: Sequence[VerifierKey],
    witnesses: Sequence[VerifierKey] = (),
    progress: Progress | None = None,
) -> Checked:
    """Verify one archive with the log's key (each tree's, if a loss was declared); `witnesses` must have seen it.

    Raises MalformedArchiveError for what is not written as it must be, BrokenArchiveError for files that are not those
    of their manifest or rows that can't be one log's; what else does not hold is in the verdict.
    """
    with closing(sqlite3.connect("", isolation_level=None)) as connection:
        return load_and_check(connection, [described(folder)], keys, witnesses, progress)


def load_and_check(
    connection: sqlite3.Connection,
    folders: Sequence[Folder],
    keys: Sequence[VerifierKey],
    witnesses: Sequence[VerifierKey] = (),
    progress: Progress | None = None,
) -> Checked:
    """Load archives into an empty database, those under smaller checkpoints first, and verify them together.

    The transaction is left open. Raises as `check` does, ArchivesUnlinkedError, and NoRoomError.
    """
    ordered = sorted(folders, key=lambda one: (one.manifest.newest.epoch, one.manifest.newest.checkpoint.size))
    try:
        prepare(connection)
        loader = Loader(connection, keys)
        for one in ordered:
            loader.load(one.path, one.manifest, one.numbers)
    except sqlite3.OperationalError as error:
        raise NoRoomError(str(error)) from error
    reading = reading_over(connection)
    manifests = tuple(one.manifest for one in ordered)
    return _verified(reading, manifests, loader.roots, keys, witnesses, progress)


def _verified(
    reading: Reading,
    manifests: tuple[Manifest, ...],
    roots: dict[tuple[int, int], bytes],
    keys: Sequence[VerifierKey],
    witnesses: Sequence[VerifierKey],
    progress: Progress | None,
) -> Checked:
    newest = manifests[-1].newest
    size = newest.checkpoint.size
    ((last,),) = reading.tuples("SELECT coalesce(max(seq), 0) FROM custody_event")
    bounds = Bounds(newest.epoch, size, last, after=_BEFORE_ALL)
    registered = registered_keys(reading, bounds)
    problems = [
        Problem(6, "a key is registered once, as one key of one owner", subject) for subject in registered.malformed
    ]
    seen: list[Seen] = []
    for manifest in manifests:
        for tree in manifest.trees:
            problems += _signature(tree, roots[manifest.year, tree.epoch], registered, keys)
            seen = []
            problems += _cosignatures(tree, registered, witnesses, seen)
    seen_by = {one.witness for one in seen}
    problems += [
        Problem(2, "the witness cosigned the checkpoint", key.name) for key in witnesses if key.name not in seen_by
    ]
    read = dict.fromkeys(_TABLES, 0)
    pages = event_pages(reading, bounds)
    for number, (after, until) in enumerate(pages, start=1):
        page = verify_events(reading, registered, bounds, Limits(), after, until)
        problems += page.problems
        for table, rows in page.rows.items():
            read[table] += rows
        if progress is not None:
            progress(number, len(pages))
    for first, end in number_pages(reading):
        numbers = verify_numbers(reading, first, end)
        problems += numbers.problems
        read["unit_number"] += numbers.rows["unit_number"]
    problems += completeness.counted(reading, read)
    problems += [Problem(3, "every row belongs to the log, once", event_id) for (event_id,) in reading.tuples(_STRAYS)]
    problems += table_problems(reading)
    emulated = completeness.is_emulated(reading)
    if emulated != any(manifest.emulated for manifest in manifests):
        problems.append(Problem(3, "an archive says whether it is of an emulated line", files.MANIFEST))
    root = roots[manifests[-1].year, newest.epoch]
    sealed = Sealed(
        Tree(newest.epoch, size, root),
        newest.checkpoint.origin,
        size,
        size if seen else 0,
        max((one.time_s for one in seen), default=0),
    )
    found = explained(reading, sealed, sorted(set(problems), key=lambda one: (one.step, one.rule, one.subject)))
    ((units,),) = reading.tuples("SELECT count(*) FROM custody_unit WHERE step = 1")
    verdict = Verdict(tuple(found), sealed, read["custody_event"], read["custody_unit"], 0, emulated)
    return Checked(manifests, verdict, tuple(seen), units, read["unit_number"], tuple(recorded(reading)))


def _signature(tree: ArchivedTree, root: bytes, registered: Keys, keys: Sequence[VerifierKey]) -> Iterator[Problem]:
    """The checkpoint: its root is the leaves', a key that the auditor brings signed it, and the log registered that."""
    checkpoint = tree.checkpoint
    name = f"{tree.epoch}/{checkpoint.size}"
    if checkpoint.root != root:
        yield Problem(3, "a checkpoint's root is its leaves'", name)
    key = next((key for key in keys if key.name == checkpoint.origin and _is_signed(tree.note, key)), None)
    if key is None:
        yield Problem(2, "a checkpoint is signed by the log's key that the auditor knows", name)
        return
    known = next((one for one in registered.by_id.values() if one.public == key.public), None)
    if known is None or known.owner != LOG_OWNER or not known.since < Place(tree.epoch, checkpoint.size):
        yield Problem(2, "a checkpoint is signed by a registered key of the log", name)
    elif known.revoked is not None and not Place(tree.epoch, checkpoint.size) <= known.revoked:
        yield Problem(2, "a checkpoint is signed by a key that was not revoked", name)


def _is_signed(note: Note, key: VerifierKey) -> bool:
    (signature,) = note.signatures
    return signature.is_of(key) and key.holds(note.text.encode(), signature.value)


def _cosignatures(
    tree: ArchivedTree, registered: Keys, witnesses: Sequence[VerifierKey], seen: list[Seen]
) -> Iterator[Problem]:
    """Every cosignature is of a witness that the log registered or the auditor knows; `seen` learns those that hold."""
    known = {name: VerifierKey(name, COSIGNATURE_V1, public) for name, public in registered.witnesses().items()}
    known |= {key.name: key for key in witnesses}
    for one in tree.cosignatures:
        name = f"{tree.epoch}/{tree.checkpoint.size} {one.witness}"
        key = known.get(one.witness)
        if key is None:
            yield Problem(2, "a cosignature is by a known witness", name)
            continue
        try:
            line = Signature(key.name, key.key_id, one.signature)
            seen.append(Seen(key.name, cosignatures.verified(tree.note.text, line, key).time_s))
        except (ForgedNoteError, MalformedNoteError):
            yield Problem(2, "a cosignature is its witness's", name)
