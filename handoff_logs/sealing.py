"""Sealing: every committed record becomes a leaf of the log's tree, and the log signs the root over all leaves.

Leaves are committed before their root is signed, and a checkpoint before it is shown to anybody. Records are taken as
they become visible, by their numbers, and what has no leaf yet is looked for among all of them: on PostgreSQL a lower
number may be committed after a higher one.

Where a record names the log's next key, the leaves end with it for one checkpoint: by that one the key before vouches
for the next, which signs from then on.
"""

import base64
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from handoff_logs import blank_tally, log_key, merkle, register
from handoff_logs.checkpoints import Checkpoint
from handoff_logs.database import Database
from handoff_logs.dialects import insert_row, insert_rows
from handoff_logs.errors import AppendOnlyError, CustodyRefusedError, SealedElsewhereError, WrongOriginError
from handoff_logs.log_key import LogKey
from handoff_logs.merkle import Tree
from handoff_logs.notes import Note, Signature, signed
from handoff_logs.records import EVENT_FIELDS, Act, event_hash, leaf_entry
from handoff_logs.register import Register
from handoff_logs.statements import Statement
from handoff_logs.succession import ENTRIES, Succession, successions
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
_LOG_KEYS = Statement(ENTRIES)
_ACT = 3 + EVENT_FIELDS.index("act")
_HIGHEST = Statement("SELECT coalesce(max(seq), 0) FROM custody_event")
# Transactions that were under way when the highest number was read may still commit lower ones. The number that this
# one is given after that reading is above theirs; a snapshot's xmax is not, being one past the highest that has ended.
_BEGUN = Statement("SELECT pg_current_xact_id()::text::bigint")
_ENDED = Statement("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
_TREE_INTEGERS = frozenset({"epoch", "leaf_index", "event_seq", "level", "node_index"})


@dataclass(frozen=True, slots=True)
class Sealed:
    """A checkpoint as stored: its note, its size, how many leaves it added, and whether there may be more to seal."""

    epoch: int
    checkpoint: Checkpoint
    note: Note
    added: int
    more: bool = False


def log_keys(tx: Connection, epoch: int) -> Succession:
    """Return the keys of one tree of the log, as its records name them."""
    return successions(_LOG_KEYS.run(tx).fetchall()).get(epoch, Succession())


def signed_size(tx: Connection, epoch: int) -> int:
    """Return the size of a tree's newest checkpoint; 0 before the first."""
    return _only(_SIGNED.run(tx, {"epoch": epoch}).fetchone())


def newest_epoch(tx: Connection) -> int:
    """Return the number of the tree that is being sealed; 1 before the first seal."""
    row = _ORIGIN.run(tx).fetchone()
    return int(row[0]) if row else 1


def begin_epoch(tx: Connection, epoch: int, origin: str, event_id: str) -> None:
    """Begin a log's next tree, whose first leaf is the record that says why.

    Raises LookupError where the log has no record `event_id`.
    """
    row = _ONE.run(tx, {"event_id": event_id}).fetchone()
    if row is None:
        raise LookupError(event_id)
    insert_row(tx, "seal_origin", ("epoch", "origin"), (epoch, origin))
    insert_row(tx, "seal_leaf", _LEAF_FIELDS, (epoch, 0, row[0], _leaf(row).hex()))


class Sealer:
    """Seals one database with the log's key, and with the next one once that is named and vouched for.

    Raises WrongOriginError where the database is another log's.

    A second one at the same time makes no second history: each leaf's place and each size is written once, and the
    one that comes late stops with SealedElsewhereError.
    """

    def __init__(self, database: Database, key: LogKey) -> None:
        self._database, self._key = database, key
        self._epoch = database.write(self._open_origin)
        self._tree: Tree | None = None
        self._keys: Succession | None = None
        self._was_cut = False
        self._is_alone = False
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
        """Seal what is committed and not sealed yet, `most` records at most; None when there is nothing new.

        Raises SealedElsewhereError, and LogKeyMissingError where the key that must sign is not here.
        """
        try:
            added = self._database.write(lambda tx: self._add_leaves(tx, most))
            # A transaction of its own, which has no number yet.
            self._looked = self._looked or self._database.write(self._look_ahead)
            tree = self._tree
            if tree is None or not tree.size:
                return None
            checkpoint = Checkpoint(self._key.origin, tree.size, tree.root())
            sealed = self._database.write(lambda tx: self._sign(tx, checkpoint, added, most))
            self._hand_over(tree.size)
            return sealed
        except (AppendOnlyError, CustodyRefusedError) as error:
            self._tree = None
            raise SealedElsewhereError(self._key.origin) from error

    def tally(self, most: int = blank_tally.PORTION, lag_us: int = blank_tally.LAG_US) -> bool:
        """Tally where blanks stood, one portion of records that all writers have left behind; returns whether there was
        one. Raises SealedElsewhereError where another sealer was quicker.
        """
        try:
            return self._database.write(lambda tx: blank_tally.follow(tx, self._settled, most, lag_us))
        except CustodyRefusedError as error:
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
        """Return the newest checkpoint as it was stored, None before the first.

        Raises WrongOriginError where a key signed it that the log doesn't know.
        """
        with self._database.read() as tx:
            row = _LATEST.run(tx, {"epoch": self._epoch}).fetchone()
            keys = log_keys(tx, self._epoch) if row is not None else None
        if row is None or keys is None:
            return None
        size, root, key_id, signature = row
        checkpoint = Checkpoint(self._key.origin, size, bytes.fromhex(root))
        if key_id not in keys.publics:
            raise WrongOriginError("of other keys", self._key.origin)
        key = keys.verifier(key_id, self._key.origin)
        line = Signature(key.name, key.key_id, base64.b64decode(signature))
        return Sealed(self._epoch, checkpoint, Note(checkpoint.text, (line,)), 0)

    def _open_origin(self, tx: Connection) -> int:
        row = _ORIGIN.run(tx).fetchone()
        if row is not None and row[1] != self._key.origin:
            raise WrongOriginError(row[1], self._key.origin)
        if row is not None:
            return int(row[0])
        if (self._key.public.key_id, "owner") not in register.state(tx, Register.KEY):
            raise WrongOriginError("of other keys", self._key.origin)
        insert_row(tx, "seal_origin", ("epoch", "origin"), (1, self._key.origin))
        return 1

    def _add_leaves(self, tx: Connection, most: int) -> int:
        size = _only(_SIZE.run(tx, {"epoch": self._epoch}).fetchone())
        tree = self._tree
        if tree is None or tree.size != size:
            tree = Tree.restore(size, stored(_hashes(tx), self._epoch), self._completed)
        self._nodes = []
        if self._keys is None or self._tree is not tree:
            self._keys = log_keys(tx, self._epoch)
        if self._keys.ending(size) is not None and signed_size(tx, self._epoch) < size:
            # Killed before the key vouched for the next one: nothing is added until it has.
            self._tree, self._was_cut = tree, True
            return 0
        if (signer := self._keys.signer(size + 1)) is not None:
            self._key.of(signer)  # not one leaf, where nobody here could sign it
        settled = self._settled_by_now(tx)
        rows = self._cut(tx, _UNSEALED.run(tx, {"settled": self._begin_of_look(), "most": most}).fetchall())
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
        if any(row[_ACT] == Act.REGISTER for row in rows):
            self._keys = log_keys(tx, self._epoch)
        if len(rows) < most and not self._was_cut:
            # All that was there when this look began has its leaf now.
            self._settled = settled
        return len(rows)

    def _cut(self, tx: Connection, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Return the rows up to the first that names the log's next key: its leaf is the last of a checkpoint."""
        self._was_cut = False
        if any(row[_ACT] == Act.REGISTER for row in rows):
            naming = {one.seq for one in log_keys(tx, self._epoch).handovers if one.leaf is None}
            end = next((place for place, row in enumerate(rows, start=1) if row[0] in naming), len(rows))
            self._was_cut = end < len(rows)
            return rows[:end]
        return rows

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

    def _sign(self, tx: Connection, checkpoint: Checkpoint, added: int, most: int) -> Sealed | None:
        if signed_size(tx, self._epoch) >= checkpoint.size:
            return None
        # As the database has it in this very transaction: no other process has made another key the log's meanwhile.
        self._keys = log_keys(tx, self._epoch)
        signer = self._keys.signer(checkpoint.size)
        if signer is None:
            raise WrongOriginError("of no key, by its first record", self._key.origin)
        key = self._key.of(signer)
        note = Note(checkpoint.text, (signed(checkpoint.text, key.verifier, key.sign),))
        signature = base64.b64encode(note.signatures[0].value).decode()
        row = (self._epoch, checkpoint.size, checkpoint.root.hex(), key.public.key_id, signature)
        insert_row(tx, "seal_checkpoint", _CHECKPOINT_FIELDS, row)
        return Sealed(self._epoch, checkpoint, note, added, more=added >= most or self._was_cut)

    def _hand_over(self, size: int) -> None:
        """Make the key that signs from now on the log's, once the one before has vouched for it."""
        key_id = self._keys.signer(size + 1) if self._keys else None
        if key_id is not None and (key_id != self._key.public.key_id or not self._is_alone):
            if self._key.folder is not None:
                log_key.take_over(self._key.folder, key_id)
            self._key, self._is_alone = self._key.of(key_id), True


_KNOWN_COSIGNATURE = Statement(
    "SELECT 1 FROM seal_cosignature WHERE epoch = :epoch AND size = :size AND witness = :witness AND time_s = :time_s"
)
_COSIGNED = Statement("SELECT coalesce(max(size), 0) FROM seal_cosignature WHERE epoch = :epoch AND witness = :witness")
_LATEST = Statement(
    "SELECT size, root, key_id, signature FROM seal_checkpoint WHERE epoch = :epoch ORDER BY size DESC LIMIT 1"
)


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
