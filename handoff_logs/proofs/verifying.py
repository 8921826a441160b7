"""Verifying a proof from its file and the log's public key alone, in the steps that docs/proofs.md numbers. Pure.

Where the log's key changed, the file has what leads from its first key to the last one; the public key that is brought
may be any of those that signed.
"""

import base64
import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from handoff_logs import cosignatures, merkle
from handoff_logs.checkpoints import Checkpoint
from handoff_logs.errors import ForgedNoteError, MalformedNoteError, UnsignedNoteError
from handoff_logs.notes import ED25519, PUBLIC_BYTES, Note, Signature, VerifierKey, decoded_base64
from handoff_logs.proofs.errors import BrokenProofError
from handoff_logs.proofs.proof_file import (
    ConsistencyProof,
    CustodyProof,
    ProvenEvent,
    Row,
    checkpoint_of,
    parse,
)
from handoff_logs.proofs.unit_steps import Known, custody
from handoff_logs.records import (
    REGISTER_FIELDS,
    Act,
    acting_station,
    event_hash,
    leaf_entry,
    row_hash,
    second_signer,
    signed_bytes,
)

LOG_OWNER: Final = "log"
"""Under which the log's own key is registered."""

NOT_SAID: Final = (
    "It does not say that nothing happened after the last step shown or after this checkpoint, nor that no other unit"
    " bears the number, nor that no key was revoked by a record that is not in the file."
)
"""What nobody may read out of a proof that holds."""


@dataclass(frozen=True, slots=True)
class Witnessed:
    """Who cosigned the checkpoint, and when by the witness's clock (seconds since 1970)."""

    witness: str
    time_s: int


@dataclass(frozen=True, slots=True)
class KeyChange:
    """The leaf that names the log's next key, the `old` key, which signed the log up to this leaf, and the next one."""

    leaf: int
    old: VerifierKey
    key: VerifierKey


@dataclass(frozen=True, slots=True)
class Verified:
    """What a proof that holds says.

    `steps`: the custody, a row a step of a unit, in the order of the log; `leaf` is None where the checkpoint does not
    cover the step yet, and then only the signature stands for it. `unchecked`: witnesses named in the file whose keys
    were not given.
    """

    checkpoint: Checkpoint
    witnessed: tuple[Witnessed, ...]
    unchecked: tuple[str, ...]
    steps: list[dict[str, Any]]
    key_changes: tuple[KeyChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Continued:
    """Two checkpoints of one log, of which the second continues the first; `key_changes` up to the second."""

    old: Checkpoint
    new: Checkpoint
    key_changes: tuple[KeyChange, ...] = ()


def verify(data: bytes, key: VerifierKey, witnesses: Sequence[VerifierKey] = ()) -> Verified | Continued:
    """Verify the proof in a file's bytes with the log's key; each of `witnesses` must have cosigned its checkpoint.

    Raises MalformedProofError for what is not written as it must be, BrokenProofError for what does not hold.
    """
    proof = parse(data)
    if isinstance(proof, ConsistencyProof):
        return _continued(proof, key)
    events = _Events(proof.note, "checkpoint", key, proof.handovers)
    witnessed = [_witnessed(proof, witness) for witness in witnesses]
    events.add_all(proof.events)
    named = {witness.name for witness in witnesses}
    return Verified(
        events.checkpoint,
        tuple(witnessed),
        tuple(sorted({one.witness for one in proof.cosignatures} - named)),
        custody(proof.numbers, events.known),
        events.key_changes,
    )


def signed_checkpoint(note: Note, key: VerifierKey, place: str) -> Checkpoint:
    """Return the checkpoint of a note that the log's key signed. Raises BrokenProofError."""
    checkpoint = checkpoint_of(note)
    try:
        note.signatures_of([key])
    except (UnsignedNoteError, ForgedNoteError) as error:
        raise BrokenProofError(place, str(error)) from error
    if checkpoint.origin != key.name:
        raise BrokenProofError(place, f"it is of the log {checkpoint.origin}, and the key is {key.name}'s")
    return checkpoint


def _continued(proof: ConsistencyProof, key: VerifierKey) -> Continued:
    changes: tuple[KeyChange, ...] = ()
    if proof.events:
        events = _Events(proof.new, "new", key, proof.handovers)
        events.add_all(proof.events)
        new, changes = events.checkpoint, events.key_changes
        old = signed_checkpoint(proof.old, events.signer(checkpoint_of(proof.old).size), "old")
    else:
        old, new = signed_checkpoint(proof.old, key, "old"), signed_checkpoint(proof.new, key, "new")
    if not merkle.verify_consistency(old.size, new.size, proof.path, old.root, new.root):
        raise BrokenProofError("path", f"the log of {new.size} records does not begin with that of {old.size}")
    return Continued(old, new, changes)


def _witnessed(proof: CustodyProof, key: VerifierKey) -> Witnessed:
    for number, one in enumerate(proof.cosignatures):
        if one.witness == key.name:
            try:
                seen = cosignatures.verified(proof.note.text, Signature(key.name, key.key_id, one.signature), key)
            except (ForgedNoteError, MalformedNoteError) as error:
                raise BrokenProofError(f"cosignatures[{number}]", str(error)) from error
            return Witnessed(key.name, seen.time_s)
    raise BrokenProofError("cosignatures", f"{key.name} did not witness this checkpoint")


@dataclass
class _Keys:
    """The keys that the records so far have registered, and which of them were revoked since."""

    facts: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))

    def learn(self, row: Row, place: str) -> None:
        if row["register"] != "key":
            return
        subject, fact, value = str(row["subject"]), str(row["field"]), row["value"]
        if value is None:
            self.facts[subject].pop(fact, None)
            return
        public = decoded_base64(str(value)) if fact == "public" else b""
        if public is None or (fact == "public" and hashlib.sha256(public).hexdigest()[:16] != subject):
            raise BrokenProofError(place, f"it registers another key than {subject}")
        self.facts[subject][fact] = str(value)

    def verifier(self, key_id: str, owner: str, place: str) -> VerifierKey:
        facts = self.facts.get(key_id, {})
        if "public" not in facts or "owner" not in facts:
            raise BrokenProofError(place, f"its key {key_id} was not registered by an earlier record")
        if facts["owner"] != owner:
            raise BrokenProofError(place, f"its key {key_id} is {facts['owner']}'s, and {owner} had to sign")
        if "revoked" in facts:
            raise BrokenProofError(place, f"its key {key_id} was revoked by an earlier record")
        return VerifierKey(key_id, ED25519, base64.b64decode(facts["public"]))


class _Events:
    """The events of a proof, verified one after another in the order of the log, and who signed its checkpoints."""

    def __init__(self, note: Note, place: str, key: VerifierKey, handovers: Sequence[Note]) -> None:
        self._note, self._place, self._key, self._handovers = note, place, key, handovers
        self.checkpoint = checkpoint_of(note) if handovers else signed_checkpoint(note, key, place)
        self._keys = _Keys()
        # Each key of the log, and the size above which it signs.
        self._signers: list[tuple[int, VerifierKey]] = []
        self._last_leaf: int | None = -1
        self.known: dict[str, Known] = {}

    def add_all(self, events: Sequence[ProvenEvent]) -> None:
        """Verify the events, and then that the log's own keys signed the checkpoint they are under."""
        for number, event in enumerate(events):
            self._add(event, f"events[{number}], {event.event['act']} by {acting_station(event.event)}")
        if not self.known:
            raise BrokenProofError("events", "the log's first record is not there")
        if len(self.key_changes) < len(self._handovers):
            raise BrokenProofError(f"handovers[{len(self.key_changes)}]", "no record in the file names a next key")
        signed_checkpoint(self._note, self.signer(self.checkpoint.size), self._place)
        if self._key not in [key for above, key in self._signers if above < self.checkpoint.size]:
            raise BrokenProofError(self._place, f"none of the log's keys that signed it is {self._key}")

    def signer(self, size: int) -> VerifierKey:
        """Return the log's key that signs the checkpoint of `size` leaves."""
        return [key for above, key in self._signers if above < size or not above][-1]

    @property
    def key_changes(self) -> tuple[KeyChange, ...]:
        """Where the log's key changed, up to the checkpoint."""
        return tuple(KeyChange(above - 1, old, key) for (_, old), (above, key) in pairwise(self._signers))

    def _add(self, proven: ProvenEvent, place: str) -> None:
        """Verify an event: its rows, its place in the order, its signatures, its leaf; then learn its keys."""
        event = proven.event
        self._in_order(proven, place)
        if event["event_id"] in self.known:
            raise BrokenProofError(place, f"the event {event['event_id']} is there twice")
        _verify_rows(proven, place)
        if not self.known:
            # Nothing before the first record could register the keys that sign it: the log's key vouches for it.
            self._learn(proven, place)
            self._begin(proven, place)
        hash_ = event_hash(event)
        self._verify_signatures(proven, hash_, place)
        if proven.seal is not None:
            leaf = merkle.leaf_hash(leaf_entry(proven.seal.seq, hash_, proven.signature, proven.second_signature))
            index, size, path = proven.seal.leaf, self.checkpoint.size, proven.seal.path
            if not merkle.verify_inclusion(leaf, index, size, path, self.checkpoint.root):
                raise BrokenProofError(place, f"it is not the leaf {index} under the checkpoint of {size}")
            if self.known:
                self._change_key(proven, merkle.root_ending_with(leaf, index, size, path), place)
        if self.known:
            self._learn(proven, place)
        self.known[str(event["event_id"])] = Known(proven, place, hash_)

    def _in_order(self, proven: ProvenEvent, place: str) -> None:
        leaf = None if proven.seal is None else proven.seal.leaf
        if not self.known and leaf != 0:
            raise BrokenProofError(place, "it is not the log's first record, the leaf 0")
        if leaf is not None and (self._last_leaf is None or leaf <= self._last_leaf):
            raise BrokenProofError(place, f"the leaf {leaf} does not come after those before it")
        self._last_leaf = leaf

    def _learn(self, proven: ProvenEvent, place: str) -> None:
        for number, one in enumerate(proven.rows):
            if one.fields is REGISTER_FIELDS:
                if proven.event["act"] != Act.REGISTER:
                    raise BrokenProofError(f"rows[{number}] of {place}", "only the act `register` changes a register")
                self._keys.learn(one.row, f"rows[{number}] of {place}")

    def _begin(self, proven: ProvenEvent, place: str) -> None:
        """The log's first record names its first key."""
        named = _log_keys(proven)
        public = self._keys.facts[next(iter(named))].get("public") if len(named) == 1 else None
        if public is None:
            raise BrokenProofError(place, "the log's first record does not register the log's key, or two of them")
        self._signers = [(0, VerifierKey(self.checkpoint.origin, ED25519, base64.b64decode(public)))]
        if not self._handovers and self._signers[0][1] != self._key:
            raise BrokenProofError(place, f"the log's first record does not register the log's key {self._key}")

    def _change_key(self, proven: ProvenEvent, root: bytes, place: str) -> None:
        """Follow a sealed record that speaks of the log's keys: to the next one, if the one before vouches for it.

        `root`: of the log up to this record.
        """
        (_, present), leaf = self._signers[-1], proven.seal.leaf if proven.seal else 0
        named, ended = _log_keys(proven), _ended(proven) & {_key_id(key) for _, key in self._signers}
        if not named and not ended:
            return
        event = proven.event
        if not named:
            raise BrokenProofError(place, "the log's key was revoked by a record that names no next one")
        if len(named) != 1 or ended != {_key_id(present)} or event["second_person"] in (None, event["person"]):
            raise BrokenProofError(place, "it changes the log's key, and not as two people name one next key for one")
        public = _log_public(proven, next(iter(named)), place)
        following = VerifierKey(present.name, ED25519, public)
        if following in [key for _, key in self._signers]:
            raise BrokenProofError(place, f"it names {following} as the log's next key, which it was before")
        if leaf + 1 < self.checkpoint.size:
            number = len(self._signers) - 1
            if number >= len(self._handovers):
                raise BrokenProofError("handovers", f"what the key before signed over the leaf {leaf} is not there")
            at = f"handovers[{number}]"
            signed = signed_checkpoint(self._handovers[number], present, at)
            if (signed.size, signed.root) != (leaf + 1, root):
                raise BrokenProofError(at, f"it is not the log up to the leaf {leaf}, which names the next key")
        self._signers.append((leaf + 1, following))

    def _verify_signatures(self, proven: ProvenEvent, hash_: str, place: str) -> None:
        event, message = proven.event, signed_bytes(hash_)
        key = self._keys.verifier(str(event["key_id"]), f"station:{acting_station(event)}", place)
        if not key.holds(message, base64.b64decode(proven.signature)):
            raise BrokenProofError(place, f"its signature is not of the key {key.name} or not of these columns")
        if (event["second_key_id"] is None) != (proven.second_signature is None):
            raise BrokenProofError(place, "a second signature and its key come together")
        if proven.second_signature is not None:
            second = self._keys.verifier(str(event["second_key_id"]), f"person:{second_signer(event)}", place)
            if not second.holds(message, base64.b64decode(proven.second_signature)):
                raise BrokenProofError(place, f"its second signature is not of the key {second.name}")


def _log_keys(proven: ProvenEvent) -> set[str]:
    """The ids of the keys that an event names as the log's."""
    return {str(row["subject"]) for row in _key_rows(proven) if row["field"] == "owner" and row["value"] == LOG_OWNER}


def _ended(proven: ProvenEvent) -> set[str]:
    return {str(row["subject"]) for row in _key_rows(proven) if row["field"] == "revoked" and row["value"] is not None}


def _log_public(proven: ProvenEvent, key_id: str, place: str) -> bytes:
    for row in _key_rows(proven):
        if row["subject"] == key_id and row["field"] == "public":
            public = decoded_base64(str(row["value"]))
            if public is not None and len(public) == PUBLIC_BYTES:
                return public
    raise BrokenProofError(place, f"it names the log's key {key_id} without its public side")


def _key_rows(proven: ProvenEvent) -> list[Row]:
    return [one.row for one in proven.rows if one.fields is REGISTER_FIELDS and one.row["register"] == "key"]


def _key_id(key: VerifierKey) -> str:
    return hashlib.sha256(key.public).hexdigest()[:16]


def _verify_rows(proven: ProvenEvent, place: str) -> None:
    event, seen = proven.event, set()
    root = bytes.fromhex(str(event["units_root"]))
    for number, one in enumerate(proven.rows):
        at, row = f"rows[{number}] of {place}", one.row
        leaf = row_hash(one.fields, [row[name] for name in one.fields])
        if merkle.followed(leaf, one.path) != root:
            raise BrokenProofError(at, "its path does not lead to its event's units_root")
        if row["event_id"] != event["event_id"]:
            raise BrokenProofError(at, "it is a row of another event")
        if leaf in seen:
            raise BrokenProofError(at, "it is there twice")
        seen.add(leaf)
