"""Asks a witness for its cosignature, and tells apart why there is none."""

import asyncio
from collections.abc import Sequence
from typing import Final

import httpx

from handoff_logs.checkpoints import MAX_SIZE
from handoff_logs.cosignatures import Cosignature, verified
from handoff_logs.errors import ForgedNoteError, MalformedNoteError
from handoff_logs.notes import Note, Signature, VerifierKey
from handoff_logs.witness.errors import (
    FalseAnswerError,
    OldSizeError,
    RefusedError,
    RolledBackError,
    StrangeKeyError,
    TwoHistoriesError,
    UnreachableError,
)
from handoff_logs.witness.protocol import PATH, SIZE_TYPE, AddCheckpoint

TIMEOUT_S: Final = 5.0
"""For the whole exchange."""
MAX_ANSWER_BYTES: Final = 64 * 1024
SAID: Final = 200
"""Characters of a refusal that are passed on."""

TRY_AGAIN: Final = frozenset({408, 425, 429})
"""Beside 5xx: the witness, or what stands before it, can't answer now."""


def add_checkpoint(
    url: str,
    witness: VerifierKey,
    old_size: int,
    proof: Sequence[bytes],
    note: Note,
    timeout_s: float = TIMEOUT_S,
) -> Cosignature:
    """Return the witness's cosignature of a signed checkpoint, verified with the witness's key.

    `proof` shows that the checkpoint continues the tree of `old_size` leaves, which the witness cosigned last (0 if
    it never did); with the checkpoint's own size and no proof the answer is a fresh cosignature, the heartbeat. The
    time in it is the witness's: an old one is no heartbeat. Not to be called where an event loop runs. Raises

    - UnreachableError: no answer in time, or none for now;
    - OldSizeError: the witness cosigned another size, not above the checkpoint's: prove from that one;
    - RolledBackError: the witness cosigned a larger tree of this log;
    - TwoHistoriesError: the checkpoint does not continue what the witness cosigned, by its own check of `proof`;
    - RefusedError: the witness does not know the log, or can't read the request; StrangeKeyError: nor the key;
    - FalseAnswerError: what answered is not this witness, or broke off.
    """
    request = AddCheckpoint.of(old_size, tuple(proof), note)
    checkpoint = request.checkpoint
    status, media_type, body = asyncio.run(_post(url, request.encode(), timeout_s))
    said = body.decode("utf-8", "replace")
    if status == httpx.codes.OK:
        return _cosignature(url, note.text, witness, said)
    if status == httpx.codes.CONFLICT and media_type == SIZE_TYPE:
        known = _known_size(url, said)
        if known > checkpoint.size:
            raise RolledBackError(url, checkpoint.origin, checkpoint.size, known)
        if known != old_size:
            raise OldSizeError(url, old_size, known)
        if known != checkpoint.size:
            raise FalseAnswerError(url, f"it refuses {old_size} as the old size, and names it as the right one")
    if status in (httpx.codes.CONFLICT, httpx.codes.UNPROCESSABLE_ENTITY):
        raise TwoHistoriesError(url, checkpoint.origin, checkpoint.size, old_size)
    said = said.strip()[:SAID]
    if status >= httpx.codes.INTERNAL_SERVER_ERROR or status in TRY_AGAIN:
        raise UnreachableError(url, f"it answers {status} {said}".rstrip())
    refusal = StrangeKeyError if status == httpx.codes.FORBIDDEN else RefusedError
    raise refusal(url, status, said or "it does not say why")


async def _post(url: str, body: bytes, timeout_s: float) -> tuple[int, str, bytes]:
    """Status, media type and body of the answer."""
    answer = bytearray()
    try:
        # One time-out over everything: httpx's own begin anew with every byte that a slow witness sends.
        async with (
            asyncio.timeout(timeout_s),
            # A proxy from the environment could be anybody; the witness is where the url says.
            httpx.AsyncClient(timeout=timeout_s, trust_env=False, follow_redirects=False) as client,
            client.stream("POST", url.rstrip("/") + PATH, content=body) as response,
        ):
            async for chunk in response.aiter_raw():
                answer += chunk
                if len(answer) > MAX_ANSWER_BYTES:
                    raise FalseAnswerError(url, f"it is longer than {MAX_ANSWER_BYTES} bytes")
            media_type = response.headers.get("Content-Type", "").partition(";")[0].strip()
            return response.status_code, media_type, bytes(answer)
    except TimeoutError as error:
        raise UnreachableError(url, f"no whole answer within {timeout_s:g} s") from error
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise UnreachableError(url, str(error) or type(error).__name__) from error


def _cosignature(url: str, text: str, witness: VerifierKey, said: str) -> Cosignature:
    lines = said.split("\n")
    try:
        if lines.pop():
            raise MalformedNoteError("answer", "its end", "it does not end with a newline")
        for signature in [Signature.parse(line, f"line {number}") for number, line in enumerate(lines, start=1)]:
            if signature.is_of(witness):
                return verified(text, signature, witness)
    except (MalformedNoteError, ForgedNoteError) as error:
        raise FalseAnswerError(url, str(error)) from error
    raise FalseAnswerError(url, f"it has no signature of {witness}")


def _known_size(url: str, said: str) -> int:
    digits = said.removesuffix("\n")
    if not digits.isascii() or not digits.isdecimal() or len(digits) > len(str(MAX_SIZE)):
        raise FalseAnswerError(url, "it names no size")
    return int(digits)
