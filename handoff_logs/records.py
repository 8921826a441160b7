"""What a custody record is: its words, its ids and its hashes. Pure: no database, no clock but the one in an id."""

import hashlib
import os
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from json.encoder import encode_basestring
from operator import itemgetter

from handoff_logs import merkle

SCHEMA_VERSION = 2
ID_LENGTH = 32
MAX_INTEGER = 2**53 - 1

ADMINISTRATION = "administration"
"""The station that keeps the registers: its key signs every change of them."""

Scalar = str | int | bool | None
"""What a hashed column may hold; no floats, whose text differs between languages."""


class Act(StrEnum):
    """What a custody event records. The first five are two-sided: one station's word to another."""

    OFFER = "offer"
    ACCEPT = "accept"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"
    TAKE_BACK = "take_back"
    RECEIVE = "receive"
    MOVE = "move"
    TRANSFORM = "transform"
    SPLIT = "split"
    MERGE = "merge"
    PACK = "pack"
    UNPACK = "unpack"
    VOID = "void"
    DESTROY = "destroy"
    DISPATCH = "dispatch"
    SETTLE = "settle"
    CORRECT = "correct"
    REGISTER = "register"


class Kind(StrEnum):
    """What custody is kept of."""

    ORDER = "order"
    BLANK = "blank"
    DOCUMENT = "document"
    TRAY = "tray"
    PARCEL = "parcel"


class State(StrEnum):
    """How a unit stands after a step. `void…` is defaced and awaits destruction; `doubt` is quarantined."""

    HELD = "held"
    OFFERED = "offered"
    REFUSED = "refused"
    MISSING = "missing"
    PACKED = "packed"
    OUTSIDE = "outside"
    VOID = "void"
    VOID_OFFERED = "void_offered"
    VOID_REFUSED = "void_refused"
    VOID_MISSING = "void_missing"
    DOUBT = "doubt"
    ENDED = "ended"


class Outcome(StrEnum):
    """How two people settle a case (the first four), a unit in doubt (`lost` and the next three), what is outside."""

    FOUND_AT_SENDER = "found-at-sender"
    FOUND_AT_RECEIVER = "found-at-receiver"
    FOUND_ELSEWHERE = "found-elsewhere"
    LOST = "lost"
    MADE_GOOD = "made-good"
    MADE_BAD = "made-bad"
    UNMARKED = "unmarked"
    DELIVERED = "delivered"


class CaseKind(StrEnum):
    """How a count differed from what was offered, one case a unit."""

    MISSING = "missing"
    SURPLUS = "surplus"
    SWAPPED = "swapped"


@dataclass(frozen=True, slots=True)
class Party:
    """Who acts: a person (opaque staff code) at a station during a shift, and the sign-in by which they do."""

    station: str
    person: str
    shift: str
    sign_in: str | None = None


@dataclass(frozen=True, slots=True)
class Birth:
    """A unit that enters the log: its new id, kind, and the number printed on it, if any.

    `number` is unique per kind, for ever. An order's is the application number; a remake or a later revision
    adds `/2`, `/3` …. A missing `salt` is drawn here (32 hex characters), so that repeating the same `Birth` repeats
    the same record.
    """

    unit_id: str
    kind: Kind
    number: str | None = None
    salt: str | None = None

    def __post_init__(self) -> None:
        if self.number is not None and self.salt is None:
            object.__setattr__(self, "salt", secrets.token_hex(16))

    @property
    def number_hash(self) -> str | None:
        """SHA-256(salt ‖ number) in hex, or None for a unit without a number."""
        if self.number is None or self.salt is None:
            return None
        return number_hash(self.salt, self.number)


def new_id() -> str:
    """Return a UUIDv7 (RFC 9562) as 32 lowercase hex characters; ids sort by time to about a microsecond.

    >>> first, second = new_id(), new_id()
    >>> len(first), first[12]
    (32, '7')
    """
    ms, rest_ns = divmod(time.time_ns(), 1_000_000)
    fraction = (rest_ns << 12) // 1_000_000
    tail = int.from_bytes(os.urandom(8)) >> 2
    return f"{(ms << 80) | (0x7 << 76) | (fraction << 64) | (0b10 << 62) | tail:032x}"


def number_hash(salt: str, number: str) -> str:
    """Return SHA-256(salt ‖ number) in hex: what the log keeps of a number; erasing the salt erases the link."""
    return hashlib.sha256(salt.encode() + number.encode()).hexdigest()


def is_salt(text: object) -> bool:
    """Say whether this can be a salt: one of another length would leave open where it ends and the number begins.

    >>> is_salt("ab" * 16), is_salt("ab" * 16 + "E")
    (True, False)
    """
    return isinstance(text, str) and len(text) == ID_LENGTH and set(text) <= set("0123456789abcdef")


def canonical(record: Mapping[str, Scalar]) -> bytes:
    """Encode a flat record as canonical JSON (RFC 8785, ASCII keys, no floats). Raises TypeError for other values.

    >>> canonical({"b": 1, "a": None, "c": "晓"}).decode()
    '{"a":null,"b":1,"c":"晓"}'
    """
    return ("{" + ",".join([f'"{key}":{_scalar(record[key])}' for key in sorted(record)]) + "}").encode()


@lru_cache(maxsize=4096, typed=True)
def _scalar(value: Scalar) -> str:
    """Encode one value. Cached, because the rows of an event differ in little."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return encode_basestring(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and abs(value) <= MAX_INTEGER:
        return str(value)
    raise TypeError(f"{value!r} can't stand in a custody record")


def event_hash(event: Mapping[str, Scalar]) -> str:
    """Return the SHA-256 (hex) of a custody event's columns but `seq` and the signatures themselves."""
    return hashlib.sha256(canonical({field: event[field] for field in EVENT_FIELDS})).hexdigest()


def signed_bytes(hash_: str) -> bytes:
    """Return what each side signs: the event's hash, said to be one, so that a signature means nothing elsewhere."""
    return b"passline custody event\n" + bytes.fromhex(hash_)


def leaf_entry(seq: int, hash_: str, signature: str | None, second_signature: str | None) -> bytes:
    """Return an event's entry in the log's tree: its place in the database, its hash and its signatures."""
    entry: dict[str, Scalar] = {"seq": seq, "event_hash": hash_}
    entry |= {"signature": signature, "second_signature": second_signature}
    return canonical(entry)


def acting_station(event: Mapping[str, Scalar]) -> str:
    """Return the station whose word an event is, and whose key signs it.

    >>> acting_station({"act": "accept", "from_station": "review", "to_station": "qc"})
    'qc'
    """
    if event["act"] in (Act.ACCEPT, Act.REFUSE):
        return str(event["to_station"])
    return ADMINISTRATION if event["act"] == Act.REGISTER else str(event["from_station"])


def second_signer(event: Mapping[str, Scalar]) -> str:
    """Return the person whose own key may sign beside the station's: the second, where there are two."""
    return str(event["second_person"] or event["person"])


def unit_hash(row: Sequence[Scalar]) -> bytes:
    """Return the RFC 6962 leaf hash (32 bytes) of a custody unit row, given in the order of UNIT_FIELDS.

    The leaf is the row's `canonical` encoding; a template writes it at a third of the cost.
    """
    return merkle.leaf_hash((_UNIT_TEMPLATE % tuple(map(_scalar, _unit_values(row)))).encode())


def units_root(
    rows: Iterable[Sequence[Scalar]],
    cases: Iterable[Sequence[Scalar]] = (),
    entries: Iterable[Sequence[Scalar]] = (),
    absent: Iterable[tuple[int, bytes]] = (),
) -> str:
    """Return the Merkle root (hex) over all rows of an event.

    Unit rows (as UNIT_FIELDS) by position, then cases (as CASE_FIELDS) by id, then entries of registers (as
    REGISTER_FIELDS) by position. Their columns' names keep the three kinds apart. `absent`: by position, the leaf
    hashes of unit rows that are not at hand.
    """
    leaves = [unit_hash(row) for row in rows]
    for position, hash_ in absent:
        leaves.insert(position - 1, hash_)
    leaves += [row_hash(CASE_FIELDS, row) for row in cases]
    leaves += [row_hash(REGISTER_FIELDS, row) for row in entries]
    return merkle.root(leaves).hex()


def row_hash(fields: Sequence[str], row: Sequence[Scalar]) -> bytes:
    """Return the RFC 6962 leaf hash (32 bytes) of a row given in the order of `fields`."""
    return merkle.leaf_hash(canonical(dict(zip(fields, row, strict=True))))


EVENT_FIELDS = (
    "event_id",
    "handoff_id",
    "act",
    "from_station",
    "from_place",
    "to_station",
    "to_place",
    "person",
    "second_person",
    "sign_in",
    "second_sign_in",
    "key_id",
    "key_number",
    "second_key_id",
    "second_key_number",
    "machine",
    "shift",
    "tray",
    "priority",
    "count_expected",
    "count_counted",
    "happened_us",
    "due_us",
    "written_us",
    "reason",
    "corrects",
    "corrects_field",
    "corrects_value",
    "offer_id",
    "offer_person",
    "offer_hash",
    "case_id",
    "last_position",
    "units_root",
    "schema_version",
    "emulated",
)
"""The hashed columns of a custody event, in the order they are written."""

UNIT_FIELDS = (
    "unit_id",
    "step",
    "prev_step",
    "event_id",
    "position",
    "kind",
    "state",
    "station",
    "place",
    "person",
    "handoff_id",
    "container",
    "condition",
    "outcome",
    "number_hash",
)
"""The columns of a custody unit row, all hashed, in the order they are written."""

CASE_FIELDS = ("case_id", "event_id", "handoff_id", "unit_id", "kind", "station", "opened_us")
"""The columns of a case, all hashed, in the order they are written."""

REGISTER_FIELDS = ("event_id", "position", "register", "subject", "field", "value")
"""The columns of an entry of a register, all hashed, in the order they are written."""

_UNIT_TEMPLATE = "{" + ",".join(f'"{field}":%s' for field in sorted(UNIT_FIELDS)) + "}"
_unit_values = itemgetter(*(UNIT_FIELDS.index(field) for field in sorted(UNIT_FIELDS)))


def is_outside(station: str) -> bool:
    """Say whether a station is an outside party: the carrier, the supplier or an accepting office.

    >>> is_outside("office:jinan"), is_outside("packing")
    (True, False)
    """
    return station in ("carrier", "supplier") or station.startswith("office:")
