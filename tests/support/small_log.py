"""A log of a few leaves in memory that signs its checkpoints, for tests of those who read and cosign them."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from handoff_logs.checkpoints import Checkpoint
from handoff_logs.merkle import consistency_path, leaf_hash, nodes_of, root
from handoff_logs.notes import ED25519, Note, VerifierKey, signed
from handoff_logs.witness.protocol import AddCheckpoint


class SmallLog:
    """Sixteen leaves. `seed` makes the key; another `history` than the first has other leaves from `fork` on."""

    def __init__(self, seed: int = 1, history: str = "a", fork: int = 0) -> None:
        self.private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
        self.key = VerifierKey(f"passline.example/{seed:08x}", ED25519, self.private.public_key().public_bytes_raw())
        self.leaves = [leaf_hash(f"{'a' if i < fork else history}{i}".encode()) for i in range(16)]

    def checkpoint(self, size: int) -> Checkpoint:
        """What the log is at a size."""
        return Checkpoint(self.key.name, size, root(self.leaves[:size]))

    def note(self, size: int) -> Note:
        """The log's signed checkpoint of a size."""
        text = self.checkpoint(size).text
        return Note(text, (signed(text, self.key, self.private.sign),))

    def proof(self, old_size: int, size: int) -> tuple[bytes, ...]:
        """That the log of `size` leaves begins with its own first `old_size`."""
        return tuple(consistency_path(nodes_of(self.leaves), old_size, size))

    def request(self, old_size: int, size: int) -> AddCheckpoint:
        """What asks a witness that cosigned `old_size` leaves for the cosignature of `size`."""
        return AddCheckpoint.of(old_size, self.proof(old_size, size), self.note(size))
