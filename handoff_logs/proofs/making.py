"""Making proofs from the log's database, over a read-only connection."""

import base64
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from handoff_logs import merkle
from handoff_logs.checkpoints import Checkpoint
from handoff_logs.merkle import Tree
from handoff_logs.notes import Note, Signature, VerifierKey
from handoff_logs.proofs.errors import (
    BrokenProofError,
    KeyNeverChangedError,
    NotSealedError,
    SpansOriginsError,
    UnknownNumberError,
)
from handoff_logs.proofs.proof_file import (
    ConsistencyProof,
    CustodyProof,
    Opening,
    ProvenEvent,
    ProvenRow,
    Row,
    Seal,
    SeenBy,
    checkpoint_of,
)
from handoff_logs.proofs.verifying import signed_checkpoint
from handoff_logs.questions import document
from handoff_logs.reading import Reading
from handoff_logs.records import CASE_FIELDS, EVENT_FIELDS, REGISTER_FIELDS, UNIT_FIELDS, row_hash
from handoff_logs.succession import ENTRIES, Succession, successions, verifiers
from handoff_logs.tree_store import MissingHashError, stored

# ruff: noqa: S608 (own names)

_EVENT: Final = (
    f"SELECT event.seq, event.signature, event.second_signature, {', '.join('event.' + f for f in EVENT_FIELDS)},"
    " leaf.epoch, leaf.leaf_index FROM custody_event AS event LEFT JOIN seal_leaf AS leaf"
    " ON leaf.event_seq = event.seq WHERE event.event_id = :event_id"
)
_ROWS: Final = {
    UNIT_FIELDS: f"SELECT {', '.join(UNIT_FIELDS)} FROM custody_unit WHERE event_id = :event_id ORDER BY position",
    CASE_FIELDS: f"SELECT {', '.join(CASE_FIELDS)} FROM custody_case WHERE event_id = :event_id ORDER BY case_id",
    REGISTER_FIELDS: (
        f"SELECT {', '.join(REGISTER_FIELDS)} FROM custody_register WHERE event_id = :event_id ORDER BY position"
    ),
}
_FIRST: Final = (
    "SELECT event.event_id FROM seal_leaf AS leaf JOIN custody_event AS event ON event.seq = leaf.event_seq"
    " WHERE leaf.epoch = :epoch AND leaf.leaf_index = 0"
)
_REGISTERED_BY: Final = "SELECT DISTINCT event_id FROM custody_register WHERE register = 'key' AND subject = :key_id"
_NEWEST: Final = (
    "SELECT origin.epoch, origin.origin, point.size FROM seal_origin AS origin"
    " JOIN seal_checkpoint AS point ON point.epoch = origin.epoch ORDER BY origin.epoch DESC, point.size DESC LIMIT 1"
)
_CHECKPOINT: Final = "SELECT root, key_id, signature FROM seal_checkpoint WHERE epoch = :epoch AND size = :size"
_NEWEST_WITNESSED: Final = "SELECT max(size) AS size FROM seal_cosignature WHERE epoch = :epoch"
_COSIGNATURES: Final = (
    "SELECT witness, signature FROM seal_cosignature WHERE epoch = :epoch AND size = :size ORDER BY witness, time_s"
)
_NUMBER: Final = "SELECT unit_id, number, salt FROM unit_number WHERE unit_id = :unit_id"


class _Epoch:
    """The log's newest tree: its origin, its keys, and its checkpoints as signed notes. Raises NotSealedError."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        newest = reading.rows(_NEWEST)
        if not newest:
            raise NotSealedError(None, None)
        (row,) = newest
        self.number, self.newest, self.origin = int(row["epoch"]), int(row["size"]), str(row["origin"])
        self.keys = successions(reading.tuples(ENTRIES)).get(self.number, Succession())
        self._stored = stored(self._hashes, self.number)

    def key(self, size: int) -> VerifierKey:
        """Return the key that signs the checkpoint of a size. Raises BrokenProofError where no record names it."""
        key_id = self.keys.signer(size)
        if key_id is None:
            raise BrokenProofError("checkpoint", "the record that registers the log's first key is gone")
        return self.keys.verifier(key_id, self.origin)

    def handovers(self, size: int) -> tuple[Note, ...]:
        """Return the checkpoints by which each earlier key vouched for the next, up to that which signed `size`."""
        return tuple(self.signed(one.size) for one in self.keys.before(size) if one.size is not None)

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of a complete subtree. Raises BrokenProofError where rows were deleted."""
        try:
            return self._stored(level, index)
        except MissingHashError as error:
            raise BrokenProofError("checkpoint", f"hashes of the log's tree are gone: {error}") from error

    def covering(self, leaves: int) -> int:
        """Return the newest witnessed size if it covers `leaves` leaves, else the newest."""
        witnessed = self._reading.rows(_NEWEST_WITNESSED, epoch=self.number)[0]["size"]
        return int(witnessed) if witnessed is not None and witnessed >= leaves else self.newest

    def signed(self, size: int) -> Note:
        """Return a checkpoint as it was signed. Raises NotSealedError."""
        rows = self._reading.rows(_CHECKPOINT, epoch=self.number, size=size)
        if not rows:
            raise NotSealedError(size, self.newest)
        (row,) = rows
        if row["key_id"] not in self.keys.publics:
            raise BrokenProofError("checkpoint", f"the record that registers the log's key {row['key_id']} is gone")
        key = self.keys.verifier(row["key_id"], self.origin)
        text = Checkpoint(self.origin, size, bytes.fromhex(row["root"])).text
        return Note(text, (Signature(key.name, key.key_id, base64.b64decode(row["signature"])),))

    def cosignatures(self, size: int) -> tuple[SeenBy, ...]:
        """Return each witness's first cosignature of a checkpoint: by then all under it was there."""
        first: dict[str, str] = {}
        for row in self._reading.rows(_COSIGNATURES, epoch=self.number, size=size):
            first.setdefault(row["witness"], row["signature"])
        return tuple(SeenBy(witness, base64.b64decode(signature)) for witness, signature in first.items())

    def _hashes(self, sql: str, **parameters: int) -> list[str]:
        return [row["hash"] for row in self._reading.rows(sql, **parameters)]


def prove(reading: Reading, number: str) -> CustodyProof:
    """Return the proof of the whole custody of what bears a number.

    It stands on the newest witnessed checkpoint where that covers all of it, else on the newest. Raises
    UnknownNumberError, NotSealedError, SpansOriginsError, and BrokenProofError where what it needs was deleted; what
    was altered is for the verifier to find.
    """
    steps = list(document(reading, number))
    if not steps:
        raise UnknownNumberError(number)
    epoch = _Epoch(reading)
    units = {str(row["unit_id"]) for row in steps}
    wanted = [*(row["event_id"] for row in steps), *_ids(reading, _FIRST, epoch=epoch.number)]
    events = {event_id: _read_event(reading, event_id) for event_id in dict.fromkeys(wanted)}
    keys = _with_their_registration(reading, events)
    epochs = {row["epoch"] for row in events.values() if row["epoch"] is not None}
    if epochs - {epoch.number}:
        raise SpansOriginsError(number, tuple(sorted(epochs)))
    size = epoch.covering(max((row["leaf_index"] + 1 for row in events.values() if row["epoch"]), default=0))
    keys |= _with_the_log_keys(reading, events, epoch, size)
    return CustodyProof(
        epoch.signed(size),
        epoch.cosignatures(size),
        _ordered(reading, events, size, units, keys, epoch.node),
        tuple(Opening(**row) for unit_id in sorted(units) for row in reading.rows(_NUMBER, unit_id=unit_id)),
        epoch.handovers(size),
    )


def prove_consistency(
    reading: Reading, old: Note, new: Note | None = None, key: VerifierKey | None = None
) -> ConsistencyProof:
    """Return the path between two checkpoints that the log's key signed, in either order; the newest if `new` is None.

    `key`: one that need not be the log's by its own records. Raises BrokenProofError for a note that the log's key of
    its size did not sign and for a log that is shorter than what it signed, NotSealedError.
    """
    epoch = _Epoch(reading)
    strange = key is not None and key not in verifiers(epoch.keys, epoch.origin)
    notes = [old, new or epoch.signed(epoch.newest)]
    sizes = []
    for note in notes:
        size = checkpoint_of(note).size
        sizes.append(signed_checkpoint(note, key if key and strange else epoch.key(size), "checkpoint").size)
    if max(sizes) > epoch.newest:
        shorter = f"the log has {epoch.newest} records and once signed {max(sizes)}"
        raise BrokenProofError("checkpoint", f"{shorter}: it was cut, or restored from an older copy")
    if sizes[0] > sizes[1]:
        sizes.reverse()
        notes.reverse()
    path = tuple(merkle.consistency_path(epoch.node, sizes[0], sizes[1]))
    return _with_key_changes(reading, epoch, ConsistencyProof(notes[0], notes[1], path), sizes[1])


def prove_key(reading: Reading) -> ConsistencyProof:
    """Return what shows the log's last key to whoever has an earlier one: its newest checkpoint since that was named.

    Raises KeyNeverChangedError, NotSealedError.
    """
    epoch = _Epoch(reading)
    changes = epoch.keys.before(epoch.newest + 1)
    if not changes or changes[-1].size is None:
        raise KeyNeverChangedError(epoch.origin)
    return prove_consistency(reading, epoch.signed(changes[-1].size))


def _with_key_changes(reading: Reading, epoch: _Epoch, proof: ConsistencyProof, size: int) -> ConsistencyProof:
    """Add what leads from the log's first key to the last that is named under `size`, if there are two."""
    if not epoch.keys.before(size + 1):
        return proof
    events = {event_id: _read_event(reading, event_id) for event_id in _ids(reading, _FIRST, epoch=epoch.number)}
    keys = _with_the_log_keys(reading, events, epoch, size + 1)
    events_ = _ordered(reading, events, size, set(), keys, epoch.node)
    return replace(proof, handovers=epoch.handovers(size), events=events_)


def signed_checkpoint_of(reading: Reading, size: int | None = None) -> Checkpoint:
    """Return the checkpoint of a size, the newest if it is None. Raises NotSealedError."""
    epoch = _Epoch(reading)
    return Checkpoint.parse(epoch.signed(epoch.newest if size is None else size).text)


def leaves_at(reading: Reading, size: int) -> Checkpoint | None:
    """Return what the log's leaves are at a size, whether it was signed or not; None where there are fewer."""
    epoch = _Epoch(reading)
    return Checkpoint(epoch.origin, size, Tree.restore(size, epoch.node).root()) if size <= epoch.newest else None


def origin(reading: Reading) -> str:
    """Return the log's name. Raises NotSealedError."""
    return _Epoch(reading).origin


def log_key(reading: Reading, size: int) -> VerifierKey:
    """Return the log's key for the checkpoint of `size` leaves, as the log registers it. Raises NotSealedError."""
    return _Epoch(reading).key(size)


def _ids(reading: Reading, sql: str, **parameters: str | int) -> list[str]:
    return [row["event_id"] for row in reading.rows(sql, **parameters)]


def _read_event(reading: Reading, event_id: str) -> dict[str, Any]:
    rows = reading.rows(_EVENT, event_id=event_id)
    if not rows:
        raise BrokenProofError("events", f"the record {event_id} is gone, and its rows are not")
    return rows[0] | {"emulated": bool(rows[0]["emulated"])}


def _with_their_registration(reading: Reading, events: dict[str, dict[str, Any]]) -> set[str]:
    """Add the records that registered or revoked the keys of `events`, and of those, back to the first record."""
    keys: set[str] = set()
    while wanted := _signed_with(events.values()) - keys:
        for key_id in wanted:
            keys.add(key_id)
            for event_id in _ids(reading, _REGISTERED_BY, key_id=key_id):
                if event_id not in events:
                    events[event_id] = _read_event(reading, event_id)
    return keys


def _with_the_log_keys(reading: Reading, events: dict[str, dict[str, Any]], epoch: _Epoch, size: int) -> set[str]:
    """Add the records that name the log's next keys, up to that which signs the checkpoint of `size`; all keys' ids."""
    changes = epoch.keys.before(size)
    for one in changes:
        events.setdefault(one.event_id, _read_event(reading, one.event_id))
    first = {epoch.keys.first} if epoch.keys.first else set()
    return _with_their_registration(reading, events) | first | {one.new for one in changes}


def _signed_with(events: Iterable[dict[str, Any]]) -> set[str]:
    return {row[name] for row in events for name in ("key_id", "second_key_id") if row[name] is not None}


def _order(row: dict[str, Any], size: int) -> tuple[int, int]:
    """Leaves first, then what the checkpoint does not cover, by its number."""
    index = row["leaf_index"]
    return (0, index) if index is not None and index < size else (1, row["seq"])


def _ordered(
    reading: Reading,
    events: dict[str, dict[str, Any]],
    size: int,
    units: set[str],
    keys: set[str],
    node: merkle.Node,
) -> tuple[ProvenEvent, ...]:
    ordered = sorted(events.values(), key=lambda row: _order(row, size))
    return tuple(_proven(reading, row, size, units, keys, node) for row in ordered)


def _proven(
    reading: Reading, row: dict[str, Any], size: int, units: set[str], keys: set[str], node: merkle.Node
) -> ProvenEvent:
    index = row["leaf_index"]
    seal = None
    if index is not None and index < size:
        seal = Seal(row["seq"], index, tuple(merkle.inclusion_path(node, index, size)))
    rows: list[tuple[tuple[str, ...], Row]] = [
        (fields, one) for fields, sql in _ROWS.items() for one in reading.rows(sql, event_id=row["event_id"])
    ]
    inside = merkle.nodes_of([row_hash(fields, [one[f] for f in fields]) for fields, one in rows])
    return ProvenEvent(
        {field: row[field] for field in EVENT_FIELDS},
        row["signature"],
        row["second_signature"],
        seal,
        tuple(
            ProvenRow(one, tuple(merkle.sided_path(inside, place, len(rows))))
            for place, (_, one) in enumerate(rows)
            if one.get("unit_id") in units or (one.get("register") == "key" and one["subject"] in keys)
        ),
    )
