"""A person's private key under their PIN: PKCS 8 (PEM), encrypted with what scrypt makes of the PIN.

A PIN is short. Whoever holds the file can try PINs on a computer of their own, at a fifth of a second each: a file that
was stolen means a key that is revoked.
"""

import unicodedata

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from handoff_logs.errors import PinFormError, WrongPinError

LEAST_CHARACTERS, MOST_CHARACTERS = 6, 64
"""Of a new PIN."""

_HEAD = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"
# 64 MiB and about 0.2 s a try (RFC 7914).
_COST, _BLOCK, _PARALLEL = 2**16, 8, 1


def check(pin: str) -> str:
    """Return a new PIN as it is used. Raises PinFormError for one too short or too long."""
    text = unicodedata.normalize("NFKC", pin)
    if not LEAST_CHARACTERS <= len(text) <= MOST_CHARACTERS:
        raise PinFormError(len(text), LEAST_CHARACTERS, MOST_CHARACTERS)
    return text


def locked(private: Ed25519PrivateKey, pin: str, key_id: str) -> bytes:
    """Return what a key's file holds under a PIN. Raises PinFormError."""
    passphrase = _passphrase(check(pin), key_id)
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase))


def is_locked(content: bytes) -> bool:
    """Say whether a file's content is a private key under a PIN."""
    return content.startswith(_HEAD)


def unlocked(content: bytes, pin: str, key_id: str, person: str) -> Ed25519PrivateKey:
    """Return the private key in a file. Raises WrongPinError."""
    try:
        private = load_pem_private_key(content, _passphrase(unicodedata.normalize("NFKC", pin), key_id))
    except ValueError as error:
        raise WrongPinError(person) from error
    if not isinstance(private, Ed25519PrivateKey):
        raise WrongPinError(person)
    return private


def _passphrase(pin: str, key_id: str) -> bytes:
    # The key's id is different for every key, which is all that a salt must be.
    scrypt = Scrypt(salt=key_id.encode(), length=32, n=_COST, r=_BLOCK, p=_PARALLEL)
    return scrypt.derive(pin.encode("utf-8", "surrogatepass")).hex().encode()
