"""Step 2, and the tree's part of 3: the tree grown anew from its leaves, and at each size what was signed of it."""

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from handoff_logs import merkle
from handoff_logs.checkpoints import Checkpoint
from handoff_logs.cosignatures import verified
from handoff_logs.errors import ForgedNoteError, MalformedNoteError, UnsignedNoteError
from handoff_logs.notes import COSIGNATURE_V1, ED25519, Note, Signature, VerifierKey, decoded_base64
from handoff_logs.reading import Reading
from handoff_logs.succession import ENTRIES, Handover, Succession, successions, verifiers
from handoff_logs.tree_store import is_kept, stored
from handoff_logs.verify import bounds as parts
from handoff_logs.verify.bounds import Bounds
from handoff_logs.verify.keys import LOG_OWNER, Keys
from handoff_logs.verify.problems import Limits, Problem

PAGE_LEAVES = 20_000
LEAF_RULE = "every leaf is in a tree of the log"
LOSS_RULE = "a later tree begins with two people's word on what was lost"
CHECKPOINT_RULE = "no leaf is without a checkpoint for long"
SIGNER_RULE = "a checkpoint is signed by the key that was the log's at its size"
NEXT_RULE = "the log's next key is two people's word, and ends the one before"
VOUCHED_RULE = "the log's key signed the checkpoint that ends with the record of the next one"

_ORIGINS = "SELECT epoch, origin FROM seal_origin ORDER BY epoch"
_LEAVES = (
    "SELECT leaf.leaf_index, leaf.leaf_hash, event.written_us, event.event_id FROM seal_leaf AS leaf"
    " LEFT JOIN custody_event AS event ON event.seq = leaf.event_seq"
    " WHERE leaf.epoch = :epoch AND leaf.leaf_index >= :first AND leaf.leaf_index < :end ORDER BY leaf.leaf_index"
)
_STRAY_LEAVES = "SELECT DISTINCT epoch FROM seal_leaf WHERE epoch NOT IN (SELECT epoch FROM seal_origin) ORDER BY epoch"
_UNDECLARED = (
    "SELECT later.epoch FROM seal_origin AS later WHERE later.epoch > 1 AND NOT EXISTS (SELECT 1 FROM seal_leaf AS leaf"
    " JOIN custody_event AS event ON event.seq = leaf.event_seq"
    " JOIN custody_register AS entry ON entry.event_id = event.event_id"
    " WHERE leaf.epoch = later.epoch AND leaf.leaf_index = 0 AND entry.register = 'origin'"
    " AND event.act = 'register' AND event.second_person <> event.person) ORDER BY later.epoch"
)
_SIZE = "SELECT coalesce(max(leaf_index), -1) + 1 FROM seal_leaf WHERE epoch = :epoch"
_CHECKPOINTS = (
    "SELECT size, root, key_id, signature FROM seal_checkpoint WHERE epoch = :epoch AND size > :above AND size <= :end"
    " ORDER BY size"
)
_COSIGNATURES = (
    "SELECT size, witness, time_s, signature FROM seal_cosignature WHERE epoch = :epoch AND size > :above"
    " AND size <= :end ORDER BY size, witness, time_s"
)
_COSIGNED = (
    "SELECT coalesce(max(size), 0), coalesce(max(time_s), 0) FROM seal_cosignature"
    " WHERE epoch = :epoch AND size < :size"
)
_SIGNED = "SELECT size FROM seal_checkpoint WHERE epoch = :epoch AND size = :size"
_NODES = "SELECT level, node_index, hash FROM seal_node WHERE epoch = :epoch"


@dataclass(frozen=True, slots=True)
class Outside:
    """What the auditor brings along: signed checkpoints, the log's and witnesses' keys, the last run's tree."""

    checkpoints: Sequence[Note] = ()
    log_keys: Sequence[VerifierKey] = ()
    witnesses: Sequence[VerifierKey] = ()
    verified: parts.Tree | None = None


@dataclass(frozen=True, slots=True)
class KeyChange:
    """The log's key changed: the tree, the leaf that names the next key, and that one; the old one vouched for it."""

    epoch: int
    leaf: int
    key: VerifierKey


@dataclass(slots=True)
class Sealed:
    """What the seals say: the newest tree, rows by table, the last cosignature's tree and time, and what is wrong.

    `key_changes`: where the log's key changed, as its keys themselves have signed it.
    """

    tree: parts.Tree | None = None
    origin: str | None = None
    signed_size: int = 0
    cosigned_size: int = 0
    cosigned_s: int = 0
    rows: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("seal_origin", "seal_node", "seal_checkpoint", "seal_cosignature"), 0)
    )
    key_changes: list[KeyChange] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def count(self, table: str, rows: int) -> None:
        """Add rows of a table that were read."""
        self.rows[table] += rows


def verify_seals(reading: Reading, keys: Keys, bounds: Bounds, outside: Outside, limits: Limits) -> Sealed:
    """Grow every tree of the log from its leaves and hold each root, node, signature and cosignature against it."""
    sealed = Sealed()
    origins = dict(reading.tuples(_ORIGINS))
    sealed.count("seal_origin", len(origins))
    known = bounds.known
    if sorted(origins) != list(range(1, len(origins) + 1)):
        sealed.problems.append(Problem(2, "the log's trees are numbered from 1", ", ".join(map(str, sorted(origins)))))
    for step, rule, sql in ((2, LEAF_RULE, _STRAY_LEAVES), (4, LOSS_RULE, _UNDECLARED)):
        sealed.problems += [Problem(step, rule, str(epoch)) for (epoch,) in reading.tuples(sql)]
    log_keys = successions(reading.tuples(ENTRIES))
    sealed.problems += [Problem(2, NEXT_RULE, event_id) for one in log_keys.values() for event_id in one.faulty]
    expected = {(epoch, size): root for epoch, size, root in _brought(outside, origins, log_keys, keys, sealed)}
    if outside.verified is not None and known is None:
        expected[outside.verified.epoch, outside.verified.size] = outside.verified.root
    for epoch in sorted(origins):
        if known is not None and epoch < known.epoch:
            continue
        of_tree = log_keys.get(epoch, Succession())
        growth = _Growth(reading, keys, of_tree, outside, limits, epoch, origins[epoch], sealed)
        growth.run(known if known is not None and known.epoch == epoch else None, expected)
        tree = sealed.tree
        # What the newest tree may still wait for, none before it may.
        if epoch < max(origins) and tree is not None and tree.epoch == epoch and sealed.signed_size < tree.size:
            sealed.problems.append(Problem(4, CHECKPOINT_RULE, f"{epoch}/{sealed.signed_size}"))
    for epoch, size in sorted(expected):
        sealed.problems.append(Problem(2, "the log has the tree that the auditor knows", f"{epoch}/{size}"))
    if known is not None and known.epoch not in origins:
        sealed.problems.append(Problem(2, "the log has the tree that the auditor knows", f"{known.epoch}/{known.size}"))
    return sealed


def _brought(
    outside: Outside, origins: Mapping[int, str], log_keys: Mapping[int, Succession], keys: Keys, sealed: Sealed
) -> Iterator[tuple[int, int, bytes]]:
    """Yield (epoch, size, root) of the checkpoints that the auditor brings, if the log's own key signed them."""
    for note in outside.checkpoints:
        epoch = None
        try:
            checkpoint = Checkpoint.parse(note.text)
            epoch = next((epoch for epoch, origin in origins.items() if origin == checkpoint.origin), None)
            of_tree = log_keys.get(epoch or 0, Succession())
            note.signatures_of(_may_have_signed(checkpoint, of_tree, outside, keys))
        except (MalformedNoteError, ForgedNoteError, UnsignedNoteError):
            rule = "the auditor's checkpoint is one that the log's key signed"
            sealed.problems.append(Problem(2, rule, note.text.partition("\n")[0]))
            continue
        if epoch is None:
            sealed.problems.append(Problem(2, "the log has the tree that the auditor knows", checkpoint.origin))
        else:
            yield epoch, checkpoint.size, checkpoint.root


def _may_have_signed(checkpoint: Checkpoint, of_tree: Succession, outside: Outside, keys: Keys) -> list[VerifierKey]:
    """The key that was the log's at this size, and what the auditor brings that is none of this log's at any size."""
    origin = checkpoint.origin
    ours = list(verifiers(of_tree, origin))
    if not ours:
        registered = [key for key in keys.by_id.values() if key.owner == LOG_OWNER and key.public]
        return list(outside.log_keys) or [VerifierKey(origin, ED25519, key.public) for key in registered]
    signer = of_tree.signer(checkpoint.size)
    at_its_size = [of_tree.verifier(signer, origin)] if signer is not None else []
    return at_its_size + [key for key in outside.log_keys if key not in ours]


class _Growth:
    """One tree's growth from its leaves."""

    def __init__(
        self,
        reading: Reading,
        keys: Keys,
        log_keys: Succession,
        outside: Outside,
        limits: Limits,
        epoch: int,
        origin: str,
        sealed: Sealed,
    ) -> None:
        self._reading, self._keys, self._limits = reading, keys, limits
        self._log_keys = log_keys
        brought = outside.log_keys
        self._is_known = not brought or any(key in brought for key in verifiers(log_keys, origin))
        self._epoch, self._origin, self._sealed = epoch, origin, sealed
        self._witnesses = keys.witnesses() | {key.name: key.public for key in outside.witnesses}
        self._nodes: dict[tuple[int, int], str] = {}
        self._written_us = -(2**62)
        self._seen: dict[str, int] = {}
        self._tree = merkle.Tree(self._completed)

    def run(self, known: parts.Tree | None, expected: dict[tuple[int, int], bytes]) -> None:
        first = 0
        if known is not None:
            if not self._restored(known):
                return
            first = known.size
        ((self._sealed.cosigned_size, time_s),) = self._reading.tuples(_COSIGNED, epoch=self._epoch, size=first)
        self._sealed.cosigned_s = max(self._sealed.cosigned_s, time_s)
        self._sealed.signed_size = first
        ((end,),) = self._reading.tuples(_SIZE, epoch=self._epoch)
        start = first
        # The known tree's own checkpoint may have been cosigned again since.
        above = first - 1 if known is not None else 0
        while above < end:
            until = min(first + PAGE_LEAVES, end)
            self._page(first, until, above, expected)
            first = above = until
        self._sealed.tree = parts.Tree(self._epoch, end, self._tree.root())
        self._sealed.origin = self._origin
        for handover in self._log_keys.before(self._sealed.signed_size + 1):
            self._handed_over(handover)
        self._hold_nodes(start)

    def _wrong(self, step: int, rule: str, subject: object) -> None:
        self._sealed.problems.append(Problem(step, rule, str(subject)))

    def _completed(self, level: int, index: int, hash_: bytes) -> None:
        if is_kept(level):
            self._nodes[level, index] = hash_.hex()

    def _restored(self, known: parts.Tree) -> bool:
        def hashes(sql: str, **parameters: int) -> list[str]:
            return [row[0] for row in self._reading.tuples(sql, **parameters)]

        try:
            self._tree = merkle.Tree.restore(known.size, stored(hashes, self._epoch), self._completed)
        except LookupError:
            self._wrong(2, "the log has the tree that the auditor knows", f"{known.epoch}/{known.size}")
            return False
        if self._tree.root() != known.root:
            self._wrong(2, "the log begins with the tree that was verified before", f"{known.epoch}/{known.size}")
            return False
        return True

    def _page(self, first: int, end: int, above: int, expected: dict[tuple[int, int], bytes]) -> None:
        leaves = self._reading.tuples(_LEAVES, epoch=self._epoch, first=first, end=end)
        if [row[0] for row in leaves] != list(range(first, end)):
            self._wrong(4, "leaves are numbered without a gap", f"{self._epoch}/{first} to {end - 1}")
        self._times(leaves)
        checkpoints = self._reading.tuples(_CHECKPOINTS, epoch=self._epoch, above=above, end=end)
        cosignatures = self._reading.tuples(_COSIGNATURES, epoch=self._epoch, above=above, end=end)
        self._sealed.count("seal_checkpoint", len(checkpoints))
        self._sealed.count("seal_cosignature", len(cosignatures))
        wanted = {size for epoch, size in expected if epoch == self._epoch and above < size <= end}
        sizes = wanted | {row[0] for row in checkpoints} | {row[0] for row in cosignatures}
        hashes = [_hash(row[1]) for row in leaves]
        roots: dict[int, bytes] = {}
        taken = 0
        for size in sorted(sizes):
            self._tree.extend(hashes[taken : size - first])
            taken = size - first
            roots[size] = self._tree.root()
        self._tree.extend(hashes[taken:])
        for size in wanted:
            if expected.pop((self._epoch, size)) != roots[size]:
                self._wrong(2, "the log begins with the tree that the auditor knows", f"{self._epoch}/{size}")
        for row in checkpoints:
            self._checkpoint(roots[row[0]], *row)
        signed = {row[0] for row in checkpoints}
        for row in cosignatures:
            self._cosignature(roots[row[0]], row[0] in signed, *row)
        for rows in ([row[:1] for row in checkpoints], [row[:3] for row in cosignatures]):
            for row in {row for row, next_row in pairwise(rows) if row == next_row}:
                self._wrong(3, "a tree is signed once, and cosigned once at a time", f"{self._epoch}/{row[0]}")

    def _times(self, leaves: Iterable[tuple[Any, ...]]) -> None:
        """Written times go with the leaves, but for what clocks and commits differ."""
        for _, _, written_us, event_id in leaves:
            if event_id is None:
                continue
            if written_us < self._written_us - self._limits.clock_s * 1e6:
                self._wrong(5, "records are sealed in the order in which they were written", event_id)
            self._written_us = max(self._written_us, written_us)

    def _checkpoint(self, root: bytes, size: int, stored_root: str, key_id: str, signature: str) -> None:
        name = f"{self._epoch}/{size}"
        if root.hex() != stored_root:
            self._wrong(3, "a checkpoint's root is its leaves'", name)
        self._sealed.signed_size = size
        key = self._keys.by_id.get(key_id)
        if key is None or key.owner != LOG_OWNER or not key.public or self._log_keys.first is None:
            self._wrong(2, "a checkpoint is signed by a registered key of the log", name)
            return
        if key_id != self._log_keys.signer(size):
            self._wrong(2, SIGNER_RULE, name)
        if not self._is_known:
            self._wrong(2, "a checkpoint is signed by the log's key that the auditor knows", name)
        decoded = decoded_base64(signature)
        text = self._text(size, root)
        if decoded is None or not self._keys.holds(key.public, text.encode(), decoded):
            self._wrong(2, "a checkpoint's signature is the log's", name)

    def _cosignature(
        self, root: bytes, is_of_checkpoint: bool, size: int, witness: str, time_s: int, signature: str
    ) -> None:
        name = f"{self._epoch}/{size} {witness} {time_s}"
        if not is_of_checkpoint:
            self._wrong(2, "a cosignature is of a checkpoint", name)
        public = self._witnesses.get(witness)
        if public is None:
            self._wrong(2, "a cosignature is by a known witness", name)
            return
        key = VerifierKey(witness, COSIGNATURE_V1, public)
        try:
            line = Signature(witness, key.key_id, base64.b64decode(signature, validate=True))
            if verified(self._text(size, root), line, key).time_s != time_s or decoded_base64(signature) is None:
                raise ForgedNoteError(str(key))
        except (ForgedNoteError, MalformedNoteError, ValueError):
            self._wrong(2, "a cosignature is its witness's", name)
            return
        if self._seen.get(witness, 0) > time_s:
            self._wrong(5, "a witness's times go with the sizes that it saw", name)
        self._seen[witness] = max(time_s, self._seen.get(witness, 0))
        self._sealed.cosigned_size, self._sealed.cosigned_s = size, max(time_s, self._sealed.cosigned_s)

    def _handed_over(self, handover: Handover) -> None:
        """A key that signs checkpoints was vouched for by the one before it."""
        if handover.leaf is None or not self._reading.tuples(_SIGNED, epoch=self._epoch, size=handover.size):
            self._wrong(2, VOUCHED_RULE, f"{self._epoch}/{handover.size}")
            return
        key = self._log_keys.verifier(handover.new, self._origin)
        self._sealed.key_changes.append(KeyChange(self._epoch, handover.leaf, key))

    def _text(self, size: int, root: bytes) -> str:
        return Checkpoint(self._origin, size, root).text

    def _hold_nodes(self, start: int) -> None:
        rows = self._reading.tuples(_NODES, epoch=self._epoch)
        self._sealed.count("seal_node", len(rows))
        kept: dict[tuple[int, int], list[str]] = {}
        for level, index, hash_ in rows:
            kept.setdefault((level, index), []).append(hash_)
        known = {place for place in kept if (place[1] + 1) << place[0] <= start}
        for place in sorted((kept.keys() | self._nodes.keys()) - known):
            if kept.get(place) != [self._nodes.get(place)]:
                self._wrong(3, "kept hashes are of their leaves", "{}/{}/{}".format(self._epoch, *place))


def _hash(text: object) -> bytes:
    try:
        return bytes.fromhex(str(text))
    except ValueError:
        return b""
