"""The witness's answer to a request: what it checks, in which order, and what it says and keeps."""

import time
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

import structlog

from handoff_logs.checkpoints import Checkpoint
from handoff_logs.cosignatures import cosign
from handoff_logs.errors import ForgedNoteError, MalformedNoteError, UnsignedNoteError
from handoff_logs.notes import ED25519, Note, Sign, VerifierKey
from handoff_logs.witness.errors import ClockBehindError, StoreBusyError
from handoff_logs.witness.protocol import SIZE_TYPE, AddCheckpoint
from handoff_logs.witness.store import Store, Verdict

log = structlog.get_logger()

ACCEPT: Final = "show this witness its proof: passline witness accept FILE"
TEXT_TYPE: Final = "text/plain; charset=utf-8"


class Answer(NamedTuple):
    """An answer of the witness, as HTTP has it."""

    status: int
    text: str
    media_type: str = TEXT_TYPE


class Cosigner:
    """Cosigns what continues a known log, once the store has it; `sign` alone knows the private key."""

    def __init__(
        self,
        key: VerifierKey,
        sign: Sign,
        store: Store,
        logs: Iterable[VerifierKey],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._key, self._sign, self._store, self._clock = key, sign, store, clock
        self._logs: dict[str, list[VerifierKey]] = {}
        for one in logs:
            if one.kind != ED25519:
                raise MalformedNoteError("log's key", "its type", "it is a witness's and not a log's, which is 0x01")
            self._logs.setdefault(one.name, []).append(one)

    def answer(self, body: bytes, host: str) -> Answer:
        """Return the answer to the body of an add-checkpoint request from `host`."""
        try:
            request = AddCheckpoint.parse(body)
        except MalformedNoteError as error:
            return self._refuse(400, str(error), host, bytes=len(body))
        checkpoint = request.checkpoint
        if checkpoint.origin not in self._logs:
            return self._refuse(404, "this witness does not know that log", host, bytes=len(body))
        facts: dict[str, object] = {
            "origin": checkpoint.origin,
            "size": checkpoint.size,
            "root": checkpoint.root.hex(),
            "old_size": request.old_size,
        }
        try:
            signatures = [signature for _, signature in request.note.signatures_of(self._keys(checkpoint))]
        except (UnsignedNoteError, ForgedNoteError) as error:
            return self._refuse(403, f"{error}; if the log's key changed, {ACCEPT}", host, **facts)
        except StoreBusyError as error:
            return self._refuse(503, str(error), host, **facts)
        if request.old_size > checkpoint.size:
            return self._refuse(400, "the old size is larger than the checkpoint's", host, **facts)
        try:
            # Other signatures are anybody's, and no evidence of what the log did.
            note = Note(request.note.text, tuple(signatures)).encode()
            verdict, cosigned = self._store.advance(request, note, int(self._clock()))
        except (StoreBusyError, ClockBehindError) as error:
            return self._refuse(503, str(error), host, **facts)
        if verdict is Verdict.CONTINUES:
            cosignature = cosign(request.note.text, self._key, self._sign, cosigned.time_s)
            log.info("checkpoint_cosigned", host=host, time_s=cosigned.time_s, **facts)
            return Answer(200, f"{cosignature.line}\n")
        facts["cosigned_size"] = cosigned.size
        if verdict is Verdict.OTHER_SIZE:
            self._refuse(409, "the old size is not the one cosigned last", host, **facts)
            return Answer(409, f"{cosigned.size}\n", SIZE_TYPE)
        log.error("two_histories", reason=verdict.value, host=host, **facts)
        if verdict is Verdict.OTHER_ROOT:
            return Answer(409, "this size was cosigned with another root\n")
        return Answer(422, "the proof does not show that the log continues what was cosigned\n")

    def _keys(self, checkpoint: Checkpoint) -> list[VerifierKey]:
        """What is believed of a log at a size: the keys that this witness was started with, and its changes of keys."""
        changes = self._store.key_changes(checkpoint.origin)
        ended = {change.old_key for change in changes if checkpoint.size > change.size}
        coming = {change.new_key for change in changes if checkpoint.size <= change.size}
        keys = {str(key): key for key in self._logs[checkpoint.origin]}
        for change in changes:
            keys |= {one: VerifierKey.parse(one) for one in (change.old_key, change.new_key)}
        return [key for one, key in keys.items() if one not in ended | coming]

    def _refuse(self, status: int, reason: str, host: str, **facts: object) -> Answer:
        log.warning("checkpoint_refused", status=status, reason=reason, host=host, **facts)
        return Answer(status, f"{reason}\n")
