"""Whether the line of a folder is *recovering*: its database was put back from an older copy, or cut."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from flows.run_folder import RunFolder
from handoff_logs.backup import SQLITE, has_no_tables, kind_of, source_of
from handoff_logs.errors import UnreadableDatabaseError
from handoff_logs.reading import Reading, open_reading
from handoff_logs.recovering import Outside, State, compare, numbers_given, sealed_size

NAMED: Final = 10
"""Keys that are named one by one."""


def loss_folder(folder: RunFolder) -> Path:
    """Return where a declared loss keeps what it has made and not brought to its place yet."""
    return folder.keys / "loss"


def outside(folder: RunFolder) -> Outside:
    """Look at what is known in a folder beside its database: the keys' numbers, the log's notes, an emulated witness.

    To be asked before the database is.
    """
    sealed = (*sealed_size(folder.log_key), *_emulated_witness(folder))
    return Outside(numbers_given(folder.signing_keys), sealed, unfinished=loss_folder(folder).exists())


def look(folder: RunFolder) -> State:
    """Compare the line's database with what is known in its folder; no other computer is asked."""
    known = outside(folder)
    reading = open_if_there(folder.line().database_url)
    if reading is None:
        return compare(known, None)
    with reading:
        return compare(known, reading)


def open_if_there(url: str) -> Reading | None:
    """Open a database for reading; None where there is none, or an empty one. Raises UnreadableDatabaseError."""
    if kind_of(url) == SQLITE and not Path(source_of(url)).exists():
        return None
    try:
        return open_reading(url)
    except UnreadableDatabaseError as error:
        if has_no_tables(error):
            return None
        raise


def written(found: State) -> Sequence[str]:
    """Say what is missing, a sentence each; nothing where nothing is."""
    sentences = [
        f"{one.key_id} ({one.owner}) signed {one.given} records, and the database has {one.has} of them."
        for one in found.keys[:NAMED]
    ]
    if len(found.keys) > NAMED:
        sentences.append(f"{len(found.keys) - NAMED} other keys know more too.")
    for one in found.seals:
        who = "the log's own key has sealed" if one.by == "log" else f"the witness {one.by} has cosigned"
        sentences.append(f"{one.origin} has {one.size} sealed records here, and {who} {one.known}.")
    if found.other_history:
        sentences.append(f"The witness {found.other_history} cosigned other records than these: two histories.")
    if found.unfinished:
        sentences.append("A loss was being declared and is not finished: run `passline logs declare-loss` again.")
    return sentences


def _emulated_witness(folder: RunFolder) -> Sequence[tuple[str, str, int]]:
    from handoff_logs.notes import VerifierKey
    from handoff_logs.witness.folder import STORE
    from handoff_logs.witness.store import Store

    if not (folder.witness / STORE).exists():
        return ()
    store = Store(folder.witness / STORE)
    name = VerifierKey.parse(store.vkey()).name
    return [(name, str(row["origin"]), int(row["size"])) for row in store.cosigned()]
