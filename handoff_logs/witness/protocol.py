"""The one request of the protocol (C2SP tlog-witness, add-checkpoint), as both ends write and read it."""

import base64
from dataclasses import dataclass
from typing import Final

from handoff_logs.checkpoints import Checkpoint, parsed_hash, parsed_size
from handoff_logs.errors import MalformedNoteError
from handoff_logs.notes import Note

PATH: Final = "/add-checkpoint"
SIZE_TYPE: Final = "text/x.tlog.size"
"""Media type of an answer that says which size the witness knows."""
MAX_PROOF: Final = 63
MAX_REQUEST_BYTES: Final = 128 * 1024
"""Room for the proof and sixteen signatures as long as post-quantum ones."""

WHAT: Final = "add-checkpoint request"


@dataclass(frozen=True)
class AddCheckpoint:
    """A signed checkpoint, and the proof that it continues the tree of `old_size` leaves."""

    old_size: int
    proof: tuple[bytes, ...]
    note: Note
    checkpoint: Checkpoint

    @classmethod
    def of(cls, old_size: int, proof: tuple[bytes, ...], note: Note) -> "AddCheckpoint":
        """Return the request for a note. Raises MalformedNoteError if its text is no checkpoint."""
        return cls(old_size, proof, note, Checkpoint.parse(note.text))

    @classmethod
    def parse(cls, body: bytes) -> "AddCheckpoint":
        """Return the request that a body is. Raises MalformedNoteError."""
        head, separator, note = body.partition(b"\n\n")
        if not separator:
            raise MalformedNoteError(WHAT, "its end", "no empty line comes before a checkpoint")
        try:
            old, *proof = head.decode("ascii").split("\n")
        except UnicodeDecodeError:
            raise MalformedNoteError(WHAT, "its head", "it is no ASCII") from None
        if not old.startswith("old "):
            raise MalformedNoteError(WHAT, "line 1", "it does not say `old` and a size")
        if len(proof) > MAX_PROOF:
            raise MalformedNoteError(WHAT, "its proof", f"it has more than {MAX_PROOF} lines")
        old_size = parsed_size(old.removeprefix("old "), WHAT, "line 1")
        hashes = tuple(parsed_hash(line, WHAT, f"line {number}") for number, line in enumerate(proof, start=2))
        return cls.of(old_size, hashes, Note.parse(note))

    def encode(self) -> bytes:
        """Return the body that `parse` reads."""
        lines = [f"old {self.old_size}", *(base64.b64encode(one).decode() for one in self.proof), "", ""]
        return "\n".join(lines).encode() + self.note.encode()
