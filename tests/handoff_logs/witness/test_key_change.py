"""A log's key changes: the witness believes each key for its own sizes, and no key that it was not shown."""

import dataclasses
import sqlite3
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from small_log import SmallLog

from handoff_logs.notes import Note, signed
from handoff_logs.witness.cosigner import Cosigner
from handoff_logs.witness.errors import KeyChangedOtherwiseError
from handoff_logs.witness.folder import STORE, Opened, make_witness, open_witness
from handoff_logs.witness.protocol import AddCheckpoint
from handoff_logs.witness.store import KeyChange, Store

OLD = SmallLog(1)
NEXT = Ed25519PrivateKey.from_private_bytes(b"n" * 32)
NEW_KEY = dataclasses.replace(OLD.key, public=NEXT.public_key().public_bytes_raw())
CHANGE = KeyChange(OLD.key.name, 5, str(OLD.key), str(NEW_KEY))


@pytest.fixture
def witness(tmp_path: Path) -> Opened:
    make_witness(tmp_path / "witness", "witness.example/w1")
    return open_witness(tmp_path / "witness")


@pytest.fixture
def cosigner(witness: Opened) -> Cosigner:
    return Cosigner(witness.key, witness.sign, witness.store, [OLD.key])


def by_next(old_size: int, size: int) -> AddCheckpoint:
    """The same log's checkpoint, signed by its next key."""
    text = OLD.checkpoint(size).text
    return AddCheckpoint.of(old_size, OLD.proof(old_size, size), Note(text, (signed(text, NEW_KEY, NEXT.sign),)))


def status(cosigner: Cosigner, request: AddCheckpoint) -> int:
    return cosigner.answer(request.encode(), "127.0.0.1").status


def test_each_key_is_believed_for_its_own_sizes(cosigner: Cosigner, witness: Opened) -> None:
    assert status(cosigner, OLD.request(0, 4)) == 200
    refused = cosigner.answer(by_next(4, 6).encode(), "127.0.0.1")
    assert (refused.status, "passline witness accept FILE" in refused.text) == (403, True)
    assert witness.store.change_key(CHANGE, 1)
    assert not witness.store.change_key(CHANGE, 2)
    assert status(cosigner, by_next(4, 5)) == 403  # the old key's to sign
    assert status(cosigner, OLD.request(4, 6)) == 403  # and no more, whoever has stolen it
    assert status(cosigner, OLD.request(4, 5)) == 200
    assert status(cosigner, OLD.request(5, 5)) == 200
    assert status(cosigner, by_next(5, 6)) == 200
    assert witness.store.evidence() == []


def test_a_witness_that_is_started_with_the_new_key_believes_the_same(cosigner: Cosigner, witness: Opened) -> None:
    witness.store.change_key(CHANGE, 1)
    later = Cosigner(witness.key, witness.sign, witness.store, [NEW_KEY])
    assert status(later, OLD.request(0, 5)) == 200
    assert status(later, OLD.request(5, 6)) == 403
    assert status(later, by_next(5, 6)) == 200


def test_a_second_key_after_the_same_old_one_is_refused(witness: Opened) -> None:
    witness.store.change_key(CHANGE, 1)
    other = CHANGE._replace(new_key=str(SmallLog(2).key))
    with pytest.raises(KeyChangedOtherwiseError):
        witness.store.change_key(other, 1)
    with pytest.raises(KeyChangedOtherwiseError):
        witness.store.change_key(CHANGE._replace(size=7), 1)
    assert witness.store.key_changes() == [CHANGE]


def test_what_was_accepted_is_not_taken_back(witness: Opened, tmp_path: Path) -> None:
    witness.store.change_key(CHANGE, 1)
    with sqlite3.connect(tmp_path / "witness" / STORE) as connection:
        for change in (
            "DELETE FROM key_change",
            "UPDATE key_change SET size = 9",
            f"INSERT OR REPLACE INTO key_change VALUES ('{OLD.key.name}', 9, '{OLD.key}', '{NEW_KEY}', 1)",
        ):
            with pytest.raises(sqlite3.IntegrityError):
                connection.execute(change)
    connection.close()


def test_a_store_from_before_keys_could_change_goes_on(witness: Opened, tmp_path: Path, cosigner: Cosigner) -> None:
    status(cosigner, OLD.request(0, 4))
    path = tmp_path / "witness" / STORE
    with sqlite3.connect(path) as connection:
        connection.executescript("DROP TABLE key_change; PRAGMA user_version = 1;")
    connection.close()
    for _ in range(2):
        store = Store.open(path)
        assert [row["size"] for row in store.cosigned()] == [4]
        assert store.key_changes() == []
    assert store.change_key(CHANGE, 1)
