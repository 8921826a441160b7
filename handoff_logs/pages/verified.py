"""Which of the log's trees was verified last, as the clean run left it in a file, beside what the log says now."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from handoff_logs.reading import Reading

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
        time_us = path.stat().st_mtime_ns // 1000
        said = json.loads(path.read_text(encoding="utf-8"))
        epoch, size, root = int(said["epoch"]), int(said["size"]), bytes.fromhex(said["root"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return LastVerified(None, 0, False)
    signed = reading.rows(_ROOT, epoch=epoch, size=size)
    return LastVerified(size, time_us, all(bytes.fromhex(row["root"]) == root for row in signed))
