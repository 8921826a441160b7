"""Which of the log's trees was verified last, as the clean run left it in a file, beside what the log says now."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from handoff_logs.reading import Reading
from handoff_logs.verify.state import StateRefusedError, read_state

_ROOT: Final = "SELECT root FROM seal_checkpoint WHERE epoch = :epoch AND size = :size"


@dataclass(frozen=True, slots=True)
class LastVerified:
    """The tree of the last clean verification and when that ended (microseconds UTC).

    `size` is None where the file can't be read; `kept` is False where the log signs another root for it now.
    """

    size: int | None
    time_us: int
    kept: bool


def read_verified(reading: Reading, path: Path) -> LastVerified | None:
    """Return what was verified last; None before the first time."""
    try:
        tree = read_state(path)
    except StateRefusedError:
        return LastVerified(None, 0, False)
    if tree is None:
        return None
    signed = reading.rows(_ROOT, epoch=tree.epoch, size=tree.size)
    kept = all(bytes.fromhex(row["root"]) == tree.root for row in signed)
    return LastVerified(tree.size, path.stat().st_mtime_ns // 1000, kept)
