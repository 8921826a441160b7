"""Verifying a proof from its file and the log's public key alone, in the steps that docs/proofs.md numbers. Pure."""

import base64
import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from handoff_logs import cosignatures, merkle
from handoff_logs.checkpoints import Checkpoint
from handoff_logs.errors import ForgedNoteError, MalformedNoteError, UnsignedNoteError
from handoff_logs.notes import ED25519, Note, Signature, VerifierKey, decoded_base64
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


@dataclass(frozen=True, slots=True)
class Continued:
    """Two checkpoints of one log, of which the second continues the first."""

    old: Checkpoint
    new: Checkpoint


def verify(data: bytes, key: VerifierKey, witnesses: Sequence[VerifierKey] = ()) -> Verified | Continued:
    """Verify the proof in a file's bytes with the log's key; each of `witnesses` must have cosigned its checkpoint.

    Raises MalformedProofError for what is not written as it must be, BrokenProofError for what does not hold.
    """
    proof = parse(data)
    if isinstance(proof, ConsistencyProof):
        return _continued(proof, key)
    checkpoint = signed_checkpoint(proof.note, key, "checkpoint")
    witnessed = [_witnessed(proof, witness) for witness in witnesses]
    events = _Events(checkpoint, key)
    for number, event in enumerate(proof.events):
        events.add(event, f"events[{number}], {event.event['act']} by {acting_station(event.event)}")
    events.finish()
    named = {witness.name for witness in witnesses}
    return Verified(
        checkpoint,
        tuple(witnessed),
        tuple(sorted({one.witness for one in proof.cosignatures} - named)),
        custody(proof.numbers, events.known),
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
    old, new = signed_checkpoint(proof.old, key, "old"), signed_checkpoint(proof.new, key, "new")
    if not merkle.verify_consistency(old.size, new.size, proof.path, old.root, new.root):
        raise BrokenProofError("path", f"the log of {new.size} records does not begin with that of {old.size}")
    return Continued(old, new)


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
    """The events of a proof, verified one after another in the order of the log."""

    def __init__(self, checkpoint: Checkpoint, key: VerifierKey) -> None:
        self._checkpoint, self._log_key = checkpoint, key
        self._log_key_id = hashlib.sha256(key.public).hexdigest()[:16]
        self._keys = _Keys()
        self._last_leaf: int | None = -1
        self.known: dict[str, Known] = {}

    def add(self, proven: ProvenEvent, place: str) -> None:
        """Verify an event: its rows, its place in the order, its signatures, its leaf; then learn its keys."""
        event = proven.event
        self._in_order(proven, place)
        if event["event_id"] in self.known:
            raise BrokenProofError(place, f"the event {event['event_id']} is there twice")
        _verify_rows(proven, place)
        if not self.known:
            # Nothing before the first record could register the keys that sign it: the log's key vouches for it.
            self._learn(proven, place)
            self._expect_log_key(place)
        hash_ = event_hash(event)
        self._verify_signatures(proven, hash_, place)
        if proven.seal is not None:
            entry = leaf_entry(proven.seal.seq, hash_, proven.signature, proven.second_signature)
            index, size = proven.seal.leaf, self._checkpoint.size
            path = proven.seal.path
            if not merkle.verify_inclusion(merkle.leaf_hash(entry), index, size, path, self._checkpoint.root):
                raise BrokenProofError(place, f"it is not the leaf {index} under the checkpoint of {size}")
        if self.known:
            self._learn(proven, place)
        self.known[str(event["event_id"])] = Known(proven, place, hash_)

    def finish(self) -> None:
        """Verify what holds only once all events are known."""
        if not self.known:
            raise BrokenProofError("events", "the log's first record is not there")
        if "revoked" in self._keys.facts[self._log_key_id]:
            raise BrokenProofError("checkpoint", "the log's key was revoked by a record before it")

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

    def _expect_log_key(self, place: str) -> None:
        public = base64.b64encode(self._log_key.public).decode()
        if self._keys.facts[self._log_key_id] != {"owner": LOG_OWNER, "public": public}:
            raise BrokenProofError(place, f"the log's first record does not register the log's key {self._log_key}")

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
