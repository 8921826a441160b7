"""Keys made, replaced and revoked: the private key's file first, then the record that registers it.

Between the two a key is nobody's: it signs nothing and is listed as never registered. One command at a time changes
the keys in a folder.
"""

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from handoff_logs import keyring, log_key, register, sealing, signing
from handoff_logs.database import Database
from handoff_logs.errors import (
    KeyEndedError,
    KeyExistsError,
    LogKeyPendingError,
    NeededKeyError,
    NoKeyInUseError,
    UnknownKeyError,
)
from handoff_logs.keyring import KeyFile, PublicKey, registered_as, station_owner
from handoff_logs.notes import VerifierKey
from handoff_logs.records import ADMINISTRATION, Party
from handoff_logs.register import Register
from handoff_logs.statements import Statement
from handoff_logs.writing import Entry, Stamp


class Reason(StrEnum):
    """Why a key is revoked."""

    STOLEN = "stolen"
    LOST = "lost"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Signers:
    """The two who change the keys, and the sign-in of the second; the first's is in `by`."""

    by: Party
    second: str
    second_sign_in: str | None


@dataclass(frozen=True, slots=True)
class KeyStanding:
    """A key as the log has it and where its file is; times in microseconds UTC.

    `last_number` is the number of the last record it signed. `file` is `key`, `locked`, `retired` or `not here`. A
    file whose key the log does not know has `since_us` None.
    """

    owner: str
    key_id: str
    since_us: int | None
    last_number: int
    revoked: str | None
    revoked_us: int | None
    file: str


_STANDINGS = Statement(
    "SELECT owner.value, owner.subject, begun.written_us,"
    " coalesce((SELECT max(key_number) FROM custody_event WHERE key_id = owner.subject),"
    " (SELECT max(second_key_number) FROM custody_event WHERE second_key_id = owner.subject), 0),"
    " revoked.value, ended.written_us"
    " FROM custody_register AS owner JOIN custody_event AS begun ON begun.event_id = owner.event_id"
    " LEFT JOIN custody_register AS revoked ON revoked.register = 'key' AND revoked.subject = owner.subject"
    " AND revoked.field = 'revoked' LEFT JOIN custody_event AS ended ON ended.event_id = revoked.event_id"
    " WHERE owner.register = 'key' AND owner.field = 'owner' ORDER BY owner.value, begun.seq, owner.position"
)


def standings(conn: Connection, files: Iterable[KeyFile]) -> list[KeyStanding]:
    """Return every key that the log knows, by owner and age, then the files of keys that it does not."""
    lies = {file.key_id: file for file in files}
    known = [
        KeyStanding(owner, key_id, since_us, number, revoked, revoked_us, _place(lies.pop(key_id, None)))
        for owner, key_id, since_us, number, revoked, revoked_us in _STANDINGS.run(conn).fetchall()
    ]
    strange = [KeyStanding(file.owner, file.key_id, None, 0, None, None, file.state) for file in lies.values()]
    return known + sorted(strange, key=lambda one: (one.owner, one.key_id))


def create(database: Database, folder: Path, owner: str, signers: Signers, *, emulated: bool) -> PublicKey:
    """Make and register a station's key. Raises KeyExistsError where it has one in use."""
    return _introduce(database, folder, owner, lambda: keyring.write_new(folder, owner), signers, emulated=emulated)


def enrol(database: Database, folder: Path, person: str, pin: str, signers: Signers, *, emulated: bool) -> PublicKey:
    """Make and register a person's own key, under their PIN. Raises KeyExistsError, PinFormError."""
    owner = keyring.person_owner(person)
    make = _locked(folder, person, pin)
    return _introduce(database, folder, owner, make, signers, emulated=emulated)


def rotate(
    database: Database,
    folder: Path,
    owner: str,
    reason: Reason,
    signers: Signers,
    *,
    pin: str | None = None,
    emulated: bool,
) -> PublicKey:
    """Replace an owner's key: the new one is registered and the old one revoked in one record.

    A person's new key is under `pin`. Processes that sign with the old one go on with the new one. Raises
    NoKeyInUseError, PinFormError.
    """
    kind, _, name = owner.partition(":")
    make = _locked(folder, name, pin or "") if kind == "person" else lambda: keyring.write_new(folder, owner)
    with _alone(folder):
        with database.read() as conn:
            if not _in_use(conn, owner):
                raise NoKeyInUseError(owner)
        public = make()

        def work(tx: Connection) -> None:
            old = [Entry(Register.KEY, key_id, "revoked", reason) for key_id in _in_use(tx, owner)]
            _record(tx, database, [*register.key_entries([public]), *old], reason, signers, emulated)

        database.write(work)
        _retire_others(folder, owner, public.key_id)
    return public


def rotate_log(database: Database, folder: Path, reason: Reason, signers: Signers, *, emulated: bool) -> VerifierKey:
    """Name the log's next key, whose file is made in the log key's `folder`, and end the one before, in one record.

    The sealer signs with it as soon as the old key has signed a checkpoint that ends with that record; till then the
    old one signs. Raises NoKeyInUseError, LogKeyMissingError where the log's keys are elsewhere, LogKeyPendingError.
    """
    with _alone(folder):
        with database.read() as conn:
            old = check_log(conn, folder)
            known = register.state(conn, Register.KEY)
        # What a command left that was killed before its record.
        log_key.clear(folder, {subject for subject, field in known if field == "owner"})
        new = log_key.write_next(folder)
        public = registered_as(new.public, log_key.OWNER)

        def work(tx: Connection) -> None:
            # Whoever replaces it from another folder at this moment is waited for, and then seen.
            for key_id in _in_use(tx, station_owner(ADMINISTRATION)):
                signing.wait_for(tx, key_id)
            check_log(tx, folder)
            entries = [*register.key_entries([public]), Entry(Register.KEY, old, "revoked", reason)]
            _record(tx, database, entries, reason, signers, emulated)

        database.write(work)
    return new


def check_log(conn: Connection, folder: Path) -> str:
    """Return the id of the log's key, if it can be replaced from its `folder`.

    Raises NoKeyInUseError, LogKeyMissingError, LogKeyPendingError.
    """
    epoch = sealing.newest_epoch(conn)
    keys = sealing.log_keys(conn, epoch)
    if keys.last is None:
        raise NoKeyInUseError(log_key.OWNER)
    if keys.pending(sealing.signed_size(conn, epoch)) is not None:
        raise LogKeyPendingError(keys.last)
    log_key.read(folder).of(keys.last)
    return keys.last


def revoke(database: Database, folder: Path, key_id: str, reason: Reason, signers: Signers, *, emulated: bool) -> str:
    """Revoke a key, for ever; its owner, who has none then. Raises UnknownKeyError, KeyEndedError, NeededKeyError."""

    def work(tx: Connection) -> str:
        owner = check_revocable(tx, key_id)
        _record(tx, database, [Entry(Register.KEY, key_id, "revoked", reason)], reason, signers, emulated)
        return owner

    with _alone(folder):
        owner = database.write(work)
        for file in keyring.files(folder, owner):
            if file.key_id == key_id and file.state != keyring.KeyFileState.RETIRED:
                keyring.retire(folder, key_id)
    return owner


def check_revocable(tx: Connection, key_id: str) -> str:
    """Return the owner of a key that can be revoked. Raises UnknownKeyError, KeyEndedError, NeededKeyError."""
    facts = register.state(tx, Register.KEY)
    owner = facts.get((key_id, "owner"))
    if owner is None:
        raise UnknownKeyError(key_id)
    if (ended := facts.get((key_id, "revoked"))) is not None:
        raise KeyEndedError(key_id, owner, ended)
    if owner == log_key.OWNER or (owner == station_owner(ADMINISTRATION) and _in_use(tx, owner) == [key_id]):
        raise NeededKeyError(key_id, owner)
    return owner


def check_new(conn: Connection, owner: str) -> None:
    """Raise KeyExistsError where an owner has a key in use."""
    if in_use := _in_use(conn, owner):
        raise KeyExistsError(owner, in_use[0])


def check_old(conn: Connection, owner: str) -> None:
    """Raise NoKeyInUseError where an owner has no key in use."""
    if not _in_use(conn, owner):
        raise NoKeyInUseError(owner)


def _introduce(
    database: Database,
    folder: Path,
    owner: str,
    make: Callable[[], PublicKey],
    signers: Signers,
    *,
    emulated: bool,
) -> PublicKey:
    with _alone(folder):
        with database.read() as conn:
            check_new(conn, owner)
        public = make()

        def work(tx: Connection) -> None:
            check_new(tx, owner)
            _record(tx, database, register.key_entries([public]), None, signers, emulated)

        database.write(work)
        _retire_others(folder, owner, public.key_id)
    return public


def _record(
    tx: Connection,
    database: Database,
    entries: list[Entry],
    reason: str | None,
    signers: Signers,
    emulated: bool,
) -> None:
    # What is being signed with a key that ends here is written before this record or refused after it. The
    # administration's own key first, as everywhere where two are waited for.
    ending = [entry.subject for entry in entries if entry.field == "revoked"]
    for key_id in (*_in_use(tx, station_owner(ADMINISTRATION)), *sorted(ending)):
        signing.wait_for(tx, key_id)
    stamp = Stamp(database.clock_us(tx), emulated, reason=reason, second_sign_in=signers.second_sign_in)
    register.record(tx, signers.by, signers.second, entries, stamp)


def _in_use(tx: Connection, owner: str) -> list[str]:
    facts = register.state(tx, Register.KEY)
    return [
        key_id
        for (key_id, field), value in facts.items()
        if field == "owner" and value == owner and (key_id, "revoked") not in facts
    ]


def _locked(folder: Path, person: str, pin: str) -> Callable[[], PublicKey]:
    return lambda: keyring.write_locked(folder, person, pin)


def _retire_others(folder: Path, owner: str, key_id: str) -> None:
    """Take an owner's other keys out of use: revoked ones, and what commands left that were cut off."""
    for file in keyring.files(folder, owner):
        if file.key_id != key_id and file.state != keyring.KeyFileState.RETIRED:
            keyring.retire(folder, file.key_id)


def _place(file: KeyFile | None) -> str:
    return file.state.value if file else "not here"


@contextmanager
def _alone(folder: Path) -> Iterator[Any]:
    """Let one process at a time change the keys of a folder."""
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
