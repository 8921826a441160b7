"""A proof of custody as a file: what docs/proofs.md describes, written and read strictly."""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from handoff_logs.checkpoints import Checkpoint
from handoff_logs.cosignatures import TIME_BYTES
from handoff_logs.errors import MalformedNoteError
from handoff_logs.merkle import HASH_BYTES
from handoff_logs.notes import SIGNATURE_BYTES, Note, decoded_base64
from handoff_logs.proofs.strict_json import Value, read
from handoff_logs.records import CASE_FIELDS, EVENT_FIELDS, REGISTER_FIELDS, UNIT_FIELDS, Scalar

CUSTODY: Final = "passline custody proof 1"
CONSISTENCY: Final = "passline consistency proof 1"
CUSTODY_2: Final = "passline custody proof 2"
CONSISTENCY_2: Final = "passline consistency proof 2"
"""Of a log whose key changed: with the checkpoints by which each key vouched for the next one."""

MAX_EVENTS: Final = 100_000
MAX_ROWS: Final = 10_000
MAX_PATH: Final = 64
MAX_NOTE: Final = 8 * 1024
MAX_COSIGNATURES: Final = 64
MAX_HANDOVERS: Final = 10_000

ROW_FIELDS: Final = (UNIT_FIELDS, CASE_FIELDS, REGISTER_FIELDS)
"""The three kinds of rows that an event's root covers; their columns' names tell them apart."""

_INTEGERS: Final = frozenset({
    "step", "prev_step", "position", "key_number", "second_key_number", "priority", "count_expected", "count_counted",
    "happened_us", "due_us", "written_us", "last_position", "schema_version", "opened_us",
})  # fmt: skip
_BOOLEANS: Final = frozenset({"emulated"})
_MAY_BE_NULL: Final = frozenset({
    "from_place", "to_station", "to_place", "second_person", "sign_in", "second_sign_in", "second_key_id",
    "second_key_number", "machine", "tray", "priority", "due_us", "reason", "corrects", "corrects_field",
    "corrects_value", "offer_id", "offer_person", "offer_hash", "case_id", "last_position", "prev_step", "container",
    "condition", "outcome", "number_hash", "value",
})  # fmt: skip
_UNIT_MAY_BE_NULL: Final = _MAY_BE_NULL | {"handoff_id"}

_HASH: Final = re.compile(r"[0-9a-f]{64}")
_ID: Final = re.compile(r"[0-9a-f]{32}")
_SIDED: Final = re.compile(r"(left|right) ([0-9a-f]{64})")

Row = Mapping[str, Scalar]
"""A record's hashed columns by name."""


@dataclass(frozen=True, slots=True)
class ProvenRow:
    """A row of an event, and its path to the event's `units_root`: (whether the sibling is the left one, its hash)."""

    row: Row
    path: tuple[tuple[bool, bytes], ...]

    @property
    def fields(self) -> tuple[str, ...]:
        """The columns of its kind: UNIT_FIELDS, CASE_FIELDS or REGISTER_FIELDS."""
        return next(fields for fields in ROW_FIELDS if self.row.keys() == set(fields))


@dataclass(frozen=True, slots=True)
class Seal:
    """An event's number in the database, its leaf in the log's tree, and the audit path to the checkpoint's root."""

    seq: int
    leaf: int
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ProvenEvent:
    """An event with the rows that matter to the proof; `seal` is None where the checkpoint does not cover it."""

    event: Row
    signature: str
    second_signature: str | None
    seal: Seal | None
    rows: tuple[ProvenRow, ...]


@dataclass(frozen=True, slots=True)
class Opening:
    """The number and salt that a unit's `number_hash` hides."""

    unit_id: str
    number: str
    salt: str


@dataclass(frozen=True, slots=True)
class SeenBy:
    """A witness's cosignature of the checkpoint: 72 bytes, its time and its signature."""

    witness: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class CustodyProof:
    """A signed checkpoint with one signature, and what hangs on it: events in the order of their leaves.

    `handovers`: the checkpoints by which each earlier key of the log vouched for the next one, in their order.
    """

    note: Note
    cosignatures: tuple[SeenBy, ...]
    events: tuple[ProvenEvent, ...]
    numbers: tuple[Opening, ...]
    handovers: tuple[Note, ...] = ()

    def encode(self) -> bytes:
        """Return the bytes that `parse` reads."""
        handovers = {"handovers": _texts(self.handovers)} if self.handovers else {}
        return _encoded(
            {
                "format": CUSTODY_2 if self.handovers else CUSTODY,
                "checkpoint": self.note.encode().decode(),
                **handovers,
                "cosignatures": [written_seen(one) for one in self.cosignatures],
                "events": [_event(event) for event in self.events],
                "numbers": [{"unit_id": one.unit_id, "number": one.number, "salt": one.salt} for one in self.numbers],
            }
        )


@dataclass(frozen=True, slots=True)
class ConsistencyProof:
    """Two signed checkpoints of one log, and the path that shows the second to continue the first.

    `handovers` as in a CustodyProof; `events`: the records that name the log's keys, and the keys that signed these.
    """

    old: Note
    new: Note
    path: tuple[bytes, ...]
    handovers: tuple[Note, ...] = ()
    events: tuple[ProvenEvent, ...] = ()

    def encode(self) -> bytes:
        """Return the bytes that `parse` reads."""
        changes = {"handovers": _texts(self.handovers), "events": [_event(event) for event in self.events]}
        return _encoded(
            {
                "format": CONSISTENCY_2 if self.events else CONSISTENCY,
                "old": self.old.encode().decode(),
                "new": self.new.encode().decode(),
                "path": [sibling.hex() for sibling in self.path],
                **(changes if self.events else {}),
            }
        )


def parse(data: bytes) -> CustodyProof | ConsistencyProof:
    """Return the proof that a file's bytes are. Raises MalformedProofError."""
    whole = read(data)
    names = whole.names()
    if "old" in names:
        changes: tuple[str, ...] = ("handovers", "events") if "events" in names else ()
        found = whole.fields("format", "old", "new", "path", *changes)
        _of_format(found["format"], CONSISTENCY_2 if changes else CONSISTENCY)
        handovers, events = (_handovers(found["handovers"]), _events(found["events"])) if changes else ((), ())
        return ConsistencyProof(note_of(found["old"]), note_of(found["new"]), _path(found["path"]), handovers, events)
    changes = ("handovers",) if "handovers" in names else ()
    found = whole.fields("format", "checkpoint", *changes, "cosignatures", "events", "numbers")
    _of_format(found["format"], CUSTODY_2 if changes else CUSTODY)
    return CustodyProof(
        note_of(found["checkpoint"]),
        tuple(map(seen_by, found["cosignatures"].items(MAX_COSIGNATURES))),
        _events(found["events"]),
        tuple(map(_opening, found["numbers"].items(MAX_EVENTS))),
        _some(found["handovers"]) if changes else (),
    )


def checkpoint_of(note: Note) -> Checkpoint:
    """Return the checkpoint in a note that was parsed here."""
    return Checkpoint.parse(note.text)


def _texts(notes: Sequence[Note]) -> list[str]:
    return [note.encode().decode() for note in notes]


def written_seen(one: SeenBy) -> dict[str, str]:
    """Return a cosignature as `seen_by` reads it."""
    return {"witness": one.witness, "signature": base64.b64encode(one.signature).decode()}


def _encoded(proof: Mapping[str, Any]) -> bytes:
    return (json.dumps(proof, ensure_ascii=False, indent=1) + "\n").encode()


def _event(proven: ProvenEvent) -> dict[str, Any]:
    seal = proven.seal
    return {
        "event": proven.event,
        "signature": proven.signature,
        "second_signature": proven.second_signature,
        "seal": seal and {"seq": seal.seq, "leaf": seal.leaf, "path": [sibling.hex() for sibling in seal.path]},
        "rows": [
            {
                "row": one.row,
                "path": [f"{'left' if is_left else 'right'} {sibling.hex()}" for is_left, sibling in one.path],
            }
            for one in proven.rows
        ],
    }


def _of_format(value: Value, format_: str) -> None:
    if value.text() != format_:
        value.refuse(f"it is not {format_!r}, which this program reads")


def note_of(value: Value) -> Note:
    """Return a checkpoint\'s note with one signature. Raises MalformedProofError."""
    text = value.text(MAX_NOTE, lines=True)
    try:
        note = Note.parse(text.encode())
        Checkpoint.parse(note.text)
    except MalformedNoteError as error:
        value.refuse(f"its {error.what} is malformed at {error.place}: {error.fault}")
    if len(note.signatures) != 1:
        value.refuse("it has other signatures than the log's")
    return note


def _handovers(value: Value) -> tuple[Note, ...]:
    return tuple(map(note_of, value.items(MAX_HANDOVERS)))


def _some(value: Value) -> tuple[Note, ...]:
    return _handovers(value) or value.refuse("there is none, and then this member is not there either")


def _events(value: Value) -> tuple[ProvenEvent, ...]:
    return tuple(map(_proven_event, value.items(MAX_EVENTS)))


def seen_by(value: Value) -> SeenBy:
    """Return a witness\'s cosignature. Raises MalformedProofError."""
    found = value.fields("witness", "signature")
    return SeenBy(found["witness"].text(), _base64(found["signature"], TIME_BYTES + SIGNATURE_BYTES))


def _proven_event(value: Value) -> ProvenEvent:
    found = value.fields("event", "signature", "second_signature", "seal", "rows")
    seal, second = found["seal"], found["second_signature"]
    _base64(found["signature"], SIGNATURE_BYTES)
    if second.value is not None:
        _base64(second, SIGNATURE_BYTES)
    return ProvenEvent(
        columns(found["event"], EVENT_FIELDS),
        found["signature"].text(),
        None if second.value is None else second.text(),
        None if seal.value is None else _seal(seal),
        tuple(map(_proven_row, found["rows"].items(MAX_ROWS))),
    )


def _seal(value: Value) -> Seal:
    found = value.fields("seq", "leaf", "path")
    return Seal(found["seq"].integer(), found["leaf"].integer(), _path(found["path"]))


def _proven_row(value: Value) -> ProvenRow:
    found = value.fields("row", "path")
    names = found["row"].names()
    # The kind whose columns it shares most names with, so that a refusal names the one that is wrong.
    fields = max(ROW_FIELDS, key=lambda kind: len(names & set(kind)))
    return ProvenRow(columns(found["row"], fields), tuple(map(_sided, found["path"].items(MAX_PATH))))


def _opening(value: Value) -> Opening:
    found = value.fields("unit_id", "number", "salt")
    # A salt of another length would leave open where it ends and the number begins.
    salt = found["salt"].matching(_ID, "32 hex characters")
    return Opening(found["unit_id"].text(), found["number"].text(), salt)


def columns(value: Value, fields: Sequence[str]) -> Row:
    """Return a record's columns, each of its type. Raises MalformedProofError."""
    found, nullable = value.fields(*fields), _nullable(fields)
    return {field: _column(field, found[field], nullable) for field in fields}


def types_of(fields: Sequence[str]) -> dict[str, tuple[type, ...]]:
    """Return what JSON gives for each column of a record: `type(value)` is one of these."""
    nullable = _nullable(fields)
    return {
        field: ((bool,) if field in _BOOLEANS else (int,) if field in _INTEGERS else (str,))
        + ((type(None),) if field in nullable else ())
        for field in fields
    }


def _nullable(fields: Sequence[str]) -> frozenset[str]:
    return _UNIT_MAY_BE_NULL if fields is UNIT_FIELDS else _MAY_BE_NULL


def _column(field: str, value: Value, nullable: frozenset[str]) -> Scalar:
    if value.value is None and field in nullable:
        return None
    if field in _INTEGERS:
        return value.integer()
    if field == "units_root":
        return value.matching(_HASH, f"a hash of {HASH_BYTES} bytes")
    return value.boolean() if field in _BOOLEANS else value.text()


def _path(value: Value) -> tuple[bytes, ...]:
    return tuple(bytes.fromhex(one.matching(_HASH, f"a hash of {HASH_BYTES} bytes")) for one in value.items(MAX_PATH))


def _sided(value: Value) -> tuple[bool, bytes]:
    side, sibling = value.matching(_SIDED, "a side and a hash").split(" ")
    return side == "left", bytes.fromhex(sibling)


def _base64(value: Value, length: int) -> bytes:
    decoded = decoded_base64(value.text())
    if decoded is None or len(decoded) != length:
        value.refuse(f"it is no base64 of {length} bytes")
    return decoded
