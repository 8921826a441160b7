"""The witness's private key: a file that nobody else may read."""

import os
import stat
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from handoff_logs.witness.errors import UnsafeKeyError


def make_key(path: Path) -> Ed25519PrivateKey:
    """Write a new key to `path`, which must not exist, and return it once it is on the disk."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    return key


def load_key(path: Path) -> Ed25519PrivateKey:
    """Return the key in `path`. Raises UnsafeKeyError if others may read it or write it, or if it is no Ed25519 key."""
    with path.open("rb") as file:
        facts = os.fstat(file.fileno())
        pem = file.read(4096)
    if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.geteuid():
        raise UnsafeKeyError(str(path), "it is not a file of the user who runs the witness; give it to that user")
    if loose := stat.S_IMODE(facts.st_mode) & 0o177:
        raise UnsafeKeyError(
            str(path),
            f"its permissions are wider than 600 by {loose:03o}; whoever may have read it can sign as this witness:"
            " chmod 600, and make a new witness if anybody could",
        )
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise UnsafeKeyError(str(path), f"it can't be read ({error})") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise UnsafeKeyError(str(path), "it is not an Ed25519 key")
    return key
