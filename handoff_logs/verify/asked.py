"""What an auditor brings along, read from files."""

import json
from collections.abc import Iterable
from pathlib import Path

from handoff_logs.errors import MalformedNoteError, UnreadableDatabaseError
from handoff_logs.notes import Note, VerifierKey
from handoff_logs.verify.bounds import Tree
from handoff_logs.verify.consistency import Outside
from handoff_logs.verify.state import StateRefusedError, read_state


def outside(
    checkpoints: Iterable[Path], log_key: Path | None, witnesses: Iterable[Path], verified: Tree | None
) -> Outside:
    """Read checkpoints and keys from their files. Raises UnreadableDatabaseError, MalformedNoteError."""
    return Outside(
        tuple(_note(_bytes(path)) for path in checkpoints),
        (_key(log_key),) if log_key else (),
        tuple(_key(path) for path in witnesses),
        verified,
    )


def verified_tree(path: Path, *, needed: bool) -> Tree | None:
    """Return the tree that was verified last; StateRefusedError where it is `needed` and there is none."""
    tree = read_state(path)
    if tree is None and needed:
        raise StateRefusedError(str(path), "there was none")
    return tree


def _note(data: bytes) -> Note:
    if not data.lstrip().startswith(b"{"):
        return Note.parse(data)
    # A proof of one document or of consistency: what it says beside its checkpoint is `logs check`'s to verify.
    try:
        proof = json.loads(data)
        return Note.parse(str(proof.get("checkpoint") or proof["new"]).encode())
    except (ValueError, KeyError) as error:
        raise MalformedNoteError("proof", "its checkpoint", "it has none that can be read") from error


def _key(path: Path) -> VerifierKey:
    return VerifierKey.parse(_bytes(path).decode("ascii", "replace").strip())


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnreadableDatabaseError(f"{path}: {error.strerror}") from error
