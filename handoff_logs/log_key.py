"""The log's own key: what signs checkpoints. It lives in a folder of the sealer's, not with the stations' keys."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from handoff_logs.errors import KeyFileRefusedError
from handoff_logs.keyring import PublicKey, public_of, read_private, write_private
from handoff_logs.notes import ED25519, VerifierKey

OWNER = "log"
"""Under which the log's key is registered."""

_PRIVATE, _PUBLIC = "log.key", "log.pub"
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9.-]+")


@dataclass(frozen=True, slots=True)
class LogKey:
    """The log's private key and its verifier key, whose name is the log's origin."""

    verifier: VerifierKey
    private: Ed25519PrivateKey

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


def create(folder: Path, centre: str) -> LogKey:
    """Make the log's key and name (folder 0700) unless they are there, and open them; `log.pub` is for auditors."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (folder / _PUBLIC).exists():
        if not (folder / _PRIVATE).exists():
            write_private(folder / _PRIVATE, Ed25519PrivateKey.generate())
        raw = read_private(folder / _PRIVATE).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        origin = f"passline.{_NOT_IN_A_NAME.sub('-', centre.lower()) or 'centre'}/{token_hex(4)}"
        fresh = folder / f"{_PUBLIC}.{os.getpid()}"
        fresh.write_text(f"{VerifierKey(origin, ED25519, raw)}\n", encoding="ascii")
        fresh.rename(folder / _PUBLIC)
    return read(folder)


def read(folder: Path) -> LogKey:
    """Open the log's key. Raises KeyFileRefusedError, MalformedNoteError."""
    private = read_private(folder / _PRIVATE)
    verifier = read_verifier(folder)
    if private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw) != verifier.public:
        raise KeyFileRefusedError(str(folder / _PUBLIC), f"is not of {_PRIVATE}; restore both from one backup")
    return LogKey(verifier, private)


def read_verifier(folder: Path) -> VerifierKey:
    """Return the log's public side. Raises KeyFileRefusedError, MalformedNoteError."""
    try:
        return VerifierKey.parse((folder / _PUBLIC).read_text(encoding="ascii").strip())
    except FileNotFoundError:
        raise KeyFileRefusedError(str(folder / _PUBLIC), "is missing; restore it from its backup") from None
