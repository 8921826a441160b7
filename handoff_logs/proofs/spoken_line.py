"""A checkpoint as a short line on paper: what two supervisors sign at the shift's close, and read to one another.

`origin size AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-CCCC`: the first 120 bits of the root in Crockford's base 32, which has no I,
L, O and U, and four characters that tell a slip of the tongue or pen from another log.
"""

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import Final

from handoff_logs.checkpoints import MAX_SIZE, Checkpoint
from handoff_logs.proofs.errors import LineNotContainedError, MistypedLineError

ROOT_BYTES: Final = 15
"""Two histories with one line would cost 2^60 tries, a second one for a line that is signed 2^120."""
GROUP: Final = 4

_TO_PAPER: Final = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789ABCDEFGHJKMNPQRSTVWXYZ")
_FROM_PAPER: Final = str.maketrans("ILO", "110")
_PAPER: Final = re.compile(r"[0-9A-HJKMNP-TV-Z]{28}")
_SIZE: Final = re.compile(r"[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class SpokenLine:
    """What a line says: the log's origin, its size, and 28 characters."""

    origin: str
    size: int
    characters: str

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> "SpokenLine":
        """Return the line of a checkpoint.

        >>> str(SpokenLine.of(Checkpoint("passline.example/00c0ffee", 17, bytes(32))))
        'passline.example/00c0ffee 17 0000-0000-0000-0000-0000-0000-FX5E'
        """
        characters = base64.b32encode(checkpoint.root[:ROOT_BYTES]).decode().translate(_TO_PAPER)
        check = _check(checkpoint.origin, checkpoint.size, characters)
        return cls(checkpoint.origin, checkpoint.size, characters + check)

    @classmethod
    def parse(cls, text: str) -> "SpokenLine":
        """Return what was typed from paper; case, spaces and dashes between groups don't matter.

        Raises MistypedLineError.
        """
        origin, size, *groups = [*text.split(), "", ""]
        origin = origin.lower()
        characters = "".join(groups).replace("-", "").upper().translate(_FROM_PAPER)
        if not _SIZE.fullmatch(size) or int(size) > MAX_SIZE:
            raise MistypedLineError("the log's size, a number, does not come second")
        if not _PAPER.fullmatch(characters):
            raise MistypedLineError("seven groups of four letters and digits do not come third")
        if characters[-GROUP:] != _check(origin, int(size), characters[:-GROUP]):
            raise MistypedLineError("its last group does not fit the rest")
        return cls(origin, int(size), characters)

    def expect(self, log: Checkpoint | None, origin: str) -> None:
        """Raise LineNotContainedError unless `log`, what the log is at this size, is what the line says."""
        if origin != self.origin:
            raise LineNotContainedError(str(self), f"it is the log {origin}")
        if log is None:
            raise LineNotContainedError(str(self), "it has fewer records")
        if SpokenLine.of(log) != self:
            raise LineNotContainedError(str(self), f"its first {self.size} records are others")

    def __str__(self) -> str:
        """Return the line as it is printed."""
        groups = (self.characters[i : i + GROUP] for i in range(0, len(self.characters), GROUP))
        return f"{self.origin} {self.size} {'-'.join(groups)}"


def _check(origin: str, size: int, characters: str) -> str:
    digest = hashlib.sha256(f"{origin}\n{size}\n{characters}\n".encode()).digest()
    return base64.b32encode(digest[:5]).decode().translate(_TO_PAPER)[:GROUP]
