"""Signing a record in the transaction that writes it, with the number that its key gives it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from handoff_logs.errors import DatabaseBehindError, KeyMissingError, KeyRevokedError, KeyUnregisteredError
from handoff_logs.keyring import Keyring, SigningKey, person_owner, station_owner
from handoff_logs.records import Act, Scalar, acting_station, event_hash, second_signer, signed_bytes
from handoff_logs.recovering import LOSS
from handoff_logs.statements import Statement

_KEYRING, _GIVEN, _LOSS = "passline keyring", "passline numbers", "passline declared loss"

# On PostgreSQL two transactions may sign with one key at a time: the second waits for the first's commit. The
# transaction's own number comes before the record's, so that the sealer sees who may still commit a lower one.
_ALONE = Statement("SELECT pg_advisory_xact_lock(hashtextextended(:key_id, 0)), pg_current_xact_id()::text")
_UNREGISTERED, _REGISTERED, _REVOKED = 0, 1, 2
_STANDING = (
    "coalesce((SELECT max(CASE field WHEN 'revoked' THEN 2 WHEN 'owner' THEN 1 ELSE 0 END) FROM custody_register"
    " WHERE register = 'key' AND subject = :key_id), 0)"
)
_LAST = Statement(
    f"SELECT coalesce((SELECT max(key_number) FROM custody_event WHERE key_id = :key_id), 0), {_STANDING}"  # noqa: S608
)
_LAST_SECOND = Statement(
    "SELECT coalesce((SELECT max(second_key_number) FROM custody_event WHERE second_key_id = :key_id), 0),"  # noqa: S608
    f" {_STANDING}"
)
_BEGUN = Statement("SELECT EXISTS (SELECT 1 FROM custody_event)")


def lend(info: dict[Any, Any], keyring: Keyring | None) -> None:
    """Give a connection (its `info`) the keys that sign what is written through it."""
    info[_KEYRING] = keyring


def sign(tx: Connection, event: dict[str, Scalar]) -> tuple[str, str | None]:
    """Number and sign an event by its station's key and, where the signer has one open, by a person's own.

    Fills the event's key columns and returns both signatures (base64). Raises KeyMissingError, KeyRevokedError,
    KeyUnregisteredError, DatabaseBehindError.
    """
    return sign_each(tx, [event])[0]


def sign_each(tx: Connection, events: Sequence[dict[str, Scalar]]) -> list[tuple[str, str | None]]:
    """Number and sign events of one station and one signer as `sign` does; their numbers follow in their order."""
    keyring: Keyring | None = tx.info[_KEYRING]
    first = events[0]
    station = acting_station(first)
    if keyring is None:
        raise KeyMissingError(station_owner(station), "none")
    behind = _declares_loss(tx, first)
    key, number = _numbered(tx, keyring, station_owner(station), _LAST, behind=behind)
    second = _personal(keyring, second_signer(first))
    second_number = 0
    if second is not None:
        second, second_number = _numbered(tx, keyring, second.owner, _LAST_SECOND, behind=behind)
    signatures = []
    for after, event in enumerate(events):
        event["key_id"], event["key_number"] = key.key_id, number + after
        if second is not None:
            event["second_key_id"], event["second_key_number"] = second.key_id, second_number + after
        message = signed_bytes(event_hash(event))
        signatures.append((key.sign(message), second.sign(message) if second else None))
    numbers = tx.info[_GIVEN]
    numbers[key.key_id] = number + len(events) - 1
    if second is not None:
        numbers[second.key_id] = second_number + len(events) - 1
    return signatures


def wait_for(tx: Connection, key_id: str) -> None:
    """Wait until nobody signs with a key: those who would, meanwhile, see what this transaction does to it."""
    if tx.dialect.name != "sqlite":
        _ALONE.run(tx, {"key_id": key_id})


def sign_loss(tx: Connection, event_id: str) -> None:
    """Let the next record of this transaction be signed by keys that know more than the database: a declared loss.

    The one exception to DatabaseBehindError. It holds for the register act of this id alone, which two people sign with
    the reason `loss`; whatever is signed next uses it up.
    """
    tx.info[_LOSS] = event_id


def begun(tx: Connection) -> None:
    """Forget the numbers of a transaction that was undone."""
    tx.info[_GIVEN] = {}
    tx.info.pop(_LOSS, None)


def given(tx: Connection) -> dict[str, int]:
    """The numbers that this transaction has given so far, by key."""
    return dict(tx.info.get(_GIVEN, {}))


def undone(tx: Connection, before: dict[str, int]) -> None:
    """Forget the numbers of work that was undone within a transaction; `before`: those that were given before it."""
    tx.info[_GIVEN] = before
    tx.info.pop(_LOSS, None)


def committed(tx: Connection) -> None:
    """Let the keys remember the numbers that are now on disk."""
    given = tx.info.pop(_GIVEN, None)
    keyring: Keyring | None = tx.info.get(_KEYRING)
    if given and keyring is not None:
        keyring.gave(given)


def _declares_loss(tx: Connection, event: dict[str, Scalar]) -> bool:
    declared = tx.info.pop(_LOSS, None)
    return (
        declared is not None
        and declared == event["event_id"]
        and event["act"] == Act.REGISTER.value
        and event["reason"] == LOSS
        and event["second_person"] is not None
    )


def _personal(keyring: Keyring, person: str) -> SigningKey | None:
    try:
        return keyring.of(person_owner(person))
    except KeyMissingError:
        return None


def _numbered(tx: Connection, keyring: Keyring, owner: str, last: Statement, *, behind: bool) -> tuple[SigningKey, int]:
    found = _in_use(tx, keyring, owner, last)
    if found is None:
        # Rotated by a command of another process.
        keyring.reload()
        found = _in_use(tx, keyring, owner, last)
    if found is None:
        key = keyring.of(owner)
        _, standing = _next(tx, key, last)
        raise (KeyRevokedError if standing == _REVOKED else KeyUnregisteredError)(key.key_id, owner)
    key, number = found
    if number <= key.last and not behind:
        raise DatabaseBehindError(owner, key.key_id, number - 1, key.last)
    tx.info.setdefault(_GIVEN, {})[key.key_id] = number
    return key, number


def _in_use(tx: Connection, keyring: Keyring, owner: str, last: Statement) -> tuple[SigningKey, int] | None:
    """Return an owner's key that is registered and not revoked, with its next number.

    A newer one that is not registered is what a command left that was killed before its record.
    """
    for key in keyring.each_of(owner):
        number, standing = _next(tx, key, last)
        if standing == _REGISTERED or (standing == _UNREGISTERED and not _one(_BEGUN.run(tx).fetchone())[0]):
            return key, number
    return None


def _next(tx: Connection, key: SigningKey, last: Statement) -> tuple[int, int]:
    wait_for(tx, key.key_id)
    number, standing = _one(last.run(tx, {"key_id": key.key_id}).fetchone())
    return number + 1, standing


def _one(row: tuple[Any, ...] | None) -> tuple[Any, ...]:
    assert row is not None  # noqa: S101 a SELECT without FROM has one row
    return row
