"""Signed notes (C2SP signed-note): a text, and below it the signatures of those who stand for it.

A note is read strictly: whatever is not exactly as it would be written is refused whole.
"""

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from handoff_logs.errors import ForgedNoteError, MalformedNoteError, UnsignedNoteError

Sign = Callable[[bytes], bytes]
"""Makes the 64-byte Ed25519 signature over a message, wherever the private key is kept."""

ED25519: Final = 0x01
COSIGNATURE_V1: Final = 0x04
KINDS: Final = {ED25519: "Ed25519", COSIGNATURE_V1: "Ed25519 cosignature/v1"}
"""Signature types that are read here, by their byte in the key."""

PUBLIC_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
KEY_ID_BYTES: Final = 4
MAX_SIGNATURES: Final = 64
"""Signatures in one note; the specification asks for 16 at least."""

DASH: Final = "\N{EM DASH} "


@dataclass(frozen=True)
class VerifierKey:
    """A public key by name: `name+8 hex digits+base64(type byte and 32 bytes)`.

    >>> key = VerifierKey.parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    >>> key.name, KINDS[key.kind], key.key_id.hex()
    ('PeterNeumann', 'Ed25519', 'c74f20a3')
    """

    name: str
    kind: int
    public: bytes

    def __post_init__(self) -> None:
        """Refuse with MalformedNoteError what could not be read back."""
        if fault := _name_fault(self.name):
            raise MalformedNoteError("verifier key", "its name", fault)
        if self.kind not in KINDS:
            raise MalformedNoteError("verifier key", "its type", f"0x{self.kind:02x} is none that is read here")
        if len(self.public) != PUBLIC_BYTES:
            raise MalformedNoteError("verifier key", "its key", f"{len(self.public)} bytes instead of {PUBLIC_BYTES}")

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Return the key that `text` writes. Raises MalformedNoteError."""
        # The name has no plus, but base64 may.
        name, *rest = text.split("+", 2)
        if len(rest) != 2:
            raise MalformedNoteError("verifier key", "its parts", "it is not written name+id+key")
        key_id, encoded = rest
        decoded = decoded_base64(encoded)
        if not decoded:
            raise MalformedNoteError("verifier key", "its key", "it is no base64")
        key = cls(name, decoded[0], decoded[1:])
        if key_id != key.key_id.hex():
            raise MalformedNoteError("verifier key", "its id", f"it is not {key.key_id.hex()}, which its key gives")
        return key

    @property
    def key_id(self) -> bytes:
        """The 4 bytes that signature lines name the key by: no proof of anything."""
        hashed = self.name.encode() + b"\n" + bytes([self.kind]) + self.public
        return hashlib.sha256(hashed).digest()[:KEY_ID_BYTES]

    def holds(self, message: bytes, signature: bytes) -> bool:
        """Whether the key made this 64-byte Ed25519 signature over these bytes."""
        # Fifty milliseconds that only those pay who verify.
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature:
            return False
        return True

    def __str__(self) -> str:
        """Return the key as `parse` reads it."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(bytes([self.kind]) + self.public).decode()}"


@dataclass(frozen=True)
class Signature:
    """One signature line: the key's name and 4-byte id, and the bytes that its type asks for."""

    name: str
    key_id: bytes
    value: bytes

    @classmethod
    def parse(cls, line: str, place: str = "the line") -> "Signature":
        """Return the signature that a line without its newline writes. Raises MalformedNoteError."""
        if not line.startswith(DASH):
            raise MalformedNoteError("signature", place, "it does not start with an em dash and a space")
        name, space, encoded = line.removeprefix(DASH).partition(" ")
        if fault := _name_fault(name):
            raise MalformedNoteError("signature", place, fault)
        decoded = decoded_base64(encoded) if space else None
        if decoded is None or len(decoded) <= KEY_ID_BYTES:
            raise MalformedNoteError("signature", place, "no base64 of a key's id and a signature follows the name")
        return cls(name, decoded[:KEY_ID_BYTES], decoded[KEY_ID_BYTES:])

    def is_of(self, key: VerifierKey) -> bool:
        """Whether the line says that this key signed."""
        return self.name == key.name and self.key_id == key.key_id

    def __str__(self) -> str:
        """Return the line without its newline."""
        return f"{DASH}{self.name} {base64.b64encode(self.key_id + self.value).decode()}"


@dataclass(frozen=True)
class Note:
    """A text that ends with a newline, and its signatures."""

    text: str
    signatures: tuple[Signature, ...]

    @classmethod
    def parse(cls, data: bytes) -> "Note":
        """Return the note that these bytes are. Raises MalformedNoteError."""
        try:
            whole = data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise MalformedNoteError("note", f"byte {error.start}", "it is no UTF-8") from None
        for number, character in enumerate(whole):
            if character < " " and character != "\n":
                raise MalformedNoteError("note", f"character {number}", "it has a control character")
        text, separator, signed = whole.rpartition("\n\n")
        if not separator:
            raise MalformedNoteError("note", "its end", "no empty line comes before the signatures")
        lines = signed.split("\n")
        if lines.pop() or not lines:
            raise MalformedNoteError("note", "its end", "it does not end with a signature and a newline")
        if len(lines) > MAX_SIGNATURES:
            raise MalformedNoteError("note", "its signatures", f"there are more than {MAX_SIGNATURES}")
        first = text.count("\n") + 3
        return cls(
            f"{text}\n",
            tuple(Signature.parse(line, f"line {number}") for number, line in enumerate(lines, start=first)),
        )

    def encode(self) -> bytes:
        """Return the bytes that `parse` reads; they need a signature."""
        return "".join([self.text, "\n", *(f"{signature}\n" for signature in self.signatures)]).encode()

    def signatures_of(self, keys: Iterable[VerifierKey]) -> list[tuple[VerifierKey, Signature]]:
        """Return which of these keys have signed the text, each with its signature.

        Keys of type Ed25519 only: a cosignature says more than the text. Raises UnsignedNoteError if none of them has,
        ForgedNoteError if a signature under the name and id of one of them is not its own.
        """
        keys = [key for key in keys if key.kind == ED25519]
        found = [(key, signature) for key in keys for signature in self.signatures if signature.is_of(key)]
        for key, signature in found:
            if not key.holds(self.text.encode(), signature.value):
                raise ForgedNoteError(str(key))
        if not found:
            signers = tuple(f"{signature.name}+{signature.key_id.hex()}" for signature in self.signatures)
            raise UnsignedNoteError(tuple(str(key) for key in keys), signers)
        return found


def signed(text: str, key: VerifierKey, sign: Sign) -> Signature:
    """Return the signature of the Ed25519 key over a note's text."""
    return Signature(key.name, key.key_id, sign(text.encode()))


def decoded_base64(text: str) -> bytes | None:
    """Return what standard base64 stands for, None if `text` is not exactly how it is written."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return decoded if base64.b64encode(decoded).decode() == text else None


def _name_fault(name: str) -> str:
    if not name:
        return "the key's name is empty"
    if "+" in name or any(character.isspace() or character < " " for character in name):
        return "the key's name has a space or a plus"
    return ""
