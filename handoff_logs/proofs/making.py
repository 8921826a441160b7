"""Making proofs from the log's database, over a read-only connection."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from handoff_logs import merkle, opened
from handoff_logs.checkpoints import Checkpoint
from handoff_logs.merkle import Tree
from handoff_logs.notes import Note, VerifierKey
from handoff_logs.proofs.errors import (
    BrokenProofError,
    KeyNeverChangedError,
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
    checkpoint_of,
)
from handoff_logs.proofs.signed_tree import SignedTree
from handoff_logs.proofs.verifying import signed_checkpoint
from handoff_logs.questions import document
from handoff_logs.reading import Reading
from handoff_logs.records import CASE_FIELDS, EVENT_FIELDS, REGISTER_FIELDS, UNIT_FIELDS, row_hash
from handoff_logs.succession import verifiers

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
_NUMBER: Final = "SELECT unit_id, number, salt FROM unit_number WHERE unit_id = :unit_id"


def prove(reading: Reading, number: str) -> CustodyProof:
    """Return the proof of the whole custody of what bears a number.

    It stands on the newest witnessed checkpoint where that covers all of it, else on the newest. Raises
    UnknownNumberError, NotSealedError, SpansOriginsError, and BrokenProofError where what it needs was deleted; what
    was altered is for the verifier to find.
    """
    steps = list(document(reading, number))
    if not steps:
        raise UnknownNumberError(number)
    epoch = SignedTree(reading)
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
    epoch = SignedTree(reading)
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
    epoch = SignedTree(reading)
    changes = epoch.keys.before(epoch.newest + 1)
    if not changes or changes[-1].size is None:
        raise KeyNeverChangedError(epoch.origin)
    return prove_consistency(reading, epoch.signed(changes[-1].size))


def _with_key_changes(reading: Reading, epoch: SignedTree, proof: ConsistencyProof, size: int) -> ConsistencyProof:
    """Add what leads from the log's first key to the last that is named under `size`, if there are two."""
    if not epoch.keys.before(size + 1):
        return proof
    events = {event_id: _read_event(reading, event_id) for event_id in _ids(reading, _FIRST, epoch=epoch.number)}
    keys = _with_the_log_keys(reading, events, epoch, size + 1)
    events_ = _ordered(reading, events, size, set(), keys, epoch.node)
    return replace(proof, handovers=epoch.handovers(size), events=events_)


def signed_checkpoint_of(reading: Reading, size: int | None = None) -> Checkpoint:
    """Return the checkpoint of a size, the newest if it is None, which two people sign on paper.

    Raises NotSealedError, and BrokenProofError where the log's key did not sign it or the log's leaves are others.
    """
    epoch = SignedTree(reading)
    size = epoch.newest if size is None else size
    signed = signed_checkpoint(epoch.signed(size), epoch.key(size), "checkpoint")
    if Tree.restore(size, epoch.node).root() != signed.root:
        raise BrokenProofError("checkpoint", f"the log's first {size} records are not those that its key signed")
    return signed


def leaves_at(reading: Reading, size: int) -> Checkpoint | None:
    """Return what the log's leaves are at a size, whether it was signed or not; None where there are fewer."""
    epoch = SignedTree(reading)
    return Checkpoint(epoch.origin, size, Tree.restore(size, epoch.node).root()) if size <= epoch.newest else None


def origin(reading: Reading) -> str:
    """Return the log's name. Raises NotSealedError."""
    return SignedTree(reading).origin


def log_key(reading: Reading, size: int) -> VerifierKey:
    """Return the log's key for the checkpoint of `size` leaves, as the log registers it. Raises NotSealedError."""
    return SignedTree(reading).key(size)


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


def _with_the_log_keys(reading: Reading, events: dict[str, dict[str, Any]], epoch: SignedTree, size: int) -> set[str]:
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
    leaves = [row_hash(fields, [one[f] for f in fields]) for fields, one in rows]
    present: list[tuple[tuple[str, ...], Row] | None] = [*rows]
    for position, hash_ in opened.absent_rows(reading, row["event_id"]):
        leaves.insert(position - 1, hash_)
        present.insert(position - 1, None)
    inside = merkle.nodes_of(leaves)
    return ProvenEvent(
        {field: row[field] for field in EVENT_FIELDS},
        row["signature"],
        row["second_signature"],
        seal,
        tuple(
            ProvenRow(kept[1], tuple(merkle.sided_path(inside, place, len(leaves))))
            for place, kept in enumerate(present)
            if kept is not None
            and (kept[1].get("unit_id") in units or (kept[1].get("register") == "key" and kept[1]["subject"] in keys))
        ),
    )
