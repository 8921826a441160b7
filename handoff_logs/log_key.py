"""The log's own key: what signs checkpoints. It lives in a folder of the sealer's, not with the stations' keys.

`log.pub` says which key is the log's now and what the log is called; its private key is `log.key`, or
`log.<key id>.key` for one that came later. A next key lies beside it, and signs nothing, until the log's records name
it and the key before has signed over them; then `log.pub` is replaced, in one step, and the key before is renamed
`….retired`.
"""

import contextlib
import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_hex

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from handoff_logs.errors import KeyFileRefusedError, LogKeyMissingError
from handoff_logs.keyring import (
    KEY_ID_LENGTH,
    KeyFile,
    KeyFileState,
    PublicKey,
    public_of,
    read_private,
    registered_as,
    write_private,
)
from handoff_logs.notes import ED25519, VerifierKey

OWNER = "log"
"""Under which the log's key is registered."""

_PRIVATE, _PUBLIC = "log.key", "log.pub"
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9.-]+")


@dataclass(frozen=True, slots=True)
class LogKey:
    """The log's private key and its verifier key, whose name is the log's origin; `folder`: where others of it lie."""

    verifier: VerifierKey
    private: Ed25519PrivateKey
    folder: Path | None = None

    @property
    def origin(self) -> str:
        """The log's name: `passline.<centre>/<8 hex characters>`."""
        return self.verifier.name

    @property
    def public(self) -> PublicKey:
        """The key as it is registered."""
        return public_of(self.private, OWNER)

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte Ed25519 signature."""
        return self.private.sign(message)

    def of(self, key_id: str) -> "LogKey":
        """Return the key of this log that has an id: this one, or a later one. Raises LogKeyMissingError."""
        if key_id == self.public.key_id:
            return self
        private = None if self.folder is None else _private(self.folder, key_id)
        if private is None:
            raise LogKeyMissingError(key_id, str(self.folder))
        return replace(self, verifier=replace(self.verifier, public=_raw(private)), private=private)


def create(folder: Path, centre: str) -> LogKey:
    """Make the log's key and name (folder 0700) unless they are there, and open them; `log.pub` is for auditors."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (folder / _PUBLIC).exists():
        if not (folder / _PRIVATE).exists():
            write_private(folder / _PRIVATE, Ed25519PrivateKey.generate())
        raw = _raw(read_private(folder / _PRIVATE))
        origin = f"passline.{_NOT_IN_A_NAME.sub('-', centre.lower()) or 'centre'}/{token_hex(4)}"
        _publish(folder / _PUBLIC, VerifierKey(origin, ED25519, raw))
    return read(folder)


def read(folder: Path) -> LogKey:
    """Open the key that is the log's now. Raises KeyFileRefusedError, MalformedNoteError."""
    while True:
        verifier = read_verifier(folder)
        private = _private(folder, registered_as(verifier.public, OWNER).key_id)
        if private is not None:
            return LogKey(verifier, private, folder)
        if read_verifier(folder) == verifier:
            # Not between the two looks: nobody replaced it meanwhile.
            raise KeyFileRefusedError(str(folder / _PUBLIC), f"is not of {_PRIVATE}; restore both from one backup")


def read_verifier(folder: Path) -> VerifierKey:
    """Return the log's public side. Raises KeyFileRefusedError, MalformedNoteError."""
    try:
        return VerifierKey.parse((folder / _PUBLIC).read_text(encoding="ascii").strip())
    except FileNotFoundError:
        raise KeyFileRefusedError(str(folder / _PUBLIC), "is missing; restore it from its backup") from None


def verifiers(folder: Path) -> list[VerifierKey]:
    """Return the log's public side and those of the keys before it, the present one first."""
    earlier = sorted(path for path in folder.glob("log.*.pub") if _id_in(path))
    return [read_verifier(folder), *(VerifierKey.parse(path.read_text(encoding="ascii").strip()) for path in earlier)]


def write_next(folder: Path) -> VerifierKey:
    """Make a next key of the log, which signs nothing until the log's records name it. Raises KeyFileRefusedError."""
    private = Ed25519PrivateKey.generate()
    write_private(folder / f"log.{public_of(private, OWNER).key_id}.key", private)
    return replace(read_verifier(folder), public=_raw(private))


def take_over(folder: Path, key_id: str) -> None:
    """Make the key of an id the log's, and take those before it out of use. Repeating it changes nothing.

    Raises LogKeyMissingError, KeyFileRefusedError.
    """
    before = read_verifier(folder)
    before_id = registered_as(before.public, OWNER).key_id
    if before_id != key_id:
        private = _private(folder, key_id)
        if private is None:
            raise LogKeyMissingError(key_id, str(folder))
        _publish(folder / f"log.{before_id}.pub", before)
        _publish(folder / _PUBLIC, replace(before, public=_raw(private)))
    for path in folder.glob("log.*.pub"):
        if (earlier := _id_in(path)) and earlier != key_id:
            retire(folder, earlier)


def clear(folder: Path, known: Collection[str]) -> None:
    """Take out of use what a command left that was killed: keys whose ids are not `known`, and half a file."""
    for file in files(folder):
        if file.state is KeyFileState.KEY and file.key_id not in known:
            retire(folder, file.key_id)
    for path in folder.glob("log.*.*.new"):
        path.unlink()


def retire(folder: Path, key_id: str) -> None:
    """Rename the private key of an id, if it is in use; it signs nothing any more."""
    for file in files(folder):
        if file.key_id == key_id and file.state is KeyFileState.KEY:
            file.path.rename(folder / f"log.{key_id}.{KeyFileState.RETIRED}")
            _sync(folder)


def files(folder: Path) -> list[KeyFile]:
    """Return the files of the log's private keys: in use, next ones, retired ones. Raises KeyFileRefusedError."""
    return [KeyFile(path, OWNER, key_id, state) for path, key_id, state in sorted(_files(folder))]


def _files(folder: Path) -> Iterator[tuple[Path, str, KeyFileState]]:
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name == _PRIVATE:
            try:
                private = read_private(path)
            except KeyFileRefusedError:
                if path.exists():
                    raise
                continue  # retired by the sealer at this moment
            yield path, public_of(private, OWNER).key_id, KeyFileState.KEY
        elif path.suffix in (".key", ".retired") and (key_id := _id_in(path)):
            yield path, key_id, KeyFileState(path.suffix[1:])


def _id_in(path: Path) -> str:
    name, _, rest = path.name.partition(".")
    key_id, _, suffix = rest.partition(".")
    return key_id if name == OWNER and len(key_id) == KEY_ID_LENGTH and "." not in suffix else ""


def _private(folder: Path, key_id: str) -> Ed25519PrivateKey | None:
    """The private key of an id, None where it is not in use here."""
    for path in (folder / f"log.{key_id}.key", folder / _PRIVATE):
        with contextlib.suppress(FileNotFoundError):
            path.stat()
            private = read_private(path)
            if public_of(private, OWNER).key_id == key_id:
                return private
    return None


def _raw(private: Ed25519PrivateKey) -> bytes:
    return private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def _publish(path: Path, verifier: VerifierKey) -> None:
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    with fresh.open("w", encoding="ascii") as file:
        file.write(f"{verifier}\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
