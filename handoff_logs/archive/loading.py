"""Archives loaded into SQLite: strictly read, row by row, into the log's own tables without their guards.

What the rows say is not believed yet: `checking` holds it against the checkpoints.
"""

# ruff: noqa: S608 (the statements are put together from this package's own words, never from input)

import base64
import hashlib
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from handoff_logs import blank_tally, merkle, opened
from handoff_logs.archive import files
from handoff_logs.archive.errors import ArchivesUnlinkedError, BrokenArchiveError
from handoff_logs.archive.files import File
from handoff_logs.archive.manifest import ArchivedTree, Manifest, Numbers
from handoff_logs.archive.rows import Row, leaf_or_subtree, lines, row_of
from handoff_logs.archive.years import ids_of
from handoff_logs.cosignatures import TIME_BYTES
from handoff_logs.moves import LEGAL_MOVES
from handoff_logs.notes import VerifierKey
from handoff_logs.projections import OPEN_OFFER_COLUMNS, OPEN_OFFERS, WHEREABOUTS, WHEREABOUTS_COLUMNS
from handoff_logs.records import Scalar
from handoff_logs.tree_store import is_kept

CACHE_KIB: Final = 65_536
_ROWS: Final = {
    files.UNITS: "custody_unit",
    files.CASES: "custody_case",
    files.REGISTERS: "custody_register",
}
_ROW_AT: Final = "SELECT unit_id FROM custody_unit WHERE event_id = ? AND position = ?"
_NOW_PRESENT: Final = (
    "DELETE FROM absent_row WHERE EXISTS (SELECT 1 FROM custody_unit AS unit"
    " WHERE unit.event_id = absent_row.event_id AND unit.position = absent_row.position)"
)


def prepare(connection: sqlite3.Connection) -> None:
    """Make the tables in an empty database, and begin."""
    # All in one transaction into a file that nobody else knows: a crash leaves nothing that could be taken for whole.
    for pragma in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{CACHE_KIB}"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("BEGIN")
    for statement in (*_log_tables(), *opened.TABLES):
        connection.execute(statement)
    connection.execute("CREATE TABLE alembic_version_custody (version_num TEXT NOT NULL)")
    connection.execute("INSERT INTO alembic_version_custody VALUES ('archive')")
    connection.executemany("INSERT INTO custody_move VALUES (?, ?, ?)", sorted(LEGAL_MOVES))


class Loader:
    """Loads archives one after another, those under smaller checkpoints first."""

    def __init__(self, connection: sqlite3.Connection, keys: Sequence[VerifierKey]) -> None:
        self._connection, self._keys = connection, keys
        self._sizes: dict[tuple[int, int], tuple[int, bytes]] = {}
        self._is_first = True
        self.roots: dict[tuple[int, int], bytes] = {}
        """The root of each archived tree as its file makes it, by (year, epoch)."""

    def load(self, folder: Path, manifest: Manifest, numbers: Numbers | None) -> None:
        """Load one archive, whose files are those of its manifest.

        Raises MalformedArchiveError, BrokenArchiveError, and ArchivesUnlinkedError where the trees of those before are
        not shown to be the beginning of this one's.
        """
        events = lines(folder, files.EVENTS, manifest.files[files.EVENTS])
        for tree in manifest.trees:
            self._tree(folder, manifest, tree, events)
        for place, _ in events:
            raise BrokenArchiveError(place, "it is no leaf of the tree")
        ids = ids_of(manifest.year)
        for name, table in _ROWS.items():
            for place, row in _rows(folder, name, manifest.files[name]):
                if name == files.UNITS and row["unit_id"] not in ids:
                    raise BrokenArchiveError(place, f"the unit {row['unit_id']} was not born in {manifest.year}")
                self._put(table, row, place)
        self._connection.execute(_NOW_PRESENT)
        for place, row in _rows(folder, files.ABSENT, manifest.files[files.ABSENT]):
            present = self._connection.execute(_ROW_AT, (row["event_id"], row["position"])).fetchone()
            if present is None:
                self._put("absent_row", row, place)
            elif present[0] in ids:
                raise BrokenArchiveError(place, "the row that it stands for is there")
        if numbers is not None:
            for place, row in _rows(folder, files.NUMBERS, numbers.file):
                self._put("unit_number", row, place)
        named = None if numbers is None else numbers.file.rows
        self._put("opened_year", {"year": manifest.year, "manifest": manifest.digest, "numbers": named}, "the year")
        self._is_first = False

    def _tree(self, folder: Path, manifest: Manifest, tree: ArchivedTree, events: Iterator[tuple[str, bytes]]) -> None:
        epoch, checkpoint, name = tree.epoch, tree.checkpoint, files.tree_file(tree.epoch)
        self._put("seal_origin", {"epoch": epoch, "origin": checkpoint.origin}, files.MANIFEST)
        wanted = {size: known for (of, size), known in self._sizes.items() if of == epoch}

        def completed(level: int, index: int, hash_: bytes) -> None:
            if is_kept(level):
                node: Row = {"epoch": epoch, "level": level, "node_index": index, "hash": hash_.hex()}
                self._put("seal_node", node, name)

        grown = merkle.Tree(completed)
        for place, line in lines(folder, name, manifest.files[name]):
            row = leaf_or_subtree(place, line)
            if "level" in row:
                self._subtree(grown, epoch, row, place, checkpoint.size)
            else:
                self._leaf(grown, epoch, row, line, place, events)
            if grown.size > checkpoint.size:
                raise BrokenArchiveError(place, f"the checkpoint is of {checkpoint.size} records")
            if grown.size in wanted and wanted.pop(grown.size)[1] != grown.root():
                raise BrokenArchiveError(place, f"at {grown.size} records the log is another than in another archive")
        if wanted:
            size, (year, _) = min(wanted.items())
            raise ArchivesUnlinkedError(manifest.year, year, size)
        if grown.size != checkpoint.size:
            raise BrokenArchiveError(name, f"it has {grown.size} leaves, and the checkpoint {checkpoint.size}")
        self.roots[manifest.year, epoch] = root = grown.root()
        self._sizes[epoch, checkpoint.size] = (manifest.year, root)
        self._signed(tree)

    def _subtree(self, grown: merkle.Tree, epoch: int, row: Mapping[str, Scalar], place: str, size: int) -> None:
        level, hash_ = int(row["level"] or 0), str(row["hash"])
        if (1 << level) > size:
            raise BrokenArchiveError(place, f"the checkpoint is of {size} records")
        try:
            grown.append_subtree(level, bytes.fromhex(hash_))
        except ValueError as error:
            raise BrokenArchiveError(place, str(error)) from None
        index = (grown.size >> level) - 1
        known = None if self._is_first else self._known(epoch, level, index)
        if known is None:
            node: Row = {"epoch": epoch, "level": level, "node_index": index, "hash": hash_}
            self._put("absent_subtree", node, place)
        elif known.hex() != hash_:
            raise BrokenArchiveError(place, "another archive has other records there")

    def _known(self, epoch: int, level: int, index: int) -> bytes | None:
        """The hash of a subtree that an earlier archive had."""
        sql = "SELECT hash FROM absent_subtree WHERE epoch = ? AND level = ? AND node_index = ?"
        found = self._connection.execute(sql, (epoch, level, index)).fetchone()
        return bytes.fromhex(found[0]) if found else None

    def _leaf(
        self,
        grown: merkle.Tree,
        epoch: int,
        row: Mapping[str, Scalar],
        line: bytes,
        place: str,
        events: Iterator[tuple[str, bytes]],
    ) -> None:
        leaf = merkle.leaf_hash(line)
        at, text = next(events, (files.EVENTS, b""))
        if files.sha256(text) != row["event_hash"]:
            raise BrokenArchiveError(at, f"it is not the record whose hash is at {place}")
        event = row_of(files.EVENTS, at, text)
        signatures = {name: row[name] for name in ("seq", "signature", "second_signature")}
        self._put("custody_event", {**event, **signatures}, at)
        sealed: Row = {"epoch": epoch, "leaf_index": grown.size, "event_seq": row["seq"], "leaf_hash": leaf.hex()}
        self._put("seal_leaf", sealed, place)
        grown.append(leaf)

    def _signed(self, tree: ArchivedTree) -> None:
        checkpoint, (signature,) = tree.checkpoint, tree.note.signatures
        key = next((key for key in self._keys if signature.is_of(key)), None)
        key_id = hashlib.sha256(key.public).hexdigest()[:16] if key else "unknown"
        facts: dict[str, Scalar] = {"epoch": tree.epoch, "size": checkpoint.size}
        point: dict[str, Scalar] = {
            "root": checkpoint.root.hex(),
            "key_id": key_id,
            "signature": _base64(signature.value),
        }
        self._put("seal_checkpoint", facts | point, files.MANIFEST)
        for seen in tree.cosignatures:
            time_s = int.from_bytes(seen.signature[:TIME_BYTES], "big")
            if time_s >= 2**63:
                raise BrokenArchiveError(files.MANIFEST, f"{seen.witness} cosigned at no time that a clock can show")
            cosigned: dict[str, Scalar] = {
                "witness": seen.witness,
                "time_s": time_s,
                "signature": _base64(seen.signature),
            }
            self._put("seal_cosignature", facts | cosigned, files.MANIFEST)

    def _put(self, table: str, row: Mapping[str, Scalar], place: str) -> None:
        """Insert a row; one that is in another archive too must be the same."""
        columns = ", ".join(row)
        try:
            marks = ", ".join("?" * len(row))
            self._connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", tuple(row.values()))
        except sqlite3.IntegrityError as error:
            same = f"SELECT 1 FROM {table} WHERE {' AND '.join(f'{column} IS ?' for column in row)}"
            if self._is_first or not self._connection.execute(same, tuple(row.values())).fetchone():
                raise BrokenArchiveError(place, f"it can't stand beside the other rows ({error})") from None


def project(connection: sqlite3.Connection) -> None:
    """Write where each unit stands, and how many blanks stood where, as the line's own tables would say it."""
    for table, columns, sql in (
        ("whereabouts", WHEREABOUTS_COLUMNS, WHEREABOUTS),
        ("open_offer", OPEN_OFFER_COLUMNS, OPEN_OFFERS),
    ):
        connection.execute(f"INSERT INTO {table} ({', '.join(columns)}) {sql}")
    for statement in blank_tally.REBUILD:
        connection.execute(statement)


def close_for_writing(connection: sqlite3.Connection) -> None:
    """Put triggers on every table that refuse every change."""
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()]
    for table in tables:
        for change in ("INSERT", "UPDATE", "DELETE"):
            connection.execute(
                f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table}"
                " BEGIN SELECT RAISE(ABORT, 'opened archives are only read'); END"
            )


def _rows(folder: Path, name: str, file: File) -> Iterator[tuple[str, Mapping[str, Scalar]]]:
    for place, line in lines(folder, name, file):
        yield place, row_of(name, place, line)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _log_tables() -> list[str]:
    # The models say what the migrations make; a test holds the two equal. Triggers and foreign keys, which want the
    # whole log, are not among them.
    from sqlalchemy.dialects import sqlite
    from sqlalchemy.schema import CreateIndex, CreateTable
    from sqlmodel import SQLModel

    from handoff_logs import tables

    dialect = sqlite.dialect()
    statements = []
    for model in (
        *(tables.CustodyEvent, tables.CustodyUnit, tables.CustodyCase, tables.CustodyRegister, tables.CustodyMove),
        *(tables.SealOrigin, tables.SealLeaf, tables.SealNode, tables.SealCheckpoint, tables.SealCosignature),
        *(tables.OpenOffer, tables.Whereabouts, tables.UnitNumber, tables.BlankTally, tables.BlankChange),
    ):
        table = SQLModel.metadata.tables[str(model.__tablename__)]
        create = CreateTable(table, include_foreign_key_constraints=[])
        statements.append(str(create.compile(dialect=dialect)))
        statements += [str(CreateIndex(index).compile(dialect=dialect)) for index in sorted(table.indexes, key=str)]
    return statements
