"""A snapshot is what is sealed and nothing else, and what is asked of it can read nothing else and change nothing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from signing_keys import log_key_of

from handoff_logs import log_key
from handoff_logs.errors import NotSealedError, SnapshotDamagedError, SnapshotTakenError, SqlRefusedError
from handoff_logs.reading import open_reading
from handoff_logs.sealing import Sealer
from handoff_logs.snapshot import MANIFEST, Snapshot, ask, opened, take

Seal = Callable[[], None]


@pytest.fixture
def seal(centre: Any, signing_keys: Path) -> Seal:
    def sealed() -> None:
        Sealer(centre.database, log_key.read(log_key_of(signing_keys))).seal()

    return sealed


def taken(database_url: str, folder: Path) -> Snapshot:
    with open_reading(database_url) as reading:
        return take(reading, folder)


def answered(snapshot: Snapshot, sql: str) -> list[dict[str, Any]]:
    return list(ask(snapshot, sql).rows)


def test_it_holds_every_sealed_row_as_the_log_has_it_and_no_other(
    centre: Any, database_url: str, seal: Seal, tmp_path: Path
) -> None:
    units = centre.orders(4)
    centre.accept(centre.offer(units), units[:3])
    seal()
    centre.orders(2)
    snapshot = taken(database_url, tmp_path / "snapshot")
    assert (snapshot.size, snapshot.rows["unit"], snapshot.rows["case"]) == (5, 12, 1)
    with open_reading(database_url) as reading:
        sealed = reading.rows(
            "SELECT event_id, unit_id, step, state, station, person FROM custody_unit WHERE event_id IN"
            " (SELECT event_id FROM custody_event JOIN seal_leaf ON event_seq = seq) ORDER BY unit_id, step"
        )
    told = answered(snapshot, "SELECT event_id, unit_id, step, state, station, person FROM unit ORDER BY unit_id, step")
    assert told == sealed
    assert answered(snapshot, "SELECT max(leaf_index) + 1 AS size, bool_and(emulated) AS e FROM event") == [
        {"size": 5, "e": True}
    ]


def test_nothing_is_taken_of_a_log_without_a_checkpoint_or_over_another(
    centre: Any, database_url: str, seal: Seal, tmp_path: Path
) -> None:
    with pytest.raises(NotSealedError):
        taken(database_url, tmp_path / "snapshot")
    assert list(tmp_path.glob("*snapshot*")) == []
    seal()
    taken(database_url, tmp_path / "snapshot")
    with pytest.raises(SnapshotTakenError):
        taken(database_url, tmp_path / "snapshot")


@pytest.mark.parametrize("file", ["unit.parquet", "event.parquet", MANIFEST])
def test_a_file_that_was_changed_answers_nothing(
    centre: Any, database_url: str, seal: Seal, tmp_path: Path, file: str
) -> None:
    seal()
    snapshot = taken(database_url, tmp_path / "snapshot")
    path = snapshot.folder / file
    if file == MANIFEST:
        path.write_text(json.dumps(json.loads(path.read_text()) | {"files": {}}))
    else:
        path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(SnapshotDamagedError):
        opened(snapshot.folder)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('{folder}/snapshot.json')",
        "SELECT * FROM '{folder}/../other.parquet'",
        "COPY event TO '{folder}/out.csv'",
        "ATTACH '{folder}/x.db'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SET allowed_paths = ['/']",
        "DROP VIEW event",
        "CREATE TABLE x AS SELECT 1",
        "SELECT 1; SELECT 2",
        "SELECT FROM nothing",
        "",
    ],
)
def test_only_one_select_over_its_own_files_is_answered(
    centre: Any, database_url: str, seal: Seal, tmp_path: Path, sql: str
) -> None:
    seal()
    snapshot = taken(database_url, tmp_path / "snapshot")
    (tmp_path / "other.parquet").write_bytes((snapshot.folder / "unit.parquet").read_bytes())
    before = sorted(path.name for path in snapshot.folder.iterdir())
    with pytest.raises(SqlRefusedError):
        answered(snapshot, sql.format(folder=snapshot.folder))
    assert sorted(path.name for path in snapshot.folder.iterdir()) == before
