"""Every committed record becomes a leaf, once, in an order that all later checkpoints keep."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from at_once import PROCESSES
from signing_keys import log_key_of

from handoff_logs import log, log_key, merkle
from handoff_logs.database import Database
from handoff_logs.errors import SealedElsewhereError, WrongOriginError
from handoff_logs.keyring import Keyring
from handoff_logs.log_key import LogKey
from handoff_logs.notes import Note
from handoff_logs.records import EVENT_FIELDS, Birth, Kind, Party, event_hash, leaf_entry, new_id
from handoff_logs.sealing import Sealer


@pytest.fixture
def key(signing_keys: Path) -> LogKey:
    return log_key.read(log_key_of(signing_keys))


@pytest.fixture
def rows(centre: Any) -> Callable[[str], list[Any]]:
    return lambda sql: centre.do(lambda tx: tx.exec_driver_sql(sql).fetchall())


def naive_root(centre: Any) -> bytes:
    """The root over all events as their columns say, in the leaves' order, by the RFC's own recursion."""
    columns = ", ".join(f"event.{field}" for field in EVENT_FIELDS)
    found = centre.do(
        lambda tx: tx.exec_driver_sql(
            f"SELECT event.seq, event.signature, event.second_signature, {columns} FROM custody_event AS event"
            " JOIN seal_leaf AS leaf ON leaf.event_seq = event.seq ORDER BY leaf.leaf_index"
        ).fetchall()
    )
    leaves = []
    for seq, signature, second, *values in found:
        event = dict(zip(EVENT_FIELDS, values, strict=True))
        event["emulated"] = bool(event["emulated"])
        leaves.append(merkle.leaf_hash(leaf_entry(seq, event_hash(event), signature, second)))
    return tree_hash(leaves)


def tree_hash(leaves: list[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return merkle.hashlib.sha256(b"\x01" + tree_hash(leaves[:split]) + tree_hash(leaves[split:])).digest()


def test_a_checkpoint_covers_every_record(centre: Any, key: LogKey, rows: Any) -> None:
    centre.orders(3)
    sealer = Sealer(centre.database, key)
    first = sealer.seal()
    assert first.checkpoint.size == first.added == 2  # the log's first record and the receipt
    assert first.checkpoint.root == naive_root(centre)
    units = centre.orders(2)
    centre.accept(centre.offer(units), units)
    second = sealer.seal()
    assert (second.added, second.checkpoint.size) == (3, 5)
    assert second.checkpoint.root == naive_root(centre)
    assert sealer.seal() is None
    proof = sealer.consistency(2, 5)
    assert merkle.verify_consistency(2, 5, proof, first.checkpoint.root, second.checkpoint.root)
    assert Note.parse(second.note.encode()).signatures_of([key.verifier])
    assert rows("SELECT count(*) FROM custody_event WHERE seq NOT IN (SELECT event_seq FROM seal_leaf)") == [(0,)]


def test_another_process_goes_on_where_one_stopped(centre: Any, key: LogKey) -> None:
    """A tree is restored from its leaves and the hashes kept of every 256 of them."""
    for _ in range(300):
        centre.orders(1)
    sizes = []
    for most in (1, 255, 40, 5_000):
        sealed = Sealer(centre.database, key).seal(most)
        sizes.append(sealed.checkpoint.size)
        assert sealed.checkpoint.root == naive_root(centre)
    assert sizes == [1, 256, 296, 301]


def test_leaves_without_a_checkpoint_are_signed_next_time(centre: Any, key: LogKey, monkeypatch: Any) -> None:
    """A crash between the leaves' commit and the checkpoint's leaves no record out and signs nothing twice."""
    centre.orders(1)
    dying = Sealer(centre.database, key)

    def die(*_: object) -> None:
        raise LookupError("died here")

    monkeypatch.setattr(dying, "_sign", die)
    with pytest.raises(LookupError):
        dying.seal()
    sealed = Sealer(centre.database, key).seal()
    assert (sealed.added, sealed.checkpoint.size) == (0, 2)
    assert sealed.checkpoint.root == naive_root(centre)


def test_a_second_sealer_makes_no_second_history(centre: Any, key: LogKey, rows: Any) -> None:
    first, second = Sealer(centre.database, key), Sealer(centre.database, key)
    centre.orders(1)
    first.seal()
    centre.orders(1)
    assert second.seal().checkpoint.size == 3
    assert first.seal() is None
    centre.orders(1)
    refused = []

    def seal(sealer: Sealer) -> None:
        for _ in range(20):
            try:
                sealer.seal(1)
            except SealedElsewhereError as error:
                refused.append(error)

    threads = [threading.Thread(target=seal, args=(sealer,)) for sealer in (first, second)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        centre.orders(1)
    for thread in threads:
        thread.join()
    Sealer(centre.database, key).seal()
    (size, root), *_ = rows("SELECT size, root FROM seal_checkpoint ORDER BY size DESC")
    assert size == rows("SELECT count(*) FROM custody_event")[0][0]
    assert bytes.fromhex(root) == naive_root(centre)


def test_another_logs_key_seals_nothing(centre: Any, tmp_path: Path, rows: Any) -> None:
    with pytest.raises(WrongOriginError):
        Sealer(centre.database, log_key.create(tmp_path / "other", "other"))
    assert rows("SELECT count(*) FROM seal_leaf") == [(0,)]


def test_a_cosignature_is_kept_once(centre: Any, key: LogKey, rows: Any) -> None:
    sealer = Sealer(centre.database, key)
    sealed = sealer.seal()
    for _ in range(2):
        sealer.cosigned(sealed, "witness.example", 1_764_000_000, b"\x00" * 72)
    sealer.cosigned(sealer.latest(), "witness.example", 1_764_000_060, b"\x00" * 72)
    assert rows("SELECT count(*) FROM seal_cosignature") == [(2,)]


STATIONS = ("review", "qc", "packing", "mailing", "vault", "personalization", "intake", "administration")


def write_orders(url: str, keys: Path, station: str, count: int, start: Any) -> None:
    """One writer of eight: a record a transaction, some held open so that numbers are committed out of order."""
    with Database(url, keyring=Keyring(keys)) as database:
        by = Party(station, f"{station}-1", "day")
        start.wait()
        for n in range(count):
            births = [Birth(new_id(), Kind.ORDER)]

            def work(tx: Any, births: list[Birth] = births, slow: bool = n % 7 == 0) -> None:
                log.receive(tx, by, None, births, "in", log.Stamp(time.time_ns() // 1000, True))
                if slow and tx.dialect.name != "sqlite":
                    time.sleep(0.01)

            database.write(work)


def test_eight_writers_and_none_of_their_records_is_missed(
    centre: Any, key: LogKey, database_url: str, tmp_path: Path, rows: Any
) -> None:
    """On PostgreSQL a lower number may be committed after a higher one; taking `seq > last` would miss it."""
    count, context = 25, PROCESSES
    start = context.Barrier(len(STATIONS) + 1)
    keys = tmp_path / "signing"
    writers = [
        context.Process(target=write_orders, args=(database_url, keys, station, count, start)) for station in STATIONS
    ]
    for writer in writers:
        writer.start()
    sealer = Sealer(centre.database, key)
    sealer.seal()
    start.wait(60)
    while any(writer.is_alive() for writer in writers):
        sealer.seal()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    sealer.seal()
    assert rows("SELECT count(*) FROM seal_leaf") == [(len(STATIONS) * count + 1,)]
    assert rows("SELECT size FROM seal_checkpoint ORDER BY size DESC LIMIT 1") == [(len(STATIONS) * count + 1,)]
    assert bytes.fromhex(rows("SELECT root FROM seal_checkpoint ORDER BY size DESC LIMIT 1")[0][0]) == naive_root(
        centre
    )
