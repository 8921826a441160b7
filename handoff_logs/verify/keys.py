"""The keys that the log itself registers, and from which leaf to which each is valid."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from handoff_logs.notes import PUBLIC_BYTES, decoded_base64
from handoff_logs.reading import Reading
from handoff_logs.records import signed_bytes
from handoff_logs.verify.bounds import LEAF_OF_EVENT, Bounds

LOG_OWNER = "log"
WITNESS_OWNER = "witness:"
"""What a registered witness's owner begins with; its name in cosignatures follows."""

_ENTRIES = (
    "SELECT entry.subject, entry.field, entry.value, event.seq, leaf.epoch, leaf.leaf_index"  # noqa: S608 own names
    " FROM custody_register AS entry JOIN custody_event AS event ON event.event_id = entry.event_id"
    f" LEFT JOIN {LEAF_OF_EVENT} WHERE entry.register = 'key' AND event.seq <= :last"
    " ORDER BY event.seq, entry.position"
)


class Place(NamedTuple):
    """Where a record stands in the log's order: by its leaf; records without one come after, by number."""

    epoch: int
    leaf_index: int

    @classmethod
    def of(cls, epoch: int | None, index: int | None, seq: int) -> "Place":
        """Return the place of a record by its leaf, if it has one, or its `seq`."""
        return cls(UNSEALED_EPOCH, seq) if epoch is None or index is None else cls(epoch, index)


UNSEALED_EPOCH = 2**31


@dataclass(slots=True)
class RegisteredKey:
    """A public key (32 bytes), its owner, and the records that registered and revoked it."""

    key_id: str
    owner: str = ""
    public: bytes = b""
    since: Place = field(default_factory=lambda: Place(UNSEALED_EPOCH, 2**63))
    revoked: Place | None = None


@dataclass(frozen=True)
class Keys:
    """All keys by id. `genesis` is the log's first record, which may sign with a key that it registers itself."""

    by_id: Mapping[str, RegisteredKey]
    genesis: Place | None
    malformed: tuple[str, ...] = ()
    """Ids under which something else than one owner and one public key of that id was registered."""
    _opened: dict[bytes, Any] = field(default_factory=dict, compare=False)

    def fault(self, key_id: object, owner: str, place: Place, hash_: str, signature: object) -> str | None:
        """Say what is wrong with a record's signature by `owner`'s key, None if nothing is."""
        key = self.by_id.get(str(key_id))
        if key is None or not key.public:
            return "its key is registered"
        if key.owner != owner:
            return "its key is the acting side's"
        if not (key.since < place or key.since == place == self.genesis):
            return "its key was registered before it"
        if key.revoked is not None and not place <= key.revoked:
            return "its key was not revoked before it"
        decoded = decoded_base64(signature) if isinstance(signature, str) else None
        if decoded is None or not self.holds(key.public, signed_bytes(hash_), decoded):
            return "its signature is the key's"
        return None

    def witnesses(self) -> dict[str, bytes]:
        """Return the public keys of registered witnesses by name."""
        return {
            key.owner.removeprefix(WITNESS_OWNER): key.public
            for key in self.by_id.values()
            if key.owner.startswith(WITNESS_OWNER) and key.public
        }

    def __getstate__(self) -> dict[str, Any]:
        return {"by_id": self.by_id, "genesis": self.genesis, "malformed": self.malformed, "_opened": {}}

    def holds(self, public: bytes, message: bytes, signature: bytes) -> bool:
        """Whether a key (32 bytes) made this Ed25519 signature; opened keys are remembered between calls."""
        # Only those pay for them who verify.
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        key = self._opened.get(public)
        if key is None:
            key = self._opened[public] = Ed25519PublicKey.from_public_bytes(public)
        try:
            key.verify(signature, message)
        except InvalidSignature:
            return False
        return True


def registered_keys(reading: Reading, bounds: Bounds) -> Keys:
    """Read every key that the log's records register."""
    rows = reading.tuples(_ENTRIES, epoch=bounds.epoch, size=bounds.size, last=bounds.last)
    entries = [
        (str(subject), name, value, Place.of(epoch, index, seq)) for subject, name, value, seq, epoch, index in rows
    ]
    return keys_of(sorted(entries, key=lambda entry: entry[3]))


def keys_of(entries: Iterable[tuple[str, object, object, Place]]) -> Keys:
    """Return the keys that (key id, field, value, place) register, in the log's order."""
    keys: dict[str, RegisteredKey] = {}
    malformed: set[str] = set()
    genesis: Place | None = None
    for subject, name, value, place in entries:
        genesis = genesis or place
        key = keys.setdefault(subject, RegisteredKey(subject))
        if name == "lost":
            continue  # the numbers that a declared loss says are gone
        if name == "revoked":
            key.revoked = key.revoked or place
        elif name == "owner" and isinstance(value, str) and not key.owner:
            key.owner = value
        elif name == "public" and not key.public and (public := _public(subject, value)):
            key.public, key.since = public, place
        else:
            malformed.add(subject)
    return Keys(keys, genesis, tuple(sorted(malformed)))


def _public(key_id: str, value: object) -> bytes | None:
    decoded = decoded_base64(value) if isinstance(value, str) else None
    if decoded is None or len(decoded) != PUBLIC_BYTES or hashlib.sha256(decoded).hexdigest()[:16] != key_id:
        return None
    return decoded
