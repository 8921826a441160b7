"""The witness's folder: its key and its store, made together and opened only together."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

from handoff_logs.notes import COSIGNATURE_V1, Sign, VerifierKey
from handoff_logs.witness.errors import FolderTakenError, NoWitnessError, StoreLostError
from handoff_logs.witness.keys import load_key, make_key
from handoff_logs.witness.store import Store

KEY: Final = "key.pem"
STORE: Final = "witness.db"


class Opened(NamedTuple):
    """A witness's public key, what signs with its private one, and its store."""

    key: VerifierKey
    sign: Sign
    store: Store


def make_witness(folder: Path, name: str) -> VerifierKey:
    """Make a witness's key and store, readable by this user alone, and return its public key.

    Raises FolderTakenError if the folder holds anything, MalformedNoteError for a name that can't be a key's.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FolderTakenError(str(folder))
    parent = folder.absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    # Under another name until both are whole: half a witness would look like one that lost its store.
    making = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=parent))
    try:
        public = make_key(making / KEY).public_key().public_bytes_raw()
        key = VerifierKey(name, COSIGNATURE_V1, public)
        Store.make(making / STORE, str(key))
        _sync(making)
        making.rename(folder)
    except BaseException:
        shutil.rmtree(making)
        raise
    _sync(parent)
    return key


def open_witness(folder: Path) -> Opened:
    """Return the witness of a folder. Raises NoWitnessError, UnsafeKeyError and StoreLostError."""
    if not (folder / KEY).is_file():
        raise NoWitnessError(str(folder))
    private = load_key(folder / KEY)
    store = Store.open(folder / STORE)
    key = VerifierKey.parse(store.vkey())
    if key.public != private.public_key().public_bytes_raw():
        raise StoreLostError(str(folder / STORE), f"is the store of {key}, and the key beside it is another")
    return Opened(key, private.sign, store)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
