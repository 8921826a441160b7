"""Nothing is recorded on a database that is behind: asked where a line is opened, its witness included."""

from dataclasses import replace

from flows.errors import RecoveringError
from flows.recovering import look, open_if_there, written
from flows.run_folder import RunFolder
from flows.sealer import EMULATED, witness_key
from flows.settings import LineSettings
from handoff_logs.log_facts import last_note
from handoff_logs.recovering import SealsBehind, State


def refuse_rolled_back(folder: RunFolder, settings: LineSettings) -> None:
    """Raise RecoveringError where keys, the log's notes or the witness know more than the database.

    A witness that does not answer holds nothing up: sealing goes on without it too, and says so.
    """
    found = state(folder, settings)
    if not found.current:
        raise RecoveringError(folder.path, tuple(written(found)))


def state(folder: RunFolder, settings: LineSettings) -> State:
    """Compare the line's database with what is known in its folder and by its witness."""
    return _asked(folder, settings, look(folder))


def _asked(folder: RunFolder, settings: LineSettings, found: State) -> State:
    url = settings.log.witness
    key = None if url in (None, EMULATED) else witness_key(folder, settings)
    reading = None if key is None else open_if_there(folder.resolve_database(settings.database.url))
    if url is None or key is None or reading is None:
        return found
    with reading:
        latest = last_note(reading)
    if latest is None:
        return found
    from handoff_logs.witness.client import add_checkpoint
    from handoff_logs.witness.errors import RolledBackError, TwoHistoriesError, WitnessError

    _, checkpoint, note = latest
    try:
        # From its own size to its own size: a question, which adds nothing to what the witness knows.
        add_checkpoint(url, key, checkpoint.size, (), note)
    except RolledBackError as error:
        if (size := _sealed_by_now(folder, settings)) < error.known:
            return replace(found, seals=(*found.seals, SealsBehind(key.name, checkpoint.origin, size, error.known)))
    except TwoHistoriesError:
        return replace(found, other_history=key.name)
    except WitnessError:
        pass
    return found


def _sealed_by_now(folder: RunFolder, settings: LineSettings) -> int:
    """Return the sealed size now: a sealer may have gone on while the witness was asked."""
    reading = open_if_there(folder.resolve_database(settings.database.url))
    if reading is None:
        return 0
    with reading:
        latest = last_note(reading)
    return latest[1].size if latest else 0
