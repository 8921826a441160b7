"""Checkpoints (C2SP tlog-checkpoint): what a log was at one size, as the text of a signed note."""

import base64
import re
from dataclasses import dataclass
from typing import Final

from handoff_logs.errors import MalformedNoteError
from handoff_logs.merkle import HASH_BYTES
from handoff_logs.notes import decoded_base64

MAX_SIZE: Final = 2**63 - 1
"""Leaves of a tree: what a database counts with."""

_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True)
class Checkpoint:
    """The log's origin, its number of leaves, the 32-byte root over them, and lines that mean nothing here."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Return the checkpoint that a note's text is. Raises MalformedNoteError."""
        lines = text.split("\n")
        if lines.pop():
            raise MalformedNoteError("checkpoint", "its end", "it does not end with a newline")
        if len(lines) < 3:
            raise MalformedNoteError("checkpoint", "its end", "it has fewer lines than origin, size and root")
        for number, line in enumerate(lines, start=1):
            if not line:
                raise MalformedNoteError("checkpoint", f"line {number}", "it is empty")
        origin, size, root, *extensions = lines
        return cls(
            origin,
            parsed_size(size, "checkpoint", "line 2"),
            parsed_hash(root, "checkpoint", "line 3"),
            tuple(extensions),
        )

    @property
    def text(self) -> str:
        """The text as it is signed."""
        return "\n".join([self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.extensions, ""])


def parsed_size(text: str, what: str, place: str) -> int:
    """Return a tree's size from its decimal digits. Raises MalformedNoteError."""
    if not _DECIMAL.fullmatch(text) or int(text) > MAX_SIZE:
        raise MalformedNoteError(what, place, "it is no size: digits without leading zeroes, below 2^63")
    return int(text)


def parsed_hash(text: str, what: str, place: str) -> bytes:
    """Return the 32 bytes of a hash from its base64. Raises MalformedNoteError."""
    decoded = decoded_base64(text)
    if decoded is None or len(decoded) != HASH_BYTES:
        raise MalformedNoteError(what, place, "it is no base64 of 32 bytes")
    return decoded
