"""One of the log's trees as its keys signed it: its checkpoints as signed notes, its hashes, who cosigned it."""

import base64
from typing import Final

from handoff_logs import opened
from handoff_logs.checkpoints import Checkpoint
from handoff_logs.notes import Note, Signature, VerifierKey
from handoff_logs.proofs.errors import BrokenProofError, NotSealedError
from handoff_logs.proofs.proof_file import SeenBy
from handoff_logs.reading import Reading
from handoff_logs.succession import ENTRIES, Succession, successions
from handoff_logs.tree_store import MissingHashError, stored

_NEWEST: Final = (
    "SELECT origin.epoch, origin.origin, point.size FROM seal_origin AS origin"
    " JOIN seal_checkpoint AS point ON point.epoch = origin.epoch WHERE origin.epoch <= :epoch"
    " ORDER BY origin.epoch DESC, point.size DESC LIMIT 1"
)
_CHECKPOINT: Final = "SELECT root, key_id, signature FROM seal_checkpoint WHERE epoch = :epoch AND size = :size"
_NEWEST_WITNESSED: Final = "SELECT max(size) AS size FROM seal_cosignature WHERE epoch = :epoch"
_COSIGNATURES: Final = (
    "SELECT witness, signature FROM seal_cosignature WHERE epoch = :epoch AND size = :size ORDER BY witness, time_s"
)
NO_LATER: Final = 2**31 - 1


class SignedTree:
    """The log's newest signed tree, or the newest of those up to `epoch`. Raises NotSealedError."""

    def __init__(self, reading: Reading, epoch: int = NO_LATER) -> None:
        self._reading = reading
        newest = reading.rows(_NEWEST, epoch=epoch)
        if not newest:
            raise NotSealedError(None, None)
        (row,) = newest
        self.number, self.newest, self.origin = int(row["epoch"]), int(row["size"]), str(row["origin"])
        self.keys = successions(reading.tuples(ENTRIES)).get(self.number, Succession())
        is_opened = bool(opened.years(reading))
        self._stored = opened.nodes(reading, self.number) if is_opened else stored(self._hashes, self.number)

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

    @property
    def witnessed(self) -> int | None:
        """The newest size that a witness cosigned, None if none did."""
        size = self._reading.rows(_NEWEST_WITNESSED, epoch=self.number)[0]["size"]
        return None if size is None else int(size)

    def covering(self, leaves: int) -> int:
        """Return the newest witnessed size if it covers `leaves` leaves, else the newest."""
        witnessed = self.witnessed
        return witnessed if witnessed is not None and witnessed >= leaves else self.newest

    def signed(self, size: int) -> Note:
        """Return a checkpoint as it was signed.

        Raises NotSealedError for a size that was never signed, BrokenProofError where the record of its key is gone.
        """
        rows = self._reading.rows(_CHECKPOINT, epoch=self.number, size=size)
        if not rows:
            opened.refuse_opened(self._reading)
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
