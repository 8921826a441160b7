"""A declared loss on both databases: its record is the new tree's first leaf, and what was unsealed follows it."""

from pathlib import Path
from typing import Any

import pytest
from signing_keys import STATIONS, log_key_of

from handoff_logs import log_key, loss, merkle
from handoff_logs.errors import DatabaseBehindError, WrongOriginError
from handoff_logs.keyring import Keyring, retire, station_owner, write_new
from handoff_logs.log import Stamp
from handoff_logs.records import new_id
from handoff_logs.recovering import KeyBehind, State
from handoff_logs.sealing import Sealer


def test_the_next_tree_begins_with_the_record_that_says_why(
    centre: Any, signing_keys: Path, keyring: Keyring, tmp_path: Path
) -> None:
    old, new = log_key.read(log_key_of(signing_keys)), log_key.create(tmp_path / "new", "test")
    centre.orders(1)
    Sealer(centre.database, old).seal()
    units = centre.orders(2)  # signed, and not sealed when the copy was made
    review = keyring.of_station("review")
    keyring.of_station("administration").gave(7)
    review.gave(9)
    with pytest.raises(DatabaseBehindError):
        centre.orders(1)
    fresh = [write_new(tmp_path / "signing", station_owner(station)) for station in STATIONS]
    missing = State(keys=(KeyBehind("station:review", review.key_id, 2, 9),))
    declared = loss.Declaration(old.origin, old.origin, new.origin, [*fresh, new.public], None, missing)
    stamp = Stamp(1, True, reason="loss", event_id=new_id())
    assert centre.do(lambda tx: loss.declare(tx, "p-0001", "p-0002", declared, stamp)) == 2
    for path in (tmp_path / "signing").glob("*.key"):
        if path.name.rsplit(".", 2)[1] not in {key.key_id for key in fresh}:
            retire(tmp_path / "signing", path.name.rsplit(".", 2)[1])
    centre.accept(centre.offer(units), units)  # the keys of the folder are read again by themselves
    with pytest.raises(WrongOriginError):
        Sealer(centre.database, old)
    sealed = Sealer(centre.database, new).seal()
    leaves = centre.do(
        lambda tx: tx.exec_driver_sql(
            "SELECT leaf.leaf_hash, event.reason FROM seal_leaf AS leaf JOIN custody_event AS event"
            " ON event.seq = leaf.event_seq WHERE leaf.epoch = 2 ORDER BY leaf.leaf_index"
        ).fetchall()
    )
    assert [reason for _, reason in leaves] == ["loss", None, None, None]
    assert sealed is not None
    assert sealed.checkpoint.root == merkle.root([bytes.fromhex(leaf) for leaf, _ in leaves])
    assert Sealer(centre.database, new).seal() is None
