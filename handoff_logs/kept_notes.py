"""What the log's key remembers outside the database: the last checkpoint it signed, and the last one cosigned.

They are written after the database has them: they may lag after a crash and never run ahead.
"""

import os
from pathlib import Path
from typing import Final

from handoff_logs.checkpoints import Checkpoint
from handoff_logs.errors import KeyFileRefusedError, LogBehindError, MalformedNoteError
from handoff_logs.notes import Note

SEALED: Final = "sealed.note"
COSIGNED: Final = "cosigned.note"


class KeptNotes:
    """Two signed notes beside the log's key, in its folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, name: str, note: Note) -> None:
        """Remember a signed checkpoint under `name`, on disk when this returns."""
        fresh = self._folder / f".{name}.{os.getpid()}"
        with fresh.open("wb") as file:
            file.write(note.encode())
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(self._folder / name)

    def read(self, name: str) -> tuple[Checkpoint, Note] | None:
        """Return what is remembered under `name`, unverified; None if nothing is. Raises KeyFileRefusedError."""
        path = self._folder / name
        try:
            note = Note.parse(path.read_bytes())
            return Checkpoint.parse(note.text), note
        except FileNotFoundError:
            return None
        except MalformedNoteError as error:
            raise KeyFileRefusedError(str(path), f"is no checkpoint ({error}); restore it from its backup") from error

    def refuse_behind(self, origin: str, size: int) -> None:
        """Raise LogBehindError if more than `size` leaves of this log were sealed."""
        sealed = self.read(SEALED)
        if sealed is not None and sealed[0].origin == origin and sealed[0].size > size:
            raise LogBehindError(origin, size, sealed[0].size)
