"""Personal data at rest: fields sealed with AES-256-GCM, and keyed hashes by which they can be found again."""

import hashlib
import hmac
import os
import stat
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from stations.errors import KeyFileError, SealBrokenError

KEY_BYTES = 32
NONCE_BYTES = 12
FORMAT = b"\x01"
SEALING_KEY = "personal.key"
INDEX_KEY = "index.key"


class PersonalData:
    """Seals and opens personal fields with the keys of one run's folder.

    `key_dir` holds two files of 32 random bytes that only their owner may read. Raises `KeyFileError` when one is
    missing, of another length, or open to others.
    """

    def __init__(self, key_dir: Path) -> None:
        self._sealing = AESGCM(_read_key(key_dir / SEALING_KEY))
        self._index = hmac.new(_read_key(key_dir / INDEX_KEY), digestmod=hashlib.sha256)

    @classmethod
    def create(cls, key_dir: Path) -> "PersonalData":
        """Make the keys that are missing (folder 0700, files 0600) and open them; a key is never replaced."""
        key_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in (SEALING_KEY, INDEX_KEY):
            _create_key(key_dir / name)
        return cls(key_dir)

    def encrypt(self, plain: bytes, about: str) -> bytes:
        """Seal `plain` so that it opens only for the same `about` (an application id): a swapped field shows."""
        nonce = os.urandom(NONCE_BYTES)
        return FORMAT + nonce + self._sealing.encrypt(nonce, plain, about.encode())

    def decrypt(self, sealed: bytes, about: str) -> bytes:
        """Open what `encrypt` sealed for `about`. Raises `SealBrokenError` when anything differs."""
        start = len(FORMAT) + NONCE_BYTES
        if sealed[: len(FORMAT)] != FORMAT or len(sealed) < start:
            raise SealBrokenError(about)
        try:
            return self._sealing.decrypt(sealed[len(FORMAT) : start], sealed[start:], about.encode())
        except InvalidTag:
            raise SealBrokenError(about) from None

    def application_key(self, number: str) -> str:
        """The keyed hash (64 hex characters) by which an application number is known after it was purged."""
        return self._blind("application", number)

    def person_key(self, resident_id: str) -> str:
        """The keyed hash (64 hex characters) that says whether two applications are of one person."""
        return self._blind("person", resident_id.upper())

    def draw(self, about: str) -> float:
        """A number from 0 to 1, 1 excluded, that follows from `about` and the key: the same for ever, not foreseen."""
        return int(self._blind("draw", about)[:13], 16) / 16**13

    def _blind(self, kind: str, value: str) -> str:
        index = self._index.copy()
        index.update(f"{kind}:{value}".encode())
        return index.hexdigest()


def image_context(application_id: str, role: str) -> str:
    """What an image is sealed for: it opens for no other application and no other role."""
    return f"{application_id}:{role}"


def _create_key(path: Path) -> None:
    """Write a new key beside its place and link it there whole: a crash never leaves half a key, a race one winner."""
    if path.exists():
        return
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, os.urandom(KEY_BYTES))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        path.hardlink_to(fresh)
    except FileExistsError:
        return
    finally:
        fresh.unlink()


def _read_key(path: Path) -> bytes:
    try:
        mode = path.stat().st_mode
        key = path.read_bytes()
    except FileNotFoundError:
        raise KeyFileError(str(path), "is missing; restore it from the backup that goes with this database") from None
    if stat.S_IMODE(mode) & 0o077:
        raise KeyFileError(str(path), f"is open to others (mode {stat.S_IMODE(mode):04o}); run `chmod 600` on it")
    if len(key) != KEY_BYTES:
        raise KeyFileError(str(path), f"has {len(key)} bytes instead of {KEY_BYTES}; restore it from its backup")
    return key
