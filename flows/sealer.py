"""What a sealer of a run's folder is made of: the log's key, the database, the witness. One at a time seals."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from flows.configuration import read_settings
from flows.errors import SealerRunsAlreadyError, WitnessKeyMissingError
from flows.locks import seal_lock
from flows.program_log import set_up_log
from flows.run_folder import RunFolder
from flows.settings import LineSettings
from handoff_logs import log_key
from handoff_logs.database import Database
from handoff_logs.errors import HandoffLogError
from handoff_logs.kept_notes import KeptNotes
from handoff_logs.notes import VerifierKey
from handoff_logs.reading import open_reading
from handoff_logs.sealing import Sealer
from handoff_logs.sealing_loop import SealingLoop, Witness
from handoff_logs.witness.folder import STORE, open_witness

log = structlog.get_logger()

EMULATED = "emulated"


@contextmanager
def open_loop(folder: RunFolder, settings: LineSettings, witness_url: str | None = None) -> Iterator[SealingLoop]:
    """Open the sealer of a run's folder, which holds no station's key.

    `witness_url`: where the emulated witness answers. Raises SealerRunsAlreadyError, WitnessKeyMissingError,
    WrongOriginError, LogBehindError, KeyFileRefusedError.
    """
    with seal_lock(folder), Database(folder.resolve_database(settings.database.url)) as database:
        yield SealingLoop(
            Sealer(database, log_key.read(folder.log_key)),
            _witness(folder, settings, witness_url),
            kept=KeptNotes(folder.log_key),
            key_changed=lambda: _tell(folder, settings),
            say=lambda sentence: sys.stderr.write(f"the sealer: {sentence}\n"),
            every_s=settings.log.seal_every_s,
            heartbeat_s=settings.log.heartbeat_s,
        )


def seal_now(folder: RunFolder) -> None:
    """Seal what was just recorded on a line at rest, or leave it to the sealer that runs."""
    settings = read_settings(folder)
    set_up_log(folder, level=settings.logging.level, form=settings.logging.form)
    try:
        with open_loop(folder, settings) as loop:
            loop.seal()
    except SealerRunsAlreadyError:
        pass


def witness_key(folder: RunFolder, settings: LineSettings) -> VerifierKey | None:
    """Return the key of the line's witness; None where it has none. Raises WitnessKeyMissingError."""
    if settings.log.witness is None:
        return None
    if settings.log.witness == EMULATED:
        return open_witness(folder.witness).key if (folder.witness / STORE).exists() else None
    if settings.log.witness_key is None:
        raise WitnessKeyMissingError(settings.log.witness)
    return VerifierKey.parse(settings.log.witness_key)


def _tell(folder: RunFolder, settings: LineSettings) -> None:
    """Show the emulated witness that the log's key changed, as a real one's administrator does with its own hands."""
    if settings.log.witness != EMULATED:
        return
    from handoff_logs.accept_command import accept
    from handoff_logs.proofs.errors import KeyNeverChangedError
    from handoff_logs.proofs.making import prove_key

    try:
        with open_reading(folder.resolve_database(settings.database.url)) as reading:
            proof = prove_key(reading).encode()
        accept(open_witness(folder.witness).store, log_key.verifiers(folder.log_key), proof)
    except KeyNeverChangedError:
        pass
    except HandoffLogError as error:
        log.warning("witness_not_told", error=type(error).__name__)


def _witness(folder: RunFolder, settings: LineSettings, witness_url: str | None) -> Witness | None:
    key = witness_key(folder, settings)
    url = witness_url if settings.log.witness == EMULATED else settings.log.witness
    return Witness(url, key) if key is not None and url is not None else None
