"""Sealing as it goes on all day: seal what waits, show it to the witness, and keep both apart.

A witness that does not answer holds up no seal. One that knows more than this log, or something else, ends sealing:
the log was rolled back, or two histories were signed, and people must find out which before anything is added.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from handoff_logs.cosignatures import Cosignature
from handoff_logs.kept_notes import COSIGNED, SEALED, KeptNotes
from handoff_logs.notes import Note, VerifierKey
from handoff_logs.sealing import Sealed, Sealer
from handoff_logs.witness.client import add_checkpoint
from handoff_logs.witness.errors import (
    OldSizeError,
    RolledBackError,
    StrangeKeyError,
    TwoHistoriesError,
    WitnessError,
)

log = structlog.get_logger()

EVERY_S = 2.0
"""Between two looks for unsealed records: a record is sealed within 5 s, a slow round included."""
HEARTBEAT_S = 60.0
"""Between two cosignatures of a log that does not grow; their times bound when a record can have been written."""
ASK_AGAIN_S = 1.0
"""Between two looks whether the witness has something to cosign."""


@dataclass(frozen=True, slots=True)
class Witness:
    """Where a witness answers, and the key by which its answers are believed."""

    url: str
    key: VerifierKey


class SealingLoop:
    """One sealer and, if the log has one, its witness.

    With `kept` the log's key remembers outside the database what it sealed: raises LogBehindError where the database
    has less. `key_changed` is called before the witness is first asked to cosign what a later key of the log signed,
    `say` with a sentence for people where the witness does not know that key.
    """

    def __init__(
        self,
        sealer: Sealer,
        witness: Witness | None,
        *,
        kept: KeptNotes | None = None,
        key_changed: Callable[[], object] | None = None,
        say: Callable[[str], object] | None = None,
        every_s: float = EVERY_S,
        heartbeat_s: float = HEARTBEAT_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sealer, self._witness, self._kept = sealer, witness, kept
        self._every_s, self._heartbeat_s, self._clock = every_s, heartbeat_s, clock
        self._known_size = sealer.cosigned_size(witness.key.name) if witness else 0
        self._cosigned_s: float | None = None
        self._silent: type[WitnessError] | None = None
        self._history: WitnessError | None = None
        self._key_changed, self._signer, self._say = key_changed, b"", say
        if kept is not None:
            latest = sealer.latest()
            kept.refuse_behind(sealer.origin, latest.checkpoint.size if latest else 0)

    def run(self, stop: threading.Event) -> None:
        """Seal until `stop` is set, and once more then.

        What was recorded while nobody sealed gets its leaves before the witness's time is put to the tree without them;
        but first the witness is asked whether it knows that tree. Raises RolledBackError or TwoHistoriesError, by what
        the witness says, and SealedElsewhereError.
        """
        self._ask()
        self.seal()
        shown = threading.Thread(target=self._show_until, args=(stop,), name="witness", daemon=True)
        shown.start()
        try:
            while not stop.wait(self._every_s):
                self.seal()
        finally:
            stop.set()
            shown.join()
        if self._history is not None:
            raise self._history
        self.seal()
        self.show()

    def seal(self) -> None:
        """Seal all that is committed by now, and tally a portion of what blanks did."""
        while sealed := self._sealer.seal():
            log.info("log_sealed", count=sealed.added, after=sealed.checkpoint.size)
            if self._kept is not None:
                self._kept.keep(SEALED, sealed.note)
            if not sealed.more:
                break
        self._sealer.tally()

    def show(self) -> None:
        """Ask the witness to cosign the newest checkpoint, if it has not or its last word is older than a heartbeat."""
        if (given := self._ask()) is None:
            return
        latest, cosignature = given
        self._sealer.cosigned(latest, cosignature.signature.name, cosignature.time_s, cosignature.signature.value)
        if self._kept is not None:
            self._kept.keep(COSIGNED, Note(latest.note.text, (*latest.note.signatures, cosignature.signature)))
        self._known_size, self._cosigned_s = latest.checkpoint.size, self._clock()

    def _ask(self) -> tuple[Sealed, Cosignature] | None:
        latest = self._sealer.latest()
        if self._witness is None or latest is None:
            return None
        size = latest.checkpoint.size
        fresh = self._cosigned_s is not None and self._clock() - self._cosigned_s < self._heartbeat_s
        if size == self._known_size and fresh:
            return None
        signer = latest.note.signatures[0].key_id
        if self._key_changed is not None and signer != self._signer:
            self._key_changed()
        self._signer = signer
        try:
            # The log is not shown to be rolled back by what this process believes of the witness: the witness says.
            known = min(self._known_size, size)
            proof = self._sealer.consistency(known, size)
            cosignature = add_checkpoint(self._witness.url, self._witness.key, known, proof, latest.note)
        except OldSizeError as error:
            self._known_size, self._cosigned_s = error.known, None
            return None
        except (RolledBackError, TwoHistoriesError):
            raise
        except WitnessError as error:
            if self._silent is not type(error):
                log.warning("witness_silent", error=type(error).__name__)
                if self._say is not None and isinstance(error, StrangeKeyError):
                    self._say(str(error))
            self._silent = type(error)
            return None
        self._silent = None
        return latest, cosignature

    def _show_until(self, stop: threading.Event) -> None:
        while not stop.wait(min(ASK_AGAIN_S, self._every_s)):
            try:
                self.show()
            except (RolledBackError, TwoHistoriesError) as error:
                log.error("history_refused", error=type(error).__name__)
                self._history = error
                stop.set()
