"""Cosignatures (C2SP tlog-cosignature, version 1): a witness says when it saw a checkpoint as the log's largest."""

from dataclasses import dataclass
from typing import Final

from handoff_logs.errors import ForgedNoteError, MalformedNoteError
from handoff_logs.notes import COSIGNATURE_V1, SIGNATURE_BYTES, Sign, Signature, VerifierKey

TIME_BYTES: Final = 8
MAX_TIME_S: Final = 2**63 - 1


@dataclass(frozen=True)
class Cosignature:
    """A witness's signature on a checkpoint, and the time in whole seconds since 1970 that is signed with it."""

    time_s: int
    signature: Signature

    @property
    def line(self) -> str:
        """The signature line for the checkpoint's note, without its newline."""
        return str(self.signature)


def cosign(text: str, key: VerifierKey, sign: Sign, time_s: int) -> Cosignature:
    """Return the witness's cosignature of a checkpoint's text. Raises MalformedNoteError for another kind of key."""
    _needs_cosignature_key(key)
    value = time_s.to_bytes(TIME_BYTES, "big") + sign(_message(text, time_s))
    return Cosignature(time_s, Signature(key.name, key.key_id, value))


def verified(text: str, signature: Signature, key: VerifierKey) -> Cosignature:
    """Return the cosignature that a signature line of this witness is on a checkpoint's text.

    Raises ForgedNoteError if the witness did not make it for this text, MalformedNoteError if it is no cosignature.
    """
    _needs_cosignature_key(key)
    if not signature.is_of(key):
        raise ForgedNoteError(str(key))
    if len(signature.value) != TIME_BYTES + SIGNATURE_BYTES:
        raise MalformedNoteError("cosignature", "its end", f"{len(signature.value)} bytes instead of 8 and 64")
    time_s = int.from_bytes(signature.value[:TIME_BYTES], "big")
    if not 0 < time_s <= MAX_TIME_S:
        raise MalformedNoteError("cosignature", "its time", "it is none that a clock can show")
    if not key.holds(_message(text, time_s), signature.value[TIME_BYTES:]):
        raise ForgedNoteError(str(key))
    return Cosignature(time_s, signature)


def _message(text: str, time_s: int) -> bytes:
    return f"cosignature/v1\ntime {time_s}\n{text}".encode()


def _needs_cosignature_key(key: VerifierKey) -> None:
    if key.kind != COSIGNATURE_V1:
        raise MalformedNoteError("verifier key", "its type", "it is not a witness's, which is 0x04")
