"""Sealing: every committed record becomes a leaf of the log's tree, and the log signs the root over all leaves.

Leaves are committed before their root is signed, and a checkpoint before it is shown to anybody. Records are taken as
they become visible, by their numbers, and what has no leaf yet is looked for among all of them: on PostgreSQL a lower
number may be committed after a higher one.
"""

import base64
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from handoff_logs import merkle, register
from handoff_logs.checkpoints import Checkpoint
from handoff_logs.database import Database
from handoff_logs.dialects import insert_row, insert_rows
from handoff_logs.errors import AppendOnlyError, CustodyRefusedError, SealedElsewhereError, WrongOriginError
from handoff_logs.log_key import LogKey
from handoff_logs.merkle import Tree
from handoff_logs.notes import Note, signed
from handoff_logs.records import EVENT_FIELDS, event_hash, leaf_entry
from handoff_logs.register import Register
from handoff_logs.statements import Statement
from handoff_logs.tree_store import is_kept, stored

AT_MOST_EVENTS = 5_000
"""Records that one checkpoint adds at most."""
WHOLE_LOOK_EVERY_S = 3_600
"""How often all records are compared with the leaves: the quick look does not see a row that somebody put in below."""

_LEAF_FIELDS = ("epoch", "leaf_index", "event_seq", "leaf_hash")
_NODE_FIELDS = ("epoch", "level", "node_index", "hash")
_CHECKPOINT_FIELDS = ("epoch", "size", "root", "key_id", "signature")
_COSIGNATURE_FIELDS = ("epoch", "size", "witness", "time_s", "signature")

_ORIGIN = Statement("SELECT epoch, origin FROM seal_origin ORDER BY epoch DESC LIMIT 1")
_SIZE = Statement("SELECT coalesce(max(leaf_index), -1) + 1 FROM seal_leaf WHERE epoch = :epoch")
_SIGNED = Statement("SELECT coalesce(max(size), 0) FROM seal_checkpoint WHERE epoch = :epoch")
_UNSEALED = Statement(
    f"SELECT event.seq, event.signature, event.second_signature, {', '.join('event.' + f for f in EVENT_FIELDS)}"  # noqa: S608
    " FROM custody_event AS event LEFT JOIN seal_leaf AS leaf ON leaf.event_seq = event.seq"
    " WHERE event.seq > :settled AND leaf.event_seq IS NULL ORDER BY event.seq LIMIT :most"
)
_ONE = Statement(
    f"SELECT event.seq, event.signature, event.second_signature, {', '.join('event.' + f for f in EVENT_FIELDS)}"  # noqa: S608
    " FROM custody_event AS event WHERE event.event_id = :event_id"
)
_HIGHEST = Statement("SELECT coalesce(max(seq), 0) FROM custody_event")
# Transactions that were under way when the highest number was read may still commit lower ones. The number that this
# one is given after that reading is above theirs; a snapshot's xmax is not, being one past the highest that has ended.
_BEGUN = Statement("SELECT pg_current_xact_id()::text::bigint")
_ENDED = Statement("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
_TREE_INTEGERS = frozenset({"epoch", "leaf_index", "event_seq", "level", "node_index"})


@dataclass(frozen=True, slots=True)
class Sealed:
    """A checkpoint as stored: its note, its size, and how many leaves it added."""

    epoch: int
    checkpoint: Checkpoint
    note: Note
    added: int


def begin_epoch(tx: Connection, epoch: int, origin: str, event_id: str) -> None:
    """Begin a log's next tree, whose first leaf is the record that says why."""
    row = _ONE.run(tx, {"event_id": event_id}).fetchone()
    if row is None:
        raise LookupError(event_id)
    insert_row(tx, "seal_origin", ("epoch", "origin"), (epoch, origin))
    insert_row(tx, "seal_leaf", _LEAF_FIELDS, (epoch, 0, row[0], _leaf(row).hex()))


class Sealer:
    """Seals one database with one log key. Raises WrongOriginError where the database is another log's.

    A second one at the same time makes no second history: each leaf's place and each size is written once, and the
    one that comes late stops with SealedElsewhereError.
    """

    def __init__(self, database: Database, key: LogKey) -> None:
        self._database, self._key = database, key
        self._epoch = database.write(self._open_origin)
        self._tree: Tree | None = None
        self._nodes: list[tuple[int, int, str]] = []
        self._settled = 0
        self._looked: tuple[int, int] | None = None
        self._whole_look_s = 0.0

    @property
    def epoch(self) -> int:
        """Which of the log's trees is being sealed; the first is 1."""
        return self._epoch

    @property
    def origin(self) -> str:
        """The name of the tree that is being sealed."""
        return self._key.origin

    def seal(self, most: int = AT_MOST_EVENTS) -> Sealed | None:
        """Seal what is committed and not sealed yet, `most` records at most; None when there is nothing new."""
        try:
            added = self._database.write(lambda tx: self._add_leaves(tx, most))
            # A transaction of its own, which has no number yet.
            self._looked = self._looked or self._database.write(self._look_ahead)
            tree = self._tree
            if tree is None or not tree.size:
                return None
            checkpoint = Checkpoint(self._key.origin, tree.size, tree.root())
            return self._database.write(lambda tx: self._sign(tx, checkpoint, added))
        except (AppendOnlyError, CustodyRefusedError) as error:
            self._tree = None
            raise SealedElsewhereError(self._key.origin) from error

    def cosigned(self, sealed: Sealed, witness: str, time_s: int, signature: bytes) -> None:
        """Keep a witness's cosignature (72 bytes) of a checkpoint; the same one again changes nothing."""
        row = (sealed.epoch, sealed.checkpoint.size, witness, time_s, base64.b64encode(signature).decode())

        def keep(tx: Connection) -> None:
            if not _KNOWN_COSIGNATURE.run(tx, dict(zip(_COSIGNATURE_FIELDS, row, strict=True))).fetchone():
                insert_row(tx, "seal_cosignature", _COSIGNATURE_FIELDS, row)

        self._database.write(keep)

    def consistency(self, old_size: int, size: int) -> list[bytes]:
        """Return the proof that the tree of `size` begins with that of `old_size` (RFC 6962, 2.1.2)."""
        with self._database.read() as tx:
            return merkle.consistency_path(stored(_hashes(tx), self._epoch), old_size, size)

    def cosigned_size(self, witness: str) -> int:
        """Return the size that a witness cosigned last, as far as the database knows; 0 if it never did."""
        with self._database.read() as tx:
            return _only(_COSIGNED.run(tx, {"epoch": self._epoch, "witness": witness}).fetchone())

    def latest(self) -> Sealed | None:
        """Return the newest checkpoint as it was stored, None before the first."""
        with self._database.read() as tx:
            row = _LATEST.run(tx, {"epoch": self._epoch}).fetchone()
        if row is None:
            return None
        checkpoint = Checkpoint(self._key.origin, row[0], bytes.fromhex(row[1]))
        return Sealed(self._epoch, checkpoint, self._note(checkpoint), 0)

    def _open_origin(self, tx: Connection) -> int:
        row = _ORIGIN.run(tx).fetchone()
        if row is not None and row[1] != self._key.origin:
            raise WrongOriginError(row[1], self._key.origin)
        if (self._key.public.key_id, "owner") not in register.state(tx, Register.KEY):
            raise WrongOriginError(row[1] if row else "of other keys", self._key.origin)
        if row is None:
            insert_row(tx, "seal_origin", ("epoch", "origin"), (1, self._key.origin))
            return 1
        return int(row[0])

    def _add_leaves(self, tx: Connection, most: int) -> int:
        size = _only(_SIZE.run(tx, {"epoch": self._epoch}).fetchone())
        tree = self._tree
        if tree is None or tree.size != size:
            tree = Tree.restore(size, stored(_hashes(tx), self._epoch), self._completed)
        self._nodes = []
        settled = self._settled_by_now(tx)
        rows = _UNSEALED.run(tx, {"settled": self._begin_of_look(), "most": most}).fetchall()
        leaves = [_leaf(row) for row in rows]
        tree.extend(leaves)
        insert_rows(
            tx,
            "seal_leaf",
            _LEAF_FIELDS,
            [
                (self._epoch, size + i, row[0], leaf.hex())
                for i, (row, leaf) in enumerate(zip(rows, leaves, strict=True))
            ],
            _TREE_INTEGERS,
        )
        insert_rows(tx, "seal_node", _NODE_FIELDS, [(self._epoch, *node) for node in self._nodes], _TREE_INTEGERS)
        self._tree = tree
        if len(rows) < most:
            # All that was there when this look began has its leaf now.
            self._settled = settled
        return len(rows)

    def _settled_by_now(self, tx: Connection) -> int:
        """Return the number up to which all writers have ended."""
        if self._looked and (tx.dialect.name == "sqlite" or _only(_ENDED.run(tx).fetchone()) >= self._looked[1]):
            highest, self._looked = self._looked[0], None
            return highest
        return self._settled

    def _begin_of_look(self) -> int:
        """Return the number below which nothing unsealed can be, and from time to time 0, to be sure of it."""
        now_s = time.monotonic()
        if now_s < self._whole_look_s:
            return self._settled
        self._whole_look_s = now_s + WHOLE_LOOK_EVERY_S
        return 0

    def _look_ahead(self, tx: Connection) -> tuple[int, int]:
        """Return the highest number now, and the transaction before which all must have ended for it to be settled."""
        highest = _only(_HIGHEST.run(tx).fetchone())
        return highest, 0 if tx.dialect.name == "sqlite" else _only(_BEGUN.run(tx).fetchone())

    def _completed(self, level: int, index: int, hash_: bytes) -> None:
        if is_kept(level):
            self._nodes.append((level, index, hash_.hex()))

    def _sign(self, tx: Connection, checkpoint: Checkpoint, added: int) -> Sealed | None:
        if _only(_SIGNED.run(tx, {"epoch": self._epoch}).fetchone()) >= checkpoint.size:
            return None
        note = self._note(checkpoint)
        signature = base64.b64encode(note.signatures[0].value).decode()
        row = (self._epoch, checkpoint.size, checkpoint.root.hex(), self._key.public.key_id, signature)
        insert_row(tx, "seal_checkpoint", _CHECKPOINT_FIELDS, row)
        return Sealed(self._epoch, checkpoint, note, added)

    def _note(self, checkpoint: Checkpoint) -> Note:
        return Note(checkpoint.text, (signed(checkpoint.text, self._key.verifier, self._key.sign),))


_KNOWN_COSIGNATURE = Statement(
    "SELECT 1 FROM seal_cosignature WHERE epoch = :epoch AND size = :size AND witness = :witness AND time_s = :time_s"
)
_COSIGNED = Statement("SELECT coalesce(max(size), 0) FROM seal_cosignature WHERE epoch = :epoch AND witness = :witness")
_LATEST = Statement("SELECT size, root FROM seal_checkpoint WHERE epoch = :epoch ORDER BY size DESC LIMIT 1")


def _leaf(row: Sequence[Any]) -> bytes:
    seq, signature, second_signature, *values = row
    event = dict(zip(EVENT_FIELDS, values, strict=True))
    event["emulated"] = bool(event["emulated"])
    return merkle.leaf_hash(leaf_entry(seq, event_hash(event), signature, second_signature))


def _hashes(tx: Connection) -> Any:
    def ask(sql: str, **parameters: int) -> list[str]:
        statement = _ASKED.setdefault(sql, Statement(sql))
        return [row[0] for row in statement.run(tx, parameters).fetchall()]

    return ask


_ASKED: dict[str, Statement] = {}


def _only(row: Sequence[Any] | None) -> int:
    assert row is not None  # noqa: S101 an aggregate has one row
    return int(row[0])
