"""Verifying a proof from its file and the log's public key alone, in the steps that docs/proofs.md numbers. Pure."""

import base64
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from handoff_logs import cosignatures, merkle
from handoff_logs.checkpoints import Checkpoint
from handoff_logs.errors import ForgedNoteError, MalformedNoteError, UnsignedNoteError
from handoff_logs.moves import LEGAL_MOVES, NOT_BORN
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
from handoff_logs.records import (
    CASE_FIELDS,
    REGISTER_FIELDS,
    UNIT_FIELDS,
    Act,
    acting_station,
    event_hash,
    leaf_entry,
    number_hash,
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
        _custody(proof, events),
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


@dataclass
class _Known:
    """An event that holds."""

    proven: ProvenEvent
    place: str
    hash: str


class _Events:
    """The events of a proof, verified one after another in the order of the log."""

    def __init__(self, checkpoint: Checkpoint, key: VerifierKey) -> None:
        self._checkpoint, self._log_key = checkpoint, key
        self._log_key_id = hashlib.sha256(key.public).hexdigest()[:16]
        self._keys = _Keys()
        self._last_leaf: int | None = -1
        self.known: dict[str, _Known] = {}

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
        self.known[str(event["event_id"])] = _Known(proven, place, hash_)

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


def _custody(proof: CustodyProof, events: _Events) -> list[dict[str, Any]]:
    """Verify the units' steps one on another, and return them in the order of the log."""
    numbers = _opened(proof, events)
    units: dict[str, list[tuple[_Known, Row, str]]] = defaultdict(list)
    told = []
    for known in events.known.values():
        for number, one in enumerate(known.proven.rows):
            if one.fields is UNIT_FIELDS:
                place = f"rows[{number}] of {known.place}"
                before = units[str(one.row["unit_id"])]
                _verify_step(before, one.row, known, events.known, place)
                before.append((known, one.row, place))
                told.append(_told(known, one.row, numbers))
            elif one.fields is CASE_FIELDS:
                told.append(_told_case(known, one.row, numbers))
    if not units:
        raise BrokenProofError("events", "there is no step of any unit")
    return told


def _verify_step(
    before: Sequence[tuple[_Known, Row, str]], row: Row, known: _Known, events: Mapping[str, _Known], place: str
) -> None:
    event, step = known.proven.event, len(before) + 1
    previous = before[-1][1] if before else None
    if row["step"] != step or row["prev_step"] != (step - 1 or None):
        raise BrokenProofError(place, f"it is the step {row['step']} of its unit where the step {step} has to be")
    if previous is not None and row["kind"] != previous["kind"]:
        raise BrokenProofError(place, f"its {previous['kind']} became a {row['kind']}")
    state = NOT_BORN if previous is None else previous["state"]
    if (event["act"], state, row["state"]) not in LEGAL_MOVES:
        raise BrokenProofError(place, f"{event['act']} can't take a unit from {state} to {row['state']}")
    if previous is not None and row["number_hash"] is not None:
        raise BrokenProofError(place, "only a unit's first step has a number's hash")
    if (
        previous is not None
        and event["act"] not in (Act.RECEIVE, Act.SETTLE, Act.UNPACK)
        and previous["station"] != event["from_station"]
    ):
        raise BrokenProofError(place, f"{event['from_station']} acts on what {previous['station']} holds")
    if event["offer_id"] is not None:
        _verify_answer(before, event, events, place)


def _verify_answer(
    before: Iterable[tuple[_Known, Row, str]], event: Row, events: Mapping[str, _Known], place: str
) -> None:
    """Both sides signed the same: the answer carries the hash of the offer that this unit was in."""
    offer = events.get(str(event["offer_id"]))
    if offer is None or offer.proven.event["act"] != Act.OFFER or all(known is not offer for known, _, _ in before):
        raise BrokenProofError(place, f"{event['act']} answers no offer of this unit")
    if event["offer_hash"] != offer.hash:
        raise BrokenProofError(place, f"{event['act']} answers another offer than {event['offer_id']}")
    if event["act"] in (Act.ACCEPT, Act.REFUSE) and event["person"] == offer.proven.event["person"]:
        raise BrokenProofError(place, f"{event['person']} signed both sides")


def _opened(proof: CustodyProof, events: _Events) -> dict[str, str]:
    """Return the numbers by unit id, each verified against its unit's first step."""
    hashes = {
        row.row["unit_id"]: row.row["number_hash"]
        for known in events.known.values()
        for row in known.proven.rows
        if row.fields is UNIT_FIELDS and row.row["step"] == 1
    }
    numbers: dict[str, str] = {}
    for number, one in enumerate(proof.numbers):
        if hashes.get(one.unit_id) != number_hash(one.salt, one.number) or one.unit_id in numbers:
            raise BrokenProofError(f"numbers[{number}]", f"{one.number} is not the number of the unit {one.unit_id}")
        numbers[one.unit_id] = one.number
    return numbers


def _told(known: _Known, row: Row, numbers: Mapping[str, str]) -> dict[str, Any]:
    event, seal = known.proven.event, known.proven.seal
    return {
        "leaf": None if seal is None else seal.leaf,
        "unit_id": row["unit_id"],
        "number": numbers.get(str(row["unit_id"])),
        "kind": row["kind"],
        "step": row["step"],
        "act": event["act"],
        "state": row["state"],
        "station": row["station"],
        "place": row["place"],
        "person": row["person"],
        "second_person": event["second_person"],
        "signed_by": acting_station(event),
        "key_id": event["key_id"],
        "happened_us": event["happened_us"],
        "written_us": event["written_us"],
        "event_id": event["event_id"],
        "emulated": event["emulated"],
    }


def _told_case(known: _Known, case: Row, numbers: Mapping[str, str]) -> dict[str, Any]:
    facts = {"unit_id": case["unit_id"], "kind": "case", "step": None, "state": case["kind"]}
    row = dict.fromkeys(UNIT_FIELDS) | facts | {"station": case["station"], "person": known.proven.event["person"]}
    return _told(known, row, numbers)
