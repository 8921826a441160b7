"""A log that goes on after a declared loss has two trees; an archive has both, and each needs its key."""

from pathlib import Path
from typing import Any

import pytest
from signing_keys import STATIONS, log_key_of
from two_years import FIRST, SECOND, born, fill_two_years
from verified_log import by, cosign_newest, stamp

from handoff_logs import log, log_key, loss
from handoff_logs.archive.checking import check
from handoff_logs.archive.making import make
from handoff_logs.archive.opening import open_archives
from handoff_logs.keyring import Keyring, person_owner, retire, station_owner, write_new
from handoff_logs.opened import url_of
from handoff_logs.proofs.errors import SpansOriginsError
from handoff_logs.proofs.making import prove
from handoff_logs.questions import document, violations
from handoff_logs.reading import open_reading
from handoff_logs.records import Kind, new_id
from handoff_logs.recovering import KeyBehind, State
from handoff_logs.sealing import Sealer
from handoff_logs.verify.run import verify as verified


def test_an_archive_spans_a_declared_loss(
    database: Any, database_url: str, keyring: Keyring, signing_keys: Path, tmp_path: Path
) -> None:
    signing = keyring._folder
    Keyring.create(signing, [person_owner("vault-2")]).close()
    keyring.reload()
    old, new = log_key.read(log_key_of(signing_keys)), log_key.create(tmp_path / "new", "test")
    fill_two_years(database, keyring, old, more=3)
    with open_reading(database_url) as reading:
        before = make(reading, FIRST, tmp_path / "before")
    review = keyring.of_station("review")
    given = database.write(
        lambda tx: tx.exec_driver_sql(
            f"SELECT max(key_number) FROM custody_event WHERE key_id = '{review.key_id}'"
        ).scalar_one()
    )
    fresh = [write_new(signing, station_owner(station)) for station in STATIONS]
    missing = State(keys=(KeyBehind("station:review", review.key_id, given, given + 5),))
    declared = loss.Declaration(old.origin, old.origin, new.origin, [*fresh, new.public], None, missing)
    facts = stamp(reason="loss", event_id=new_id())
    database.write(lambda tx: loss.declare(tx, "p-0001", "p-0002", declared, facts))
    for path in signing.glob("station-*.key"):
        if path.name.rsplit(".", 2)[1] not in {key.key_id for key in fresh}:
            retire(signing, path.name.rsplit(".", 2)[1])
    later = born(SECOND, Kind.ORDER, "later")
    database.write(lambda tx: log.receive(tx, by("review"), None, [later], "in", stamp()))
    sealer = Sealer(database, new)
    sealer.seal()
    cosign_newest(sealer)
    assert [problem for problem in verified(database_url).problems if problem.is_breaking] == []
    with open_reading(database_url) as reading:
        made = make(reading, SECOND, tmp_path / "after")
    assert [tree.epoch for tree in made.manifest.trees] == [1, 2]
    keys = [old.verifier, new.verifier]
    assert check(made.folder, keys).verdict.problems == ()
    for lacking in (keys[:1], keys[1:]):
        (problem,) = check(made.folder, lacking).verdict.problems
        assert problem.rule == "a checkpoint is signed by the log's key that the auditor knows"
    checked = open_archives([made.folder, before.folder], tmp_path / "opened", keys)
    assert checked.verdict.problems == ()
    url = url_of(tmp_path / "opened")
    assert url is not None
    with open_reading(url) as archives, open_reading(database_url) as line:
        for reading in (archives, line):
            assert [row["act"] for row in document(reading, "later")] == ["receive"]
            assert violations(reading) == []
            # Its keys lead back to the first tree: no single file proves it, from the log neither.
            with pytest.raises(SpansOriginsError):
                prove(reading, "later")
