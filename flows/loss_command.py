"""`passline logs declare-loss`: two administrators end a tree whose newest records are lost, and begin the next one.

1. New keys are made in a folder of their own, with the name of the record to come.
2. The record, the new tree and its first leaf are one transaction, signed by the old administration key.
3. Old keys go out of use, new ones to their places, the folder goes.

Killed before 2, the next call begins again; killed after it, the next call ends what was begun.
"""

import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import Parameter

from flows.errors import CheckpointRefusedError, Exit, NoCopyRestoredError, NotRecoveringError
from flows.run_folder import RunFolder
from stations.people_register.asking import Asking, First, PasswordsFrom, Second

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from flows.settings import LineSettings
    from handoff_logs.log_key import LogKey
    from handoff_logs.loss import LastCheckpoint
    from handoff_logs.notes import VerifierKey
    from handoff_logs.reading import Reading

PLAN: Final = "plan.json"
LOG_FILES: Final = ("sealed.note", "cosigned.note", "log.key", "log.pub")
MADE: Final = frozenset({"log.key", "log.pub"})

ADMINISTRATION_KEYS: Final = (
    "SELECT named.subject AS key_id FROM custody_register AS named JOIN custody_event AS event"
    " ON event.event_id = named.event_id WHERE named.register = 'key' AND named.field = 'owner'"
    " AND named.value = :owner AND NOT EXISTS (SELECT 1 FROM custody_register AS ended"
    " WHERE ended.register = 'key' AND ended.subject = named.subject AND ended.field = 'revoked')"
    " ORDER BY event.seq DESC"
)
COSIGNED: Final = (
    "SELECT point.size, point.root, said.witness FROM seal_cosignature AS said JOIN seal_checkpoint AS point"
    " ON point.epoch = said.epoch AND point.size = said.size"
    " JOIN seal_origin AS origin ON origin.epoch = point.epoch WHERE origin.origin = :origin"
    " ORDER BY point.size DESC LIMIT 1"
)
LOST: Final = "SELECT subject FROM custody_register WHERE register = 'key' AND field = 'revoked' AND value = 'loss'"


@dataclass(frozen=True, slots=True)
class Finished:
    """What a declared loss came to."""

    epoch: int
    origin: str
    after: str


def declare_loss_command(
    *,
    checkpoint: Annotated[
        Path | None,
        Parameter("--checkpoint", help="The last checkpoint that others have of this log, a signed note."),
    ] = None,
    first: First = None,
    second: Second = None,
    directory: Annotated[Path, Parameter("--dir", help="The run's folder.")] = Path(".passline"),
    passwords_from: PasswordsFrom = None,
) -> int:
    """Declare that the newest records are lost, where a line is recovering: two administrators sign.

    All stations and the log get new keys, and the log a new name whose first record says what was lost.
    """
    from flows.configuration import read_settings
    from flows.locks import line_lock, seal_lock

    folder = RunFolder(directory)
    line = folder.line()
    settings = read_settings(folder)
    with line_lock(folder), seal_lock(folder):
        done = finish(folder)
        if done is None:
            _declare(folder, settings, checkpoint, (first, second), Asking(passwords_from))
            done = finish(folder)
    if done is None:
        raise NotRecoveringError(folder.path)
    for sentence in _told(folder, done, witness=settings.log.witness):
        sys.stdout.write(f"{'EMULATED line: ' if line.emulated else ''}{sentence}\n")
    return Exit.FINE


def _declare(
    folder: RunFolder,
    settings: "LineSettings",
    checkpoint: Path | None,
    codes: tuple[str | None, str | None],
    asking: Asking,
) -> None:
    from flows.recovering import loss_folder, open_if_there
    from flows.rolled_back import state
    from handoff_logs import log_key, loss
    from handoff_logs.backup import source_of
    from handoff_logs.database import Database
    from handoff_logs.keyring import Keyring, station_owner
    from handoff_logs.log import Stamp
    from handoff_logs.log_facts import ORIGIN
    from handoff_logs.migrations import upgrade as upgrade_custody
    from handoff_logs.records import ADMINISTRATION
    from handoff_logs.recovering import LOSS
    from stations.migrations import upgrade as upgrade_stations
    from stations.people_register import rules
    from stations.people_register.sign_in import sign_in_two

    url = folder.line().database_url
    missing = state(folder, settings)
    if missing.current:
        raise NotRecoveringError(folder.path)
    reading = open_if_there(url)
    if reading is None:
        raise NoCopyRestoredError(source_of(url))
    old = log_key.read(folder.log_key)
    with reading:
        tree = next((row["origin"] for row in reading.rows(ORIGIN)), old.origin)
        last = _last_checkpoint(folder, settings, reading, tree, log_key.verifiers(folder.log_key), checkpoint)
        signer = next(
            (row["key_id"] for row in reading.rows(ADMINISTRATION_KEYS, owner=station_owner(ADMINISTRATION))), ""
        )
    people = asking.code("first", codes[0]), asking.code("second", codes[1])
    rules.check_two(*people)
    staging = loss_folder(folder)
    upgrade_custody(url)
    upgrade_stations(url)
    with Database(url) as unsigned:
        signers = asking.credentials(people[0]), asking.credentials(people[1])
        by = sign_in_two(unsigned, *signers, rules.ADMINISTRATORS)
    event_id, new = _stage(staging, settings.centre, old.origin)
    _lend_old(folder.signing_keys, staging / "old", signer)
    with Keyring(staging / "signing") as fresh:
        keys = (*fresh.public_keys, new.public)
    declared = loss.Declaration(tree, old.origin, new.origin, keys, last, missing)
    with Database(url, keyring=Keyring(staging / "old")) as database:

        def write(tx: "Connection") -> None:
            stamp = Stamp(database.clock_us(tx), settings.emulated, reason=LOSS, event_id=event_id)
            loss.declare(tx, by.first, by.second, declared, stamp)

        database.write(write)


def finish(folder: RunFolder) -> Finished | None:
    """Bring the keys of a recorded loss to their places; None, and nothing of it is left, where none was recorded.

    Repeating it after any interruption ends in the same.
    """
    from flows.recovering import loss_folder, open_if_there

    staging = loss_folder(folder)
    if not staging.exists():
        return None
    plan: dict[str, Any] = json.loads((staging / PLAN).read_bytes()) if (staging / PLAN).exists() else {}
    reading = open_if_there(folder.line().database_url) if plan else None
    recorded: Sequence[Any] = ()
    lost: set[str] = set()
    if reading is not None:
        with reading:
            recorded = reading.rows(
                "SELECT subject, field, value FROM custody_register WHERE event_id = :event_id AND register = 'origin'",
                event_id=plan["event_id"],
            )
            lost = {row["subject"] for row in reading.rows(LOST)}
    if not recorded:
        shutil.rmtree(staging)
        return None
    facts = {row["field"]: row["value"] for row in recorded}
    epoch = int(recorded[0]["subject"])
    _put_signing_keys(staging / "signing", folder.signing_keys, lost)
    _put_log_key(staging / "log", folder.log_key, plan["was"].rpartition("/")[2])
    shutil.rmtree(staging)
    return Finished(epoch, facts["name"], facts["after"])


def _stage(staging: Path, centre: str, was: str) -> "tuple[str, LogKey]":
    """Make the new keys, and last the plan that names the record which will make them good."""
    from flows.composition import station_owners
    from handoff_logs import log_key
    from handoff_logs.keyring import write_new
    from handoff_logs.records import new_id

    (staging / "signing").mkdir(mode=0o700, parents=True)
    staging.chmod(0o700)
    for owner in station_owners():
        write_new(staging / "signing", owner)
    new = log_key.create(staging / "log", centre)
    event_id = new_id()
    fresh = staging / f".{PLAN}"
    fresh.write_text(json.dumps({"event_id": event_id, "was": was}), encoding="ascii")
    for path in (fresh, staging / "signing", staging / "log"):
        _sync(path)
    fresh.rename(staging / PLAN)
    _sync(staging)
    return event_id, new


def _lend_old(signing_keys: Path, old: Path, signer: str) -> None:
    """Give the one record the old administration key that the database knows, retired or not, and people's own keys.

    As links: the numbers beside them stay the same files.
    """
    old.mkdir(mode=0o700)
    for path in (*signing_keys.glob(f"*.{signer}.key"), *signing_keys.glob(f"*.{signer}.retired"),
                 *signing_keys.glob("person-*.key")):  # fmt: skip
        os.link(path, old / f"{path.stem}.key")
        if path.with_suffix(".number").exists():
            os.link(path.with_suffix(".number"), old / f"{path.stem}.number")


def _put_signing_keys(staged: Path, signing_keys: Path, lost: set[str]) -> None:
    for path in signing_keys.glob("*.key"):
        if path.name.rsplit(".", 2)[1] in lost:
            path.rename(path.with_suffix(".retired"))
    for path in (*staged.glob("*.number"), *staged.glob("*.key")):
        path.rename(signing_keys / path.name)
    _sync(signing_keys)


def _put_log_key(staged: Path, log_folder: Path, was: str) -> None:
    from handoff_logs import log_key
    from handoff_logs.keyring import KeyFileState

    for name in LOG_FILES:
        new, here = staged / name, log_folder / name
        kept = log_folder / f"{name}.{was}"
        # Moved aside once: what lies there after that is the new one. A later key of the log lay under another name.
        if here.exists() and not kept.exists() and (new.exists() or name not in MADE):
            here.rename(kept)
        if new.exists():
            new.rename(here)
    for file in log_key.files(log_folder):
        if file.path.name not in MADE and file.state is KeyFileState.KEY:
            log_key.retire(log_folder, file.key_id)
    _sync(log_folder)


def _last_checkpoint(
    folder: RunFolder,
    settings: "LineSettings",
    reading: "Reading",
    tree: str,
    log: "Sequence[VerifierKey]",
    given: Path | None,
) -> "LastCheckpoint | None":
    """The largest checkpoint of the tree that a witness cosigned; if there is none, the largest that is signed.

    Where the log's key is of a later tree than the database, its notes say nothing of this one.
    """
    from flows.sealer import witness_key
    from handoff_logs.loss import LastCheckpoint

    witness = witness_key(folder, settings)
    found = [LastCheckpoint(row["size"], row["root"], row["witness"])
             for row in reading.rows(COSIGNED, origin=tree)]  # fmt: skip
    for file, is_given in _notes(folder, given):
        if tree != log[0].name and not is_given:
            continue
        try:
            found.append(_signed(file.read_bytes(), log, witness))
        except (OSError, ValueError) as error:
            if is_given:
                raise CheckpointRefusedError(file, str(error)) from error
    return max(found, key=lambda one: (one.witness is not None, one.size), default=None)


def _notes(folder: RunFolder, given: Path | None) -> Iterator[tuple[Path, bool]]:
    for name in ("cosigned.note", "sealed.note"):
        if (folder.log_key / name).exists():
            yield folder.log_key / name, False
    if given is not None:
        yield given, True


def _signed(data: bytes, log: "Sequence[VerifierKey]", witness: "VerifierKey | None") -> "LastCheckpoint":
    """A checkpoint of the log, the signatures of one of its keys verified. Raises ValueError for one that is none."""
    from handoff_logs.checkpoints import Checkpoint
    from handoff_logs.cosignatures import verified
    from handoff_logs.errors import HandoffLogError
    from handoff_logs.loss import LastCheckpoint
    from handoff_logs.notes import Note

    try:
        note = Note.parse(data)
        note.signatures_of(log)
        checkpoint = Checkpoint.parse(note.text)
        cosigned = [verified(note.text, one, witness) for one in note.signatures if witness and one.is_of(witness)]
    except HandoffLogError as error:
        raise ValueError(str(error)) from error
    if checkpoint.origin != log[0].name:
        raise ValueError(f"it is of {checkpoint.origin}")
    return LastCheckpoint(checkpoint.size, checkpoint.root.hex(), witness.name if cosigned and witness else None)


def _told(folder: RunFolder, done: Finished, *, witness: str | None) -> Iterator[str]:
    from handoff_logs import log_key

    yield f"the loss is recorded; {done.after} has ended, and the log goes on as {done.origin}"
    verifier = log_key.read_verifier(folder.log_key)
    yield f"back up {folder.keys} now, apart from the database; give every auditor its new key, {verifier}"
    if witness is not None and witness != "emulated":
        yield f"tell those who run the witness: passline witness serve --log '{verifier}' beside the logs it has"
    yield f"then `passline run --dir {folder.path}`: every machine is asked what it made before anything is drawn"


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
